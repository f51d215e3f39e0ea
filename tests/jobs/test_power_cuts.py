"""The power goes at each moment of sending and of the note: what stands there afterwards.

A moment is the begin or the end of a call outside, or either side of a commit. The process is
gone at once; another one begins when the lease has run out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import Connection

from jobs.decide.access import Answer
from jobs.mail.results import Fence, Mailer, Result
from jobs.rules.states import State
from jobs.store.database.engine import Database
from jobs.store.database.tables import notes, sends
from qbo import QuickBooks
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import CompanyHarness

CALLS = ("pdf", "attach_note", "delete_note", "customers", "batch")


@dataclass
class Cut:
    """Counts moments and kills the process at one of them."""

    at: int
    passed: list[str] = field(default_factory=list)

    def moment(self, name: str) -> None:
        """SystemExit at the moment that was chosen."""
        self.passed.append(name)
        if len(self.passed) == self.at + 1:
            raise SystemExit(f"the power went: {name}")

    @property
    def happened(self) -> str:
        return self.passed[self.at] if self.at < len(self.passed) else ""

    def around(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """The same call with a moment before and after it."""

        def cut(*given: Any, **named: Any) -> Any:
            self.moment(f"before {name}")
            answer = call(*given, **named)
            self.moment(f"after {name}")
            return answer

        return cut

    def committing(
        self, writing: Callable[..., AbstractContextManager[Connection]]
    ) -> Callable[..., AbstractContextManager[Connection]]:
        """The same transactions with a moment on either side of each commit."""

        @contextmanager
        def cut(database: Database, **how: bool) -> Iterator[Connection]:
            with writing(database, **how) as conn:
                yield conn
                self.moment("before commit")
            self.moment("after commit")

        return cut


@dataclass
class Cutting:
    """A mailer with a moment before and after the mail is handed over."""

    mailer: Mailer
    cut: Cut

    def send(self, sender: str, to: Sequence[str], message: bytes, fence: Fence) -> Result:
        handed = self.cut.around("mail", self.mailer.send)
        answer: Result = handed(sender, to, message, fence)
        return answer

    def check(self) -> Any:
        return self.mailer.check()


def killed_at(harness: CompanyHarness, at: int, *steps: str) -> str:
    """Run these steps, losing power at that moment; its name, or empty where all was done."""
    cut, mailer = Cut(at), harness.mailer.mailer
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(harness.mailer, "mailer", Cutting(mailer, cut))
        patch.setattr(Database, "writing", cut.committing(Database.writing))
        for call in CALLS:
            patch.setattr(QuickBooks, call, cut.around(call, getattr(QuickBooks, call)))
        with suppress(SystemExit):
            harness.run(*steps)
    harness.time.later(seconds=31)
    return cut.happened


def settled(harness: CompanyHarness) -> None:
    """A new process, and a person who looks into the mailbox where that is asked."""
    harness.run("send", "write_back")
    if harness.state() is State.UNKNOWN:
        assert any("<@UCOLLECT>: we cannot tell" in text for text in harness.said("thread"))
        if harness.mails:
            assert harness.went("ULEAD1") is Answer.RECORDED
        else:
            harness.time.later(minutes=45)  # until then its sender might wake
            assert harness.did_not_go("ULEAD1") is Answer.RECORDED
            assert harness.approve("UCOLLECT") is Answer.RECORDED
            harness.time.later(seconds=60)
        harness.run("send", "write_back")


SENDING, TAKING_BACK = 30, 10
"""More moments than there are; a test looks after that."""


def sending(open_harness: OpenHarness) -> CompanyHarness:
    """A company whose one approved mail is due."""
    harness = open_harness(swept=True)
    harness.approve("UCOLLECT")
    harness.time.later(seconds=60)
    return harness


@pytest.mark.parametrize("at", range(SENDING))
def test_sending_survives_a_power_cut_at_any_moment(open_harness: OpenHarness, at: int) -> None:
    """One mail and one note in the end; a person is asked only where nobody else can know."""
    harness = sending(open_harness)
    moment = killed_at(harness, at, "send", "write_back")
    begun = [row.state for row in harness.rows(sends.select())] == ["in_flight"]
    harness.run("send")
    assert (harness.state() is State.UNKNOWN) is begun, moment
    settled(harness)
    assert harness.state() is State.DONE, moment
    assert (len(harness.mails), len(harness.notes)) == (1, 1), moment
    states = [row.state for row in harness.rows(sends.select())]
    assert states.count("sent") == 1, (moment, states)


@pytest.mark.parametrize("at", range(TAKING_BACK))
def test_taking_back_survives_a_power_cut_at_any_moment(open_harness: OpenHarness, at: int) -> None:
    """The note is gone in the end, once, and nothing else is."""
    harness = sending(open_harness)
    harness.run("send", "write_back")
    assert harness.take_back("ULEAD1") is Answer.RECORDED
    moment = killed_at(harness, at, "write_back")
    harness.run("write_back")
    assert [row.state for row in harness.rows(notes.select())] == ["taken_back"], moment
    assert [note["deleted"] for note in harness.notes] == [True], moment
    assert len(harness.logged("note.taken_back")) == 1


def test_the_power_went_at_every_moment_there_is(open_harness: OpenHarness) -> None:
    """The last of the moments above is one that does not come."""
    harness = sending(open_harness)
    assert killed_at(harness, SENDING - 1, "send", "write_back") == ""
    assert harness.state() is State.DONE
    harness.take_back("ULEAD1")
    assert killed_at(harness, TAKING_BACK - 1, "write_back") == ""
