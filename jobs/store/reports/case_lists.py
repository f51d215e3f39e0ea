"""Lists and counts of cases, as people and dashboards ask for them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    exists,
    func,
    select,
    union_all,
)

from jobs.rules.facts.facts import InvoiceStatus
from jobs.rules.rulings import Kind, strictest
from jobs.rules.states import OPEN, State
from jobs.store import assessments as assessment_store
from jobs.store.cases import Case, of_row
from jobs.store.database.tables import (
    assessments,
    case_invoices,
    cases,
    crossings,
    drafts,
    invoices,
)

UNSENT = frozenset({State.CANCELLED, State.REJECTED, State.HELD})
ASLEEP = frozenset({State.NEW, State.SNOOZED})
PAGE = 100


@dataclass(frozen=True)
class Weighed:
    """A case, how much of it is open in the mirror, and since when; None if nothing is open."""

    case: Case
    open: Decimal
    since: date | None


def largest(
    conn: Connection,
    company: str,
    states: Collection[State],
    customers: Collection[str] | None,
    home: str,
    most: int,
) -> tuple[list[Weighed], int]:
    """The `most` largest cases in these states, some of each currency; and a count.

    Their size is what is open of them; the count is of all. `customers` limits both to these; None
    is everybody. Amounts in two currencies are not comparable: the largest of each comes first,
    then the second of each, and so on; in a tie the `home` currency goes first.
    """
    wanted = _of(company, customers) & cases.c.state.in_(states)
    weighed = _weighed(wanted).subquery()
    by_size = weighed.c.open.desc(), weighed.c.id
    place = func.row_number().over(partition_by=weighed.c.currency, order_by=by_size)
    placed = select(weighed, place.label("place")).subquery()
    order = placed.c.place, placed.c.currency != home, placed.c.currency
    query = select(cases, placed.c.open, placed.c.since).join(placed, placed.c.id == cases.c.id)
    rows = conn.execute(query.order_by(*order).limit(most))
    return [Weighed(of_row(row), row.open, row.since) for row in rows], _count(conn, wanted)


def _of(company: str, customers: Collection[str] | None) -> ColumnElement[bool]:
    ours = cases.c.company == company
    return ours if customers is None else ours & cases.c.customer.in_(customers)


def _count(conn: Connection, wanted: ColumnElement[bool]) -> int:
    return int(conn.execute(select(func.count()).where(wanted)).scalar_one())


def _weighed(wanted: ColumnElement[bool]) -> CompoundSelect[Any]:
    """By the invoices that a case mentions or, until it does, by those that opened it."""
    own = cases.c.id, cases.c.company, cases.c.currency
    spoken = case_invoices.c.case_id == cases.c.id
    talks = select(*own, case_invoices.c.invoice).join(case_invoices, spoken).where(wanted)
    held = (crossings.c.case_id == cases.c.id) & crossings.c.released_at.is_(None)
    opened = select(*own, crossings.c.invoice).outerjoin(crossings, held)
    silent = wanted & ~exists().where(spoken)
    return union_all(_summed(talks), _summed(opened.where(silent).distinct()))


def _summed(about: Select[Any]) -> Select[Any]:
    """Case → how much of its invoices is open, and their oldest due date."""
    each = about.subquery()
    # not joined on status: SQLite would then scan all open invoices for each case
    ours = (invoices.c.company == each.c.company) & (invoices.c.id == each.c.invoice)
    is_open = invoices.c.status == InvoiceStatus.OPEN
    amount = func.coalesce(func.sum(invoices.c.open).filter(is_open), Decimal(0)).label("open")
    since = func.min(invoices.c.due).filter(is_open).label("since")
    key = each.c.id, each.c.currency
    return select(*key, amount, since).outerjoin_from(each, invoices, ours).group_by(*key)


def asleep(
    conn: Connection, company: str, customers: Collection[str] | None, now: datetime, most: int
) -> tuple[list[Case], int]:
    """The cases that wait for a time or for a later day, the soonest first; and a count.

    `customers` limits both to these; None is everybody. A new case that is due is just being
    prepared, so it waits for nothing.
    """
    later = cases.c.due_at.is_(None) | (cases.c.due_at > now)
    wanted = _of(company, customers) & cases.c.state.in_(ASLEEP) & later
    soonest = cases.c.due_at.is_(None), cases.c.due_at, cases.c.id
    rows = conn.execute(select(cases).where(wanted).order_by(*soonest).limit(most))
    return [of_row(row) for row in rows], _count(conn, wanted)


def unsent(
    conn: Connection,
    company: str,
    customers: Collection[str] | None,
    since: datetime,
    most: int,
) -> tuple[list[Case], int]:
    """The cases that ended without a message since then, the latest first; and a count.

    `customers` limits both to these; None is everybody.
    """
    ended = cases.c.state.in_(UNSENT) & (cases.c.closed_at >= since)
    wanted = _of(company, customers) & ended & ~cases.c.shadow
    latest = cases.c.closed_at.desc(), cases.c.id.desc()
    rows = conn.execute(select(cases).where(wanted).order_by(*latest).limit(most))
    return [of_row(row) for row in rows], _count(conn, wanted)


def approvable(
    conn: Connection, company: str, customers: Collection[str] | None
) -> Iterator[list[Case]]:
    """Waiting cases with a draft, the most valuable first, a page at a time.

    `customers` limits it to these; None is everybody.
    """
    waiting = (cases.c.state == State.WAITING) & cases.c.draft.is_not(None)
    return _by_rank(conn, _of(company, customers) & waiting)


def _by_rank(conn: Connection, wanted: ColumnElement[bool]) -> Iterator[list[Case]]:
    """The most valuable first; a page is read once it is asked for."""
    query = select(cases).where(wanted).order_by(cases.c.rank.desc(), cases.c.id).limit(PAGE)
    page = query
    while found := [of_row(row) for row in conn.execute(page)]:
        yield found
        last = found[-1].row
        behind = (cases.c.rank == last.rank) & (cases.c.id > last.id)
        page = query.where((cases.c.rank < last.rank) | behind)


def assigned_to(conn: Connection, company: str, user: str) -> list[Case]:
    """The open cases that somebody assigned to this user, the most valuable first."""
    theirs = (cases.c.company == company) & (cases.c.assigned_to == user)
    query = select(cases).where(theirs, cases.c.state.in_(OPEN))
    return [of_row(row) for row in conn.execute(query.order_by(cases.c.rank.desc(), cases.c.id))]


def latest_of(conn: Connection, company: str, customer: str) -> Case | None:
    """The latest open case of a customer or, if there is none, the latest of all."""
    theirs = (cases.c.company == company) & (cases.c.customer == customer)
    order = cases.c.state.in_(OPEN).desc(), cases.c.id.desc()
    row = conn.execute(select(cases).where(theirs).order_by(*order).limit(1)).first()
    return of_row(row) if row else None


def waiting(conn: Connection, company: str) -> Iterator[list[Case]]:
    """The cases that wait for a decision, with and without a draft; the most valuable first.

    A page at a time.
    """
    return _by_rank(conn, (cases.c.company == company) & (cases.c.state == State.WAITING))


def stuck(conn: Connection, company: str, now: datetime, most: int) -> tuple[list[Case], int]:
    """Cases of which nobody can tell whether the mail went, and approved ones that cannot go out.

    The latter have an error and a time to send that has passed, or fail again and again. And how
    many there are.
    """
    failing = (cases.c.state == State.APPROVED) & (cases.c.last_error != "")
    failing &= (cases.c.undo_until.is_(None)) | (cases.c.undo_until < now)
    wanted = (cases.c.company == company) & ((cases.c.state == State.UNKNOWN) | failing)
    rows = conn.execute(select(cases).where(wanted).order_by(cases.c.id).limit(most))
    return [of_row(row) for row in rows], _count(conn, wanted)


def happened(conn: Connection, company: str, since: datetime) -> dict[str, int]:
    """How many cases were opened, and how many ended in which way, since then."""
    ours = cases.c.company == company
    ended = select(cases.c.state, func.count()).where(ours, cases.c.closed_at >= since)
    found = {str(state): count for state, count in conn.execute(ended.group_by(cases.c.state))}
    opened = select(func.count()).select_from(cases).where(ours, cases.c.opened_at >= since)
    return found | {"opened": int(conn.execute(opened).scalar_one())}


def any_new_due(conn: Connection, company: str, until: datetime) -> bool:
    """Whether a new case of this company is due until then."""
    soon = (cases.c.state == State.NEW) & (cases.c.due_at <= until)
    query = select(cases.c.id).where(cases.c.company == company, soon).limit(1)
    return conn.execute(query).first() is not None


def open_with_rules(conn: Connection, company: str) -> Iterator[tuple[State, frozenset[str]]]:
    """The state of each open case of a company, and the names of the rules at work in it."""
    theirs = (cases.c.company == company) & cases.c.state.in_(OPEN)
    query = (
        select(cases.c.state, assessments.c.rulings, drafts.c.rulings)
        .outerjoin_from(cases, assessments, assessments.c.id == cases.c.assessment)
        .outerjoin(drafts, drafts.c.id == cases.c.draft)
        .where(theirs)
    )
    for state, *rulings in conn.execute(query):
        yield State(state), frozenset(one["rule"] for some in rulings for one in some or ())


def by_state(conn: Connection) -> dict[str, int]:
    """State → the number of cases in it, over all companies; states without cases are left out."""
    counted = select(cases.c.state, func.count()).group_by(cases.c.state)
    return dict(conn.execute(counted).all())


def stopped_invoices(conn: Connection, company: str) -> frozenset[str]:
    """The invoices of waiting cases that a rule stops: they have no draft."""
    waiting = (cases.c.company == company) & (cases.c.state == State.WAITING)
    waiting &= cases.c.draft.is_(None)
    found = [of_row(row) for row in conn.execute(select(cases).where(waiting))]
    rulings = assessment_store.rulings(conn, found)
    stops = (Kind.STOP, Kind.NEVER)
    stopped = [one.id for one in found if strictest(rulings[one.id]) in stops]
    theirs = case_invoices.c.case_id.in_(stopped)
    return frozenset(conn.scalars(select(case_invoices.c.invoice).where(theirs)))
