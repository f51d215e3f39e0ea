"""Lift a dispute: the bill is agreed upon again, and its invoices may be written about."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from jobs.decide import door
from jobs.decide.door import Answer, Knock, Refused, Said
from jobs.rules.policy import Policy
from jobs.rules.rulings import disputing_holds
from jobs.rules.states import State
from jobs.store import cases, history
from jobs.store.cases import Move


def lift(conn: Connection, policy: Policy, knock: Knock, now: datetime) -> Said:
    """End the disputes that this card names, and gather the case anew. Raises Refused.

    STALE where none stands that a person has set: what a text or the policy says stays.
    """
    visitor = door.enter(conn, policy, knock, now)
    case = visitor.case
    door.in_state(conn, case, State.WAITING)
    named = disputing_holds(case.rulings)
    found = [h for h in history.unlifted(conn, case.company, case.customer) if h.id in named]
    if not found:
        raise Refused(Said(Answer.STALE, case))
    door.decide(conn, policy, visitor, "lift", now)
    history.lift(conn, found, visitor.user, now)
    data = {"lifted": [h.id for h in found], "invoices": [h.invoice for h in found]}
    again = Move(State.WAITING, "hold.lifted", visitor.user, now, data)
    door.moved(cases.move(conn, case, again, now, **cases.ANEW), case)
    return Said(Answer.RECORDED, cases.get(conn, case.id))
