"""Lift: a dispute or a hold ends before its date, and its invoices may be written about again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from jobs.decide import access
from jobs.decide.access import Answer, Click, Decider, Refused, Reply
from jobs.intake import crossings
from jobs.rules.past import Hold
from jobs.rules.policy import Policy
from jobs.rules.rulings import disputing_holds
from jobs.rules.states import State
from jobs.store import cases, companies, history
from jobs.store.cases import Move

GOES_ON = "What is still overdue goes on as a case of its own."


def lift(conn: Connection, policy: Policy, click: Click, now: datetime) -> Reply:
    """End the disputes that this card names, or the hold that ended its case. Raises Refused.

    STALE where none stands that a person has set: what a text or the policy says stays.
    """
    decider = access.enter(conn, policy, click, now)
    access.in_state(conn, decider.case, State.WAITING, State.HELD)
    if decider.case.state is State.HELD:
        return _take_up(conn, policy, decider, now)
    return _agree(conn, policy, decider, now)


def _agree(conn: Connection, policy: Policy, decider: Decider, now: datetime) -> Reply:
    """The bill is agreed upon again: the case is gathered anew."""
    case = decider.case
    named = disputing_holds(case.rulings)
    found = _some(decider, [h for h in _unlifted(conn, decider) if h.id in named])
    access.decide(conn, policy, decider, "lift", now)
    history.lift(conn, found, decider.user, now)
    again = Move(State.WAITING, "hold.lifted", decider.user, now, _lifted(found))
    access.moved(cases.move(conn, case, again, now, **cases.ANEW), case)
    return Reply(Answer.RECORDED, cases.get(conn, case.id))


def _take_up(conn: Connection, policy: Policy, decider: Decider, now: datetime) -> Reply:
    """A held case has ended and given its stages back: they are crossed again, now."""
    case, company = decider.case, companies.need(conn, decider.case.company)
    spoken = {"", *(i.id for i in decider.facts.invoices)}
    found = _some(decider, [h for h in _unlifted(conn, decider) if h.invoice in spoken])
    access.decide(conn, policy, decider, "take_up", now)
    history.lift(conn, found, decider.user, now)
    lifted = Move(State.HELD, "hold.lifted", decider.user, None, _lifted(found))
    access.moved(cases.move(conn, case, lifted, now, end_reason=GOES_ON), case)
    crossings.open_cases(conn, policy, company, [case.customer], f"lifted:{case.id}", now)
    crossings.refresh(conn, company.realm, [case.customer], now)
    return Reply(Answer.RECORDED, cases.get(conn, case.id))


def _unlifted(conn: Connection, decider: Decider) -> tuple[Hold, ...]:
    return history.unlifted(conn, decider.case.company, decider.case.customer)


def _some(decider: Decider, found: list[Hold]) -> list[Hold]:
    if not found:
        raise Refused(Reply(Answer.STALE, decider.case))
    return found


def _lifted(found: list[Hold]) -> dict[str, object]:
    return {"lifted": [h.id for h in found], "invoices": [h.invoice for h in found]}
