"""Which approvals count, and how one ends: voided, with everybody told, or sent, with a note due.

They count when given by different people, on the current draft, all of whom still have the right
to approve. This is checked on each click, when a card is drawn, and again just before sending.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from jobs.rules.case import Approvals, Decided, Decision
from jobs.rules.facts.facts import Facts
from jobs.rules.gates import gates
from jobs.rules.policy import rights
from jobs.rules.policy.policy import Policy
from jobs.rules.policy.rights import Manager
from jobs.rules.rulings import Needed, Ruling
from jobs.rules.states import MOVES, Role, State
from jobs.store import assessments, cases, drafts, outbox, people, sends
from jobs.store.assessments import Assessment
from jobs.store.cases import Case, Move
from jobs.store.customers import managers
from jobs.store.drafts import Draft
from jobs.store.outbox import MessageKind

ACTOR = "system:send"


@dataclass(frozen=True)
class Grounds:
    """By what the approvals of a case are counted."""

    facts: Facts
    judged: Assessment
    manager: Manager | None


def grounds(conn: Connection, policy: Policy, case: Case, facts: Facts, now: datetime) -> Grounds:
    """What is known about a case now, together with these facts."""
    judged = assessments.present(conn, case)
    manager = managers.account_manager(
        conn, case.company, case.customer, policy, judged.findings, now
    )
    return Grounds(facts, judged, manager)


def standing(
    conn: Connection,
    policy: Policy,
    case: Case,
    draft: str,
    by: Grounds,
    now: datetime,
    more: tuple[Ruling, ...] = (),
) -> Approvals:
    """The approvals of this draft as the policy counts them at this moment.

    `more` are rulings made since the case was assessed.
    While the account manager still has to see the case, none counts, whenever it was given.
    """
    rulings = (*by.judged.rulings, *more)
    needed = gates.approvals(rulings, by.facts, case.stage, policy, by.judged.class_)
    groups = people.groups(conn, now)
    said = drafts.decided_on(conn, draft, Decided.APPROVE, Decided.FINE)
    approved = (one for one in said if one.kind == Decided.APPROVE)
    given = _valid(conn, policy, approved, by.manager, needed, groups)
    fine = next((one.actor for one in said if one.kind == Decided.FINE), "")
    found = Approvals(
        needed=needed.count,
        given=given,
        lead_needed=needed.lead,
        lead_given=any(Role.FINANCE_LEAD in policy.roles(d.actor, groups) for d in given),
        opens_at=case.approval_opens_at if needed.manager_first else None,
        manager_fine=bool(fine) or not needed.manager_first,
        looks_good=fine,
    )
    return found if found.open(now) else replace(found, given=(), lead_given=False)


def _valid(
    conn: Connection,
    policy: Policy,
    approved: Iterable[Decision],
    manager: Manager | None,
    needed: Needed,
    groups: Mapping[str, frozenset[str]],
) -> tuple[Decision, ...]:
    """Those approvals that were given by people who still have the right to give them."""

    def valid(decision: Decision) -> bool:
        person, roles = people.person(conn, decision.actor), policy.roles(decision.actor, groups)
        allowed = rights.may_approve(decision.actor, roles, manager, policy, needed)
        return allowed and person is not None and not person.trouble

    return tuple(filter(valid, approved))


def void(
    conn: Connection,
    case: Case,
    draft: Draft,
    reason: str,
    kind: str,
    now: datetime,
) -> bool:
    """End an approval: the case goes back to WAITING and its context is gathered again.

    A text that merely lapsed stays as a new draft; one that is no longer true cannot be approved
    until there is a new draft.
    """
    fresh = drafts.rewrite_draft(conn, draft, now) if kind == Decided.LAPSE else None
    back = Move(State.WAITING, f"approval.{kind}", ACTOR, now, {"draft": draft.sha256})
    columns = cases.ANEW | {"draft": fresh.id if fresh else None, "end_reason": reason}
    columns |= {"undo_until": None, "lapses_at": None}
    if not cases.move(conn, case, back, now, **columns):
        return False
    drafts.record(conn, case, Decision(kind, ACTOR, now, reason), draft, "")
    tell_approvers(conn, case, draft, reason, now)
    return True


def tell_approvers(conn: Connection, case: Case, draft: Draft, reason: str, now: datetime) -> None:
    """Tell those who approved what voided it, in the card's thread."""
    told = {"called": _approvers(conn, draft), "reason": reason}
    _call(conn, case, MessageKind.VOIDED, f"void:{draft.id}", told, now)


def tell_edited(conn: Connection, case: Case, draft: Draft, by: str, now: datetime) -> None:
    """Tell those who approved it that the text was edited; not `by`, who did it."""
    others = [who for who in _approvers(conn, draft) if who != by]
    told = {"called": others, "by": by}
    _call(conn, case, MessageKind.EDITED, f"void:{draft.id}", told, now)


def unknown(conn: Connection, case: Case, draft: Draft, now: datetime) -> bool:
    """Record that nobody can tell whether the mail went, and ask those who approved it to look."""
    if not cases.move(conn, case, Move(State.UNKNOWN, "send.unknown", ACTOR), now):
        return False
    told = {"called": _approvers(conn, draft)}
    _call(conn, case, MessageKind.SEND_UNKNOWN, f"unknown:{draft.id}", told, now)
    return True


def accepted_late(conn: Connection, case: Case, draft: Draft, now: datetime) -> None:
    """Record that a server took a mail after a person had said that it did not go.

    Those who have approved a newer draft since are told too; a case still open becomes sent.
    """
    twice = sends.several(conn, case.id)
    tell_all(conn, case, draft, MessageKind.SENT_TWICE if twice else MessageKind.ACCEPTED_LATE, now)
    if State.SENT in MOVES[case.state]:
        sent(conn, case, draft, ACTOR, now)


def tell_all(conn: Connection, case: Case, draft: Draft, kind: MessageKind, now: datetime) -> None:
    """Say in the thread how the mail of `draft` went, and call those who approved a newer draft."""
    if case.draft and case.draft != draft.id:
        newer = drafts.draft(conn, case.draft)
        told = {"called": _approvers(conn, newer)}
        _call(conn, case, kind, f"overtaken:{newer.id}", told, now)
    outbox.say(conn, case, kind, f"late:{draft.id}", {"called": []}, now)


def _approvers(conn: Connection, draft: Draft) -> list[str]:
    return [d.actor for d in drafts.decided_on(conn, draft.id, Decided.APPROVE)]


def _call(
    conn: Connection, case: Case, kind: MessageKind, key: str, data: dict[str, Any], now: datetime
) -> None:
    """Say it in the card's thread, if there is anybody to call."""
    if data["called"]:
        outbox.say(conn, case, kind, key, data, now)


def sent(conn: Connection, case: Case, draft: Draft, actor: str, now: datetime) -> bool:
    """The sender or a person says the mail is out: a note becomes due and the case moves on.

    `draft` is the one that went, which need not be the current one.
    """
    recipient = hashlib.sha256(draft.letter.to.encode()).hexdigest()
    data = {"draft": draft.sha256, "recipient": recipient}
    to = Move(State.SENT, "send.sent", actor, now, data)
    moved = cases.move(conn, case, to, now, draft=draft.id, undo_until=None, lapses_at=None)
    if moved:
        # of a mail that a person looked up: if a backup was brought back, its note may be there
        sends.intend_note(conn, draft, now, unsure=actor != ACTOR)
    return moved
