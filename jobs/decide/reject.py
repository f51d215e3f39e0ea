"""Reject: each reason has a consequence, and none is ignored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from jobs.decide import access
from jobs.decide.access import Answer, Click, Decider, Reply
from jobs.decide.hold import Holding, put_on_hold, put_to_sleep
from jobs.decide.verbs import Verb
from jobs.rules.facts.past import HoldKind
from jobs.rules.figures import day
from jobs.rules.gates.about_ledger import ON_ACCOUNT
from jobs.rules.plain import shortened
from jobs.rules.policy.business_days import add_working_days
from jobs.rules.policy.policy import Policy
from jobs.rules.states import RejectReason, State
from jobs.store import cases, companies, crossings, log
from jobs.store.cases import Move
from jobs.store.customers import history


@dataclass(frozen=True)
class Rejection:
    """A rejection with its reason; `invoices` only if the reason is a dispute."""

    why: RejectReason
    comment: str = ""
    invoices: tuple[str, ...] = ()

    def noted(self, conn: Connection, now: datetime) -> dict[str, str]:
        """What the log says about it; the comment itself is stored beside the log."""
        return {"why": self.why, **log.keep_words(conn, self.comment, now)}


def reject(
    conn: Connection, policy: Policy, click: Click, rejection: Rejection, now: datetime
) -> Reply:
    """Reject the draft that was shown. Raises VerbRefused."""
    decider = access.enter(conn, policy, Verb.REJECT, click, now)
    access.in_state(conn, decider.case, State.WAITING)
    if decider.draft:
        access.same_draft(decider, click)
    access.decide(conn, policy, decider, now, rejection.why, rejection.comment)
    match rejection.why:
        case RejectReason.ALREADY_PAID:
            return _wait_for_it(conn, policy, decider, rejection, now)
        case RejectReason.DISPUTED:
            return _dispute(conn, policy, decider, rejection, now)
        case RejectReason.WRONG_TONE:
            return _draft_again(conn, decider, rejection, now)
        case RejectReason.WRONG_CONTACT:
            return _wrong_contact(conn, decider, rejection, now)
        case _:
            return _end(conn, decider, rejection, now)


def _end(conn: Connection, decider: Decider, rejection: Rejection, now: datetime) -> Reply:
    """End the case. The crossings stay used, so the invoice comes back at its next stage."""
    case = decider.case
    data = rejection.noted(conn, now)
    end = Move(State.REJECTED, "case.rejected", decider.user, None, data)
    reason = shortened(rejection.comment, 500)
    access.moved(cases.move(conn, case, end, now, end_reason=reason), case)
    return Reply(Answer.RECORDED, cases.get(conn, case.id))


def _wait_for_it(
    conn: Connection, policy: Policy, decider: Decider, rejection: Rejection, now: datetime
) -> Reply:
    """ "Already paid": wait some working days for the payment, then show the case again."""
    today = companies.need(conn, decider.case.company).today(now)
    until = add_working_days(today, policy.already_paid_working_days, policy)
    why = rejection.comment or "said to be paid already"
    applied = "it is not applied" if _on_account(decider) else "no payment has come"
    said = f"Asks again on {day(until)} if {applied}."
    return put_to_sleep(conn, decider, until, why, said, now)


def _on_account(decider: Decider) -> bool:
    """Whether the card already shows the money, which only has to be applied in QuickBooks."""
    return any(r.rule in ON_ACCOUNT for r in decider.judged.rulings)


def _dispute(
    conn: Connection, policy: Policy, decider: Decider, rejection: Rejection, now: datetime
) -> Reply:
    today = companies.need(conn, decider.case.company).today(now)
    until = today + timedelta(days=policy.hold_days)
    holding = Holding(HoldKind.DISPUTE, until, rejection.comment, rejection.invoices)
    return put_on_hold(conn, decider, holding, now)


def _draft_again(conn: Connection, decider: Decider, rejection: Rejection, now: datetime) -> Reply:
    case = decider.case
    again = Move(State.WAITING, "draft.rejected", decider.user, now, rejection.noted(conn, now))
    access.moved(cases.move(conn, case, again, now, draft=None, **cases.ANEW), case)
    return Reply(Answer.RECORDED, cases.get(conn, case.id))


def _wrong_contact(
    conn: Connection, decider: Decider, rejection: Rejection, now: datetime
) -> Reply:
    """Release the crossings, since nobody was contacted; the address is not used again."""
    case = decider.case
    if decider.draft:
        to = decider.draft.letter.to
        history.bounced(conn, case.company, case.customer, to, decider.user, now)
    data = rejection.noted(conn, now)
    end = Move(State.REJECTED, "case.rejected", decider.user, None, data)
    reason = shortened(rejection.comment, 500)
    access.moved(cases.move(conn, case, end, now, end_reason=reason), case)
    crossings.release(conn, case.id, now)
    return Reply(Answer.RECORDED, cases.get(conn, case.id))
