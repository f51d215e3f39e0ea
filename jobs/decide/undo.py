"""Undo: the approval ends, the text stays as a new draft; also while a send is claimed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from jobs.decide import door
from jobs.decide.door import Answer, Knock, Refused, Said
from jobs.rules.business_days import refresh_at
from jobs.rules.policy import Policy
from jobs.rules.states import State
from jobs.store import cases, companies, drafts
from jobs.store.cases import Move

BEGUN = frozenset({State.SENDING, State.UNKNOWN, State.SENT, State.DONE})
"""A mail may be out: nobody can call it back."""


def undo(conn: Connection, policy: Policy, knock: Knock, now: datetime) -> Said:
    """Take an approval back as long as no mail has begun. Raises Refused."""
    visitor = door.enter(conn, policy, knock, now)
    case = visitor.case
    if case.state in BEGUN:
        raise Refused(Said(Answer.TOO_LATE, case))
    door.in_state(conn, case, State.APPROVED)
    draft = door.same_draft(visitor, knock)
    door.decide(conn, policy, visitor, "undo", now)
    fresh = drafts.rewrite_draft(conn, draft, now)
    again = refresh_at(now, companies.need(conn, case.company).zone, policy)
    back = Move(State.WAITING, "approval.undone", visitor.user, again, {"draft": fresh.sha256})
    columns: dict[str, object] = {
        "draft": fresh.id,
        "undo_until": None,
        "lapses_at": None,
        "changed": [],
        "end_reason": "",
    }
    door.moved(cases.move(conn, case, back, now, **columns), case)
    return Said(Answer.RECORDED, cases.get(conn, case.id))
