"""The answer to `/overdue`: how much is overdue by age, and the cases that matter most."""

from __future__ import annotations

from bot.blockkit.blocks import (
    Block,
    bullets,
    context,
    header,
    link,
    mention,
    paragraph,
    rich,
    stamp,
    table,
)
from bot.blockkit.blocks import text as words
from bot.blockkit.escaping import cap, mrkdwn, one_line
from bot.surfaces import wording
from bot.surfaces.answers import stands
from bot.surfaces.card.card import Card, story
from jobs.reports.picture import Aging, Picture, TopCase
from jobs.rules.facts.facts import BUCKETS
from jobs.rules.figures import Money
from jobs.rules.states import ConnectionStatus

# The sum comes first, so a narrow screen shows it without scrolling; what is not due comes last.
COLUMNS = (*BUCKETS[1:], BUCKETS[0])
OWN = "Only your own customers are shown."
MOST_CURRENCIES = 20
MOST_CASES = 10


def aging_answer(picture: Picture) -> Card:
    """Blocks and text of the private answer; one table row per currency, never a sum over two."""
    blocks = [header(f"Overdue at {picture.company}"), *_warnings(picture)]
    blocks += [_table(picture), *_cases(picture), context(_as_of(picture))]
    return Card(_told(picture), [block for block in blocks if block])


def _warnings(picture: Picture) -> list[Block]:
    told = [f"*{line}*" for line in _hindrances(picture)]
    if picture.shadow:
        told.append("*Shadow mode: nothing is sent.*")
    if picture.paused_by:
        who = mention(picture.paused_by) or "somebody"
        since = f", {stamp(picture.paused_at)}" if picture.paused_at else ""
        told.append(f"*Sending is paused* by {who}{since}.")
    told += [] if picture.whole else [OWN]
    return [context(*told)] if told else []


def _hindrances(picture: Picture) -> list[str]:
    found = (
        [] if picture.status is ConnectionStatus.CONNECTED else [wording.CONNECTION[picture.status]]
    )
    return found if picture.reminders_off else [*found, wording.REMINDERS]


def _table(picture: Picture) -> Block:
    rows = [["Currency", "Overdue", *COLUMNS]]
    rows += [row(one) for one in picture.currencies[:MOST_CURRENCIES]]
    if len(rows) == 1:
        where = "in QuickBooks" if picture.whole else "for your customers"
        return rich(paragraph(words(f"Nothing is open {where}.")))
    return table(rows, ["left", *["right"] * (len(COLUMNS) + 1)])


def row(one: Aging) -> list[str]:
    """The cells of one currency, in the order of COLUMNS."""
    return [one.currency, _money(one.overdue), *(_cell(one, name) for name in COLUMNS)]


def _cell(one: Aging, bucket: str) -> str:
    found = one.buckets.get(bucket)
    return f"{_money(found.open)} ({found.count})" if found and found.count else "–"


def _money(amount: Money) -> str:
    return wording.money(amount)


def _cases(picture: Picture) -> list[Block]:
    if not picture.cases:
        return [rich(paragraph(words("There are no open cases.")))]
    lines = [_case(one) for one in picture.cases[:MOST_CASES]]
    rest = picture.more_cases + len(picture.cases[MOST_CASES:])
    if rest:
        lines.append([words(f"and {rest} more")])
    return [rich(paragraph(words("Top cases", bold=True)), bullets(lines))]


def _case(one: TopCase) -> list[Block]:
    name = wording.customer(one.customer, 120)
    first = link(one.link, name) if one.link else words(name, bold=True)
    return [first, words(f" · {_rest(one)}")]


def _rest(one: TopCase) -> str:
    return f"{_money(one.open)} · {wording.overdue(one.days_overdue)} · {stands(one)}"


def _as_of(picture: Picture) -> str:
    if picture.as_of is None:
        return "QuickBooks has not been read yet."
    rest = len(picture.currencies) - MOST_CURRENCIES
    more = f"; {rest} more currencies are not shown" if rest > 0 else ""
    asof = f"As of {stamp(picture.as_of)}; number of invoices in brackets{more}."
    return f"{asof} `/overdue help` lists the commands."


def _told(picture: Picture) -> str:
    said = [f"Overdue at {mrkdwn(cap(one_line(picture.company), 200))}."]
    said += _hindrances(picture)
    said += ["Shadow mode: nothing is sent."] if picture.shadow else []
    said += ["Sending is paused."] if picture.paused_by else []
    said += [] if picture.whole else [OWN]
    said += [_spoken(one) for one in picture.currencies[:MOST_CURRENCIES]]
    said += [
        f"{mrkdwn(wording.customer(one.customer, 120))}: {_rest(one)}, case {one.id}."
        for one in picture.cases[:MOST_CASES]
    ]
    if picture.as_of:
        said.append(f"As of {wording.instant(picture.as_of, picture.zone)}.")
    return story(said)


def _spoken(one: Aging) -> str:
    parts = [f"{name} days {_cell(one, name)}" for name in BUCKETS[1:]]
    return f"{one.currency}: {_money(one.overdue)} overdue; {', '.join(parts)}."
