"""Ledgers as nobody should keep them: each is asked for once, or says why it is not."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from bot.surfaces.card.buttons import whole
from jobs.rules.facts.facts import Facts
from jobs.rules.letters import drafts
from jobs.rules.states import State
from jobs.sources import quickbooks
from jobs.sources.pooled import Together
from qbo import QuickBooks
from tests.jobs.house import House, books, customer, invoice
from tests.jobs.houses import OpenHouse

EURO: dict[str, Any] = {"CurrencyRef": {"value": "EUR", "name": "Euro"}}


def below(parent: str, **more: Any) -> dict[str, Any]:
    """What makes a record a sub-customer that is billed with its parent."""
    return {"ParentRef": {"value": parent}, "Job": True, "BillWithParent": True, **more}


def raw(house: House, kind: str, id: str, **fields: Any) -> None:
    """Change a record as no form of QuickBooks would; None takes a field away."""
    entity = house.books.tables[kind][id]
    for name, value in fields.items():
        entity[name] = value
        if value is None:
            del entity[name]


def about_one(house: House) -> list[str]:
    """The rules of the one case there is."""
    (case,) = house.cases()
    return sorted(house.rules(case))


# What does not add up


def read_in_bulk(house: House) -> Facts:
    """What a case learns that asks in line with others, one kind of record after the other."""
    with house.database.reading() as conn:
        file = quickbooks.open_file(conn, house.case(), house.now)
    line = Together(house.services.quickbooks).of(house.realm)
    return quickbooks.facts(quickbooks.read(line, file, house.now), file.scope)


READS = ("customers", "paid_invoices_of", "payments", "credit_memos")


COMES: tuple[Callable[[House], Any], ...] = (
    lambda house: house.pay("71", "40.00"),
    lambda house: house.books.receive("1", Decimal("40.00")),
    lambda house: house.credit("1", "40.00"),
)


@pytest.mark.parametrize("before", READS)
@pytest.mark.parametrize("comes", COMES, ids=["applied", "on account", "credit memo"])
def test_money_that_comes_between_two_reads_is_no_gap(
    a_house: House,
    monkeypatch: pytest.MonkeyPatch,
    before: str,
    comes: Callable[[House], Any],
) -> None:
    """Whichever kinds were read before it came: the ledger is read again, and adds up."""
    real = getattr(QuickBooks, before)
    happened: list[Any] = []

    def late(*given: Any, **named: Any) -> Any:
        if not happened:
            happened.append(comes(a_house))
        return real(*given, **named)

    monkeypatch.setattr(QuickBooks, before, late)
    assert read_in_bulk(a_house).gaps == ()
    assert happened


def test_a_gap_that_stays_stops_in_plain_words(open_house: OpenHouse) -> None:
    """Both figures, whose they are, and what to do; once it is mended there is a draft."""
    house = open_house(books(customer("1", Balance="700.00"), invoice("71", "1", "840.00", 12)))
    house.sweep()
    assert about_one(house) == ["balance_does_not_add_up"]
    (ruling,) = house.rulings()
    assert "$700.00 for Customer B" in ruling.reason
    assert "add up to $840.00" in ruling.reason
    assert "look again" in ruling.reason
    raw(house, "Customer", "1", Balance=Decimal("840.00"))
    house.look_again("UCOLLECT")
    house.run("triage")
    assert house.case().draft is not None


def test_each_record_of_a_family_has_to_add_up(open_house: OpenHouse) -> None:
    """Own balances, never those with jobs: the parent is right, and one below it is not."""
    family = books(
        customer("1"),
        customer("2", **below("1"), Balance="11.00"),
        invoice("71", "1", "840.00", 12),
        invoice("72", "2", "60.00", 12),
    )
    house = open_house(family)
    house.sweep()
    assert about_one(house) == ["balance_does_not_add_up"]
    assert "$11.00 for Customer C" in house.rulings()[0].reason
    raw(house, "Customer", "2", Balance=Decimal("60.00"))
    house.refresh()
    assert [i.id for i in house.view().facts.invoices] == ["71", "72"]


def test_a_credit_larger_than_all_invoices_stops(open_house: OpenHouse) -> None:
    """A customer in credit is not asked for anything."""
    memo = {"Id": "92", "CustomerRef": {"value": "1"}, "TotalAmt": "900.00"}
    house = open_house(books(customer("1"), invoice("71", "1", "840.00", 12), credit_memos=[memo]))
    house.sweep()
    assert about_one(house) == ["covered_by_credits"]
    assert house.view().facts.net_open.amount == -60


def test_a_negative_invoice_is_nothing_to_ask_for(open_house: OpenHouse) -> None:
    """It is not open, and its customer's balance does not add up: a person looks."""
    house = open_house(
        books(customer("1"), invoice("71", "1", "840.00", 12), invoice("72", "1", "10.00", 12))
    )
    raw(house, "Invoice", "72", Balance=Decimal("-10.00"))
    raw(house, "Customer", "1", Balance=Decimal("830.00"))
    house.sweep()
    assert about_one(house) == ["balance_does_not_add_up"]


# Families


def test_five_levels_are_one_letter(open_house: OpenHouse) -> None:
    """Everything that is billed through the top is in its one message."""
    levels = [customer(str(n), **below(str(n - 1), Level=n - 1)) for n in range(2, 7)]
    bills = [invoice(f"7{n}", str(n), "100.00", 12) for n in range(1, 7)]
    house = open_house(books(customer("1"), *levels, *bills))
    house.sweep()
    (case,) = house.cases()
    assert case.customer == "1"
    assert len(house.view().facts.invoices) == 6
    assert house.view().facts.gaps == ()


@pytest.mark.parametrize("ring", [("1",), ("1", "2"), ("1", "2", "3")])
def test_a_ring_of_parents_is_asked_once(open_house: OpenHouse, ring: tuple[str, ...]) -> None:
    """One of them stands for all: no invoice is in two cases, and none in no case."""
    people = [customer(id) for id in ring]
    bills = [invoice(f"7{id}", id, "100.00", 12) for id in ring]
    house = open_house(books(*people, *bills))
    for id, above in zip(ring, (*ring[1:], ring[0]), strict=True):
        raw(house, "Customer", id, **below(above))
    house.sweep()
    (case,) = house.cases()
    assert (case.state, case.customer) == (State.WAITING, "1")
    assert {i.id for i in house.view().facts.invoices} == {f"7{id}" for id in ring}


# Odd fields


def no_currency(house: House) -> None:
    raw(house, "Invoice", "71", CurrencyRef=None)
    raw(house, "Customer", "1", CurrencyRef=None)


def no_rate(house: House) -> None:
    raw(house, "Invoice", "71", ExchangeRate=Decimal(0))


def no_name(house: House) -> None:
    raw(house, "Customer", "1", DisplayName="")


def no_longer_active(house: House) -> None:
    raw(house, "Customer", "1", Active=False)


def no_number(house: House) -> None:
    raw(house, "Invoice", "71", DocNumber=None)


SLOT = "[pay link 99]"
ONLINE: dict[str, Any] = {
    "AllowOnlineCreditCardPayment": True,
    "BillEmail": {"Address": "billing@customer1.example"},
}


def a_slot_for_a_number(house: House) -> None:
    raw(house, "Invoice", "71", DocNumber=SLOT, **ONLINE)


def a_slot_for_a_po_number(house: House) -> None:
    po = {"DefinitionId": "1", "Name": "P.O. Number", "Type": "StringType", "StringValue": SLOT}
    raw(house, "Invoice", "71", CustomField=[po], **ONLINE)


def a_slot_for_a_name(house: House) -> None:
    raw(house, "Customer", "1", DisplayName=SLOT, GivenName=SLOT, FamilyName="")


ODD = (
    *(no_currency, no_rate, no_name, no_longer_active, no_number),
    *(a_slot_for_a_number, a_slot_for_a_po_number, a_slot_for_a_name),
)


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_field_does_not_stand_in_the_way(
    open_house: OpenHouse, odd: Callable[[House], None]
) -> None:
    """What QuickBooks leaves out has a meaning: the case is drafted, approved and sent."""
    house = open_house(books(customer("1"), invoice("71", "1", "840.00", 12)))
    odd(house)
    house.sweep()
    assert house.case().currency == "USD"
    house.approve("ULEAD1")
    house.wait_out()
    assert house.state() is State.DONE
    assert SLOT not in house.mails[0].shown()["text"]
    assert ("ledger_text" in house.rules()) == ("slot" in odd.__name__)


def test_an_invoice_without_a_due_date_is_left_alone(open_house: OpenHouse) -> None:
    """Nobody guesses its terms; it still counts where the balance is added up."""
    house = open_house(
        books(customer("1"), invoice("71", "1", "840.00", 12), invoice("72", "1", "60.00", 12))
    )
    raw(house, "Invoice", "72", DueDate=None)
    house.sweep()
    facts = house.view().facts
    assert [i.id for i in facts.invoices] == ["71"]
    assert facts.gaps == ()


@pytest.mark.parametrize("rate", ["0", "-1", "1E+30", "0.00000001"])
def test_a_rate_that_can_be_none_only_changes_the_order(open_house: OpenHouse, rate: str) -> None:
    """It is for ordering; nothing else is hidden, and without limits two people approve."""
    bills = invoice("71", "1", "840.00", 12), invoice("72", "2", "90.00", 12)
    house = open_house(books(customer("1", **EURO), customer("2"), *bills))
    raw(house, "Invoice", "71", ExchangeRate=Decimal(rate))
    house.sweep()
    case = house.case("1", "EUR")
    assert 0 <= case.row.rank <= 840
    assert "second_approver" in house.rules(case)
    assert house.case("2").state is State.WAITING


@pytest.mark.parametrize("amount", ["1E+30", "99999999999999"])
def test_an_amount_beyond_belief_hides_nobody_else(open_house: OpenHouse, amount: str) -> None:
    """Such a record is named to people, and the sweep goes on without it."""
    house = open_house(
        books(
            customer("1"),
            customer("2"),
            invoice("71", "1", "840.00", 12),
            invoice("72", "2", "90.00", 12),
        )
    )
    raw(house, "Invoice", "71", TotalAmt=Decimal(amount), Balance=Decimal(amount))
    house.sweep()
    assert [case.customer for case in house.cases()] == ["2"]
    assert any("71" in text for text in house.said("notice"))


def test_hundreds_of_invoices_are_one_letter_that_can_be_read(open_house: OpenHouse) -> None:
    """They are listed to the last one, without files, and none is left out of the total."""
    paid_by_card = {
        "AllowOnlineCreditCardPayment": True,
        "BillEmail": {"Address": "billing@customer1.example"},
    }
    many = [invoice(str(1000 + n), "1", "30.00", 12, **paid_by_card) for n in range(200)]
    house = open_house(books(customer("1"), *many))
    house.sweep()
    view = house.view()
    assert view.letter is not None
    assert len(drafts.pay_links_in(view.letter.body)) == 200
    total = next(line for line in view.letter.body.splitlines() if line.startswith("Total "))
    assert total.split() == ["Total", "$6,000.00"]
    assert whole(view)
    assert view.letter.attachments == ()
    house.approve()
    house.wait_out()
    assert len(house.mails) == 1


def test_more_than_a_letter_can_list_is_for_a_person(open_house: OpenHouse) -> None:
    """Nobody could read through it before approving, so there is no draft."""
    many = [invoice(str(1000 + n), "1", "30.00", 12) for n in range(201)]
    house = open_house(books(customer("1"), *many))
    house.sweep()
    assert "too_many_invoices" in about_one(house)
    assert house.view().letter is None
