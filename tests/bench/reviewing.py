"""A weekly review over many cases. `python -m tests.bench.reviewing CASES` counts one in a process
of its own and prints what it took as JSON: the record is a file, and nothing else is needed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, insert

from jobs.reports.review import counting
from jobs.rules.figures import Money
from jobs.rules.letters.letter import Letter, LetterInvoice
from jobs.rules.states import Stage, State
from jobs.store import companies, log
from jobs.store.database.engine import Database, connect
from jobs.store.database.tables import (
    assessments,
    case_invoices,
    cases,
    decisions,
    drafts,
    invoices,
    messages,
)
from tests.bench import memory
from tests.bench.big_ledger import AN_HOUR
from tests.bench.measures import Figure
from tests.bot.harness import REALM, add_company, record

CASES = 50_000
SECONDS, MEGABYTES = 20, 300
MONDAY = date(2026, 11, 16)
NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
TOGETHER = 1_000
"""Cases that are written in one transaction."""
REWRITTEN = 7
"""Every so many cases a person has changed the text."""
ENDS = (State.DONE, State.DONE, State.DONE, State.REJECTED, State.CANCELLED)
BODY = """Dear Ada,

We hope that you are well. Our records show that the invoices below are past their due date.

{0}  $840.00  due November 3, 2026

When can we expect the $840.00? If something is missing on our side, please tell us what it is.

Thank you and kind regards
Cora Lindqvist"""


def review() -> list[Figure]:
    """One week in which 50,000 cases ended, every seventh message in a person's words."""
    command = [sys.executable, "-m", "tests.bench.reviewing", str(CASES)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=AN_HOUR)
    took = json.loads(done.stdout)
    name, held = f"review of {CASES:,} cases", took["megabytes"]
    said = f"{took['seconds']:.1f} s ({took['cpu']:.1f} s of one processor)"
    return [
        Figure(name, said, f"{SECONDS} s", took["seconds"] < SECONDS),
        Figure(f"{name}: peak memory", f"{held:.0f} MB", f"{MEGABYTES} MB", held < MEGABYTES),
    ]


def fill(database: Database, count: int) -> None:
    """A company with so many cases that ended on one Wednesday."""
    add_company(database)
    for first in range(1, count + 1, TOGETHER):
        with database.writing() as conn:
            for table, rows in _rows(range(first, min(first + TOGETHER, count + 1))).items():
                conn.execute(insert(TABLES[table]), rows)
            for n in range(first, min(first + TOGETHER, count + 1)):
                _log(conn, n)


TABLES = {
    table.name: table
    for table in (invoices, cases, case_invoices, assessments, drafts, messages, decisions)
}


def _rows(some: range) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    for n in some:
        for table, row in _case(n):
            found[table].append(row)
    return found


def _case(n: int) -> Iterator[tuple[str, dict[str, Any]]]:
    ended, by_hand = NOON + timedelta(seconds=n % 3600), n % REWRITTEN == 0
    id = str(n)
    yield "invoices", _invoice(n, paid=n % 3 == 0)
    yield (
        "cases",
        {
            "id": id,
            "company": REALM,
            "customer": f"c{n}",
            "currency": "USD",
            "state": ENDS[n % len(ENDS)],
            "stage": 2,
            "shadow": False,
            "trigger": "sweep",
            "opened_at": NOON - timedelta(days=1),
            "closed_at": ended,
            "assessment": id,
            "draft": str(2 * n + by_hand),
        },
    )
    yield "case_invoices", {"case_id": id, "company": REALM, "invoice": f"i{n}"}
    yield "assessments", _assessment(id)
    yield "drafts", _draft(n, 1)
    if by_hand:
        yield "drafts", _draft(n, 2)
    card = {"company": REALM, "kind": "card", "dedupe": f"card:{n}", "case_id": id}
    yield "messages", card | {"channel": "C1", "made_at": NOON - timedelta(hours=3)}
    made = {"case_id": id, "draft_sha256": "", "kind": "approve", "actor": "UCOLLECT"}
    yield "decisions", made | {"at": ended, "reason": "", "policy_sha256": "0" * 64}


def _invoice(n: int, *, paid: bool) -> dict[str, Any]:
    return {
        "company": REALM,
        "id": f"i{n}",
        "number": str(n),
        "customer": f"c{n}",
        "txn_date": date(2026, 10, 1),
        "due": date(2026, 11, 3),
        "currency": "USD",
        "total": Decimal(840),
        "open": Decimal(0 if paid else 840),
        "rate": Decimal(1),
        "status": "paid" if paid else "open",
        "read_at": NOON,
        "settled_at": NOON + timedelta(days=2) if paid else None,
    }


def _assessment(id: str) -> dict[str, Any]:
    texts = ("owner", "confidence", "author", "failure", "summary")
    lists = ("rulings", "evidence", "reasons", "readings", "documents", "findings")
    return {
        **dict.fromkeys(texts, ""),
        **{key: [] for key in lists},
        "id": id,
        "case_id": id,
        "made_at": NOON - timedelta(hours=4),
        "sha256": "0" * 64,
        "policy_sha256": "0" * 64,
        "stage": 2,
        "class": "routine_reminder",
        "model": "model",
        "prompt": "propose/3",
    }


def _draft(n: int, version: int) -> dict[str, Any]:
    due = LetterInvoice(f"i{n}", str(n), Money(Decimal(840), "USD"), date(2026, 11, 3))
    body = BODY.format(n)
    if version == 2:
        body = body.replace("We hope that you are well. ", "")
    text = Letter("a@x.example", "a@x.example", "b@y.example", "Due", body, "", Stage(2), (due,))
    return {
        "id": str(2 * n + version - 1),
        "case_id": str(n),
        "version": version,
        "letter": text.canonical().decode(),
        "sha256": "0" * 64,
        "author": "model, propose/3",
        "author_reason": "",
        "edited_by": "UCOLLECT" if version == 2 else "",
        "violations": [],
        "rulings": [],
        "changed": [],
        "marked": False,
        "written_at": NOON,
    }


def _log(conn: Connection, n: int) -> None:
    for action in ("case.opened", "case.drafted", "case.approved", "send.sent"):
        log.note(conn, log.Entry(REALM, action, "system:triage", NOON, str(n), {"draft": "0" * 64}))


def main(count: int) -> None:
    """Fill a record, count its week, print what that took."""
    with record() as url, closing(connect(url)) as database:
        fill(database, count)
        began, cpu = time.perf_counter(), time.process_time()
        with database.reading() as conn:
            made = counting.made(conn, companies.need(conn, REALM), MONDAY, NOON)
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
    assert made.cases == count, made.cases
    print(json.dumps({"seconds": took, "cpu": cpu, "megabytes": memory.peak()}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
