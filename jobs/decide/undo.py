"""Undo: an approval ends, or a rejected case comes back; the text stays, as a new draft.

An approval can be undone while a send is claimed, a rejection until something newer has followed.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from jobs.decide import access
from jobs.decide.access import Answer, Click, Decider, Refused, Reply
from jobs.rules.business_days import refresh_at
from jobs.rules.policy import Policy
from jobs.rules.states import State
from jobs.store import cases, companies, crossings, drafts, history
from jobs.store.cases import Case, Move

BEGUN = frozenset({State.SENDING, State.UNKNOWN, State.SENT, State.DONE})
"""A mail may be out: nobody can call it back."""


def undo(conn: Connection, policy: Policy, click: Click, now: datetime) -> Reply:
    """Take an approval back as long as no mail has begun, or a rejection. Raises Refused."""
    decider = access.enter(conn, policy, click, now)
    case = decider.case
    if case.state in BEGUN:
        raise Refused(Reply(Answer.TOO_LATE, case))
    if case.state is State.REJECTED:
        return _reopen(conn, policy, decider, click, now)
    access.in_state(conn, case, State.APPROVED)
    draft = access.same_draft(decider, click)
    access.decide(conn, policy, decider, "undo", now)
    fresh = drafts.rewrite_draft(conn, draft, now)
    again = refresh_at(now, companies.need(conn, case.company).zone, policy)
    back = Move(State.WAITING, "approval.undone", decider.user, again, {"draft": fresh.sha256})
    columns: dict[str, object] = {
        "draft": fresh.id,
        "undo_until": None,
        "lapses_at": None,
        "changed": [],
        "end_reason": "",
    }
    access.moved(cases.move(conn, case, back, now, **columns), case)
    return Reply(Answer.RECORDED, cases.get(conn, case.id))


def _reopen(
    conn: Connection, policy: Policy, decider: Decider, click: Click, now: datetime
) -> Reply:
    """The case is as it was before the rejection, and is looked at again at once."""
    case = decider.case
    old = access.same_draft(decider, click) if decider.draft else None
    if what := followed(conn, case):
        raise Refused(Reply(Answer.FOLLOWED, case, what))
    access.decide(conn, policy, decider, "reopen", now)
    crossings.retake(conn, case)
    history.right_after_all(conn, case.company, case.customer, case.row.closed_at)
    fresh = drafts.rewrite_draft(conn, old, now) if old else None
    back = Move(State.WAITING, "rejection.undone", decider.user, now)
    columns: dict[str, object] = {
        "draft": fresh.id if fresh else None,
        "changed": [],
        "end_reason": "",
    }
    access.moved(cases.move(conn, case, back, now, **columns), case)
    return Reply(Answer.RECORDED, cases.get(conn, case.id))


def followed(conn: Connection, case: Case) -> str:
    """What of this customer came after a case was rejected, as a sentence; empty for nothing."""
    closed_at = case.row.closed_at
    if newer := history.followed(conn, case.company, case.customer, case.id, closed_at):
        return newer
    if crossings.taken_meanwhile(conn, case):
        return "An invoice of this case is asked for in another case by now."
    return ""
