"""The parts of a process as the product builds them, pointed at stand-ins on loopback."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from cryptography.fernet import Fernet
from starlette.applications import Starlette

from bot.process import Process
from bot.web import server
from bot.web.health import Health
from bot.web.slack import SlackRoutes
from jobs.settings import Settings
from qbo.pacing import utc_now
from tests.bot.harness import record
from tests.sandbox.policy_file import policy_text
from tests.sandbox.quickbooks import webhooks
from tests.sandbox.slack.delivery import signature
from tests.sandbox.stand_ins import StandIns, stand_ins
from tests.sandbox.world import serve

BOOKS: dict[str, Any] = {
    "company": {
        "CompanyName": "Brass Fern",
        "Country": "US",
        "DefaultTimeZone": "America/Los_Angeles",
    }
}


def settings(**values: str) -> Settings:
    """Settings by their names in the environment, and by nothing else."""
    given: dict[str, Any] = {name.lower(): value for name, value in values.items()}
    return Settings(_env_file=None, **given)


@dataclass
class Place:
    """Stand-ins, a record, a policy file, and the settings that name them."""

    outside: StandIns
    values: dict[str, str]
    folder: Path

    def process(self, **changes: str) -> Process:
        """The parts of a process; `changes` are settings of one's own."""
        return Process(settings(**(self.values | changes)), utc_now)


@contextlib.contextmanager
def place(folder: Path, redis_url: str = "") -> Iterator[Place]:
    """Everything a process needs. Without `redis_url` there is no Redis at its address."""
    books, policy = folder / "books.json", folder / "policy.toml"
    books.write_text(json.dumps(BOOKS))
    policy.write_text(policy_text(0))
    with stand_ins(books) as outside, record() as database_url:
        values = outside.settings() | {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url or f"unix://{folder}/no.sock",
            "TOKEN_KEYS": Fernet.generate_key().decode(),
            "POLICY_FILE": str(policy),
            "PUBLIC_URL": "http://127.0.0.1:8000",
        }
        yield Place(outside, values, folder)
        assert outside.slack.snapshot()["lint"] == []


@dataclass
class WebProcess:
    """A web process that answers, and its parts."""

    place: Place
    process: Process
    client: httpx.Client
    operators: httpx.Client
    """At METRICS_PORT."""
    sent: int = 0

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.client.get(path, **more)

    def notify(self, body: bytes, **headers: str) -> httpx.Response:
        """A notification of QuickBooks, rightly signed unless `headers` say otherwise."""
        token = self.process.settings.qbo_webhook_tokens[-1].get_secret_value()
        signed = {"intuit-signature": webhooks.signature(body, token)}
        return self.client.post("/quickbooks/webhook", content=body, headers=signed | headers)

    def slack(self, body: bytes, at: str = "", signed: str = "", **headers: str) -> httpx.Response:
        """A request of Slack, rightly signed unless told otherwise, and never quite the same."""
        self.sent += 1
        at = at or str(int(utc_now().timestamp()) - self.sent)
        secret = self.process.settings.slack_signing_secret.get_secret_value()
        given = {
            "x-slack-request-timestamp": at,
            "x-slack-signature": signed or signature(secret, at, body),
            "content-type": "application/x-www-form-urlencoded",
        }
        return self.client.post("/slack/events", content=body, headers=given | headers)


@contextlib.contextmanager
def web_process(place: Place, **changes: str) -> Iterator[WebProcess]:
    """Serve the web process's apps in threads."""
    process = place.process(**changes)
    health = Health(process)
    with (
        serve(server.app(process, SlackRoutes(process), health)) as url,
        serve(Starlette(routes=health.operators_routes())) as operators_url,
        httpx.Client(base_url=url, trust_env=False, timeout=30) as client,
        httpx.Client(base_url=operators_url, trust_env=False, timeout=30) as operators,
    ):
        yield WebProcess(place, process, client, operators)
    process.close()
