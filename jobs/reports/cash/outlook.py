"""The cash outlook of a company: as people read it, and computed from the mirror of its ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar

from pydantic import TypeAdapter
from sqlalchemy import Connection

from jobs.reports import picture
from jobs.reports.cash import cash
from jobs.reports.cash.cash import Apart, Forecast, Outlook, Receivable
from jobs.reports.picture import Only
from jobs.rules.facts.delays import Delay
from jobs.rules.facts.past import HoldKind
from jobs.store.companies import ConnectedCompany
from jobs.store.customers import families, forecasts, promises
from jobs.store.customers.forecasts import OpenInvoice
from jobs.store.intake import ledger
from jobs.store.reports import case_lists

SET_APART = {
    HoldKind.DISPUTE: Apart.DISPUTED,
    HoldKind.PLAN: Apart.HELD,
    HoldKind.QUIET: Apart.HELD,
}
"""What a hold makes of an invoice; a promise names its day instead."""
T = TypeVar("T")
OUTLOOK: TypeAdapter[Outlook] = TypeAdapter(Outlook)
FORECASTS: TypeAdapter[list[Forecast]] = TypeAdapter(list[Forecast])
"""What the outlook of a week rested on, as it is kept."""


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
    known = what_is_known(conn, company, company.today(now))
    records = picture.records(conn, company, only)
    rows = forecasts.open_invoices(conn, company.realm, customers=records)
    return LatestOutlook(known.outlook(rows)[0], now)


def named(conn: Connection, company: ConnectedCompany, made: LatestOutlook) -> dict[str, str]:
    """The names of the customers that an outlook speaks of, by id."""
    each = {id for one in made.outlook.currencies for m in one.moved for id in m.customers}
    return families.names(conn, company.realm, each)


Scope = tuple[str, str]
"""The customer billed, and an invoice or "" for all of theirs."""


@dataclass(frozen=True)
class ForecastInput:
    """What is known besides the open invoices themselves."""

    home: str
    today: date
    delays: Mapping[str, Delay]
    parents: dict[str, str]
    apart: Mapping[Scope, Apart]
    promised: Mapping[Scope, date]
    """Days that people entered for a hold."""
    instalments: Mapping[str, date]
    """Invoice → the day of the confirmed promise or instalment that pays it."""
    stopped: frozenset[str]

    def outlook(self, rows: Iterable[OpenInvoice]) -> tuple[Outlook, list[Forecast]]:
        """The outlook of these open invoices, and what it rests on."""
        own = self.delays.get(forecasts.COMPANY)
        return cash.outlook(map(self._receivable, rows), self.delays, own, self.home, self.today)

    def _receivable(self, row: OpenInvoice) -> Receivable:
        payer = families.billed(row.customer, self.parents)
        scopes = (payer, row.id), (payer, "")
        day = self.instalments.get(row.id) or _first(self.promised, scopes)
        apart = _first(self.apart, scopes)
        if apart is Apart.DISPUTED or not day:
            day, apart = None, apart or (Apart.STOPPED if row.id in self.stopped else None)
        else:
            apart = None
        return Receivable(row.id, payer, row.currency, row.open, row.due, day, apart)


def _first(found: Mapping[Scope, T], scopes: Iterable[Scope]) -> T | None:
    return next((found[one] for one in scopes if one in found), None)


def what_is_known(conn: Connection, company: ConnectedCompany, today: date) -> ForecastInput:
    """Read all of it, which is little beside a hundred thousand invoices."""
    realm = company.realm
    apart, promised = _held(conn, realm, today)
    return ForecastInput(
        home=company.home_currency,
        today=today,
        delays=forecasts.usual_delays(conn, realm),
        parents=families.parents(conn, realm),
        apart=apart,
        promised=promised,
        instalments=_instalments(conn, realm),
        stopped=case_lists.stopped_invoices(conn, realm),
    )


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


def _instalments(conn: Connection, realm: str) -> dict[str, date]:
    """The day on which each invoice of an open promise or plan is paid, as it was confirmed."""
    found: dict[str, date] = {}
    last = "0"
    while some := promises.open_ones(conn, realm, last):
        last = some[-1].id
        about = ledger.mirrored(conn, realm, [id for one in some for id in one.invoices])
        now = {id: known.invoice for id, known in about.items()}
        for one in some:
            parts = [(part.due, part.amount.amount) for part in one.instalments]
            left = [(id, now[id].open.amount) for id in one.invoices if id in now]
            paid = sum((then.amount for then in one.invoices.values()), Decimal(0))
            paid -= sum((amount for _, amount in left), Decimal(0))
            found |= cash.paid_by(parts, paid, left)
    return found
