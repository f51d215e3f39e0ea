"""The power goes at each moment of sending and of the note: what stands there afterwards.

A moment is the begin or the end of a call outside, or either side of a commit. The process is
gone at once; another one begins when the lease has run out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
from tests.jobs.house import House
from tests.jobs.houses import OpenHouse

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
        self, writing: Callable[[Database], AbstractContextManager[Connection]]
    ) -> Callable[[Database], AbstractContextManager[Connection]]:
        """The same transactions with a moment on either side of each commit."""

        @contextmanager
        def cut(database: Database) -> Iterator[Connection]:
            with writing(database) as conn:
                yield conn
                self.moment("before commit")
            self.moment("after commit")

        return cut


@dataclass
class Cutting:
    """A mailer with a moment before and after the mail is handed over."""

    mailer: Mailer
    cut: Cut

    def send(self, sender: str, recipient: str, message: bytes, fence: Fence) -> Result:
        handed = self.cut.around("mail", self.mailer.send)
        answer: Result = handed(sender, recipient, message, fence)
        return answer

    def check(self) -> Any:
        return self.mailer.check()


def killed_at(house: House, at: int, *steps: str) -> str:
    """Run these steps, losing power at that moment; its name, or empty where all was done."""
    cut, mailer = Cut(at), house.mailer.mailer
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(house.mailer, "mailer", Cutting(mailer, cut))
        patch.setattr(Database, "writing", cut.committing(Database.writing))
        for call in CALLS:
            patch.setattr(QuickBooks, call, cut.around(call, getattr(QuickBooks, call)))
        with suppress(SystemExit):
            house.run(*steps)
    house.time.later(seconds=31)
    return cut.happened


def settled(house: House) -> None:
    """A new process, and a person who looks into the mailbox where that is asked."""
    house.run("send", "write_back")
    if house.state() is State.UNKNOWN:
        assert any("<@UCOLLECT>: we cannot tell" in text for text in house.said("thread"))
        if house.mails:
            assert house.went("ULEAD1") is Answer.RECORDED
        else:
            house.time.later(minutes=45)  # until then its sender might wake
            assert house.did_not_go("ULEAD1") is Answer.RECORDED
            assert house.approve("UCOLLECT") is Answer.RECORDED
            house.time.later(seconds=60)
        house.run("send", "write_back")


SENDING, TAKING_BACK = 30, 10
"""More moments than there are; a test looks after that."""


def sending(open_house: OpenHouse) -> House:
    """A house whose one approved mail is due."""
    house = open_house()
    house.sweep()
    house.approve("UCOLLECT")
    house.time.later(seconds=60)
    return house


@pytest.mark.parametrize("at", range(SENDING))
def test_sending_survives_a_power_cut_at_any_moment(open_house: OpenHouse, at: int) -> None:
    """One mail and one note in the end; a person is asked only where nobody else can know."""
    house = sending(open_house)
    moment = killed_at(house, at, "send", "write_back")
    begun = [row.state for row in house.rows(sends.select())] == ["in_flight"]
    house.run("send")
    assert (house.state() is State.UNKNOWN) is begun, moment
    settled(house)
    assert house.state() is State.DONE, moment
    assert (len(house.mails), len(house.notes)) == (1, 1), moment
    states = [row.state for row in house.rows(sends.select())]
    assert states.count("sent") == 1, (moment, states)


@pytest.mark.parametrize("at", range(TAKING_BACK))
def test_taking_back_survives_a_power_cut_at_any_moment(open_house: OpenHouse, at: int) -> None:
    """The note is gone in the end, once, and nothing else is."""
    house = sending(open_house)
    house.run("send", "write_back")
    assert house.take_back("ULEAD1") is Answer.RECORDED
    moment = killed_at(house, at, "write_back")
    house.run("write_back")
    assert [row.state for row in house.rows(notes.select())] == ["taken_back"], moment
    assert [note["deleted"] for note in house.notes] == [True], moment
    assert len(house.logged("note.taken_back")) == 1


def test_the_power_went_at_every_moment_there_is(open_house: OpenHouse) -> None:
    """The last of the moments above is one that does not come."""
    house = sending(open_house)
    assert killed_at(house, SENDING - 1, "send", "write_back") == ""
    assert house.state() is State.DONE
    house.take_back("ULEAD1")
    assert killed_at(house, TAKING_BACK - 1, "write_back") == ""
