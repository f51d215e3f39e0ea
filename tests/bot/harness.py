"""What tests of the bot share: a record with a company and a case, a strict Slack, a clock."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from slack_sdk import WebClient
from sqlalchemy import Connection, Row, insert, select, update

from bot.slack import api as slack
from bot.slack import outbox, people
from jobs.engine import loop
from jobs.engine.step import Step
from jobs.rules.facts.findings import Context, Findings, Fresh, Owner
from jobs.rules.policy import policy
from jobs.rules.policy.policy import Policy
from jobs.rules.states import Stage
from jobs.store import assessments
from jobs.store import outbox as words
from jobs.store.assessments import Judgement
from jobs.store.database import engine, schema
from jobs.store.database.engine import Database
from jobs.store.database.tables import cases, companies, customers, invoices, messages
from jobs.store.outbox import MessageKind, OtherChannel
from tests.bot.views import facts
from tests.databases import kept_engine, sqlite_copy
from tests.sandbox.slack.stand_in import Slack
from tests.sandbox.world import World, serve

REALM, CHANNEL = "4620816365000000001", "CFINANCE"
START = datetime(2026, 11, 6, 15, 0, tzinfo=UTC)
POLICY = """
[people]
collectors = ["UCOLLECT"]
finance_leads = ["ULEAD1", "ULEAD2"]
[[account_manager]]
slack = "UMANAGER"
customers = ["58"]
"""


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        """Move it, by the arguments of timedelta."""
        self.now += timedelta(**by)


@cache
def template() -> Path:
    """A record with our tables, made once per run; copied, never used."""
    file = Path(mkdtemp(prefix="od-")) / "template.sqlite3"
    database = engine.connect(f"sqlite:///{file}")
    schema.upgrade(database)
    database.close()
    return file


def record() -> AbstractContextManager[str]:
    """The URL of a SQLite record with our tables and nothing in them."""
    return sqlite_copy(template())


@dataclass
class BotHarness:
    """What a test of the bot's steps works with."""

    database: Database
    slack: Slack
    url: str
    clock: Clock
    policy: Policy = field(default_factory=lambda: policy.load(POLICY))

    @property
    def client(self) -> WebClient:
        """A client of the stand-in, as the product makes it."""
        return slack.client(self.slack.keys.bot_token, f"{self.url}/slack/api")

    def work(self, *steps: Step) -> None:
        """Run steps as a worker does, until nothing is due."""
        wanted = steps or (outbox.step(lambda: self.policy, lambda: self.client),)
        loop.run(self.database, wanted, self.clock)

    def look_up(self) -> None:
        """Run the people step."""
        self.work(people.step(lambda: self.policy, lambda: self.client))

    def posted(self) -> list[dict[str, Any]]:
        """What stands in Slack."""
        found = self.slack.snapshot()["messages"]
        return [one for one in found if not one["deleted"]]

    def calls(self, method: str) -> int:
        """How often a method of the Web API was called."""
        return sum(seen.path.endswith(f"/{method}") for seen in self.slack.world.requests)

    def message(self, id: str = "1") -> Row[Any]:
        """The work row of a message."""
        with self.database.reading() as conn:
            return conn.execute(select(messages).where(messages.c.id == id)).one()

    def fault(self, match: str, kind: str, **more: Any) -> None:
        """Order a fault of Slack."""
        from tests.sandbox.faults import fault_from

        body = {"service": "slack", "match": match, "kind": kind} | more
        self.slack.world.faults.add(fault_from(body))

    def say(self, key: str, text: str = "Hello", channel: str = CHANNEL) -> None:
        """Have a notice posted that says no more than `text`."""
        to, data = OtherChannel(REALM, channel), {"called": [], "changed": [text]}
        with self.database.writing() as conn:
            words.say(conn, to, MessageKind.TEXT_DROPPED, key, data, self.clock())

    def change_case(self, **columns: Any) -> None:
        """Move the case one version on, as a decision does."""
        with self.database.writing() as conn:
            version = conn.execute(select(cases.c.version).where(cases.c.id == "1")).scalar_one()
            moved = update(cases).where(cases.c.id == "1")
            conn.execute(moved.values(version=version + 1, **columns))
            card = (messages.c.case_id == "1") & (messages.c.kind == "card")
            conn.execute(update(messages).where(card).values(due_at=self.clock()))


@contextlib.contextmanager
def bot_harness() -> Iterator[BotHarness]:
    """A record and a Slack that share one clock."""
    clock = Clock()
    world = World(clock)
    stand_in = Slack(world)
    stand_in.add_channel(CHANNEL, "finance")
    world.add(stand_in)
    with record() as url, serve(world.app()) as address:
        database = kept_engine(url)
        add_company(database)
        try:
            yield BotHarness(database, stand_in, address, clock)
        finally:
            database.close()


def add_company(database: Database, realm: str = REALM, channel: str = CHANNEL) -> None:
    """A connected company with one customer and one overdue invoice."""
    company = {
        "realm": realm,
        "name": "Brass Fern",
        "country": "US",
        "zone": "America/Los_Angeles",
        "home_currency": "USD",
        "channel": channel,
        "mode": "shadow",
        "status": "connected",
        "connected_at": START,
        "connected_by": "ULEAD1",
    }
    customer = {
        "company": realm,
        "id": "58",
        "name": "Acme & Sons",
        "email": "pat@acme.example",
        "parent": "",
        "bills_parent": False,
        "active": True,
        "balance": Decimal("1200.50"),
        "read_at": START,
    }
    with database.writing() as conn:
        conn.execute(insert(companies).values(**company))
        conn.execute(insert(customers).values(**customer))
        conn.execute(insert(invoices).values(**invoice(realm)))


def invoice(realm: str) -> dict[str, Any]:
    """A row of the mirror."""
    return {
        "company": realm,
        "id": "742",
        "number": "1037",
        "customer": "58",
        "txn_date": date(2026, 9, 20),
        "due": date(2026, 10, 20),
        "currency": "USD",
        "total": Decimal("1200.50"),
        "open": Decimal("1200.50"),
        "rate": Decimal(1),
        "status": "open",
        "read_at": START,
    }


def add_case(on: BotHarness, state: str = "waiting") -> None:
    """Case 1, and its card as message 1."""
    row = {
        "company": REALM,
        "customer": "58",
        "currency": "USD",
        "state": state,
        "stage": 2,
        "shadow": False,
        "trigger": "sweep:2026-11-06",
        "opened_at": START,
    }
    with on.database.writing() as conn:
        conn.execute(insert(cases).values(**row))
        words.card(conn, REALM, CHANNEL, "1", Decimal(1200), True, on.clock())


def name_owner(conn: Connection, case: str, email: str, now: datetime) -> dict[str, Findings]:
    """Judge a case for whose customer the CRM names this owner; returns what the CRM says."""
    found = {"CRM": Findings(Fresh(now), owner=Owner("Mara Voss", email))}
    made = Judgement(Stage.FOLLOW_UP, (), context=Context(facts(), found))
    judged = assessments.put(conn, case, made, now)
    conn.execute(update(cases).where(cases.c.id == case).values(assessment=judged))
    return found
