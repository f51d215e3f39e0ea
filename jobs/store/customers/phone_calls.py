"""Whom to call after the final message, and the calls that were made."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from jobs.rules.facts.facts import InvoiceStatus
from jobs.rules.phone_calls import CallOutcome, LoggedCall
from jobs.rules.states import OPEN, Stage
from jobs.store.database.tables import (
    cases,
    crossings,
    customers,
    holds,
    instalments,
    invoices,
    phone_calls,
    promises,
)


def after_final(
    conn: Connection, company: str, today: date, only: Collection[str] | None
) -> Mapping[str, datetime]:
    """Billed customer → when the case of its last final message ended, where money is still open.

    Without invoices and customers on hold on this day; `only` limits it to these customers.
    """
    same = (invoices.c.company == crossings.c.company) & (invoices.c.id == crossings.c.invoice)
    held = select(holds.c.id).where(
        (holds.c.company == cases.c.company) & (holds.c.customer == cases.c.customer),
        holds.c.lifted_at.is_(None) & (holds.c.until > today),
        holds.c.invoice.in_(["", invoices.c.id]),
    )
    query = (
        select(cases.c.customer, func.max(cases.c.closed_at).label("at"))
        .select_from(crossings)
        .join(invoices, same & (invoices.c.round == crossings.c.round))
        .join(cases, cases.c.id == crossings.c.case_id)
        .where(crossings.c.company == company, crossings.c.stage == Stage.FINAL)
        .where(crossings.c.released_at.is_(None), cases.c.state.not_in(OPEN))
        .where(invoices.c.status == InvoiceStatus.OPEN, ~held.exists())
    )
    if only is not None:
        query = query.where(cases.c.customer.in_(only))
    rows = conn.execute(query.group_by(cases.c.customer))
    return {row.customer: row.at for row in rows if row.at}


def last_calls(conn: Connection, company: str, ids: Sequence[str]) -> Mapping[str, LoggedCall]:
    """Customer → the last call that was logged."""
    ours = (phone_calls.c.company == company) & phone_calls.c.customer.in_(ids)
    rows = conn.execute(select(phone_calls).where(ours).order_by(phone_calls.c.id))
    return {
        row.customer: LoggedCall(CallOutcome(row.outcome), row.said, row.called_by, row.called_at)
        for row in rows
    }


def put(conn: Connection, company: str, customer: str, call: LoggedCall) -> None:
    """Record a call."""
    row = {"company": company, "customer": customer, "outcome": call.outcome, "said": call.said}
    conn.execute(insert(phone_calls).values(**row, called_by=call.by, called_at=call.at))


def phones(conn: Connection, company: str, ids: Sequence[str]) -> Mapping[str, str]:
    """Customer → phone number as it is in the ledger, or empty; outside text."""
    ours = (customers.c.company == company) & customers.c.id.in_(ids)
    return {row.id: row.phone for row in conn.execute(select(customers).where(ours))}


def last_promise(conn: Connection, company: str, customer: str) -> tuple[date, str] | None:
    """The last day of a customer's latest promise, and what has become of it."""
    theirs = (promises.c.company == company) & (promises.c.customer == customer)
    by = func.max(instalments.c.due)
    query = select(promises.c.id, promises.c.state, by.label("by")).join(
        instalments, instalments.c.promise == promises.c.id
    )
    grouped = query.where(theirs).group_by(promises.c.id, promises.c.state)
    row: Any = conn.execute(grouped.order_by(promises.c.id.desc()).limit(1)).first()
    return (row.by, row.state) if row else None
