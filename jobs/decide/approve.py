"""Approve and undo: the decision is recorded, and the last one needed opens the undo window."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from jobs import approvals
from jobs.approvals import Grounds
from jobs.decide import access
from jobs.decide.access import Answer, Click, Decider, Reply, VerbRefused
from jobs.decide.verbs import Verb
from jobs.rules.case import Approvals, Decided
from jobs.rules.gates import gates
from jobs.rules.policy import rights
from jobs.rules.policy.business_days import next_opening, refresh_at
from jobs.rules.policy.policy import Policy
from jobs.rules.rulings import Kind
from jobs.rules.states import State
from jobs.store import cases, companies, crossings, drafts
from jobs.store.cases import Move
from jobs.store.customers import history
from jobs.store.drafts import Draft


def approve(conn: Connection, policy: Policy, click: Click, now: datetime) -> Reply:
    """Approve exactly the draft that the button was bound to. Raises VerbRefused.

    SECOND_NEEDED means that it is recorded and another person has to approve too.
    """
    access.lock(conn, click)
    decider, draft = judge(conn, policy, click, now)
    case, by = decider.case, _grounds(decider)
    access.decide(conn, policy, decider, now)
    after = approvals.standing(conn, policy, case, draft.id, by, now)
    if after.missing:
        return _first(conn, decider, draft, after, now)
    return _last(conn, policy, decider, draft, now)


def judge(conn: Connection, policy: Policy, click: Click, now: datetime) -> tuple[Decider, Draft]:
    """Whether this person may approve this draft now: reads only. Raises VerbRefused."""
    decider = access.look_in(conn, policy, Verb.APPROVE, click, now)
    access.in_state(conn, decider.case, State.WAITING)
    draft = access.same_draft(decider, click)
    _check_right(policy, decider)
    given = approvals.standing(conn, policy, decider.case, draft.id, _grounds(decider), now)
    _check_open(decider, given, now)
    return decider, draft


def _grounds(decider: Decider) -> Grounds:
    return Grounds(decider.facts, decider.judged, decider.manager)


def _check_right(policy: Policy, decider: Decider) -> None:
    case, facts, judged = decider.case, decider.facts, decider.judged
    if stops := [r.reason for r in judged.rulings if r.kind in (Kind.STOP, Kind.NEVER)]:
        raise VerbRefused(Reply(Answer.STOPPED, case, stops[0]))
    needed = gates.approvals(judged.rulings, facts, case.stage, policy, judged.class_)
    if not rights.may_approve(decider.user, decider.roles, decider.manager, policy, needed):
        raise VerbRefused(Reply(Answer.NOT_ALLOWED, case, rights.who_may_approve(needed)))


def _check_open(decider: Decider, before: Approvals, now: datetime) -> None:
    if any(d.actor == decider.user for d in before.given):
        raise VerbRefused(Reply(Answer.ALREADY_APPROVED, decider.case))
    if not before.open(now):
        who = decider.manager.user if decider.manager else ""
        opens_at = decider.case.approval_opens_at
        raise VerbRefused(Reply(Answer.NOT_OPEN_YET, decider.case, who, at=opens_at))


def _first(
    conn: Connection, decider: Decider, draft: Draft, after: Approvals, now: datetime
) -> Reply:
    case = decider.case
    data = {"draft": draft.sha256, "given": len(after.given), "needed": after.needed}
    again = Move(State.WAITING, "approval.first", decider.user, case.row.due_at, data)
    access.moved(cases.move(conn, case, again, now), case)
    who = "a finance lead" if after.lead_needed and not after.lead_given else "another person"
    return Reply(Answer.SECOND_NEEDED, cases.get(conn, case.id), who)


def _last(conn: Connection, policy: Policy, decider: Decider, draft: Draft, now: datetime) -> Reply:
    """Start the undo window; the mail can go once it is over and sending hours allow."""
    case = decider.case
    undo_until = now + timedelta(seconds=policy.undo_seconds)
    zone = companies.need(conn, case.company).zone
    send_at = next_opening(undo_until, zone, policy)
    lapses_at = send_at + timedelta(hours=policy.lapse_hours)
    data = {"draft": draft.sha256, "policy": policy.sha256, "send_at": send_at}
    go = Move(State.APPROVED, "approval.given", decider.user, send_at, data)
    columns = {
        "undo_until": undo_until if policy.undo_seconds else None,
        "lapses_at": lapses_at,
        "end_reason": "",
    }
    access.moved(cases.move(conn, case, go, now, **columns), case)
    return Reply(Answer.RECORDED, cases.get(conn, case.id))


BEGUN = frozenset({State.SENDING, State.UNKNOWN, State.SENT, State.DONE})
"""A mail may be out, and nobody can call it back."""


def undo(conn: Connection, policy: Policy, click: Click, now: datetime) -> Reply:
    """Take back an approval, as long as no mail has begun, or a rejection. Raises VerbRefused."""
    decider = access.enter(conn, policy, Verb.UNDO, click, now)
    case = decider.case
    if case.state in BEGUN:
        raise VerbRefused(Reply(Answer.TOO_LATE, case))
    if case.state is State.REJECTED:
        return _reopen(conn, policy, decider, click, now)
    access.in_state(conn, case, State.APPROVED)
    draft = access.same_draft(decider, click)
    access.decide(conn, policy, decider, now)
    fresh = drafts.rewrite_draft(conn, draft, now)
    again = refresh_at(now, companies.need(conn, case.company).zone, policy)
    back = Move(State.WAITING, "approval.undone", decider.user, again, {"draft": fresh.sha256})
    columns: dict[str, object] = {
        "draft": fresh.id,
        "undo_until": None,
        "lapses_at": None,
        "end_reason": "",
    }
    access.moved(cases.move(conn, case, back, now, **columns), case)
    return Reply(Answer.RECORDED, cases.get(conn, case.id))


def _reopen(
    conn: Connection, policy: Policy, decider: Decider, click: Click, now: datetime
) -> Reply:
    """Put the case back as it was before the rejection; it is looked at again at once."""
    case = decider.case
    old = access.same_draft(decider, click) if decider.draft else None
    if what := history.followed(conn, case):
        raise VerbRefused(Reply(Answer.FOLLOWED, case, what))
    access.decide(conn, policy, decider, now, kind=Decided.REOPEN)
    crossings.retake(conn, case)
    history.right_after_all(conn, case.company, case.customer, case.row.closed_at)
    fresh = drafts.rewrite_draft(conn, old, now) if old else None
    back = Move(State.WAITING, "rejection.undone", decider.user, now)
    columns: dict[str, object] = {
        "draft": fresh.id if fresh else None,
        "end_reason": "",
    }
    access.moved(cases.move(conn, case, back, now, **columns), case)
    return Reply(Answer.RECORDED, cases.get(conn, case.id))
