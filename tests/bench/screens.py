"""What people are shown, from both databases: a card; `/overdue` and Home over a large ledger."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Connection, event, insert, text, update
from structlog.testing import capture_logs

from bot.listeners.events import MOST_OF_ONE
from bot.surfaces.aging import aging_answer
from bot.surfaces.cash import cash_answer
from bot.surfaces.home import Page, home
from jobs.engine import loop
from jobs.engine.step import ReadFirst, Step
from jobs.reports import overview, picture, worklist
from jobs.reports.cash import forecasting, outlook
from jobs.rules.policy.policy import load
from jobs.store import companies, work
from jobs.store.companies import ConnectedCompany
from jobs.store.database import engine, schema
from jobs.store.database.engine import Database
from jobs.store.database.tables import (
    case_invoices,
    cases,
    crossings,
    customers,
    invoices,
    messages,
)
from jobs.store.work import Claim
from tests.bench.measures import Figure
from tests.databases import NoPostgres, postgres_database, postgres_server, sqlite_database
from tests.jobs.fixtures import opener
from tests.jobs.harness import CompanyHarness, SharedStandIns, serve_stand_ins
from tests.jobs.store import record
from tests.jobs.store.record import NOW, REALM
from tests.sandbox.company import LIFELIKE

INVOICES, CUSTOMERS, TRIES = 100_000, 5_000, 7
TARGET = 0.300
WORKSPACE = "https://harbor.slack.example"
Ask = Callable[[Connection, ConnectedCompany], None]
CURRENCIES = ("USD", "USD", "USD", "EUR", "CAD")
TODAY = NOW.date()


def overdue() -> list[Figure]:
    """What people ask for over a large ledger, the median of some tries."""
    return _on_each(_asked)


def card() -> list[Figure]:
    """What the worker does before it calls Slack, for each card of the lifelike company."""
    with serve_stand_ins() as shared:
        return _on_each(lambda name, url: _cards(shared, name, url))


def _on_each(measured: Callable[[str, str], list[Figure]]) -> list[Figure]:
    """The figures of each database; of PostgreSQL only where there is one."""
    with sqlite_database() as url:
        found = measured("SQLite", url)
    try:
        with postgres_server() as server, postgres_database(server) as url:
            return found + measured("PostgreSQL", url)
    except NoPostgres as error:
        return [*found, Figure("the same on PostgreSQL", f"not measured: {error}", "", good=True)]


def _cards(shared: SharedStandIns, name: str, url: str) -> list[Figure]:
    """Read, drawn and checked, the median of all cards and tries."""
    database = engine.connect(url)
    schema.upgrade(database)
    database.close()
    with ExitStack() as stack, TemporaryDirectory() as folder:
        harness = opener(stack, shared, url, Path(folder))(json.loads(LIFELIKE.read_text()))
        with capture_logs():
            harness.sweep()
        claims = _posted(harness)
        (step,) = (one for one in harness.process.steps() if one.name == "messages")
        ran: list[str] = []
        event.listen(
            harness.database.engine, "after_cursor_execute", lambda *given: ran.append(given[2])
        )
        tries = [[_drawn(harness, step, claim, ran) for _ in range(TRIES)] for claim in claims]
    took = median(one[0] for some in tries for one in some)
    cpu = median(min(one[1] for one in some) for some in tries)
    statements = median(some[-1][2] for some in tries)
    what = f"one of {len(claims)} cards from the record, {name}"
    told = f"{took * 1000:.1f} ms (at best {cpu * 1000:.1f} of a processor)"
    asked = Figure(f"{what}, statements", f"{statements:.0f}", "", good=True)
    return [Figure(what, told, "5 ms", took < 0.005), asked]


def _posted(harness: CompanyHarness) -> list[Claim]:
    """Every card as if it stood in Slack and had to be redrawn now, claimed."""
    cards = messages.c.kind == "card"
    with harness.database.writing() as conn:
        conn.execute(update(messages).where(cards).values(ts="1.000001", due_at=harness.now))
        return work.claim(conn, work.MESSAGES, harness.now, 100, where=cards)


def _drawn(harness: CompanyHarness, step: Step, claim: Claim, ran: list[str]) -> Sequence[float]:
    """Seconds, seconds of a processor, and statements."""
    ran.clear()
    began, cpu = time.perf_counter(), time.process_time()
    with harness.database.reading() as conn:
        assert isinstance(step.load, ReadFirst)
        step.load.read(conn, claim, harness.now)
    return time.perf_counter() - began, time.process_time() - cpu, len(ran)


def _asked(name: str, url: str) -> list[Figure]:
    with _filled(url) as database:
        made = _outlook(database)
        figures = [
            _figure(f"{what} over {INVOICES:,} open invoices, {name}", database, ask, target)
            for what, ask, target in ASKED
        ]
    told = f"{made:.1f} s, in the background"
    return [*figures, Figure(f"cash outlook made, {name}", told, "10 s", made < 10)]


def _outlook(database: Database) -> float:
    with database.writing() as conn:
        work.hurry(conn, REALM, forecasting.KIND, NOW)
    began = time.perf_counter()
    loop.run(database, [forecasting.step()], lambda: NOW)
    return time.perf_counter() - began


def _figure(what: str, database: Database, ask: Ask, target: float) -> Figure:
    took = median(_timed(database, ask) for _ in range(TRIES))
    return Figure(what, f"{took * 1000:.0f} ms", f"{target * 1000:.0f} ms", took < target)


def _timed(database: Database, ask: Ask) -> float:
    began = time.perf_counter()
    with database.writing() as conn:
        ask(conn, companies.need(conn, REALM))
    return time.perf_counter() - began


def _aging(conn: Connection, company: ConnectedCompany) -> None:
    aging_answer(picture.of_company(conn, company, WORKSPACE, NOW))


def _cash(conn: Connection, company: ConnectedCompany) -> None:
    made = outlook.seen_by(conn, company, None, NOW)
    assert made is not None
    names = outlook.named(conn, company, made)
    cash_answer(company.name, made, names, company.zone)


def _home(conn: Connection, company: ConnectedCompany) -> None:
    policy = load('[people]\nfinance_leads = ["ULEAD1"]\n')
    mine = worklist.mine(conn, policy, company, "ULEAD1", WORKSPACE, NOW)
    home(Page([overview.of_company(conn, policy, company, mine, WORKSPACE, NOW, MOST_OF_ONE)]), NOW)


ASKED: Sequence[tuple[str, Ask, float]] = (
    ("/overdue", _aging, TARGET),
    ("/overdue cash", _cash, TARGET),
    ("App Home", _home, 0.5),
)


@contextlib.contextmanager
def _filled(url: str) -> Iterator[Database]:
    """A record whose mirror is large; one case in ten has not been prepared yet."""
    database = engine.connect(url)
    try:
        schema.upgrade(database)
        record.company(database, swept_at=NOW)
        with database.writing() as conn:
            conn.execute(insert(customers), [_customer(n) for n in range(CUSTOMERS)])
            conn.execute(insert(cases), [_case(n) for n in range(CUSTOMERS)])
            for first in range(0, INVOICES, 10_000):
                some = range(first, first + 10_000)
                conn.execute(insert(invoices), [_invoice(n) for n in some])
                conn.execute(insert(crossings), [_crossing(n) for n in some])
                spoken = [_spoken(n) for n in some if n % CUSTOMERS % 10]
                conn.execute(insert(case_invoices), spoken)
            if conn.dialect.name == "postgresql":
                conn.execute(text("ANALYZE"))  # which autovacuum does by itself
        yield database
    finally:
        database.close()


def _customer(n: int) -> Mapping[str, Any]:
    parent = str(n - 1) if n % 10 == 9 else ""
    row = {"id": str(n), "name": f"Customer {n}", "email": "", "active": True, "parent": parent}
    row |= {"bills_parent": bool(parent), "balance": Decimal(0), "company": REALM, "read_at": NOW}
    return row


def _case(n: int) -> Mapping[str, Any]:
    row = {"company": REALM, "customer": str(n), "currency": CURRENCIES[n % 5], "shadow": False}
    row |= {"id": str(n + 1), "stage": 2, "trigger": "sweep", "opened_at": NOW}
    return row | {"state": "waiting" if n % 10 else "new"}


def _invoice(n: int) -> Mapping[str, Any]:
    amount, due = Decimal(f"{50 + n % 900}.25"), TODAY - timedelta(days=4 + n % 120)
    row: dict[str, Any] = {"company": REALM, "id": str(n), "number": f"A-{n}"}
    row |= {"customer": str(n % CUSTOMERS)}
    row |= {"txn_date": due - timedelta(days=30), "due": due, "read_at": NOW, "rate": Decimal(1)}
    row |= {"currency": CURRENCIES[n % CUSTOMERS % 5], "total": amount, "open": amount}
    return row | {"status": "open"}


def _crossing(n: int) -> Mapping[str, Any]:
    row = {"company": REALM, "invoice": str(n), "round": 1, "stage": 2, "crossed_at": NOW}
    return row | {"case_id": str(n % CUSTOMERS + 1)}


def _spoken(n: int) -> Mapping[str, Any]:
    return {"company": REALM, "invoice": str(n), "case_id": str(n % CUSTOMERS + 1)}
