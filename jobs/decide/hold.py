"""Hold, snooze and take over: something is left in peace until a date, and then comes back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, update

from jobs.decide import access
from jobs.decide.access import Answer, Click, Decider, Reply
from jobs.rules.business_days import start_of
from jobs.rules.figures import day
from jobs.rules.past import HoldKind
from jobs.rules.policy import Policy
from jobs.rules.states import State
from jobs.store import cases, companies, crossings, history
from jobs.store.cases import Case, Move
from jobs.store.tables import crossings as crossings_table

NONE: tuple[str, ...] = ()


@dataclass(frozen=True)
class Holding:
    """No `invoices` means the whole customer; `until` is a date in the company's zone."""

    kind: HoldKind
    until: date
    reason: str = ""
    invoices: tuple[str, ...] = NONE


def hold(conn: Connection, policy: Policy, click: Click, holding: Holding, now: datetime) -> Reply:
    """Take invoices, or the whole customer, out until a review date. Raises Refused."""
    decider = access.enter(conn, policy, click, now)
    access.in_state(conn, decider.case, State.WAITING)
    access.decide(conn, policy, decider, "hold", now, holding.kind, holding.reason)
    return put_on_hold(conn, decider, holding, now)


def put_on_hold(conn: Connection, decider: Decider, holding: Holding, now: datetime) -> Reply:
    """Set the hold; the case ends as held, or goes on with the invoices that are left."""
    case, invoices = decider.case, holding.invoices
    history.hold(
        conn,
        case.company,
        case.customer,
        invoices,
        holding.kind,
        holding.until,
        decider.user,
        holding.reason,
        now,
    )
    rest = {i.id for i in decider.facts.invoices} - set(invoices)
    data = {"kind": holding.kind, "until": holding.until, "invoices": list(invoices)}
    if invoices and rest & crossings.crossed(conn, case.id).keys():
        on = Move(State.WAITING, "hold.set", decider.user, now, data)
        access.moved(cases.move(conn, case, on, now, draft=None, **cases.ANEW), case)
        _give_back(conn, case, invoices, now)
    else:
        until = f"On hold until {day(holding.until)}."
        end = Move(State.HELD, "hold.set", decider.user, None, data)
        access.moved(cases.move(conn, case, end, now, end_reason=until), case)
        crossings.release(conn, case.id, now)
    return Reply(Answer.RECORDED, cases.get(conn, case.id))


def _give_back(conn: Connection, case: Case, invoices: tuple[str, ...], now: datetime) -> None:
    """Nobody was written to about these: after the hold they may cross their stage again."""
    theirs = (
        (crossings_table.c.case_id == case.id)
        & crossings_table.c.invoice.in_(invoices)
        & crossings_table.c.released_at.is_(None)
    )
    conn.execute(update(crossings_table).where(theirs).values(released_at=now))


def snooze(
    conn: Connection, policy: Policy, click: Click, until: date, reason: str, now: datetime
) -> Reply:
    """Bring the case back on a day, gathered anew. Raises Refused."""
    decider = access.enter(conn, policy, click, now)
    access.in_state(conn, decider.case, State.WAITING)
    access.decide(conn, policy, decider, "snooze", now, reason)
    return put_to_sleep(conn, decider, until, reason, f"Comes back on {day(until)}.", now)


def put_to_sleep(
    conn: Connection, decider: Decider, until: date, reason: str, said: str, now: datetime
) -> Reply:
    """The customer is left in peace until then; a payment meanwhile still closes the case.

    `said` is the sentence for it.
    """
    case = decider.case
    history.hold(
        conn,
        case.company,
        case.customer,
        NONE,
        HoldKind.QUIET,
        until,
        decider.user,
        reason,
        now,
    )
    wakes = start_of(until, companies.need(conn, case.company).zone)
    asleep = Move(State.SNOOZED, "case.snoozed", decider.user, wakes, {"until": until})
    columns = cases.ANEW | {"end_reason": said}
    access.moved(cases.move(conn, case, asleep, now, **columns), case)
    return Reply(Answer.RECORDED, cases.get(conn, case.id))


def take_over(conn: Connection, policy: Policy, click: Click, now: datetime) -> Reply:
    """ "I'll handle it": the customer is held for the usual time, in this person's name."""
    decider = access.enter(conn, policy, click, now)
    access.in_state(conn, decider.case, State.WAITING)
    access.decide(conn, policy, decider, "takeover", now)
    today = companies.need(conn, decider.case.company).today(now)
    until = today + timedelta(days=policy.hold_days)
    return put_on_hold(conn, decider, Holding(HoldKind.QUIET, until, "taken over"), now)
