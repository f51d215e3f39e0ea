"""Ledgers as nobody should keep them: each is asked for once, or says why it is not."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from bot.surfaces.card.buttons import whole
from jobs.rules import drafts
from jobs.rules.facts.facts import Facts
from jobs.rules.states import State
from jobs.sources import quickbooks
from jobs.sources.pooled import Together
from qbo import QuickBooks
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import CompanyHarness, books, customer, invoice

EURO: dict[str, Any] = {"CurrencyRef": {"value": "EUR", "name": "Euro"}}


def below(parent: str, **more: Any) -> dict[str, Any]:
    """What makes a record a sub-customer that is billed with its parent."""
    return {"ParentRef": {"value": parent}, "Job": True, "BillWithParent": True, **more}


def raw(harness: CompanyHarness, kind: str, id: str, **fields: Any) -> None:
    """Change a record as no form of QuickBooks would; None takes a field away."""
    entity = harness.books.tables[kind][id]
    for name, value in fields.items():
        entity[name] = value
        if value is None:
            del entity[name]


def about_one(harness: CompanyHarness) -> list[str]:
    """The rules of the one case there is."""
    (case,) = harness.cases()
    return sorted(harness.rules(case))


# What does not add up


def read_in_bulk(harness: CompanyHarness) -> Facts:
    """What a case learns that asks in line with others, one kind of record after the other."""
    with harness.database.reading() as conn:
        file = quickbooks.open_file(conn, harness.case(), harness.now)
    line = Together(harness.services.quickbooks).of(harness.realm)
    return quickbooks.facts(quickbooks.read(line, file, harness.now), file.scope)


READS = ("customers", "paid_invoices_of", "payments", "credit_memos")


COMES: tuple[Callable[[CompanyHarness], Any], ...] = (
    lambda harness: harness.pay("71", "40.00"),
    lambda harness: harness.books.receive("1", Decimal("40.00")),
    lambda harness: harness.credit("1", "40.00"),
)


@pytest.mark.parametrize("before", READS)
@pytest.mark.parametrize("comes", COMES, ids=["applied", "on account", "credit memo"])
def test_money_that_comes_between_two_reads_is_no_gap(
    a_harness: CompanyHarness,
    monkeypatch: pytest.MonkeyPatch,
    before: str,
    comes: Callable[[CompanyHarness], Any],
) -> None:
    """Whichever kinds were read before it came: the ledger is read again, and adds up."""
    real = getattr(QuickBooks, before)
    happened: list[Any] = []

    def late(*given: Any, **named: Any) -> Any:
        if not happened:
            happened.append(comes(a_harness))
        return real(*given, **named)

    monkeypatch.setattr(QuickBooks, before, late)
    assert read_in_bulk(a_harness).gaps == ()
    assert happened


def test_a_gap_that_stays_stops_in_plain_words(open_harness: OpenHarness) -> None:
    """Both figures, whose they are, and what to do; once it is mended there is a draft."""
    harness = open_harness(
        books(customer("1", Balance="700.00"), invoice("71", "1", "840.00", 12)), swept=True
    )
    assert about_one(harness) == ["balance_does_not_add_up"]
    (ruling,) = harness.rulings()
    assert "$700.00 for Customer B" in ruling.reason
    assert "add up to $840.00" in ruling.reason
    assert "look again" in ruling.reason
    raw(harness, "Customer", "1", Balance=Decimal("840.00"))
    harness.look_again("UCOLLECT")
    harness.run("triage")
    assert harness.case().draft is not None


def test_each_record_of_a_family_has_to_add_up(open_harness: OpenHarness) -> None:
    """Own balances, never those with jobs: the parent is right, and one below it is not."""
    family = books(
        customer("1"),
        customer("2", **below("1"), Balance="11.00"),
        invoice("71", "1", "840.00", 12),
        invoice("72", "2", "60.00", 12),
    )
    harness = open_harness(family, swept=True)
    assert about_one(harness) == ["balance_does_not_add_up"]
    assert "$11.00 for Customer C" in harness.rulings()[0].reason
    raw(harness, "Customer", "2", Balance=Decimal("60.00"))
    harness.refresh()
    assert [i.id for i in harness.view().facts.invoices] == ["71", "72"]


def test_a_credit_larger_than_all_invoices_stops(open_harness: OpenHarness) -> None:
    """A customer in credit is not asked for anything."""
    memo = {"Id": "92", "CustomerRef": {"value": "1"}, "TotalAmt": "900.00"}
    harness = open_harness(
        books(customer("1"), invoice("71", "1", "840.00", 12), credit_memos=[memo]), swept=True
    )
    assert about_one(harness) == ["covered_by_credits"]
    assert harness.view().facts.net_open.amount == -60


def test_a_negative_invoice_is_nothing_to_ask_for(open_harness: OpenHarness) -> None:
    """It is not open, and its customer's balance does not add up: a person looks."""
    harness = open_harness(
        books(customer("1"), invoice("71", "1", "840.00", 12), invoice("72", "1", "10.00", 12))
    )
    raw(harness, "Invoice", "72", Balance=Decimal("-10.00"))
    raw(harness, "Customer", "1", Balance=Decimal("830.00"))
    harness.sweep()
    assert about_one(harness) == ["balance_does_not_add_up"]


# Families


def test_five_levels_are_one_letter(open_harness: OpenHarness) -> None:
    """Everything that is billed through the top is in its one message."""
    levels = [customer(str(n), **below(str(n - 1), Level=n - 1)) for n in range(2, 7)]
    bills = [invoice(f"7{n}", str(n), "100.00", 12) for n in range(1, 7)]
    harness = open_harness(books(customer("1"), *levels, *bills), swept=True)
    (case,) = harness.cases()
    assert case.customer == "1"
    assert len(harness.view().facts.invoices) == 6
    assert harness.view().facts.gaps == ()


@pytest.mark.parametrize("ring", [("1",), ("1", "2"), ("1", "2", "3")])
def test_a_ring_of_parents_is_asked_once(open_harness: OpenHarness, ring: tuple[str, ...]) -> None:
    """One of them stands for all: no invoice is in two cases, and none in no case."""
    people = [customer(id) for id in ring]
    bills = [invoice(f"7{id}", id, "100.00", 12) for id in ring]
    harness = open_harness(books(*people, *bills))
    for id, above in zip(ring, (*ring[1:], ring[0]), strict=True):
        raw(harness, "Customer", id, **below(above))
    harness.sweep()
    (case,) = harness.cases()
    assert (case.state, case.customer) == (State.WAITING, "1")
    assert {i.id for i in harness.view().facts.invoices} == {f"7{id}" for id in ring}


# Odd fields


def no_currency(harness: CompanyHarness) -> None:
    raw(harness, "Invoice", "71", CurrencyRef=None)
    raw(harness, "Customer", "1", CurrencyRef=None)


def no_rate(harness: CompanyHarness) -> None:
    raw(harness, "Invoice", "71", ExchangeRate=Decimal(0))


def no_name(harness: CompanyHarness) -> None:
    raw(harness, "Customer", "1", DisplayName="")


def no_longer_active(harness: CompanyHarness) -> None:
    raw(harness, "Customer", "1", Active=False)


def no_number(harness: CompanyHarness) -> None:
    raw(harness, "Invoice", "71", DocNumber=None)


SLOT = "[pay link 99]"
ONLINE: dict[str, Any] = {
    "AllowOnlineCreditCardPayment": True,
    "BillEmail": {"Address": "billing@customer1.example"},
}


def a_slot_for_a_number(harness: CompanyHarness) -> None:
    raw(harness, "Invoice", "71", DocNumber=SLOT, **ONLINE)


def a_slot_for_a_po_number(harness: CompanyHarness) -> None:
    po = {"DefinitionId": "1", "Name": "P.O. Number", "Type": "StringType", "StringValue": SLOT}
    raw(harness, "Invoice", "71", CustomField=[po], **ONLINE)


def a_slot_for_a_name(harness: CompanyHarness) -> None:
    raw(harness, "Customer", "1", DisplayName=SLOT, GivenName=SLOT, FamilyName="")


ODD = (
    *(no_currency, no_rate, no_name, no_longer_active, no_number),
    *(a_slot_for_a_number, a_slot_for_a_po_number, a_slot_for_a_name),
)


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_field_does_not_stand_in_the_way(
    open_harness: OpenHarness, odd: Callable[[CompanyHarness], None]
) -> None:
    """What QuickBooks leaves out has a meaning: the case is drafted, approved and sent."""
    harness = open_harness(books(customer("1"), invoice("71", "1", "840.00", 12)))
    odd(harness)
    harness.sweep()
    assert harness.case().currency == "USD"
    harness.approve("ULEAD1")
    harness.wait_out()
    assert harness.state() is State.DONE
    assert SLOT not in harness.mails[0].shown()["text"]
    assert ("ledger_text" in harness.rules()) == ("slot" in odd.__name__)


def test_an_invoice_without_a_due_date_is_left_alone(open_harness: OpenHarness) -> None:
    """Nobody guesses its terms; it still counts where the balance is added up."""
    harness = open_harness(
        books(customer("1"), invoice("71", "1", "840.00", 12), invoice("72", "1", "60.00", 12))
    )
    raw(harness, "Invoice", "72", DueDate=None)
    harness.sweep()
    facts = harness.view().facts
    assert [i.id for i in facts.invoices] == ["71"]
    assert facts.gaps == ()


@pytest.mark.parametrize("rate", ["0", "-1", "1E+30", "0.00000001"])
def test_a_rate_that_can_be_none_only_changes_the_order(
    open_harness: OpenHarness, rate: str
) -> None:
    """It is for ordering; nothing else is hidden, and without limits two people approve."""
    bills = invoice("71", "1", "840.00", 12), invoice("72", "2", "90.00", 12)
    harness = open_harness(books(customer("1", **EURO), customer("2"), *bills))
    raw(harness, "Invoice", "71", ExchangeRate=Decimal(rate))
    harness.sweep()
    case = harness.case("1", "EUR")
    assert 0 <= case.row.rank <= 840 * 12, "at most what is asked for, times the days it is late"
    assert "second_approver" in harness.rules(case)
    assert harness.case("2").state is State.WAITING


@pytest.mark.parametrize("amount", ["1E+30", "99999999999999"])
def test_an_amount_beyond_belief_hides_nobody_else(open_harness: OpenHarness, amount: str) -> None:
    """Such a record is named to people, and the sweep goes on without it."""
    harness = open_harness(
        books(
            customer("1"),
            customer("2"),
            invoice("71", "1", "840.00", 12),
            invoice("72", "2", "90.00", 12),
        )
    )
    raw(harness, "Invoice", "71", TotalAmt=Decimal(amount), Balance=Decimal(amount))
    harness.sweep()
    assert [case.customer for case in harness.cases()] == ["2"]
    assert any("71" in text for text in harness.said("notice"))


def test_hundreds_of_invoices_are_one_letter_that_can_be_read(open_harness: OpenHarness) -> None:
    """They are listed to the last one, without files, and none is left out of the total."""
    paid_by_card = {
        "AllowOnlineCreditCardPayment": True,
        "BillEmail": {"Address": "billing@customer1.example"},
    }
    many = [invoice(str(1000 + n), "1", "30.00", 12, **paid_by_card) for n in range(200)]
    harness = open_harness(books(customer("1"), *many), swept=True)
    view = harness.view()
    assert view.letter is not None
    assert len(drafts.pay_links_in(view.letter.body)) == 200
    total = next(line for line in view.letter.body.splitlines() if line.startswith("Total "))
    assert total.split() == ["Total", "$6,000.00"]
    assert whole(view)
    assert view.letter.attachments == ()
    harness.approve()
    harness.wait_out()
    assert len(harness.mails) == 1


def test_more_than_a_letter_can_list_is_for_a_person(open_harness: OpenHarness) -> None:
    """Nobody could read through it before approving, so there is no draft."""
    many = [invoice(str(1000 + n), "1", "30.00", 12) for n in range(201)]
    harness = open_harness(books(customer("1"), *many), swept=True)
    assert "too_many_invoices" in about_one(harness)
    assert harness.view().letter is None
