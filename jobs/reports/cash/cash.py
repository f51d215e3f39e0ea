"""The cash outlook: on which day each open invoice's money is expected, by week. Pure.

A promised day counts, else the due date and the customer's usual delay (the company's own where
too few payments are known), never before tomorrow. Disputed, held and stopped invoices stand apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from jobs.rules.facts.delays import Delay
from jobs.rules.facts.facts import NO_DUE_DATE

WEEKS = 13
WEEK = timedelta(days=7)
DAY = timedelta(days=1)
AT_ONCE = Delay(0, 0, 0, 0)
"""Where nothing is known of anybody: everybody pays on the due date."""
NAMED = 3
"""How many customers a change names."""


class Apart(StrEnum):
    """Why no day is expected for an invoice."""

    DISPUTED = "disputed"
    HELD = "held"
    STOPPED = "stopped"
    UNDATED = "undated"


class Basis(StrEnum):
    """What an expected day rests on."""

    PROMISE = "promise"
    CUSTOMER = "customer"
    COMPANY = "company"


class Receivable(NamedTuple):
    """An open invoice; `customer` is the one billed, `promised` a confirmed day for its money."""

    invoice: str
    customer: str
    currency: str
    open: Decimal
    due: date
    promised: date | None = None
    apart: Apart | None = None


class Expected(NamedTuple):
    """When the money of an invoice is expected, and between which days by the customer's spread."""

    day: date
    earliest: date
    latest: date
    basis: Basis


def paid_by(
    instalments: Sequence[tuple[date, Decimal]],
    paid: Decimal,
    invoices: Sequence[tuple[str, Decimal]],
) -> dict[str, date]:
    """Invoice → the day of the instalment that pays the last of it.

    The instalments (day and amount, the first one first) pay the invoices (id and what is open) in
    their order; `paid` has come in already. What they do not cover comes with the last one.
    """
    due, needed, found = Decimal(0), paid, {}
    left = iter(instalments)
    day = instalments[-1][0]
    for id, amount in invoices:
        needed += amount
        while due < needed and (part := next(left, None)):
            day, due = part[0], due + part[1]
        found[id] = day
    return found


class Forecast(NamedTuple):
    """An open invoice with its expected day, or why it has none. Snapshots keep this."""

    invoice: str
    customer: str
    currency: str
    open: Decimal
    due: date
    day: date | None
    why: Apart | Basis


class WhyMoved(StrEnum):
    """Why the outlook differs from an earlier one."""

    PAID = "paid"
    LEFT = "left"
    """Voided, deleted, or moved to a customer in another currency."""
    NEW = "new"
    OVERDUE = "overdue"
    """Expected by now, and still open."""
    PROMISED = "promised"
    REDATED = "redated"
    HABIT = "habit"
    APART = "apart"
    BACK = "back"


@dataclass(frozen=True)
class Moved:
    """One reason for a difference: how many invoices, how much, and whose for the most part."""

    why: WhyMoved
    count: int
    amount: Decimal
    customers: tuple[str, ...]


@dataclass(frozen=True)
class WeekOf:
    """A calendar week: what is expected in it, and how much in all by its end.

    `low` and `high` are what comes by then if everybody pays late, or early, as they sometimes do.
    """

    monday: date
    amount: Decimal
    in_all: Decimal
    low: Decimal
    high: Decimal


@dataclass(frozen=True)
class CurrencyOutlook:
    """Thirteen weeks of one currency; what comes later, and what stands apart without a day."""

    currency: str
    weeks: tuple[WeekOf, ...]
    later: Decimal
    apart: Mapping[Apart, Decimal]
    moved: tuple[Moved, ...] = ()

    @property
    def expected(self) -> Decimal:
        """What is expected within the weeks."""
        return self.weeks[-1].in_all


@dataclass(frozen=True)
class Outlook:
    """The outlook of a company on `today`; `since` is the day that changes are counted from."""

    today: date
    currencies: tuple[CurrencyOutlook, ...]
    since: date | None = None


def expected(one: Receivable, delay: Delay, basis: Basis, today: date) -> Expected:
    """The day on which the money of an invoice is expected, never before tomorrow."""
    tomorrow = today + DAY
    if one.promised:
        day = max(one.promised, tomorrow)
        return Expected(day, day, day, Basis.PROMISE)
    day = max(one.due + timedelta(delay.usual), tomorrow)
    earliest = max(day - timedelta(delay.usual - delay.early), tomorrow)
    return Expected(day, earliest, day + timedelta(delay.late - delay.usual), basis)


def outlook(
    open_invoices: Iterable[Receivable],
    delays: Mapping[str, Delay],
    company: Delay | None,
    home: str,
    today: date,
) -> tuple[Outlook, list[Forecast]]:
    """The outlook, and what it rests on, invoice by invoice.

    `delays` are the usual delays of billed customers, `company` that of all of them together.
    """
    found: dict[str, _Sums] = defaultdict(_Sums)
    forecasts = []
    for one in open_invoices:
        sums, apart = found[one.currency], _apart(one)
        if apart:
            sums.apart[apart] += one.open
            forecasts.append(Forecast(*one[:5], None, apart))
            continue
        own = delays.get(one.customer)
        basis = Basis.CUSTOMER if own else Basis.COMPANY
        when = expected(one, own or company or AT_ONCE, basis, today)
        sums.add(one.open, when, today)
        forecasts.append(Forecast(*one[:5], when.day, when.basis))
    order = sorted(found, key=lambda currency: (currency != home, currency))
    return Outlook(today, tuple(found[c].of(c, today) for c in order)), forecasts


def _apart(one: Receivable) -> Apart | None:
    return one.apart or (Apart.UNDATED if one.due == NO_DUE_DATE and not one.promised else None)


def monday(day: date) -> date:
    """The first day of the week of `day`."""
    return day - timedelta(day.weekday())


class _Sums:
    """What is expected in each week, the last one being everything later."""

    def __init__(self) -> None:
        self.weeks, self.low, self.high = ([Decimal(0)] * (WEEKS + 1) for _ in range(3))
        self.apart: dict[Apart, Decimal] = defaultdict(Decimal)

    def add(self, amount: Decimal, when: Expected, today: date) -> None:
        first = monday(today + DAY)
        self.weeks[_week(when.day, first)] += amount
        self.low[_week(when.latest, first)] += amount
        self.high[_week(when.earliest, first)] += amount

    def of(self, currency: str, today: date) -> CurrencyOutlook:
        first, weeks = monday(today + DAY), []
        in_all = low = high = Decimal(0)
        for n in range(WEEKS):
            in_all, low, high = in_all + self.weeks[n], low + self.low[n], high + self.high[n]
            weeks.append(WeekOf(first + n * WEEK, self.weeks[n], in_all, low, high))
        return CurrencyOutlook(currency, tuple(weeks), self.weeks[WEEKS], dict(self.apart))


def _week(day: date, first: date) -> int:
    return min((day - first).days // 7, WEEKS)


def moved(
    before: Iterable[Forecast], now: Iterable[Forecast], paid: frozenset[str], today: date
) -> dict[str, tuple[Moved, ...]]:
    """Currency → why the outlook moved between two sets of forecasts, the largest first.

    `paid` are the ids of invoices that were settled; others that are no longer open have left.
    """
    then, today_s = {one.invoice: one for one in before}, {one.invoice: one for one in now}
    found: dict[str, dict[WhyMoved, list[Forecast]]] = defaultdict(lambda: defaultdict(list))
    for old in then.values():
        if old.invoice not in today_s:
            found[old.currency][WhyMoved.PAID if old.invoice in paid else WhyMoved.LEFT].append(old)
    for one in today_s.values():
        for change, part in _changes(then.get(one.invoice), one, today):
            found[one.currency][change].append(part)
    return {currency: _summed(changes) for currency, changes in found.items()}


def _changes(
    before: Forecast | None, now: Forecast, today: date
) -> list[tuple[WhyMoved, Forecast]]:
    """How an invoice that is open now differs; a payment in part counts with what was paid."""
    if before is None:
        return [(WhyMoved.NEW, now)]
    found = []
    if before.open > now.open:
        found.append((WhyMoved.PAID, now._replace(open=before.open - now.open)))
    if change := _shift(before, now, today):
        found.append((change, now))
    return found


def _shift(before: Forecast, now: Forecast, today: date) -> WhyMoved | None:
    """Why the money of an invoice is expected on another day; None where it is not."""
    if before.day is None or now.day is None:
        if before.why == now.why:
            return None
        return WhyMoved.APART if now.day is None else WhyMoved.BACK
    if now.why is Basis.PROMISE and (before.why is not Basis.PROMISE or before.day != now.day):
        return WhyMoved.PROMISED
    if before.due != now.due:
        return WhyMoved.REDATED
    if before.day <= today:
        return WhyMoved.OVERDUE
    return WhyMoved.HABIT if before.day != now.day else None


def _summed(changes: Mapping[WhyMoved, Sequence[Forecast]]) -> tuple[Moved, ...]:
    made = [_moved(why, some) for why, some in changes.items()]
    return tuple(sorted(made, key=lambda one: (-one.amount, one.why)))


def _moved(why: WhyMoved, some: Sequence[Forecast]) -> Moved:
    by_customer: dict[str, Decimal] = defaultdict(Decimal)
    for one in some:
        by_customer[one.customer] += one.open
    largest = sorted(by_customer, key=lambda id: (-by_customer[id], id))[:NAMED]
    return Moved(why, len(some), sum(by_customer.values(), Decimal(0)), tuple(largest))
