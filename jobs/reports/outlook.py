"""The cash outlook of a company: as people read it, and computed from the mirror of its ledger."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from pydantic import TypeAdapter
from sqlalchemy import Connection

from jobs.reports import cash, picture
from jobs.reports.cash import Apart, Forecast, Outlook, Receivable
from jobs.reports.picture import Only
from jobs.rules.facts.past import HoldKind
from jobs.store import forecasts
from jobs.store.companies import ConnectedCompany
from jobs.store.customers import families

SET_APART = {
    HoldKind.DISPUTE: Apart.DISPUTED,
    HoldKind.PLAN: Apart.HELD,
    HoldKind.QUIET: Apart.HELD,
}
"""What a hold makes of an invoice; a promise names its day instead."""
OUTLOOK: TypeAdapter[Outlook] = TypeAdapter(Outlook)


@dataclass(frozen=True)
class LatestOutlook:
    """The latest outlook of a company, and when it was made (UTC)."""

    outlook: Outlook
    at: datetime


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
    return LatestOutlook(computed(conn, company, company.today(now), only)[0], now)


def named(conn: Connection, company: ConnectedCompany, made: LatestOutlook) -> dict[str, str]:
    """The names of the customers that an outlook speaks of, by id."""
    each = {id for one in made.outlook.currencies for m in one.moved for id in m.customers}
    return families.names(conn, company.realm, each)


def computed(
    conn: Connection, company: ConnectedCompany, today: date, only: Only = None
) -> tuple[Outlook, list[Forecast]]:
    """The outlook as of now, and what it rests on; `only` limits it to these billed customers."""
    delays = forecasts.usual_delays(conn, company.realm, only)
    own = delays.pop(forecasts.COMPANY, None)
    owed = _receivables(conn, company, today, only)
    return cash.outlook(owed, delays, own, company.home_currency, today)


def _receivables(
    conn: Connection, company: ConnectedCompany, today: date, only: Only
) -> Iterator[Receivable]:
    """What is open, by who is billed, with promised days and what stands apart."""
    realm = company.realm
    records = picture.records(conn, company, only)
    parents = families.parents(conn, realm)
    apart, promised = _held(conn, realm, today)
    stopped = forecasts.stopped_invoices(conn, realm)
    for id, record, currency, amount, due in forecasts.open_invoices(conn, realm, records):
        payer = families.billed(record, parents) if record in parents else record
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
