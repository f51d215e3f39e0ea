"""The answer to `/overdue NAME`: how a customer stands, in five figures and a paragraph. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bot.blockkit.blocks import Block, actions, button, context, header, mention, section, stamp
from bot.blockkit.escaping import cap, mrkdwn, one_line
from bot.blockkit.ids import CUSTOMER, OPEN_CASE, SHOW_CUSTOMER, AboutCustomerButton
from bot.surfaces import wording
from bot.surfaces.answers import STATE_WORDS, linked_case
from bot.surfaces.card.card import Card, story
from jobs.reports.customer import MOST_FOUND, CustomerView, Found, OwedIn, RiskSummary
from jobs.rules.figures import how_late, listed

MOST_CURRENCIES = 5
NOT_READ = "not known yet"


def summary(found: RiskSummary, people: Mapping[str, str], *, leads: bool) -> Card:
    """Blocks and text for one person; `leads`: a finance lead, who may also say what is special.

    `people` are display names by Slack user id.
    """
    name = wording.customer(found.about.name, 1000)
    figures = _figures(found)
    paragraph = " ".join(filter(None, _sentences(found, people)))
    fields = [f"*{label}*\n{value}" for label, value in figures]
    blocks: list[Block] = [header(cap(name, 150)), _fields(fields), section(paragraph)]
    blocks.append(actions(_buttons(found, leads), f"customer:{found.about.id}"))
    if found.as_of:
        blocks.append(context(f"QuickBooks as of {stamp(found.as_of)}."))
    said = [f"{cap(mrkdwn(name), 300)}."]
    said += [f"{label}: {value.replace(chr(10), ', ')}." for label, value in figures]
    return Card(story([*said, paragraph]), blocks)


def _fields(fields: Sequence[str]) -> Block:
    texts = [{"type": "mrkdwn", "text": cap(one, 2000), "verbatim": True} for one in fields]
    return {"type": "section", "fields": texts}


def _figures(found: RiskSummary) -> list[tuple[str, str]]:
    return [
        ("Open", _amounts(found, lambda one: wording.money(one.open))),
        ("Overdue", _amounts(found, _overdue)),
        ("Usually pays", _habit(found)),
        ("Promises", _promises(found)),
        ("Disputes", _disputes(found)),
    ]


def _amounts(found: RiskSummary, shown: Callable[[OwedIn], str]) -> str:
    some = [shown(one) for one in found.owed[:MOST_CURRENCIES]]
    rest = len(found.owed) - len(some)
    return "\n".join([*some, *([f"and {rest} more currencies"] if rest > 0 else [])]) or "nothing"


def _overdue(one: OwedIn) -> str:
    if not one.overdue.amount:
        return "nothing"
    return f"{wording.money(one.overdue)}, oldest {wording.days(one.days_overdue)} late"


def _habit(found: RiskSummary) -> str:
    """How late they usually pay, and how far from that they are now."""
    habit, delay = found.habit, found.delay
    if delay:
        days = delay.usual
        usual = f"{how_late(days)} (median of {delay.settled} invoices)"
    elif habit:
        days = habit.median_days_late
        usual = f"{how_late(days)} ({habit.late} of {habit.count} late)"
    else:
        return NOT_READ
    oldest = max((one.days_overdue for one in found.owed), default=0)
    drift = oldest - max(days, 0)
    return f"{usual}\nnow {wording.days(drift)} later than that" if drift > 0 < oldest else usual


def _promises(found: RiskSummary) -> str:
    if found.promises is None:
        return "none on record"
    kept, ended = found.promises
    return f"{kept} of {ended} kept" if ended else "none is due yet"


def _disputes(found: RiskSummary) -> str:
    if not found.disputes:
        return "none on record"
    return f"{found.disputed} now, {found.disputes} in all"


def _sentences(found: RiskSummary, people: Mapping[str, str]) -> list[str]:
    return [
        _owes(found),
        _contact(found, people),
        _case(found),
        _special(found.about, people),
        _unknown(found),
    ]


def _owes(found: RiskSummary) -> str:
    if not found.owed:
        return "Nothing is open in QuickBooks."
    some = found.owed[:MOST_CURRENCIES]
    told = [
        f"{wording.money(one.open)} in {one.invoices} invoice{'s' if one.invoices != 1 else ''}"
        for one in some
    ]
    return f"Owes {listed(told)}."


def _contact(found: RiskSummary, people: Mapping[str, str]) -> str:
    last, wrote = found.last_contact, found.colleague_wrote_at
    if wrote and (last is None or wrote > last.at):
        return f"A colleague last wrote to them {stamp(wrote)}."
    if last is None:
        return "Overdue has not written to them yet."
    who = listed([_name(user, people) for user in last.approved_by])
    by = f", approved by {who}" if who else ""
    return f"Our last message went {stamp(last.at)} ({wording.stage(last.stage)}{by})."


def _case(found: RiskSummary) -> str:
    several = len({one.open.currency for one in found.owed}) > 1 or len(found.open_cases) > 1
    told = [
        f"{linked_case(one.case.id, one.link)}{f' ({one.case.currency})' if several else ''} is "
        f"{STATE_WORDS[one.case.state]}."
        for one in found.open_cases
    ]
    return " ".join(told) or "No case is open."


def _special(about: CustomerView, people: Mapping[str, str]) -> str:
    kinds = dict.fromkeys([*(one.kind for one in about.said.marks), *about.in_file])
    told = [f"Marked as {listed([wording.marked_as(kind) for kind in kinds])}."] if kinds else []
    if about.manager:
        who = _name(about.manager.user, people) or mrkdwn(one_line(about.manager.name))
        told.append(f"Account manager: {who} ({mrkdwn(about.manager.said_by)}).")
    return " ".join(told)


def _unknown(found: RiskSummary) -> str:
    if found.gathered_at is None:
        return "Payment habit and other sources are read when a case opens."
    told = [f"{', '.join(found.absent)} not connected"] if found.absent else []
    told += [f"{', '.join(found.down)} could not be read"] if found.down else []
    since = f"Habit and sources as of {stamp(found.gathered_at)}."
    return f"What we do not know: {mrkdwn('; '.join(told))}. {since}" if told else since


def _name(user: str, people: Mapping[str, str]) -> str:
    return mrkdwn(one_line(people.get(user, ""))) or mention(user)


def _buttons(found: RiskSummary, leads: bool) -> list[Block]:
    about = found.about
    value = AboutCustomerButton(about.company, about.id).encode()
    made = []
    taken = {one.case.currency for one in found.open_cases}
    if any(one.overdue.amount for one in found.owed if one.overdue.currency not in taken):
        says = f"Open a case for {about.name} now"
        made.append(button(OPEN_CASE, "Open a case now", value, style="primary", says=says))
    if leads:
        says = f"Marks and account manager of {about.name}"
        made.append(button(CUSTOMER, "About the customer…", value, says=says))
    return made or [button(SHOW_CUSTOMER, "Refresh", value, says=f"Refresh {about.name}")]


def choice(realm: str, found: Sequence[Found], typed: str) -> Card:
    """Several match: a button for each, at most as many as `MOST_FOUND`."""
    words = cap(mrkdwn(one_line(typed)), 100)
    told = f"Several match “{words}”. Which one?"
    more = len(found) > MOST_FOUND
    buttons = [_match(realm, one, n) for n, one in enumerate(found[:MOST_FOUND])]
    blocks: list[Block] = [section(told), actions(buttons, "matches")]
    blocks += [context("There are more. Please type more of the name.")] if more else []
    names = [cap(mrkdwn(_label(one)), 100) for one in found[:MOST_FOUND]]
    return Card(story([told, *names]), blocks)


def _match(realm: str, one: Found, number: int) -> Block:
    value = AboutCustomerButton(realm, one.id).encode()
    action = SHOW_CUSTOMER if number == 0 else f"{SHOW_CUSTOMER}:{number}"
    return button(action, cap(_label(one), 75), value, says=f"Show {one_line(one.name)}")


def _label(one: Found) -> str:
    name = wording.customer(one.name, 1000)
    if one.case:
        return f"Case {one.case}: {name}"
    return f"Invoice {one_line(one.invoice)}: {name}" if one.invoice else name


def nobody(typed: str) -> str:
    """Nothing matches what was typed."""
    words = cap(mrkdwn(one_line(typed)), 100)
    return (
        f"No customer, invoice or case matches “{words}”. Please type part of the customer's name "
        "as it is in QuickBooks, or a number. `/overdue help` lists the commands."
    )
