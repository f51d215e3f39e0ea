"""Tokens: sealed for one company, and refreshed by one process at a time."""

from __future__ import annotations

import threading
from datetime import timedelta
from urllib.parse import parse_qs

import httpx
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import select

from jobs.store import engine
from jobs.store.engine import Database
from jobs.store.tables import companies
from jobs.store.tokens import Seal, SqlTokenStore
from qbo import LEASE, BearerAuth, OAuth, ReauthRequired, Tokens
from tests.jobs.store.record import NOW, REALM, company, race

OLD_KEY, NEW_KEY = (SecretStr(Fernet.generate_key().decode()) for _ in range(2))


def tokens(number: int = 0, fresh: bool = True) -> Tokens:
    """The pair that Intuit gave out as number so-and-so."""
    return Tokens(
        access=SecretStr(f"access-{number}"),
        refresh=SecretStr(f"refresh-{number}"),
        expires_at=NOW + timedelta(hours=1 if fresh else -1),
        refresh_expires_at=NOW + timedelta(days=100),
        hard_expires_at=NOW + timedelta(days=1000),
        created_at=NOW - timedelta(hours=1),
    )


def stored(database: Database, number: int = 0, fresh: bool = True) -> SqlTokenStore:
    """A store in which a company has these tokens."""
    seal = Seal([NEW_KEY])
    company(database, sealed_tokens=seal.close(REALM, tokens(number, fresh)))
    return SqlTokenStore(database, seal)


def test_tokens_are_sealed(database: Database) -> None:
    """What lies in the database says nothing; what is loaded is the whole pair."""
    store = stored(database)
    with database.reading() as conn:
        sealed = conn.execute(select(companies.c.sealed_tokens)).scalar_one()
    assert "access-0" not in sealed
    assert "refresh-0" not in sealed
    assert REALM not in sealed
    assert store.load(REALM) == tokens()


def test_a_new_key_opens_what_an_old_one_sealed() -> None:
    """Keys rotate: the newest seals, each listed one opens."""
    old, both, new = Seal([OLD_KEY]), Seal([NEW_KEY, OLD_KEY]), Seal([NEW_KEY])
    assert both.open(REALM, old.close(REALM, tokens())) == tokens()
    assert new.open(REALM, both.close(REALM, tokens())) == tokens()
    with pytest.raises(ReauthRequired, match="TOKEN_KEYS"):
        new.open(REALM, old.close(REALM, tokens()))


@pytest.mark.parametrize("broken", ["", "rubbish", "gAAAAA==", "ключ"])
def test_a_broken_seal_asks_for_a_connection(broken: str) -> None:
    """Whatever stands there instead of tokens, a person is told what to do."""
    with pytest.raises(ReauthRequired, match="connect the company again"):
        Seal([NEW_KEY]).open(REALM, broken)


def test_tokens_open_for_their_own_company_only() -> None:
    """A row copied to another company is not believed."""
    seal = Seal([NEW_KEY])
    with pytest.raises(ReauthRequired):
        seal.open("2", seal.close(REALM, tokens()))


def test_a_company_without_tokens_has_to_connect(database: Database) -> None:
    """Neither an unknown company nor a disconnected one has any."""
    company(database, sealed_tokens=None)
    store = SqlTokenStore(database, Seal([NEW_KEY]))
    for realm in (REALM, "another"):
        with pytest.raises(ReauthRequired, match="connect it again"):
            store.load(realm)


def test_one_of_eight_gets_the_lease(database: Database) -> None:
    """The others get nothing until it is given back or over."""
    store = stored(database)
    won = [lease for lease in race(8, lambda _: store.lease(REALM, NOW)) if lease]
    assert len(won) == 1
    assert store.lease(REALM, NOW + LEASE) is None
    store.release(REALM, "another's")
    assert store.lease(REALM, NOW) is None
    store.release(REALM, won[0])
    assert store.lease(REALM, NOW)


def test_a_lease_that_ran_out_can_be_taken(database: Database) -> None:
    """Its holder died; when it comes back, it cannot end the new one's lease."""
    store = stored(database)
    first = store.lease(REALM, NOW)
    later = NOW + LEASE + timedelta(seconds=1)
    assert first
    assert store.lease(REALM, later)
    store.release(REALM, first)
    assert store.lease(REALM, later) is None


def test_new_tokens_name_the_pair_they_replace(database: Database) -> None:
    """Whoever refreshed a pair that is not current any more changes nothing."""
    store = stored(database)
    store.save(REALM, tokens(2), replaces=tokens(1))
    assert store.load(REALM) == tokens(0)
    store.save(REALM, tokens(1), replaces=tokens(0))
    assert store.load(REALM) == tokens(1)


def test_of_eight_that_replace_one_pair_one_is_kept(database: Database) -> None:
    """A pair is replaced once, and what is stored is one of the new ones, whole."""
    store = stored(database)
    race(8, lambda n: store.save(REALM, tokens(n + 1), replaces=tokens(0)))
    kept = store.load(REALM)
    assert kept in [tokens(n + 1) for n in range(8)]
    store.save(REALM, tokens(99), replaces=tokens(0))
    assert store.load(REALM) == kept


class Intuit:
    """One refresh token is good at a time; a second use of it ends the connection."""

    def __init__(self) -> None:
        self.refreshed = 0
        self.signed: list[str] = []
        self.lock = threading.Lock()

    def token(self, request: httpx.Request) -> httpx.Response:
        with self.lock:
            if parse_qs(request.content.decode())["refresh_token"] != [f"refresh-{self.refreshed}"]:
                return httpx.Response(400, json={"error": "invalid_grant"})
            self.refreshed += 1
            answer = {
                "access_token": f"access-{self.refreshed}",
                "refresh_token": f"refresh-{self.refreshed}",
                "expires_in": 3600,
                "x_refresh_token_expires_in": 8726400,
            }
        return httpx.Response(200, json=answer)

    def call(self, request: httpx.Request) -> httpx.Response:
        with self.lock:
            self.signed.append(request.headers["Authorization"])
        return httpx.Response(200, json={})


def test_eight_calls_at_once_refresh_once(database: Database, record_url: str) -> None:
    """Two processes with four threads each find stale tokens: one refreshes, all go on."""
    stored(database, fresh=False)
    intuit, other = Intuit(), engine.connect(record_url)
    stores = [SqlTokenStore(one, Seal([NEW_KEY])) for one in (database, other)]
    oauth = OAuth(
        "client",
        SecretStr("s3cret"),
        token_url="https://oauth.example/tokens",
        authorize_url="https://oauth.example/authorize",
        revoke_url="https://oauth.example/revoke",
        redirect_uri="https://overdue.example/quickbooks/callback",
        transport=httpx.MockTransport(intuit.token),
    )

    def call(number: int) -> int:
        auth = BearerAuth(REALM, stores[number % 2], oauth, clock=lambda: NOW)
        with httpx.Client(transport=httpx.MockTransport(intuit.call), auth=auth) as client:
            return client.get("https://quickbooks.example/v3/company").status_code

    assert race(8, call) == [200] * 8
    assert intuit.refreshed == 1
    assert set(intuit.signed) == {"Bearer access-1"}
    oauth.close()
    other.close()
