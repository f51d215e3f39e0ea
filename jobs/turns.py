"""A reading too long for one round: it talks to the world and has things written by turns.

A plan is a generator. Between its `yield`s it asks outside, in a thread, and knows no database;
what it yields is done inside, in one short transaction each, and its result is what the `yield`
gives back. So nothing is held but the page at hand, and no transaction is long.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection

from jobs.store import work
from jobs.store.work import Claim
from qbo import pacing
from qbo.pacing import Patience

PATIENCE = 15 * 60.0
"""Seconds that a plan waits for its turn in all: to begin anew would take all its turns again."""

T = TypeVar("T")
Write = Callable[[Connection, datetime], Any]
"""Called inside, with the connection and the present."""
Plan = Generator[Write, Any, None]


@dataclass(frozen=True)
class Turn:
    """Go on with the plan until it wants something written; its last write settles the claim."""

    plan: Plan
    answer: Any = None
    patience: Patience = field(default_factory=lambda: Patience(PATIENCE))

    def act(self) -> Write | None:
        """Ask outside. Raises what the plan raises: the row then stays due, from the beginning."""
        try:
            with pacing.patient(self.patience):
                return self.plan.send(self.answer)
        except StopIteration:
            return None

    def settle(
        self, conn: Connection, claim: Claim, outcome: Write | None, now: datetime
    ) -> Turn | None:
        """Do it inside, while the claim is ours; what is done twice changes nothing."""
        if outcome is None or not work.renew(conn, claim, now):
            return None
        return Turn(self.plan, outcome(conn, now), self.patience)


def batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """`items` in runs of at most `size` (itertools has this from Python 3.12 on)."""
    return (items[start : start + size] for start in range(0, len(items), size))
