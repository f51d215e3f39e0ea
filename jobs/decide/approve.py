"""Approve: the decision is recorded, and with the last one that is needed the undo window opens."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from jobs import approvals
from jobs.decide import door
from jobs.decide.door import Answer, Knock, Refused, Said, Visitor
from jobs.rules import gates, rights
from jobs.rules.business_days import next_opening
from jobs.rules.case import Approvals
from jobs.rules.policy import Policy
from jobs.rules.rulings import Kind
from jobs.rules.states import State
from jobs.store import cases, companies
from jobs.store.cases import Move
from jobs.store.drafts import Draft


def approve(conn: Connection, policy: Policy, knock: Knock, now: datetime) -> Said:
    """Approve exactly the draft that the button was bound to. Raises Refused.

    SECOND_NEEDED: recorded, and another person has to approve too.
    """
    visitor = door.enter(conn, policy, knock, now)
    case = visitor.case
    door.in_state(conn, case, State.WAITING)
    draft = door.same_draft(visitor, knock)
    _check_right(policy, visitor)
    before = approvals.standing(conn, policy, case, draft.id, visitor.facts, now)
    _check_open(visitor, before, now)
    door.decide(conn, policy, visitor, "approve", now)
    after = approvals.standing(conn, policy, case, draft.id, visitor.facts, now)
    if after.missing:
        return _first(conn, visitor, draft, after, now)
    return _last(conn, policy, visitor, draft, now)


def _check_right(policy: Policy, visitor: Visitor) -> None:
    case, facts = visitor.case, visitor.facts
    if stops := [r.reason for r in case.rulings if r.kind in (Kind.STOP, Kind.NEVER)]:
        raise Refused(Said(Answer.STOPPED, case, stops[0]))
    needed = gates.approvals(case.rulings, facts, case.stage, policy, case.class_)
    if not rights.may_approve(visitor.user, visitor.roles, facts, policy, needed):
        raise Refused(Said(Answer.NOT_ALLOWED, case, rights.who_may_approve(needed)))


def _check_open(visitor: Visitor, before: Approvals, now: datetime) -> None:
    if any(d.actor == visitor.user for d in before.given):
        raise Refused(Said(Answer.ALREADY_APPROVED, visitor.case))
    if not before.open(now):
        raise Refused(Said(Answer.NOT_OPEN_YET, visitor.case))


def _first(
    conn: Connection, visitor: Visitor, draft: Draft, after: Approvals, now: datetime
) -> Said:
    case = visitor.case
    data = {"draft": draft.sha256, "given": len(after.given), "needed": after.needed}
    again = Move(State.WAITING, "approval.first", visitor.user, case.row.due_at, data)
    door.moved(cases.move(conn, case, again, now), case)
    who = "a finance lead" if after.lead_needed and not after.lead_given else "another person"
    return Said(Answer.SECOND_NEEDED, cases.get(conn, case.id), who)


def _last(conn: Connection, policy: Policy, visitor: Visitor, draft: Draft, now: datetime) -> Said:
    """The undo window starts now; the mail may first go when it is over and the day allows it."""
    case = visitor.case
    undo_until = now + timedelta(seconds=policy.undo_seconds)
    zone = companies.need(conn, case.company).zone
    send_at = next_opening(undo_until, zone, policy)
    lapses_at = send_at + timedelta(hours=policy.lapse_hours)
    data = {"draft": draft.sha256, "policy": policy.sha256, "send_at": send_at}
    go = Move(State.APPROVED, "approval.given", visitor.user, send_at, data)
    columns = {
        "undo_until": undo_until if policy.undo_seconds else None,
        "lapses_at": lapses_at,
        "end_reason": "",
    }
    door.moved(cases.move(conn, case, go, now, **columns), case)
    return Said(Answer.RECORDED, cases.get(conn, case.id))
