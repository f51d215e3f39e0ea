"""One clock for all processes: the database's, however theirs are set."""

from __future__ import annotations

from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy.exc import OperationalError

from bot.process import Process
from jobs.engine import loop
from jobs.rules.states import State
from jobs.store.database import engine
from jobs.store.database.engine import Database, SharedTime
from tests.jobs.fixtures import opener
from tests.jobs.harness import CompanyHarness, SharedStandIns
from tests.jobs.store import copies

record_url, database = copies.record_url, copies.database
HOUR = timedelta(hours=1)


def work_on_sends(harness: CompanyHarness) -> None:
    """What a worker does when the send step is woken, by the time that it knows."""
    with closing(Process(harness.process.settings)) as process:
        steps = [step for step in harness.process.steps() if step.name == "send"]
        loop.run(process.database, steps, process.now)


def test_a_worker_with_a_fast_clock_does_not_shorten_the_undo_window(
    shared: SharedStandIns, home_url: str, tmp_path: Path
) -> None:
    """Its own clock is an hour ahead: nothing goes while the approval can be undone."""
    with ExitStack() as stack:
        harness = opener(stack, shared, home_url, tmp_path)(now=datetime.now(UTC))
        harness.sweep()
        harness.approve()
        with time_machine.travel(datetime.now(UTC) + HOUR):
            work_on_sends(harness)
        assert (harness.state(), harness.mails) == (State.APPROVED, [])
        assert harness.case().row.due_at == harness.now + timedelta(seconds=60)
        harness.wait_out()
        assert len(harness.mails) == 1


@pytest.mark.parametrize("off", [HOUR, -HOUR])
def test_the_time_is_the_databases(database: Database, off: timedelta) -> None:
    """However this process's clock is set; between two questions it counts on."""
    right = datetime.now(UTC)
    with time_machine.travel(right + off):
        now = SharedTime(lambda: database)
        told = [now(), now()]
    assert right <= told[0] + timedelta(milliseconds=1) <= told[1] + timedelta(milliseconds=1)
    assert told[1] - right < HOUR / 2


def test_the_time_goes_on_while_the_database_is_away(
    database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What was read once is counted on; a database that was never reached is an error."""
    monkeypatch.setattr(engine, "TRUSTED_SECONDS", -1.0)
    gone = engine.connect(f"sqlite:///{tmp_path}/gone.sqlite3")
    reached = [database, gone, gone]
    now = SharedTime(lambda: reached.pop(0))
    first = now()
    assert first <= now() <= now()
    with pytest.raises(OperationalError):
        SharedTime(lambda: gone)()
