"""Alive, ready, and how much is waiting."""

from __future__ import annotations

from pathlib import Path

from jobs.store import events
from jobs.store.events import Notice
from tests.bot.kits import front, place


def test_alive_and_ready(tmp_path: Path, valkey_url: str) -> None:
    """With a record that is up to date and a Redis."""
    with place(tmp_path, valkey_url) as outside, front(outside) as door:
        assert door.get("/healthz").text == "ok"
        ready = door.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"database": "ok", "redis": "ok"})


def test_alive_but_not_ready(tmp_path: Path) -> None:
    """Without tables or Redis it lives, says what is the matter, and shows no address."""
    with (
        place(tmp_path) as outside,
        front(outside, DATABASE_URL=f"sqlite:///{tmp_path}/empty.sqlite3") as door,
    ):
        assert door.get("/healthz").status_code == 200
        ready = door.get("/readyz")
        assert door.get("/metrics").status_code == 503
    assert ready.status_code == 503
    assert ready.json() == {"database": "run: overdue db upgrade", "redis": "cannot be reached"}


def test_metrics(tmp_path: Path) -> None:
    """Cases by state, work that is due and for how long, events that wait."""
    with place(tmp_path) as outside, front(outside) as door:
        notice = Notice("intuit", "1", "1", "Invoice", "742", "updated", None)
        with door.kit.database.writing() as conn:
            events.store(conn, [notice], door.kit.now())
        text = door.get("/metrics").text
    assert 'overdue_cases{state="waiting"} 0.0' in text
    assert 'overdue_due_rows{table="events"} 1.0' in text
    assert 'overdue_due_rows{table="cases"} 0.0' in text
    assert 'overdue_oldest_due_seconds{table="events"} 0.' in text
    assert "overdue_events_waiting 1.0" in text
