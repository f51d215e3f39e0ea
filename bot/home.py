"""App Home: the companies of the person who opens it, at a glance. Pure: overviews → a view."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot import ids, wording
from bot.blocks import (
    Block,
    actions,
    bullets,
    button,
    confirm,
    context,
    divider,
    header,
    link,
    mention,
    paragraph,
    rich,
    section,
    stamp,
)
from bot.blocks import date as instant
from bot.blocks import text as words
from bot.escaping import cap, one_line
from bot.ids import Switch
from bot.notices import reminders_button
from jobs.overview import Held, Overview, Some, Wait
from jobs.picture import Aging, TopCase
from jobs.rules.facts import BUCKETS
from jobs.store.companies import Company

COMPANIES = 8
"""On one page: each takes at most eleven of the hundred blocks."""
MOST_CURRENCIES = 10
NAME = 120
REASON = 300


@dataclass(frozen=True)
class Page:
    """What one person may see and press. `said` answers what was pressed last."""

    overviews: Sequence[Overview]
    connect_url: str = ""
    """A link for this person only, good once; empty for those who may not connect."""
    runs: frozenset[str] = frozenset()
    """The realms of the companies that this person may disconnect."""
    said: str = ""
    number: int = 0
    pages: int = 1


def home(page: Page) -> Block:
    """The Home tab of one person."""
    blocks = [section(page.said), divider()] if page.said else []
    for overview in page.overviews:
        may_run = overview.company.realm in page.runs
        blocks += _company(overview, may_run, alone=len(page.overviews) == 1)
    if not page.overviews:
        blocks.append(rich(paragraph(words("No QuickBooks company is connected yet."))))
    return {"type": "home", "blocks": [*blocks, *_foot(page)]}


def sentence(said: str) -> Block:
    """The Home tab of somebody who has nothing to do here, or not yet."""
    first = "Overdue turns overdue invoices into follow-ups that a person has approved."
    return {"type": "home", "blocks": [header("Overdue"), section(first), section(said)]}


def _foot(page: Page) -> list[Block]:
    row = []
    if page.connect_url:
        row.append(_connect(page.connect_url, bool(page.overviews)))
    if page.number > 0:
        row.append(button(Switch.BACK, "Back", str(page.number - 1)))
    if page.number + 1 < page.pages:
        row.append(button(Switch.NEXT, "More companies", str(page.number + 1)))
    blocks = [actions(row, "home")] if row else []
    if page.connect_url:
        once = "The link is yours, good once and for ten minutes; opening this tab renews it."
        blocks.append(context(once))
    return blocks


def _connect(url: str, again: bool) -> Block:
    label = "Connect another company" if again else "Connect QuickBooks"
    says = "Opens QuickBooks in a browser to connect a company"
    made = button(Switch.CONNECT, label, "connect", style="" if again else "primary", says=says)
    return made | {"url": url}


def _company(of: Overview, may_run: bool, alone: bool) -> list[Block]:
    found = [header(of.company.name), context(_state(of)), _aging(of.aging)]
    found += _list("Waits for approval", of.approvals)
    found += _list("Waits for a date", of.waits)
    found += _list("On hold", of.held)
    if may_run and (row := _switches(of.company)):
        named = [one | {"action_id": _among(one, of.company, alone)} for one in row]
        found.append(actions(named, f"company:{of.company.realm}"))
    return [*found, divider()]


def _state(of: Overview) -> str:
    company = of.company
    said = [CONNECTION.get(company.status, "*Not connected to QuickBooks.*")]
    said.append("Live." if company.live else "*Shadow mode: nothing is sent.*")
    if company.paused_at:
        who = mention(company.paused_by or "") or "Overdue itself"
        said.append(f"*Sending is paused* by {who}, {stamp(company.paused_at)}.")
    if not company.reminders_off_at:
        said.append("*Nobody has confirmed yet that QuickBooks' own reminders are off.*")
    when = f"Read {stamp(company.swept_at)}." if company.swept_at else "Not read yet."
    said += [when, f"Cards go to <#{company.channel}>."]
    if of.metered is not None:
        said.append(f"Metered QuickBooks calls this month: {of.metered:,}.")
    return " ".join(said)


CONNECTION = {
    "connected": "Connected to QuickBooks.",
    "disconnected": "*Disconnected from QuickBooks: nothing is read, written or sent.*",
    "reauth_required": "*QuickBooks has to be connected again: all work waits.*",
}


def _aging(currencies: Sequence[Aging]) -> Block:
    """A list of lines: Slack takes no table in App Home."""
    if not currencies:
        return rich(paragraph(words("Nothing is open in the ledger.")))
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


def _list(title: str, some: Some) -> list[Block]:
    if not some.shown:
        return []
    lines = [_line(one) for one in some.shown]
    lines += [[words(f"and {some.more} more")]] if some.more else []
    count = len(some.shown) + some.more
    return [rich(paragraph(words(f"{title} ({count})", bold=True)), bullets(lines))]


def _line(one: TopCase | Wait | Held) -> list[Block]:
    match one:
        case TopCase():
            return _case(one)
        case Wait():
            return list(_wait(one))
        case Held():
            return _hold(one)


def _case(one: TopCase) -> list[Block]:
    name = _name(one.customer)
    first = link(one.link, name) if one.link else words(name, bold=True)
    days, stage = wording.overdue(one.days_overdue), wording.stage(one.stage)
    return [first, words(f" · {wording.money(one.open)} · {days} · {stage} · case {one.id}")]


def _wait(one: Wait) -> Iterator[Block]:
    yield words(_name(one.customer), bold=True)
    if one.until:
        yield words(" · until ")
        yield instant(one.until)
    yield words(f" · {cap(one_line(one.reason), REASON)} · case {one.case}")


def _hold(one: Held) -> list[Block]:
    what = f" · invoice {one_line(one.invoice)}" if one.invoice else ""
    why = f" ({cap(one_line(one.reason), REASON)})" if one.reason else ""
    review = f" · {one.kind}{why} · review {wording.day(one.until)}"
    return [words(_name(one.customer), bold=True), words(f"{what}{review}")]


def _name(customer: str) -> str:
    return cap(one_line(customer), NAME) or "Customer without a name"


def _switches(company: Company) -> list[Block]:
    row = [] if company.reminders_off_at else [reminders_button(company)]
    if company.has_tokens or company.status != "disconnected":
        row.append(_disconnect(company))
    return row


def _among(one: Block, company: Company, alone: bool) -> str:
    """An action id stands once in a view; see `ids.of_any_company`."""
    return str(one["action_id"]) if alone else f"{one['action_id']}:{company.realm}"


def _disconnect(company: Company) -> Block:
    name = cap(one_line(company.name), 100)
    sure = confirm(
        "Disconnect QuickBooks?",
        f"Nothing of {name} is read, written or sent afterwards, approved messages included, "
        "until it is connected again. Cases and decisions stay on record.",
        "Disconnect",
        "Keep it",
    )
    value, says = ids.of_company(company.realm), f"Disconnect {name} from QuickBooks"
    return button(Switch.DISCONNECT, "Disconnect", value, style="danger", says=says, confirm=sure)
