"""Connecting a company: one link, one person, one use, and nothing is guessed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import Connection, select
from sqlalchemy.exc import OperationalError

from jobs.companies.connect import (
    LINK_LIVES,
    Intuit,
    NotConnected,
    check_link,
    connect,
    invite,
    open_link,
)
from jobs.store import companies, log
from jobs.store.companies import ConnectedCompany
from jobs.store.database import engine
from jobs.store.database.engine import Database
from jobs.store.database.tables import companies as companies_table
from jobs.store.database.tables import connect_links, messages, schedule
from jobs.store.services.tokens import Seal, SqlTokenStore
from qbo import BearerAuth, OAuth, QuickBooks, QuickBooksError, Tokens
from tests.jobs.store.copies import Copies
from tests.said import said, text_of
from tests.sandbox import company
from tests.sandbox.quickbooks.service import QuickBooks as StandIn
from tests.sandbox.world import World, serve

REDIRECT = "http://127.0.0.1:8000/quickbooks/callback"
KEY = SecretStr(Fernet.generate_key().decode())


class Given:
    """Tokens that are not stored yet."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens

    def load(self, realm: str) -> Tokens:
        return self.tokens

    def lease(self, realm: str, now: datetime) -> str | None:
        return None

    def hold(self, realm: str, lease: str, now: datetime) -> bool:
        return False

    def save(self, realm: str, new: Tokens, replaces: Tokens) -> None: ...

    def release(self, realm: str, lease: str) -> None: ...


@dataclass
class Setup:
    """Intuit as a stand-in, our record, and a person with a browser."""

    database: Database
    intuit: Intuit
    stand_in: StandIn
    url: str
    now: datetime

    def open(self, person: str = "ULEAD1", channel: str = "") -> str:
        """What `overdue connect` does."""
        with self.database.writing() as conn:
            return open_link(conn, person, channel, self.now)

    def consent(self, state: str) -> tuple[str, str]:
        """Consent at Intuit; the code and the realm that come back."""
        page = httpx.get(self.intuit.oauth.authorize_url(state), trust_env=False)
        back = parse_qs(urlsplit(page.headers["location"]).query)
        return back["code"][0], back["realmId"][0]

    def connect(self, state: str = "", **setup: str) -> ConnectedCompany:
        """All of it."""
        state = state or self.open(**setup)
        code, realm = self.consent(state)
        return connect(self.database, self.intuit, code, realm, state, self.now)

    def rows(self, table: Any) -> list[Any]:
        """A table."""
        with self.database.reading() as conn:
            return list(conn.execute(select(table)).all())


@contextlib.contextmanager
def set_up(ledger: dict[str, Any], url: str) -> Iterator[Setup]:
    """What connects a company with these books."""
    world = World()
    stand_in = StandIn(world)
    stand_in.add_company(company.build(ledger))
    world.add(stand_in)
    database = engine.connect(url)
    with serve(world.app()) as address, contextlib.closing(stand_in):
        base = f"{address}/quickbooks"
        oauth = OAuth(
            stand_in.oauth.client_id,
            SecretStr(stand_in.oauth.client_secret),
            token_url=f"{base}/oauth2/v1/tokens/bearer",
            authorize_url=f"{base}/connect/oauth2",
            revoke_url=f"{base}/v2/oauth2/tokens/revoke",
            redirect_uri=REDIRECT,
        )

        def client(realm: str, tokens: Tokens) -> QuickBooks:
            return QuickBooks(realm, BearerAuth(realm, Given(tokens), oauth), base_url=base)

        intuit = Intuit(oauth, Seal([KEY]), client, "CFINANCE")
        yield Setup(database, intuit, stand_in, base, datetime.now(UTC))
        oauth.close()
    database.close()


BOOKS: dict[str, Any] = {
    "company": {"CompanyName": "Brass & Fern", "Country": "US"},
    "customers": [],
    "invoices": [],
}
ZONE = "America/Los_Angeles"


def books(**info: Any) -> dict[str, Any]:
    """The books of a company with these facts."""
    return BOOKS | {"company": BOOKS["company"] | {"DefaultTimeZone": ZONE} | info}


@pytest.fixture
def setup(record_url: str) -> Iterator[Setup]:
    """All of it, on each database."""
    with set_up(books(), record_url) as found:
        yield found


@pytest.fixture
def sqlite_setup(sqlite_copies: Copies) -> Iterator[Setup]:
    """All of it, on SQLite: where the database makes no difference."""
    with sqlite_copies() as url, set_up(books(), url) as found:
        yield found


def test_a_company_is_connected(setup: Setup) -> None:
    """It is stored in shadow mode with its zone and currency, its sweep is due, and all is told."""
    found = setup.connect()
    assert (found.name, found.zone.key, found.home_currency) == ("Brass & Fern", ZONE, "USD")
    assert (found.live, found.connected, found.channel) == (False, True, "CFINANCE")
    due = {r.kind for r in setup.rows(schedule) if r.due_at == setup.now}
    assert {"sweep", "poll", "upkeep"} <= due
    (notice,) = setup.rows(messages)
    assert "*Brass &amp; Fern* is connected to QuickBooks by <@ULEAD1>" in text_of(notice)
    with setup.database.reading() as conn:
        (line,) = log.lines(conn)
    assert (line.fields["action"], line.fields["actor"]) == ("company.connected", "ULEAD1")


def test_the_tokens_are_sealed_and_work(setup: Setup) -> None:
    """What is stored opens with our key and is good for calls; in the record it is no token."""
    realm = setup.connect().realm
    with setup.database.reading() as conn:
        sealed = conn.execute(select(companies_table.c.sealed_tokens)).scalar_one()
    store = SqlTokenStore(setup.database, Seal([KEY]))
    tokens = store.load(realm)
    assert tokens.access.get_secret_value() not in sealed
    with QuickBooks(
        realm, BearerAuth(realm, store, setup.intuit.oauth), base_url=setup.url
    ) as client:
        assert client.company_info().name == "Brass & Fern"


def test_connecting_again_keeps_mode_and_history(setup: Setup) -> None:
    """A company that went live stays live and in its channel; the tokens are new."""
    first = setup.connect(channel="CFIRST")
    with setup.database.writing() as conn:
        companies.change(conn, first.realm, mode="live", status="disconnected")
    before = SqlTokenStore(setup.database, Seal([KEY])).load(first.realm)
    again = setup.connect()
    assert (again.live, again.connected, again.channel) == (True, True, "CFIRST")
    assert again.connected_at == first.connected_at
    assert SqlTokenStore(setup.database, Seal([KEY])).load(first.realm) != before
    with setup.database.reading() as conn:
        actions = [line.fields["action"] for line in log.lines(conn)]
    assert actions == ["company.connected", "company.reconnected"]


def test_somebody_else_connects_it_again(setup: Setup) -> None:
    """The record says who it was; whoever connected it first, and its confirmation, stay."""
    first = setup.connect()
    with setup.database.writing() as conn:
        companies.change(conn, first.realm, reminders_off_by="ULEAD1", reminders_off_at=setup.now)
    again = setup.connect(person="ULEAD2")
    assert (again.reminders_off_by, again.channel) == ("ULEAD1", first.channel)
    (row,) = setup.rows(companies_table)
    assert row.connected_by == "ULEAD1"
    told = max(setup.rows(messages), key=lambda row: int(row.id))
    assert "is connected to QuickBooks again by <@ULEAD2>" in text_of(told)
    assert not told.body["data"]["asks"]
    with setup.database.reading() as conn:
        assert [line.fields["actor"] for line in log.lines(conn)] == ["ULEAD1", "ULEAD2"]


class PowerCut(BaseException):
    """The machine stops at this line."""


def cut(setup: Setup, state: str) -> None:
    """Come back from Intuit; the power goes when the tokens are there and nothing is stored."""

    def stops(realm: str, tokens: Tokens) -> QuickBooks:
        raise PowerCut

    code, realm = setup.consent(state)
    with pytest.raises(PowerCut):
        connect(setup.database, replace(setup.intuit, open=stops), code, realm, state, setup.now)


def test_a_power_cut_between_code_and_record_leaves_nothing_half(setup: Setup) -> None:
    """The link is used up, no company is there, and a new link connects it."""
    state = setup.open()
    cut(setup, state)
    assert setup.rows(companies_table) == []
    with pytest.raises(NotConnected, match="already been used"):
        connect(setup.database, setup.intuit, "code", "1", state, setup.now)
    assert setup.connect().connected


def test_a_power_cut_while_connecting_again_keeps_the_company(setup: Setup) -> None:
    """Its tokens are those of before; where Intuit has ended them, a person is asked again."""
    realm = setup.connect().realm
    store = SqlTokenStore(setup.database, Seal([KEY]))
    before = store.load(realm)
    cut(setup, setup.open())
    assert store.load(realm) == before
    assert setup.connect().connected


def test_a_link_is_good_once(setup: Setup) -> None:
    """The second use is refused before anything is asked of Intuit."""
    state = setup.open()
    setup.connect(state)
    with pytest.raises(NotConnected, match="already been used"):
        connect(setup.database, setup.intuit, "code", "1", state, setup.now)


def test_a_link_ends_after_ten_minutes(sqlite_setup: Setup) -> None:
    """An old link opens nothing."""
    state = sqlite_setup.open()
    with sqlite_setup.database.reading() as conn:
        check_link(conn, state, sqlite_setup.now + LINK_LIVES)
        with pytest.raises(NotConnected, match="ten minutes"):
            check_link(conn, state, sqlite_setup.now + LINK_LIVES + timedelta(seconds=1))


@pytest.mark.parametrize("state", ["-", "guessed", "x" * 5000])
def test_a_state_that_is_not_ours_opens_nothing(sqlite_setup: Setup, state: str) -> None:
    """Whatever somebody puts into the address."""
    sqlite_setup.open()
    with pytest.raises(NotConnected, match="not one of ours"):
        connect(sqlite_setup.database, sqlite_setup.intuit, "code", "1", state, sqlite_setup.now)
    assert [row.used_at for row in sqlite_setup.rows(connect_links)] == [None]


def test_links_cannot_be_guessed(sqlite_setup: Setup) -> None:
    """Each is long and different."""
    states = {sqlite_setup.open() for _ in range(20)}
    assert len(states) == 20
    assert all(len(state) >= 32 for state in states)


def test_a_wrong_code_connects_nothing(sqlite_setup: Setup) -> None:
    """Intuit refuses it: a sentence, no company."""
    with pytest.raises(NotConnected, match="fresh link"):
        connect(
            sqlite_setup.database,
            sqlite_setup.intuit,
            "wrong",
            "1",
            sqlite_setup.open(),
            sqlite_setup.now,
        )
    assert sqlite_setup.rows(companies_table) == []


def test_another_realm_than_the_one_consented_to_connects_nothing(sqlite_setup: Setup) -> None:
    """The realm comes in the address; the tokens say whether it is theirs."""
    state = sqlite_setup.open()
    code, _ = sqlite_setup.consent(state)
    with pytest.raises(NotConnected):
        connect(sqlite_setup.database, sqlite_setup.intuit, code, "999", state, sqlite_setup.now)
    assert sqlite_setup.rows(companies_table) == []


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../../etc/passwd", "America"])
def test_an_unknown_zone_is_refused(sqlite_copies: Copies, zone: str) -> None:
    """Due dates are meant in it: never UTC in silence."""
    with sqlite_copies() as url, set_up(books(), url) as setup:
        realm = next(iter(setup.stand_in.realms.values()))
        realm.books.company.info["DefaultTimeZone"] = zone
        with pytest.raises(NotConnected, match="time zone of Brass & Fern"):
            setup.connect()
        assert setup.rows(companies_table) == []


def test_a_channel_holds_one_company(sqlite_setup: Setup) -> None:
    """A second company needs a channel of its own, and says so."""
    sqlite_setup.connect()
    second = sqlite_setup.stand_in.add_company(company.build(books(CompanyName="Second")))
    sqlite_setup.stand_in.oauth.chosen = second
    with pytest.raises(NotConnected, match="CFINANCE already has the cards of Brass & Fern"):
        sqlite_setup.connect()
    assert sqlite_setup.connect(channel="CSECOND").realm == second


def alive(setup: Setup, realm: str) -> bool:
    """Whether the tokens on record are good for a call."""
    auth = BearerAuth(realm, SqlTokenStore(setup.database, Seal([KEY])), setup.intuit.oauth)
    with QuickBooks(realm, auth, base_url=setup.url) as client:
        try:
            return bool(client.company_info().name)
        except QuickBooksError:
            return False


def test_a_refused_channel_costs_neither_connection_nor_link(sqlite_setup: Setup) -> None:
    """It is known before the code is used; the same link still connects another company."""
    first = sqlite_setup.connect(channel="CFIRST").realm
    second = sqlite_setup.stand_in.add_company(company.build(books(CompanyName="Second")))
    sqlite_setup.stand_in.oauth.chosen = second
    sqlite_setup.connect(channel="CSECOND")
    state = sqlite_setup.open(channel="CFIRST")
    with pytest.raises(NotConnected, match="CFIRST already"):
        sqlite_setup.connect(state)
    assert alive(sqlite_setup, second)
    sqlite_setup.stand_in.oauth.chosen = first
    assert sqlite_setup.connect(state).channel == "CFIRST"


def test_a_refusal_after_the_exchange_keeps_a_connected_company(sqlite_setup: Setup) -> None:
    """Its old tokens ended with the new ones, so it goes on with those."""
    realm = sqlite_setup.connect().realm
    info = sqlite_setup.stand_in.realms[realm].books.company.info
    info["DefaultTimeZone"] = "Mars/Olympus"
    with pytest.raises(NotConnected, match="time zone"):
        sqlite_setup.connect()
    assert alive(sqlite_setup, realm)


def test_a_refusal_after_the_exchange_leaves_nothing_at_intuit(sqlite_setup: Setup) -> None:
    """Nobody would ever use the tokens of a company that was not connected."""
    realm, found = next(iter(sqlite_setup.stand_in.realms.items()))
    found.books.company.info["DefaultTimeZone"] = "Mars/Olympus"
    with pytest.raises(NotConnected):
        sqlite_setup.connect()
    (grant,) = sqlite_setup.stand_in.oauth.grants
    assert (grant.realm, grant.revoked) == (realm, True)


def test_another_company_is_quicker(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    """The channel is taken between the look and the record: a sentence, and one company in it."""
    look = companies.in_channel
    found = iter([None, None])
    monkeypatch.setattr(companies, "in_channel", lambda *asked: next(found, look(*asked)))
    setup.connect()
    second = setup.stand_in.add_company(company.build(books(CompanyName="Second")))
    setup.stand_in.oauth.chosen = second
    found = iter([None, None])
    with pytest.raises(NotConnected, match="CFINANCE already has the cards of Brass & Fern"):
        setup.connect()
    assert setup.connect(channel="CSECOND").realm == second
    found = iter([None, None, None])
    with pytest.raises(NotConnected, match="CFINANCE already"):
        setup.connect(channel="CFINANCE")
    assert sorted(row.channel for row in setup.rows(companies_table)) == ["CFINANCE", "CSECOND"]
    assert alive(setup, second)


@dataclass(frozen=True)
class Hindered(Database):
    """A record in which another transaction is in the way of some writes."""

    hinders: Iterator[bool] = field(kw_only=True)

    @contextlib.contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[Connection]:
        with super().writing(durable=durable) as conn:
            yield conn
            if next(self.hinders, False):
                raise OperationalError("UPDATE", None, Exception("deadlock detected"))


def test_a_deadlock_does_not_cost_the_link(sqlite_setup: Setup) -> None:
    """What is written after the exchange is written again."""
    state = sqlite_setup.open()
    known = sqlite_setup.database
    hinders = iter([False, True])
    sqlite_setup.database = Hindered(known.engine, known.patience, known.turn, hinders=hinders)
    assert sqlite_setup.connect(state).connected
    assert len(sqlite_setup.rows(messages)) == 1


def test_a_company_moves_when_its_link_says_so(sqlite_setup: Setup) -> None:
    """Connecting again with a channel moves the cards there, and both channels hear of it."""
    sqlite_setup.connect()
    assert sqlite_setup.connect(channel="CNEW").channel == "CNEW"
    told = {row.channel: text_of(row) for row in sqlite_setup.rows(messages)}
    assert "are posted in <#CNEW> from now on" in told["CFINANCE"]
    assert "Its cards are posted in this channel." in told["CNEW"]


def test_a_link_that_nobody_used_is_forgotten(sqlite_setup: Setup) -> None:
    """A link is made whenever somebody opens the Home tab; the record does not keep them all."""
    old = sqlite_setup.open()
    sqlite_setup.now += timedelta(hours=25)
    fresh = sqlite_setup.open()
    assert [row.state for row in sqlite_setup.rows(connect_links)] == [fresh]
    assert old != fresh


def test_an_invitation_is_for_companies_that_need_one(sqlite_setup: Setup) -> None:
    """Nothing for a company that works or that we do not know; one a day, and without a link."""
    realm, past = sqlite_setup.connect().realm, len(sqlite_setup.rows(connect_links))

    def invited(named: str) -> bool:
        with sqlite_setup.database.writing() as conn:
            return invite(conn, named, sqlite_setup.now)

    assert [invited("999"), invited(realm)] == [False, False]
    with sqlite_setup.database.writing() as conn:
        companies.change(conn, realm, status="reauth_required")
    assert [invited(realm), invited(realm)] == [True, True]
    with sqlite_setup.database.writing() as conn:
        soon = sqlite_setup.now + timedelta(days=31)
        companies.change(conn, realm, status="connected", hard_expires_at=soon)
    sqlite_setup.now += timedelta(days=1)
    assert invited(realm)
    posted = said(sqlite_setup.database)
    first, second = (text for text in posted if "Somebody asked in QuickBooks" in text)
    assert first == second
    assert "*Connect again* in the Home tab" in first
    assert "http" not in first
    assert len(sqlite_setup.rows(connect_links)) == past
