"""Undo: an approval ends, or a rejected case comes back; the text stays, as a new draft.

An approval can be undone while a send is claimed, a rejection until something newer has followed.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from jobs.decide import door
from jobs.decide.door import Answer, Knock, Refused, Said, Visitor
from jobs.rules.business_days import refresh_at
from jobs.rules.policy import Policy
from jobs.rules.states import State
from jobs.store import cases, companies, crossings, drafts, history
from jobs.store.cases import Case, Move

BEGUN = frozenset({State.SENDING, State.UNKNOWN, State.SENT, State.DONE})
"""A mail may be out: nobody can call it back."""


def undo(conn: Connection, policy: Policy, knock: Knock, now: datetime) -> Said:
    """Take an approval back as long as no mail has begun, or a rejection. Raises Refused."""
    visitor = door.enter(conn, policy, knock, now)
    case = visitor.case
    if case.state in BEGUN:
        raise Refused(Said(Answer.TOO_LATE, case))
    if case.state is State.REJECTED:
        return _reopen(conn, policy, visitor, knock, now)
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


def _reopen(
    conn: Connection, policy: Policy, visitor: Visitor, knock: Knock, now: datetime
) -> Said:
    """The case is as it was before the rejection, and is looked at again at once."""
    case = visitor.case
    old = door.same_draft(visitor, knock) if visitor.draft else None
    if what := followed(conn, case):
        raise Refused(Said(Answer.FOLLOWED, case, what))
    door.decide(conn, policy, visitor, "reopen", now)
    crossings.retake(conn, case)
    history.right_after_all(conn, case.company, case.customer, case.row.closed_at)
    fresh = drafts.rewrite_draft(conn, old, now) if old else None
    back = Move(State.WAITING, "rejection.undone", visitor.user, now)
    columns: dict[str, object] = {
        "draft": fresh.id if fresh else None,
        "changed": [],
        "end_reason": "",
    }
    door.moved(cases.move(conn, case, back, now, **columns), case)
    return Said(Answer.RECORDED, cases.get(conn, case.id))


def followed(conn: Connection, case: Case) -> str:
    """What of this customer came after a case was rejected, as a sentence; empty for nothing."""
    closed_at = case.row.closed_at
    if newer := history.followed(conn, case.company, case.customer, case.id, closed_at):
        return newer
    if crossings.taken_meanwhile(conn, case):
        return "An invoice of this case is asked for in another case by now."
    return ""
