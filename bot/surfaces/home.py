"""App Home: the companies of the person who opens it, at a glance. Pure: overviews → a view."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bot.blockkit import ids
from bot.blockkit.blocks import (
    Block,
    actions,
    bars,
    bullets,
    button,
    channel_select,
    confirm,
    context,
    data_table,
    divider,
    header,
    link,
    mention,
    paragraph,
    rich,
    section,
    stamp,
)
from bot.blockkit.blocks import date as instant
from bot.blockkit.blocks import text as words
from bot.blockkit.escaping import cap, one_line
from bot.blockkit.ids import HomeButton
from bot.surfaces import aging, answers, cash, wording, worklist
from bot.surfaces.card.reasons import held_as
from bot.surfaces.card.status import status_of
from bot.surfaces.notices.notices import live_button, reminders_button
from jobs.reports.overview import Held, Overview, Some, Unsent, WaitingCase
from jobs.reports.picture import Aging, ListedCase
from jobs.reports.worklist import ToDecide
from jobs.rules.facts.facts import BUCKETS
from jobs.rules.figures import short_day
from jobs.rules.plain import lower_first
from jobs.rules.states import ConnectionStatus
from jobs.store.companies import ConnectedCompany
from jobs.store.services.budget import QUOTA

COMPANIES = 6
"""Companies on one page: each takes at most fifteen of the hundred blocks."""
MOST_CURRENCIES = 10
NAME = 120
REASON = 300


@dataclass(frozen=True)
class Page:
    """What one person may see and press. `said` answers the last button they pressed."""

    overviews: Sequence[Overview]
    connect_url: str = ""
    """A link for this person only that works once; empty for those who may not connect."""
    runs: frozenset[str] = frozenset()
    """The realms of the companies that this person may disconnect."""
    said: str = ""
    number: int = 0
    pages: int = 1
    channel: str = ""
    """The channel for the company that `connect_url` connects; empty until one is chosen."""
    asks_channel: bool = False
    """Whether a new company needs a channel that a person chooses."""
    trouble: str = ""
    """Why the channel that was just chosen cannot be used, or empty."""
    again_url: str = ""
    """Such a link for a listed company that was connected before."""
    closed: Mapping[str, str] = field(default_factory=dict)
    """Realm → why nothing can be posted in the company's channel, as `answers` says it."""


def home(page: Page, now: datetime) -> Block:
    """The Home tab of one person."""
    blocks = [section(page.said), divider()] if page.said else []
    for overview in page.overviews:
        blocks += _company(overview, page, now)
    if not page.overviews:
        blocks += _nothing_yet(page)
    return {"type": "home", "blocks": [*blocks, *_foot(page, now)]}


def sentence(said: str) -> Block:
    """The Home tab of somebody who may not do anything here, or not yet."""
    return {"type": "home", "blocks": [header("Overdue"), section(PURPOSE), section(said)]}


PURPOSE = "Overdue turns overdue invoices into follow-ups that a person has approved."


def _nothing_yet(page: Page) -> list[Block]:
    said = "*No QuickBooks company is connected yet.*"
    if page.connect_url or page.asks_channel:
        said += (
            " The button opens QuickBooks in your browser, where an administrator of the company "
            "grants access. It starts in shadow mode: cards appear, but nothing is sent."
        )
    return [header("Overdue"), section(PURPOSE), section(said)]


def _foot(page: Page, now: datetime) -> list[Block]:
    row = []
    if page.connect_url:
        row.append(_connect(page.connect_url, bool(page.overviews)))
    if page.number > 0:
        row.append(button(HomeButton.BACK, "Back", str(page.number - 1)))
    if page.number + 1 < page.pages:
        row.append(button(HomeButton.NEXT, "More companies", str(page.number + 1)))
    blocks = [_choice(page, now)] if page.asks_channel else []
    blocks += [actions(row, "home")] if row else []
    return [*blocks, *([context(_once(page))] if page.connect_url else [])]


def _choice(page: Page, now: datetime) -> Block:
    which = "Another company" if page.overviews else "A company"
    said = f"*{which}* needs its own channel for its cards; invite the bot to it first."
    said += f"\n:warning: {page.trouble}" if page.trouble else ""
    made = section(said, channel_select(HomeButton.CHANNEL, page.channel))
    # a new block each time: a client would keep what was chosen in the old one
    return made | {"block_id": f"channel:{now}"}


def _once(page: Page) -> str:
    where = f"Its cards go to <#{page.channel}>. " if page.channel else ""
    return (
        f"{where}The link is for you alone and works once, within ten minutes. Opening this tab "
        "again gives you a new one."
    )


def _connect(url: str, again: bool) -> Block:
    label = "Connect another company" if again else "Connect QuickBooks"
    says = "Opens QuickBooks in a browser to connect a company"
    made = button(HomeButton.CONNECT, label, "connect", style="" if again else "primary", says=says)
    return made | {"url": url}


def _company(of: Overview, page: Page, now: datetime) -> list[Block]:
    found = [header(of.company.name), context(_state(of))]
    closed = page.closed.get(of.company.realm)
    if warnings := [f":warning: {one}" for one in (*_warnings(of), *([closed] if closed else []))]:
        found.append(section("\n".join(warnings)))
    alone = len(page.overviews) == 1
    found += _mine(of, alone, now)
    found += _list("Waiting for others, or stopped", of.approvals, now)
    found += _figures(of) if alone else [_aging(of)]
    found += _list("Waiting for a date", of.waits, now)
    found += _list("On hold, next review first", of.held, now)
    found += _list("Not sent in the last two weeks", of.unsent, now)
    if of.company.realm in page.runs and (row := _switches(of, page.again_url)):
        named = [one | {"action_id": _among(one, of.company, alone)} for one in row]
        found.append(actions(named, f"company:{of.company.realm}"))
    return [*found, divider()]


def _state(of: Overview) -> str:
    company = of.company
    connected = company.status is ConnectionStatus.CONNECTED
    said = [wording.CONNECTION[company.status]] if connected else []
    if connected or not company.live:
        said.append("Live." if company.live else "*Shadow mode: nothing is sent.*")
    said.append(f"Last read {stamp(company.swept_at)}." if company.swept_at else "Not read yet.")
    said.append(f"Cards go to <#{company.channel}>.")
    if of.metered is not None:
        said.append(f"Metered QuickBooks reads this month: {of.metered:,} of {QUOTA:,} free ones.")
    return " ".join(said)


def _warnings(of: Overview) -> Iterator[str]:
    """What keeps messages from going out, or soon will, each with what to do about it."""
    company = of.company
    if company.status is not ConnectionStatus.CONNECTED:
        yield wording.CONNECTION[company.status]
    elif of.ends_at:
        ends = short_day(of.ends_at.astimezone(company.zone).date())
        yield f"The connection to QuickBooks ends on {ends}. Please connect it again before then."
    if company.paused_at:
        who = mention(company.paused_by or "") or "Overdue itself"
        yield (
            f"Sending was paused by {who}, {stamp(company.paused_at)}. `/overdue resume` in "
            f"<#{company.channel}> resumes it."
        )
    if not company.reminders_off_at:
        yield wording.REMINDERS


def _aging(of: Overview) -> Block:
    """A list of lines, since Slack does not allow a table in App Home."""
    currencies = of.aging
    if not currencies:
        read = of.company.swept_at is not None
        where = "in QuickBooks" if of.whole else "for your customers"
        none = f"Nothing is open {where}." if read else "Figures appear once QuickBooks is read."
        return rich(paragraph(words(none)))
    lines = [_of_currency(one) for one in currencies[:MOST_CURRENCIES]]
    rest = len(currencies) - MOST_CURRENCIES
    lines += [[words(f"and {rest} more currencies")]] if rest > 0 else []
    return rich(paragraph(words("Overdue", bold=True)), bullets(lines))


def _of_currency(one: Aging) -> list[Block]:
    parts = [
        f"{name}: {wording.money(found.open)} ({found.count})"
        for name in BUCKETS
        if (found := one.buckets.get(name))
    ]
    total = f"{wording.money(one.overdue)} overdue"
    return [words(total, bold=True), words(f" · {' · '.join(parts)}")]


def _mine(of: Overview, alone: bool, now: datetime) -> list[Block]:
    """What the reader can decide now, and the button that leads through it."""
    count = len(of.mine.shown) + of.mine.more
    if not count:
        return []
    start = worklist.start(of.company, count)
    start |= {"action_id": _among(start, of.company, alone)}
    return [*_list("Waiting for you", of.mine, now), actions([start], f"start:{of.company.realm}")]


def _figures(of: Overview) -> list[Block]:
    """Aging with its chart and table, and the cash outlook; for a page of one company."""
    if not of.aging:
        return [_aging(of)]
    first, some = of.aging[0], of.aging[:MOST_CURRENCIES]
    amounts = [first.amount(name).amount for name in BUCKETS]
    title = f"Open by days overdue, {first.currency}"
    found = [divider(), bars(title, {"Open": amounts}, BUCKETS)]
    rows = [["Currency", "Overdue", *aging.COLUMNS], *(aging.row(one) for one in some)]
    found.append(data_table("Open invoices by days overdue; number of invoices in brackets", rows))
    return [*found, *_cash(of)]


def _cash(of: Overview) -> list[Block]:
    if of.outlook is None or not of.outlook.outlook.currencies:
        return []
    some = of.outlook.outlook.currencies[:MOST_CURRENCIES]
    title = rich(paragraph(words("Cash outlook", bold=True)))
    hint = f"As of {stamp(of.outlook.at)}. `/overdue cash` shows every week and what has moved."
    return [title, *cash.sums(some), cash.chart(some[0]), context(hint)]


def _list(title: str, some: Some, now: datetime) -> list[Block]:
    if not some.shown:
        return []
    lines = [_line(one, now) for one in some.shown]
    lines += [[words(f"and {some.more} more")]] if some.more else []
    count = len(some.shown) + some.more
    return [rich(paragraph(words(f"{title} ({count})", bold=True)), bullets(lines))]


def _line(one: ToDecide | ListedCase | WaitingCase | Held | Unsent, now: datetime) -> list[Block]:
    """A name, an amount or a date, and one fact."""
    match one:
        case ToDecide():
            return _to_decide(one)
        case Unsent():
            return _unsent(one)
        case ListedCase():
            return _case(one, now)
        case WaitingCase():
            return list(_wait(one))
        case Held():
            return _hold(one)


def _case(one: ListedCase, now: datetime) -> list[Block]:
    view = one.view
    name = wording.customer(view.facts.customer.name, NAME)
    first = link(one.link, name) if one.link else words(name, bold=True)
    stands = lower_first(status_of(view, now).title)
    return [first, words(f" · {wording.money(view.facts.asked)} · {stands}")]


def _to_decide(one: ToDecide) -> list[Block]:
    name = wording.customer(one.customer, NAME)
    first = link(one.link, name) if one.link else words(name, bold=True)
    late = wording.against_habit(one.days, one.usual)
    return [first, words(f" · {wording.money(one.asked)} · {late}")]


def _unsent(one: Unsent) -> list[Block]:
    reason = cap(one_line(one.reason), REASON) or answers.STATE_WORDS[one.state]
    told = f" · {reason.rstrip('.')} · case {one.case}, "
    return [words(wording.customer(one.customer, NAME), bold=True), words(told), instant(one.on)]


def _wait(one: WaitingCase) -> Iterator[Block]:
    yield words(wording.customer(one.customer, NAME), bold=True)
    if one.until:
        yield words(" · until ")
        yield instant(one.until)
    yield words(f" · {cap(one_line(one.reason), REASON)} · case {one.case}")


def _hold(one: Held) -> list[Block]:
    what = f" · invoice {one_line(one.invoice)}" if one.invoice else ""
    why = f" ({cap(one_line(one.reason), REASON)})" if one.reason else ""
    review = f" · {held_as(one.kind).lower()}{why} · review {short_day(one.until)}"
    return [words(wording.customer(one.customer, NAME), bold=True), words(f"{what}{review}")]


def _switches(of: Overview, again_url: str) -> list[Block]:
    company = of.company
    row = [] if company.reminders_off_at else [reminders_button(company)]
    row += [] if company.live else [live_button(company)]
    if again_url and needs_connecting(of):
        row.append(_again(company, again_url))
    if company.has_tokens or company.status is not ConnectionStatus.DISCONNECTED:
        row.append(_disconnect(company))
    return row


def needs_connecting(of: Overview) -> bool:
    """Whether a company's connection has ended, or ends soon."""
    return of.company.status is not ConnectionStatus.CONNECTED or of.ends_at is not None


def _again(company: ConnectedCompany, url: str) -> Block:
    says = f"Opens QuickBooks in a browser to connect {company.name} again"
    style = "" if company.status is ConnectionStatus.CONNECTED else "primary"
    made = button(HomeButton.RECONNECT, "Connect again", company.realm, style=style, says=says)
    return made | {"url": url}


def _among(one: Block, company: ConnectedCompany, alone: bool) -> str:
    """An action id that is unique in the view; see `ids.of_any`."""
    return str(one["action_id"]) if alone else f"{one['action_id']}:{company.realm}"


def _disconnect(company: ConnectedCompany) -> Block:
    name = cap(one_line(company.name), 100)
    sure = confirm(
        "Disconnect QuickBooks?",
        f"Nothing is read, written or sent for {name}, not even approved messages, until it is "
        "connected again. Cases and decisions stay on record.",
        "Disconnect",
        "Keep it",
    )
    sure |= {"style": "danger"}
    value, says = ids.of_company(company.realm), f"Disconnect {name} from QuickBooks"
    return button(
        HomeButton.DISCONNECT, "Disconnect", value, style="danger", says=says, confirm=sure
    )
