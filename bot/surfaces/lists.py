"""The answers to `/overdue mine`, `waiting`, `calls` and `health`, for one person. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from bot.blockkit.blocks import Block, button, context, section, stamp
from bot.blockkit.escaping import cap, mrkdwn, one_line
from bot.blockkit.ids import LOG_CALL, AboutCustomerButton
from bot.surfaces import wording
from bot.surfaces.answers import STILL, mrkdwn_url
from bot.surfaces.card.card import Card, story
from bot.surfaces.card.reasons import held_as
from bot.surfaces.card.status import status_of
from jobs.reports.lists import CallDue, CompanyHealth, MarkToReview, Mine, PutOff
from jobs.reports.overview import Held, Some, WaitingCase
from jobs.reports.picture import ListedCase
from jobs.rules.facts.findings import called
from jobs.rules.figures import short_day
from jobs.rules.plain import capital, lower_first
from jobs.store.companies import ConnectedCompany

LATE = timedelta(minutes=2)
"""Work that is due for longer says that a process is not running."""


def mine(found: Mine, now: datetime) -> str:
    """What waits for one person."""
    lines = [
        *_some("Assigned to you", found.assigned, now),
        *_some("Your customers: please say whether it looks good", found.to_look_at, now),
        *_some("For you to approve", found.to_decide, now),
    ]
    return story(lines) or "Nothing waits for you just now."


def waiting(found: PutOff, now: datetime) -> str:
    """What waits in a company."""
    parts = [
        *_some("Waiting for a date", found.waits, now),
        *_some("On hold", found.held, now),
        *_reviewed(found.marks, found.more_marks),
    ]
    return story(parts) or "Nothing waits for a date, and nothing is on hold."


def _some(title: str, some: Some, now: datetime) -> list[str]:
    lines = [f"• {_line(one, now)}" for one in some.shown]
    lines += [f"and {some.more} more"] if some.more else []
    return [f"*{title}* ({len(some.shown) + some.more})", *lines] if lines else []


def _line(one: object, now: datetime) -> str:
    if isinstance(one, ListedCase):
        return _case(one, now)
    if isinstance(one, WaitingCase):
        until = f" · until {stamp(one.until)}" if one.until else ""
        why = cap(mrkdwn(one_line(one.reason)), 200)
        return f"{_name(one.customer)}{until} · {why} · case {one.case}"
    assert isinstance(one, Held)
    what = f" · invoice {mrkdwn(one_line(one.invoice))}" if one.invoice else ""
    why = f" ({cap(mrkdwn(one_line(one.reason)), 200)})" if one.reason else ""
    kind = held_as(one.kind).lower()
    return f"{_name(one.customer)}{what} · {kind}{why} · review {short_day(one.until)}"


def _case(one: ListedCase, now: datetime) -> str:
    view = one.view
    name = _name(view.facts.customer.name)
    # in Slack's markup a bar ends the address and begins the label
    first = f"<{mrkdwn_url(one.link)}|{name.replace('|', '¦')}>" if one.link else name
    stands = mrkdwn(lower_first(status_of(view, now).title))
    return f"{first} · {wording.money(view.facts.asked)} · {stands} · case {view.id}"


def _reviewed(some: Sequence[MarkToReview], more: int) -> list[str]:
    lines = [
        f"• {_name(one.customer)} · {wording.marked_as(one.kind)} · {short_day(one.review_on)}"
        for one in some
    ]
    lines += [f"and {more} more"] if more else []
    return ["*Marks to look at again*", *lines] if lines else []


def calls(found: Sequence[CallDue], more: int, realm: str, people: Mapping[str, str]) -> Card:
    """Whom to call, with the button to log each call, and how many more there are."""
    if not found:
        return Card(
            "Nobody has to be called today. After a final message the list asks for a call "
            "every 14 days, until the matter is closed.",
            [],
        )
    blocks: list[Block] = [section("*Calls after the final message*")]
    said = ["Calls after the final message:"]
    for number, one in enumerate(found):
        line = _call(one, people)
        value = AboutCustomerButton(realm, one.customer).encode()
        action = LOG_CALL if number == 0 else f"{LOG_CALL}:{number}"
        says = f"Log a call with {one_line(one.name)}"
        blocks.append(section(line, button(action, "Log a call…", value, says=says)))
        said.append(line)
    if more:
        said.append(f"and {more} more")
        blocks.append(context(said[-1]))
    return Card(story(said), blocks)


def _call(one: CallDue, people: Mapping[str, str]) -> str:
    phone = mrkdwn(one_line(one.phone)) or "no phone number in QuickBooks"
    owed = [
        f"{wording.money(each.overdue)} overdue, oldest {wording.days(each.days_overdue)} late"
        for each in one.owed
        if each.overdue.amount
    ]
    lines = [f"*{_name(one.name)}* · {cap(phone, 60)}", "; ".join(owed)]
    if one.promise:
        by, state = one.promise
        lines.append(f"Last promise: by {short_day(by)}, {state}")
    if one.last:
        who = mrkdwn(one_line(people.get(one.last.by, ""))) or "somebody"
        words = cap(mrkdwn(one_line(one.last.said)), 300)
        lines.append(f"{who} called {stamp(one.last.at)}: {words}")
    return "\n".join(filter(None, lines))


def health(found: CompanyHealth, now: datetime) -> str:
    """Whether the work of a company goes on, and what to do if it does not."""
    company = found.company
    lines = [
        f"*{mrkdwn(cap(one_line(company.name), 100))}*",
        f"• {wording.CONNECTION[company.status]}",
    ]
    lines.append(f"• {_sends(company)}")
    read = f"read whole {stamp(company.swept_at)}" if company.swept_at else "not read whole yet"
    lines.append(f"• QuickBooks was {read}.")
    down = ((mrkdwn(capital(called(name))), at) for name, at in found.down)
    lines += [f"• {name} has not been readable since {stamp(at)}." for name, at in down]
    late = found.due_since is not None and now - found.due_since > LATE
    if late and found.due_since:
        lines.append(
            f"• {found.due} jobs have been overdue since {stamp(found.due_since)}: an "
            "administrator should check that all processes run (`overdue doctor`)."
        )
    else:
        lines.append("• All processes keep up.")
    return story(lines)


def _sends(company: ConnectedCompany) -> str:
    held_up = company.held_up()
    return f"Nothing is sent: {STILL[held_up]}." if held_up else "Live: approved messages are sent."


def _name(customer: str) -> str:
    return mrkdwn(wording.customer(customer))
