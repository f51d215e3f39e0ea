"""Work rows: claim what is due, renew the claim, settle it. One UPDATE each decides any race.

`schedule` is one of these tables: a row per company and kind of work that comes again and again;
some of it belongs to no company.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    Row,
    Select,
    Table,
    Update,
    bindparam,
    func,
    select,
    true,
    update,
)

from jobs.store import companies
from jobs.store.database import tables
from jobs.store.database.tables import schedule
from jobs.store.database.types import Utc
from jobs.store.database.upsert import insert_or_ignore

EVENTS, CASES, MESSAGES, SCHEDULE = tables.events, tables.cases, tables.messages, tables.schedule
DRAFT_COPIES = tables.draft_copies
"""The tables of work. A step names the one whose rows it claims."""

LEASE = timedelta(seconds=30)
RENEW_AFTER = timedelta(seconds=10)
NOW = bindparam("now", type_=Utc())
"""The current time in a condition on rows that are ready; `claim` and `due` fill it in."""
AHEAD = timedelta(milliseconds=300)
"""How long a post may wait for its channel's second, since the clock's ticks are not exact."""
SOON = bindparam("soon", type_=Utc())
"""AHEAD of NOW, in such a condition."""
MOST_ATTEMPTS = 5
"""After this many claims without a settle a person has to look."""
TRIED_ENOUGH = " after five tries"
"""How a sentence about it goes on."""
EVERYBODY = ""
"""The company of rows that belong to none."""


@dataclass(frozen=True)
class Claim:
    """A row that is ours until the lease ends; `row` is as it was when claimed."""

    table: Table
    id: str
    token: str
    attempts: int
    row: Row[Any]

    @property
    def until(self) -> datetime:
        """When the lease that came with the claim ends."""
        ends: datetime = self.row.due_at
        return ends

    @property
    def hopeless(self) -> bool:
        """Whether it was claimed five times before and never settled."""
        return self.attempts > MOST_ATTEMPTS

    @property
    def tried(self) -> str:
        """For a sentence: " after five tries", or empty if a single answer was enough."""
        return TRIED_ENOUGH if self.hopeless else ""


def claim(
    conn: Connection,
    table: Table,
    now: datetime,
    limit: int,
    *,
    where: ColumnElement[bool] | None = None,
    first: str | None = None,
) -> list[Claim]:
    """Take up to `limit` due rows: `first` before the others, then by highest rank.

    `where` leaves rows out, and may refer to `NOW`.
    """
    token = secrets.token_hex(16)
    given = {**_times(now), "new_token": token, "until": now + LEASE, "most": limit}
    if first:
        given["first"] = first
    taken = conn.execute(_taking(table, where, bool(first)), given).all()
    taken = sorted(taken, key=lambda row: (row.id != first, -row.rank, int(row.id)))
    return [Claim(table, row.id, token, row.attempts, row) for row in taken]


@cache  # built once per step: the clock and the workers ask every second
def _taking(table: Table, where: ColumnElement[bool] | None, has_first: bool) -> Update:
    """The statement of a claim.

    The outer condition repeats the inner one on purpose: under READ COMMITTED a second worker
    re-checks only the outer one. The selection is a CTE on purpose: PostgreSQL may run a plain
    subquery once per row, skip what it has just locked itself, and take more than `limit`.
    """
    first = bindparam("first", type_=table.c.id.type)
    order = [(table.c.id == first).desc()] if has_first else []
    chosen = _ready(table, where).order_by(*order, table.c.rank.desc(), table.c.id)
    picked = chosen.limit(bindparam("most")).with_for_update(skip_locked=True).cte("picked")
    return (
        update(table)
        .where(table.c.id.in_(select(picked.c.id)), table.c.due_at <= NOW)
        .values(
            token=bindparam("new_token"),
            attempts=table.c.attempts + 1,
            due_at=bindparam("until", type_=Utc()),
        )
        .returning(table)
    )


@cache
def _ready(table: Table, where: ColumnElement[bool] | None) -> Select[str]:
    return select(table.c.id).where(table.c.due_at <= NOW, true() if where is None else where)


def _held(claim: Claim) -> ColumnElement[bool]:
    return (claim.table.c.id == claim.id) & (claim.table.c.token == claim.token)


def renew(conn: Connection, claim: Claim, now: datetime) -> bool:
    """Hold the claim for another lease; False if somebody else has it by now."""
    given = {"claimed": claim.id, "by": claim.token, "until": now + LEASE}
    return conn.execute(_renewing(claim.table), given).rowcount == 1


@cache
def _renewing(table: Table) -> Update:
    held = (table.c.id == bindparam("claimed")) & (table.c.token == bindparam("by"))
    return update(table).where(held).values(due_at=bindparam("until", type_=Utc()))


def settle(conn: Connection, claim: Claim, due_at: datetime | None, **values: Any) -> bool:
    """Give the row back with its next due time; False (and nothing written) if it is not ours."""
    given = {"due_at": due_at, "token": None, "attempts": 0, "last_error": "", **values}
    return conn.execute(update(claim.table).where(_held(claim)).values(**given)).rowcount == 1


def back_off(conn: Connection, claim: Claim, now: datetime, error: str) -> bool:
    """Put the row back unsettled: attempts are kept, and it is due again after a growing pause."""
    pause = timedelta(seconds=min(5 * 2**claim.attempts, 600))
    return settle(conn, claim, now + pause, last_error=error, attempts=claim.attempts)


def explain(conn: Connection, claim: Claim, error: str) -> Claim | None:
    """Put on a claimed row what went wrong, and keep the claim.

    Returns the claim with the row as it is now, or None if somebody else has it.
    """
    told = update(claim.table).where(_held(claim)).values(last_error=error).returning(claim.table)
    row = conn.execute(told).first()
    return None if row is None else replace(claim, row=row)


def due(
    conn: Connection, wanted: Iterable[tuple[Table, ColumnElement[bool] | None]], now: datetime
) -> list[bool]:
    """For each table and condition, whether there is anything to claim: one indexed query."""
    return list(conn.execute(_any_ready(tuple(wanted)), _times(now)).one())


@cache
def _any_ready(wanted: tuple[tuple[Table, ColumnElement[bool] | None], ...]) -> Executable:
    return select(*(_ready(table, where).exists() for table, where in wanted))


def next_due(
    conn: Connection, wanted: Iterable[tuple[Table, ColumnElement[bool]]], now: datetime
) -> datetime | None:
    """When the first row of these tables and conditions is due; None if nothing is ahead."""
    found = conn.execute(_first_due(tuple(wanted)), _times(now)).one()
    return min(filter(None, found), default=None)


@cache
def _first_due(wanted: tuple[tuple[Table, ColumnElement[bool]], ...]) -> Executable:
    first = (select(func.min(table.c.due_at)).where(ready) for table, ready in wanted)
    return select(*(one.scalar_subquery() for one in first))


def _times(now: datetime) -> dict[str, Any]:
    return {"now": now, "soon": now + AHEAD}


def waiting(conn: Connection, table: Table, now: datetime) -> tuple[int, datetime | None]:
    """How many rows of this table are due, and since when the oldest of them is."""
    query = select(func.count(), func.min(table.c.due_at)).where(table.c.due_at <= now)
    count, oldest = conn.execute(query).one()
    return count, oldest


@cache
def connected(kind: str) -> ColumnElement[bool]:
    """The rows of this kind whose company is connected."""
    return of_kind(kind) & companies.connected(schedule.c.company)


@cache
def swept(kind: str) -> ColumnElement[bool]:
    """The rows of this kind whose company has had a complete sweep."""
    return of_kind(kind) & companies.swept(schedule.c.company)


@cache
def connected_and_swept(kind: str) -> ColumnElement[bool]:
    """The rows of this kind whose company is connected and has had a complete sweep."""
    return connected(kind) & companies.swept(schedule.c.company)


@cache
def of_kind(kind: str) -> ColumnElement[bool]:
    """The rows of this kind, of whatever company."""
    return schedule.c.kind == kind


def ensure(conn: Connection, company: str, kind: str, now: datetime) -> bool:
    """Put it on the schedule, due now, unless it is there; returns whether it was missing."""
    return insert_or_ignore(conn, schedule, {"company": company, "kind": kind, "due_at": now})


def hurry(conn: Connection, company: str, kind: str, now: datetime) -> None:
    """Make it due now, whether or not it was on the schedule.

    A run in progress loses the row: what it has read may be older than this request.
    """
    if not ensure(conn, company, kind, now):
        ours = (schedule.c.company == company) & (schedule.c.kind == kind)
        conn.execute(update(schedule).where(ours).values(due_at=now, token=None, attempts=0))


def by(conn: Connection, company: str, kind: str, at: datetime) -> None:
    """Have it run at `at` or before; a run in progress loses the row, and it runs once more."""
    if insert_or_ignore(conn, schedule, {"company": company, "kind": kind, "due_at": at}):
        return
    ours = (schedule.c.company == company) & (schedule.c.kind == kind)
    later = schedule.c.due_at.is_(None) | (schedule.c.due_at > at) | schedule.c.token.is_not(None)
    conn.execute(update(schedule).where(ours, later).values(due_at=at, token=None))


def under_way(conn: Connection, company: str, kind: str, until: datetime) -> bool:
    """Whether it is running or due by `until`, and has not failed."""
    ours = (SCHEDULE.c.company == company) & (SCHEDULE.c.kind == kind)
    soon = (SCHEDULE.c.due_at <= until) & (SCHEDULE.c.last_error == "")
    return conn.execute(select(SCHEDULE.c.id).where(ours, soon).limit(1)).first() is not None


def bring_forward(conn: Connection, company: str, kind: str, now: datetime) -> None:
    """Make it due now if it is on the schedule; a run in progress goes on undisturbed."""
    ours = (schedule.c.company == company) & (schedule.c.kind == kind)
    conn.execute(update(schedule).where(ours, schedule.c.token.is_(None)).values(due_at=now))


def remembered(conn: Connection, id: str) -> dict[str, Any]:
    """What this row currently keeps for its next run; may be empty."""
    return dict(conn.execute(select(schedule.c.body).where(schedule.c.id == id)).scalar() or {})


def remember(conn: Connection, id: str, body: dict[str, Any]) -> None:
    """Replace what this row keeps for its next run."""
    conn.execute(update(schedule).where(schedule.c.id == id).values(body=body))
