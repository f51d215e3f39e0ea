"""The note in QuickBooks: stored as due when the mail is out, written afterwards, once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, update

from jobs.rules.states import State
from jobs.store.companies import connected
from jobs.store.drafts import Draft
from jobs.store.tables import cases, notes
from jobs.store.upsert import insert_or_ignore


def pending() -> ColumnElement[bool]:
    """The cases of connected companies whose note is to be written, or taken back."""
    return cases.c.state.in_((State.SENT, State.DONE)) & connected(cases.c.company)


def intend(conn: Connection, draft: Draft, now: datetime) -> None:
    """Record that this note is to be written. Its request id derives from what was approved."""
    row = {
        "case_id": draft.case,
        "draft": draft.id,
        "text": draft.letter.note,
        "invoices": [i.id for i in draft.letter.invoices],
        "request_id": f"overdue-{draft.case}-{draft.sha256[:16]}",
        "state": "intended",
        "at": now,
    }
    insert_or_ignore(conn, notes, row)


def conclude(conn: Connection, case_id: str, state: str, now: datetime, **columns: Any) -> None:
    """Record what happened to it: written, kept (in our database only), failed, or taking_back."""
    done = update(notes).where(notes.c.case_id == case_id)
    conn.execute(done.values(state=state, at=now, **columns))
