"""Makes the cash outlook of each company, a few times an hour, from the mirror of its ledger.

A person who asks for it reads the latest one: adding up a hundred thousand invoices takes longer
than an answer may.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from pydantic import TypeAdapter
from sqlalchemy import Connection

from jobs.engine.services import Services
from jobs.engine.step import Step, scheduled, tries_again
from jobs.reports import cash, picture
from jobs.reports.cash import Apart, Forecast, Outlook, Receivable
from jobs.reports.picture import Only
from jobs.rules.facts.facts import InvoiceStatus
from jobs.rules.facts.past import HoldKind
from jobs.store import companies, forecasts, ledger, work
from jobs.store.companies import ConnectedCompany
from jobs.store.work import Claim

KIND = "outlook"
EVERY = timedelta(minutes=15)
SET_APART = {
    HoldKind.DISPUTE: Apart.DISPUTED,
    HoldKind.PLAN: Apart.HELD,
    HoldKind.QUIET: Apart.HELD,
}
"""What a hold makes of an invoice; a promise names its day instead."""
OUTLOOK: TypeAdapter[Outlook] = TypeAdapter(Outlook)
FORECASTS: TypeAdapter[list[Forecast]] = TypeAdapter(list[Forecast])


@dataclass(frozen=True)
class LatestOutlook:
    """The latest outlook of a company, and when it was made (UTC)."""

    outlook: Outlook
    at: datetime


def step(_: Services) -> Step:
    """The outlook step: one row per company."""
    return scheduled(KIND, _make, tries_again(after=timedelta(hours=1)), ready=work.swept)


def latest(conn: Connection, realm: str) -> LatestOutlook | None:
    """What people are shown; None before the ledger was read."""
    found = forecasts.latest(conn, realm)
    return LatestOutlook(OUTLOOK.validate_python(found[0]), found[1]) if found else None


def seen_by(
    conn: Connection, company: ConnectedCompany, only: Only, now: datetime
) -> LatestOutlook | None:
    """What a person may see of it: the latest one, or one of these billed customers, made now."""
    found = latest(conn, company.realm)
    if found is None or only is None:
        return found
    return LatestOutlook(_computed(conn, company, company.today(now), only)[0], now)


def named(conn: Connection, company: ConnectedCompany, made: LatestOutlook) -> dict[str, str]:
    """The names of the customers that an outlook speaks of, by id."""
    each = {id for one in made.outlook.currencies for m in one.moved for id in m.customers}
    return ledger.names(conn, company.realm, each)


def _make(conn: Connection, claim: Claim, now: datetime) -> None:
    company = companies.need(conn, claim.row.company)
    if not work.settle(conn, claim, now + EVERY):
        return
    realm, today = company.realm, company.today(now)
    found, basis = _computed(conn, company, today)
    found = _compared(conn, realm, found, basis)
    week = cash.monday(today)
    opening = forecasts.opening(conn, realm, week) or FORECASTS.dump_python(basis, mode="json")
    made = OUTLOOK.dump_python(found, mode="json")
    forecasts.keep(conn, realm, week, made, opening, now)


def _computed(
    conn: Connection, company: ConnectedCompany, today: date, only: Only = None
) -> tuple[Outlook, list[Forecast]]:
    delays = forecasts.usual_delays(conn, company.realm, only)
    own = delays.pop(forecasts.COMPANY, None)
    owed = _receivables(conn, company, today, only)
    return cash.outlook(owed, delays, own, company.home_currency, today)


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


def _receivables(
    conn: Connection, company: ConnectedCompany, today: date, only: Only
) -> Iterator[Receivable]:
    """What is open, by who is billed, with promised days and what stands apart."""
    realm = company.realm
    records = picture.records(conn, company, only)
    parents = ledger.parents(conn, realm)
    apart, promised = _held(conn, realm, today)
    stopped = forecasts.stopped_invoices(conn, realm)
    for id, record, currency, amount, due in forecasts.open_invoices(conn, realm, records):
        payer = ledger.billed(record, parents) if record in parents else record
        why = apart.get((payer, id)) or apart.get((payer, ""))
        why = why or (Apart.STOPPED if id in stopped else None)
        day = promised.get((payer, id)) or promised.get((payer, ""))
        yield Receivable(id, payer, currency, amount, due, day, why)


Scope = tuple[str, str]
"""The customer billed, and an invoice or "" for all of theirs."""


def _held(
    conn: Connection, realm: str, today: date
) -> tuple[dict[Scope, Apart], dict[Scope, date]]:
    """What stands apart, and for what a day was promised."""
    apart: dict[Scope, Apart] = {}
    promised: dict[Scope, date] = {}
    for customer, invoice, kind, until in forecasts.standing_holds(conn, realm, today):
        if kind is HoldKind.PROMISE:
            promised[customer, invoice] = until
        else:
            apart[customer, invoice] = SET_APART[kind]
    return apart, promised
