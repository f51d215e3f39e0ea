"""Overdue invoices cross a stage, and cases are opened: the only place where cases are created.

However often and by whomever an invoice is noticed, it crosses a stage once. Intake comes here with
what it has read, and a person's decision that lets invoices cross again does too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Connection

from jobs.rules.crossings import Account, Crossing, Debtors, reached
from jobs.rules.facts.delays import Delay, brought_forward
from jobs.rules.policy.policy import Policy
from jobs.rules.states import JOINABLE, State
from jobs.store import cases, companies, crossings
from jobs.store.cases import NewCase
from jobs.store.companies import ConnectedCompany
from jobs.store.customers import families, forecasts, history
from jobs.store.services import outages


def open_cases(
    conn: Connection,
    policy: Policy,
    company: ConnectedCompany,
    customers: Iterable[str],
    trigger: str,
    now: datetime,
    after: str = "",
    most: int | None = None,
) -> str | None:
    """Let the overdue invoices of these billed customers cross.

    At most `most` of their invoices are looked at, starting after the id `after`. Returns the id
    to continue after, or None at the end.
    """
    company = companies.need(conn, company.realm)  # it may have gone live since it was loaded
    realm, today = company.realm, company.today(now)
    debtors = _debtors(conn, realm, set(customers), today)
    one_more = None if most is None else most + 1  # one extra tells whether there are more
    some = crossings.overdue(conn, realm, debtors.payers, today, after, one_more)
    found = reached(debtors, policy, company.home_currency, some[:most], today)
    _cross(conn, company, debtors, found, trigger, today, now)
    return some[most - 1].invoice if most and len(some) > most else None


def would_cross(
    conn: Connection,
    policy: Policy,
    company: ConnectedCompany,
    customers: Iterable[str],
    now: datetime,
) -> dict[Account, list[Crossing]]:
    """What `open_cases` would let cross now for these billed customers; nothing is written."""
    realm, today = company.realm, company.today(now)
    debtors = _debtors(conn, realm, set(customers), today)
    some = crossings.overdue(conn, realm, debtors.payers, today)
    return reached(debtors, policy, company.home_currency, some, today)


def _debtors(conn: Connection, realm: str, customers: set[str], today: date) -> Debtors:
    billed = families.members_of(conn, realm, customers)
    payers = {member: whose for whose, members in billed.items() for member in members}
    held = frozenset(history.held_invoices(conn, realm, customers, today))
    owed = crossings.owed(conn, realm, payers, held, today)
    return Debtors(payers, owed, held, history.disputing(conn, realm, customers, today))


def _cross(
    conn: Connection,
    company: ConnectedCompany,
    debtors: Debtors,
    found: Mapping[Account, list[Crossing]],
    trigger: str,
    today: date,
    now: datetime,
) -> None:
    existing = cases.open_cases(conn, company.realm, {customer for customer, _ in found})
    usual = forecasts.usual_delays(conn, company.realm, {customer for customer, _ in found})
    openings = [
        (_opening(company, account, theirs, trigger), _rank(debtors, account, usual, today))
        for account, theirs in found.items()
        if account not in existing
    ]
    opened = cases.open_all(conn, openings, now)
    if opened:
        outages.forget(conn, company.realm, {customer for customer, _ in opened})
    joined = {account: c for account, c in (existing | opened).items() if account in found}
    news = {c.id: found[account] for account, c in joined.items() if c.state in JOINABLE}
    crossed = crossings.cross_all(conn, company.realm, news, now)
    known = [c for account, c in joined.items() if c.id in crossed and account in existing]
    # a snooze goes on
    cases.wake(conn, [c.id for c in known if c.state is not State.SNOOZED], now)


def _rank(debtors: Debtors, account: Account, usual: Mapping[str, Delay], today: date) -> Decimal:
    """The cash that a reminder can bring forward, until the case is prepared."""
    owed = debtors.owed[account]
    late = (today - owed.oldest).days if owed.oldest else 0
    habit = usual.get(account[0]) or usual.get(forecasts.COMPANY)
    return brought_forward(owed.worth, late, habit.usual if habit else 0)


def _opening(
    company: ConnectedCompany, account: Account, found: list[Crossing], trigger: str
) -> NewCase:
    stage = max(one.stage for one in found)
    return NewCase(company.realm, *account, stage, not company.live, trigger)
