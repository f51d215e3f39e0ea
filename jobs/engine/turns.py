"""A reading too long for one round: it alternates between the network and the database.

A plan is a generator. Between its `yield`s it talks to the network, in a thread, without a
database; each function it yields is run in one short transaction of its own, and its result is
what the `yield` returns. So only the current page is in memory, and no transaction is long.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection

from jobs.engine.step import Step, scheduled
from jobs.store import companies, outbox, work
from jobs.store.outbox import MessageKind
from jobs.store.work import Claim
from qbo import pacing
from qbo.pacing import Patience

PATIENCE = 15 * 60.0
"""Seconds a plan may wait for the request budget in all: starting over would cost it all again."""

AFTER_TROUBLE = timedelta(hours=1)
WIDTH = 2
"""Companies read at once: each holds one page in memory and waits for the request budget."""

T = TypeVar("T")
Write = Callable[[Connection, datetime], Any]
"""Called in a transaction, with its connection and the current time."""
Plan = Generator[Write, Any, None]


@dataclass(frozen=True)
class Turn:
    """Run the plan until it wants something written; its last write settles the claim."""

    plan: Plan
    answer: Any = None
    patience: Patience = field(default_factory=lambda: Patience(PATIENCE))

    def act(self) -> Write | None:
        """The plan's next write, or None at its end.

        Raises what the plan raises: the row then stays due, and starts from the beginning.
        """
        try:
            with pacing.patient(self.patience):
                return self.plan.send(self.answer)
        except StopIteration:
            return None

    def settle(
        self, conn: Connection, claim: Claim, outcome: Write | None, now: datetime
    ) -> Turn | None:
        """Do the write while the claim is ours; doing one twice changes nothing."""
        if outcome is None or not work.renew(conn, claim, now):
            return None
        return Turn(self.plan, outcome(conn, now), self.patience)


def step(
    kind: str,
    plan: Callable[[Connection, Claim, datetime], Plan],
    failed: MessageKind,
    once_per: str,
) -> Step:
    """The step that runs `plan` for each connected company's `kind` row in the schedule.

    After five failures the company's channel is told that it has `failed`, once per value of
    `now.strftime(once_per)`. Nothing is skipped: it is tried again an hour later.
    """

    def give_up(conn: Connection, claim: Claim, now: datetime) -> None:
        company = companies.need(conn, claim.row.company)
        key = f"{kind}:{company.realm}:{now.strftime(once_per)}"
        data = {"tried": claim.hopeless, "reason": claim.row.last_error}
        outbox.say(conn, company, failed, key, data, now)
        work.settle(conn, claim, now + AFTER_TROUBLE, last_error=claim.row.last_error)

    def load(conn: Connection, claim: Claim, now: datetime) -> Turn:
        return Turn(plan(conn, claim, now))

    return scheduled(kind, load, give_up, ready=work.connected, width=WIDTH)


def in_transaction(call: Callable[..., Any], *given: Any) -> Write:
    """What a plan yields to have `call(conn, *given)` run in a transaction."""
    return lambda conn, _now: call(conn, *given)


def batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """`items` in runs of at most `size` (itertools has this from Python 3.12 on)."""
    return (items[start : start + size] for start in range(0, len(items), size))
