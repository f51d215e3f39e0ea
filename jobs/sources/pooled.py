"""Pools the readings of many cases: what each needs is joined into a few requests.

A line has one reading in progress at a time, in a thread of its own. Cases that arrive meanwhile
stand in it, and the next reading is for all of them. QuickBooks has a line for each company, and so
has every other source; a case stands in several lines at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Generic, TypeVar

from jobs.rules.facts.findings import Account, Findings
from jobs.rules.policy.policy import Policy
from jobs.sources.quickbooks import Asked, Records, fetch
from jobs.sources.source import Source, read_source, unread
from qbo import PoisonedPage, Unreachable
from qbo.answers import raise_broken
from qbo.client import QuickBooks

AT_ONCE = 100
"""Cases in one reading: half of what one statement's IN may name, for those with sub-customers."""
PATIENCE = 0.05
"""Seconds that a reading waits for others to join."""
LONGEST = 300.0
"""Seconds that a case waits, behind an earlier reading too. One reading ends earlier by limits of
its own; two slow ones may not, and the case is told that the second took too long."""

Q = TypeVar("Q")
A = TypeVar("A")


@dataclass(frozen=True)
class InLine(Generic[Q, A]):
    """One case in line: what it asks for, and the answer or the error that it will get."""

    asked: Q
    answer: Future[A] = field(default_factory=Future)


class Line(Generic[Q, A]):
    """Those who wait for readings of one kind. Thread-safe."""

    def __init__(
        self, serve: Callable[[Sequence[InLine[Q, A]]], None], patience: float = PATIENCE
    ) -> None:
        """`serve` puts an answer or an error in each of these places."""
        self._serve, self._patience = serve, patience
        self._waiting: list[InLine[Q, A]] = []
        self._moved = threading.Condition()
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="line")

    def ask(self, asked: Q) -> Future[A]:
        """Have it read for this case, together with others.

        The reading starts after this call does, so its answer is never older than the call. It
        counts as bulk work where this call does.
        """
        place = InLine[Q, A](asked)
        with self._moved:
            self._waiting.append(place)
            self._moved.notify_all()
        self._reader.submit(copy_context().run, self._read)
        return place.answer

    def _read(self) -> None:
        """Serve those in line; an earlier reading may have taken all of them along."""
        with self._moved:
            if self._waiting:
                self._moved.wait_for(lambda: len(self._waiting) >= AT_ONCE, self._patience)
            group, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
        if not group:
            return
        try:
            self._serve(group)
        except BaseException as error:  # noqa: BLE001
            # Everyone in line is waiting for an answer, and any error is an answer.
            for place in group:
                if not place.answer.done():
                    place.answer.set_exception(error)


RecordsPlace = InLine[Asked, Records]


class Pooled:
    """One company's readings of its ledger; a `quickbooks.RecordReader`."""

    def __init__(self, quickbooks: Callable[[], QuickBooks], patience: float = PATIENCE) -> None:
        self._quickbooks = quickbooks
        self._line = Line[Asked, Records](self._serve, patience)

    def about(self, asked: Asked) -> Records:
        """Read for this case, together with others. Raises QuickBooksError."""
        try:
            return self._line.ask(asked).result(LONGEST)
        except TimeoutError as error:
            raise Unreachable("QuickBooks: it took too long to answer for all cases") from error

    def _serve(self, group: Sequence[RecordsPlace]) -> None:
        """Answer each; an unreadable record is an error for its own case only."""
        try:
            found = fetch(self._quickbooks(), _joined(group))
            if len(group) > 1 and not all(record.customer for record in found.broken):
                raise_broken(found.broken[0])  # only separate readings can tell whose it is
        except PoisonedPage as error:
            self._apart(group, error)
        except Exception as error:  # noqa: BLE001
            # Only for this part of the group: another half may have its answer already.
            for place in group:
                place.answer.set_exception(error)
        else:
            for place in group:
                place.answer.set_result(found.about(place.asked))

    def _apart(self, group: Sequence[RecordsPlace], error: PoisonedPage) -> None:
        if len(group) == 1:
            group[0].answer.set_exception(error)
            return
        half = len(group) // 2
        self._serve(group[:half])
        self._serve(group[half:])


def _joined(group: Sequence[RecordsPlace]) -> Asked:
    return Asked(
        members=frozenset().union(*(p.asked.members for p in group)),
        expected=frozenset().union(*(p.asked.expected for p in group)),
        habit_since=min(p.asked.habit_since for p in group),
        family=frozenset().union(*(p.asked.family for p in group)),
    )


@dataclass(frozen=True)
class Inquiry:
    """What one case asks a source."""

    account: Account
    now: datetime
    policy: Policy


class PooledSource:
    """One company's readings of one source."""

    def __init__(self, source: Source, patience: float = PATIENCE) -> None:
        self.name, self._source = source.name, source
        self._line = Line[Inquiry, Findings](self._serve, patience)

    def ask(self, inquiry: Inquiry) -> Future[Findings]:
        """Have it read for this case, together with others; see `ask_all`."""
        return self._line.ask(inquiry)

    def _serve(self, group: Sequence[InLine[Inquiry, Findings]]) -> None:
        accounts = _distinct(place.asked.account for place in group)
        latest = max((place.asked for place in group), key=lambda asked: asked.now)
        found = read_source(self._source, accounts, latest.now, latest.policy)
        for place in group:
            place.answer.set_result(found[place.asked.account.id])


def ask_all(sources: Sequence[PooledSource], inquiry: Inquiry) -> dict[str, Findings]:
    """What each says, by its name; all of them read at the same time. Never raises: no answer is
    `Down`."""
    asked = {source.name: source.ask(inquiry) for source in sources}
    return {name: _answer(to_come, inquiry.now) for name, to_come in asked.items()}


def _answer(to_come: Future[Findings], now: datetime) -> Findings:
    try:
        return to_come.result(LONGEST)
    except TimeoutError:
        return unread("It took too long.", now)


class Together:
    """The lines of all companies. Thread-safe."""

    def __init__(
        self,
        quickbooks: Callable[[str], QuickBooks],
        sources: Sequence[Source] = (),
        patience: float = PATIENCE,
    ) -> None:
        self._quickbooks, self._sources, self._patience = quickbooks, sources, patience
        self._ledgers: dict[str, Pooled] = {}
        self._others: dict[str, tuple[PooledSource, ...]] = {}
        self._lock = threading.Lock()

    def of(self, realm: str) -> Pooled:
        """The line for this company's ledger; its client is created with the first reading."""
        with self._lock:
            if realm not in self._ledgers:
                made = Pooled(lambda: self._quickbooks(realm), self._patience)
                self._ledgers[realm] = made
            return self._ledgers[realm]

    def sources(self, realm: str) -> tuple[PooledSource, ...]:
        """This company's lines for the sources besides the ledger."""
        with self._lock:
            if realm not in self._others:
                made = tuple(PooledSource(source, self._patience) for source in self._sources)
                self._others[realm] = made
            return self._others[realm]


def _distinct(accounts: Iterable[Account]) -> list[Account]:
    """Each customer once: two cases of it may know different addresses and messages."""
    found: dict[str, Account] = {}
    for account in accounts:
        same = found.setdefault(account.id, account)
        found[account.id] = replace(
            same,
            addresses=same.addresses | account.addresses,
            sent=same.sent | account.sent,
            known_as=same.known_as | account.known_as,
        )
    return list(found.values())
