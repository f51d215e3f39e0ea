"""A request is taken once, whoever is handed its copies, and is forgotten in the end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

from sqlalchemy import func, select

from jobs.store.database.engine import Database
from jobs.store.database.tables import taken as table
from jobs.store.intake import events
from tests.jobs.store.record import NOW

COPIES = 8


def test_of_many_copies_one_is_taken(database: Database) -> None:
    """Eight at the same moment, and then one more."""
    gate = Barrier(COPIES)

    def take(_: int) -> bool:
        gate.wait()
        with database.writing() as conn:
            return events.first_time(conn, "v0=5257a869", NOW)

    with ThreadPoolExecutor(COPIES) as pool:
        assert sorted(pool.map(take, range(COPIES))) == [False] * (COPIES - 1) + [True]
    with database.writing() as conn:
        assert not events.first_time(conn, "v0=5257a869", NOW + timedelta(minutes=10))
        assert events.first_time(conn, "v0=another", NOW)


def test_what_nobody_could_copy_any_more_is_deleted(database: Database) -> None:
    """Whoever takes something takes away what is old; the table does not grow for ever."""
    with database.writing() as conn:
        for number in range(30):
            events.first_time(conn, f"v0={number}", NOW + timedelta(seconds=number))
        events.first_time(conn, "v0=later", NOW + events.TAKEN_KEPT + timedelta(seconds=20))
        assert conn.execute(select(func.count()).select_from(table)).scalar_one() == 11
