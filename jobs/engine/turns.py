"""A reading too long for one round: it talks to the world and has things written by turns.

A plan is a generator. Between its `yield`s it asks outside, in a thread, and knows no database;
what it yields is done inside, in one short transaction each, and its result is what the `yield`
gives back. So nothing is held but the page at hand, and no transaction is long.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection

from jobs.engine.step import Step
from jobs.store import agenda, companies, posts, work
from jobs.store.tables import schedule
from jobs.store.work import Claim
from qbo import pacing
from qbo.pacing import Patience

PATIENCE = 15 * 60.0
"""Seconds that a plan waits for its turn in all: to begin anew would take all its turns again."""

AFTER_TROUBLE = timedelta(hours=1)
WIDTH = 2
"""Companies that are read at once: a reading holds a page and waits for its turn to ask."""

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


def step(
    kind: str, plan: Callable[[Connection, Claim, datetime], Plan], trouble: str, once_per: str
) -> Step:
    """This reading of each connected company: a row of the schedule, with a plan made from it.

    Where it fails for good a person is told `trouble`, in which `{why}` stands for the reason and
    once per what `once_per` (a format of time) makes of the present. It is never dropped: nothing
    is skipped, and in an hour it is tried again.
    """

    def give_up(conn: Connection, claim: Claim, now: datetime) -> None:
        company = companies.need(conn, claim.row.company)
        why = f"{claim.tried} ({posts.escaped(claim.row.last_error)})"
        key = f"{kind}:{company.realm}:{now.strftime(once_per)}"
        text = f":warning: {trouble.format(why=why)}"
        posts.alarm(conn, company.realm, company.channel, key, text, now)
        work.settle(conn, claim, now + AFTER_TROUBLE, last_error=claim.row.last_error)

    return Step(
        name=kind,
        table=schedule,
        ready=lambda _now: agenda.connected(kind),
        load=lambda conn, claim, now: Turn(plan(conn, claim, now)),
        give_up=give_up,
        width=WIDTH,
    )


def batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """`items` in runs of at most `size` (itertools has this from Python 3.12 on)."""
    return (items[start : start + size] for start in range(0, len(items), size))
