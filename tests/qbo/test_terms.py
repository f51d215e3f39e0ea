"""An invoice that does not say when it is due is due by its term."""

from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from qbo import Broken, Invoice
from tests.qbo.ledger import Ledger, invoice

TERMS = [
    {"Id": "5", "Name": "30 days", "Type": "STANDARD", "DueDays": 30},
    {"Id": "6", "Name": "On the 15th", "Type": "DATE_DRIVEN", "DayOfMonthDue": 15},
    {"Id": "7", "Name": "Now", "Type": "STANDARD", "DueDays": 0, "Active": False},
]
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def on_terms(number: int, term: str, **more: Any) -> dict[str, Any]:
    return invoice(number, SalesTermRef={"value": term}, **more)


@pytest.mark.parametrize(
    ("row", "due"),
    [
        (on_terms(1, "5"), date(2026, 10, 2)),
        (on_terms(1, "7"), date(2026, 9, 2)),
        (on_terms(1, "5", DueDate="2026-12-24"), date(2026, 12, 24)),
        (on_terms(1, "6"), None),
        (on_terms(1, "99"), None),
        (invoice(1), None),
    ],
)
def test_a_due_date_that_is_missing_comes_from_the_term(
    row: dict[str, Any], due: date | None
) -> None:
    """Its own date and the days of the term; where that tells no day, none is made up."""
    ledger = Ledger(Invoice=[row], Term=TERMS)
    ledger.answers["invoice/1"] = lambda _: httpx.Response(200, json={"Invoice": row})
    ledger.answers["cdc"] = lambda _: httpx.Response(200, json=changed(row))
    client = ledger.client()
    ((listed,),) = client.open_invoices()
    (told,) = client.changes([Invoice], NOON).invoices
    assert [i.due_date for i in (listed, client.invoice("1"), told)] == [due] * 3


@pytest.mark.parametrize("days", [99_999_999, -1, 30.5, "soon"])
def test_a_term_that_cannot_be_read_hides_no_invoice(days: object) -> None:
    """It is named, and its invoices come without a day; those of other terms have theirs."""
    terms = [{"Id": "4", "Name": "Odd", "DueDays": days}, *TERMS]
    broken: list[Broken] = []
    client = Ledger(Invoice=[on_terms(1, "4"), on_terms(2, "5")], Term=terms).client()
    ((odd, fine),) = client.open_invoices(broken.append)
    assert (odd.due_date, fine.due_date) == (None, date(2026, 10, 2))
    assert broken == [Broken("Term", 1, "4")]


@pytest.mark.parametrize("list_of", ["Term", "CustomerType"])
def test_a_list_is_read_around_a_record_that_breaks_it(list_of: str) -> None:
    """Also where nobody asked to be told of broken records."""
    types = [{"Id": "8", "Name": "Plain Accounts"}, {"Id": "9", "Name": "Odd"}]
    customer = {"Id": "311", "Balance": 0, "CustomerTypeRef": {"value": "8"}}
    ledger = Ledger(Invoice=[on_terms(1, "5")], Term=TERMS, Customer=[customer], CustomerType=types)
    ledger.poisoned = {"Term": {"6"}, "CustomerType": {"9"}}[list_of]
    (found,) = ledger.client().open_invoices_of(["311"])
    (whose,) = ledger.client().customers(["311"])
    assert (found.due_date, whose.customer_type) == (date(2026, 10, 2), "Plain Accounts")


def test_no_term_leads_beyond_the_last_day() -> None:
    """A slip in a date is due when the calendar ends."""
    ledger = Ledger(Invoice=[on_terms(1, "5", TxnDate="9999-12-20")], Term=TERMS)
    ((found,),) = ledger.client().open_invoices()
    assert found.due_date == date.max


def changed(row: dict[str, Any]) -> dict[str, Any]:
    group = {"QueryResponse": [{"Invoice": [row]}]}
    return {"CDCResponse": [group], "time": NOON.isoformat()}


def test_terms_are_read_once_and_only_where_they_are_needed() -> None:
    """A ledger whose invoices say when they are due pays no call for them."""
    plain = Ledger(Invoice=[on_terms(1, "5", DueDate="2026-10-02")], Term=TERMS)
    list(plain.client().open_invoices())
    assert not [each for each in plain.statements if "Term" in each]
    silent = Ledger(Invoice=[on_terms(n, "5") for n in range(1, 1500)], Term=TERMS)
    list(silent.client().open_invoices())
    assert len([each for each in silent.statements if "Term" in each]) == 1
