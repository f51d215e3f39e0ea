"""The morning's digest: one message with the picture, Start, and what needs somebody."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

from bot.blockkit.blocks import (
    Block,
    actions,
    bullets,
    context,
    divider,
    header,
    paragraph,
    rich,
    stamp,
)
from bot.blockkit.blocks import text as words
from bot.blockkit.escaping import cap, mrkdwn
from bot.surfaces import cash, wording, worklist
from bot.surfaces.card.card import Card, story
from bot.surfaces.card.reasons import held_as
from jobs.reports.cash.outlook import OUTLOOK
from jobs.rules.case import HeldUp
from jobs.rules.figures import Money, listed, short_day
from jobs.rules.plain import one_line
from jobs.rules.states import State
from jobs.store.companies import NO_CHANNEL, ConnectedCompany

Data = Mapping[str, Any]
Lines = list[list[Block]]
NAME = 80
PHONE = 60
MOST_MOVES = 3
WHY = 200
CHANGED = (
    ("opened", "new"),
    (State.SENT, "sent"),
    (State.DONE, "sent"),
    (State.CANCELLED, "closed, mostly as paid"),
    (State.HELD, "put on hold"),
    (State.REJECTED, "rejected"),
)
"""What happened to cases, in this order."""
WAITED_FOR = {
    "assigned": "whoever it was assigned to",
    "manager": "the account manager",
    "lead": "a finance lead as second approver",
    "another": "a second approver",
}


def digest(data: Data, names: Mapping[str, str], company: ConnectedCompany | None) -> Card:
    """Blocks and text; `names` are display names by Slack user id."""
    day = short_day(date.fromisoformat(data["day"]))
    blocks = [header(f"Good morning · {one_line(data['company'])} · {day}")]
    blocks += [context(f"*{line}*") for line in _warnings(data)]
    blocks.append(rich(paragraph(words(_to_decide(data), bold=True))))
    blocks += _listed("", [_case(one) for one in data["top"]])
    if data["to_decide"] and company:
        blocks.append(actions([worklist.start(company, 0)], "start"))
    sections = list(_sections(data, names))
    blocks += [block for title, lines in sections for block in _listed(title, lines)]
    blocks += _cash(data)
    blocks.append(
        context(
            f"Changes since {stamp(datetime.fromisoformat(data['since']))}. "
            "`/overdue` shows more, `/overdue cash` every week."
        )
    )
    told = [f"Good morning, {mrkdwn(cap(one_line(data['company']), 200))}.", *_warnings(data)]
    told.append(f"{_to_decide(data)}.")
    told += [f"{_spoken(_case(one))}." for one in data["top"]]
    told += [_told(title, lines) for title, lines in sections]
    return Card(story(told), blocks)


def _warnings(data: Data) -> list[str]:
    if not data["held_up"]:
        return []
    held_up = HeldUp(data["held_up"])
    if held_up is HeldUp.SHADOW:
        return [_in_shadow(data["shadow_channel"])]
    return [wording.HELD_UP[held_up]]


def _in_shadow(channel: str) -> str:
    if channel == NO_CHANNEL:
        return "Shadow mode: cases stay in the record without cards, and nothing is sent."
    where = "in the shadow channel" if channel else "here"
    return f"Shadow mode: cards appear {where}, but nothing is sent."


def _to_decide(data: Data) -> str:
    count = data["to_decide"]
    if not count:
        return "No message waits for a decision"
    return (
        "1 message waits for a decision"
        if count == 1
        else f"{count:,} messages wait for a decision"
    )


def _sections(data: Data, names: Mapping[str, str]) -> Iterator[tuple[str, Lines]]:
    """Each with its title; those without lines are left out by `_listed`."""
    yield "What changed", [[words(line)] for line in [_changed(data["changed"])] if line]
    stops = _lines(data, "stopped", _stop)
    if before := data["stopped_before"]:
        stops.append(
            [words(f"{before:,} from earlier days still {'wait' if before > 1 else 'waits'}")]
        )
    yield "Stopped, a person decides on the card", stops
    yield (
        "Waits for somebody for over a working day",
        _lines(data, "waited_for", partial(_waits, names=names)),
    )
    yield "Stuck", _lines(data, "stuck", _stuck)
    yield (
        "On hold, and the review date has come",
        _lines(data, "to_review", partial(_review, names=names)),
    )
    yield "Marks to look at again", _lines(data, "marks", partial(_mark, names=names))
    yield "To call after the final message", _lines(data, "calls", _call)


def _lines(data: Data, name: str, line: Callable[[Data], list[Block]]) -> Lines:
    """The entries of a list, and how many more there are."""
    lines, more = [line(one) for one in data[name]], data["more"][name]
    return [*lines, [words(f"and {more:,} more")]] if more else lines


def _listed(title: str, lines: Lines) -> list[Block]:
    if not lines:
        return []
    above = [paragraph(words(title, bold=True))] if title else []
    return [rich(*above, bullets(lines))]


def _case(one: Data) -> list[Block]:
    """A name, an amount and one fact."""
    late = wording.against_habit(one["days"], one["usual"])
    return [words(_name(one), bold=True), words(f" · {_amount(one)} · {late}")]


def _amount(one: Data) -> str:
    return wording.money(Money(Decimal(one["amount"]), one["currency"]))


def _stop(one: Data) -> list[Block]:
    rule = wording.rule(one["rule"])
    told = f" · {_amount(one)} · {rule} · case {one['case']}"
    return [words(_name(one), bold=True), words(told)]


def _changed(counts: Mapping[str, int]) -> str:
    sums: dict[str, int] = {}
    for key, said in CHANGED:
        sums[said] = sums.get(said, 0) + counts.get(key, 0)
    return listed(f"{count:,} {said}" for said, count in sums.items() if count)


def _waits(one: Data, names: Mapping[str, str]) -> list[Block]:
    person = names.get(one["user"], "") or one["name"]
    who = cap(one_line(person), NAME) if person else WAITED_FOR[one["for"]]
    since = short_day(datetime.fromisoformat(one["since"]).date())
    return [words(who, bold=True), words(f" · {_name(one)}, case {one['case']} · since {since}")]


def _stuck(one: Data) -> list[Block]:
    told = "nobody can tell whether the message was sent" if one["unknown"] else "not sent yet"
    why = f": {cap(one_line(one['why']), WHY)}" if one["why"] else ""
    return [words(_name(one), bold=True), words(f" · {told}{why} · case {one['case']}")]


def _review(one: Data, names: Mapping[str, str]) -> list[Block]:
    invoice = f" · invoice {one_line(one['invoice'])}" if one["invoice"] else ""
    person = one_line(names.get(one["by"], ""))
    by = f" · set by {cap(person, NAME)}" if person else ""
    until = short_day(date.fromisoformat(one["until"]))
    said = f"{invoice} · {held_as(one['kind']).lower()} until {until}{by}"
    return [words(_name(one), bold=True), words(said)]


def _mark(one: Data, names: Mapping[str, str]) -> list[Block]:
    person = one_line(names.get(one["by"], ""))
    by = f" · set by {cap(person, NAME)}" if person else ""
    on = short_day(date.fromisoformat(one["on"]))
    said = f" · {wording.marked_as(one['mark'])} until {on}{by}"
    return [words(_name(one), bold=True), words(said)]


def _call(one: Data) -> list[Block]:
    phone = cap(one_line(one["phone"]), PHONE) or "no phone number in QuickBooks"
    since = short_day(datetime.fromisoformat(one["since"]).date())
    return [words(_name(one), bold=True), words(f" · {phone} · due since {since}")]


def _name(one: Data) -> str:
    return wording.customer(one["customer"], NAME)


def _cash(data: Data) -> list[Block]:
    if not data["outlook"]:
        return []
    made = OUTLOOK.validate_python(data["outlook"])
    some = made.currencies[: cash.MOST_CURRENCIES]
    title = rich(paragraph(words("Cash outlook", bold=True)))
    shown = [*cash.sums(some), *(cash.chart(one) for one in some[:1])]
    moves = [replace(one, moved=one.moved[:MOST_MOVES]) for one in some[:1]]
    return [divider(), title, *shown, *cash.moved(moves, made.since, data["named"])]


def _told(title: str, lines: Lines) -> str:
    said = "; ".join(_spoken(line) for line in lines)
    return f"{title}: {said}." if said else ""


def _spoken(line: Sequence[Block]) -> str:
    return "".join(mrkdwn(piece.get("text", "")) for piece in line)
