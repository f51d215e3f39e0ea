"""Rows to begin with: a company, its cases and drafts; and threads that begin at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import insert, update

from jobs.rules.case import Proposal
from jobs.rules.facts.evidence import Document
from jobs.rules.facts.facts import Facts
from jobs.rules.facts.findings import LEDGER, Context, Findings, Fresh
from jobs.rules.letters.letter import Attachment, Letter, LetterInvoice
from jobs.rules.rulings import Ruling
from jobs.rules.states import OPEN, Stage, State
from jobs.store import assessments, cases, drafts
from jobs.store.assessments import Judgement
from jobs.store.cases import Case, NewCase
from jobs.store.database.engine import Database
from jobs.store.database.tables import cases as cases_table
from jobs.store.database.tables import companies, sends
from jobs.store.drafts import Draft
from jobs.store.intake import events
from jobs.store.intake.events import Notice
from tests.jobs.rules.world import usd

NOW = datetime(2026, 10, 14, 15, 30, tzinfo=UTC)
REALM = "4620816365000000001"

T = TypeVar("T")


def company(database: Database, realm: str = REALM, **columns: Any) -> str:
    """Connect a company that is live, in New York, with dollars; returns its realm."""
    row = {
        "realm": realm,
        "name": "Harbor Supply",
        "country": "US",
        "zone": "America/New_York",
        "home_currency": "USD",
        "channel": f"C{realm[-4:]}",
        "mode": "live",
        "status": "connected",
        "connected_at": NOW,
        "connected_by": "ULEAD1",
        "reminders_off_by": "ULEAD1",
        "reminders_off_at": NOW,
        **columns,
    }
    with database.writing() as conn:
        conn.execute(insert(companies).values(**row))
    return realm


def opening(customer: str = "58", **fields: Any) -> NewCase:
    """What a plain case starts with."""
    values = {"company": REALM, "customer": customer, "currency": "USD", "shadow": False}
    return NewCase(**{**values, "stage": Stage.REMINDER, "trigger": "sweep", **fields})


def case(
    database: Database,
    state: State = State.NEW,
    customer: str = "58",
    rank: Decimal = Decimal(0),
    currency: str = "USD",
    **columns: Any,
) -> Case:
    """Open a case and put it straight into `state`; one that is over has been so since NOW."""
    closed = {} if state in OPEN else {"closed_at": NOW}
    with database.writing() as conn:
        begun = opening(customer, currency=currency)
        opened = cases.open_all(conn, [(begun, rank)], NOW)[customer, currency]
        mine = cases_table.c.id == opened.id
        conn.execute(update(cases_table).where(mine).values(state=state, **closed | columns))
        return cases.get(conn, opened.id)


def judge(
    database: Database,
    of: Case,
    *rulings: Ruling,
    facts: Facts | None = None,
    documents: tuple[Document, ...] = (),
    proposal: Proposal | None = None,
) -> Case:
    """Store a judgement of a case and make it the present one; returns the case as it is now."""
    found = {LEDGER: Findings(Fresh(NOW), documents=documents)}
    context = Context(facts, found) if facts else None
    made = Judgement(of.stage, rulings, context=context, proposal=proposal)
    with database.writing() as conn:
        id = assessments.put(conn, of.id, made, NOW)
        mine = cases_table.c.id == of.id
        conn.execute(update(cases_table).where(mine).values(assessment=id))
        return cases.get(conn, of.id)


def read(database: Database, id: str) -> Case:
    """The case as it stands now."""
    with database.reading() as conn:
        return cases.get(conn, id)


def letter(**fields: Any) -> Letter:
    """A reminder about invoice 1037."""
    values: dict[str, Any] = {
        "sender": "billing@harbor.example",
        "reply_to": "billing@harbor.example",
        "to": "ap@cooper.example",
        "subject": "Invoice 1037",
        "body": "Hello,\n\nInvoice 1037 is open: $845.00. [pay link 1037]\n",
        "note": "[Overdue 1] reminder 1 e-mailed to the billing contact, approved in Slack",
        "stage": Stage.REMINDER,
        "invoices": (LetterInvoice("742", "1037", usd("845.00"), date(2026, 10, 2)),),
        "attachments": (Attachment("invoice_pdf", "742", "Invoice_1037.pdf"),),
    }
    return Letter(**{**values, **fields})


def draft(database: Database, of: Case, **fields: Any) -> Draft:
    """Write the next draft of a case and make it the present one."""
    with database.writing() as conn:
        written = drafts.write_draft(conn, of.id, letter(**fields), NOW, author="template")
        mine = cases_table.c.id == of.id
        conn.execute(update(cases_table).where(mine).values(draft=written.id))
    return written


def send(
    database: Database, of: Draft, state: str = "sent", at: datetime = NOW, **columns: Any
) -> None:
    """An attempt to send a draft."""
    row = {
        "case_id": of.case,
        "draft": of.id,
        "token": "t",
        "state": state,
        "message_id": f"<{of.id}@harbor.example>",
        "recipient": of.letter.to,
        "bytes_sha256": "0" * 64,
        "attachments": [],
        "began_at": at,
        **columns,
    }
    with database.writing() as conn:
        conn.execute(insert(sends).values(**row))


def notices(database: Database, count: int) -> None:
    """So many events, each a row of work."""
    with database.writing() as conn:
        made = (
            Notice("webhook", f"e{n}", REALM, "Invoice", str(n), "Update", None)
            for n in range(count)
        )
        events.store(conn, made, NOW)


def race(count: int, act: Callable[[int], T]) -> list[T]:
    """What `act` returned in each of `count` threads that began at once."""
    gate = threading.Barrier(count)

    def run(number: int) -> T:
        gate.wait(30)
        return act(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))
