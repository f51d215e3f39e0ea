"""Many cases ask QuickBooks together: what each wants is joined into a few statements.

A company has one reading under way at a time. Whoever comes meanwhile stands in line, and the next
reading is made for all of the line at once, by one of them; so there is no thread to start or end.
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
"""Seconds that the first in line waits for others."""
LONGEST = 300.0
"""Seconds; a reading has time limits of its own, so this is for what cannot happen."""


class Together:
    """The lines of all companies. Thread-safe."""

    def __init__(self, quickbooks: Callable[[str], QuickBooks], patience: float = PATIENCE) -> None:
        self._quickbooks, self._patience = quickbooks, patience
        self._lines: dict[str, Line] = {}
        self._lock = threading.Lock()

    def of(self, realm: str) -> Line:
        """The line of this company; its client is made when it is first asked."""
        with self._lock:
            if realm not in self._lines:
                made = Line(lambda: self._quickbooks(realm), self._patience)
                self._lines[realm] = made
            return self._lines[realm]


@dataclass
class Ticket:
    """One case in line: what it wants, and in the end either the answer or the error."""

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
    """One company's readings. A gather.Source."""

    def __init__(self, quickbooks: Callable[[], QuickBooks], patience: float = PATIENCE) -> None:
        self._quickbooks, self._patience = quickbooks, patience
        self._waiting: list[Ticket] = []
        self._reading = False
        self._moved = threading.Condition()

    def about(self, asked: Asked) -> Records:
        """Read for this case, together with others. Raises QuickBooksError.

        The reading begins after this call does, so what it brings is never older.
        """
        ticket = Ticket(asked)
        with self._moved:
            self._waiting.append(ticket)
            self._moved.notify_all()
        while not ticket.done and self._my_turn(ticket):
            self._read()
        return ticket.answer()

    def _my_turn(self, ticket: Ticket) -> bool:
        """Wait until the answer is there, or until it is upon us to read."""
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
                # whom a reader who was stopped leaves behind goes first with the next one
                self._waiting[:0] = [ticket for ticket in group if not ticket.done]
                self._reading = False
                self._moved.notify_all()

    def _serve(self, group: Sequence[Ticket]) -> None:
        """Answer each; a record that cannot be read is an error for its own case only."""
        try:
            found = fetch(self._quickbooks(), _joined(group))
            if len(group) > 1 and not all(record.customer for record in found.broken):
                raise_broken(found.broken[0])  # nobody can tell whose it is, but by asking apart
        except PoisonedPage as error:
            self._apart(group, error)
        except Exception as error:  # noqa: BLE001
            # Whoever stands in line waits for an answer, and every error is one.
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
