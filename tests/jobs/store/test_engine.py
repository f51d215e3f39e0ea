"""Two kinds of transaction, on two engines, that behave alike."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Connection, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, InternalError, OperationalError

from jobs.store.database import engine, schema
from jobs.store.database.engine import Database
from jobs.store.database.tables import channels, companies, customers, events
from tests.jobs.store.record import NOW, REALM, company, notices, race
from tests.real_processes import PATIENCE

SHORT = timedelta(milliseconds=50)


def count(database: Database) -> int:
    with database.reading() as conn:
        return conn.execute(select(func.count()).select_from(events)).scalar_one()


def _write_and_fail(conn: Connection) -> None:
    conn.execute(insert(channels).values(channel="C1", next_at=NOW))
    raise ZeroDivisionError


def test_a_write_is_kept_or_undone_as_a_whole(database: Database) -> None:
    """An error inside a write transaction takes everything back."""
    with pytest.raises(ZeroDivisionError), database.writing() as conn:
        _write_and_fail(conn)
    with database.reading() as conn:
        assert conn.execute(select(channels)).all() == []


def test_nothing_can_be_written_while_reading(database: Database) -> None:
    """A write in a reading transaction is refused; the next writing one goes through."""
    with pytest.raises(DBAPIError, match=r"read-?only"), database.reading() as conn:
        conn.execute(insert(channels).values(channel="C1", next_at=NOW))
    with database.writing() as conn:
        conn.execute(insert(channels).values(channel="C1", next_at=NOW))


def test_a_reader_sees_one_moment(database: Database) -> None:
    """What others commit while somebody reads is seen by the next reading only."""
    notices(database, 1)
    with database.reading() as conn:
        first = conn.execute(select(events.c.verb)).scalar_one()
        with database.writing() as other:
            other.execute(update(events).values(verb="Deleted"))
        assert conn.execute(select(events.c.verb)).scalar_one() == first
    with database.reading() as conn:
        assert conn.execute(select(events.c.verb)).scalar_one() == "Deleted"


def test_writers_wait_for_each_other(record_url: str) -> None:
    """Four processes that read before they write: each waits, none is told "locked"."""
    databases = [engine.connect(record_url) for _ in range(4)]
    company(databases[0], swept_at=None)

    def add(number: int) -> None:
        for _ in range(10):
            with databases[number].writing() as conn:
                query = select(companies.c.name).with_for_update()
                name = conn.execute(query).scalar_one()
                conn.execute(update(companies).values(name=f"{name}|"))

    race(4, add)
    with databases[0].reading() as conn:
        assert conn.execute(select(companies.c.name)).scalar_one().count("|") == 40
    for database in databases:
        database.close()


def test_somebody_who_may_not_wait_is_told(database: Database, record_url: str) -> None:
    """A lock that is held longer than our patience is an error, not a hang."""
    company(database)
    hasty = engine.connect(record_url, SHORT)
    with database.writing() as conn:
        conn.execute(update(companies).values(name="held"))
        with pytest.raises(DBAPIError), hasty.writing() as other:
            other.execute(update(companies).values(name="hasty"))
    with hasty.writing() as other:
        other.execute(update(companies).values(name="hasty"))
    hasty.close()


def test_who_was_refused_the_lock_waits_again_next_time(sqlite_url: str) -> None:
    """SQLite's own patience is set aside for a look at the lock, and no longer."""
    holder, hasty = engine.connect(sqlite_url), engine.connect(sqlite_url, SHORT)
    with holder.writing(), pytest.raises(OperationalError, match="locked"), hasty.writing():
        pass
    with hasty.reading() as conn:
        assert conn.exec_driver_sql("PRAGMA busy_timeout").scalar() == 50
    holder.close()
    hasty.close()


def test_of_many_that_wait_for_sqlite_one_at_a_time_tries(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attempts of forty waiting threads would keep a process busy with nothing else."""
    holder, database = engine.connect(sqlite_url), engine.connect(sqlite_url)
    schema.upgrade(holder)
    began, trying = engine._began, set[int]()
    enough = threading.Semaphore(0)

    def counted(conn: Connection, *, last: bool) -> bool:
        trying.add(threading.get_ident())
        enough.release()
        return began(conn, last=last)

    def write() -> None:
        with database.writing():
            pass

    with ThreadPoolExecutor(8) as pool:
        with holder.writing():
            monkeypatch.setattr(engine, "_began", counted)
            waiting = [pool.submit(write) for _ in range(8)]
            for _ in range(20):
                assert enough.acquire(timeout=PATIENCE)
            assert len(trying) == 1
        for each in waiting:
            each.result()
    holder.close()
    database.close()


def test_a_reader_never_waits_for_a_writer(database: Database, record_url: str) -> None:
    """Cards can be drawn while a sweep writes."""
    hasty = engine.connect(record_url, SHORT)
    with database.writing() as conn:
        conn.execute(insert(channels).values(channel="C1", next_at=NOW))
        assert count(hasty) == 0
    hasty.close()


def test_an_error_carries_no_words_of_a_customer(database: Database) -> None:
    """Neither parameters nor what the server quotes of a row reach a log."""
    company(database)
    empty = {"email": "", "parent": "", "bills_parent": False, "active": True}
    row = {"company": REALM, "id": "58", **empty, "balance": Decimal(0), "read_at": NOW}
    rows = {
        "missing": {**row, "name": "Cooper & Sons", "read_at": None},
        "twice": {**row, "name": "Cooper & Sons"},
        "stranger": {**row, "company": "Cooper & Sons", "name": ""},
    }
    with database.writing() as conn:
        conn.execute(insert(customers).values(**{**rows["twice"], "id": "Cooper & Sons"}))
    for wrong in rows.values():
        with pytest.raises(IntegrityError) as caught, database.writing() as conn:
            conn.execute(insert(customers).values(**{**wrong, "id": "Cooper & Sons"}))
        assert "Cooper" not in f"{caught.value} {caught.value.orig} {caught.value.__cause__}"


def test_an_error_says_what_was_wrong(database: Database) -> None:
    """The table whose rule refused a row is named."""
    company(database)
    with pytest.raises(IntegrityError, match="companies"):
        company(database)


@pytest.mark.parametrize("scheme", ["postgres://", "postgresql://", "postgresql+psycopg://"])
def test_any_spelling_of_postgresql_is_understood(postgres: str, scheme: str) -> None:
    """Hosts hand out several; all mean the one driver we have."""
    database = engine.connect(postgres.replace("postgresql://", scheme))
    with database.reading() as conn:
        assert conn.execute(text("SELECT 1")).scalar_one() == 1
        assert conn.engine.driver == "psycopg"
    database.close()


def test_sqlite_is_tamed(sqlite_url: str) -> None:
    """Write-ahead log, foreign keys, triggers that also see a REPLACE, and full sync, but for
    what a power cut may take."""
    database = engine.connect(sqlite_url, SHORT)
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "busy_timeout": 50,
        "foreign_keys": 1,
        "recursive_triggers": 1,
    }
    with database.reading() as conn:
        found = {name: conn.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in wanted}
    assert found == wanted
    for durable, synchronous in ((False, 1), (True, 2)):
        with database.writing(durable=durable) as conn:
            assert conn.exec_driver_sql("PRAGMA synchronous").scalar_one() == synchronous
    database.close()


def test_a_connection_to_a_server_that_only_reads_by_now_is_not_used_again(
    postgres_url: str,
) -> None:
    """After a failover the old server still answers; whoever tries again reaches the new one."""
    database = engine.connect(postgres_url, SHORT)
    schema.upgrade(database)
    with database.writing() as conn:
        conn.exec_driver_sql("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
    one = insert(channels).values(channel="C1", next_at=NOW)
    with pytest.raises(InternalError, match="read-only"), database.writing() as conn:
        conn.execute(one)
    with database.writing() as conn:
        conn.execute(one)
    database.close()


def test_a_server_that_never_answers_is_given_up() -> None:
    """It takes the connection and is silent, as a machine that hangs."""
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor() as pool:
        port = silent.getsockname()[1]
        database = engine.connect(f"postgresql://x:x@127.0.0.1:{port}/x", SHORT)
        asked = pool.submit(lambda: count(database))
        try:
            with pytest.raises(OperationalError):
                asked.result(PATIENCE)
        finally:
            silent.close()


def test_postgresql_is_told_our_patience_and_zone(postgres_url: str) -> None:
    """Both hold for every connection of the pool."""
    database = engine.connect(postgres_url, timedelta(seconds=1.5))
    both = threading.Barrier(2)

    def ask(_number: int) -> list[str]:
        with database.reading() as conn:
            both.wait(30)
            return [
                conn.execute(text(f"SHOW {n}")).scalar_one() for n in ("lock_timeout", "TimeZone")
            ]

    assert race(2, ask) == [["1500ms", "UTC"]] * 2
    database.close()
