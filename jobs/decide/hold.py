"""Hold, snooze and take over: nobody is written to until a date, then the case comes back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from jobs import opening
from jobs.decide import access
from jobs.decide.access import Answer, Click, Decider, Reply, VerbRefused
from jobs.decide.verbs import Verb
from jobs.rules.case import Decided
from jobs.rules.facts.past import Hold, HoldKind
from jobs.rules.figures import day
from jobs.rules.policy.business_days import start_of
from jobs.rules.policy.policy import Policy
from jobs.rules.rulings import disputing_holds
from jobs.rules.states import State
from jobs.store import cases, companies, crossings, log
from jobs.store.cases import Move
from jobs.store.customers import history


@dataclass(frozen=True)
class Holding:
    """A hold to set. No `invoices`: the whole customer. `until`: a date in the company's zone."""

    kind: HoldKind
    until: date
    reason: str = ""
    invoices: tuple[str, ...] = ()
    promise: str | None = None
    """The id of the promise behind it, if there is one."""


def hold(conn: Connection, policy: Policy, click: Click, holding: Holding, now: datetime) -> Reply:
    """Put invoices, or the whole customer, on hold until a review date. Raises VerbRefused."""
    decider = access.enter(conn, policy, Verb.HOLD, click, now)
    access.in_state(conn, decider.case, State.WAITING)
    access.decide(conn, policy, decider, now, holding.kind, holding.reason)
    return put_on_hold(conn, decider, holding, now)


def put_on_hold(conn: Connection, decider: Decider, holding: Holding, now: datetime) -> Reply:
    """Set the hold; a waiting case ends as held, or goes on with the remaining invoices.

    In any other state the customer's open cases, which may include this one, are looked at again.
    """
    _set(conn, decider, holding, now)
    case, invoices = decider.case, holding.invoices
    data = {"kind": holding.kind, "until": holding.until, "invoices": list(invoices)}
    rest = {i.id for i in decider.facts.invoices} - set(invoices)
    if case.state is not State.WAITING:
        log.note(conn, log.Entry(case.company, "hold.set", decider.user, now, case.id, data))
        cases.look_again(conn, case.company, [case.customer], now)
    elif invoices and rest & crossings.crossed(conn, case.id).keys():
        on = Move(State.WAITING, "hold.set", decider.user, now, data)
        access.moved(cases.move(conn, case, on, now, draft=None, **cases.ANEW), case)
        # nobody was written to about these: after the hold they may cross again
        crossings.release(conn, case.id, now, only=invoices)
    else:
        until = f"On hold until {day(holding.until)}."
        end = Move(State.HELD, "hold.set", decider.user, None, data)
        access.moved(cases.move(conn, case, end, now, end_reason=until), case)
        crossings.release(conn, case.id, now)
    return Reply(Answer.RECORDED, cases.get(conn, case.id))


def _set(conn: Connection, decider: Decider, holding: Holding, now: datetime) -> None:
    case, reason = decider.case, holding.reason
    what = (holding.invoices, holding.kind, holding.until, decider.user, reason)
    history.hold(conn, case.company, case.customer, *what, now, holding.promise)


@dataclass(frozen=True)
class Snooze:
    """`until` is the day, in the company's zone, on which the case comes back."""

    until: date
    reason: str = ""


def snooze(
    conn: Connection, policy: Policy, click: Click, snoozing: Snooze, now: datetime
) -> Reply:
    """Bring the case back on a given day, with fresh context. Raises VerbRefused."""
    decider = access.enter(conn, policy, Verb.SNOOZE, click, now)
    access.in_state(conn, decider.case, State.WAITING)
    access.decide(conn, policy, decider, now, snoozing.reason)
    said = f"Comes back on {day(snoozing.until)}."
    return put_to_sleep(conn, decider, snoozing.until, snoozing.reason, said, now)


def put_to_sleep(
    conn: Connection, decider: Decider, until: date, reason: str, said: str, now: datetime
) -> Reply:
    """Snooze the case and keep the customer quiet until then; a payment still closes the case.

    `said` is the sentence that the card shows.
    """
    case = decider.case
    _set(conn, decider, Holding(HoldKind.QUIET, until, reason), now)
    wakes = start_of(until, companies.need(conn, case.company).zone)
    asleep = Move(State.SNOOZED, "case.snoozed", decider.user, wakes, {"until": until})
    columns = cases.ANEW | {"end_reason": said}
    access.moved(cases.move(conn, case, asleep, now, **columns), case)
    return Reply(Answer.RECORDED, cases.get(conn, case.id))


def take_over(conn: Connection, policy: Policy, click: Click, now: datetime) -> Reply:
    """ "I'll handle it": hold the customer for the policy's usual time, in this person's name."""
    decider = access.enter(conn, policy, Verb.TAKEOVER, click, now)
    access.in_state(conn, decider.case, State.WAITING)
    access.decide(conn, policy, decider, now)
    today = companies.need(conn, decider.case.company).today(now)
    until = today + timedelta(days=policy.hold_days)
    return put_on_hold(conn, decider, Holding(HoldKind.QUIET, until, "taken over"), now)


GOES_ON = "Anything still overdue continues as a new case."


def lift(conn: Connection, policy: Policy, click: Click, now: datetime) -> Reply:
    """End the disputes that this card names, or the hold that ended its case. Raises VerbRefused.

    STALE if no person has set any: disputes that come from a text or the policy stay.
    """
    decider = access.enter(conn, policy, Verb.LIFT, click, now)
    access.in_state(conn, decider.case, State.WAITING, State.HELD)
    if decider.case.state is State.HELD:
        return _take_up(conn, policy, decider, now)
    return _agree(conn, policy, decider, now)


def _agree(conn: Connection, policy: Policy, decider: Decider, now: datetime) -> Reply:
    """No longer disputed: the case is gathered again."""
    case = decider.case
    named = disputing_holds(decider.judged.rulings)
    found = _some(decider, [h for h in _unlifted(conn, decider) if h.id in named])
    access.decide(conn, policy, decider, now)
    history.lift(conn, found, decider.user, now)
    again = Move(State.WAITING, "hold.lifted", decider.user, now, _lifted(found))
    access.moved(cases.move(conn, case, again, now, **cases.ANEW), case)
    return Reply(Answer.RECORDED, cases.get(conn, case.id))


def _take_up(conn: Connection, policy: Policy, decider: Decider, now: datetime) -> Reply:
    """A held case has ended and released its crossings: let its invoices cross again now."""
    case, company = decider.case, companies.need(conn, decider.case.company)
    spoken = {"", *(i.id for i in decider.facts.invoices)}
    found = _some(decider, [h for h in _unlifted(conn, decider) if h.invoice in spoken])
    access.decide(conn, policy, decider, now, kind=Decided.TAKE_UP)
    history.lift(conn, found, decider.user, now)
    lifted = Move(State.HELD, "hold.lifted", decider.user, None, _lifted(found))
    access.moved(cases.move(conn, case, lifted, now, end_reason=GOES_ON), case)
    opening.open_cases(conn, policy, company, [case.customer], f"lifted:{case.id}", now)
    cases.look_again(conn, company.realm, [case.customer], now)
    return Reply(Answer.RECORDED, cases.get(conn, case.id))


def _unlifted(conn: Connection, decider: Decider) -> tuple[Hold, ...]:
    return history.unlifted(conn, decider.case.company, decider.case.customer)


def _some(decider: Decider, found: list[Hold]) -> list[Hold]:
    if not found:
        raise VerbRefused(Reply(Answer.STALE, decider.case))
    return found


def _lifted(found: list[Hold]) -> dict[str, object]:
    return {"lifted": [h.id for h in found], "invoices": [h.invoice for h in found]}
