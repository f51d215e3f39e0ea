"""Everything on record about a customer and its cases, ended or not, to be handed over whole."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, select

from jobs.rules.letters.letter import Letter, from_json
from jobs.store.cases import Case, of_row
from jobs.store.database.tables import (
    assessments,
    cases,
    customers,
    documents,
    drafts,
    holds,
    invoices,
    marks,
    of_customer,
    phone_calls,
    replies,
    sends,
)


@dataclass(frozen=True)
class WrittenText:
    """A version of a case's text. `pruned`: its words are no longer kept."""

    id: str
    version: int
    at: datetime
    author: str
    edited_by: str
    """A Slack user id, or empty."""
    letter: Letter
    pruned: bool


def customers_with_cases(conn: Connection, company: str) -> list[str]:
    """The ids of the customers who ever had a case."""
    query = select(cases.c.customer).where(cases.c.company == company).distinct()
    return list(conn.scalars(query.order_by(cases.c.customer)))


def cases_of(conn: Connection, company: str, customer: str) -> list[Case]:
    """All cases of a customer, the oldest first."""
    query = select(cases).where(of_customer(cases)).order_by(cases.c.id)
    return [of_row(row) for row in conn.execute(query, {"company": company, "customer": customer})]


def texts_of(conn: Connection, case: Case) -> tuple[WrittenText, ...]:
    """Every version of the case's text, the first one first."""
    query = select(drafts).where(drafts.c.case_id == case.id).order_by(drafts.c.version)
    return tuple(
        WrittenText(
            row.id,
            row.version,
            row.written_at,
            row.author,
            row.edited_by,
            from_json(json.loads(row.letter)),
            row.pruned_at is not None,
        )
        for row in conn.execute(query)
    )


def sends_of(conn: Connection, case: Case) -> Sequence[Row[Any]]:
    """Every attempt to send a message of this case, the first one first."""
    return conn.execute(select(sends).where(sends.c.case_id == case.id).order_by(sends.c.id)).all()


def is_pruned(conn: Connection, case: Case) -> bool:
    """Whether summary and quotes of the case's assessment are no longer kept."""
    query = select(assessments.c.pruned_at).where(assessments.c.id == case.assessment)
    return conn.execute(query).scalar() is not None


def contact_of(conn: Connection, company: str, customer: str) -> Any | None:
    """`name`, `email` and `phone` as in the ledger; outside text."""
    ours = (customers.c.company == company) & (customers.c.id == customer)
    query = select(customers.c.name, customers.c.email, customers.c.phone).where(ours)
    return conn.execute(query).first()


def holds_of(conn: Connection, company: str, customer: str) -> Sequence[Row[Any]]:
    """Every hold there ever was, each with the `number` of its invoice."""
    named = (invoices.c.company == holds.c.company) & (invoices.c.id == holds.c.invoice)
    query = select(holds, invoices.c.number).select_from(holds.outerjoin(invoices, named))
    return _of(conn, query.where(of_customer(holds)).order_by(holds.c.id), company, customer)


def replies_of(conn: Connection, company: str, customer: str) -> Sequence[Row[Any]]:
    """Every mail that was noticed, with its `text`, which is None once it is no longer kept."""
    kept = documents.c.sha256 == replies.c.content_sha256
    query = select(replies, documents.c.text).select_from(replies.outerjoin(documents, kept))
    return _of(conn, query.where(of_customer(replies)).order_by(replies.c.id), company, customer)


def calls_of(conn: Connection, company: str, customer: str) -> Sequence[Row[Any]]:
    """Every call that was logged."""
    return _all(conn, phone_calls, company, customer)


def marks_of(conn: Connection, company: str, customer: str) -> Sequence[Row[Any]]:
    """Every mark that was set in Slack, lifted or not."""
    return _all(conn, marks, company, customer)


def _all(conn: Connection, table: Table, company: str, customer: str) -> Sequence[Row[Any]]:
    query = select(table).where(of_customer(table)).order_by(table.c.id)
    return _of(conn, query, company, customer)


def _of(conn: Connection, query: Any, company: str, customer: str) -> Sequence[Row[Any]]:
    return conn.execute(query, {"company": company, "customer": customer}).all()
