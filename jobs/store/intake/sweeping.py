"""What the running sweep has seen so far, stored here so that its memory does not grow.

A company has one sweep at a time, and it begins by forgetting the previous one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, delete, func, select, tuple_

from jobs.rules.facts.facts import InvoiceStatus
from jobs.store.customers import families
from jobs.store.database.tables import invoices, sweeping
from jobs.store.database.upsert import upsert
from jobs.store.intake import ledger

INVOICE, CUSTOMER, PAYER = "invoice", "customer", "payer"
"""Kinds of rows: records that were read, and customers who are billed for something open."""


def forget(conn: Connection, company: str, most: int) -> bool:
    """Delete at most `most` rows; returns whether there may be more."""
    some = select(sweeping.c.kind, sweeping.c.id).where(sweeping.c.company == company).limit(most)
    these = tuple_(sweeping.c.kind, sweeping.c.id).in_(some)
    done = conn.execute(delete(sweeping).where(sweeping.c.company == company, these))
    return done.rowcount == most


def remember(conn: Connection, company: str, kind: str, ids: Collection[str]) -> None:
    """Record that this sweep has seen these."""
    _put(conn, company, kind, dict.fromkeys(ids, 1))


def unmet(conn: Connection, company: str, kind: str, ids: Collection[str]) -> list[str]:
    """The ids that this sweep has not seen, each once, in order."""
    known = _weights(conn, company, kind, ids)
    return [id for id in dict.fromkeys(ids) if id not in known]


def absent(conn: Connection, company: str, after: str, most: int) -> tuple[list[str], str | None]:
    """Invoices that are open in the mirror and that this sweep has not seen.

    Looks at `most` open invoices, by id, after `after`; also returns the id to continue after, or
    None at the end.
    """
    ids = ledger.open_ids(conn, company, after, most)
    if not ids:
        return [], None
    ours = (sweeping.c.company == company) & (sweeping.c.kind == INVOICE)
    here = (sweeping.c.id >= ids[0]) & (sweeping.c.id <= ids[-1])
    met = set(conn.scalars(select(sweeping.c.id).where(ours, here)))
    return [id for id in ids if id not in met], ids[-1] if len(ids) == most else None


def owners(conn: Connection, company: str, after: str, most: int) -> dict[str, int]:
    """Customer record → its number of open invoices, by id."""
    wanted = (invoices.c.company == company) & (invoices.c.status == InvoiceStatus.OPEN)
    query = select(invoices.c.customer, func.count()).where(wanted, invoices.c.customer > after)
    grouped = query.group_by(invoices.c.customer).order_by(invoices.c.customer).limit(most)
    return dict(conn.execute(grouped).all())


def bill(conn: Connection, company: str, counts: Mapping[str, int]) -> None:
    """Add the open invoices of these records to the counts of their billed customers."""
    billed = families.billed_by(conn, company, counts)
    sums = _weights(conn, company, PAYER, set(billed.values()))
    for id, count in counts.items():
        sums[billed[id]] = sums.get(billed[id], 0) + count
    _put(conn, company, PAYER, sums)


def payers(conn: Connection, company: str, after: str, most: int) -> dict[str, int]:
    """Billed customer → number of open invoices, by id."""
    wanted = (sweeping.c.company == company) & (sweeping.c.kind == PAYER)
    query = select(sweeping.c.id, sweeping.c.weight).where(wanted, sweeping.c.id > after)
    return dict(conn.execute(query.order_by(sweeping.c.id).limit(most)).all())


def _weights(conn: Connection, company: str, kind: str, ids: Collection[str]) -> dict[str, int]:
    ours = (sweeping.c.company == company) & (sweeping.c.kind == kind)
    query = select(sweeping.c.id, sweeping.c.weight).where(ours, sweeping.c.id.in_(list(ids)))
    return dict(conn.execute(query).all())


def _put(conn: Connection, company: str, kind: str, weights: Mapping[str, int]) -> None:
    row = {"company": company, "kind": kind}
    upsert(conn, sweeping, [{**row, "id": id, "weight": weight} for id, weight in weights.items()])
