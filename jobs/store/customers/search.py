"""Finding a customer, an invoice or a message by what somebody types, and what is on record there.

Everything is read from the mirror of the ledger and from our own record.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, or_, select, update

from jobs.rules.facts.addresses import own_domain
from jobs.rules.facts.facts import Facts, InvoiceStatus
from jobs.rules.facts.past import HoldKind
from jobs.rules.promises import PromiseState
from jobs.rules.verification.others import keys_in
from jobs.store.database.tables import addresses, cases, customers, holds, invoices, promises, sends
from jobs.store.database.upsert import runs
from jobs.store.sends import CONTACT


def customers_named(
    conn: Connection, company: str, words: Sequence[str], most: int
) -> list[tuple[str, str]]:
    """(id, name) of customers in whose name all these words stand, those that owe most first."""
    wanted = [customers.c.name.icontains(word, autoescape=True) for word in words]
    return _customers(conn, company, wanted, most)


def customers_like(
    conn: Connection, company: str, pieces: Collection[str], most: int
) -> list[tuple[str, str]]:
    """(id, name) of customers in whose name any of these pieces stands; nobody for no pieces."""
    wanted = [customers.c.name.icontains(piece, autoescape=True) for piece in pieces]
    return _customers(conn, company, [or_(*wanted)], most) if wanted else []


def _customers(
    conn: Connection, company: str, wanted: Sequence[ColumnElement[bool]], most: int
) -> list[tuple[str, str]]:
    theirs = customers.c.company == company
    query = select(customers.c.id, customers.c.name).where(theirs, customers.c.active, *wanted)
    rows = conn.execute(query.order_by(customers.c.balance.desc(), customers.c.id).limit(most))
    return [(row.id, row.name) for row in rows]


def others_named(conn: Connection, facts: Facts, text: str) -> tuple[str, ...]:
    """The names of other customers of the company that may stand in this text.

    Records that are billed through another one are left out: they are jobs, with any name.
    """
    family = {one.id for one in (facts.customer, *facts.members, *facts.relatives)}
    family.add(facts.customer.parent)
    theirs = (customers.c.company == facts.company.id) & customers.c.bills_parent.is_(False)
    query = select(customers.c.id, customers.c.name)
    found: dict[str, str] = {}
    for some in runs(sorted(keys_in(text))):
        rows = conn.execute(query.where(theirs, customers.c.name_key.in_(some)))
        found |= {row.id: row.name for row in rows if row.id not in family}
    return tuple(sorted(set(found.values())))


def invoices_numbered(
    conn: Connection, company: str, number: str, most: int
) -> list[tuple[str, str]]:
    """(number, customer) of the invoices with this number, the newest first."""
    ours = (invoices.c.company == company) & (func.lower(invoices.c.number) == number.lower())
    query = select(invoices.c.number, invoices.c.customer).where(ours)
    rows = conn.execute(query.order_by(invoices.c.txn_date.desc()).limit(most))
    return [(row.number, row.customer) for row in rows]


def last_message(conn: Connection, company: str, customer: str) -> Row[Any, Any, Any, Any] | None:
    """Our last message to a customer that went, or may have gone: its `began_at`, `draft`, `stage`
    and `case_id`."""
    query = (
        select(sends.c.began_at, sends.c.draft, sends.c.case_id, cases.c.stage)
        .join(cases, cases.c.id == sends.c.case_id)
        .where(cases.c.company == company, cases.c.customer == customer)
        .where(sends.c.state.in_(CONTACT))
        .order_by(sends.c.began_at.desc())
    )
    return conn.execute(query.limit(1)).first()


def disputes(conn: Connection, company: str, customer: str) -> tuple[int, int]:
    """How many disputes of a customer stand, and how many there ever were."""
    theirs = (holds.c.company == company) & (holds.c.customer == customer)
    stands = func.count().filter(holds.c.lifted_at.is_(None))
    query = select(stands, func.count()).select_from(holds)
    now, ever = conn.execute(query.where(theirs, holds.c.kind == HoldKind.DISPUTE)).one()
    return int(now), int(ever)


def promises_kept(conn: Connection, company: str, customer: str) -> tuple[int, int] | None:
    """How many promises of a customer were kept, of how many that were kept or broken; None if
    there never was one."""
    theirs = (promises.c.company == company) & (promises.c.customer == customer)
    kept = func.count().filter(promises.c.state == PromiseState.KEPT)
    ended = func.count().filter(promises.c.state.in_([PromiseState.KEPT, PromiseState.BROKEN]))
    query = select(kept, ended, func.count()).select_from(promises).where(theirs)
    found, of, ever = conn.execute(query).one()
    return (int(found), int(of)) if ever else None


def late_customers(conn: Connection, company: str, today: date, most: int) -> list[str]:
    """Customer records with an open invoice that is past due, by id."""
    late = (invoices.c.status == InvoiceStatus.OPEN) & (invoices.c.due < today)
    query = select(invoices.c.customer).where(invoices.c.company == company, late).distinct()
    return list(conn.scalars(query.order_by(invoices.c.customer).limit(most)))


def begin_round(
    conn: Connection, company: str, members: Collection[str], but: Collection[str], today: date
) -> int:
    """A person asks: the overdue invoices of these customer records may cross once more.

    Those in the currencies `but` stay as they are. Returns how many there are.
    """
    theirs = (invoices.c.company == company) & invoices.c.customer.in_(sorted(members))
    theirs &= invoices.c.currency.not_in(sorted(but))
    overdue = theirs & (invoices.c.status == InvoiceStatus.OPEN) & (invoices.c.due < today)
    again = update(invoices).where(overdue).values(round=invoices.c.round + 1)
    return conn.execute(again).rowcount


def is_known(conn: Connection, address: str) -> bool:
    """Whether a ledger, or a message of ours, has this address, or one of its domain.

    A domain of free mail proves nothing, so there only the address itself counts.
    """
    domain = own_domain(address)
    parts = [address] + ([f"@{domain}"] if domain else [])

    def holds(column: ColumnElement[str]) -> ColumnElement[bool]:
        return or_(*(column.icontains(part, autoescape=True) for part in parts))

    columns = (customers.c.email, addresses.c.address, sends.c.recipient)
    return any(conn.execute(select(c).where(holds(c)).limit(1)).first() for c in columns)
