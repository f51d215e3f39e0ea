"""QuickBooks' records, converted for the rules; `home` is the currency if a record names none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from jobs.rules.facts.evidence import Document
from jobs.rules.facts.facts import (
    NO_DUE_DATE,
    Credit,
    Customer,
    Habit,
    Invoice,
    InvoiceStatus,
    habit,
)
from jobs.rules.figures import Money
from qbo import models

RATE = Decimal("1E-10")
"""Rates only rank cases. They are rounded as in the mirror, or every reading would be news."""
HIGHEST_RATE = Decimal(10**6)
EMAILED = {"EmailSent": True, "NotSet": False, "NeedToSend": False}


def invoice(found: models.Invoice, home: str) -> Invoice:
    """An invoice as the rules see it."""
    currency = found.currency or home
    return Invoice(
        id=found.id,
        number=found.number,
        customer=found.customer_id,
        txn_date=found.txn_date,
        due=found.due_date or NO_DUE_DATE,
        total=Money(found.total, currency),
        open=Money(found.balance, currency),
        email=found.email,
        po_number=found.po_number,
        online=found.online_payment,
        emailed=EMAILED.get(found.email_status),
        status=_status(found),
        exchange_rate=_rate(found.exchange_rate),
        fields=tuple((f.name, f.value) for f in found.custom_fields if f.value),
    )


def _rate(found: Decimal) -> Decimal:
    """The rate, or 1 if it is not usable: it only decides what comes first."""
    return max(found.quantize(RATE), RATE) if 0 < found <= HIGHEST_RATE else models.ONE


def gone(known: Invoice) -> Invoice:
    """The same invoice, after QuickBooks said that it no longer exists."""
    return replace(
        known, open=Money(known.open.amount * 0, known.open.currency), status=InvoiceStatus.GONE
    )


def customer(found: models.Customer, home: str) -> Customer:
    """A customer record as the rules see it."""
    return Customer(
        id=found.id,
        name=found.name or found.company_name,
        email=found.email,
        balance=Money(found.balance, found.currency or home),
        parent=found.parent_id or "",
        bills_parent=found.bill_with_parent,
        active=found.active,
        contact=" ".join(filter(None, (found.given_name, found.family_name))),
        type=found.customer_type,
        phone=found.phone,
    )


def _status(found: models.Invoice) -> InvoiceStatus:
    if found.voided:
        return InvoiceStatus.VOIDED
    return InvoiceStatus.OPEN if found.balance > 0 else InvoiceStatus.PAID


def unapplied(payments: Iterable[models.Payment], home: str) -> list[Credit]:
    """The unapplied rest of payments; those fully applied are left out."""
    return [
        Credit(p.id, "payment", p.customer_id, "", p.date, Money(p.unapplied, p.currency or home))
        for p in payments
        if p.unapplied > 0
    ]


def remaining(memos: Iterable[models.CreditMemo], home: str) -> list[Credit]:
    """The remaining credit of credit memos; those used up are left out."""
    return [
        Credit(
            m.id,
            "credit_memo",
            m.customer_id,
            m.number,
            m.date,
            Money(m.remaining, m.currency or home),
        )
        for m in memos
        if m.remaining > 0
    ]


def memo(found: models.Invoice, now: datetime) -> Document:
    """The invoice's message to the customer, dated `now` if QuickBooks gives no time."""
    at = found.updated_at or now
    return Document(f"memo:{found.id}", "quickbooks", "memo", at, found.customer_memo)


def payment_habit(
    invoices: Iterable[models.Invoice], payments: Iterable[models.Payment]
) -> Habit | None:
    """Days between due date and last payment, over invoices settled with real money; None: none."""
    paid_on: dict[str, date] = {}
    note_payments(paid_on, payments)
    return habit([days for _, days in days_late(invoices, paid_on)])


def note_payments(paid_on: dict[str, date], payments: Iterable[models.Payment]) -> None:
    """Note invoice id → the day of the last real money for it, beside what is noted already."""
    for payment in payments:
        for applied in payment.applied if payment.total > 0 else ():
            latest = paid_on.get(applied.invoice_id, date.min)
            paid_on[applied.invoice_id] = max(payment.date, latest)


def days_late(
    invoices: Iterable[models.Invoice], paid_on: Mapping[str, date]
) -> Iterator[tuple[str, int]]:
    """Customer record and days from due date to last payment, for each settled invoice."""
    for one in invoices:
        if one.balance == 0 and one.total > 0 and one.due_date and one.id in paid_on:
            yield one.customer_id, (paid_on[one.id] - one.due_date).days
