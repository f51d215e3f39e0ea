"""Deliveries that arrive together are stored together, and each is answered for its own."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from bot.web.deliveries import Deliveries
from jobs.store.database import engine, schema
from jobs.store.database.engine import Database
from jobs.store.database.tables import events
from jobs.store.intake.events import Notice

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def database(sqlite_url: str) -> Iterator[Database]:
    found = engine.connect(sqlite_url)
    schema.upgrade(found)
    yield found
    found.close()


def notice(number: int) -> Notice:
    return Notice("test", str(number), "1", "Invoice", str(number), "updated", None)


def count(database: Database) -> int:
    with database.reading() as conn:
        return conn.execute(select(func.count()).select_from(events)).scalar_one()


def test_every_delivery_is_on_record_when_it_is_answered(database: Database) -> None:
    """Sixty deliveries from twenty threads, some of them the same, are stored once each."""
    deliveries = Deliveries(lambda: database, lambda: NOW)
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda n: deliveries.put([notice(n % 40)]), range(60)))
    assert count(database) == 40


def test_a_delivery_that_cannot_be_stored_is_said_to_everybody_who_waited(sqlite_url: str) -> None:
    """Without its tables the record takes nothing, and nobody is told otherwise."""
    bare = engine.connect(sqlite_url)
    deliveries = Deliveries(lambda: bare, lambda: NOW)

    def put(number: int) -> bool:
        try:
            deliveries.put([notice(number)])
        except SQLAlchemyError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert not any(pool.map(put, range(8)))
    bare.close()


def test_whatever_goes_wrong_nobody_waits_for_ever(database: Database) -> None:
    """Who wrote for the others passes on what happened to them all."""

    def broken() -> datetime:
        raise ZeroDivisionError

    deliveries = Deliveries(lambda: database, broken)
    with ThreadPoolExecutor(4) as pool:
        with deliveries._writing:  # until all of them wait
            waiting = [pool.submit(deliveries.put, [notice(n)]) for n in range(4)]
            while len(deliveries._queue) < 4:
                pass
        assert all(isinstance(one.exception(10), ZeroDivisionError) for one in waiting)
