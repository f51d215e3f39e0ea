"""The life of one case while something strikes it, and what has to become of it.

The life: QuickBooks says that the invoice is overdue, a card is posted, somebody approves it, the
mail goes out, the note is written, the card says so. Whoever has died is started again at once, and
somebody who finds a card that waits presses Approve.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bot.cli.processes import PROCESSES
from jobs.rules.states import State
from tests.faults import moments
from tests.faults.ground import Ground, Life
from tests.faults.invariants import violations
from tests.faults.moments import LEASE, Moment, Order
from tests.flows.firms import COLLECTOR, INVOICE, SENT, WAITING
from tests.real_processes import forks, state_of
from tests.sandbox.mail.mailbox import Mail

OVERDUE = {"DueDate": "today-5", "TxnDate": "today-35"}
ASKING = "was it sent?"
PATIENCE = 90.0
"""Seconds after which a life counts as one that never came to rest."""
LOOK_AGAIN = 0.05
PRESS_AGAIN = 1.0
ASLEEP, AWAKE = 2 * LEASE.total_seconds(), 8.0
"""Seconds for which a stopped process sleeps, longer than its lease; and until it has finished."""
SENDS = "sends"
ENDED = frozenset({State.DONE, State.UNKNOWN})

Trouble = Callable[[Life, str], None]
"""What else happens: called again and again with the text of the newest card."""


def peace(_life: Life, _card: str) -> None:
    """Nothing else happens."""


@dataclass
class Lived:
    """What became of a case."""

    outcome: str
    violations: list[str]
    struck: list[Moment]
    passed: list[Moment]
    seconds: float
    logs: str = field(default="", repr=False)


def live(ground: Ground, orders: Sequence[Order] = (), trouble: Trouble = peace) -> Lived:
    """Live through it once. A second order is for what a process does after it was struck."""
    first, *later = orders or (None,)
    told: dict[str, Mapping[str, str]] = {}
    if first:
        told[first.moment.process] = first.variables()
    with ground.begin(told) as life:
        life.arm()
        began = time.monotonic()
        ground.firm.ledger("edit", entity="Invoice", id=INVOICE, fields=OVERDUE)
        living = _Living(ground, life, [order for order in later if order], trouble)
        rested = living.until_rest(began + PATIENCE)
        struck = moments.passed(life.folder, moments.STRUCK)
        passed = moments.passed(life.folder)
        found = [] if rested else [f"it never came to rest: {life.restless()}, {life.told()}"]
        found += living.wrong(orders, struck, passed)
        outcome = living.outcome()
        seconds = time.monotonic() - began
        return Lived(outcome, found, struck, passed, seconds, life.logs)


@dataclass
class _Living:
    """Looks after the processes and the card."""

    ground: Ground
    life: Life
    later: list[Order]
    trouble: Trouble
    pressed_at: float = 0.0
    asked: bool = False
    """Whether a person was asked if the mail went."""
    put_off: bool = False
    """Whether the case was put off for minutes, which were skipped."""
    finished_at: float = 0.0
    """When a process that has woken will have finished."""
    sleeping: dict[int, float] = field(default_factory=dict)
    """Stopped process → when it is woken."""

    def until_rest(self, deadline: float) -> bool:
        """Whether the case came to an end and nothing is left to do."""
        while time.monotonic() < deadline:
            self._restart()
            self._wake()
            card = self.life.shown()
            self.trouble(self.life, card)
            self._decide(card)
            awake = not self.sleeping and time.monotonic() >= self.finished_at
            if awake and self._ended(card) and self._at_rest():
                return True
            if awake and self.life.states() == [State.NEW] and self.life.at_rest():
                self.put_off = True
                self.life.hurry()
            time.sleep(LOOK_AGAIN)
        return False

    def _decide(self, card: str) -> None:
        """What people do: approve what waits, and look for a mail that may have gone."""
        self.asked = self.asked or ASKING in card
        if WAITING in card:
            self._press("approve", WAITING)
        elif ASKING in card and self.mails and not self.sleeping:
            self._press("went", ASKING)

    def _ended(self, card: str) -> bool:
        return SENT in card or (ASKING in card and not self.mails)

    @property
    def mails(self) -> list[Mail]:
        """What the mail server has accepted."""
        return list(self.ground.running.outside.mailbox.mails)

    def outcome(self) -> str:
        """How the case ended, in the words of the report."""
        states = self.life.states()
        if states == [State.DONE]:
            resumed = "resumed after minutes" if self.put_off else "resumed"
            return "asked, then done" if self.asked else resumed
        return "asked" if states == [State.UNKNOWN] else f"other: {states}"

    def _at_rest(self) -> bool:
        return set(self.life.states()) <= ENDED and self.life.at_rest()

    def _restart(self) -> None:
        """Start what has ended; if there is a second order, it may be told that."""
        product = self.ground.running.product
        for name in product.ended():
            product.running.pop(name).wait()
            mine = [order for order in self.later if order.moment.process == name]
            self.life.start(name, mine[0].variables() if mine else {})

    def _wake(self) -> None:
        """A process that is stopped wakes after its lease; meanwhile another one works."""
        now = time.monotonic()
        for name in PROCESSES:
            begun = self.ground.running.product.running.get(name)
            for pid in [] if begun is None else [begun.pid, *_jobs(begun.pid)]:
                if state_of(pid) == "T" and pid not in self.sleeping:
                    self.sleeping[pid] = now + ASLEEP
                    if name not in ("web", "clock"):
                        self.ground.others.append(self.ground.running.product.running.pop(name))
                        self.life.start(name)
        for pid, until in list(self.sleeping.items()):
            if now >= until:
                del self.sleeping[pid]
                self.finished_at = now + AWAKE
                os.kill(pid, signal.SIGCONT)

    def _press(self, action: str, on: str) -> None:
        if time.monotonic() - self.pressed_at < PRESS_AGAIN:
            return
        self.pressed_at = time.monotonic()
        space = self.ground.running.outside.slack.space
        waiting = next((m for m in reversed(space.messages) if on in m.text), None)
        if waiting:
            body = {"user": COLLECTOR, "ts": waiting.ts, "action_id": action}
            self.ground.running.client.post("/_/slack/click", json=body)

    def wrong(
        self, orders: Sequence[Order], struck: Sequence[Moment], passed: Sequence[Moment]
    ) -> list[str]:
        """What must not be, and whether the end is the one that was to be expected."""
        outside = self.ground.running.outside
        settings = self.ground.running.product.settings
        found = violations(self.life.database, outside, logs=self.life.logs, secrets=settings)
        mails = self.mails
        notes = outside.quickbooks.realms[self.ground.firm.realm].notes
        if self.asked and not may_be_unknown(orders, struck, passed):
            found.append("a person was asked, although no mail was under way at the strike")
        match self.life.states():
            case [State.DONE]:
                if (len(mails), len(notes)) != (1, 1):
                    found.append(f"done with {len(mails)} mails and {len(notes)} notes")
            case [State.UNKNOWN]:
                if len(mails) > 1 or notes:
                    found.append(f"unknown with {len(mails)} mails and {len(notes)} notes")
            case states:
                found.append(f"it ended as {states}")
        return found


def _jobs(worker: int) -> list[int]:
    try:
        return forks(worker)
    except FileNotFoundError:  # it has just ended
        return []


def may_be_unknown(
    orders: Sequence[Order], struck: Sequence[Moment], passed: Sequence[Moment]
) -> bool:
    """Whether a sender was struck between its intent and its outcome."""
    ends = {order.moment: order.how for order in orders}
    hit = [one for one in struck if ends.get(one) in ("self", "both", "stop", "fail")]
    return any(one.forked and one.process == "act" and _under_way(one, passed) for one in hit)


def _under_way(moment: Moment, passed: Sequence[Moment]) -> bool:
    """Whether by then an intent was committed, and an outcome was not."""
    before = passed[: passed.index(moment) + 1]
    done = [one for one in before if SENDS in one.act.split() and one.side == "after"]
    return len(done) == 1
