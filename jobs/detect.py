"""Events → a refreshed mirror → crossings → cases.

An event only says which object to read again: what it claims about it is never used.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, exists, select

from jobs import cross, gather
from jobs.office import Office
from jobs.rules.facts import Customer, Invoice
from jobs.step import Round, Step
from jobs.store import companies, ledger, log, posts, work
from jobs.store.companies import Company
from jobs.store.tables import companies as companies_table
from jobs.store.tables import events
from jobs.store.work import Claim
from qbo.client import QuickBooks
from qbo.errors import Gone

READ = frozenset({"Invoice", "Payment", "CreditMemo", "Customer"})
"""What we subscribe to; a notification about anything else is recorded and told."""


def step(office: Office) -> Step:
    """The detect step: one event at a time per row, several rows at once."""
    return Step(
        name="detect",
        table=events,
        ready=_ready,
        load=lambda conn, claim, now: _load(office, conn, claim, now),
        give_up=lambda conn, claim, now: _give_up(office, conn, claim, now),
        width=4,
    )


def _ready(_now: datetime) -> ColumnElement[bool]:
    """A known company has to be connected; an unknown one is dealt with at once."""
    company = select(companies_table.c.realm).where(companies_table.c.realm == events.c.company)
    return ~exists(company) | exists(company.where(companies_table.c.status == "connected"))


def _load(office: Office, conn: Connection, claim: Claim, now: datetime) -> Round | None:
    company = companies.get(conn, claim.row.company)
    trouble = _trouble(claim, company)
    if company is None or trouble:
        _alarm(office, conn, claim, company, trouble, now)
        work.settle(conn, claim, None, last_error=trouble)
        return None
    known = ledger.mirrored(conn, company.realm, [claim.row.entity_id])
    before = known.get(claim.row.entity_id) if claim.row.entity == "Invoice" else None
    return Look(office, company, claim.row, before.invoice if before else None)


def _trouble(claim: Claim, company: Company | None) -> str:
    if claim.row.entity == "malformed":
        return "content that could not be read"
    if company is None:
        return "a company that is not connected here"
    if claim.row.entity not in READ:
        return f"a kind of record we do not read ({claim.row.entity})"
    return ""


@dataclass(frozen=True)
class Found:
    """What reading again brought. `customers` also names those whose cases need another look."""

    invoices: list[Invoice] = field(default_factory=list)
    customers: list[Customer] = field(default_factory=list)


@dataclass(frozen=True)
class Look:
    """Read the object that an event named, and what hangs on it."""

    office: Office
    company: Company
    event: Any
    before: Invoice | None

    def act(self) -> Found:
        """Raises QuickBooksError: the event then stays due and is tried again."""
        quickbooks = self.office.quickbooks(self.company.realm)
        invoices, customers = self._touched(quickbooks)
        home = self.company.home_currency
        ids = customers | {i.customer for i in invoices}
        return Found(invoices, cross.read_customers(quickbooks, home, ids))

    def _touched(self, quickbooks: QuickBooks) -> tuple[list[Invoice], set[str]]:
        id, home = self.event.entity_id, self.company.home_currency
        match self.event.entity:
            case "Invoice":
                return self._invoice(quickbooks), set()
            case "Payment":
                try:
                    payment = quickbooks.payment(id)
                except Gone:
                    return [], set()
                found = quickbooks.invoices_by_id([a.invoice_id for a in payment.applied])
                return [gather.invoice(i, home) for i in found], {payment.customer_id}
            case "CreditMemo":
                try:
                    return [], {quickbooks.credit_memo(id).customer_id}
                except Gone:
                    return [], set()
            case _:
                return [], {id}

    def _invoice(self, quickbooks: QuickBooks) -> list[Invoice]:
        try:
            found = quickbooks.invoice(self.event.entity_id)
        except Gone:
            return [gather.gone(self.before)] if self.before else []
        return [gather.invoice(found, self.company.home_currency)]

    def settle(self, conn: Connection, claim: Claim, outcome: Found, now: datetime) -> None:
        """Mirror, refresh what waits, cross."""
        realm = self.company.realm
        if not work.settle(conn, claim, None):
            return
        ledger.put_customers(conn, realm, outcome.customers, now)
        changed = ledger.put_invoices(conn, realm, outcome.invoices, now)
        if not changed and claim.row.entity == "Invoice":
            return  # an echo, perhaps of our own note: nothing changed, nothing is written
        parents = ledger.parents(conn, realm)
        ids = {c.id for c in outcome.customers} | {i.customer for i in outcome.invoices}
        billed = {ledger.billed(id, parents) for id in ids}
        for customer in billed:
            cross.refresh(conn, realm, customer, now)
        trigger = f"event:{claim.row.id}"
        cross.open_cases(conn, self.office.policy, self.company, billed, trigger, now)


def _alarm(
    office: Office,
    conn: Connection,
    claim: Claim,
    company: Company | None,
    trouble: str,
    now: datetime,
) -> None:
    """Say once a day and kind that QuickBooks sends what we cannot use."""
    channel = company.channel if company else office.channel
    realm = company.realm if company else ""
    text = (
        f":warning: QuickBooks notified us of {trouble}. Nothing was done with it; "
        f"it is kept as event {claim.id}. If this goes on, check the webhook settings."
    )
    key = f"event:{claim.row.entity[:20]}:{claim.row.company[:20]}:{now:%Y-%m-%d}"
    posts.notice(conn, realm, channel, key, text, now)
    entry = log.Entry(realm, "event.unusable", "system:detect", now, data={"event": claim.id})
    log.note(conn, entry)


def _give_up(office: Office, conn: Connection, claim: Claim, now: datetime) -> None:
    """Five tries did not help: tell a person; the next sweep will find what was missed."""
    company = companies.get(conn, claim.row.company)
    text = (
        f":warning: A change in QuickBooks could not be read in five tries "
        f"({claim.row.entity} {claim.row.entity_id}: {claim.row.last_error}). "
        "The next sweep reads it again; `/overdue run` starts one now."
    )
    channel = company.channel if company else office.channel
    posts.notice(conn, claim.row.company, channel, f"event:{claim.id}:failed", text, now)
    work.settle(conn, claim, None, last_error=claim.row.last_error)
