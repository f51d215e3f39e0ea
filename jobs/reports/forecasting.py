"""Makes the cash outlook of each company, every few minutes, and keeps one for each week.

A person who asks for it reads the latest one: adding up a hundred thousand invoices takes longer
than an answer may.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from pydantic import TypeAdapter
from sqlalchemy import Connection

from jobs.engine.services import Services
from jobs.engine.step import Step, scheduled, tries_again
from jobs.reports import cash
from jobs.reports.cash import Forecast, Outlook
from jobs.reports.outlook import OUTLOOK, computed
from jobs.rules.facts.facts import InvoiceStatus
from jobs.store import companies, forecasts, ledger, work
from jobs.store.work import Claim

KIND = "outlook"
EVERY = timedelta(minutes=5)
FORECASTS: TypeAdapter[list[Forecast]] = TypeAdapter(list[Forecast])


def step(_: Services) -> Step:
    """The outlook step: one row per company."""
    return scheduled(KIND, make, tries_again(after=timedelta(hours=1)), ready=work.swept)


def make(conn: Connection, claim: Claim, now: datetime) -> None:
    """Make the outlook of the claimed row's company, and keep it for this week."""
    company = companies.need(conn, claim.row.company)
    if not work.settle(conn, claim, now + EVERY):
        return
    realm, today = company.realm, company.today(now)
    found, basis = computed(conn, company, today)
    found = _compared(conn, realm, found, basis)
    week = cash.monday(today)
    opening = forecasts.opening(conn, realm, week) or FORECASTS.dump_python(basis, mode="json")
    made = OUTLOOK.dump_python(found, mode="json")
    forecasts.keep(conn, realm, week, made, opening, now)


def _compared(conn: Connection, realm: str, found: Outlook, basis: list[Forecast]) -> Outlook:
    """With what has moved since the beginning of last week."""
    week = cash.monday(found.today) - cash.WEEK
    kept = forecasts.opening(conn, realm, week)
    if kept is None:
        return found
    before = FORECASTS.validate_python(kept)
    still = {one.invoice for one in basis}
    gone = [one.invoice for one in before if one.invoice not in still]
    known = ledger.mirrored(conn, realm, gone)
    paid = frozenset(i for i, m in known.items() if m.invoice.status is InvoiceStatus.PAID)
    moved = cash.moved(before, basis, paid, found.today)
    each = tuple(replace(one, moved=moved.get(one.currency, ())) for one in found.currencies)
    return replace(found, currencies=each, since=week)
