"""The notice about a company's first look: how the policy applies to its ledger. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from bot.blockkit.escaping import escaped, inert
from bot.surfaces import wording
from jobs.rules.figures import Money, amount

Data = Mapping[str, Any]
TOP = "\n"
"""Parts the groups of lines."""


def lines(data: Data) -> Iterator[str]:
    """What `jobs.reports.first_look` has counted, line by line."""
    yield f":mag: First look at *{escaped(data['company'])}*"
    for found in data["currencies"]:
        yield from _of_currency(found)
    if data["more_currencies"]:
        yield f"{TOP}and {data['more_currencies']} more currencies"
    if not data["currencies"]:
        yield f"{TOP}Nothing is open in QuickBooks."
    yield f"{TOP}*Marks*"
    yield from _marks(data)
    yield from _cases(data)


def _of_currency(found: Data) -> Iterator[str]:
    def money(value: str) -> str:
        return inert(amount(Money(Decimal(value), found["currency"])))

    yield (
        f"{TOP}*{escaped(found['currency'])}*: {_counted(found['invoices'], 'open invoice')}, "
        f"{money(found['open'])}; overdue: {found['late']:,}, {money(found['overdue'])}"
    )
    if found["limits"] is None:
        why = f"the policy has no limits for {escaped(found['currency'])}"
        yield f"• Needs a second approver ({why}): {found['late_customers']:,}"
    else:
        yield from _effect(found, money)


def _effect(found: Data, money: Callable[[str], str]) -> Iterator[str]:
    """What the policy's limits would do, and what better ones would."""
    limits, done = found["limits"], found["effect"]
    yield f"• Customers with something overdue: {done['customers']:,}"
    second, large = money(limits["second_approver"]), money(limits["stop_invoice"])
    yield f"• Needs a second approver (from {second}): {done['second_approver']:,}"
    total, smallest = money(limits["stop_total"]), money(limits["smallest"])
    yield f"• Too large to draft (from {large}, or {total} in total): {done['stopped']:,}"
    yield f"• Invoices too small to chase (below {smallest}): {done['small']:,}"
    if better := found["better"]:
        yield _proposal(better)
        yield _difference(done, better["effect"])


def _proposal(better: Data) -> str:
    values = ", ".join(f"`{escaped(key)} = {escaped(v)}`" for key, v in better["limits"])
    section = escaped(better["section"])
    return f"• Limits that fit this ledger better: {values} in `[limits.{section}]` of the policy"


def _difference(now: Data, then: Data) -> str:
    """What the proposal would gain, and what it would no longer stop at all."""
    second = f"{now['second_approver']:,} → {then['second_approver']:,} need a second approver"
    large = f"{now['stopped']:,} → {then['stopped']:,} too large to draft"
    nothing = "" if then["stopped"] else ", so nothing would be stopped for its amount"
    return f"• With them: {second}; {large}{nothing}"


def _marks(data: Data) -> Iterator[str]:
    """Where each mark may come from, besides what is said in Slack, and which have no source."""
    sources = [(wording.marked_as(m["mark"]), "; ".join(_sources(m))) for m in data["marks"]]
    for mark, told in sources:
        if told:
            yield f"• {mark}: {told}"
    if missing := [mark for mark, told in sources if not told]:
        where = "a card's ⋯ or the policy file sets them"
        yield f"• not set anywhere: {', '.join(missing)}; {where}"
    if strange := data["strange_customers"]:
        yield (
            f"• The policy file names {_counted(strange, 'customer id')} that this company does "
            "not have; each company has its own ids"
        )


def _sources(found: Data) -> Iterator[str]:
    if found["named"]:
        yield f"{_counted(found['named'], 'customer')} in the policy file"
    if found["custom_field"]:
        yield f"the custom field “{escaped(found['custom_field'])}”"
    for name in found["customer_types"]:
        yield f"the customer type “{escaped(name)}”"


def _cases(data: Data) -> Iterator[str]:
    mode = "live" if data["live"] else "in shadow mode, so nothing is sent"
    later = f"; on the next days: {data['later']:,}" if data["later"] else ""
    yield (
        f"{TOP}*{_counted(data['cases'], 'case')}* ({mode}); with a card now: "
        f"{data['with_card']:,}{later}"
    )
    if data["rules"]:
        named = [f"{escaped(wording.rule(rule))} ({count:,})" for rule, count in data["rules"]]
        yield f"*Rules that apply*: {', '.join(named)}"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
