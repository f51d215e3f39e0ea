"""Makes the cash outlook of each company, every few minutes, and keeps one for each week.

A person who asks for it reads the latest one: adding up a hundred thousand invoices takes longer
than an answer may.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection

from jobs.engine.services import Services
from jobs.engine.step import Step, scheduled, tries_again
from jobs.engine.turns import Plan, Turn, in_transaction
from jobs.reports.cash import cash
from jobs.reports.cash.cash import Forecast, Outlook
from jobs.reports.cash.outlook import FORECASTS, OUTLOOK, ForecastInput, what_is_known
from jobs.rules.facts.facts import InvoiceStatus
from jobs.store import companies, work
from jobs.store.companies import ConnectedCompany
from jobs.store.customers import forecasts
from jobs.store.customers.forecasts import OpenInvoice
from jobs.store.intake import ledger
from jobs.store.work import Claim

KIND = "outlook"
EVERY = timedelta(minutes=5)
INVOICES_A_ROUND = 2_000


def step(_: Services | None = None) -> Step:
    """The outlook step: one row per company."""
    again = tries_again(after=timedelta(hours=1))
    return scheduled(
        KIND,
        lambda conn, claim, now: Turn(plan(conn, claim, now)),
        again,
        ready=work.connected_and_swept,
    )


def plan(conn: Connection, claim: Claim, now: datetime) -> Plan:
    """The outlook of the claimed row's company, kept for this week."""
    company = companies.need(conn, claim.row.company)
    return _made(company, claim, company.today(now))


def _made(company: ConnectedCompany, claim: Claim, today: date) -> Plan:
    """Read in short transactions; the adding up is done between them."""
    known: ForecastInput = yield in_transaction(what_is_known, company, today)
    rows: list[OpenInvoice] = []
    last = ""
    while some := (yield in_transaction(_next, company.realm, last)):
        rows += some
        last = some[-1].id
    found, basis = known.outlook(rows)
    week = cash.monday(today)
    if kept := (yield in_transaction(forecasts.opening, company.realm, week)):
        since, before = kept[0], FORECASTS.validate_python(kept[1])
        gone = sorted({one.invoice for one in before} - {one.invoice for one in basis})
        paid = yield in_transaction(_settled, company.realm, gone)
        found = _compared(found, before, basis, paid, since)
    opening = FORECASTS.dump_python(basis, mode="json")
    yield partial(_keep, company.realm, claim, week, found, opening)


def _next(conn: Connection, realm: str, after: str) -> list[OpenInvoice]:
    return forecasts.open_invoices(conn, realm, after, INVOICES_A_ROUND)


def _settled(conn: Connection, realm: str, ids: list[str]) -> frozenset[str]:
    known = ledger.mirrored(conn, realm, ids)
    return frozenset(id for id, m in known.items() if m.invoice.status is InvoiceStatus.PAID)


def _compared(
    found: Outlook,
    before: list[Forecast],
    basis: list[Forecast],
    paid: frozenset[str],
    since: date,
) -> Outlook:
    """With what has moved since the beginning of the week before."""
    moved = cash.moved(before, basis, paid, found.today)
    each = tuple(replace(one, moved=moved.get(one.currency, ())) for one in found.currencies)
    return replace(found, currencies=each, since=since)


def _keep(
    realm: str,
    claim: Claim,
    week: date,
    found: Outlook,
    opening: list[Any],
    conn: Connection,
    now: datetime,
) -> None:
    if not work.settle(conn, claim, now + EVERY):
        return
    made = OUTLOOK.dump_python(found, mode="json")
    if not forecasts.keep(conn, realm, week, made, now):
        forecasts.begin(conn, realm, week, made, opening, now)
