"""Counts a company's week for its review, in short readings of the record.

Made again later, the review of a week takes in what has come to light since.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from statistics import mean, median, quantiles
from typing import Any

from sqlalchemy import Connection

from jobs.engine.turns import Write, batches, in_transaction
from jobs.reports.cash import cash
from jobs.reports.cash.outlook import FORECASTS
from jobs.reports.review.review import (
    WEEK,
    CaseOutcome,
    Hours,
    OldestHold,
    OutlookError,
    Review,
    ReviewFigure,
    Rewritten,
    Sentence,
    Version,
)
from jobs.rules.case import Decided
from jobs.rules.letters.rewriting import Rewriting, pattern, rewriting
from jobs.rules.policy.business_days import start_of
from jobs.rules.promises import PromiseState
from jobs.rules.states import RejectReason, State
from jobs.store import log
from jobs.store.companies import ConnectedCompany
from jobs.store.customers import forecasts
from jobs.store.reports import reviewing
from jobs.store.reports.reviewing import (
    EndedCase,
    HeldInvoice,
    Later,
    Paid,
    PastDecision,
    RoutineCase,
    StoppedCase,
)

LOOK_BACK = timedelta(days=30)
"""How long after a routine reminder a dispute or the like counts as an escalation it missed."""
MOST_SENTENCES = 5
OFTEN = 2
"""A sentence is named once this many cases have lost or gained it."""
FALSE = {
    RejectReason.ALREADY_PAID: "already_paid",
    RejectReason.WRONG_CONTACT: "wrong_contact",
    RejectReason.NOT_NEEDED: "not_needed",
}
"""Why a case should not have come up, and the figure that counts it."""
Ended = Mapping[str, tuple[EndedCase, CaseOutcome]]


def made(conn: Connection, company: ConnectedCompany, week: date, now: datetime) -> Review:
    """The review of the week that begins on this Monday, read in one transaction."""
    found: Review = _at_once(make(company, week), conn, now)
    return found


def missed_since(
    conn: Connection, realm: str, since: datetime, until: datetime, now: datetime
) -> dict[str, str]:
    """Case → what came to light in this period that its routine reminder should not have met, the
    same as in a review; read in one transaction."""
    decisions = _at_once(_every(reviewing.decided, realm, since, until), conn, now)
    figures = _at_once(_missed(realm, since, until, decisions), conn, now)
    return {case: one.name.removeprefix("missed_") for one in figures for case in one.cases}


def _at_once(plan: Generator[Write, Any, Any], conn: Connection, now: datetime) -> Any:
    answer = None
    while True:
        try:
            answer = plan.send(answer)(conn, now)
        except StopIteration as done:
            return done.value


def make(company: ConnectedCompany, week: date) -> Generator[Write, Any, Review]:
    """The review of the week that begins on this Monday, from the record as it is now.

    A plan of short readings: see `jobs.engine.turns`.
    """
    since, until = (start_of(day, company.zone) for day in (week, week + WEEK))
    period = (company.realm, since, until)
    decisions: list[PastDecision] = yield from _every(reviewing.decided, *period)
    logged = yield from _logged(*period)
    figures = yield from _figures(*period, decisions, logged)
    paid: list[Paid] = yield from _every(reviewing.paid, *period)
    ended: list[EndedCase] = yield from _every(reviewing.ended, *period)
    outcomes = {one.id: (one, _outcome(one, frozenset(logged[CAUGHT]))) for one in ended}
    changed, authors = yield from _edits(*period)
    unsent = [*_unsent(outcomes.values()), *_rejected(outcomes, decisions)]
    held: list[HeldInvoice] = yield in_transaction(reviewing.held, company.realm)
    return Review(
        realm=company.realm,
        company=company.name,
        week=week,
        outcomes=_outcomes(outcomes.values()),
        figures={one.name: one for one in [*figures, *unsent, *_held(held)]},
        rewritten=tuple(_rewritten(outcomes, changed, authors)),
        sentences=tuple(_sentences(changed)),
        versions=tuple(_versions(outcomes.values())),
        decided_in=_hours(ended),
        days_to_pay=_days_to_pay(paid),
        outlook=(yield from _outlook(company, week, paid)),
        oldest_hold=OldestHold(held[0].since.astimezone(company.zone).date(), held[0].case)
        if held
        else None,
    )


def _figures(
    realm: str,
    since: datetime,
    until: datetime,
    decisions: Sequence[PastDecision],
    logged: Mapping[str, Sequence[str]],
) -> Generator[Write, Any, list[ReviewFigure]]:
    """Everything that is a count with its cases, but for what ended without a message."""
    missed = yield from _missed(realm, since, until, decisions)
    stopped = yield in_transaction(reviewing.stopped, realm)
    over = yield in_transaction(reviewing.promises_ended, realm, since, until)
    refused = logged[REFUSED]
    return [
        *_false_positives(decisions),
        *missed,
        ReviewFigure("undone", _distinct(d.case for d in decisions if d.kind == "undo")),
        ReviewFigure("unknown", _distinct(logged[UNKNOWN])),
        ReviewFigure("refused", _distinct(filter(None, refused)), count=len(refused)),
        *_promises(over),
        *_stopped(stopped),
    ]


FIRST = "0"
"""Before every id."""
CAUGHT, UNKNOWN, REFUSED = ACTIONS = ("send.caught", "send.unknown", "click.refused")
NO_CASE = ""
LOG_ROWS = 5_000
CUSTOMERS = 200


def _every(read: Callable[..., list[Any]], *on: Any) -> Generator[Write, Any, list[Any]]:
    """All pages of this reading."""
    found: list[Any] = []
    after = FIRST
    while some := (yield in_transaction(read, *on, after)):
        found += some
        after = some[-1].id
    return found


def _logged(
    realm: str, since: datetime, until: datetime
) -> Generator[Write, Any, dict[str, list[str]]]:
    """Action → the cases of its log rows in this period, or NO_CASE where they are about none."""
    found: dict[str, list[str]] = {action: [] for action in ACTIONS}
    first, end = yield in_transaction(log.span, realm, since, until)
    for start in range(first, end, LOG_ROWS):
        rows = yield in_transaction(
            log.of_actions, realm, start, min(start + LOG_ROWS, end), ACTIONS
        )
        for row in rows:
            if since <= datetime.fromisoformat(row.fields["at"]) < until:
                found[row.fields["action"]].append(row.case or NO_CASE)
    return found


def _outcome(one: EndedCase, caught: frozenset[str]) -> CaseOutcome:
    if one.state in (State.SENT, State.DONE):
        return CaseOutcome.EDITED if one.edited else CaseOutcome.SENT
    if one.rehearsed:
        return CaseOutcome.REHEARSED
    if one.state is State.CANCELLED:
        return CaseOutcome.CAUGHT if one.id in caught else CaseOutcome.CLOSED
    return CaseOutcome(one.state.value)


def _outcomes(
    ended: Iterable[tuple[EndedCase, CaseOutcome]],
) -> dict[str, dict[CaseOutcome, tuple[str, ...]]]:
    found: dict[str, dict[CaseOutcome, list[str]]] = defaultdict(lambda: defaultdict(list))
    for one, outcome in ended:
        found[one.class_ or ""][outcome].append(one.id)
    return {class_: {o: tuple(ids) for o, ids in by.items()} for class_, by in found.items()}


def _false_positives(decisions: Sequence[PastDecision]) -> Iterator[ReviewFigure]:
    """Cases that should not have come up, or a message that should not have gone, by reason.

    A rejection that was taken back counts for nothing.
    """
    stands: dict[str, str] = {}
    wrong: dict[str, list[str]] = defaultdict(list)
    for one in decisions:
        if one.kind == "reject":
            stands[one.case] = one.reason
        elif one.kind == Decided.REOPEN:
            stands.pop(one.case, None)
        elif one.kind == "was_wrong":
            wrong[one.reason].append(one.case)
    for case, reason in stands.items():
        wrong[reason].append(case)
    for why, name in FALSE.items():
        yield ReviewFigure(name, _distinct(wrong[why]))


def _missed(
    realm: str, since: datetime, until: datetime, decisions: Iterable[PastDecision]
) -> Generator[Write, Any, list[ReviewFigure]]:
    """Routine reminders after which something came to light that they should not have met."""
    by_customer: dict[str, list[RoutineCase]] = defaultdict(list)
    for one in (yield from _every(reviewing.routine, realm, since - LOOK_BACK, until)):
        by_customer[one.customer].append(one)
    events: list[Later] = yield in_transaction(reviewing.later, realm, since, until)
    events += [Later(d.customer, "", d.at, d.kind) for d in decisions if d.kind == "takeover"]
    for some in batches(sorted(by_customer), CUSTOMERS):
        events += yield in_transaction(reviewing.credited, realm, some, since, until)
    found: dict[str, list[str]] = defaultdict(list)
    for event in events:
        for case in by_customer[event.customer]:
            in_time = case.sent_at < event.at <= case.sent_at + LOOK_BACK
            if in_time and (not event.invoice or event.invoice in case.invoices):
                found[event.what].append(case.id)
    return [ReviewFigure(f"missed_{what}", _distinct(found[what])) for what in sorted(found)]


def _promises(over: Iterable[tuple[str, PromiseState]]) -> Iterator[ReviewFigure]:
    by_state: dict[PromiseState, list[str]] = defaultdict(list)
    for case, state in over:
        by_state[state].append(case)
    for state in (PromiseState.KEPT, PromiseState.BROKEN):
        some = by_state[state]
        yield ReviewFigure(f"promises_{state}", _distinct(some), count=len(some))


def _stopped(some: Sequence[StoppedCase]) -> Iterator[ReviewFigure]:
    """What waits without a draft at the time of the review, in all and by the rule that stops it.

    A case that several rules stop counts for each of them, and once in all.
    """
    by_rule: dict[str, list[StoppedCase]] = defaultdict(list)
    for one in some:
        for rule in one.rules:
            by_rule[rule].append(one)
    for name, theirs in [
        ("stopped", some),
        *((f"stopped_{r}", by_rule[r]) for r in sorted(by_rule)),
    ]:
        amounts: dict[str, Decimal] = defaultdict(Decimal)
        for each in theirs:
            amounts[each.currency] += each.open
        yield ReviewFigure(name, tuple(each.id for each in theirs), dict(amounts))


UNSENT = (CaseOutcome.REJECTED, CaseOutcome.HELD, CaseOutcome.CAUGHT, CaseOutcome.CLOSED)


def _unsent(ended: Iterable[tuple[EndedCase, CaseOutcome]]) -> Iterator[ReviewFigure]:
    """What ended without a message, and what it would have asked for."""
    cases: dict[CaseOutcome, list[str]] = defaultdict(list)
    amounts: dict[CaseOutcome, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for one, outcome in ended:
        cases[outcome].append(one.id)
        amounts[outcome][one.currency] += one.asked
    for outcome in UNSENT:
        value = {currency: amount for currency, amount in amounts[outcome].items() if amount}
        yield ReviewFigure(outcome.value, tuple(cases[outcome]), value)


def _rejected(ended: Ended, decisions: Iterable[PastDecision]) -> Iterator[ReviewFigure]:
    """The cases that ended as rejected, by the reason given, and what they would have asked for."""
    why = {one.case: one.reason for one in decisions if one.kind == "reject"}
    by_reason: dict[str, list[EndedCase]] = defaultdict(list)
    for one, outcome in ended.values():
        if outcome is CaseOutcome.REJECTED and one.id in why:
            by_reason[why[one.id]].append(one)
    for reason, some in sorted(by_reason.items()):
        asked = ((one.currency, one.asked) for one in some)
        yield ReviewFigure(f"rejected_{reason}", tuple(one.id for one in some), _sums(asked))


def _held(some: Sequence[HeldInvoice]) -> Iterator[ReviewFigure]:
    """What is on hold at the time of the review, in all and by kind; no invoice counts twice."""
    kinds = dict.fromkeys(one.kind for one in some)
    parts = [("on_hold", some)]
    parts += [(f"on_hold_{kind}", [o for o in some if o.kind is kind]) for kind in sorted(kinds)]
    for name, theirs in parts if some else ():
        once = {one.invoice: (one.currency, one.open) for one in theirs}
        yield ReviewFigure(name, _distinct(one.case for one in theirs), _sums(once.values()))


def _sums(some: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """By currency, without those of nothing."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for currency, amount in some:
        found[currency] += amount
    return {currency: amount for currency, amount in found.items() if amount}


def _distinct(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ids))


def _edits(
    realm: str, since: datetime, until: datetime
) -> Generator[Write, Any, tuple[dict[str, Rewriting], dict[str, str]]]:
    """Case → what people changed in its draft, and who had written that draft."""
    changed: dict[str, Rewriting] = {}
    authors: dict[str, str] = {}
    after = FIRST
    while some := (yield in_transaction(reviewing.rewritten, realm, since, until, after)):
        changed |= {one.id: rewriting(one.before, one.after) for one in some}
        authors |= {one.id: one.author for one in some}
        after = some[-1].id  # the texts of a page go before the next is read
    return changed, authors


def _rewritten(
    ended: Ended, changed: Mapping[str, Rewriting], authors: Mapping[str, str]
) -> Iterator[Rewritten]:
    """By stage, class, language and author, those that people change most first."""
    kinds: dict[tuple[int, str, str, str], list[EndedCase]] = defaultdict(list)
    for one, outcome in ended.values():
        if outcome in (CaseOutcome.SENT, CaseOutcome.EDITED):
            author = authors.get(one.id, one.author)
            kinds[int(one.stage), one.class_ or "", one.language, author].append(one)
    found = []
    for kind, some in kinds.items():
        theirs = [one.id for one in some if one.id in changed]
        share = mean(changed[id].share for id in theirs) if theirs else 0.0
        found.append(Rewritten(*kind, len(some), tuple(theirs), share))
    yield from sorted(found, key=lambda one: (-len(one.cases) * one.share, one.stage, one.class_))


def _sentences(changed: Mapping[str, Rewriting]) -> Iterator[Sentence]:
    """The sentences that several cases have lost, then those that several have gained."""
    takes: tuple[tuple[bool, Callable[[Rewriting], Sequence[str]]], ...]
    takes = (True, lambda one: one.removed), (False, lambda one: one.added)
    for removed, of in takes:
        found: dict[str, list[str]] = defaultdict(list)
        for case, one in changed.items():
            for text in {pattern(sentence) for sentence in of(one)}:
                found[text].append(case)
        often = [item for item in found.items() if len(item[1]) >= OFTEN]
        often.sort(key=lambda item: (-len(item[1]), item[0]))
        for text, some in often[:MOST_SENTENCES]:
            yield Sentence(text, removed, tuple(some))


def _versions(ended: Iterable[tuple[EndedCase, CaseOutcome]]) -> Iterator[Version]:
    found: dict[tuple[str, str, str], list[tuple[str, CaseOutcome]]] = defaultdict(list)
    for one, outcome in ended:
        if one.policy:
            found[one.policy, one.prompt, one.model].append((one.id, outcome))
    for version, some in sorted(found.items(), key=lambda item: -len(item[1])):
        of = Counter(outcome for _, outcome in some)
        counts = (of[one] for one in (CaseOutcome.SENT, CaseOutcome.EDITED, CaseOutcome.REJECTED))
        yield Version(*version, tuple(id for id, _ in some), *counts)


def _hours(ended: Iterable[EndedCase]) -> Hours:
    """How long people took to say something about a card, for the cases that ended."""
    times = [(one.carded_at, one.decided_at) for one in ended]
    took = [then - at for at, then in times if at and then]
    hours = sorted(each.total_seconds() / 3600 for each in took)
    if not hours:
        return Hours()
    slow = quantiles(hours, n=10, method="inclusive")[-1] if len(hours) > 1 else hours[0]
    return Hours(median(hours), slow)


def _days_to_pay(paid: Iterable[Paid]) -> float | None:
    days = [(one.at - one.sent_at).total_seconds() / 86_400 for one in paid if one.sent_at]
    return median(days) if days else None


def _outlook(
    company: ConnectedCompany, week: date, paid: Sequence[Paid]
) -> Generator[Write, Any, OutlookError]:
    """What was expected of the invoices paid in this week, when each was first in an outlook."""
    realm = company.realm
    came_on = {one.id: one.at.astimezone(company.zone).date() for one in paid}
    delays = yield in_transaction(forecasts.usual_delays, realm, [])
    usual = timedelta(delays[forecasts.COMPANY].usual if delays else 0)
    expected: dict[str, Decimal] = {}
    opening: dict[str, Decimal] = {}
    off: dict[str, list[int]] = {}
    for monday in (yield in_transaction(reviewing.forecast_weeks, realm, week + WEEK)):
        text = yield in_transaction(reviewing.forecast_of, realm, monday)
        basis = FORECASTS.validate_json(text)
        if monday == week:
            expected, opening = _expected(basis, week), {one.invoice: one.open for one in basis}
        for one in basis:
            came = came_on.get(one.invoice)
            if came and one.day and monday < cash.monday(came):
                naive = (max(day, monday + cash.DAY) for day in (one.due, one.due + usual))
                off[one.invoice] = [abs((day - came).days) for day in (one.day, *naive)]
    ours, due, median_ = map(mean, zip(*off.values(), strict=True)) if off else (0.0,) * 3
    return OutlookError(len(off), ours, due, median_, expected, _arrived(paid, opening))


def _arrived(paid: Iterable[Paid], opening: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """What was paid in full, by currency: what of it was still open when the week began."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for one in paid:
        found[one.currency] += opening.get(one.id, one.total)
    return dict(found)


def _expected(kept: Iterable[cash.Forecast], week: date) -> dict[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for one in kept:
        if one.day and week <= one.day < week + WEEK:
            found[one.currency] += one.open
    return dict(found)
