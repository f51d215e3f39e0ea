"""How late each customer usually pays: once a week, from two years of settled invoices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from jobs.engine.services import Services
from jobs.engine.step import Step, scheduled, tries_again
from jobs.engine.turns import Plan, Turn
from jobs.rules.facts.delays import Delay, delay
from jobs.sources import records
from jobs.sources.quickbooks import HABIT
from jobs.store import companies, work
from jobs.store.companies import ConnectedCompany
from jobs.store.customers import families, forecasts
from jobs.store.work import Claim
from qbo import Broken

KIND = "habits"
OUTLOOK = "outlook"
"""What is put on the schedule once the habits are known: weeks are compared with the first one."""
EVERY = timedelta(days=7)


def step(services: Services) -> Step:
    """The habits step: one row per company."""
    return scheduled(
        KIND,
        lambda conn, claim, now: Turn(_plan(services, conn, claim, now)),
        _give_up,
        ready=work.connected_and_swept,
    )


def _give_up(conn: Connection, claim: Claim, now: datetime) -> None:
    """Go on without: the outlook then rests on what was learned before."""
    work.ensure(conn, claim.row.company, OUTLOOK, now)
    tries_again(after=timedelta(days=1))(conn, claim, now)


def _plan(services: Services, conn: Connection, claim: Claim, now: datetime) -> Plan:
    company = companies.need(conn, claim.row.company)
    return _read(services, company, claim, company.today(now) - HABIT)


def _read(services: Services, company: ConnectedCompany, claim: Claim, since: date) -> Plan:
    """Payments first, so that of an invoice no more is kept than how late it was."""
    quickbooks = services.quickbooks(company.realm)
    paid_on: dict[str, date] = {}
    for payments in quickbooks.payments_since(since, _leave_out):
        records.note_payments(paid_on, payments)
        yield _go_on
    found: dict[str, list[int]] = defaultdict(list)
    for invoices in quickbooks.paid_invoices(since, _leave_out):
        for customer, days in records.days_late(invoices, paid_on):
            found[customer].append(days)
        yield _go_on
    yield partial(_keep, company, claim, found)


def _leave_out(_: Broken) -> None:
    """A settled record that cannot be read is one less to learn from."""


def _go_on(_conn: Connection, _now: datetime) -> None:
    """Nothing to write, but the claim is renewed."""


def _keep(
    company: ConnectedCompany,
    claim: Claim,
    found: Mapping[str, list[int]],
    conn: Connection,
    now: datetime,
) -> None:
    if work.settle(conn, claim, now + EVERY):
        parents = families.parents(conn, company.realm)
        forecasts.put_delays(conn, company.realm, _by_payer(found, parents))
        work.hurry(conn, company.realm, OUTLOOK, now)


def _by_payer(found: Mapping[str, list[int]], parents: dict[str, str]) -> dict[str, Delay]:
    """The delays of those who are billed, and of the company as a whole."""
    billed: dict[str, list[int]] = defaultdict(list)
    for customer, days in found.items():
        billed[families.billed(customer, parents)] += days
        billed[forecasts.COMPANY] += days
    usual = {customer: delay(days) for customer, days in billed.items()}
    return {customer: one for customer, one in usual.items() if one}
