"""The clock: it rings for what is due, and nothing that is away stops it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
import redis as redis_client
from sqlalchemy import ColumnElement, select, true
from structlog.testing import capture_logs

from jobs.engine.clock import PERIOD, Clock, run
from jobs.engine.queues import Queues
from jobs.engine.step import Step
from jobs.store import engine, events, schema
from jobs.store.engine import Database
from jobs.store.events import Notice
from jobs.store.tables import events as events_table
from jobs.store.tables import schedule

NOW = datetime(2026, 11, 6, 15, 0, tzinfo=UTC)
STEP = Step("detect", events_table, lambda _: true(), lambda *_: None, lambda *_: None)


@dataclass
class Bell:
    """Remembers who was rung for."""

    rung: list[str] = field(default_factory=list)

    def ring(self, step: str, id: str = "") -> None:
        """Remember."""
        self.rung.append(step)


@pytest.fixture
def database(sqlite_url: str) -> Iterator[Database]:
    """A record with our tables."""
    found = engine.connect(sqlite_url)
    schema.upgrade(found)
    yield found
    found.close()


def ticking(database: Database, bell: object, step: Step = STEP) -> Clock:
    """A clock that looks at one step."""
    return Clock(database, [step], bell, lambda: NOW)  # type: ignore[arg-type]


def notify(database: Database, at: datetime) -> None:
    """Something that is due then."""
    with database.writing() as conn:
        events.store(conn, [Notice("intuit", "1", "1", "Invoice", "742", "updated", None)], at)


def test_it_rings_for_what_is_due(database: Database) -> None:
    """Every tick while there is something to claim, and only then."""
    bell = Bell()
    clock = ticking(database, bell)
    clock.tick()
    assert bell.rung == []
    notify(database, NOW)
    clock.tick()
    clock.tick()
    assert bell.rung == ["detect", "detect"]


def test_it_does_not_ring_early(database: Database) -> None:
    """What is due later waits."""
    bell = Bell()
    notify(database, NOW + timedelta(seconds=1))
    ticking(database, bell).tick()
    assert bell.rung == []


def test_it_does_not_ring_for_what_may_not_be_done(database: Database) -> None:
    """A step that is not ready (a company that is paused) is left alone."""
    bell = Bell()
    notify(database, NOW)

    def never(_: datetime) -> ColumnElement[bool]:
        return ~true()

    ticking(database, bell, Step("detect", events_table, never, STEP.load, STEP.give_up)).tick()
    assert bell.rung == []


def test_it_puts_global_work_in_place_once(database: Database) -> None:
    """Two clocks, several ticks: one row, due at once."""
    for clock in (ticking(database, Bell()), ticking(database, Bell())):
        clock.tick()
        clock.tick()
    with database.reading() as conn:
        rows = conn.execute(select(schedule)).all()
    there = [(row.company, row.kind, row.due_at) for row in rows]
    assert there == [("", "people", NOW), ("", "log_head", NOW)]


def test_it_rings_a_real_queue_once(database: Database, valkey_url: str) -> None:
    """While a job is waiting there, no second one is put in."""
    with redis_client.Redis.from_url(valkey_url) as client:
        clock = ticking(database, Queues(client))
        notify(database, NOW)
        clock.tick()
        clock.tick()
        assert client.llen("rq:queue:intake") == 1


def test_it_survives_redis(database: Database) -> None:
    """A ring that is lost is no loss, and no error."""
    client = redis_client.Redis.from_url("unix:///nowhere/redis.sock")
    notify(database, NOW)
    ticking(database, Queues(client)).tick()


def test_it_survives_the_database(tmp_path: object) -> None:
    """Without a record it says so once and goes on; when the record is there it rings."""
    away = engine.connect(f"sqlite:///{tmp_path}/overdue.sqlite3")
    bell = Bell()
    clock = ticking(away, bell)
    with capture_logs() as said:
        clock.tick()
        clock.tick()
        schema.upgrade(away)
        notify(away, NOW)
        clock.tick()
    assert bell.rung == ["detect"]
    assert [line["event"] for line in said] == ["clock.no_database", "clock.database_is_back"]
    away.close()


def test_it_waits_a_second_between_two_looks(database: Database) -> None:
    """And ends when it is told to."""
    waited: list[float] = []

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        return len(waited) == 3

    run(ticking(database, Bell()), wait)
    assert waited == [PERIOD] * 3
