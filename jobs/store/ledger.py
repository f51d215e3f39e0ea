"""The mirror: the part of the ledger that detection and `/overdue` need, as of some time.

Never the truth: that is read from QuickBooks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select

from jobs.rules.facts.facts import Customer, Invoice, InvoiceStatus, bucket
from jobs.rules.figures import Money
from jobs.store.database.tables import customers, invoices
from jobs.store.database.upsert import upsert

ZERO = Decimal(0)
SETTLED = frozenset({InvoiceStatus.PAID, InvoiceStatus.VOIDED, InvoiceStatus.GONE})


@dataclass(frozen=True)
class Mirrored:
    """An invoice in the mirror with its round, and when its reading began."""

    invoice: Invoice
    round: int
    read_at: datetime


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
    rows = [_row(company, c.now, next_round(known.get(c.now.id), c.now), as_of) for c in changed]
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
    for start in range(0, len(ids), 500):
        wanted = (invoices.c.company == company) & invoices.c.id.in_(ids[start : start + 500])
        rows = conn.execute(select(invoices).where(wanted))
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
    some = (
        _aged(conn, wanted & invoices.c.customer.in_(ids), today) for ids in _runs([*customers])
    )
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
    wanted = (
        (invoices.c.company == company)
        & (invoices.c.status == InvoiceStatus.OPEN)
        & invoices.c.customer.in_(list(customer_ids))
    )
    rows = conn.execute(select(invoices).where(wanted).order_by(invoices.c.due, invoices.c.id))
    return [_mirrored(row) for row in rows]


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


def put_customers(
    conn: Connection, company: str, read: Iterable[Customer], as_of: datetime
) -> set[str]:
    """Update the mirror's customers with what was read; writes only what differs.

    `as_of` is when the reading began: rows from a later reading are kept. Returns the customers
    whose balance has changed and those that are new and in credit: if none of their invoices
    changed, this is the only trace of a payment or credit memo that came, was used or was deleted.
    """
    wanted = {customer.id: _customer_row(company, customer) for customer in read}
    known = _customer_rows(conn, company, sorted(wanted))
    stale = {id for id, row in known.items() if row.pop("read_at") > as_of}
    changed = [row for id, row in wanted.items() if id not in stale and known.get(id) != row]
    upsert(conn, customers, [{**row, "read_at": as_of} for row in changed])
    before = {id: row["balance"] for id, row in known.items()}
    return {
        r["id"] for r in changed if before.get(r["id"], max(ZERO, r["balance"])) != r["balance"]
    }


def in_credit(conn: Connection, company: str, after: str, most: int) -> list[str]:
    """Sub-customers in credit in the mirror, by id, at most `most` of them after `after`."""
    wanted = (
        (customers.c.company == company) & (customers.c.parent != "") & (customers.c.balance < ZERO)
    )
    query = select(customers.c.id).where(wanted, customers.c.id > after)
    return list(conn.scalars(query.order_by(customers.c.id).limit(most)))


def _customer_row(company: str, customer: Customer) -> dict[str, Any]:
    return {
        "company": company,
        "id": customer.id,
        "name": customer.name,
        "email": customer.email,
        "parent": customer.parent,
        "bills_parent": customer.bills_parent,
        "active": customer.active,
        "balance": customer.balance.amount,
    }


def _customer_rows(conn: Connection, company: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for some in _runs(ids):
        wanted = (customers.c.company == company) & customers.c.id.in_(some)
        rows = conn.execute(select(customers).where(wanted)).mappings()
        found |= {row["id"]: dict(row) for row in rows}
    return found


def names(conn: Connection, company: str, ids: Iterable[str]) -> dict[str, str]:
    """Customer id → name, for those in the mirror."""
    wanted = (customers.c.company == company) & customers.c.id.in_(list(ids))
    rows = conn.execute(select(customers.c.id, customers.c.name).where(wanted))
    return {row.id: row.name for row in rows}


def customer_names(conn: Connection, company: str) -> list[tuple[str, str]]:
    """Id and name of every customer in the mirror, by name."""
    query = select(customers.c.id, customers.c.name).where(customers.c.company == company)
    return [(row.id, row.name) for row in conn.execute(query.order_by(customers.c.name))]


def parents(conn: Connection, company: str) -> dict[str, str]:
    """Customer id → the parent it is billed through, for those that bill their parent."""
    wanted = (customers.c.company == company) & customers.c.bills_parent
    rows = conn.execute(select(customers.c.id, customers.c.parent).where(wanted))
    return {id: parent for id, parent in rows if parent}


def billed(customer: str, parents: dict[str, str]) -> str:
    """The customer who gets the bill: the nearest ancestor not marked bill-with-parent.

    In a cycle, which QuickBooks should not have, all are billed through the same one of them.
    """
    way = [customer]
    while above := parents.get(way[-1]):
        if above in way:
            return min(way[way.index(above) :])
        way.append(above)
    return way[-1]


def members(customer: str, parents: dict[str, str]) -> set[str]:
    """The billed customer and every record that is billed through it."""
    return {customer} | {id for id in parents if billed(id, parents) == customer}


def billed_by(conn: Connection, company: str, ids: Iterable[str]) -> dict[str, str]:
    """Customer id → the customer who gets its bill, looked up for these ids only."""
    above: dict[str, str] = {}
    level = set(ids)
    wanted = sorted(level)
    while level:
        found = _parents_of(conn, company, level)
        above |= found
        level = set(found.values()) - above.keys()
    return {id: billed(id, above) for id in wanted}


def members_of(
    conn: Connection, company: str, customer_ids: Iterable[str]
) -> dict[str, frozenset[str]]:
    """Billed customer → itself and every record billed through it, looked up for these only."""
    wanted = sorted(set(customer_ids))
    owner = {id: id for id in wanted}
    level = set(wanted)
    while level:
        below = {c: owner[p] for c, p in _children_of(conn, company, level) if c not in owner}
        owner |= below
        level = set(below)
    families: dict[str, set[str]] = defaultdict(set)
    for id, whose in owner.items():
        families[whose].add(id)
    return {id: frozenset(families[id]) for id in wanted}


def family_of(conn: Connection, company: str, customer_ids: Iterable[str]) -> frozenset[str]:
    """These records with everyone above and below them, billed together or separately.

    QuickBooks lets money of any of them be applied to invoices of the others.
    """
    found = frozenset(customer_ids)
    level = found
    while level:
        level = frozenset(_relatives_of(conn, company, level)) - found
        found |= level
    return found


def _relatives_of(conn: Connection, company: str, ids: Iterable[str]) -> Iterator[str]:
    for some in _runs(sorted(ids)):
        theirs = (customers.c.company == company) & (customers.c.parent != "")
        yield from conn.scalars(select(customers.c.parent).where(theirs, customers.c.id.in_(some)))
        yield from conn.scalars(select(customers.c.id).where(theirs, customers.c.parent.in_(some)))


def _parents_of(conn: Connection, company: str, ids: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for some in _runs(sorted(ids)):
        wanted = (customers.c.company == company) & customers.c.id.in_(some)
        query = select(customers.c.id, customers.c.parent).where(wanted, customers.c.bills_parent)
        found |= {id: parent for id, parent in conn.execute(query) if parent}
    return found


def _children_of(conn: Connection, company: str, ids: Iterable[str]) -> Iterator[tuple[str, str]]:
    for some in _runs(sorted(ids)):
        wanted = (customers.c.company == company) & customers.c.parent.in_(some)
        query = select(customers.c.id, customers.c.parent).where(wanted, customers.c.bills_parent)
        yield from ((id, parent) for id, parent in conn.execute(query))


def _runs(ids: Sequence[str], size: int = 500) -> Iterator[Sequence[str]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))


def _row(company: str, invoice: Invoice, round: int, as_of: datetime) -> dict[str, Any]:
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
        "round": round,
        "read_at": as_of,
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
    return Mirrored(_invoice(row), row.round, row.read_at)


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
