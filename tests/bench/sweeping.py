"""`python -m tests.bench.sweeping`: one sweep, and what follows, in a process of its own.

It reads the settings of a stand-in on standard input and prints what it measured as JSON. The
database is a file; the QuickBooks client, the budget, the steps and their loop are the product's.
"""

import gc
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from cryptography.fernet import Fernet
from sqlalchemy import Engine, event, func, select

from bot.process import Process
from jobs.companies import connect
from jobs.engine import loop
from jobs.settings import Settings
from jobs.store.database import schema
from jobs.store.database.tables import cases, crossings, usage
from tests.bench import memory

POLICY = """
[people]
collectors = ["UCOLLECT"]
finance_leads = ["ULEAD1", "ULEAD2"]
[message]
sender_name = "Cora Lindqvist"
how_to_pay = "You can pay by bank transfer; the account is on the invoice."
[calendar]
business_days_only = false
holiday_country = ""
"""
OVER = 0.050
"""Seconds that no write transaction may take."""


@dataclass
class Writes:
    """How long each write transaction held the lock: from its BEGIN until after its COMMIT."""

    longest: float = 0.0
    count: int = 0
    over: int = 0
    _began: dict[int, float] = field(default_factory=dict)

    def watch(self, engine: Engine) -> None:
        """Listen to every transaction of this engine."""
        event.listen(engine, "after_cursor_execute", self._statement)
        event.listen(engine, "checkin", self._ended)

    def _statement(self, conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement == "BEGIN IMMEDIATE":
            self._began[id(conn.connection.dbapi_connection)] = time.perf_counter()

    def _ended(self, connection: Any, _record: Any) -> None:
        began = self._began.pop(id(connection), None)
        if began is not None:
            took = time.perf_counter() - began
            self.count += 1
            self.longest = max(self.longest, took)
            self.over += took > OVER


def main() -> None:
    """Connect, sweep, triage for a while, and say what it took."""
    outside = json.loads(sys.stdin.readline())
    with TemporaryDirectory() as folder, opened(outside, Path(folder)) as process:
        writes = Writes()
        writes.watch(process.database.engine)
        connect_company(process)
        process.steps()
        gc.freeze()  # as a worker does before it forks
        before = memory.peak()
        began = time.perf_counter()
        run_step(process, "sweep")
        swept = time.perf_counter() - began
        peak = memory.peak()
        found = {
            "seconds": swept,
            "megabytes": peak,
            "added": peak - before,
            "longest": writes.longest,
            "over": writes.over,
            "writes": writes.count,
            "cases": counted(process, select(func.count()).select_from(cases)),
            "crossings": counted(process, select(func.count()).select_from(crossings)),
            "reads": _reads(process),
        }
        run_step(process, "triage")
        left = cases.c.due_at <= process.now()
        triaged = found["cases"] - counted(process, select(func.count()).where(left))
        found |= {"triaged": triaged, "triage_reads": _reads(process) - found["reads"]}
        found |= {"longest_of_all": writes.longest}
        print(json.dumps(found))


@contextmanager
def opened(outside: dict[str, str], folder: Path, more: str = "") -> Iterator[Process]:
    """A process of the product with a database of its own; `more` is more of its policy."""
    policy = folder / "policy.toml"
    policy.write_text(POLICY + more, encoding="utf-8")
    given = {k.lower(): v for k, v in outside.items() if k.isupper()}
    own = {
        "database_url": f"sqlite:///{folder}/overdue.sqlite3",
        "redis_url": "unix:///nowhere",
        "token_keys": Fernet.generate_key().decode(),
        "policy_file": str(policy),
        "public_url": "http://127.0.0.1:9",
        "slack_channel": "CFINANCE",
        "mail_from": "accounts@brass-fern.example",
    }
    values: dict[str, Any] = given | own
    process = Process(Settings(**values), lambda: datetime.now(UTC))
    schema.upgrade(process.database)
    try:
        yield process
    finally:
        process.close()


def connect_company(process: Process) -> None:
    """Through OAuth, as a person does."""
    with process.database.writing() as conn:
        state = connect.open_link(conn, "ULEAD1", "", process.now())
    answer = httpx.get(process.oauth.authorize_url(state))
    back = httpx.URL(answer.headers["location"]).params
    code, realm = back["code"], back["realmId"]
    connect.connect(process.database, process.intuit, code, realm, back["state"], process.now())


def run_step(process: Process, name: str) -> None:
    """What one RQ job does."""
    loop.run(process.database, [step for step in process.steps() if step.name == name], process.now)


def counted(process: Process, query: Any) -> int:
    """The number that a query gives."""
    with process.database.reading() as conn:
        return int(conn.execute(query).scalar_one())


def _reads(process: Process) -> int:
    """Metered reads so far."""
    return counted(process, select(func.coalesce(func.sum(usage.c.metered), 0)))


if __name__ == "__main__":
    main()
