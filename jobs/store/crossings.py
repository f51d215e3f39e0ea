"""Crossings: an invoice reaches a stage, once per round; they are the reason why a case exists."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Float,
    Row,
    Select,
    and_,
    bindparam,
    cast,
    func,
    literal,
    select,
    type_coerce,
    update,
)

from jobs.rules.crossings import Account, Crossing, Owed, Standing
from jobs.rules.facts.facts import Invoice, InvoiceStatus
from jobs.rules.states import JOINABLE, OPEN, Stage, State
from jobs.store import log
from jobs.store.cases import Case
from jobs.store.database.tables import cases, crossings, invoices, promised_invoices
from jobs.store.database.types import Utc
from jobs.store.database.upsert import insert_new, runs
from jobs.store.intake import ledger


def owed(
    conn: Connection,
    company: str,
    payers: Mapping[str, str],
    held: Collection[tuple[str, str]],
    today: date,
) -> dict[Account, Owed]:
    """What is open for these billed customers, and how much of it may be asked for.

    `payers` is customer record → who is billed; `held` names invoices of billed customers that are
    not asked for.
    """
    found: dict[Account, Owed] = defaultdict(Owed)
    for row in conn.execute(_sums(company, payers, today)):
        account = payers[row.customer], row.currency
        before, late = found[account], row.late or Decimal(0)
        oldest = min(filter(None, (before.oldest, row.oldest)), default=None)
        found[account] = Owed(before.overdue + late, before.worth + Decimal(row.worth), oldest)
    for invoice in _overdue_among(conn, company, {id for _, id in held}, today):
        payer = payers.get(invoice.customer, "")
        if (payer, invoice.id) in held:
            before = found[payer, invoice.open.currency]
            late = before.overdue - invoice.open.amount
            found[payer, invoice.open.currency] = replace(before, overdue=late)
    return found


def _sums(company: str, customers: Iterable[str], today: date) -> Select[Any]:
    record = (invoices.c.customer, invoices.c.currency)
    late = func.sum(invoices.c.open).filter(invoices.c.due < today).label("late")
    oldest = func.min(invoices.c.due).filter(invoices.c.due < today).label("oldest")
    worth = func.sum(_plain(invoices.c.open) * _plain(invoices.c.rate)) / _PLACES
    query = select(*record, late, oldest, worth.label("worth")).where(_open(company, customers))
    return query.group_by(*record)


def _overdue_among(
    conn: Connection, company: str, ids: Iterable[str], today: date
) -> Iterator[Invoice]:
    for known in ledger.mirrored(conn, company, sorted(ids)).values():
        if known.invoice.is_open and known.invoice.due < today:
            yield known.invoice


_PLACES = 1e14
"""The scale of an open amount times a rate, as they are stored."""


def _plain(column: ColumnElement[Any]) -> ColumnElement[float]:
    """The column as a float: the product of the two is too large for a database integer."""
    return cast(type_coerce(column, BigInteger), Float)


def _open(company: str, customers: Iterable[str]) -> ColumnElement[bool]:
    return (
        (invoices.c.company == company)
        & (invoices.c.status == InvoiceStatus.OPEN)
        & invoices.c.customer.in_(sorted(customers))
    )


def overdue(
    conn: Connection,
    company: str,
    customers: Iterable[str],
    today: date,
    after: str = "",
    most: int | None = None,
) -> list[Standing]:
    """The invoices of these customer records that were due before `today`, by id.

    At most `most` of them, if given, with ids after `after`.
    """
    id = invoices.c.id.concat("")  # stops the planner from scanning the ids of all customers
    theirs = _open(company, customers) & (invoices.c.due < today)
    page = _standing().where(theirs, id > after).order_by(id).limit(most)
    return [_stands(row) for row in conn.execute(page)]


def _stands(row: Row[Any]) -> Standing:
    last = Stage(row.last) if row.last else None
    return Standing(
        row.id,
        row.customer,
        row.currency,
        row.due,
        row.round,
        last,
        bool(row.undecided),
        Stage(row.raised) if row.raised else None,
    )


def _standing() -> Select[Any]:
    of_round = (
        (crossings.c.company == invoices.c.company)
        & (crossings.c.invoice == invoices.c.id)
        & (crossings.c.round == invoices.c.round)
        & crossings.c.released_at.is_(None)
    )
    last = select(func.max(crossings.c.stage)).where(of_round).scalar_subquery()
    alive = cases.c.state.in_(OPEN) & (cases.c.id == crossings.c.case_id)
    undecided = select(literal(1)).where(of_round, alive).exists()
    columns = [invoices.c[name] for name in ("id", "customer", "currency", "due", "round")]
    raised = select(func.max(promised_invoices.c.raised_to)).where(
        promised_invoices.c.company == invoices.c.company,
        promised_invoices.c.invoice == invoices.c.id,
        promised_invoices.c.broken_round == invoices.c.round,
    )
    return select(
        *columns,
        last.label("last"),
        undecided.label("undecided"),
        raised.scalar_subquery().label("raised"),
    )


def last_stages(
    conn: Connection, company: str, invoices: Iterable[str]
) -> dict[tuple[str, int], Stage]:
    """(invoice id, round) → the highest stage crossed and not released."""
    ids, found = sorted(set(invoices)), {}
    for some in runs(ids):
        for row in conn.execute(_LAST_STAGES, {"company": company, "some": some}):
            found[row.invoice, row.round] = Stage(row.stage)
    return found


_LAST_STAGES = (
    select(crossings.c.invoice, crossings.c.round, func.max(crossings.c.stage).label("stage"))
    .where(crossings.c.company == bindparam("company"), crossings.c.released_at.is_(None))
    .where(crossings.c.invoice.in_(bindparam("some", expanding=True)))
    .group_by(crossings.c.invoice, crossings.c.round)
)


def cross_all(
    conn: Connection, company: str, wanted: Mapping[str, Sequence[Crossing]], now: datetime
) -> set[str]:
    """Store what crosses per case id; returns the cases for which anything was new."""
    rows = [
        {
            "company": company,
            "invoice": crossing.invoice,
            "round": crossing.round,
            "stage": crossing.stage,
            "case_id": case,
            "crossed_at": now,
        }
        for case, theirs in wanted.items()
        for crossing in theirs
    ]
    crossed = insert_new(conn, crossings, rows)
    for row in crossed:
        data = {"invoice": row.invoice, "round": row.round, "stage": row.stage}
        log.note(conn, log.Entry(company, "crossing", "system:detect", now, row.case_id, data))
    return {row.case_id for row in crossed}


def release(
    conn: Connection, case_id: str, now: datetime, only: Iterable[str] | None = None
) -> None:
    """Release the crossings of a case, or `only` those of these invoices: they may happen again.

    For what the case ends or leaves out without contact.
    """
    held = (crossings.c.case_id == case_id) & crossings.c.released_at.is_(None)
    if only is not None:
        held &= crossings.c.invoice.in_(sorted(only))
    conn.execute(update(crossings).where(held).values(released_at=now))


def release_rehearsed(
    conn: Connection, company: str, after: str, most: int, now: datetime
) -> str | None:
    """Give the crossings of the next `most` closed shadow cases back, in the order of case ids.

    They follow the case `after`. Returns the last of them, or None where there is none left.
    """
    theirs = (cases.c.company == company) & cases.c.shadow
    closed = theirs & cases.c.closed_at.is_not(None) & (cases.c.id > after)
    query = select(cases.c.id).where(closed).order_by(cases.c.id).limit(most)
    ids = conn.scalars(query).all()
    used = crossings.c.case_id.in_(ids) & crossings.c.released_at.is_(None)
    conn.execute(update(crossings).where(used).values(released_at=now))
    return ids[-1] if ids else None


def retake(conn: Connection, case: Case) -> None:
    """Take back what this case released when it closed; call it only if `taken_meanwhile` is no."""
    theirs = (crossings.c.case_id == case.id) & (crossings.c.released_at == case.row.closed_at)
    conn.execute(update(crossings).where(theirs).values(released_at=None))


def taken_meanwhile(conn: Connection, case: Case) -> bool:
    """Whether another case now has crossings that this one released when it closed."""
    other = crossings.alias()
    same = [other.c[name] == crossings.c[name] for name in ("company", "invoice", "round", "stage")]
    given = (crossings.c.case_id == case.id) & (crossings.c.released_at == case.row.closed_at)
    query = select(other.c.id).join(crossings, and_(*same))
    return conn.execute(query.where(given, other.c.released_at.is_(None))).first() is not None


def give_up_others(conn: Connection, case: Case, members: Iterable[str], now: datetime) -> None:
    """Release this case's crossings of invoices that now belong to records other than `members`.

    Not if somebody has approved the case: the last check then finds out.
    """
    conn.execute(_GIVING_UP, {"case": case.id, "members": sorted(members), "now": now})


_GIVING_UP = (
    update(crossings)
    .where(
        crossings.c.case_id.in_(
            select(cases.c.id).where(cases.c.id == bindparam("case"), cases.c.state.in_(JOINABLE))
        ),
        crossings.c.released_at.is_(None),
        select(literal(1))
        .where(
            invoices.c.company == crossings.c.company,
            invoices.c.id == crossings.c.invoice,
            invoices.c.customer.not_in(bindparam("members", expanding=True)),
        )
        .exists(),
    )
    .values(released_at=bindparam("now", type_=Utc()))
)


def crossed(conn: Connection, case_id: str) -> dict[str, Stage]:
    """Invoice id → the highest stage that it crossed for this case."""
    rows = conn.execute(_CROSSED, {"case": case_id})
    return {invoice: Stage(stage) for invoice, stage in rows}


_CROSSED = (
    select(crossings.c.invoice, func.max(crossings.c.stage))
    .where(crossings.c.case_id == bindparam("case"), crossings.c.released_at.is_(None))
    .group_by(crossings.c.invoice)
)


def of_cancelled(conn: Connection, company: str) -> dict[str, tuple[datetime, frozenset[str]]]:
    """Cancelled case → when it ended, and the invoices that it had been opened for."""
    query = (
        select(cases.c.id, cases.c.closed_at, crossings.c.invoice)
        .join(crossings, crossings.c.case_id == cases.c.id)
        .where(cases.c.company == company, cases.c.state == State.CANCELLED)
    )
    found: dict[str, tuple[datetime, frozenset[str]]] = {}
    for id, closed_at, invoice in conn.execute(query):
        _, before = found.get(id, (closed_at, frozenset[str]()))
        found[id] = closed_at, before | {invoice}
    return found
