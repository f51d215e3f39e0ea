"""Pools the readings of many cases: what each needs is joined into a few QuickBooks queries.

A company has one reading in progress at a time. Cases that arrive meanwhile stand in line, and one
of them then makes the next reading for the whole line; so there is no thread to start or stop.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jobs.sources.quickbooks import Asked, Records, fetch
from qbo import PoisonedPage, Unreachable
from qbo.answers import raise_broken
from qbo.client import QuickBooks

AT_ONCE = 100
"""Cases in one reading: half of what one statement's IN may name, for those with sub-customers."""
PATIENCE = 0.05
"""Seconds that the first in line waits for others to join."""
LONGEST = 300.0
"""Seconds. A reading has time limits of its own, so this should never be reached."""


class Together:
    """The lines of all companies. Thread-safe."""

    def __init__(self, quickbooks: Callable[[str], QuickBooks], patience: float = PATIENCE) -> None:
        self._quickbooks, self._patience = quickbooks, patience
        self._lines: dict[str, Line] = {}
        self._lock = threading.Lock()

    def of(self, realm: str) -> Line:
        """The line of this company; its client is created with the first reading."""
        with self._lock:
            if realm not in self._lines:
                made = Line(lambda: self._quickbooks(realm), self._patience)
                self._lines[realm] = made
            return self._lines[realm]


@dataclass
class Ticket:
    """One case in line: what it asks for, and finally either the records or the error."""

    asked: Asked
    records: Records | None = None
    error: Exception | None = None

    @property
    def done(self) -> bool:
        return self.records is not None or self.error is not None

    def answer(self) -> Records:
        if self.error is not None:
            raise self.error
        assert self.records is not None
        return self.records


class Line:
    """One company's readings; a `quickbooks.Source`."""

    def __init__(self, quickbooks: Callable[[], QuickBooks], patience: float = PATIENCE) -> None:
        self._quickbooks, self._patience = quickbooks, patience
        self._waiting: list[Ticket] = []
        self._reading = False
        self._moved = threading.Condition()

    def about(self, asked: Asked) -> Records:
        """Read for this case, together with others. Raises QuickBooksError.

        The reading starts after this call does, so its records are never older than the call.
        """
        ticket = Ticket(asked)
        with self._moved:
            self._waiting.append(ticket)
            self._moved.notify_all()
        while not ticket.done and self._my_turn(ticket):
            self._read()
        return ticket.answer()

    def _my_turn(self, ticket: Ticket) -> bool:
        """Wait for the answer, or for our turn to read; True if we have to read."""
        with self._moved:
            if not self._moved.wait_for(lambda: ticket.done or not self._reading, LONGEST):
                raise Unreachable("Reading QuickBooks together with other cases took too long")
            mine = not ticket.done
            self._reading = self._reading or mine
            return mine

    def _read(self) -> None:
        with self._moved:
            self._moved.wait_for(lambda: len(self._waiting) >= AT_ONCE, self._patience)
            group, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
        try:
            self._serve(group)
        finally:
            with self._moved:
                # tickets that an interrupted reading left unanswered go first in the next one
                self._waiting[:0] = [ticket for ticket in group if not ticket.done]
                self._reading = False
                self._moved.notify_all()

    def _serve(self, group: Sequence[Ticket]) -> None:
        """Answer each ticket; an unreadable record is an error for its own case only."""
        try:
            found = fetch(self._quickbooks(), _joined(group))
            if len(group) > 1 and not all(record.customer for record in found.broken):
                raise_broken(found.broken[0])  # only separate readings can tell whose it is
        except PoisonedPage as error:
            self._apart(group, error)
        except Exception as error:  # noqa: BLE001
            # Everyone in line is waiting for an answer, and any error is an answer.
            for ticket in group:
                ticket.error = error
        else:
            for ticket in group:
                ticket.records = found.about(ticket.asked)

    def _apart(self, group: Sequence[Ticket], error: PoisonedPage) -> None:
        if len(group) == 1:
            group[0].error = error
            return
        half = len(group) // 2
        self._serve(group[:half])
        self._serve(group[half:])


def _joined(group: Sequence[Ticket]) -> Asked:
    return Asked(
        members=frozenset().union(*(t.asked.members for t in group)),
        expected=frozenset().union(*(t.asked.expected for t in group)),
        habit_since=min(t.asked.habit_since for t in group),
        family=frozenset().union(*(t.asked.family for t in group)),
    )
