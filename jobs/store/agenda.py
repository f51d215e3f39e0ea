"""What runs when: a row per company and kind, claimed like all work; some belong to no company."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, select, update

from jobs.store import companies
from jobs.store.database.tables import schedule
from jobs.store.database.upsert import insert_or_ignore

EVERYBODY = ""
"""The company of rows that belong to none."""


def connected(kind: str) -> ColumnElement[bool]:
    """The rows of this kind whose company is connected."""
    return of_kind(kind) & companies.connected(schedule.c.company)


def swept(kind: str) -> ColumnElement[bool]:
    """The rows of this kind whose company has had a complete sweep."""
    return of_kind(kind) & companies.swept(schedule.c.company)


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
