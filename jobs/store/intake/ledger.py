"""The mirror of invoices: what detection and `/overdue` need of the ledger, as of some time.

Never the truth: that is read from QuickBooks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, Row, bindparam, func, select

from jobs.rules.facts.facts import Invoice, InvoiceStatus, bucket
from jobs.rules.figures import Money
from jobs.store.database.tables import invoices
from jobs.store.database.upsert import runs, upsert

ZERO = Decimal(0)
SETTLED = frozenset({InvoiceStatus.PAID, InvoiceStatus.VOIDED, InvoiceStatus.GONE})


@dataclass(frozen=True)
class Mirrored:
    """An invoice in the mirror with its round, and when its reading began.

    `settled_at` is when it was first read as settled after it had been open; None if it is open,
    or was never seen open.
    """

    invoice: Invoice
    round: int
    read_at: datetime
    settled_at: datetime | None = None


@dataclass(frozen=True)
class InvoiceChange:
    """An invoice that a reading found changed; `before` is None if it is new to us."""

    before: Invoice | None
    now: Invoice

    @property
    def moved(self) -> bool:
        """Whether it now belongs to another customer record."""
        return self.before is not None and self.before.customer != self.now.customer


def put_invoices(
    conn: Connection, company: str, read: Iterable[Invoice], as_of: datetime
) -> list[Invoice]:
    """Update the mirror with what was read; returns the invoices that changed. See `bring_up`."""
    return [change.now for change in bring_up(conn, company, read, as_of)]


def bring_up(
    conn: Connection, company: str, read: Iterable[Invoice], as_of: datetime
) -> list[InvoiceChange]:
    """Update the mirror with what was read; returns what changed: nothing, the second time.

    `as_of` is when the reading began: rows from a later reading are kept. A new round begins when
    an invoice that was settled or voided is open again, or its due date moved later: only then may
    it cross its stages once more.
    """
    wanted = {invoice.id: invoice for invoice in read}
    known = mirrored(conn, company, list(wanted))
    stale = {id for id, ours in known.items() if ours.read_at > as_of}
    compare = (compared(known.get(id), i) for id, i in wanted.items() if id not in stale)
    changed = [change for change in compare if change is not None]
    rows = [_row(company, c.now, known.get(c.now.id), as_of) for c in changed]
    upsert(conn, invoices, rows)
    return changed


def compared(known: Mirrored | None, read: Invoice) -> InvoiceChange | None:
    """How a reading differs from the mirror, or None if it does not."""
    now = _bare(read)
    if known is not None and known.invoice == now:
        return None
    return InvoiceChange(known.invoice if known else None, now)


def next_round(before: Mirrored | None, now: Invoice) -> int:
    """The round of an invoice that was read as `now` after `before`."""
    if before is None:
        return 1
    reopened = before.invoice.status in SETTLED and now.is_open
    postponed = now.due > before.invoice.due
    return before.round + (1 if reopened or postponed else 0)


def mirrored(conn: Connection, company: str, ids: list[str]) -> dict[str, Mirrored]:
    """The mirror's rows for these invoice ids."""
    found: dict[str, Mirrored] = {}
    for some in runs(ids):
        rows = conn.execute(_MIRRORED, {"company": company, "some": some})
        found |= {row.id: _mirrored(row) for row in rows}
    return found


@dataclass(frozen=True)
class Aged:
    """Part of what is open in one currency and aging bucket, in `count` invoices."""

    currency: str
    bucket: str
    count: int
    open: Money


def aged(
    conn: Connection, company: str, today: date, customers: Iterable[str] | None = None
) -> list[Aged]:
    """What is open in the mirror by currency and age on `today`; one age may be in several parts.

    `customers` limits it to these records. The database does the sums: a person is waiting, and a
    ledger may have a hundred thousand open invoices.
    """
    wanted = (invoices.c.company == company) & (invoices.c.status == InvoiceStatus.OPEN)
    if customers is None:
        return _aged(conn, wanted, today)
    some = (_aged(conn, wanted & invoices.c.customer.in_(ids), today) for ids in runs([*customers]))
    return [one for found in some for one in found]


def _aged(conn: Connection, wanted: ColumnElement[bool], today: date) -> list[Aged]:
    """Summed up day by day, as the index is ordered, so that nothing has to be sorted."""
    key = (invoices.c.currency, invoices.c.due)
    query = select(*key, func.count(), func.sum(invoices.c.open)).where(wanted).group_by(*key)
    rows = conn.execute(query)
    return [
        Aged(currency, bucket((today - due).days), count, Money(amount, currency))
        for currency, due, count, amount in rows
    ]


def open_of(conn: Connection, company: str, customer_ids: Iterable[str]) -> list[Mirrored]:
    """The open invoices of these customer records."""
    rows = conn.execute(_OPEN, {"company": company, "some": list(customer_ids)})
    return [_mirrored(row) for row in rows]


_SOME: BindParameter[Any] = bindparam("some", expanding=True)
_OURS = invoices.c.company == bindparam("company")
_OPEN = (
    select(invoices)
    .where(_OURS, invoices.c.status == InvoiceStatus.OPEN, invoices.c.customer.in_(_SOME))
    .order_by(invoices.c.due, invoices.c.id)
)
_MIRRORED = select(invoices).where(_OURS, invoices.c.id.in_(_SOME))


def open_of_next(
    conn: Connection, company: str, after: str, most: int
) -> tuple[Sequence[Row[Any, Any, Any, Any]], str | None]:
    """`customer`, `currency`, `open` and `due` of what is open on the next `most` records.

    The records are those that owe something, in the order of their ids, from `after` on. Also
    returns the last of them; None where there is none left.
    """
    ours = (invoices.c.company == company) & (invoices.c.status == InvoiceStatus.OPEN)
    ids = select(invoices.c.customer).where(ours, invoices.c.customer > after).distinct()
    some = conn.scalars(ids.order_by(invoices.c.customer).limit(most)).all()
    if not some:
        return [], None
    theirs = (invoices.c.customer > after) & (invoices.c.customer <= some[-1])
    columns = (invoices.c.customer, invoices.c.currency, invoices.c.open, invoices.c.due)
    return conn.execute(select(*columns).where(ours, theirs)).all(), some[-1]


def open_ids(conn: Connection, company: str, after: str = "", most: int = 10_000) -> list[str]:
    """The ids of invoices open in the mirror, in order, at most `most` of them after `after`."""
    wanted = (invoices.c.company == company) & (invoices.c.status == InvoiceStatus.OPEN)
    query = select(invoices.c.id).where(wanted, invoices.c.id > after)
    return list(conn.scalars(query.order_by(invoices.c.id).limit(most)))


def _row(
    company: str, invoice: Invoice, before: Mirrored | None, as_of: datetime
) -> dict[str, Any]:
    # of one that was settled before we knew of it, nobody can say when
    settled = before.settled_at or as_of if before and not invoice.is_open else None
    return {
        "company": company,
        "id": invoice.id,
        "number": invoice.number,
        "customer": invoice.customer,
        "txn_date": invoice.txn_date,
        "due": invoice.due,
        "currency": invoice.total.currency,
        "total": invoice.total.amount,
        "open": invoice.open.amount,
        "rate": invoice.exchange_rate,
        "status": invoice.status,
        "round": next_round(before, invoice),
        "read_at": as_of,
        "settled_at": settled,
    }


def _bare(invoice: Invoice) -> Invoice:
    """The part of an invoice that the mirror keeps."""
    return Invoice(
        id=invoice.id,
        number=invoice.number,
        customer=invoice.customer,
        txn_date=invoice.txn_date,
        due=invoice.due,
        total=invoice.total,
        open=invoice.open,
        status=invoice.status,
        exchange_rate=invoice.exchange_rate,
    )


def _mirrored(row: Row[Any]) -> Mirrored:
    return Mirrored(_invoice(row), row.round, row.read_at, row.settled_at)


def _invoice(row: Row[Any]) -> Invoice:
    return Invoice(
        id=row.id,
        number=row.number,
        customer=row.customer,
        txn_date=row.txn_date,
        due=row.due,
        total=Money(row.total, row.currency),
        open=Money(row.open, row.currency),
        status=InvoiceStatus(row.status),
        exchange_rate=row.rate,
    )
