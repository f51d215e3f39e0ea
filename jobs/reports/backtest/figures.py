"""What a backtest shows: counts, days and amounts of one policy. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from statistics import mean
from typing import NamedTuple

from jobs.reports.backtest.play import Played, WeeklyForecast
from jobs.reports.backtest.table import PastInvoice
from jobs.reports.cash.cash import DAY, WEEK, Forecast, monday
from jobs.rules.states import Stage
from jobs.store.sends import SentMessage

HORIZONS = (1, 4)
"""For how many weeks from a forecast on the money that came is compared with it."""


class ByWay(NamedTuple):
    """The same figure for our outlook and for the two ways to expect money without one."""

    ours: Decimal
    due: Decimal
    """Everybody pays on the due date."""
    median: Decimal
    """Everybody pays as late as the median of the whole company so far."""


@dataclass(frozen=True)
class ForecastWeek:
    """What a forecast expected in the days that followed it, and what came, in one currency."""

    made_on: date
    expected: ByWay
    came: Decimal

    @property
    def off(self) -> ByWay:
        """How far each way was off."""
        return ByWay(*(abs(each - self.came) for each in self.expected))


@dataclass(frozen=True)
class OutlookFigures:
    """How far off the cash outlook was, on average; empty or None where nothing can be compared.

    Days are those of every open invoice in every weekly forecast that named a day for it and that
    was paid later; amounts are for the days after each forecast, by currency and number of weeks.
    """

    compared: int
    days: ByWay | None
    money: Mapping[tuple[str, int], ByWay]
    weeks: Mapping[str, tuple[ForecastWeek, ...]]
    """Currency → the weeks, the oldest first."""


@dataclass(frozen=True)
class BacktestFigures:
    """One policy's figures. Amounts are by currency and are never added across."""

    messages: int
    by_stage: Mapping[Stage, int]
    by_week: Mapping[date, int]
    """Monday → messages."""
    caught: int
    """Approved, and stopped by the last check because the customer had paid."""
    closed: int
    """Closed by themselves before anybody approved: paid."""
    disputed: int
    """Messages that named a disputed invoice."""
    disputed_again: int
    """Those of them that went after the objection was known: must be 0."""
    doubles: int
    """Second mails of a case, and of an invoice's stage: must be 0."""
    too_soon: int
    """Mails to an address within the policy's gap after another one: must be 0."""
    most_a_week: int
    """The most messages that one customer got in a calendar week."""
    mean_a_week: Decimal
    """Messages for each customer and week of the table."""
    brought_forward: Mapping[str, Decimal]
    """Currency → amount times days, if each message brings the money some days forward."""
    outlook: OutlookFigures


def figures(invoices: Sequence[PastInvoice], played: Played, days_saved: int) -> BacktestFigures:
    """The figures of a play of these invoices, each message saving `days_saved` days."""
    past = {str(one.line): one for one in invoices}
    messages = played.messages
    a_week = Counter((_customer(one, past), monday(one.at.date())) for one in messages)
    customers = {one.customer for one in invoices}
    weeks = (monday(played.last) - monday(played.first)).days // 7 + 1
    about_disputed = [one for one in messages if _disputed(one, past)]
    return BacktestFigures(
        messages=len(messages),
        by_stage=Counter(one.letter.stage for one in messages),
        by_week=Counter(monday(one.at.date()) for one in messages),
        caught=len(played.caught),
        closed=sum(_paid_first(case, played, past) for case in played.cancelled),
        disputed=len(about_disputed),
        disputed_again=sum(_known(one, played.objections) for one in about_disputed),
        doubles=_doubles(played),
        too_soon=_too_soon(played.mails, played.policy.gap_days),
        most_a_week=max(a_week.values(), default=0),
        mean_a_week=Decimal(len(messages)) / (len(customers) * weeks),
        brought_forward=_brought_forward(messages, past, days_saved),
        outlook=_outlook(invoices, played),
    )


def _customer(message: SentMessage, past: Mapping[str, PastInvoice]) -> str:
    return past[message.letter.invoices[0].id].customer


def _disputed(message: SentMessage, past: Mapping[str, PastInvoice]) -> bool:
    return any(past[invoice.id].disputed for invoice in message.letter.invoices)


def _known(message: SentMessage, objections: Mapping[str, datetime]) -> bool:
    named = (objections.get(invoice.id) for invoice in message.letter.invoices)
    return any(since is not None and since <= message.at for since in named)


def _paid_first(case: str, played: Played, past: Mapping[str, PastInvoice]) -> bool:
    """Whether a cancelled case ended because all of it was paid, before anybody had approved."""
    at, invoices = played.cancelled[case]
    settled = (past[id].settled for id in invoices)
    return case not in played.caught and all(day and day <= at.date() for day in settled)


def _doubles(played: Played) -> int:
    """By what the mailer was given, not only by what the record says."""
    mails = len(played.mails) - len({one.case for one in played.messages})
    crossings = Counter(crossing[:3] for crossing in set(played.crossed))
    return mails + sum(count - 1 for count in crossings.values())


def _too_soon(mails: Iterable[tuple[datetime, str]], gap_days: int) -> int:
    last: dict[str, datetime] = {}
    found = 0
    for at, address in mails:
        before = last.get(address)
        found += before is not None and at - before < timedelta(gap_days)
        last[address] = at
    return found


def _brought_forward(
    messages: Iterable[SentMessage], past: Mapping[str, PastInvoice], days_saved: int
) -> dict[str, Decimal]:
    """No invoice can be paid sooner than on the day of the first message about it."""
    contacts: dict[str, list[date]] = defaultdict(list)
    for message in messages:
        for invoice in message.letter.invoices:
            contacts[invoice.id].append(message.at.date())
    found: dict[str, Decimal] = defaultdict(Decimal)
    for id, days in contacts.items():
        one = past[id]
        saved = len(days) * days_saved
        if one.settled:
            saved = min(saved, (one.settled - days[0]).days)
        found[one.currency] += one.amount * saved
    return dict(found)


# The cash outlook


def _outlook(invoices: Sequence[PastInvoice], played: Played) -> OutlookFigures:
    settled = {str(one.line): one.settled for one in invoices}
    days = [off for week in played.weeks for off in _days_off(week, settled)]
    currencies = sorted({one.currency for one in invoices})
    off = {
        (currency, weeks): tuple(_money(invoices, played, currency, weeks))
        for currency in currencies
        for weeks in HORIZONS
    }
    return OutlookFigures(
        compared=len(days),
        days=_mean(days),
        money={key: average for key, some in off.items() if (average := _mean_of(some))},
        weeks={currency: off[currency, HORIZONS[0]] for currency in currencies},
    )


def _ways(one: Forecast, week: WeeklyForecast) -> tuple[date | None, date, date]:
    """The day that each way expects, never before the day after the forecast."""
    tomorrow = week.made_on + DAY
    late = one.due + timedelta(week.usual)
    return one.day, max(one.due, tomorrow), max(late, tomorrow)


def _days_off(week: WeeklyForecast, settled: Mapping[str, date | None]) -> Iterator[ByWay]:
    for one in week.forecasts:
        came, ways = settled[one.invoice], _ways(one, week)
        if came and one.day:
            yield ByWay(*(Decimal(abs((day - came).days)) for day in ways if day))


def _money(
    invoices: Sequence[PastInvoice], played: Played, currency: str, weeks: int
) -> Iterator[ForecastWeek]:
    """For each forecast whose weeks are over: what it expected in them against what came."""
    paid = [(one.settled, one.amount) for one in invoices if one.currency == currency]
    for week in played.weeks:
        until = week.made_on + weeks * WEEK
        if until > played.last:
            return
        came = sum((a for day, a in paid if day and week.made_on < day <= until), Decimal(0))
        expected = [Decimal(0)] * len(ByWay._fields)
        for one in week.forecasts:
            for n, day in enumerate(_ways(one, week)):
                if one.currency == currency and day and day <= until:
                    expected[n] += one.open
        yield ForecastWeek(week.made_on, ByWay(*expected), came)


def _mean_of(some: Sequence[ForecastWeek]) -> ByWay | None:
    return _mean([week.off for week in some])


def _mean(some: Sequence[ByWay]) -> ByWay | None:
    return ByWay(*map(mean, zip(*some, strict=True))) if some else None
