"""Mirror → crossings → cases: the one place where a case comes into being.

Webhooks, the sweep and `/overdue run` all end here, so an invoice crosses a stage once, however
often it is noticed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Connection, select, update

from jobs import gather
from jobs.rules.facts import Customer, Invoice
from jobs.rules.past import Hold
from jobs.rules.policy import Policy
from jobs.rules.stages import HIGHEST_START, crossing_stage
from jobs.rules.states import JOINABLE, OPEN, Stage, State
from jobs.store import cases, crossings, history, ledger
from jobs.store.cases import Case, Opening
from jobs.store.companies import Company
from jobs.store.ledger import Mirrored
from jobs.store.tables import cases as cases_table
from jobs.store.tables import crossings as crossings_table
from qbo.client import QuickBooks

DEEPEST = 5
"""QuickBooks nests sub-customers five levels deep (its own limit)."""


@dataclass(frozen=True)
class Crossing:
    """An invoice that has reached a stage it has not crossed yet."""

    invoice: Invoice
    round: int
    stage: Stage


def read_customers(quickbooks: QuickBooks, home: str, ids: Iterable[str]) -> list[Customer]:
    """These customers and everybody they are billed through. Raises QuickBooksError."""
    found: dict[str, Customer] = {}
    wanted = set(ids)
    for _ in range(DEEPEST):
        if not wanted:
            break
        read = [gather.customer(c, home) for c in quickbooks.customers(sorted(wanted))]
        found |= {c.id: c for c in read}
        wanted = {c.parent for c in read if c.bills_parent and c.parent} - found.keys()
    return list(found.values())


def open_cases(
    conn: Connection,
    policy: Policy,
    company: Company,
    customers: Iterable[str],
    trigger: str,
    now: datetime,
) -> list[str]:
    """Let the overdue invoices of these billed customers cross; returns the cases concerned."""
    parents = ledger.parents(conn, company.realm)
    touched = []
    for customer in sorted(set(customers)):
        members = ledger.members(customer, parents)
        by_currency = _by_currency(ledger.open_of(conn, company.realm, members))
        for currency, theirs in by_currency.items():
            found = _crossings(conn, policy, company, customer, theirs, now)
            if found:
                touched += _join(conn, company, customer, currency, found, theirs, trigger, now)
    return touched


def refresh(conn: Connection, company: str, customer: str, now: datetime) -> list[str]:
    """Something changed in the ledger: look again at this customer's cases that wait."""
    waiting = (
        (cases_table.c.company == company)
        & (cases_table.c.customer == customer)
        & cases_table.c.state.in_(JOINABLE)
    )
    again = update(cases_table).where(waiting).values(**_anew(now)).returning(cases_table.c.id)
    return list(conn.scalars(again))


def _anew(now: datetime) -> dict[str, object]:
    """Due at once, also where somebody is at it: what they have read may be older than this."""
    return {"due_at": now, "token": None, "attempts": 0}


def customers_with_open_case(conn: Connection, company: str) -> set[str]:
    """Billed customers that have an open case in any currency."""
    wanted = (cases_table.c.company == company) & cases_table.c.state.in_(OPEN)
    return set(conn.scalars(select(cases_table.c.customer).where(wanted)))


def _by_currency(found: list[Mirrored]) -> dict[str, list[Mirrored]]:
    grouped: dict[str, list[Mirrored]] = defaultdict(list)
    for mirrored in found:
        grouped[mirrored.invoice.open.currency].append(mirrored)
    return grouped


def _crossings(
    conn: Connection,
    policy: Policy,
    company: Company,
    customer: str,
    theirs: list[Mirrored],
    now: datetime,
) -> list[Crossing]:
    today = company.today(now)
    holds = history.in_force(conn, company.realm, customer)
    overdue = [m for m in theirs if m.invoice.due < today and not _held(m.invoice.id, holds, today)]
    if _too_small(policy, company, overdue):
        return []
    ids = [m.invoice.id for m in overdue]
    last = crossings.last_stages(conn, company.realm, ids)
    undecided = _undecided(conn, company.realm, ids)
    found = []
    for m in overdue:
        key = (m.invoice.id, m.round)
        stage = crossing_stage(m.invoice.days_overdue(today), last.get(key))
        # Above the start a stage speaks of the message before it, which has to be over first.
        if stage is not None and not (key in undecided and stage > HIGHEST_START):
            found.append(Crossing(m.invoice, m.round, stage))
    return found


def _undecided(conn: Connection, company: str, invoices: list[str]) -> set[tuple[str, int]]:
    """(invoice id, round) of crossings whose case is still open: nothing has come of them yet."""
    used = crossings_table.join(cases_table, cases_table.c.id == crossings_table.c.case_id)
    query = select(crossings_table.c.invoice, crossings_table.c.round).select_from(used)
    found: set[tuple[str, int]] = set()
    for start in range(0, len(invoices), 500):
        wanted = (
            (crossings_table.c.company == company)
            & crossings_table.c.invoice.in_(invoices[start : start + 500])
            & crossings_table.c.released_at.is_(None)
            & cases_table.c.state.in_(OPEN)
        )
        found |= {(row.invoice, row.round) for row in conn.execute(query.where(wanted))}
    return found


def _held(invoice: str, holds: tuple[Hold, ...], today: date) -> bool:
    """A held invoice crosses nothing; a customer's quiet time is a wait, not a hold of each."""
    return any(hold.invoice == invoice and hold.until > today for hold in holds)


def _too_small(policy: Policy, company: Company, overdue: list[Mirrored]) -> bool:
    """Eleven small invoices are worth a message, one tiny rest is not."""
    if not overdue:
        return True
    limits = policy.limits(overdue[0].invoice.open.currency, company.home_currency)
    owed = sum((m.invoice.open.amount for m in overdue), Decimal(0))
    return limits is not None and owed < limits.smallest


def _join(
    conn: Connection,
    company: Company,
    customer: str,
    currency: str,
    found: list[Crossing],
    theirs: list[Mirrored],
    trigger: str,
    now: datetime,
) -> list[str]:
    """Open a case for these crossings, or let them join the open one. An approved one waits."""
    case = cases.open_case(conn, company.realm, customer, currency)
    if case is None:
        stage = max(c.stage for c in found)
        opening = Opening(company.realm, customer, currency, stage, not company.live, trigger)
        case = cases.open_new(conn, opening, _rank(theirs), now)
    if case.state not in JOINABLE:
        return []
    news = [crossings.cross(conn, case, c.invoice.id, c.round, c.stage, now) for c in found]
    if any(news):
        _wake(conn, case, now)
    return [case.id]


def _wake(conn: Connection, case: Case, now: datetime) -> None:
    """A new crossing is looked at now, but does not end a snooze."""
    if case.state is not State.SNOOZED:
        mine = update(cases_table).where(cases_table.c.id == case.id)
        conn.execute(mine.values(**_anew(now)))


def _rank(theirs: list[Mirrored]) -> Decimal:
    """The most valuable first: open amounts in home currency, for ordering only."""
    return sum((m.invoice.open.amount * m.invoice.exchange_rate for m in theirs), Decimal(0))
