"""A small ledger to judge and write about: Harbor Supply, and its customer Cooper & Sons."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from jobs.rules.facts.facts import Company, Credit, Customer, Facts, Invoice
from jobs.rules.facts.past import BrokenPromise, Contact
from jobs.rules.figures import Money
from jobs.rules.policy.policy import Policy, load
from jobs.rules.states import Stage

NOW = datetime(2026, 10, 14, 15, 30, tzinfo=UTC)
ZONE = ZoneInfo("America/New_York")

SENDER = """
[message]
sender_name = "Dana Reyes"
sender_title = "Accounts Receivable"
sender_phone = "+1 555 010 7788"
"""


@cache
def policy(more: str = "", sender: str = SENDER) -> Policy:
    """The default policy, signed by Dana Reyes, with `more` lines of TOML."""
    return load(more + sender)


def usd(amount: str | int) -> Money:
    """An amount in US dollars."""
    return Money(Decimal(amount), "USD")


def invoice(number: str = "1037", open_: str = "845.00", **fields: Any) -> Invoice:
    """An open invoice of Cooper & Sons, due on October 2."""
    values: dict[str, Any] = {
        "id": f"7{number}",
        "number": number,
        "customer": "58",
        "txn_date": date(2026, 9, 2),
        "due": date(2026, 10, 2),
        "total": usd(open_),
        "open": usd(open_),
        "email": "ap@cooper.example",
    }
    return Invoice(**{**values, **fields})


def facts(*invoices: Invoice, stage: Stage = Stage.REMINDER, **fields: Any) -> Facts:
    """The facts of a case about `invoices` (one plain invoice if none are given)."""
    shown = invoices or (invoice(),)
    customer = Customer("58", "Cooper & Sons", "ap@cooper.example", usd("845.00"))
    values: dict[str, Any] = {
        "company": Company("1", "Harbor Supply", ZONE, "USD"),
        "customer": customer,
        "currency": shown[0].open.currency,
        "as_of": NOW,
        "invoices": shown,
        "stages": {i.id: stage for i in shown},
        "members": (customer,),
    }
    return Facts(**{**values, **fields})


def credit(amount: str, kind: str = "payment", id_: str = "811") -> Credit:
    """Money on account."""
    return Credit(id_, kind, "58", "", date(2026, 10, 5), usd(amount))


def contact(days_ago: float, *ids: str, to: str = "ap@cooper.example", stage: int = 1) -> Contact:
    """One of our messages, so many days before NOW, about the invoices with these ids."""
    at = NOW - timedelta(days=days_ago)
    return Contact(at, Stage(stage), to, ids or ("71037",), "A reminder", f"<{days_ago}@x>")


def missed(due: date, *ids: str) -> BrokenPromise:
    """A promise of 845.00 for that day, about the invoices with these ids, broken before NOW."""
    broken_at = NOW - timedelta(days=1)
    return BrokenPromise(due, usd("845.00"), frozenset(ids or ("71037",)), broken_at)
