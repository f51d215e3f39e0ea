"""Each call to a service outside goes wrong once, in each way there is: the case still ends well.

The calls are found by living a case undisturbed: one that is new is struck as soon as it is made.
All of it runs in this process, whose clock stands still until it is moved, so that hours of waiting
for a service that is away take no time.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from jobs.rules.states import State
from jobs.sources.configured import configured
from tests.faults.wire import Ended
from tests.jobs.fixtures import opener
from tests.jobs.harness import ONE, CompanyHarness, serve_stand_ins
from tests.sandbox.faults import Fault, Kind

PHASES = ("prepare", "card", "send", "note", "redraw")
WAYS: tuple[tuple[Kind, int | None], ...] = (
    *(("refuse", None), ("reset", None), ("late", None), ("html", 502), ("garbage", None)),
    *(("status", 400), ("status", 401), ("status", 403), ("status", 404)),
    *(("status", 429), ("status", 500), ("status", 503)),
)
SMTP_WAYS: tuple[tuple[Kind, int | None], ...] = (
    *(("refuse", None), ("reset", None), ("late", None), ("garbage", None)),
    *(("status", 421), ("status", 451), ("status", 554)),
)
AMBIGUOUS = ("DATA", "BODY", "END")
"""What of SMTP leaves a doubt where its answer is lost."""
TRIES, PAUSE = 40, 15
"""How often it is looked at again, after so many minutes."""


@dataclass(frozen=True, order=True)
class Call:
    """A call outside, in one phase of a case's life."""

    phase: str
    service: str
    line: str


@dataclass(frozen=True)
class Trouble:
    """One call that goes wrong, once."""

    call: Call
    kind: Kind
    status: int | None

    def __str__(self) -> str:
        how = f"{self.kind} {self.status or ''}".strip()
        return f"{self.call.service} {how} @ {self.call.phase}: {self.call.line}"

    @property
    def may_be_unknown(self) -> bool:
        """Whether nobody can know if the mail went."""
        if self.call.line == "SMTP BODY":
            return True  # an answer in the middle of the text makes no sense either
        cut = self.call.service == "mail" and self.kind != "status"
        return cut and self.call.line.split()[-1] in AMBIGUOUS


class Lives:
    """One company after another, each with a case that meets one trouble."""

    def __init__(self, stack: ExitStack) -> None:
        shared = stack.enter_context(serve_stand_ins())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        self._shared, self._folder = shared, folder

    def troubles(self) -> list[Trouble]:
        """Each call of an undisturbed life, in each way."""
        calls = list[Call]()
        with self._company() as harness:
            for phase in PHASES:
                harness.outside.world.requests.clear()
                _go_through(harness, phase)
                seen = {
                    (one.service, one.method, one.path) for one in harness.outside.world.requests
                }
                calls += sorted(Call(phase, service, f"{m} {path}") for service, m, path in seen)
            assert harness.state() is State.DONE
        return [
            Trouble(call, kind, status)
            for call in calls
            for kind, status in (SMTP_WAYS if call.service == "mail" else WAYS)
        ]

    @contextmanager
    def _company(self) -> Iterator[CompanyHarness]:
        with ExitStack() as stack:
            harness = opener(stack, self._shared, self._shared.home, self._folder)(ONE)
            harness.process.sources = configured(harness.process.settings)
            for source in harness.process.sources:
                harness.add_source(source)
            yield harness

    def live(self, trouble: Trouble) -> Ended:
        """Live through it."""
        try:
            with self._company() as harness:
                outcome, wrong = _lived(harness, trouble)
                harness.heal()
        except AssertionError as error:
            return Ended("violated", [str(error)])
        return Ended(outcome, wrong)


def _go_through(harness: CompanyHarness, phase: str) -> None:
    match phase:
        case "prepare":
            harness.sweep()
        case "send":
            _press(harness)
            harness.time.later(seconds=harness.services.policy.undo_seconds)
            harness.run("send")
        case "note":
            harness.run("write_back")
        case _:
            harness.post()


def _lived(harness: CompanyHarness, trouble: Trouble) -> tuple[str, list[str]]:
    call = trouble.call
    fault = Fault(call.service, call.line, trouble.kind, 1, trouble.status)
    for phase in PHASES:
        if phase == call.phase:
            harness.outside.world.faults.add(fault)
        _go_through(harness, phase)
    wrong = [] if fault.times == 0 else ["the trouble did not come"]
    for _ in range(TRIES):
        if not harness.cases() or harness.state() not in (State.DONE, State.UNKNOWN):
            _go_on(harness)
    harness.time.later(minutes=PAUSE)  # what Slack did not take is offered again
    harness.post()
    return _ended(harness, trouble, wrong)


def _go_on(harness: CompanyHarness) -> None:
    """Time passes, and somebody who sees a card that waits presses Approve."""
    harness.time.later(minutes=PAUSE)
    harness.run("sweep", "triage")
    _press(harness)
    harness.wait_out()


def _press(harness: CompanyHarness) -> None:
    """Somebody presses Approve, if there is a card to approve."""
    if harness.cases() and harness.state() is State.WAITING:
        harness.approve("ULEAD1")


def _ended(harness: CompanyHarness, trouble: Trouble, wrong: list[str]) -> tuple[str, list[str]]:
    state = harness.state() if harness.cases() else None
    mails, notes = len(harness.mails), len(harness.notes)
    if state is State.DONE and (mails, notes) != (1, 1):
        wrong.append(f"done with {mails} mails and {notes} notes")
    if state is State.UNKNOWN and not trouble.may_be_unknown:
        wrong.append("a person was asked, although no answer about the mail was lost")
    if state not in (State.DONE, State.UNKNOWN):
        said = [ruling.reason for ruling in harness.rulings()] if harness.cases() else []
        if not said or mails:
            wrong.append(f"it ended as {state} with {mails} mails, and nobody is told why: {said}")
        return f"stopped: {', '.join(sorted(harness.rules()))}" if said else str(state), wrong
    return str(state), wrong


def sampled(seed: int, count: int | None, match: str = "") -> Iterator[tuple[Trouble, Ended]]:
    """So many troubles, or all of them, in the order of this seed."""
    with ExitStack() as stack:
        lives = Lives(stack)
        found = [trouble for trouble in lives.troubles() if match in str(trouble)]
        for trouble in random.Random(seed).sample(found, min(count or len(found), len(found))):
            yield trouble, lives.live(trouble)
