"""App Home through the web process: who sees what, and what its buttons do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy import delete, insert, select, update

from bot.listeners import events
from bot.listeners.context import Backend
from bot.surfaces.home import COMPANIES
from jobs.rules.case import Decision
from jobs.rules.states import Stage
from jobs.store import cases, companies, drafts, people
from jobs.store.cases import NewCase
from jobs.store.companies import ConnectedCompany
from jobs.store.database.tables import cases as cases_table
from jobs.store.database.tables import companies as companies_table
from jobs.store.database.tables import connect_links, decisions, holds, messages
from jobs.store.database.tables import customers as customers_table
from jobs.store.database.tables import invoices as invoices_table
from jobs.store.database.tables import log as log_table
from jobs.store.database.tables import people as people_table
from tests.bot.harness import START, add_company, invoice, name_owner
from tests.bot.web_process import WebProcess, place, web_process
from tests.said import said as said_in
from tests.said import text_of
from tests.sandbox import company
from tests.sandbox.faults import fault_from
from tests.sandbox.slack.kinds import Channel
from tests.sandbox.slack.people import BOT_USER, Person

REALM = "4620816365000000001"
CONFIRMED = {"reminders_off_at": START, "reminders_off_by": "ULEAD1"}
LATER = START + timedelta(days=2000)
PAUSED = {"paused_at": START, "paused_by": "ULEAD1"}
CAST = {"UCOLLECT": "", "UMANAGER": "", "ULEAD1": "", "ULEAD2": "", "UGUEST": "guest"}


@dataclass
class Tab:
    """The Home tab of a running web process, and the people before it."""

    web: WebProcess
    control: httpx.Client

    def open(self, user: str) -> str:
        """Open the tab; all that it says, once it has been drawn."""
        drawn = self._calls("views.publish")
        assert self.control.post("/_/slack/home", json={"user": user}).json()["status"] == 200
        return self.drawn(user, drawn)

    def press(self, user: str, action: str, value: str | None = None) -> str:
        """Press a button of the tab, or choose a value; all that it says afterwards."""
        drawn = self._calls("views.publish")
        body = {"user": user, "in": "home", "action_id": action, "value": value}
        answer = self.control.post("/_/slack/press", json=body)
        assert answer.json()["status"] == 200, answer.text
        return self.drawn(user, drawn)

    def drawn(self, user: str, before: int) -> str:
        """The tab after it was published once more than `before`."""
        self.until(lambda: self._calls("views.publish") > before)
        return self.says(user)

    def view(self, user: str) -> dict[str, Any]:
        """The tab as Slack holds it."""
        return dict(self.control.get("/_/world").json()["homes"][user])

    def link(self, user: str, action: str = "connect") -> str:
        """Where "Connect QuickBooks" leads; empty where there is no such button."""
        rows = [b["elements"] for b in self.view(user)["blocks"] if b["type"] == "actions"]
        urls = (one["url"] for row in rows for one in row if one["action_id"] == action)
        return str(next(urls, ""))

    def follow(self, user: str, action: str = "connect") -> httpx.Response:
        """Follow a link of the tab, agree at Intuit, and come back; the tab is drawn again."""
        drawn = self._calls("views.publish")
        state = parse_qs(urlsplit(self.link(user, action)).query)["state"][0]
        there = self.web.get("/quickbooks/connect", params={"state": state})
        back = httpx.get(there.headers["location"], trust_env=False).headers["location"]
        given = {name: v[0] for name, v in parse_qs(urlsplit(back).query).items()}
        page = self.web.get("/quickbooks/callback", params=given)
        self.drawn(user, drawn)
        return page

    def says(self, user: str) -> str:
        """All that the tab says now."""
        return json.dumps(self.view(user), ensure_ascii=False)

    def type(self, user: str, words: str, channel: str) -> str:
        """`/overdue words` in a channel; the answer."""
        body = {"user": user, "text": words, "channel": channel}
        return str(self.control.post("/_/slack/command", json=body).json()["text"])

    def heard(self, user: str, words: str) -> bool:
        """Whether this person was told so in private."""
        return any(words in one["text"] for one in self.privately(user))

    def privately(self, user: str) -> list[dict[str, Any]]:
        """What only this person sees in the channel, oldest first."""
        found = self.web.place.outside.slack.snapshot()["ephemerals"]
        return [one for one in found if one["user"] == user]

    def answer(self, user: str, ts: str, action: str) -> int:
        """Press a button below a message; what came of it."""
        body = {"user": user, "ts": ts, "action_id": action}
        answer = self.control.post("/_/slack/click", json=body)
        return int(answer.json().get("status", answer.status_code))

    def company(self) -> ConnectedCompany:
        """The company on record."""
        with self.web.process.database.reading() as conn:
            return companies.need(conn, REALM)

    def rows(self, query: Any) -> list[Any]:
        """The rows of a query."""
        with self.web.process.database.reading() as conn:
            return list(conn.execute(query).all())

    def until(self, condition: Callable[[], object]) -> None:
        """Wait for the world to change until the condition holds."""
        self.web.place.outside.world.changed.until(condition)

    def _calls(self, method: str) -> int:
        seen = self.web.place.outside.world.requests
        return sum(one.path.endswith(f"/{method}") and one.status == 200 for one in seen)


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Tab]:
    """A web process that Slack reaches, and a workspace of people it knows."""
    with place(tmp_path) as outside, web_process(outside) as web:
        outside.outside.slack.reach(str(web.client.base_url).rstrip("/"))
        meet(web)
        with httpx.Client(base_url=outside.outside.url, timeout=30, trust_env=False) as control:
            yield Tab(web, control)


@pytest.fixture
def managing(tmp_path: Path) -> Callable[[str], AbstractContextManager[Tab]]:
    """The same with a person who looks after customer 58."""

    @contextmanager
    def made(user: str) -> Iterator[Tab]:
        with place(tmp_path) as outside:
            line = f'\n[[account_manager]]\nslack = "{user}"\ncustomers = ["58"]\n'
            file = Path(outside.values["POLICY_FILE"])
            file.write_text(file.read_text() + line)
            with web_process(outside) as web:
                outside.outside.slack.reach(str(web.client.base_url).rstrip("/"))
                meet(web)
                url = outside.outside.url
                with httpx.Client(base_url=url, timeout=30, trust_env=False) as control:
                    yield Tab(web, control)

    return made


def meet(web: WebProcess) -> None:
    """Slack was asked about everybody just now."""
    with web.process.database.writing() as conn:
        for user, trouble in CAST.items():
            people.put_user(conn, user, user.title(), trouble, web.process.now())


def connected(tab: Tab) -> Tab:
    """The same with a company that was really connected, through the link of the tab."""
    tab.open("ULEAD1")
    assert tab.follow("ULEAD1").status_code == 200
    return tab


def test_a_finance_lead_connects_from_the_tab(tab: Tab) -> None:
    """The link is bound to whoever opened the tab; the company appears in it."""
    assert "No QuickBooks company is connected yet." in tab.open("ULEAD1")
    connected(tab)
    assert tab.rows(select(companies_table.c.connected_by)) == [("ULEAD1",)]
    assert "Brass Fern" in tab.open("ULEAD2")


def test_the_tab_shows_what_was_connected_in_the_browser(tab: Tab) -> None:
    """Nobody has to close and open it again."""
    connected(tab)
    assert "Brass Fern" in tab.says("ULEAD1")


def second_company(tab: Tab) -> str:
    """The person at Intuit chooses a company that is not connected yet."""
    quickbooks = tab.web.place.outside.quickbooks
    books = {"company": {"CompanyName": "Second", "DefaultTimeZone": "Asia/Tokyo"}}
    quickbooks.oauth.chosen = realm = quickbooks.add_company(company.build(books))
    return realm


def test_a_second_company_gets_a_channel_of_its_own(tab: Tab) -> None:
    """Chosen in the tab before there is a link; the first one stays where it is."""
    tab.web.place.outside.slack.add_channel("CNORTH", "north-finance")
    connected(tab).open("ULEAD1")
    assert tab.link("ULEAD1") == ""
    assert "Its cards go to <#CNORTH>." in tab.press("ULEAD1", "channel", "CNORTH")
    realm = second_company(tab)
    assert "Second is connected" in tab.follow("ULEAD1").text
    with tab.web.process.database.reading() as conn:
        found = {each.realm: each.channel for each in companies.all_of_them(conn)}
    assert found == {REALM: "CFINANCE", realm: "CNORTH"}


def test_a_channel_that_will_not_do_is_told(tab: Tab) -> None:
    """Taken, without the bot, or shared with others: a sentence, and no link."""
    rooms = tab.web.place.outside.slack.space
    rooms.add_channel(Channel("CALONE", "alone", members={"ULEAD1"}, is_private=True))
    rooms.add_channel(Channel("CSHARED", "shared", is_ext_shared=True))
    connected(tab).open("ULEAD1")
    for channel, words in (
        ("CFINANCE", "<#CFINANCE> already has the cards of another company"),
        ("CALONE", "/invite @overdue"),
        ("CSHARED", "shared with other organisations"),
    ):
        assert words in tab.press("ULEAD1", "channel", channel)
        assert tab.link("ULEAD1") == ""


def test_a_channel_cannot_be_looked_at(tab: Tab) -> None:
    """Slack is away for a moment: the channel is not blamed for it."""
    tab.web.place.outside.slack.add_channel("CNORTH", "north-finance")
    connected(tab).open("ULEAD1")
    fault = {"service": "slack", "match": "conversations.info", "kind": "status", "status": 500}
    tab.web.place.outside.world.faults.add(fault_from(fault))
    said = tab.press("ULEAD1", "channel", "CNORTH")
    assert "Slack does not answer just now" in said
    assert "/invite" not in said


def test_a_lost_company_is_connected_again_from_the_tab(tab: Tab) -> None:
    """Its button asks for no channel and moves no cards."""
    connected(tab)
    with tab.web.process.database.writing() as conn:
        companies.change(conn, REALM, status="reauth_required")
    assert "has to be connected again" in tab.open("ULEAD1")
    assert tab.follow("ULEAD1", "reconnect").status_code == 200
    assert (tab.company().status, tab.company().channel) == ("connected", "CFINANCE")


LAST = f"Firm no. {COMPANIES + 1}."


def test_pages_are_turned(tab: Tab) -> None:
    """More companies than a page holds: More leads on, Back leads back."""
    for number in range(COMPANIES + 1):
        add_company(tab.web.process.database, str(number + 1), f"CFIRM{number}")
        with tab.web.process.database.writing() as conn:
            companies.change(conn, str(number + 1), name=f"Firm no. {number + 1}.")
    first = tab.open("ULEAD1")
    assert ("Firm no. 1." in first, LAST in first) == (True, False)
    second = tab.press("ULEAD1", "next")
    assert ("Firm no. 1." in second, LAST in second) == (False, True)
    assert '"next"' not in second
    assert "Firm no. 1." in tab.press("ULEAD1", "back")


def test_metered_calls_of_the_month_are_shown(tab: Tab) -> None:
    """To those who see the whole company; connecting has taken the first ones."""
    connected(tab)
    tab.web.process.budget.take(REALM, 1200, tab.web.process.now)
    said = tab.open("UCOLLECT")
    calls = re.search(r"Metered QuickBooks reads this month: ([\d,]+) of 500,000 ", said)
    assert calls is not None
    assert int(calls[1].replace(",", "")) >= 1200


def test_a_case_is_found_by_its_number(tab: Tab) -> None:
    """Its customer, its state and a link to its card, for those who may act on it."""
    add_company(tab.web.process.database)
    opening = NewCase(REALM, "58", "USD", Stage.FOLLOW_UP, shadow=False, trigger="sweep")
    with tab.web.process.database.writing() as conn:
        made = cases.open_all(conn, [(opening, Decimal(1))], tab.web.process.now())
    number = made["58", "USD"].id
    for words in (number, f"case {number}", f"#{number}"):
        told = tab.type("ULEAD1", words, "CFINANCE")
        assert told == f"Case {number}, Acme &amp; Sons. Being prepared."
    assert "There is no case 99999." in tab.type("ULEAD1", "99999", "CFINANCE")
    assert tab.type("UGUEST", number, "CFINANCE").startswith("Guests")


def test_a_case_says_who_when_and_what_next(tab: Tab) -> None:
    """In the words of its card, with the kind of a hold, and names that call nobody."""
    add_company(tab.web.process.database)
    opening = NewCase(REALM, "58", "USD", Stage.FOLLOW_UP, shadow=False, trigger="sweep")
    with tab.web.process.database.writing() as conn:
        made = cases.open_all(conn, [(opening, Decimal(1))], tab.web.process.now())
        case = made["58", "USD"]
        held = Decision("hold", "UCOLLECT", START, "promise", "on the phone")
        drafts.record(conn, case, held, None, "0" * 64)
        on_hold = update(cases_table).where(cases_table.c.id == case.id)
        ends = {"state": "held", "end_reason": "On hold until Nov 20, 2026."}
        conn.execute(on_hold.values(**ends, closed_at=START))
    told = tab.type("ULEAD1", case.id, "CFINANCE")
    assert "On hold: promise · by Ucollect, Nov 6, 2026" in told
    assert "until Nov 20, 2026. on the phone." in told
    with tab.web.process.database.writing() as conn:
        conn.execute(on_hold.values(state="new", due_at=None, end_reason=""))
        conn.execute(delete(decisions))
    assert "Today's limit of new cards is reached" in tab.type("ULEAD1", case.id, "CFINANCE")


def test_a_guest_is_told_so_and_not_to_try_again(tab: Tab) -> None:
    """Whoever is unknown is looked up, and told in private what came of it."""
    add_company(tab.web.process.database)
    with tab.web.process.database.writing() as conn:
        conn.execute(delete(people_table))
    for user, told in (
        ("UGUEST", "Guests can read the cards but cannot act"),
        ("ULEAD1", "I have found you"),
    ):
        said = tab.type(user, "pause", "CFINANCE")
        assert said == "One moment, I am looking you up in Slack. Nothing was changed."
        with tab.web.process.database.writing() as conn:
            people.put_user(conn, user, user, CAST[user], tab.web.process.now())
        tab.until(partial(tab.heard, user, told))


def test_a_command_elsewhere_names_the_channels(tab: Tab) -> None:
    """With several companies none is guessed, and nothing changes."""
    tab.web.place.outside.slack.add_channel("CLUNCH", "lunch")
    for realm, channel in ((REALM, "CFINANCE"), ("7", "COTHER")):
        add_company(tab.web.process.database, realm, channel)
    for words in ("", "pause", "live", "run"):
        told = tab.type("ULEAD1", words, "CLUNCH")
        assert "<#CFINANCE> (Brass Fern)" in told
        assert "<#COTHER>" in told
    assert tab.type("UGUEST", "", "CLUNCH").startswith("Guests")
    assert tab.type("UGUEST", "pay Bob", "CLUNCH").startswith("Guests")
    assert tab.type("UCOLLECT", "pause", "CFINANCE").startswith("This needs a finance lead")
    logged = tab.rows(select(log_table.c.body))
    assert not any("pause" in row.body or "Bob" in row.body for row in logged)
    assert not tab.company().paused_at


@pytest.mark.parametrize(
    ("held_up", "words", "told"),
    [
        ({"status": "reauth_required"}, "run", "has to be connected again (App Home has the link)"),
        ({"status": "reauth_required", **CONFIRMED}, "live", "Live, but nothing goes out yet"),
        ({"mode": "live", **PAUSED}, "resume", "nobody has confirmed that QuickBooks' own"),
        (CONFIRMED, "live", "approved messages are sent from now on"),
    ],
)
def test_a_switch_promises_nothing_that_something_else_keeps(
    tab: Tab, held_up: dict[str, Any], words: str, told: str
) -> None:
    """The answer names what is missing still."""
    add_company(tab.web.process.database)
    with tab.web.process.database.writing() as conn:
        companies.change(conn, REALM, **held_up)
    assert told in tab.type("ULEAD1", f"{words} confirm" if words != "run" else words, "CFINANCE")


@pytest.mark.parametrize(
    ("before", "word", "action", "told"),
    [
        (PAUSED | CONFIRMED | {"mode": "live"}, "resume", "resume", "Sending is resumed."),
        (CONFIRMED, "live", "go_live", "Live: approved messages"),
        (CONFIRMED | {"mode": "live"}, "shadow", "go_shadow", "Shadow mode: cards still appear"),
    ],
)
def test_what_starts_or_ends_sending_asks_once(
    tab: Tab, before: dict[str, Any], word: str, action: str, told: str
) -> None:
    """In private, by a button that its answer replaces, or typed; a pause acts at once."""
    add_company(tab.web.process.database)
    with tab.web.process.database.writing() as conn:
        companies.change(conn, REALM, **before)
    stood = tab.company()
    said = tab.type("ULEAD1", word, "CFINANCE")
    assert f"or type `/overdue {word} confirm`" in said
    assert tab.company() == stood
    (private,) = tab.privately("ULEAD1")
    assert tab.answer("ULEAD1", private["ts"], action) == 200
    tab.until(lambda: told in tab.privately("ULEAD1")[0]["text"])
    assert not tab.privately("ULEAD1")[0]["blocks"]
    assert tab.company() != stood
    assert "It is already" in tab.type("ULEAD1", word, "CFINANCE")
    assert tab.type("UCOLLECT", word, "CFINANCE").startswith("This needs a finance lead")


def test_every_opening_has_a_link_of_its_own(tab: Tab) -> None:
    """One person's link is not another's, and an old one leads to a page in words."""
    links = []
    for user in ("ULEAD1", "ULEAD2", "ULEAD1"):
        tab.open(user)
        links.append(tab.link(user))
    assert len(set(links)) == 3
    assert sorted(row.person for row in tab.rows(select(connect_links))) == [
        "ULEAD1",
        "ULEAD1",
        "ULEAD2",
    ]
    with tab.web.process.database.writing() as conn:
        conn.execute(
            update(connect_links).values(opened_at=tab.web.process.now() - timedelta(minutes=11))
        )
    stale = urlsplit(links[0])
    page = tab.web.get(f"{stale.path}?{stale.query}")
    assert (page.status_code, "older than ten minutes" in page.text) == (400, True)


def test_a_pressed_link_is_renewed(tab: Tab) -> None:
    """After it was followed, the tab holds a fresh one."""
    tab.open("ULEAD1")
    first = tab.link("ULEAD1")
    tab.press("ULEAD1", "connect")
    assert tab.link("ULEAD1") != first


def test_a_collector_sees_all_and_runs_nothing(tab: Tab) -> None:
    """The state of the company, and no button to connect or disconnect."""
    add_company(tab.web.process.database)
    said = tab.open("UCOLLECT")
    assert "$1,200.50 (1)" in said
    assert '"actions"' not in said


def test_an_account_manager_sees_only_their_customers(tab: Tab) -> None:
    """What others owe is not theirs to see."""
    add_company(tab.web.process.database)
    policy = tab.web.process.policy
    assert not [id for m in policy.managers for id in m.customers]
    said = tab.open("UMANAGER")
    assert "$1,200.50" not in said
    assert "Figures appear" in said
    assert "Metered" not in said


def two_customers(tab: Tab) -> dict[str, str]:
    """A manager's own customer and somebody else's, each with a case; customer → its number."""
    add_company(tab.web.process.database)
    now, company = tab.web.process.now(), REALM
    with tab.web.process.database.writing() as conn:
        theirs = select(customers_table).where(customers_table.c.id == "58")
        other = {**conn.execute(theirs).one()._mapping, "id": "61", "name": "Bramble Ltd"}
        conn.execute(insert(customers_table).values(**other))
        bill = invoice(company) | {"id": "800", "customer": "61", "number": "2001"}
        conn.execute(insert(invoices_table).values(**bill | {"open": Decimal(77000)}))
        wanted = [
            (NewCase(company, who, "USD", Stage.FOLLOW_UP, shadow=False, trigger="sweep"), rank)
            for who, rank in (("58", Decimal(1)), ("61", Decimal(2)))
        ]
        made = cases.open_all(conn, wanted, now)
        for who, bill_id in (("58", "742"), ("61", "800")):
            cases.talk_about(conn, made[who, "USD"], [bill_id])
    return {who: made[who, "USD"].id for who in ("58", "61")}


def answered(tab: Tab, user: str) -> str:
    """The whole of what `/overdue` answers to this person, text and blocks."""
    tab.type(user, "", "CFINANCE")
    return json.dumps(tab.privately(user)[-1], ensure_ascii=False)


def test_a_command_shows_an_account_manager_their_own_customers(
    managing: Callable[..., AbstractContextManager[Tab]],
) -> None:
    """Totals, ages, cases and a single case follow one rule; App Home has the same."""
    with managing("UMANAGER") as tab:
        numbers = two_customers(tab)
        for said in (answered(tab, "UMANAGER"), tab.open("UMANAGER")):
            assert "$1,200.50" in said
            assert "77,000" not in said
            assert "78,200.50" not in said
            assert "Bramble" not in said
        assert "Only your own customers" in answered(tab, "UMANAGER")
        assert "Acme" in tab.type("UMANAGER", numbers["58"], "CFINANCE")
        other = tab.type("UMANAGER", numbers["61"], "CFINANCE")
        assert other.startswith("This needs a collector or a finance lead")
        for user in ("UCOLLECT", "ULEAD1"):
            everything = answered(tab, user)
            assert "$78,200.50" in everything
            assert "Bramble" in everything
            assert "Only your own" not in everything


def test_an_owner_in_the_crm_sees_their_own_customers(tab: Tab) -> None:
    """Whom the policy does not name at all: as long as Slack says who has that address."""
    numbers, mara = two_customers(tab), "mara@brassfern.example"
    database, now = tab.web.process.database, tab.web.process.now()
    tab.web.place.outside.slack.space.people["UMARA"] = Person("UMARA", "mara", "Mara Voss", "")
    with database.writing() as conn:
        people.put_user(conn, "UMARA", "Mara", "", now)
        name_owner(conn, numbers["58"], mara, now)
    for said in (answered(tab, "UMARA"), tab.open("UMARA")):
        assert "$" not in said
    with database.writing() as conn:
        people.put_address(conn, mara, "UMARA", now)
    for said in (answered(tab, "UMARA"), tab.open("UMARA")):
        assert "$1,200.50" in said
        assert "77,000" not in said
        assert "Bramble" not in said
    assert "Acme" in tab.type("UMARA", numbers["58"], "CFINANCE")
    other = tab.type("UMARA", numbers["61"], "CFINANCE")
    assert other.startswith("This needs a collector or a finance lead")


def test_a_collector_who_is_an_account_manager_too_sees_all(
    managing: Callable[..., AbstractContextManager[Tab]],
) -> None:
    """The wider role counts."""
    with managing("UCOLLECT") as tab:
        two_customers(tab)
        for said in (answered(tab, "UCOLLECT"), tab.open("UCOLLECT")):
            assert "$78,200.50" in said


def test_an_account_manager_without_customers_reads_no_figure(tab: Tab) -> None:
    """And is not told that nothing is open in the ledger."""
    two_customers(tab)
    with tab.web.process.database.writing() as conn:
        companies.change(conn, REALM, swept_at=START)
    for said in (answered(tab, "UMANAGER"), tab.open("UMANAGER")):
        assert "Nothing is open for your customers." in said
        assert "$" not in said


@pytest.mark.parametrize(
    ("user", "words"),
    [("UGUEST", "Guests can read the cards but cannot act"), ("USTRANGER", "I am looking you up")],
)
def test_others_read_a_friendly_sentence(tab: Tab, user: str, words: str) -> None:
    """No figures, no buttons; whoever is not known yet is looked up."""
    add_company(tab.web.process.database)
    said = tab.open(user)
    assert words in said
    assert "1,200.50" not in said


def test_the_page_follows_once_somebody_is_known(tab: Tab) -> None:
    """Nothing is there to press: it is drawn again by itself."""
    said = tab.open("USTRANGER")
    assert "This page then updates by itself." in said
    assert "press" not in said
    with tab.web.process.database.writing() as conn:
        people.put_user(conn, "USTRANGER", "Sam", "stranger", tab.web.process.now())
    tab.until(lambda: "Only members of this organisation" in tab.says("USTRANGER"))
    assert "Nothing was changed" not in tab.says("USTRANGER")


def test_holds_are_listed_with_their_review_dates(tab: Tab) -> None:
    """Nothing is parked out of sight."""
    add_company(tab.web.process.database)
    now = tab.web.process.now()
    held = {
        "company": REALM,
        "customer": "58",
        "invoice": "742",
        "kind": "dispute",
        "until": now.date(),
        "reason": "wrong PO",
        "set_by": "UCOLLECT",
        "set_at": now,
    }
    with tab.web.process.database.writing() as conn:
        conn.execute(insert(holds).values(**held))
        conn.execute(insert(holds).values(**held | {"invoice": "", "kind": "quiet"}))
        opening = NewCase(REALM, "58", "USD", Stage.FOLLOW_UP, shadow=False, trigger="sweep")
        cases.open_all(conn, [(opening, Decimal(1))], now)
        asleep = {"state": "snoozed", "end_reason": "Comes back soon.", "due_at": LATER}
        conn.execute(update(cases_table).values(**asleep))
    said = tab.open("ULEAD1")
    assert "Waiting for a date (1)" in said
    assert "On hold, next review first (1)" in said  # not the snooze once more
    assert "invoice 1037 · dispute (wrong PO) · review" in said


def test_the_confirmation_can_be_given_here(tab: Tab) -> None:
    """The same button as below the notice; its answer stands on top, and it is gone."""
    connected(tab).open("ULEAD2")
    said = tab.press("ULEAD2", "reminders_off")
    assert "Noted: QuickBooks' own reminders are off." in said
    assert "reminders_off" not in said
    assert tab.company().reminders_off_by == "ULEAD2"


def test_disconnecting_revokes_and_wipes(tab: Tab) -> None:
    """Intuit forgets the tokens, so do we; the channel is told, work stops."""
    connected(tab).open("ULEAD1")
    said = tab.press("ULEAD1", "disconnect")
    assert "Disconnected. Overdue no longer has access" in said
    company = tab.company()
    assert (company.connected, company.status) == (False, "disconnected")
    assert tab.rows(select(companies_table.c.sealed_tokens)) == [(None,)]
    paths = [one.path for one in tab.web.place.outside.world.requests]
    assert sum(path.endswith("/tokens/revoke") for path in paths) == 1
    _, told = said_in(tab.web.process.database, "notice")
    assert "was disconnected from QuickBooks by Ulead1" in told


def test_without_intuit_everything_stops_and_may_be_repeated(tab: Tab) -> None:
    """The work ends at once; the second press finishes what the first could not."""
    connected(tab).open("ULEAD1")
    fault = {"service": "quickbooks", "match": "tokens/revoke", "kind": "status", "status": 503}
    tab.web.place.outside.world.faults.add(fault_from(fault))
    # the tokens are still there, so the tab must keep its button
    assert "did not confirm that the access has ended" in tab.press("ULEAD1", "disconnect")
    assert not tab.company().connected
    assert "no longer has access" in tab.press("ULEAD1", "disconnect")
    assert tab.rows(select(companies_table.c.sealed_tokens)) == [(None,)]


def test_a_collector_cannot_disconnect(tab: Tab) -> None:
    """A button of somebody else's tab, sent all the same, changes nothing."""
    connected(tab).open("ULEAD1")
    with tab.web.place.outside.world.lock:
        homes = tab.web.place.outside.slack.space.homes
        homes["UCOLLECT"] = homes["ULEAD1"]
    said = tab.press("UCOLLECT", "disconnect")
    assert "This needs a finance lead" in said
    assert tab.company().connected


@pytest.mark.parametrize(
    "trouble", [{"status": 429}, {"status": 500}, {"kind": "reset"}, {"kind": "html"}], ids=str
)
def test_a_tab_that_slack_did_not_take_follows(
    tab: Tab, monkeypatch: pytest.MonkeyPatch, trouble: dict[str, Any]
) -> None:
    """The event is answered; the tab is drawn a moment later, after a 429 when Slack says."""
    monkeypatch.setattr(events, "PAUSE", 0.01)
    order = {"service": "slack", "match": "views.publish", "kind": "status", "times": 2}
    tab.web.place.outside.world.faults.add(fault_from(order | trouble))
    assert "No QuickBooks company" in tab.open("ULEAD1")


def test_a_tab_is_not_drawn_over_by_an_earlier_try(
    tab: Tab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has turned the page or pressed something since sees what came of that."""
    tries: list[Callable[[], None]] = []

    def keep(_: Backend, __: float, act: Callable[..., None], *given: Any) -> None:
        tries.append(partial(act, *given))

    monkeypatch.setattr(Backend, "later", keep)
    order = {"service": "slack", "match": "views.publish", "kind": "status", "status": 429}
    tab.web.place.outside.world.faults.add(fault_from(order))
    assert tab.control.post("/_/slack/home", json={"user": "ULEAD1"}).json()["status"] == 200
    tab.until(lambda: tries)
    connected(tab)
    drawn = tab.view("ULEAD1")
    tries[0]()
    assert tab.view("ULEAD1") == drawn


def test_a_channel_that_takes_no_cards_is_told(tab: Tab) -> None:
    """Nothing would ever be seen there, so a lead reads why where they look first."""
    add_company(tab.web.process.database)
    assert "Its cards cannot go to" not in tab.open("ULEAD1")
    with tab.web.process.database.writing() as conn:
        companies.change(conn, REALM, channel="CNOWHERE")
    assert "Its cards cannot be posted in <#CNOWHERE>: there is no such channel" in tab.open(
        "ULEAD1"
    )


def test_the_reconnect_page_tells_the_channel_of_a_company_that_has_ended(tab: Tab) -> None:
    """Once, and without a link that anybody could use; the page says the same to all."""
    add_company(tab.web.process.database)
    realms = (REALM, REALM, "999", "<script>", "")

    def pages() -> set[str]:
        path = "/quickbooks/reconnect"
        return {tab.web.get(path, params={"realmId": realm}).text for realm in realms}

    before = pages()
    assert tab.rows(select(messages)) == []
    with tab.web.process.database.writing() as conn:
        companies.change(conn, REALM, status="reauth_required")
    assert pages() == before
    assert len(before) == 1
    (notice,) = tab.rows(select(messages.c.channel, messages.c.body))
    assert notice.channel == "CFINANCE"
    assert "*Connect again* in the Home tab" in text_of(notice)
    assert tab.rows(select(connect_links)) == []


def test_without_a_state_the_way_to_a_link_is_told(tab: Tab) -> None:
    """Whoever types the address reads where a link is to be had."""
    page = tab.web.get("/quickbooks/connect")
    assert (page.status_code, "Home tab of Overdue" in page.text) == (400, True)


def test_nobody_else_is_published_to(tab: Tab) -> None:
    """The bot itself has no tab."""
    answer = tab.control.post("/_/slack/home", json={"user": BOT_USER})
    assert answer.status_code != 200


def test_each_company_has_switches_of_its_own(tab: Tab) -> None:
    """Of two companies in one tab exactly the one that was meant is disconnected."""
    other = "4620816365000000002"
    for realm, channel in ((REALM, "CFINANCE"), (other, "COTHER")):
        add_company(tab.web.process.database, realm, channel)
    tab.open("ULEAD1")
    tab.press("ULEAD1", f"disconnect:{other}")
    with tab.web.process.database.reading() as conn:
        states = {one.realm: one.status for one in companies.all_of_them(conn)}
    assert states == {REALM: "connected", other: "disconnected"}


def test_a_finance_lead_goes_live_from_the_tab(tab: Tab) -> None:
    """Once QuickBooks' own reminders are off; nobody else is offered it."""
    add_company(tab.web.process.database)
    assert "Go live" not in tab.open("UCOLLECT")
    assert "Go live" in tab.open("ULEAD1")
    assert "First switch off QuickBooks" in tab.press("ULEAD1", "go_live")
    assert not tab.company().live
    tab.press("ULEAD1", "reminders_off")
    assert "Live: approved messages are sent" in tab.press("ULEAD1", "go_live")
    assert tab.company().live
    assert "Go live" not in tab.open("ULEAD1")
