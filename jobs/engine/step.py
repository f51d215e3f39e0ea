"""What a step is: rounds of load → act → settle over one work table.

`load` reads and `settle` writes, both in a short transaction on the main thread; `act` talks to
the world from a thread of its own and knows no database. So no transaction is ever open across a
network call, by shape.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, Table

from jobs.store.work import Claim


class Round(Protocol):
    """One turn: something to do outside, and what to write down afterwards."""

    def act(self) -> Any:
        """Talk to the world; what it returns goes to `settle`."""
        ...

    def settle(self, conn: Connection, claim: Claim, outcome: Any, now: datetime) -> Round | None:
        """Write the outcome, naming the claim; the next round, or None when the step is done."""
        ...


@dataclass(frozen=True)
class Step:
    """One kind of work: where its rows are, which are ready, and how one is begun or given up."""

    name: str
    table: Table
    ready: Callable[[datetime], ColumnElement[bool]]
    """What has to hold beside being due, asked in the claim itself."""
    load: Callable[[Connection, Claim, datetime], Round | None]
    give_up: Callable[[Connection, Claim, datetime], None]
    """Called instead of `load` after five claims without a settle: say so to a person."""
    width: int = 4
    """How many rows may be under way at once in one process."""
