"""Gathering: what a case knows of the ledger, and what it does not conclude from silence."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from jobs.rules.facts.facts import Facts, InvoiceStatus
from jobs.sources import quickbooks
from jobs.sources.quickbooks import Books
from jobs.store import assessments, companies
from jobs.store.database.tables import assessments as assessments_table
from jobs.store.database.tables import documents
from qbo import QuickBooks
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import CompanyHarness, books, customer, invoice


def read(harness: CompanyHarness) -> tuple[Books, Facts]:
    """Gather the latest case by hand."""
    with harness.database.reading() as conn:
        file = quickbooks.open_file(conn, harness.cases()[-1], harness.now)
    ledger = quickbooks.Alone(harness.services.quickbooks(harness.realm))
    found = quickbooks.read(ledger, file, harness.now)
    return found, quickbooks.facts(found, file.scope)


def test_one_request_brings_what_many_do(open_harness: OpenHarness) -> None:
    """A case by itself asks for all kinds of records at once, terms and types included."""
    harness = open_harness(
        books(
            customer("1", CustomerTypeRef={"value": "2"}),
            invoice("71", "1", "840.00", 12),
            invoice("73", "1", "10.00", 40),
            payments=[
                {
                    "Id": "91",
                    "CustomerRef": {"value": "1"},
                    "TotalAmt": "12.00",
                    "TxnDate": "today-30",
                }
            ],
            customer_types=[{"Id": "2", "Name": "Key account", "Active": True}],
        )
    )
    harness.pay("73", "10.00")
    ledger = harness.services.quickbooks(harness.realm)
    asked = quickbooks.Asked(
        frozenset({"1"}), frozenset({"73"}), harness.today - timedelta(days=730)
    )
    harness.outside.world.requests.clear()
    found = quickbooks.Alone(ledger).about(asked)
    paths = [request.path for request in harness.outside.world.requests]
    assert [path.rpartition("/")[2] for path in paths] == ["batch", "query", "query"]
    assert found == quickbooks.fetch(ledger, asked)
    assert [c.customer_type for c in found.customers] == ["Key account"]
    assert [i.id for i in found.by_id] == ["73"]
    assert len(found.payments) == 2


def test_everything_that_a_case_needs(open_harness: OpenHarness) -> None:
    """Overdue and other open invoices, credits, habit, memo: each in its place."""
    harness = open_harness(
        books(
            customer("1"),
            invoice("71", "1", "840.00", 12, CustomerMemo={"value": "Thanks!"}),
            invoice("72", "1", "60.00", -9),
            invoice("73", "1", "10.00", 40),
            payments=[
                {
                    "Id": "91",
                    "CustomerRef": {"value": "1"},
                    "TotalAmt": "12.00",
                    "TxnDate": "today-30",
                    "Line": [
                        {"Amount": "10.00", "LinkedTxn": [{"TxnId": "73", "TxnType": "Invoice"}]}
                    ],
                }
            ],
        ),
        swept=True,
    )
    found, facts = read(harness)
    assert [i.id for i in facts.invoices] == ["71"]
    assert [i.id for i in facts.other_open] == ["72"]
    assert facts.total_open.amount == 900
    assert facts.on_account.amount == 2
    assert not facts.gaps
    assert facts.habit is not None
    assert (facts.habit.count, facts.habit.late, facts.habit.median_days_late) == (1, 1, 10)
    assert [(d.id, d.text) for d in quickbooks.documents(found, facts)] == [("memo:71", "Thanks!")]


def paid(id: str, invoice_id: str, amount: str, ago: int, **more: Any) -> dict[str, Any]:
    """A payment of one invoice, so many days ago."""
    line = {"Amount": amount, "LinkedTxn": [{"TxnId": invoice_id, "TxnType": "Invoice"}]}
    return {
        "Id": id,
        "CustomerRef": {"value": "1"},
        "TotalAmt": amount,
        "TxnDate": f"today-{ago}",
        "Line": [line],
        **more,
    }


def test_a_habit_is_made_of_money_that_came(open_harness: OpenHarness) -> None:
    """The last payment of each invoice of two years; what QuickBooks links itself is no payment."""
    memo = {"Amount": "50.00", "LinkedTxn": [{"TxnId": "95", "TxnType": "CreditMemo"}]}
    linked = paid("94", "75", "50.00", 10)
    linked |= {"TotalAmt": "0.00", "Line": [*linked["Line"], memo]}
    harness = open_harness(
        books(
            customer("1"),
            invoice("71", "1", "840.00", 12),
            invoice("72", "1", "100.00", 100),  # in two parts, 30 days late in the end
            invoice("73", "1", "100.00", 60),  # two days early
            invoice("74", "1", "100.00", 900),  # too long ago
            invoice("75", "1", "50.00", 40),  # settled by a credit memo alone
            payments=[
                paid("91", "72", "40.00", 95),
                paid("92", "72", "60.00", 70),
                paid("93", "73", "100.00", 62),
                paid("96", "74", "100.00", 500),
                linked,
            ],
            credit_memos=[{"Id": "95", "CustomerRef": {"value": "1"}, "TotalAmt": "50.00"}],
        ),
        swept=True,
    )
    habit = read(harness)[1].habit
    assert habit is not None
    assert (habit.count, habit.late, habit.median_days_late) == (2, 1, -2)


def test_a_gap_that_was_there_before_is_not_read_twice(a_harness: CompanyHarness) -> None:
    """What does not add up is read once more, unless it was off by the same amount before."""
    limits = a_harness.outside.quickbooks.realms[a_harness.realm].limits

    def cost() -> int:
        before = limits.reads
        a_harness.refresh()
        return limits.reads - before

    once = cost()
    a_harness.change("Customer", "1", Balance="850.00")
    assert [cost(), cost()] == [2 * once, once]
    assert [gap.stated.amount for gap in a_harness.view().facts.gaps] == [850]
    a_harness.pay("71", "40.00")  # the gap is of ten as before
    assert [cost(), a_harness.view().facts.gaps[0].stated.amount] == [once, 810]
    a_harness.change("Customer", "1", Balance="830.00")
    assert [cost(), cost()] == [2 * once, once]
    a_harness.change("Customer", "1", Balance="800.00")
    assert [cost(), a_harness.view().facts.gaps] == [once, ()]


def test_an_invoice_that_a_list_left_out_is_still_open(
    a_harness: CompanyHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that moved while the list was read is found by its id."""

    def forgetful(*_: Any, **__: Any) -> list[Any]:
        return []

    monkeypatch.setattr(QuickBooks, "open_invoices_of", forgetful)
    _, facts = read(a_harness)
    assert [i.id for i in facts.invoices] == ["71"]


@pytest.mark.parametrize(
    ("how", "status"), [("pay", InvoiceStatus.PAID), ("void", InvoiceStatus.VOIDED)]
)
def test_what_has_ended_says_how(
    a_harness: CompanyHarness, how: str, status: InvoiceStatus
) -> None:
    """Settled and voided invoices are told apart."""
    if how == "pay":
        a_harness.pay("71", "840.00")
    else:
        a_harness.void("71")
    found, facts = read(a_harness)
    assert [(i.id, i.status) for i in found.left] == [("71", status)]
    assert not facts.invoices


def test_a_deleted_invoice_is_gone(a_harness: CompanyHarness) -> None:
    """What QuickBooks does not know any more is neither open nor paid."""
    a_harness.books.delete("Invoice", "71")
    found, facts = read(a_harness)
    assert (found.gone, found.left, facts.invoices) == (frozenset({"71"}), (), ())


def test_invoices_of_somebody_else_are_no_part_of_it(open_harness: OpenHarness) -> None:
    """An invoice that was moved to another customer is not asked for in this case."""
    harness = open_harness(
        books(
            customer("1"),
            customer("2"),
            invoice("71", "1", "840.00", 12),
            invoice("72", "1", "60.00", 12),
        ),
        swept=True,
    )
    harness.change("Invoice", "72", CustomerRef={"value": "2", "name": "Customer C"})
    _, facts = read(harness)
    assert [i.id for i in facts.invoices] == ["71"]
    harness.refresh()
    letter = harness.view().letter
    assert letter is not None
    assert "172" not in letter.body


def test_time_alone_changes_no_fingerprint(a_harness: CompanyHarness) -> None:
    """The facts of tomorrow are the same facts, as long as nothing happens."""
    _, today = read(a_harness)
    a_harness.time.later(days=1)
    _, tomorrow = read(a_harness)
    assert assessments.fingerprint(today) == assessments.fingerprint(tomorrow)
    a_harness.pay("71", "1.00")
    _, after = read(a_harness)
    assert assessments.fingerprint(after) != assessments.fingerprint(today)


def test_a_company_in_another_zone_has_its_own_today(open_harness: OpenHarness) -> None:
    """An invoice is overdue by the company's calendar, not by ours."""
    content = books(customer("1"), invoice("71", "1", "840.00", 3))
    content["company"]["DefaultTimeZone"] = "Pacific/Auckland"
    harness = open_harness(content, swept=True)
    assert harness.company.zone.key == "Pacific/Auckland"
    assert read(harness)[1].days_overdue == 3


def test_what_a_draft_was_made_from_is_kept(open_harness: OpenHarness) -> None:
    """An assessment has the hash of each text, kept elsewhere; a changed one is not read yet."""
    harness = open_harness(
        books(customer("1"), invoice("71", "1", "840.00", 12, CustomerMemo={"value": "Thanks!"})),
        swept=True,
    )
    case = harness.case()
    with harness.database.reading() as conn:
        found, facts = read(harness)
        assert not assessments.new_documents(conn, case, quickbooks.documents(found, facts))
        harness.change("Invoice", "71", CustomerMemo={"value": "Thanks again!"})
        found, facts = read(harness)
        new = assessments.new_documents(conn, case, quickbooks.documents(found, facts))
    assert [d.id for d in new] == ["memo:71"]
    (kept,) = harness.rows(select(assessments_table.c.documents))
    (text,) = harness.rows(select(documents))
    assert (kept.documents, text.text) == ({"memo:71": text.sha256}, "Thanks!")


def test_rates_are_as_fine_as_the_mirror(open_harness: OpenHarness) -> None:
    """Ten digits of a rate are kept, here and there: a finer one would be news at each look."""
    euro: dict[str, Any] = {"CurrencyRef": {"value": "EUR", "name": "Euro"}}
    bill = invoice("71", "1", "840.00", 12, ExchangeRate="0.000038123456")
    harness = open_harness(books(customer("1", **euro), bill), swept=True)
    assert read(harness)[0].open[0].exchange_rate == Decimal("0.0000381235")
    with harness.database.reading() as conn:
        assert companies.need(conn, harness.realm).home_currency == "USD"


def test_an_invoice_that_quickbooks_never_emailed_is_told_until_we_have_written(
    open_harness: OpenHarness,
) -> None:
    """The card says so before the first message; after it, and once QuickBooks has sent it, not."""
    harness = open_harness(
        books(
            customer("1"),
            customer("2"),
            invoice("71", "1", "840.00", 4, EmailStatus="NotSet"),
            invoice("72", "2", "60.00", 4, EmailStatus="NeedToSend"),
        ),
        swept=True,
    )
    assert harness.rules(harness.case("1")) == harness.rules(harness.case("2")) == {"never_emailed"}
    assert "Invoice 171 has never been e-mailed" in harness.rulings(harness.case("1"))[0].reason
    harness.change("Invoice", "72", EmailStatus="EmailSent")
    harness.refresh(harness.case("2"))
    assert harness.rules(harness.case("2")) == set()
    harness.approve(harness.click("UCOLLECT", harness.case("1")))
    harness.wait_out()
    assert len(harness.mails) == 1
    harness.time.later(days=7)
    harness.sweep()
    assert harness.rules(harness.case("1")) == set()
