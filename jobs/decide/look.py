"""Fine, look again, draft anyway, confirm an address: what moves a case on without ending it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from jobs.decide import door
from jobs.decide.door import Answer, Knock, Refused, Said, Visitor
from jobs.decide.lift import GOES_ON
from jobs.decide.undo import followed
from jobs.intake import crossings
from jobs.rules.ledger_text import to_confirm
from jobs.rules.policy import Policy
from jobs.rules.rights import looks_after, may_run
from jobs.rules.rulings import RULINGS, Kind, stops_seen
from jobs.rules.states import State
from jobs.store import cases, companies, history
from jobs.store.cases import Move


def fine(conn: Connection, policy: Policy, knock: Knock, now: datetime) -> Said:
    """The account manager has read it; without one a finance lead has. Raises Refused."""
    visitor = door.enter(conn, policy, knock, now)
    door.in_state(conn, visitor.case, State.WAITING)
    door.same_draft(visitor, knock)
    if not (looks_after(visitor.user, visitor.facts, policy) or may_run(visitor.roles)):
        who = "the account manager or a finance lead"
        raise Refused(Said(Answer.NOT_ALLOWED, visitor.case, who))
    door.decide(conn, policy, visitor, "fine", now)
    return _on(conn, visitor, "manager.fine", visitor.case.row.due_at, now)


def look_again(conn: Connection, policy: Policy, knock: Knock, now: datetime) -> Said:
    """Gather the case anew, now; a snooze ends with it. Raises Refused."""
    visitor = door.enter(conn, policy, knock, now)
    door.in_state(conn, visitor.case, State.WAITING, State.SNOOZED)
    door.decide(conn, policy, visitor, "look_again", now)
    case, lifted = visitor.case, []
    if case.state is State.SNOOZED:
        lifted = history.end_quiet(conn, case.company, case.customer, visitor.user, now)
    return _on(conn, visitor, "case.look_again", now, now, {"lifted": lifted}, **cases.ANEW)


def draft_anyway(
    conn: Connection, policy: Policy, knock: Knock, seen: str, reason: str, now: datetime
) -> Said:
    """A finance lead sets the present stops aside, for the next draft only. Raises Refused.

    `seen` is the fingerprint of the stops that this person has read.
    """
    visitor = door.enter(conn, policy, knock, now)
    case = visitor.case
    door.in_state(conn, case, State.WAITING)
    if not may_run(visitor.roles):
        raise Refused(Said(Answer.NOT_ALLOWED, case, "a finance lead"))
    if never := [r.reason for r in case.rulings if r.kind is Kind.NEVER]:
        raise Refused(Said(Answer.STOPPED, case, never[0]))
    if seen != stops_seen(case.rulings):
        raise Refused(Said(Answer.STALE, case))
    stops = tuple(r for r in case.rulings if r.kind is Kind.STOP)
    door.decide(conn, policy, visitor, "draft_anyway", now, reason)
    aside = RULINGS.dump_python((*case.allowed_anyway, *stops), mode="json")
    columns = cases.ANEW | {"allowed_anyway": aside}
    data: dict[str, object] = {
        "rules": sorted(r.rule for r in stops),
        "stops": sorted(r.fingerprint for r in stops),
    }
    return _on(conn, visitor, "stops.set_aside", now, now, data, **columns)


def confirm_address(
    conn: Connection, policy: Policy, knock: Knock, address: str, now: datetime
) -> Said:
    """A person picks one of the ledger's addresses; it is remembered. Raises Refused."""
    visitor = door.enter(conn, policy, knock, now)
    case = visitor.case
    door.in_state(conn, case, State.WAITING, State.REJECTED)
    if case.state is State.REJECTED and (what := followed(conn, case)):
        raise Refused(Said(Answer.FOLLOWED, case, what))
    door.decide(conn, policy, visitor, "confirm_address", now)
    history.confirm_address(conn, case.company, case.customer, address, visitor.user, now)
    if case.state is State.REJECTED:
        return _begin_anew(conn, policy, visitor, now)
    return _on(conn, visitor, "address.confirmed", now, now, draft=None, **cases.ANEW)


def _begin_anew(conn: Connection, policy: Policy, visitor: Visitor, now: datetime) -> Said:
    """The rejected case gave its stages back: with the right address they are crossed again."""
    case, company = visitor.case, companies.need(conn, visitor.case.company)
    on = Move(State.REJECTED, "address.confirmed", visitor.user)
    door.moved(cases.move(conn, case, on, now, end_reason=GOES_ON), case)
    crossings.open_cases(conn, policy, company, [case.customer], f"confirmed:{case.id}", now)
    return Said(Answer.RECORDED, cases.get(conn, case.id))


def confirm_name(conn: Connection, policy: Policy, knock: Knock, seen: str, now: datetime) -> Said:
    """A finance lead confirms a name that looks like a web address; letters may say it from now on.

    `seen` is the fingerprint of the name that this person has read. Raises Refused.
    """
    visitor = door.enter(conn, policy, knock, now)
    case = visitor.case
    door.in_state(conn, case, State.WAITING)
    if not may_run(visitor.roles):
        raise Refused(Said(Answer.NOT_ALLOWED, case, "a finance lead"))
    if not seen or seen != to_confirm(visitor.facts):
        raise Refused(Said(Answer.STALE, case))
    door.decide(conn, policy, visitor, "confirm_name", now)
    history.confirm_name(conn, case.company, case.customer, seen, visitor.user, now)
    return _on(conn, visitor, "name.confirmed", now, now, {"name": seen}, draft=None, **cases.ANEW)


def _on(
    conn: Connection,
    visitor: Visitor,
    action: str,
    due_at: datetime | None,
    now: datetime,
    data: dict[str, object] | None = None,
    **columns: object,
) -> Said:
    case = visitor.case
    on = Move(State.WAITING, action, visitor.user, due_at, data)
    door.moved(cases.move(conn, case, on, now, **columns), case)
    return Said(Answer.RECORDED, cases.get(conn, case.id))
