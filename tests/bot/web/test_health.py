"""Alive, ready, and how much is waiting: what everybody may see, and what operators see."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import structlog
from starlette.applications import Starlette

from bot.process import Process
from bot.web import server as web
from bot.web.slack import SlackRoutes
from jobs.rules.policy.policy import load
from jobs.rules.policy.sections import TokenCount
from jobs.store.intake import events
from jobs.store.intake.events import Notice
from jobs.store.services.model_costs import ModelCosts
from tests.bot.web_process import place, settings, web_process

ROOT = Path(__file__).parents[3]


def test_alive_and_ready(tmp_path: Path, valkey_url: str) -> None:
    """With a record that is up to date and a Redis."""
    with place(tmp_path, valkey_url) as outside, web_process(outside) as web:
        assert web.get("/healthz").text == "ok"
        ready, details = web.get("/readyz"), web.operators.get("/readyz")
    assert (ready.status_code, ready.text) == (200, "ready")
    assert (details.status_code, details.json()) == (200, {"database": "ok", "redis": "ok"})


def test_alive_but_not_ready(tmp_path: Path) -> None:
    """Without tables or Redis it lives; what is the matter is for operators, and logged once."""
    with (
        place(tmp_path) as outside,
        structlog.testing.capture_logs() as logged,
        web_process(outside, DATABASE_URL=f"sqlite:///{tmp_path}/empty.sqlite3") as web,
    ):
        assert web.get("/healthz").status_code == 200
        answers = [web.get("/readyz") for _ in range(2)]
        details = web.operators.get("/readyz")
        assert web.operators.get("/metrics").status_code == 503
    assert [(each.status_code, each.text) for each in answers] == [(503, "not ready")] * 2
    expected = {"database": "run: overdue db upgrade", "redis": "cannot be reached"}
    assert (details.status_code, details.json()) == (503, expected)
    told = [line["trouble"] for line in logged if line["event"] == "web.not_ready"]
    assert told == ["database run: overdue db upgrade; redis cannot be reached"]


def test_in_socket_mode_too_a_start_waits_for_the_record(tmp_path: Path) -> None:
    """A database that is away, and whose time is unknown, keeps no socket from being opened."""
    with place(tmp_path) as outside:
        own = {"DATABASE_URL": f"sqlite:///{tmp_path}/none.sqlite3"}
        own["SLACK_APP_TOKEN"] = outside.outside.slack.keys.app_token
        web = SlackRoutes(Process(settings(**(outside.values | own))))
        assert web.socket is not None
        assert "it has not been opened yet" in web.socket.trouble()


def test_metrics(tmp_path: Path) -> None:
    """Cases by state, work that is due and for how long, events that wait; not for everybody."""
    with place(tmp_path) as outside, web_process(outside) as web:
        notice = Notice("intuit", "1", "1", "Invoice", "742", "updated", None)
        with web.process.database.writing() as conn:
            events.store(conn, [notice], web.process.now())
        text = web.operators.get("/metrics").text
        assert web.get("/metrics").status_code == 404
    assert 'overdue_cases{state="waiting"} 0.0' in text
    assert 'overdue_due_rows{table="events"} 1.0' in text
    assert 'overdue_due_rows{table="cases"} 0.0' in text
    assert 'overdue_oldest_due_seconds{table="events"} 0.' in text
    assert "overdue_events_waiting 1.0" in text


def test_metrics_of_the_model(tmp_path: Path) -> None:
    """Tokens, the cached part of them, cost and cases, by company and model."""
    with place(tmp_path) as outside, web_process(outside) as web:
        process = web.process
        for case in ("1", "2"):
            costs = ModelCosts(process.database, process.now)
            asks = costs.of_case("9341", case, "gpt-6.1-terra", lambda: load(""))
            held = asks.reserve([TokenCount(5000, 0, 4000)])
            assert not isinstance(held, str)
            held.settle([TokenCount(1000, 400, 100, failed=case == "2")])
        text = web.operators.get("/metrics").text
    of = '{company="9341",model="gpt-6.1-terra"}'
    for line in (
        f"overdue_model_questions{of} 2.0",
        f"overdue_model_failed{of} 1.0",
        f"overdue_model_tokens_in{of} 2000.0",
        f"overdue_model_tokens_cached{of} 800.0",
        f"overdue_model_tokens_out{of} 200.0",
        f"overdue_model_cost{of} 0.00228",
        'overdue_model_cases{company="9341"} 2.0',
        "overdue_model_spent 0.00228",
    ):
        assert line in text


@pytest.mark.processes
def test_the_process_has_a_port_for_operators(tmp_path: Path) -> None:
    """METRICS_PORT is another port than PORT, and on this machine only."""
    command = [sys.executable, "-c", "from bot.cli.main import main; main()", "web"]
    with place(tmp_path) as outside:
        ports = {"PORT": "0", "METRICS_PORT": "0"}
        settings = os.environ | outside.values | ports | {"PYTHONPATH": str(ROOT)}
        with subprocess.Popen(
            command, env=settings, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as web:
            urls = listening(web)
            assert urls["web.metrics"].startswith("http://127.0.0.1:")
            assert "overdue_cases" in httpx.get(f"{urls['web.metrics']}/metrics").text
            assert httpx.get(f"{urls['web.listening']}/metrics").status_code == 404
            assert httpx.get(f"{urls['web.listening']}/healthz").text == "ok"
            web.terminate()
            web.wait(30)


def listening(web: subprocess.Popen[bytes]) -> dict[str, str]:
    """Where a web process says that it listens, by what it says."""
    assert web.stdout is not None
    urls: dict[str, str] = {}
    for line in map(json.loads, web.stdout):
        if "url" in line:
            urls[line["event"]] = line["url"]
        if len(urls) == 2:
            return urls
    raise AssertionError(urls)


def test_an_idle_connection_is_kept_for_longer_than_a_minute() -> None:
    """A connection closed under a client of Slack or Intuit loses what it is just sending."""
    assert web.config(Starlette()).timeout_keep_alive > 60
