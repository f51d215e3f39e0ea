"""The weekly review of a company: what became of its cases, and whether the bot deserves trust.

Every figure names its cases. A review is made once the week is over and kept, so that later ones
can be compared with it; made again, it takes in what has come to light since.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from statistics import mean, median, quantiles

from pydantic import TypeAdapter
from sqlalchemy import Connection

from jobs.reports import cash
from jobs.reports.outlook import FORECASTS
from jobs.rules.letters.rewriting import Rewriting, pattern, rewriting
from jobs.rules.promises import PromiseState
from jobs.rules.states import RejectReason, State
from jobs.store import forecasts, log, reviewing
from jobs.store.companies import ConnectedCompany
from jobs.store.reviewing import Decided, EndedCase, Later, Paid, RoutineCase

WEEK = timedelta(days=7)
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
FIRST_WORD = frozenset({"approve", "reject", "was_paid", "hold", "takeover", "edit", "snooze"})
"""What counts as somebody's first decision about a card."""


class Outcome(StrEnum):
    """How a case ended, as the review has it."""

    SENT = "sent"
    EDITED = "edited"
    """Sent in a person's words."""
    REJECTED = "rejected"
    HELD = "held"
    CAUGHT = "caught"
    """The last check found it paid, credited or voided."""
    CLOSED = "closed"
    """Closed before anybody approved it, mostly because it was paid."""
    REHEARSED = "rehearsed"
    """Approved in shadow mode: it would have been sent."""


@dataclass(frozen=True)
class Figure:
    """A count with its cases (by number) and, where money is at stake, amounts by currency."""

    name: str
    cases: tuple[str, ...] = ()
    amounts: Mapping[str, Decimal] = field(default_factory=dict)
    count: int = 0
    """For what is not counted in cases; otherwise that of the cases."""

    @property
    def size(self) -> int:
        return self.count or len(self.cases)


@dataclass(frozen=True)
class Rewritten:
    """Texts of one kind that were sent: how many, those in a person's words, and how much changed.

    `share` is the mean part of the words that changed in those, from 0 to 1.
    """

    stage: int
    class_: str
    language: str
    author: str
    sent: int
    cases: tuple[str, ...]
    share: float


@dataclass(frozen=True)
class Sentence:
    """A sentence, without its figures, that people keep removing or adding."""

    text: str
    removed: bool
    cases: tuple[str, ...]


@dataclass(frozen=True)
class Version:
    """Cases judged by one policy, prompt and model."""

    policy: str
    prompt: str
    model: str
    cases: tuple[str, ...]
    unchanged: int
    edited: int
    rejected: int


@dataclass(frozen=True)
class OutlookError:
    """How far off, in days on average, each way to expect a payment was, for what came in.

    `expected` and `came` are what the outlook had for this week when it began, and what was paid,
    by currency.
    """

    invoices: int = 0
    outlook: float = 0.0
    on_the_due_date: float = 0.0
    as_the_median: float = 0.0
    expected: Mapping[str, Decimal] = field(default_factory=dict)
    came: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True)
class Hours:
    """From a card to the first decision, in hours; None where there was none."""

    median: float | None = None
    slowest_tenth: float | None = None


@dataclass(frozen=True)
class Review:
    """The week that began on Monday `week`, in the company's zone."""

    realm: str
    company: str
    week: date
    outcomes: Mapping[str, Mapping[Outcome, tuple[str, ...]]]
    """Class ("" for none) → outcome → cases."""
    figures: Mapping[str, Figure]
    rewritten: tuple[Rewritten, ...]
    sentences: tuple[Sentence, ...]
    versions: tuple[Version, ...]
    decided_in: Hours
    days_to_pay: float | None
    """From our message to the payment, median, of what was paid in the week."""
    outlook: OutlookError

    @property
    def messages(self) -> int:
        """How many messages went to customers."""
        sent = (Outcome.SENT, Outcome.EDITED)
        return sum(len(by.get(one, ())) for by in self.outcomes.values() for one in sent)

    @property
    def cases(self) -> int:
        """How many cases ended."""
        return sum(len(some) for by in self.outcomes.values() for some in by.values())

    def figure(self, name: str) -> Figure:
        """The figure of this name; an empty one where there is nothing to count."""
        return self.figures.get(name, Figure(name))


REVIEW: TypeAdapter[Review] = TypeAdapter(Review)
Ended = Mapping[str, tuple[EndedCase, Outcome]]


def last_week(company: ConnectedCompany, now: datetime) -> date:
    """The Monday of the last whole week, in the company's zone."""
    return cash.monday(company.today(now)) - WEEK


def make(conn: Connection, company: ConnectedCompany, week: date) -> Review:
    """The review of the week that begins on this Monday, from the record as it is now."""
    since, until = (_midnight(day, company) for day in (week, week + WEEK))
    period = (conn, company.realm, since, until)
    decisions = list(reviewing.decided(*period))
    caught = frozenset(_cases_of(conn, company.realm, "send.caught", since, until))
    ended = {one.id: (one, _outcome(one, caught)) for one in reviewing.ended(*period)}
    texts = {one.case: one for one in reviewing.rewritten(*period)}
    changed = {id: rewriting(one.before, one.after) for id, one in texts.items()}
    paid = reviewing.paid(*period)
    return Review(
        realm=company.realm,
        company=company.name,
        week=week,
        outcomes=_outcomes(ended.values()),
        figures={one.name: one for one in _figures(*period, ended, decisions)},
        rewritten=tuple(_rewritten(ended, changed, {id: t.author for id, t in texts.items()})),
        sentences=tuple(_sentences(changed)),
        versions=tuple(_versions(ended.values())),
        decided_in=_hours(ended, decisions),
        days_to_pay=_days_to_pay(paid),
        outlook=_outlook(conn, company, week, paid),
    )


def _midnight(day: date, company: ConnectedCompany) -> datetime:
    return datetime.combine(day, time(), company.zone).astimezone(UTC)


def _outcome(one: EndedCase, caught: frozenset[str]) -> Outcome:
    if one.state in (State.SENT, State.DONE):
        return Outcome.EDITED if one.edited else Outcome.SENT
    if one.rehearsed:
        return Outcome.REHEARSED
    if one.state is State.CANCELLED:
        return Outcome.CAUGHT if one.id in caught else Outcome.CLOSED
    return Outcome(one.state.value)


def _outcomes(
    ended: Iterable[tuple[EndedCase, Outcome]],
) -> dict[str, dict[Outcome, tuple[str, ...]]]:
    found: dict[str, dict[Outcome, list[str]]] = defaultdict(lambda: defaultdict(list))
    for one, outcome in ended:
        found[one.class_ or ""][outcome].append(one.id)
    return {class_: {o: tuple(ids) for o, ids in by.items()} for class_, by in found.items()}


def _figures(
    conn: Connection,
    realm: str,
    since: datetime,
    until: datetime,
    ended: Ended,
    decisions: Sequence[Decided],
) -> Iterator[Figure]:
    """Everything that is a count with its cases."""
    yield from _false_positives(ended, decisions)
    routine = reviewing.routine(conn, realm, since - LOOK_BACK, until)
    yield from _missed(routine, reviewing.later(conn, realm, since, until))
    caught = [one for one, outcome in ended.values() if outcome is Outcome.CAUGHT]
    yield _with_amounts("caught", caught)
    yield Figure("undone", _distinct(d.case for d in decisions if d.kind == "undo"))
    yield Figure("unknown", _cases_of(conn, realm, "send.unknown", since, until))
    yield from _refused(conn, realm, since, until)
    yield from _promises(reviewing.promises_ended(conn, realm, since, until))
    yield from _stopped(conn, realm)


def _false_positives(ended: Ended, decisions: Sequence[Decided]) -> Iterator[Figure]:
    """Cases that should not have come up, or a message that should not have gone, by reason."""
    wrong = ("reject", "was_paid", "was_wrong")
    for why, name in FALSE.items():
        ids = _distinct(d.case for d in decisions if d.kind in wrong and d.reason == why)
        known = [ended[id][0] for id in ids if id in ended]
        yield Figure(name, ids, _amounts(known))


def _missed(routine: Sequence[RoutineCase], later: Iterable[Later]) -> Iterator[Figure]:
    """Routine reminders after which something came to light that they should not have met."""
    by_customer: dict[str, list[RoutineCase]] = defaultdict(list)
    for one in routine:
        by_customer[one.customer].append(one)
    found: dict[str, list[str]] = defaultdict(list)
    for event in later:
        for case in by_customer[event.customer]:
            in_time = case.sent_at < event.at <= case.sent_at + LOOK_BACK
            if in_time and (not event.invoice or event.invoice in case.invoices):
                found[event.what].append(case.id)
    for what in sorted(found):
        yield Figure(f"missed_{what}", _distinct(found[what]))


def _refused(conn: Connection, realm: str, since: datetime, until: datetime) -> Iterator[Figure]:
    """Clicks that were refused; some are about no case."""
    rows = list(log.between(conn, realm, since, until, "click.refused"))
    cases = _distinct(row.case for row in rows if row.case)
    yield Figure("refused", cases, count=len(rows))


def _promises(over: Iterable[tuple[str, PromiseState]]) -> Iterator[Figure]:
    by_state: dict[PromiseState, list[str]] = defaultdict(list)
    for case, state in over:
        by_state[state].append(case)
    for state in (PromiseState.KEPT, PromiseState.BROKEN):
        some = by_state[state]
        yield Figure(f"promises_{state}", _distinct(some), count=len(some))


def _stopped(conn: Connection, realm: str) -> Iterator[Figure]:
    """What waits without a draft at the time of the review, in all and by the rule that stops it.

    A case that several rules stop counts for each of them, and once in all.
    """
    by_rule: dict[str, list[reviewing.StoppedCase]] = defaultdict(list)
    for one in (some := reviewing.stopped(conn, realm)):
        for rule in one.rules:
            by_rule[rule].append(one)
    for name, theirs in [
        ("stopped", some),
        *((f"stopped_{r}", by_rule[r]) for r in sorted(by_rule)),
    ]:
        amounts: dict[str, Decimal] = defaultdict(Decimal)
        for each in theirs:
            amounts[each.currency] += each.open
        yield Figure(name, tuple(each.id for each in theirs), dict(amounts))


def _with_amounts(name: str, some: Sequence[EndedCase]) -> Figure:
    return Figure(name, tuple(one.id for one in some), _amounts(some))


def _amounts(some: Iterable[EndedCase]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for one in some:
        found[one.currency] += one.asked
    return {currency: amount for currency, amount in found.items() if amount}


def _distinct(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ids))


def _cases_of(
    conn: Connection, realm: str, action: str, since: datetime, until: datetime
) -> tuple[str, ...]:
    rows = log.between(conn, realm, since, until, action)
    return _distinct(row.case for row in rows if row.case)


def _rewritten(
    ended: Ended, changed: Mapping[str, Rewriting], authors: Mapping[str, str]
) -> Iterator[Rewritten]:
    """By stage, class, language and author, those that people change most first."""
    kinds: dict[tuple[int, str, str, str], list[EndedCase]] = defaultdict(list)
    for one, outcome in ended.values():
        if outcome in (Outcome.SENT, Outcome.EDITED):
            author = authors.get(one.id) or (one.model and one.prompt) or "template"
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


def _versions(ended: Iterable[tuple[EndedCase, Outcome]]) -> Iterator[Version]:
    found: dict[tuple[str, str, str], list[tuple[str, Outcome]]] = defaultdict(list)
    for one, outcome in ended:
        if one.policy:
            found[one.policy, one.prompt, one.model].append((one.id, outcome))
    for version, some in sorted(found.items(), key=lambda item: -len(item[1])):
        of = Counter(outcome for _, outcome in some)
        counts = (of[one] for one in (Outcome.SENT, Outcome.EDITED, Outcome.REJECTED))
        yield Version(*version, tuple(id for id, _ in some), *counts)


def _hours(ended: Ended, decisions: Iterable[Decided]) -> Hours:
    """How long people took, for the cases that ended in this week and were first decided in it."""
    first: dict[str, datetime] = {}
    for one in decisions:
        if one.kind in FIRST_WORD:
            first.setdefault(one.case, one.at)
    carded = {id: ended[id][0].carded_at for id in first if id in ended}
    took = [first[id] - at for id, at in carded.items() if at is not None]
    hours = sorted(each.total_seconds() / 3600 for each in took)
    if not hours:
        return Hours()
    return Hours(median(hours), quantiles(hours, n=10)[-1] if len(hours) > 1 else hours[0])


def _days_to_pay(paid: Iterable[Paid]) -> float | None:
    days = [(one.at - one.sent_at).total_seconds() / 86_400 for one in paid if one.sent_at]
    return median(days) if days else None


def _outlook(
    conn: Connection, company: ConnectedCompany, week: date, paid: Sequence[Paid]
) -> OutlookError:
    """What was expected of the invoices paid in this week, when each was first in an outlook."""
    days = {one.invoice: one.at.astimezone(company.zone).date() for one in paid}
    own = forecasts.usual_delays(conn, company.realm, []).get(forecasts.COMPANY)
    usual = timedelta(own.usual if own else 0)
    expected: dict[str, Decimal] = {}
    off: dict[str, list[int]] = {}
    for monday in reviewing.forecast_weeks(conn, company.realm, week + WEEK):
        kept = FORECASTS.validate_python(reviewing.forecast_of(conn, company.realm, monday))
        if monday == week:
            expected = _expected(kept, week)
        for one in kept:
            came = days.get(one.invoice)
            if came and one.day and monday < cash.monday(came):
                naive = (max(day, monday + cash.DAY) for day in (one.due, one.due + usual))
                off[one.invoice] = [abs((day - came).days) for day in (one.day, *naive)]
    arrived: dict[str, Decimal] = defaultdict(Decimal)
    for invoice in paid:
        arrived[invoice.currency] += invoice.total
    ours, due, median_ = map(mean, zip(*off.values(), strict=True)) if off else (0.0,) * 3
    return OutlookError(len(off), ours, due, median_, expected, dict(arrived))


def _expected(kept: Iterable[cash.Forecast], week: date) -> dict[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for one in kept:
        if one.day and week <= one.day < week + WEEK:
            found[one.currency] += one.open
    return dict(found)


def keep(conn: Connection, made: Review, now: datetime) -> None:
    """Keep it for later comparison, in place of an earlier one of the same week."""
    body = REVIEW.dump_python(made, mode="json")
    reviewing.keep(conn, made.realm, made.week, body, now)


def before(conn: Connection, company: ConnectedCompany, week: date, most: int) -> list[Review]:
    """Up to `most` kept reviews of the weeks before this one, the oldest first."""
    kept = reviewing.kept(conn, company.realm, week, most)
    return [REVIEW.validate_python(body) for _, body in kept]
