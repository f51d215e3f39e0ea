"""What a step is: rounds of load → act → settle over one work table.

`load` reads and `settle` writes, both in a short transaction on the main thread; `act` talks to
the world from a thread of its own and has no database. So no transaction can be open across a
network call. A load that reads for long reads first, in a transaction that nobody has to wait for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, Table

from jobs.store import work
from jobs.store.work import Claim

CLAIMING = timedelta(seconds=30)


class Round(Protocol):
    """Something to do outside, and what to write down afterwards."""

    def act(self) -> Any:
        """Talk to the world; the result is passed to `settle`."""
        ...

    def settle(self, conn: Connection, claim: Claim, outcome: Any, now: datetime) -> Round | None:
        """Write the outcome under this claim. Returns the next round, or None when done."""
        ...


Load = Callable[[Connection, Claim, datetime], Round | None]
"""How a claimed row begins, in a write transaction: with a round, or None if it was settled."""


@dataclass(frozen=True)
class ReadFirst:
    """A load that reads for long: SQLite has one writer, and clicks would wait for it meanwhile.

    `read` only reads, and returns the load, which is called next, with the write lock.
    """

    read: Callable[[Connection, Claim, datetime], Load]


@dataclass(frozen=True)
class Step:
    """One kind of work: where its rows are, which are ready, and how to begin or give up on one."""

    name: str
    table: Table
    ready: ColumnElement[bool]
    """What must hold besides being due; part of the claim's own UPDATE. May refer to `work.NOW`."""
    load: Load | ReadFirst
    give_up: Callable[[Connection, Claim, datetime], None]
    """Called instead of `load` after five claims without a settle: it tells a person."""
    width: int = 4
    """How many rows one process works on at once."""
    claiming: timedelta = CLAIMING
    """A job stops claiming after this long, so that RQ sees it end and a restart is never far
    off."""


def scheduled(
    kind: str,
    load: Load,
    give_up: Callable[[Connection, Claim, datetime], None],
    *,
    ready: Callable[[str], ColumnElement[bool]] = work.of_kind,
    width: int = 1,
) -> Step:
    """The step that runs what is on the schedule under this kind; `ready` may leave rows out."""
    return Step(kind, work.SCHEDULE, ready(kind), load, give_up, width)


def tries_again(after: timedelta) -> Callable[[Connection, Claim, datetime], None]:
    """A `give_up` that tells nobody: the row keeps its error and is tried again later."""

    def give_up(conn: Connection, claim: Claim, now: datetime) -> None:
        work.settle(conn, claim, now + after, last_error=claim.row.last_error)

    return give_up
