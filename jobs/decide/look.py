"""Fine, look again, draft anyway, confirm an address: what moves a case on without ending it.

And the case as a page, which moves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from jobs import opening
from jobs.decide import access
from jobs.decide.access import Answer, Click, Decider, Reply, VerbRefused
from jobs.decide.hold import GOES_ON
from jobs.decide.promise import tick_off
from jobs.decide.verbs import Verb
from jobs.rules.gates.heard import having_read, settling, to_read, to_settle
from jobs.rules.policy.policy import Policy
from jobs.rules.rulings import RULINGS, Kind, stops_seen
from jobs.rules.states import State
from jobs.rules.verification.ledger_text import to_confirm
from jobs.store import assessments, cases, companies, log, outbox
from jobs.store.cases import Move
from jobs.store.customers import heard, history, replies
from jobs.store.outbox import MessageKind


def fine(conn: Connection, policy: Policy, click: Click, now: datetime) -> Reply:
    """The account manager (a finance lead where there is none) has read it. Raises VerbRefused."""
    decider = access.enter(conn, policy, Verb.FINE, click, now)
    access.in_state(conn, decider.case, State.WAITING)
    access.same_draft(decider, click)
    access.decide(conn, policy, decider, now)
    return _on(conn, decider, "manager.fine", decider.case.row.due_at, now)


def look_again(conn: Connection, policy: Policy, click: Click, now: datetime) -> Reply:
    """Gather the case again, now; this ends a snooze. Raises VerbRefused."""
    decider = access.enter(conn, policy, Verb.LOOK_AGAIN, click, now)
    access.in_state(conn, decider.case, State.WAITING, State.SNOOZED)
    access.decide(conn, policy, decider, now)
    case, lifted = decider.case, []
    if case.state is State.SNOOZED:
        lifted = history.end_quiet(conn, case.company, case.customer, decider.user, now)
    return _on(conn, decider, "case.look_again", now, now, {"lifted": lifted}, **cases.ANEW)


@dataclass(frozen=True)
class SetAside:
    """`seen` is the fingerprint of what this person has read and sets aside."""

    seen: str
    reason: str


def draft_anyway(
    conn: Connection, policy: Policy, click: Click, aside: SetAside, now: datetime
) -> Reply:
    """A finance lead sets the current stops aside, for the next draft only. Raises VerbRefused."""
    decider = access.enter(conn, policy, Verb.DRAFT_ANYWAY, click, now)
    case = decider.case
    access.in_state(conn, case, State.WAITING)
    if never := [r.reason for r in decider.judged.rulings if r.kind is Kind.NEVER]:
        raise VerbRefused(Reply(Answer.STOPPED, case, never[0]))
    if aside.seen != stops_seen(decider.judged.rulings):
        raise VerbRefused(Reply(Answer.STALE, case))
    stops = tuple(r for r in decider.judged.rulings if r.kind is Kind.STOP)
    access.decide(conn, policy, decider, now, aside.reason)
    allowed = RULINGS.dump_python((*case.allowed_anyway, *stops), mode="json")
    columns = cases.ANEW | {"allowed_anyway": allowed}
    data: dict[str, object] = {
        "rules": sorted(r.rule for r in stops),
        "stops": sorted(r.fingerprint for r in stops),
    }
    return _on(conn, decider, "stops.set_aside", now, now, data, **columns)


def settle(
    conn: Connection, policy: Policy, click: Click, settled: SetAside, now: datetime
) -> Reply:
    """A finance lead settles what texts say, for good; `seen` is the fingerprint of these findings.
    Where they are replies, their lines are ticked off, too.

    The same text no longer counts; another one, or a changed one, does. Raises VerbRefused.
    """
    decider = access.enter(conn, policy, Verb.SETTLE, click, now)
    access.in_state(conn, decider.case, State.WAITING)
    theirs = decider.case.company, decider.case.customer
    found = to_settle(decider.judged.rulings, decider.judged.evidence)
    if not found or settled.seen != settling(found):
        raise VerbRefused(Reply(Answer.STALE, decider.case))
    access.decide(conn, policy, decider, now, settled.reason)
    heard.settle(conn, decider.case, found)
    for reply in replies.of_texts(conn, *theirs, [one.id for one in found]):
        said = {one.stance for one in found if one.id == reply.document}
        tick_off(conn, decider, reply, said.intersection(reply.stances) - reply.settled, now)
    data: dict[str, object] = {"texts": sorted([one.id, str(one.stance)] for one in found)}
    cases.look_again(conn, decider.case.company, [decider.case.customer], now)
    decider = replace(decider, case=cases.get(conn, decider.case.id))
    return _on(conn, decider, "texts.settled", now, now, data, **cases.ANEW)


def have_read(conn: Connection, policy: Policy, click: Click, seen: str, now: datetime) -> Reply:
    """A finance lead has read texts that no program could read; `seen` is the fingerprint of these.

    It takes a lead because it ends a gate that asks for two people, one of them a lead: a collector
    could end it and then approve alone. The same text asks nobody again; another one, or a changed
    one, does. Raises VerbRefused.
    """
    decider = access.enter(conn, policy, Verb.HAVE_READ, click, now)
    case = decider.case
    access.in_state(conn, case, State.WAITING)
    found = assessments.to_read(conn, case, to_read(decider.judged.rulings))
    if not found or seen != having_read(found):
        raise VerbRefused(Reply(Answer.STALE, case))
    access.decide(conn, policy, decider, now)
    heard.put_read(conn, case, found, decider.user, now)
    data: dict[str, object] = {"texts": [[one.document.id, one.sha256] for one in found]}
    cases.look_again(conn, case.company, [case.customer], now)
    decider = replace(decider, case=cases.get(conn, case.id))
    return _on(conn, decider, "texts.read", now, now, data, **cases.ANEW)


def confirm_address(
    conn: Connection, policy: Policy, click: Click, address: str, now: datetime
) -> Reply:
    """A person picks one of the ledger's addresses, and it is remembered. Raises VerbRefused."""
    decider = access.enter(conn, policy, Verb.CONFIRM_ADDRESS, click, now)
    case = decider.case
    access.in_state(conn, case, State.WAITING, State.REJECTED)
    if case.state is State.REJECTED and (what := history.followed(conn, case)):
        raise VerbRefused(Reply(Answer.FOLLOWED, case, what))
    access.decide(conn, policy, decider, now)
    history.confirm_address(conn, case.company, case.customer, address, decider.user, now)
    if case.state is State.REJECTED:
        return _begin_anew(conn, policy, decider, now)
    return _on(conn, decider, "address.confirmed", now, now, draft=None, **cases.ANEW)


def as_page(conn: Connection, policy: Policy, click: Click, now: datetime) -> Reply:
    """Have the case posted as a page in the thread of its card, once a minute for each person.

    It is no decision. Raises VerbRefused.
    """
    decider = access.enter(conn, policy, Verb.LOOK_AGAIN, click, now)
    case, user = decider.case, decider.user
    key = f"page:{user}:{now:%Y-%m-%dT%H:%M}"
    outbox.say(conn, case, MessageKind.CASE_PAGE, key, {"by": user}, now)
    log.note(conn, log.Entry(case.company, "page.asked", user, now, case.id))
    return Reply(Answer.RECORDED, case)


def _begin_anew(conn: Connection, policy: Policy, decider: Decider, now: datetime) -> Reply:
    """The rejected case released its crossings: let them cross again with the right address."""
    case, company = decider.case, companies.need(conn, decider.case.company)
    on = Move(State.REJECTED, "address.confirmed", decider.user)
    access.moved(cases.move(conn, case, on, now, end_reason=GOES_ON), case)
    opening.open_cases(conn, policy, company, [case.customer], f"confirmed:{case.id}", now)
    return Reply(Answer.RECORDED, cases.get(conn, case.id))


def confirm_name(conn: Connection, policy: Policy, click: Click, seen: str, now: datetime) -> Reply:
    """A finance lead confirms a name that looks like a web address; letters may now use it.

    `seen` is the fingerprint of the name that this person has read. Raises VerbRefused.
    """
    decider = access.enter(conn, policy, Verb.CONFIRM_NAME, click, now)
    case = decider.case
    access.in_state(conn, case, State.WAITING)
    if not seen or seen != to_confirm(decider.facts):
        raise VerbRefused(Reply(Answer.STALE, case))
    access.decide(conn, policy, decider, now)
    history.confirm_name(conn, case.company, case.customer, seen, decider.user, now)
    return _on(conn, decider, "name.confirmed", now, now, {"name": seen}, draft=None, **cases.ANEW)


def _on(
    conn: Connection,
    decider: Decider,
    action: str,
    due_at: datetime | None,
    now: datetime,
    data: dict[str, object] | None = None,
    **columns: object,
) -> Reply:
    case = decider.case
    on = Move(State.WAITING, action, decider.user, due_at, data)
    access.moved(cases.move(conn, case, on, now, **columns), case)
    return Reply(Answer.RECORDED, cases.get(conn, case.id))
