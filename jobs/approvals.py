"""Which approvals count, and how one ends: voided, with everybody told, or sent, with a note due.

They count when given by different people, on the current draft, all of whom still have the right
to approve. This is checked on each click, when a card is drawn, and again just before sending.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from jobs.rules import gates, rights
from jobs.rules.case import Approvals, Decision
from jobs.rules.facts import Facts
from jobs.rules.policy import Policy
from jobs.rules.rulings import Ruling
from jobs.rules.states import MOVES, Role, State
from jobs.store import assessments, cases, companies, drafts, people, posts, sends
from jobs.store.cases import Case, Move
from jobs.store.drafts import Draft

ACTOR = "system:send"
ACCEPTED_LATE = (
    "the mail server did accept the earlier message, although somebody said that it did not go. "
    "Nothing is sent a second time."
)
TWICE = (
    "the mail server did accept the earlier message, and a second one has been sent meanwhile or "
    "may have been. Please tell the customer."
)
NOT_GONE = (
    "the message was not handed to the mail server, although somebody said that it went. Please "
    "write to the customer yourself, and take back the QuickBooks note."
)
LOOK = (
    "we cannot tell whether the message went. Please check the Sent folder or the mail server's "
    "log, then press “It went” or “It did not go” on the card. Nothing is sent again by itself."
)


def standing(
    conn: Connection,
    policy: Policy,
    case: Case,
    draft: str,
    facts: Facts,
    now: datetime,
    more: tuple[Ruling, ...] = (),
) -> Approvals:
    """The approvals of this draft as the policy counts them at this moment.

    `more` are rulings made since the case was assessed.
    While the account manager still has to see the case, none counts, whenever it was given.
    """
    judged = assessments.present(conn, case)
    rulings = (*judged.rulings, *more)
    needed = gates.approvals(rulings, facts, case.stage, policy, judged.class_)
    groups = people.groups(conn, now)
    given: list[Decision] = []
    for decision in drafts.decided_on(conn, draft, "approve"):
        person = people.person(conn, decision.actor)
        roles = policy.roles(decision.actor, groups)
        allowed = rights.may_approve(decision.actor, roles, facts, policy, needed)
        if allowed and person and not person.trouble:
            given.append(decision)
    leads = [d for d in given if Role.FINANCE_LEAD in policy.roles(d.actor, groups)]
    fine = bool(drafts.decided_on(conn, draft, "fine"))
    found = Approvals(
        needed=needed.count,
        given=tuple(given),
        lead_needed=needed.lead,
        lead_given=bool(leads),
        opens_at=case.approval_opens_at if needed.manager_first else None,
        manager_fine=fine or not needed.manager_first,
    )
    return found if found.open(now) else replace(found, given=(), lead_given=False)


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
    fresh = drafts.rewrite_draft(conn, draft, now) if kind == "lapse" else None
    back = Move(State.WAITING, f"approval.{kind}", ACTOR, now, {"draft": draft.sha256})
    columns = cases.ANEW | {"draft": fresh.id if fresh else None, "end_reason": reason}
    columns |= {"undo_until": None, "lapses_at": None}
    if not cases.move(conn, case, back, now, **columns):
        return False
    drafts.record(conn, case, Decision(kind, ACTOR, now, reason), draft, "")
    tell_approvers(conn, case, draft, reason, now)
    return True


def tell_approvers(
    conn: Connection, case: Case, draft: Draft, reason: str, now: datetime, *, by: str = ""
) -> None:
    """Tell those who approved what voided it, in the card's thread; not `by`, who did it."""
    who = f"{people.spoken_of(conn, by)} " if by else ""
    text = f"nothing was sent. {who}{posts.escaped(reason)}"
    _tell(conn, case, draft, f"void:{draft.id}", text, now, but=by)


def unknown(conn: Connection, case: Case, draft: Draft, now: datetime) -> bool:
    """Record that nobody can tell whether the mail went, and ask those who approved it to look."""
    if not cases.move(conn, case, Move(State.UNKNOWN, "send.unknown", ACTOR), now):
        return False
    _tell(conn, case, draft, f"unknown:{draft.id}", LOOK, now)
    return True


def accepted_late(conn: Connection, case: Case, draft: Draft, now: datetime) -> None:
    """Record that a server took a mail after a person had said that it did not go.

    Those who have approved a newer draft since are told too; a case still open becomes sent.
    """
    told = TWICE if sends.several(conn, case.id) else ACCEPTED_LATE
    tell_all(conn, case, draft, told, now)
    if State.SENT in MOVES[case.state]:
        sent(conn, case, draft, ACTOR, now)


def tell_all(conn: Connection, case: Case, draft: Draft, text: str, now: datetime) -> None:
    """Tell those who approved `draft` about its mail, and those who approved a newer draft too."""
    if case.draft and case.draft != draft.id:
        newer = drafts.draft(conn, case.draft)
        _tell(conn, case, newer, f"overtaken:{newer.id}", text, now)
    channel = companies.need(conn, case.company).channel
    line = f"{text[0].upper()}{text[1:]}"
    posts.thread(conn, case.company, channel, case.id, f"late:{draft.id}", line, now)


def _tell(
    conn: Connection, case: Case, draft: Draft, key: str, text: str, now: datetime, but: str = ""
) -> None:
    """Post in the card's thread, mentioning everyone who approved this draft except `but`."""
    approvers = [d.actor for d in drafts.decided_on(conn, draft.id, "approve")]
    called = [who for who in approvers if who != but]
    if not called:
        return
    channel = companies.need(conn, case.company).channel
    names = ", ".join(f"<@{who}>" for who in called)
    posts.thread(conn, case.company, channel, case.id, key, f"{names}: {text}", now)


def sent(conn: Connection, case: Case, draft: Draft, actor: str, now: datetime) -> bool:
    """The sender or a person says the mail is out: a note becomes due and the case moves on.

    `draft` is the one that went, which need not be the current one.
    """
    recipient = hashlib.sha256(draft.letter.to.encode()).hexdigest()
    data = {"draft": draft.sha256, "recipient": recipient}
    to = Move(State.SENT, "send.sent", actor, now, data)
    moved = cases.move(conn, case, to, now, draft=draft.id, undo_until=None, lapses_at=None)
    if moved:
        sends.intend_note(conn, draft, now)
    return moved
