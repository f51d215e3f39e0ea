"""App Home, pure: what a person sees of each company, and that Slack would take it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.blockkit.lint import lint
from bot.surfaces import home as surface
from bot.surfaces.home import COMPANIES, Page, sentence
from jobs.reports.cash.cash import WEEK, CurrencyOutlook, Outlook, WeekOf
from jobs.reports.cash.outlook import LatestOutlook
from jobs.reports.overview import Held, Overview, Some, Unsent, WaitingCase
from jobs.reports.picture import Aging, Bucket, ListedCase
from jobs.reports.worklist import ToDecide
from jobs.rules.case import Approvals
from jobs.rules.facts.facts import Customer
from jobs.rules.figures import Money
from jobs.rules.states import ConnectionStatus, State
from jobs.store.companies import ConnectedCompany
from tests.bot.harness import START
from tests.bot.views import NOW, facts
from tests.bot.views import view as case_view
from tests.sandbox.slack.blocks import faults_in_view

COMPANY = ConnectedCompany(
    realm="4620816365000000001",
    name="Brass & Fern <Supply>",
    country="US",
    zone=ZoneInfo("America/Los_Angeles"),
    home_currency="USD",
    book_close=None,
    read_only=False,
    channel="CFINANCE",
    live=True,
    connected=True,
    paused_at=None,
    paused_by=None,
    connected_at=START,
    swept_at=START,
    reminders_off_by="ULEAD1",
    reminders_off_at=START,
    status=ConnectionStatus.CONNECTED,
    has_tokens=True,
    changes_since=None,
)
MINE = frozenset({COMPANY.realm})
LINK = "http://127.0.0.1/x?state=1"
DOLLARS = Money(Decimal("1200.50"), "USD")
WAIT = WaitingCase("413", "Northwind *bold*", "Acme was last contacted on Nov 2.", START)
HELD = Held("Contoso", "1037", "dispute", "wrong PO", date(2026, 11, 20))
MINE_TO_DECIDE = ToDecide("411", "Peregrine <!here>", DOLLARS, 25, 6)
IN_DOLLARS = CurrencyOutlook(
    "USD",
    tuple(
        WeekOf(date(2026, 11, 2) + n * WEEK, Decimal(1), Decimal(n + 1), Decimal(0), Decimal(13))
        for n in range(13)
    ),
    Decimal(0),
    {},
)


def waiting(customer: str) -> ListedCase:
    """A case of this customer that a finance lead has to approve."""
    theirs = facts(customer=Customer("C1", customer, "", DOLLARS))
    return ListedCase(case_view(facts=theirs, approvals=Approvals(1, lead_needed=True)), "")


def overview(**changes: Any) -> Overview:
    """One company with a bit of everything."""
    whole = Overview(
        company=COMPANY,
        aging=(
            Aging("USD", {"1–30": Bucket(3, DOLLARS)}),
            Aging("EUR", {"over 90": Bucket(1, Money(Decimal(9), "EUR"))}),
        ),
        approvals=Some((waiting("Acme <!channel> & Sons"),), 4),
        waits=Some((WAIT,)),
        held=Some((HELD,)),
        metered=1234,
        mine=Some((MINE_TO_DECIDE,), 2),
        unsent=Some((Unsent("398", "Fern", State.CANCELLED, "Paid on Nov 5.", START),)),
        outlook=LatestOutlook(Outlook(date(2026, 11, 6), (IN_DOLLARS,)), START),
    )
    return replace(whole, **changes)


def home(page: Page) -> dict[str, Any]:
    """The tab as it is drawn now."""
    return surface.home(page, NOW)


def text(view: dict[str, Any]) -> str:
    """All that it says."""
    return json.dumps(view, ensure_ascii=False)


def actions(view: dict[str, Any]) -> list[str]:
    """Its buttons."""
    rows = (block["elements"] for block in view["blocks"] if block["type"] == "actions")
    return [button["action_id"] for row in rows for button in row]


def company(**changes: Any) -> Overview:
    """The same company in another state."""
    return overview(company=replace(COMPANY, **changes))


def test_a_company_at_a_glance() -> None:
    """State, aging by currency, what waits for approval, for a date, what is held, and calls."""
    said = text(home(Page([overview()])))
    for words in (
        "Connected to QuickBooks.",
        "Live.",
        "$1,200.50 (3)",
        "€9.00 (1)",
        "Waiting for you (3)",
        "Peregrine",
        "$1,200.50 · usually 6 days late, now 25",
        "Waiting for others, or stopped (5)",
        "$2,800.00 · waiting for a finance lead",
        "Not sent in the last two weeks (1)",
        "Paid on Nov 5",
        "Open by days overdue, USD",
        "Cash outlook",
        "$13.00 expected within 13 weeks",
        "and 4 more",
        "Acme was last contacted on Nov 2.",
        "invoice 1037 · dispute (wrong PO) · review Nov 20, 2026",
        "Metered QuickBooks reads this month: 1,234 of 500,000 free ones.",
    ):
        assert words in said


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"live": False}, "Shadow mode: nothing is sent."),
        ({"paused_at": START, "paused_by": "ULEAD2"}, "Sending was paused by <@ULEAD2>"),
        ({"status": ConnectionStatus.REAUTH_REQUIRED}, "has to be connected again"),
        ({"status": ConnectionStatus.DISCONNECTED}, "Disconnected from QuickBooks"),
        ({"reminders_off_at": None}, "Nobody has confirmed yet"),
        ({"swept_at": None}, "Not read yet."),
    ],
)
def test_the_state_is_said(changes: dict[str, Any], words: str) -> None:
    """Whatever keeps messages from going stands under the company's name."""
    assert words in text(home(Page([company(**changes)])))


def test_who_may_run_gets_the_switches() -> None:
    """Disconnect asks first; the reminders button is there while nobody has confirmed."""
    view = home(Page([company(reminders_off_at=None)], "http://127.0.0.1/x?state=1", runs=MINE))
    assert actions(view) == ["start", "reminders_off", "disconnect", "connect"]
    assert "Disconnect QuickBooks?" in text(view)
    assert actions(home(Page([company(reminders_off_at=None)]))) == ["start"]


def test_a_disconnected_company_has_nothing_to_disconnect() -> None:
    """Only the links to connect are left: it again, or another one."""
    gone = replace(company(status=ConnectionStatus.DISCONNECTED, has_tokens=False), mine=Some(()))
    view = home(Page([gone], LINK, runs=MINE, again_url=f"{LINK}&again"))
    assert actions(view) == ["reconnect", "connect"]
    assert text(view).count(f"{LINK}&again") == 1


@pytest.mark.parametrize(
    ("changes", "offered"),
    [({}, False), ({"ends_at": START}, True)],
)
def test_a_connection_that_ends_soon_can_be_renewed(changes: dict[str, Any], offered: bool) -> None:
    """The day stands there, and the button; otherwise there is nothing to do."""
    view = home(Page([overview(**changes)], LINK, runs=MINE, again_url=LINK))
    assert ("reconnect" in actions(view)) is offered
    assert ("The connection to QuickBooks ends on" in text(view)) is offered


def test_figures_that_are_not_read_are_not_nothing() -> None:
    """An empty ledger is said only of one that was read."""
    empty = replace(company(swept_at=None), aging=())
    assert "Nothing is open" not in text(home(Page([empty])))
    assert "Nothing is open in QuickBooks." in text(home(Page([overview(aging=())])))


@pytest.mark.parametrize("overviews", [[], [overview()]])
def test_a_channel_is_chosen_before_there_is_a_link(overviews: list[Overview]) -> None:
    """Whoever connects a further company says first where its cards go."""
    before = home(Page(overviews, asks_channel=True))
    assert "needs its own channel" in text(before)
    assert actions(before) in ([], ["start"])
    after = home(Page(overviews, LINK, channel="CNORTH", asks_channel=True))
    assert actions(after)[-1] == "connect"
    assert "Its cards go to <#CNORTH>." in text(after)
    for view in (before, after):
        assert lint(view, "home") == []
        assert faults_in_view(view) == []


def test_before_the_first_company_it_is_said_what_follows() -> None:
    """What the button does, and that nothing is sent at first."""
    said = text(home(Page([], LINK, channel="CFINANCE")))
    for words in ("No QuickBooks company is connected yet.", "shadow mode", "<#CFINANCE>"):
        assert words in said


def test_outside_names_are_shown_as_they_are() -> None:
    """Names cannot ping a channel, nor become markup."""
    view = home(Page([overview()]))
    pieces = [
        piece
        for block in view["blocks"]
        if block["type"] == "rich_text"
        for part in block["elements"]
        for line in part["elements"]
        for piece in line.get("elements", [line])
    ]
    shown = [piece.get("text", "") for piece in pieces]
    assert any("Acme <!channel> & Sons" in one for one in shown)
    mrkdwn = [json.dumps(b) for b in view["blocks"] if b["type"] in ("section", "context")]
    assert not any("<!channel>" in one for one in mrkdwn)


def test_what_was_pressed_is_answered_on_top() -> None:
    """The tab has no private message, so its first line says what happened."""
    view = home(Page([overview()], said="Disconnected."))
    assert view["blocks"][0]["text"]["text"] == "Disconnected."


@pytest.mark.parametrize("pages", [(0, ["next"]), (1, ["back", "next"]), (2, ["back"])])
def test_many_companies_come_in_pages(pages: tuple[int, list[str]]) -> None:
    """An accountant turns the page."""
    number, turning = pages
    assert actions(home(Page([overview()], number=number, pages=3))) == ["start", *turning]


@pytest.mark.parametrize("most", [3, 8])
def test_the_fullest_page_is_one_that_slack_takes(most: int) -> None:
    """As many companies as a page has, with long names, many currencies and full lists."""
    long = "Ünïcode & <Sons> " * 60
    aging = tuple(
        Aging(name, {"1–30": Bucket(3, Money(Decimal(10), name))})
        for name in (f"{a}{b}D" for a in "ABCD" for b in "XYZ")
    )
    full = company(name=long, live=False, paused_at=START, paused_by="ULEAD1")
    full = replace(
        full,
        aging=aging,
        ends_at=START,
        approvals=Some((waiting(long),) * most, 10_000),
        waits=Some((replace(WAIT, customer=long, reason=long),) * most, 9),
        held=Some((replace(HELD, customer=long, reason=long),) * most, 9),
        mine=Some((replace(MINE_TO_DECIDE, customer=long),) * most, 9),
        unsent=Some((Unsent("1", long, State.HELD, long, START),) * most, 9),
    )
    count = COMPANIES if most == 3 else 1
    realms = [
        replace(full, company=replace(full.company, realm=str(n), reminders_off_at=None))
        for n in range(count)
    ]
    view = home(Page(realms, LINK, frozenset("01234567"), "Done.", 1, 3, "CNEW", True, LINK))
    assert lint(view, "home") == []
    assert faults_in_view(view) == []


def test_a_sentence_is_a_page_too() -> None:
    """Whoever has nothing to do here reads why."""
    view = sentence("There is nothing for you to do here.")
    assert lint(view, "home") == []
    assert "nothing for you" in text(view)
