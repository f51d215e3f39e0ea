"""What is known about when money comes: usual delays, and the cash outlook of each week.

Of a week there is the latest outlook, and what it rested on when the week began: later ones are
compared with that.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from jobs.rules.facts.delays import Delay
from jobs.rules.facts.facts import InvoiceStatus
from jobs.rules.facts.past import HoldKind
from jobs.store.database.tables import delays, forecasts, holds, invoices
from jobs.store.database.upsert import insert_or_ignore

KEPT = timedelta(weeks=14)
"""How long a week is kept: until all that it expected is due."""
COMPANY = ""
"""The customer under which a company's own delay is kept: that of all its customers together."""


def put_delays(conn: Connection, company: str, found: Mapping[str, Delay]) -> None:
    """Replace the usual delays of a company; the key is the customer billed, or COMPANY."""
    conn.execute(delete(delays).where(delays.c.company == company))
    rows = [
        {
            "company": company,
            "customer": customer,
            "usual": one.usual,
            "early": one.early,
            "late": one.late,
            "settled": one.settled,
        }
        for customer, one in found.items()
    ]
    if rows:
        conn.execute(insert(delays), rows)


def usual_delays(
    conn: Connection, company: str, customers: Collection[str] | None = None
) -> dict[str, Delay]:
    """Customer billed → their usual delay; with that of COMPANY. `customers` limits it to these."""
    wanted = delays.c.company == company
    if customers is not None:
        wanted &= delays.c.customer.in_([COMPANY, *customers])
    rows = conn.execute(select(delays).where(wanted))
    return {row.customer: Delay(row.usual, row.early, row.late, row.settled) for row in rows}


class OpenInvoice(NamedTuple):
    """An open invoice of the mirror; `customer` is its record, not necessarily who is billed."""

    id: str
    customer: str
    currency: str
    open: Decimal
    due: date


def open_invoices(
    conn: Connection,
    company: str,
    after: str = "",
    most: int | None = None,
    customers: Collection[str] | None = None,
) -> list[OpenInvoice]:
    """What is open, by id: at most `most` of it after `after`; `customers` limits it to these."""
    ours = (invoices.c.company == company) & (invoices.c.status == InvoiceStatus.OPEN)
    if customers is not None:
        ours &= invoices.c.customer.in_(customers)
    columns = (invoices.c.customer, invoices.c.currency, invoices.c.open, invoices.c.due)
    query = select(invoices.c.id, *columns).where(ours, invoices.c.id > after)
    rows = conn.execute(query.order_by(invoices.c.id).limit(most))
    return [OpenInvoice(*row) for row in rows]


def standing_holds(
    conn: Connection, company: str, today: date
) -> list[tuple[str, str, HoldKind, date]]:
    """Customer billed, invoice (or empty for all), kind and date of each hold in force."""
    wanted = (holds.c.company == company) & holds.c.lifted_at.is_(None) & (holds.c.until > today)
    rows = conn.execute(select(holds).where(wanted).order_by(holds.c.id))
    return [(row.customer, row.invoice, HoldKind(row.kind), row.until) for row in rows]


def keep(conn: Connection, company: str, week: date, outlook: Any, now: datetime) -> bool:
    """Keep the latest outlook of a week (its Monday); False where it is the first: see `begin`."""
    ours = (forecasts.c.company == company) & (forecasts.c.week == week)
    kept = update(forecasts).where(ours).values(outlook=outlook, made_at=now)
    return conn.execute(kept).rowcount == 1


def begin(
    conn: Connection, company: str, week: date, outlook: Any, opening: Any, now: datetime
) -> None:
    """Keep the first outlook of a week; `opening` is what it rested on. Old weeks are dropped."""
    old = (forecasts.c.company == company) & (forecasts.c.week < week - KEPT)
    conn.execute(delete(forecasts).where(old))
    row = {"company": company, "week": week, "made_at": now, "outlook": outlook}
    insert_or_ignore(conn, forecasts, {**row, "opening": opening})


def opening(conn: Connection, company: str, before: date) -> tuple[date, Any] | None:
    """The last week that began before this day, and what its first outlook rested on."""
    earlier = (forecasts.c.company == company) & (forecasts.c.week < before)
    query = select(forecasts.c.week, forecasts.c.opening).where(earlier)
    row = conn.execute(query.order_by(forecasts.c.week.desc()).limit(1)).first()
    return (row.week, row.opening) if row else None


def latest(conn: Connection, company: str) -> tuple[Any, datetime] | None:
    """The latest outlook and when it was made, or None before the first one."""
    query = select(forecasts.c.outlook, forecasts.c.made_at).where(forecasts.c.company == company)
    row = conn.execute(query.order_by(forecasts.c.week.desc()).limit(1)).first()
    return (row.outlook, row.made_at) if row else None
