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
from jobs.store.connection.tokens import Seal, SqlTokenStore
from jobs.store.database import engine
from jobs.store.database.engine import Database
from jobs.store.database.tables import companies as companies_table
from jobs.store.database.tables import connect_links, messages, schedule
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
class Door:
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

    def connect(self, state: str = "", **door: str) -> ConnectedCompany:
        """All of it."""
        state = state or self.open(**door)
        code, realm = self.consent(state)
        return connect(self.database, self.intuit, code, realm, state, self.now)

    def rows(self, table: Any) -> list[Any]:
        """A table."""
        with self.database.reading() as conn:
            return list(conn.execute(select(table)).all())


@contextlib.contextmanager
def door_to(ledger: dict[str, Any], url: str) -> Iterator[Door]:
    """A door to a company with these books."""
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
        yield Door(database, intuit, stand_in, base, datetime.now(UTC))
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
def door(record_url: str) -> Iterator[Door]:
    """A door, on each database."""
    with door_to(books(), record_url) as found:
        yield found


@pytest.fixture
def one_door(sqlite_copies: Copies) -> Iterator[Door]:
    """A door, on SQLite: where the database makes no difference."""
    with sqlite_copies() as url, door_to(books(), url) as found:
        yield found


def test_a_company_is_connected(door: Door) -> None:
    """It is stored in shadow mode with its zone and currency, its sweep is due, and all is told."""
    found = door.connect()
    assert (found.name, found.zone.key, found.home_currency) == ("Brass & Fern", ZONE, "USD")
    assert (found.live, found.connected, found.channel) == (False, True, "CFINANCE")
    due = {r.kind for r in door.rows(schedule) if r.due_at == door.now}
    assert {"sweep", "poll", "upkeep"} <= due
    (notice,) = door.rows(messages)
    assert "*Brass &amp; Fern* is connected to QuickBooks by <@ULEAD1>" in text_of(notice)
    with door.database.reading() as conn:
        (line,) = log.lines(conn)
    assert (line.fields["action"], line.fields["actor"]) == ("company.connected", "ULEAD1")


def test_the_tokens_are_sealed_and_work(door: Door) -> None:
    """What is stored opens with our key and is good for calls; in the record it is no token."""
    realm = door.connect().realm
    with door.database.reading() as conn:
        sealed = conn.execute(select(companies_table.c.sealed_tokens)).scalar_one()
    store = SqlTokenStore(door.database, Seal([KEY]))
    tokens = store.load(realm)
    assert tokens.access.get_secret_value() not in sealed
    with QuickBooks(
        realm, BearerAuth(realm, store, door.intuit.oauth), base_url=door.url
    ) as client:
        assert client.company_info().name == "Brass & Fern"


def test_connecting_again_keeps_mode_and_history(door: Door) -> None:
    """A company that went live stays live and in its channel; the tokens are new."""
    first = door.connect(channel="CFIRST")
    with door.database.writing() as conn:
        companies.change(conn, first.realm, mode="live", status="disconnected")
    before = SqlTokenStore(door.database, Seal([KEY])).load(first.realm)
    again = door.connect()
    assert (again.live, again.connected, again.channel) == (True, True, "CFIRST")
    assert again.connected_at == first.connected_at
    assert SqlTokenStore(door.database, Seal([KEY])).load(first.realm) != before
    with door.database.reading() as conn:
        actions = [line.fields["action"] for line in log.lines(conn)]
    assert actions == ["company.connected", "company.reconnected"]


def test_somebody_else_connects_it_again(door: Door) -> None:
    """The record says who it was; whoever connected it first, and its confirmation, stay."""
    first = door.connect()
    with door.database.writing() as conn:
        companies.change(conn, first.realm, reminders_off_by="ULEAD1", reminders_off_at=door.now)
    again = door.connect(person="ULEAD2")
    assert (again.reminders_off_by, again.channel) == ("ULEAD1", first.channel)
    (row,) = door.rows(companies_table)
    assert row.connected_by == "ULEAD1"
    told = door.rows(messages)[-1]
    assert "is connected to QuickBooks again by <@ULEAD2>" in text_of(told)
    assert not told.body["data"]["asks"]
    with door.database.reading() as conn:
        assert [line.fields["actor"] for line in log.lines(conn)] == ["ULEAD1", "ULEAD2"]


class PowerCut(BaseException):
    """The machine stops at this line."""


def cut(door: Door, state: str) -> None:
    """Come back from Intuit; the power goes when the tokens are there and nothing is stored."""

    def stops(realm: str, tokens: Tokens) -> QuickBooks:
        raise PowerCut

    code, realm = door.consent(state)
    with pytest.raises(PowerCut):
        connect(door.database, replace(door.intuit, open=stops), code, realm, state, door.now)


def test_a_power_cut_between_code_and_record_leaves_nothing_half(door: Door) -> None:
    """The link is used up, no company is there, and a new link connects it."""
    state = door.open()
    cut(door, state)
    assert door.rows(companies_table) == []
    with pytest.raises(NotConnected, match="already been used"):
        connect(door.database, door.intuit, "code", "1", state, door.now)
    assert door.connect().connected


def test_a_power_cut_while_connecting_again_keeps_the_company(door: Door) -> None:
    """Its tokens are those of before; where Intuit has ended them, a person is asked again."""
    realm = door.connect().realm
    store = SqlTokenStore(door.database, Seal([KEY]))
    before = store.load(realm)
    cut(door, door.open())
    assert store.load(realm) == before
    assert door.connect().connected


def test_a_door_is_good_once(door: Door) -> None:
    """The second use is refused before anything is asked of Intuit."""
    state = door.open()
    door.connect(state)
    with pytest.raises(NotConnected, match="already been used"):
        connect(door.database, door.intuit, "code", "1", state, door.now)


def test_a_door_closes_after_ten_minutes(one_door: Door) -> None:
    """An old link opens nothing."""
    state = one_door.open()
    with one_door.database.reading() as conn:
        check_link(conn, state, one_door.now + LINK_LIVES)
        with pytest.raises(NotConnected, match="ten minutes"):
            check_link(conn, state, one_door.now + LINK_LIVES + timedelta(seconds=1))


@pytest.mark.parametrize("state", ["-", "guessed", "x" * 5000])
def test_a_state_that_is_not_ours_opens_nothing(one_door: Door, state: str) -> None:
    """Whatever somebody puts into the address."""
    one_door.open()
    with pytest.raises(NotConnected, match="not one of ours"):
        connect(one_door.database, one_door.intuit, "code", "1", state, one_door.now)
    assert [row.used_at for row in one_door.rows(connect_links)] == [None]


def test_links_cannot_be_guessed(one_door: Door) -> None:
    """Each is long and different."""
    states = {one_door.open() for _ in range(20)}
    assert len(states) == 20
    assert all(len(state) >= 32 for state in states)


def test_a_wrong_code_connects_nothing(one_door: Door) -> None:
    """Intuit refuses it: a sentence, no company."""
    with pytest.raises(NotConnected, match="fresh link"):
        connect(one_door.database, one_door.intuit, "wrong", "1", one_door.open(), one_door.now)
    assert one_door.rows(companies_table) == []


def test_another_realm_than_the_one_consented_to_connects_nothing(one_door: Door) -> None:
    """The realm comes in the address; the tokens say whether it is theirs."""
    state = one_door.open()
    code, _ = one_door.consent(state)
    with pytest.raises(NotConnected):
        connect(one_door.database, one_door.intuit, code, "999", state, one_door.now)
    assert one_door.rows(companies_table) == []


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../../etc/passwd", "America"])
def test_an_unknown_zone_is_refused(sqlite_copies: Copies, zone: str) -> None:
    """Due dates are meant in it: never UTC in silence."""
    with sqlite_copies() as url, door_to(books(), url) as door:
        realm = next(iter(door.stand_in.realms.values()))
        realm.books.company.info["DefaultTimeZone"] = zone
        with pytest.raises(NotConnected, match="time zone of Brass & Fern"):
            door.connect()
        assert door.rows(companies_table) == []


def test_a_channel_holds_one_company(one_door: Door) -> None:
    """A second company needs a channel of its own, and says so."""
    one_door.connect()
    second = one_door.stand_in.add_company(company.build(books(CompanyName="Second")))
    one_door.stand_in.oauth.chosen = second
    with pytest.raises(NotConnected, match="CFINANCE already has the cards of Brass & Fern"):
        one_door.connect()
    assert one_door.connect(channel="CSECOND").realm == second


def alive(door: Door, realm: str) -> bool:
    """Whether the tokens on record are good for a call."""
    auth = BearerAuth(realm, SqlTokenStore(door.database, Seal([KEY])), door.intuit.oauth)
    with QuickBooks(realm, auth, base_url=door.url) as client:
        try:
            return bool(client.company_info().name)
        except QuickBooksError:
            return False


def test_a_refused_channel_costs_neither_connection_nor_link(one_door: Door) -> None:
    """It is known before the code is used; the same link still connects another company."""
    first = one_door.connect(channel="CFIRST").realm
    second = one_door.stand_in.add_company(company.build(books(CompanyName="Second")))
    one_door.stand_in.oauth.chosen = second
    one_door.connect(channel="CSECOND")
    state = one_door.open(channel="CFIRST")
    with pytest.raises(NotConnected, match="CFIRST already"):
        one_door.connect(state)
    assert alive(one_door, second)
    one_door.stand_in.oauth.chosen = first
    assert one_door.connect(state).channel == "CFIRST"


def test_a_refusal_after_the_exchange_keeps_a_connected_company(one_door: Door) -> None:
    """Its old tokens ended with the new ones, so it goes on with those."""
    realm = one_door.connect().realm
    info = one_door.stand_in.realms[realm].books.company.info
    info["DefaultTimeZone"] = "Mars/Olympus"
    with pytest.raises(NotConnected, match="time zone"):
        one_door.connect()
    assert alive(one_door, realm)


def test_a_refusal_after_the_exchange_leaves_nothing_at_intuit(one_door: Door) -> None:
    """Nobody would ever use the tokens of a company that was not connected."""
    realm, found = next(iter(one_door.stand_in.realms.items()))
    found.books.company.info["DefaultTimeZone"] = "Mars/Olympus"
    with pytest.raises(NotConnected):
        one_door.connect()
    (grant,) = one_door.stand_in.oauth.grants
    assert (grant.realm, grant.revoked) == (realm, True)


def test_another_company_is_quicker(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """The channel is taken between the look and the record: a sentence, and one company in it."""
    look = companies.in_channel
    found = iter([None, None])
    monkeypatch.setattr(companies, "in_channel", lambda *asked: next(found, look(*asked)))
    door.connect()
    second = door.stand_in.add_company(company.build(books(CompanyName="Second")))
    door.stand_in.oauth.chosen = second
    found = iter([None, None])
    with pytest.raises(NotConnected, match="CFINANCE already has the cards of Brass & Fern"):
        door.connect()
    assert door.connect(channel="CSECOND").realm == second
    found = iter([None, None, None])
    with pytest.raises(NotConnected, match="CFINANCE already"):
        door.connect(channel="CFINANCE")
    assert sorted(row.channel for row in door.rows(companies_table)) == ["CFINANCE", "CSECOND"]
    assert alive(door, second)


@dataclass(frozen=True)
class Hindered(Database):
    """A record in which another transaction is in the way of some writes."""

    hinders: Iterator[bool] = field(kw_only=True)

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        with super().writing() as conn:
            yield conn
            if next(self.hinders, False):
                raise OperationalError("UPDATE", None, Exception("deadlock detected"))


def test_a_deadlock_does_not_cost_the_link(one_door: Door) -> None:
    """What is written after the exchange is written again."""
    state = one_door.open()
    known = one_door.database
    hinders = iter([False, True])
    one_door.database = Hindered(known.engine, known.patience, known.turn, hinders=hinders)
    assert one_door.connect(state).connected
    assert len(one_door.rows(messages)) == 1


def test_a_company_moves_when_its_door_says_so(one_door: Door) -> None:
    """Connecting again with a channel moves the cards there, and both channels hear of it."""
    one_door.connect()
    assert one_door.connect(channel="CNEW").channel == "CNEW"
    told = {row.channel: text_of(row) for row in one_door.rows(messages)}
    assert "are posted in <#CNEW> from now on" in told["CFINANCE"]
    assert "Its cards are posted in this channel." in told["CNEW"]


def test_a_door_that_nobody_used_is_forgotten(one_door: Door) -> None:
    """A link is made whenever somebody opens the Home tab; the record does not keep them all."""
    old = one_door.open()
    one_door.now += timedelta(hours=25)
    fresh = one_door.open()
    assert [row.state for row in one_door.rows(connect_links)] == [fresh]
    assert old != fresh


def test_an_invitation_is_for_companies_that_need_one(one_door: Door) -> None:
    """Nothing for a company that works or that we do not know; one a day, and without a link."""
    realm, past = one_door.connect().realm, len(one_door.rows(connect_links))

    def invited(named: str) -> bool:
        with one_door.database.writing() as conn:
            return invite(conn, named, one_door.now)

    assert [invited("999"), invited(realm)] == [False, False]
    with one_door.database.writing() as conn:
        companies.change(conn, realm, status="reauth_required")
    assert [invited(realm), invited(realm)] == [True, True]
    with one_door.database.writing() as conn:
        soon = one_door.now + timedelta(days=31)
        companies.change(conn, realm, status="connected", hard_expires_at=soon)
    one_door.now += timedelta(days=1)
    assert invited(realm)
    posted = said(one_door.database)
    first, second = (text for text in posted if "Somebody asked in QuickBooks" in text)
    assert first == second
    assert "*Connect again* in the Home tab" in first
    assert "http" not in first
    assert len(one_door.rows(connect_links)) == past
