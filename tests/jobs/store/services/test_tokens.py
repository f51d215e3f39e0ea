"""Sealed tokens: kept, swapped, given up, and sealed anew."""

from contextlib import ExitStack, closing
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from jobs.store import companies
from jobs.store.database.engine import Database, connect
from jobs.store.database.tables import companies as companies_table
from jobs.store.database.tables import schedule
from jobs.store.services import tokens
from jobs.store.services.tokens import Seal, SqlTokenStore, Unopenable
from qbo import InvalidGrant, ReauthRequired, Tokens
from qbo.oauth import LEASE
from tests.jobs.store.record import NOW, REALM, company, race
from tests.said import said

OLD, NEW, LOST = (SecretStr(Fernet.generate_key().decode()) for _ in range(3))
OTHER = "4620816365000000002"
OVER = InvalidGrant("The connection to QuickBooks has ended; connect again")


def pair(number: int) -> Tokens:
    return Tokens(
        access=SecretStr(f"access-{number}"),
        refresh=SecretStr(f"refresh-{number}"),
        previous=SecretStr(f"refresh-{number - 1}"),
        expires_at=NOW + timedelta(hours=1),
        refresh_expires_at=NOW + timedelta(days=100),
        hard_expires_at=NOW + timedelta(days=1000),
        created_at=NOW,
    )


def connected(database: Database, realm: str = REALM, key: SecretStr = OLD) -> None:
    company(database, realm, sealed_tokens=Seal([key]).close(realm, pair(1)))


def store(database: Database, *keys: SecretStr) -> SqlTokenStore:
    return SqlTokenStore(database, Seal(keys or [OLD]))


def sealed(database: Database, realm: str = REALM) -> str:
    query = select(companies_table.c.sealed_tokens).where(companies_table.c.realm == realm)
    with database.reading() as conn:
        return str(conn.execute(query).scalar_one())


def status(database: Database) -> str:
    with database.reading() as conn:
        return companies.need(conn, REALM).status


def alerts(database: Database) -> list[str]:
    return said(database)


def test_what_is_stored_is_what_was_saved(database: Database) -> None:
    """Both refresh tokens too, and none of them in plain text."""
    connected(database)
    store(database).save(REALM, pair(2), pair(1))
    assert store(database).load(REALM) == pair(2)
    assert "refresh" not in sealed(database)


def test_a_saved_pair_leaves_its_ends_and_its_upkeep(database: Database) -> None:
    """For whoever shows them without the keys, and for the day after."""
    connected(database)
    store(database).save(REALM, pair(2), pair(1))
    with database.reading() as conn:
        found = conn.execute(select(companies_table)).one()
        planned = conn.execute(select(schedule)).one()
    assert found.refresh_expires_at == NOW + timedelta(days=100)
    assert found.hard_expires_at == NOW + timedelta(days=1000)
    assert (planned.kind, planned.due_at) == ("upkeep", NOW + timedelta(days=1))


def test_a_pair_that_replaces_nothing_is_dropped(database: Database) -> None:
    """Somebody else has stored a newer one meanwhile."""
    connected(database)
    store(database).save(REALM, pair(9), pair(7))
    assert store(database).load(REALM) == pair(1)


def test_a_fresh_pair_outlives_a_database_that_is_away(database: Database) -> None:
    """Nobody else knows it: it is kept as soon as the database takes it."""
    connected(database)
    url = database.engine.url.render_as_string(hide_password=False)
    waits: list[float] = []
    with ExitStack() as others:
        _busy(database, others)

        def slept(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 2:
                others.close()

        impatient = connect(url, patience=timedelta(milliseconds=20))
        with closing(impatient):
            SqlTokenStore(impatient, Seal([OLD]), sleep=slept).save(REALM, pair(2), pair(1))
    assert waits == [0.5, 1.0]
    assert store(database).load(REALM) == pair(2)


def test_a_database_that_stays_away_is_not_waited_for_for_ever(database: Database) -> None:
    """The pair before stays in the record, and whoever asked hears of it within the lease."""
    connected(database)
    url = database.engine.url.render_as_string(hide_password=False)
    waits: list[float] = []
    with ExitStack() as others, closing(connect(url, timedelta(milliseconds=20))) as impatient:
        _busy(database, others)
        kept = SqlTokenStore(impatient, Seal([OLD]), sleep=waits.append)
        with pytest.raises(OperationalError):
            kept.save(REALM, pair(2), pair(1))
    assert sum(waits) < LEASE.total_seconds() / 2
    assert store(database).load(REALM) == pair(1)


def test_a_lease_is_kept_by_its_holder_alone(database: Database) -> None:
    """Also after its time, where nobody has taken it; whoever has is not disturbed."""
    connected(database)
    tokens = store(database)
    first = tokens.lease(REALM, NOW)
    assert first is not None
    assert tokens.hold(REALM, first, NOW + LEASE + timedelta(seconds=1))
    assert tokens.lease(REALM, NOW + 2 * LEASE) is None
    second = tokens.lease(REALM, NOW + 3 * LEASE)
    assert second is not None
    assert not tokens.hold(REALM, first, NOW + 3 * LEASE)
    assert tokens.hold(REALM, second, NOW + 3 * LEASE)
    tokens.release(REALM, second)
    assert not tokens.hold(REALM, second, NOW + 3 * LEASE)


def _busy(database: Database, until: ExitStack) -> None:
    """Somebody holds the lock that a save needs."""
    conn = until.enter_context(database.writing())
    companies.change(conn, REALM, name="Harbor Supply & Co")


def test_a_lost_connection_is_marked_and_told_once(database: Database) -> None:
    """However many processes find out at the same moment."""
    connected(database)
    race(8, lambda _: store(database).lose(REALM, pair(1), OVER, NOW))
    assert status(database) == "reauth_required"
    (alert,) = alerts(database)
    assert "*Harbor Supply*: The connection to QuickBooks has ended; connect again." in alert
    assert "*Connect again* in the Home tab" in alert
    assert "/quickbooks/connect" not in alert  # without a person of its own it opens nothing


def test_a_connection_that_was_renewed_meanwhile_is_not_lost(database: Database) -> None:
    """A late answer about older tokens does not pause a company that is connected again."""
    connected(database)
    store(database).save(REALM, pair(2), pair(1))
    store(database).lose(REALM, pair(1), OVER, NOW)
    assert (status(database), alerts(database)) == ("connected", [])


def test_a_name_cannot_write_into_the_alert(database: Database) -> None:
    """Company names come from outside."""
    tokens_of = Seal([OLD]).close(REALM, pair(1))
    company(database, sealed_tokens=tokens_of, name="<!channel> & *Sons*\nFree money")
    store(database).lose(REALM, pair(1), OVER, NOW)
    (alert,) = alerts(database)
    assert "<!channel>" not in alert
    assert "&lt;!channel&gt; &amp; ∗Sons∗" in alert
    assert "\n" not in alert


def test_rotating_seals_everything_with_the_newest_key(database: Database) -> None:
    """Afterwards the old key can go."""
    for realm in (REALM, OTHER):
        connected(database, realm)
    assert tokens.rotate(database, Seal([NEW, OLD])) == (2, [])
    for realm in (REALM, OTHER):
        assert store(database, NEW).load(realm) == pair(1)
        with pytest.raises(Unopenable):
            store(database, OLD).load(realm)


def test_rotating_leaves_what_it_cannot_open(database: Database) -> None:
    """And names it: the key may still turn up."""
    connected(database)
    connected(database, OTHER, LOST)
    before = sealed(database, OTHER)
    assert tokens.rotate(database, Seal([NEW, OLD])) == (1, [OTHER])
    assert sealed(database, OTHER) == before


def test_rotating_may_be_cut_off_and_repeated(database: Database) -> None:
    """Each company is a transaction of its own; the second run finishes what the first began."""
    for realm in (REALM, OTHER):
        connected(database, realm)
    both = Seal([NEW, OLD])
    assert tokens._rotate_one(database, both, REALM)
    assert store(database, NEW, OLD).load(OTHER) == pair(1)
    assert tokens.rotate(database, both) == (2, [])
    assert [store(database, NEW).load(realm) for realm in (REALM, OTHER)] == [pair(1), pair(1)]


def test_a_company_without_tokens_is_passed_over(database: Database) -> None:
    """A disconnected one has none."""
    company(database)
    assert tokens.rotate(database, Seal([NEW])) == (0, [])
    with pytest.raises(ReauthRequired):
        store(database).load(REALM)


def test_rotating_while_processes_refresh_loses_nothing(database: Database) -> None:
    """Whoever comes first, the newest pair stands in the end, under the newest key."""
    connected(database)
    both = Seal([NEW, OLD])

    def work(number: int) -> None:
        if number:
            tokens.rotate(database, both)
        for n in range(1, 10) if not number else ():
            SqlTokenStore(database, both).save(REALM, pair(n + 1), pair(n))

    race(4, work)
    tokens.rotate(database, both)
    assert store(database, NEW).load(REALM) == pair(10)
