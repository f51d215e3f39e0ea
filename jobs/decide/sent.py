"""Was it sent? A person settles what no machine can know. And taking back a note."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from jobs.approvals import sent
from jobs.decide import access
from jobs.decide.access import Answer, Click, Decider, Reply, VerbRefused
from jobs.decide.verbs import Verb
from jobs.rules.case import LONGEST_HANDOVER, Decided, Decision
from jobs.rules.facts.past import HoldKind
from jobs.rules.policy.business_days import refresh_at
from jobs.rules.policy.policy import Policy
from jobs.rules.states import RejectReason, State
from jobs.store import cases, companies, drafts, log, sends
from jobs.store.cases import Move
from jobs.store.customers import history
from jobs.store.work import LEASE

NOT_GONE = "The message was not sent; the thread says who reported it."
UNDER_WAY = LEASE + LONGEST_HANDOVER + timedelta(minutes=10)
"""How long a sender that has gone silent may still hand over its mail."""


def went(conn: Connection, policy: Policy, click: Click, now: datetime) -> Reply:
    """Somebody found the mail, or the customer has it: the note is next. Raises VerbRefused."""
    decider = _enter(conn, policy, Verb.WENT, click, now)
    draft = access.same_draft(decider, click)
    access.decide(conn, policy, decider, now)
    sends.settle(conn, decider.case.id, "sent", decider.user, now)
    access.moved(sent(conn, decider.case, draft, decider.user, now), decider.case)
    return Reply(Answer.RECORDED, cases.get(conn, decider.case.id))


def did_not_go(conn: Connection, policy: Policy, click: Click, now: datetime) -> Reply:
    """It never left: the text becomes a new draft that needs a new approval. Raises VerbRefused.

    STILL_POSSIBLE: a sender that stopped without an outcome may still resume; wait for it.
    """
    decider = _enter(conn, policy, Verb.DID_NOT_GO, click, now)
    _wait_for_the_sender(conn, decider, now)
    draft, case = access.same_draft(decider, click), decider.case
    access.decide(conn, policy, decider, now)
    sends.settle(conn, case.id, "not_sent", decider.user, now)
    fresh = drafts.rewrite_draft(conn, draft, now, [NOT_GONE])
    again = refresh_at(now, companies.need(conn, case.company).zone, policy)
    back = Move(State.WAITING, "send.did_not_go", decider.user, again, {"draft": fresh.sha256})
    columns = {"draft": fresh.id, "undo_until": None, "lapses_at": None}
    access.moved(cases.move(conn, case, back, now, **columns), case)
    return Reply(Answer.RECORDED, cases.get(conn, case.id))


def _enter(conn: Connection, policy: Policy, verb: Verb, click: Click, now: datetime) -> Decider:
    decider = access.enter(conn, policy, verb, click, now)
    access.in_state(conn, decider.case, State.UNKNOWN)
    return decider


def _wait_for_the_sender(conn: Connection, decider: Decider, now: datetime) -> None:
    """Raise VerbRefused while the sender may still resume; one that reported "unknown" will not."""
    attempt = sends.alive(conn, decider.case.id)
    if attempt is None or attempt.ended_at or now >= attempt.began_at + UNDER_WAY:
        return
    at = attempt.began_at + UNDER_WAY
    raise VerbRefused(Reply(Answer.STILL_POSSIBLE, decider.case, at=at))


def take_back(conn: Connection, policy: Policy, click: Click, now: datetime) -> Reply:
    """Ask for the removal of this case's note; the write-back step does it. Raises VerbRefused."""
    decider = access.enter(conn, policy, Verb.TAKE_BACK, click, now)
    case = decider.case
    access.in_state(conn, case, State.DONE)
    note = cases.note_of(conn, case.id)
    if note is None or note.state != "written":
        raise VerbRefused(Reply(Answer.DECIDED, case, by=_taker(conn, case.id)))
    access.decide(conn, policy, decider, now)
    sends.conclude_note(conn, case.id, "taking_back", now)
    on = Move(State.DONE, "note.take_back", decider.user, now, {"attachable": note.attachable})
    access.moved(cases.move(conn, case, on, now), case)
    return Reply(Answer.RECORDED, cases.get(conn, case.id))


@dataclass(frozen=True)
class Mistake:
    """What was wrong with a message that went; `invoices` only if they are disputed."""

    why: RejectReason
    comment: str = ""
    invoices: tuple[str, ...] = ()


def was_wrong(
    conn: Connection, policy: Policy, click: Click, mistake: Mistake, now: datetime
) -> Reply:
    """A message should not have gone like this: it counts in the weekly review. Raises VerbRefused.

    Disputed invoices are put on hold for the policy's usual time, and an address that was wrong is
    not used again until somebody confirms one. The mail itself cannot be called back.
    """
    decider = access.enter(conn, policy, Verb.WAS_WRONG, click, now)
    case = decider.case
    access.in_state(conn, case, State.DONE)
    draft = access.same_draft(decider, click)
    access.decide(conn, policy, decider, now, mistake.why, mistake.comment)
    whose = case.company, case.customer
    if mistake.why is RejectReason.DISPUTED:
        until = companies.need(conn, case.company).today(now) + timedelta(days=policy.hold_days)
        who, why = decider.user, mistake.comment
        history.hold(conn, *whose, mistake.invoices, HoldKind.DISPUTE, until, who, why, now)
    if mistake.why is RejectReason.WRONG_CONTACT:
        history.bounced(conn, *whose, draft.letter.to, decider.user, now)
    data = {"why": mistake.why, **log.keep_words(conn, mistake.comment, now)}
    move = Move(State.DONE, "send.was_wrong", decider.user, None, data)
    access.moved(cases.move(conn, case, move, now), case)
    cases.look_again(conn, case.company, [case.customer], now)
    return Reply(Answer.RECORDED, cases.get(conn, case.id))


def _taker(conn: Connection, case_id: str) -> Decision | None:
    """Who asked for it before; None if the note was never in QuickBooks."""
    asked = (d for d in drafts.decided(conn, case_id) if d.kind == Decided.TAKE_BACK)
    return next(reversed(list(asked)), None)
