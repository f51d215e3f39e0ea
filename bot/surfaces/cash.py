"""The cash outlook: what is expected in which week, how sure that is, and what has moved. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from bot.blockkit.blocks import (
    Block,
    bars,
    bullets,
    context,
    header,
    paragraph,
    rich,
    stamp,
    table,
)
from bot.blockkit.blocks import text as words
from bot.blockkit.escaping import cap, mrkdwn, one_line
from bot.surfaces import wording
from bot.surfaces.card.card import Card, story
from jobs.reports.cash.cash import Apart, CurrencyOutlook, Moved, WeekOf, WhyMoved
from jobs.reports.cash.outlook import LatestOutlook
from jobs.rules.figures import Money, listed, short_day

MOST_CHARTS = 2
"""Slack takes no more of them in one message."""
MOST_CURRENCIES = 7
"""Thirteen rows each, of the hundred that a table has at most."""
MOST_MOVED = 6
MOST_NAME = 60
NONE_YET = (
    "The cash outlook appears once QuickBooks is read and how customers paid before is known."
)
HOW = (
    "Each invoice counts on the day its money is expected: a promised day, else its due date and "
    "how late this customer usually pays, never before tomorrow. The range is what comes by then "
    "if everybody pays as late, or as early, as they sometimes do. Weeks after the last row bring "
    "nothing more."
)
APART_WORDS = {
    Apart.DISPUTED: "disputed",
    Apart.HELD: "on hold",
    Apart.STOPPED: "stopped by a rule",
    Apart.UNDATED: "without a due date",
}
MOVED_WORDS = {
    WhyMoved.PAID: "came in",
    WhyMoved.LEFT: "credited, voided or deleted",
    WhyMoved.NEW: "newly invoiced",
    WhyMoved.OVERDUE: "expected by now, but still open",
    WhyMoved.PROMISED: "promised for another day",
    WhyMoved.REDATED: "given another due date",
    WhyMoved.HABIT: "expected on another day, as these customers now pay differently",
    WhyMoved.APART: "set apart as disputed, on hold or stopped",
    WhyMoved.BACK: "expected again after it was set apart",
}


def cash_answer(
    company: str, made: LatestOutlook, names: Mapping[str, str], zone: ZoneInfo
) -> Card:
    """Blocks and text of the private answer; `names` are those of customers by id."""
    some = made.outlook.currencies[:MOST_CURRENCIES]
    blocks = [header(f"Cash outlook of {company}"), *sums(some)]
    blocks += [chart(one) for one in some[:MOST_CHARTS]]
    blocks += [_table(some)] if some else []
    blocks += moved(some, made.outlook.since, names)
    blocks.append(context(f"{HOW} As of {stamp(made.at)}."))
    told = [f"Cash outlook of {mrkdwn(cap(one_line(company), 200))}."]
    told += [spoken(one) for one in some]
    told += [_moved_spoken(one, names) for one in some if one.moved]
    return Card(story([*told, f"As of {wording.instant(made.at, zone)}."]), blocks)


def sums(some: Sequence[CurrencyOutlook]) -> list[Block]:
    """A line for each currency: what is expected soon and in all, and what stands apart."""
    if not some:
        return [rich(paragraph(words("Nothing is open in QuickBooks.")))]
    return [rich(bullets([_line(one) for one in some]))]


def _line(one: CurrencyOutlook) -> list[Block]:
    expected = f"{_money(one.expected, one)} expected within {len(one.weeks)} weeks"
    return [words(expected, bold=True), words("".join(f" · {rest}" for rest in _rest(one)))]


def _rest(one: CurrencyOutlook) -> list[str]:
    soon = one.weeks[1].in_all if len(one.weeks) > 1 else one.expected
    found = [f"{_money(soon, one)} of it by {short_day(_sunday(one.weeks[1]))}"]
    found += [f"{_money(one.later, one)} later"] if one.later else []
    apart = [f"{_money(amount, one)} {APART_WORDS[why]}" for why, amount in one.apart.items()]
    return [*found, f"without a date: {listed(apart)}"] if apart else found


def chart(one: CurrencyOutlook) -> Block:
    """A bar for each week of one currency."""
    labels = [_label(week.monday) for week in one.weeks]
    amounts = [week.amount for week in one.weeks]
    title = f"Expected by week, {one.currency}"
    return bars(title, {"Expected": amounts}, labels)


def _table(some: Sequence[CurrencyOutlook]) -> Block:
    several = len(some) > 1
    rows = [[*(["Currency"] if several else []), "Week of", "Expected", "In all by then", "Range"]]
    for one in some:
        own = [one.currency] if several else []
        rows += [[*own, *_row(one, week)] for week in _telling(one)]
    return table(rows, [*(["left"] if several else []), "left", "right", "right", "right"])


def _telling(one: CurrencyOutlook) -> Sequence[WeekOf]:
    """The weeks until everything is in, whoever pays late."""
    ends = [n for n, week in enumerate(one.weeks) if week.amount or week.low < week.high]
    return one.weeks[: max(ends, default=0) + 1]


def _row(one: CurrencyOutlook, week: WeekOf) -> list[str]:
    sure = week.low == week.high
    band = "–" if sure else f"{_money(week.low, one)} to {_money(week.high, one)}"
    expected = _money(week.amount, one) if week.amount else "–"
    return [_label(week.monday), expected, _money(week.in_all, one), band]


def moved(
    some: Sequence[CurrencyOutlook], since: date | None, names: Mapping[str, str]
) -> list[Block]:
    """What has changed since `since`, the largest first, by its reason."""
    lines = [_change(one, each, names) for one in some for each in one.moved[:MOST_MOVED]]
    if since is None or not lines:
        return []
    title = paragraph(words(f"Since {short_day(since)}", bold=True))
    return [rich(title, bullets([[words(line)] for line in lines]))]


def _change(one: CurrencyOutlook, each: Moved, names: Mapping[str, str]) -> str:
    invoices = "1 invoice" if each.count == 1 else f"{each.count:,} invoices"
    whose = [cap(one_line(names.get(id, id)), MOST_NAME) for id in each.customers]
    more = ", mostly of " if each.count > len(whose) else ", "
    return f"{_money(each.amount, one)} {MOVED_WORDS[each.why]} ({invoices}{more}{listed(whose)})"


def spoken(one: CurrencyOutlook) -> str:
    """The outlook of one currency as a sentence."""
    rest = "".join(f", {each}" for each in _rest(one))
    return f"{_money(one.expected, one)} expected within {len(one.weeks)} weeks{rest}."


def _moved_spoken(one: CurrencyOutlook, names: Mapping[str, str]) -> str:
    told = [mrkdwn(_change(one, each, names)) for each in one.moved[:MOST_MOVED]]
    return f"Since last week: {'; '.join(told)}."


def _sunday(week: WeekOf) -> date:
    return date.fromordinal(week.monday.toordinal() + 6)


def _label(day: date) -> str:
    """ "Nov 30": within thirteen weeks no year is needed."""
    return f"{day:%b} {day.day}"


def _money(amount: Decimal, one: CurrencyOutlook) -> str:
    return wording.money(Money(amount, one.currency))
