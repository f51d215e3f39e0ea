"""The clock: it wakes what is due, and nothing that is away stops it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
import redis as redis_client
from sqlalchemy import select, true
from structlog.testing import capture_logs

from jobs import pipeline
from jobs.engine.clock import PERIOD, Clock, run
from jobs.engine.queues import Queues
from jobs.engine.step import Step
from jobs.store.database import engine, schema
from jobs.store.database.engine import Database
from jobs.store.database.tables import events as events_table
from jobs.store.database.tables import schedule
from jobs.store.intake import events
from jobs.store.intake.events import Notice
from tests.jobs.store.record import REALM, company

NOW = datetime(2026, 11, 6, 15, 0, tzinfo=UTC)
STEP = Step("detect", events_table, true(), lambda *_: None, lambda *_: None)


@dataclass
class WokenSteps:
    """Remembers which steps were woken."""

    woken: list[str] = field(default_factory=list)

    def wake(self, step: str, id: str = "") -> None:
        """Remember."""
        self.woken.append(step)


@pytest.fixture
def database(sqlite_url: str) -> Iterator[Database]:
    """A record with our tables."""
    found = engine.connect(sqlite_url)
    schema.upgrade(found)
    yield found
    found.close()


def ticking(database: Database, queues: object, step: Step = STEP) -> Clock:
    """A clock that looks at one step."""
    return Clock(database, [step], queues, lambda: NOW)  # type: ignore[arg-type]


def notify(database: Database, at: datetime) -> None:
    """Something that is due then."""
    with database.writing() as conn:
        events.store(conn, [Notice("intuit", "1", "1", "Invoice", "742", "updated", None)], at)


def test_it_wakes_what_is_due(database: Database) -> None:
    """Every tick while there is something to claim, and only then."""
    queues = WokenSteps()
    clock = ticking(database, queues)
    clock.tick()
    assert queues.woken == []
    notify(database, NOW)
    clock.tick()
    clock.tick()
    assert queues.woken == ["detect", "detect"]


def test_it_does_not_ring_early(database: Database) -> None:
    """What is due later waits."""
    queues = WokenSteps()
    notify(database, NOW + timedelta(seconds=1))
    ticking(database, queues).tick()
    assert queues.woken == []


def test_it_does_not_ring_for_what_may_not_be_done(database: Database) -> None:
    """A step that is not ready (a company that is paused) is left alone."""
    queues = WokenSteps()
    notify(database, NOW)

    ticking(database, queues, Step("detect", events_table, ~true(), STEP.load, STEP.give_up)).tick()
    assert queues.woken == []


def test_it_puts_on_the_schedule_what_is_missing_once(database: Database) -> None:
    """Two clocks, several ticks: what is for all, and what each company has since a release."""
    company(database)
    for clock in (ticking(database, WokenSteps()), ticking(database, WokenSteps())):
        clock.tick()
        clock.tick()
    with database.reading() as conn:
        rows = conn.execute(select(schedule)).all()
    there = [(row.company, row.kind) for row in rows]
    kinds = [*pipeline.AT_CONNECTION, *pipeline.EACH_COMPANY]
    assert sorted(there) == sorted(
        [*(("", kind) for kind in pipeline.FOR_ALL), *((REALM, kind) for kind in kinds)]
    )
    assert {row.due_at for row in rows} == {NOW}


def test_it_rings_a_real_queue_once(database: Database, valkey_url: str) -> None:
    """While a job is waiting there, no second one is put in."""
    with redis_client.Redis.from_url(valkey_url) as client:
        clock = ticking(database, Queues(client))
        notify(database, NOW)
        clock.tick()
        clock.tick()
        assert client.llen("rq:queue:intake") == 1


def test_it_survives_redis(database: Database) -> None:
    """A lost wake-up is no loss, and no error."""
    client = redis_client.Redis.from_url("unix:///nowhere/redis.sock")
    notify(database, NOW)
    ticking(database, Queues(client)).tick()


def test_it_survives_the_database(tmp_path: object) -> None:
    """Without a database it says so once and goes on; when the database is back it wakes them."""
    away = engine.connect(f"sqlite:///{tmp_path}/overdue.sqlite3")
    queues = WokenSteps()
    clock = ticking(away, queues)
    with capture_logs() as said:
        clock.tick()
        clock.tick()
        schema.upgrade(away)
        notify(away, NOW)
        clock.tick()
    assert queues.woken == ["detect"]
    assert [line["event"] for line in said] == ["clock.no_database", "clock.database_is_back"]
    away.close()


def test_it_waits_a_second_between_two_looks(database: Database) -> None:
    """And ends when it is told to."""
    waited: list[float] = []

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        return len(waited) == 3

    run(ticking(database, WokenSteps()), wait)
    assert waited == [PERIOD] * 3
