"""Lift: a dispute or a hold ends before its date, and its invoices may be written about again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from jobs.decide import door
from jobs.decide.door import Answer, Knock, Refused, Said, Visitor
from jobs.intake import crossings
from jobs.rules.past import Hold
from jobs.rules.policy import Policy
from jobs.rules.rulings import disputing_holds
from jobs.rules.states import State
from jobs.store import cases, companies, history
from jobs.store.cases import Move

GOES_ON = "What is still overdue goes on as a case of its own."


def lift(conn: Connection, policy: Policy, knock: Knock, now: datetime) -> Said:
    """End the disputes that this card names, or the hold that ended its case. Raises Refused.

    STALE where none stands that a person has set: what a text or the policy says stays.
    """
    visitor = door.enter(conn, policy, knock, now)
    door.in_state(conn, visitor.case, State.WAITING, State.HELD)
    if visitor.case.state is State.HELD:
        return _take_up(conn, policy, visitor, now)
    return _agree(conn, policy, visitor, now)


def _agree(conn: Connection, policy: Policy, visitor: Visitor, now: datetime) -> Said:
    """The bill is agreed upon again: the case is gathered anew."""
    case = visitor.case
    named = disputing_holds(case.rulings)
    found = _some(visitor, [h for h in _unlifted(conn, visitor) if h.id in named])
    door.decide(conn, policy, visitor, "lift", now)
    history.lift(conn, found, visitor.user, now)
    again = Move(State.WAITING, "hold.lifted", visitor.user, now, _lifted(found))
    door.moved(cases.move(conn, case, again, now, **cases.ANEW), case)
    return Said(Answer.RECORDED, cases.get(conn, case.id))


def _take_up(conn: Connection, policy: Policy, visitor: Visitor, now: datetime) -> Said:
    """A held case has ended and given its stages back: they are crossed again, now."""
    case, company = visitor.case, companies.need(conn, visitor.case.company)
    spoken = {"", *(i.id for i in visitor.facts.invoices)}
    found = _some(visitor, [h for h in _unlifted(conn, visitor) if h.invoice in spoken])
    door.decide(conn, policy, visitor, "take_up", now)
    history.lift(conn, found, visitor.user, now)
    lifted = Move(State.HELD, "hold.lifted", visitor.user, None, _lifted(found))
    door.moved(cases.move(conn, case, lifted, now, end_reason=GOES_ON), case)
    crossings.open_cases(conn, policy, company, [case.customer], f"lifted:{case.id}", now)
    crossings.refresh(conn, company.realm, [case.customer], now)
    return Said(Answer.RECORDED, cases.get(conn, case.id))


def _unlifted(conn: Connection, visitor: Visitor) -> tuple[Hold, ...]:
    return history.unlifted(conn, visitor.case.company, visitor.case.customer)


def _some(visitor: Visitor, found: list[Hold]) -> list[Hold]:
    if not found:
        raise Refused(Said(Answer.STALE, visitor.case))
    return found


def _lifted(found: list[Hold]) -> dict[str, object]:
    return {"lifted": [h.id for h in found], "invoices": [h.invoice for h in found]}
