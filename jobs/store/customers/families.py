"""The mirror of customers: their records, and whose bill each of them is on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, select

from jobs.rules.facts.facts import Customer
from jobs.rules.verification.others import name_key
from jobs.store.database.tables import customers
from jobs.store.database.upsert import runs, upsert

ZERO = Decimal(0)


def put_customers(
    conn: Connection, company: str, read: Iterable[Customer], as_of: datetime
) -> set[str]:
    """Update the mirror's customers with what was read; writes only what differs.

    `as_of` is when the reading began: rows from a later reading are kept. Returns the customers
    whose balance has changed and those that are new and in credit: if none of their invoices
    changed, this is the only trace of a payment or credit memo that came, was used or was deleted.
    """
    wanted = {customer.id: _row(company, customer) for customer in read}
    known = _rows(conn, company, sorted(wanted))
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


def _row(company: str, customer: Customer) -> dict[str, Any]:
    return {
        "company": company,
        "id": customer.id,
        "name": customer.name,
        "name_key": name_key(customer.name),
        "email": customer.email,
        "phone": customer.phone,
        "parent": customer.parent,
        "bills_parent": customer.bills_parent,
        "active": customer.active,
        "balance": customer.balance.amount,
    }


def _rows(conn: Connection, company: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for some in runs(ids):
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
    for some in runs(sorted(ids)):
        for query in _RELATIVES:
            yield from conn.scalars(query, {"company": company, "some": some})


_SOME: BindParameter[Any] = bindparam("some", expanding=True)
_OURS = customers.c.company == bindparam("company")
_RELATIVES = (
    select(customers.c.parent).where(_OURS, customers.c.parent != "", customers.c.id.in_(_SOME)),
    select(customers.c.id).where(_OURS, customers.c.parent != "", customers.c.parent.in_(_SOME)),
)


def _parents_of(conn: Connection, company: str, ids: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for some in runs(sorted(ids)):
        wanted = (customers.c.company == company) & customers.c.id.in_(some)
        query = select(customers.c.id, customers.c.parent).where(wanted, customers.c.bills_parent)
        found |= {id: parent for id, parent in conn.execute(query) if parent}
    return found


def _children_of(conn: Connection, company: str, ids: Iterable[str]) -> Iterator[tuple[str, str]]:
    for some in runs(sorted(ids)):
        rows = conn.execute(_CHILDREN, {"company": company, "some": some})
        yield from ((id, parent) for id, parent in rows)


_CHILDREN = select(customers.c.id, customers.c.parent).where(
    _OURS, customers.c.parent.in_(_SOME), customers.c.bills_parent
)
