"""Attempts to send: the intent, the outcome, and whether an attempt may still have its effect."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from jobs.store import work
from jobs.store.engine import AWAY, Database
from jobs.store.tables import cases, sends
from qbo.pacing import boot_time

OPEN = ("in_flight", "unknown")
"""Of these nobody has said yet what became of them."""
ACCEPTED = ("sent", "accepted_late")
"""A mail server took the mail; late, where a person had already said that it did not go."""
CONTACT = (*OPEN, *ACCEPTED)
"""What may have reached the customer."""


def begin(conn: Connection, case: str, draft: str, token: str, now: datetime, **row: Any) -> None:
    """Write the intent. Raises IntegrityError where another attempt of this case is alive."""
    values = {"case_id": case, "draft": draft, "token": token, "state": "in_flight"}
    conn.execute(insert(sends).values(**values, began_at=now, **row))


def alive(conn: Connection, case: str) -> Row[Any] | None:
    """The attempt that went, may have gone, or is under way; the latest of them."""
    found = (sends.c.case_id == case) & sends.c.state.in_(CONTACT)
    return conn.execute(select(sends).where(found).order_by(sends.c.id.desc())).first()


def abandon(conn: Connection, case: str, detail: str) -> None:
    """The sender has gone: its attempt is unknown. It may still come back and say what happened."""
    in_flight = (sends.c.case_id == case) & (sends.c.state == "in_flight")
    conn.execute(update(sends).where(in_flight).values(state="unknown", detail=detail))


def settle(conn: Connection, case: str, state: str, by: str, now: datetime) -> None:
    """A person says what became of an unknown attempt; whoever sends it must not go on."""
    unknown = (sends.c.case_id == case) & (sends.c.state == "unknown")
    values = {"state": state, "detail": f"settled by {by}", "ended_at": now}
    conn.execute(update(sends).where(unknown).values(**values))


def conclude(
    conn: Connection, case: str, token: str, state: str, detail: str, now: datetime
) -> str:
    """The sender's own word on its attempt; returns its state before: OPEN, or what a person said.

    An outcome is always written. Against a person's "it did not go" a server's yes stands beside
    whatever was sent since, as `accepted_late`; else a person's word on it stays.
    """
    # the case first, as people's decisions take the two: so neither waits for the other
    conn.execute(select(cases.c.id).where(cases.c.id == case).with_for_update())
    ours = (sends.c.case_id == case) & (sends.c.token == token)
    before: str = conn.execute(select(sends.c.state).where(ours)).scalar_one()
    if before in OPEN:
        ends = {"state": state}
    else:
        ends = {"state": "accepted_late"} if (before, state) == ("not_sent", "sent") else {}
    conn.execute(update(sends).where(ours).values(detail=detail, ended_at=now, **ends))
    return before


def several(conn: Connection, case: str) -> bool:
    """Whether more than one mail of this case may have reached the customer."""
    went = (sends.c.case_id == case) & sends.c.state.in_(CONTACT)
    return conn.execute(select(func.count()).where(went)).scalar_one() > 1


def still_ours(database: Database, case: str, token: str, clock: Callable[[], datetime]) -> bool:
    """Whether the attempt under `token` may go on: asked right before it can have an effect.

    It renews the lease, so that nobody takes the case over in the next half minute, and looks at a
    clock that goes on while a process or the machine is stopped: an answer that took longer than a
    lease to arrive is worth nothing. This is a short transaction of the acting thread's own, like
    those of the token store and the budget.
    """
    asked = boot_time()
    try:
        with database.writing() as conn:
            ours = _renewed(conn, case, token, clock()) and _alone(conn, case, token)
    except AWAY:
        return False
    return ours and boot_time() - asked < work.LEASE.total_seconds()


def _renewed(conn: Connection, case: str, token: str, now: datetime) -> bool:
    held = (cases.c.id == case) & (cases.c.token == token)
    renewed = conn.execute(update(cases).where(held).values(due_at=now + work.LEASE))
    return renewed.rowcount == 1


def _alone(conn: Connection, case: str, token: str) -> bool:
    """In flight, and no other attempt of this case was accepted meanwhile."""
    rows = conn.execute(select(sends.c.token, sends.c.state).where(sends.c.case_id == case)).all()
    accepted = any(row.state in ACCEPTED for row in rows)
    return not accepted and any(tuple(row) == (token, "in_flight") for row in rows)
