"""Company files: relative dates, derived fields, and the lifelike company."""

import json
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.companies import lifelike
from tests.sandbox.company import LIFELIKE, Company, Entity, applied, build, load, resolved

NOW = datetime(2026, 11, 21, 5, tzinfo=UTC)  # still the 20th in Los Angeles
ANN = {"Id": "1", "DisplayName": "Ann"}
TO_ANN = {"CustomerRef": {"value": "1"}}


def invoice(**fields: Any) -> Entity:
    """An invoice to Ann over 100."""
    return TO_ANN | {"Id": "10", "TotalAmt": 100, "DueDate": "today-3"} | fields


def payment(amount: float, *lines: tuple[float, str, str], ident: str = "20") -> Entity:
    """A payment of Ann with lines of (amount, kind, Id)."""
    linked = [
        {"Amount": part, "LinkedTxn": [{"TxnId": to, "TxnType": kind}]} for part, kind, to in lines
    ]
    return TO_ANN | {"Id": ident, "TotalAmt": amount, "TxnDate": "today-1", "Line": linked}


def of_ann(**lists: Any) -> Company:
    """A company with Ann."""
    return build({"customers": [dict(ANN)]} | lists, NOW)


@pytest.fixture(scope="module")
def company() -> Company:
    """The lifelike company as of NOW."""
    return load(LIFELIKE, NOW)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("today", "2026-11-20"),
        ("today-12", "2026-11-08"),
        ("today+5", "2026-11-25"),
        ("today - 5", "today - 5"),
        ("see you today", "see you today"),
        ("today-", "today-"),
        ("Today", "Today"),
    ],
)
def test_only_an_exact_word_is_a_date(text: str, meaning: str) -> None:
    """Anything else is text and stays as it is."""
    assert resolved({"a": [text]}, date(2026, 11, 20)) == {"a": [meaning]}


def test_today_is_the_date_in_the_companys_zone() -> None:
    """At the same moment it is another day in Auckland."""
    here = of_ann(invoices=[invoice(DueDate="today")])
    there = of_ann(
        company={"DefaultTimeZone": "Pacific/Auckland"}, invoices=[invoice(DueDate="today")]
    )
    assert here.invoices["10"]["DueDate"] == "2026-11-20"
    assert there.invoices["10"]["DueDate"] == "2026-11-21"


def test_a_file_needs_only_ids_names_amounts_and_dates(tmp_path: Path) -> None:
    """The rest is filled; keys that nobody knows are ignored; other parts are kept for others."""
    file = tmp_path / "small.json"
    data = {"company": {}, "customers": [ANN], "invoices": [invoice()], "weather": "rain"}
    file.write_text(json.dumps(data | {"tickets": [{"opened": "today-2"}]}))
    small = load(file, NOW)
    filled = small.invoices["10"]
    assert (filled["Balance"], filled["SyncToken"], filled["LinkedTxn"]) == (100, "0", [])
    assert filled["CustomerRef"] == {"value": "1", "name": "Ann"}
    assert filled["CurrencyRef"]["value"] == small.home_currency == "USD"
    assert filled["MetaData"]["LastUpdatedTime"].startswith("2026-11-17T")
    assert small.tickets == [{"opened": "2026-11-18"}]
    assert "weather" not in small.info


def test_balances_follow_from_payments() -> None:
    """Paid parts, a deposit, money on account and a used credit memo."""
    books = of_ann(
        invoices=[invoice(Deposit=10)],
        payments=[
            payment(50, (30, "Invoice", "10")),
            payment(0, (15, "Invoice", "10"), (15, "CreditMemo", "30"), ident="21"),
        ],
        credit_memos=[TO_ANN | {"Id": "30", "TotalAmt": 40, "TxnDate": "today-5"}],
    )
    assert books.invoices["10"]["Balance"] == 45
    assert [link["TxnId"] for link in books.invoices["10"]["LinkedTxn"]] == ["20", "21"]
    assert [p["UnappliedAmt"] for p in books.payments.values()] == [20, 0]
    assert books.credit_memos["30"]["RemainingCredit"] == 25
    assert books.customers["1"]["Balance"] == 45 - 20 - 25


def test_what_a_file_states_is_kept_even_if_it_is_odd() -> None:
    """A customer whose balance does not add up is a case to be tested."""
    books = build(
        {"customers": [ANN | {"Balance": 7}], "invoices": [invoice(Balance="99.50")]}, NOW
    )
    assert books.customers["1"]["Balance"] == 7
    assert books.invoices["10"]["Balance"] == Decimal("99.50")


@pytest.mark.parametrize(
    ("lists", "reason"),
    [
        ({"invoices": [invoice(), invoice()]}, "occurs twice"),
        ({"invoices": [invoice(CustomerRef={"value": "2"})]}, "customer 2, who is not in the file"),
        (
            {"invoices": [invoice()], "payments": [payment(200, (200, "Invoice", "10"))]},
            "paid more than its total",
        ),
        (
            {"invoices": [invoice()], "payments": [payment(5, (50, "Invoice", "10"))]},
            "pays more than it brings",
        ),
    ],
)
def test_a_file_that_cannot_be_is_refused(lists: dict[str, Any], reason: str) -> None:
    """With the Id and the reason."""
    with pytest.raises(ValueError, match=reason):
        of_ann(**lists)


def test_a_file_that_is_no_company_is_refused(tmp_path: Path) -> None:
    """A list, for instance."""
    file = tmp_path / "list.json"
    file.write_text("[]")
    with pytest.raises(ValueError, match="is not a company"):
        load(file, NOW)


def test_a_parent_knows_what_its_jobs_owe() -> None:
    """BalanceWithJobs of the parent, and the path in the name of the job."""
    job = {"Id": "2", "DisplayName": "Porch", "ParentRef": {"value": "1"}}
    books = build({"customers": [ANN, job], "invoices": [invoice(CustomerRef={"value": "2"})]}, NOW)
    parent, child = books.customers["1"], books.customers["2"]
    assert (parent["Balance"], parent["BalanceWithJobs"]) == (0, 100)
    assert (child["Job"], child["FullyQualifiedName"]) == (True, "Ann:Porch")


def test_the_lifelike_file_is_what_its_generator_writes() -> None:
    """Nobody edits it by hand."""
    assert LIFELIKE.read_text(encoding="utf-8") == "".join(lifelike.lines())


def test_the_lifelike_company_is_large_enough(company: Company) -> None:
    """At least 40 customers and 150 invoices, in two currencies."""
    currencies = {entity["CurrencyRef"]["value"] for entity in company.invoices.values()}
    assert len(company.customers) >= 40
    assert len(company.invoices) >= 150
    assert currencies == {"USD", "EUR"}


def test_every_balance_of_the_lifelike_company_adds_up(company: Company) -> None:
    """Customer.Balance is open invoices less unapplied payments and remaining credits."""
    owed: dict[str, Decimal] = defaultdict(Decimal)
    for entity in company.invoices.values():
        owed[entity["CustomerRef"]["value"]] += entity["Balance"]
    for entity in company.payments.values():
        owed[entity["CustomerRef"]["value"]] -= entity["UnappliedAmt"]
    for entity in company.credit_memos.values():
        owed[entity["CustomerRef"]["value"]] -= entity["RemainingCredit"]
    assert {ident: c["Balance"] for ident, c in company.customers.items()} == {
        ident: owed[ident] for ident in company.customers
    }


def test_nothing_in_the_lifelike_company_happens_tomorrow(company: Company) -> None:
    """Transactions are dated today or before, and a customer has one currency."""
    held = (company.invoices, company.payments, company.credit_memos)
    for entity in (entity for table in held for entity in table.values()):
        customer = company.customers[entity["CustomerRef"]["value"]]
        assert entity["TxnDate"] <= company.today.isoformat()
        assert entity["CurrencyRef"] == customer["CurrencyRef"]


def days_overdue(company: Company, entity: Entity) -> int:
    """Days past due; the usual thirty where the date is missing."""
    due = entity.get("DueDate")
    end = date.fromisoformat(due or entity["TxnDate"]) + timedelta(days=0 if due else 30)
    return (company.today - end).days


def overdue(company: Company) -> dict[str, list[int]]:
    """The days past due of what is open, by customer."""
    found: dict[str, list[int]] = defaultdict(list)
    for entity in company.invoices.values():
        if entity["Balance"] > 0 and days_overdue(company, entity) > 0:
            found[entity["CustomerRef"]["value"]].append(days_overdue(company, entity))
    return found


def test_a_believable_part_of_the_customers_is_overdue(company: Company) -> None:
    """Twenty to thirty of those who are billed, over every span of days."""
    late = overdue(company)
    days = [day for each in late.values() for day in each]
    billed = {"109" if ident in ("110", "111") else ident for ident in late}
    assert 20 <= len(billed) <= 30
    for low, high in ((1, 2), (3, 9), (10, 20), (21, 44), (45, 99)):
        assert any(low <= day <= high for day in days), (low, high)


@pytest.mark.parametrize(
    ("ident", "usual"), [("101", True), ("103", True), ("121", False), ("120", False)]
)
def test_habits_can_be_read_from_the_payments(company: Company, ident: str, usual: bool) -> None:
    """The usual payers are four to eight days late most of the time, others are not."""
    late = [
        (date.fromisoformat(paid["TxnDate"]) - date.fromisoformat(bill["DueDate"])).days
        for paid in company.payments.values()
        for kind, to, _ in applied(paid)
        if kind == "Invoice"
        and (bill := company.invoices[to])["CustomerRef"]["value"] == ident
        and bill["Balance"] == 0
    ]
    assert len(late) >= 9
    assert (sum(4 <= days <= 8 for days in late) / len(late) > 0.6) is usual


def test_the_interesting_ids_are_what_they_are_said_to_be(company: Company) -> None:
    """As listed at the top of company.py."""
    customers, invoices = company.customers, company.invoices
    total = {ident: customers[ident]["Balance"] for ident in customers}
    assert invoices["5020"]["Balance"] >= 25000
    assert all(10000 <= total[ident] < 50000 for ident in ("101", "118", "126", "132"))
    assert len(overdue(company)["118"]) == 11
    assert "PrimaryEmailAddr" not in customers["107"]
    assert "," in customers["108"]["PrimaryEmailAddr"]["Address"]
    assert [customers[ident]["BillWithParent"] for ident in ("110", "111", "112")] == [True] * 2 + [
        False
    ]
    assert total["113"] == 0
    assert total["114"] < 0 < total["115"]
    assert (invoices["5001"]["TotalAmt"], invoices["5001"]["PrivateNote"]) == (0, "Voided")
    assert "DocNumber" not in invoices["5002"]
    assert "DueDate" not in invoices["5003"]
    assert "PO number" in invoices["5010"]["CustomerMemo"]["value"]
    assert "bank details" in invoices["5011"]["CustomerMemo"]["value"]
    assert 0 < invoices["5030"]["Balance"] < invoices["5030"]["TotalAmt"]
    assert (invoices["5050"]["Balance"], company.credit_memos["8003"]["RemainingCredit"]) == (0, 0)
    assert 0 < invoices_of(company, "122")[-1]["Balance"] < 25


def invoices_of(company: Company, customer: str) -> list[Entity]:
    """A customer's invoices in the order of the file."""
    held = company.invoices.values()
    return [entity for entity in held if entity["CustomerRef"]["value"] == customer]


def test_addresses_lead_nowhere(company: Company) -> None:
    """Every address is at a domain reserved for examples."""
    listed = [c["PrimaryEmailAddr"]["Address"] for c in company.customers.values()
              if "PrimaryEmailAddr" in c]  # fmt: skip
    for address in (part for text in listed for part in text.split(",")):
        assert address.strip().endswith(".example"), address
        assert address.isascii(), address
