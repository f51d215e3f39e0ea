"""Customers that become one: what was asked of the loser goes on with the survivor, once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from jobs.decide.hold import Holding
from jobs.rules.facts.past import HoldKind
from jobs.rules.states import State
from jobs.store import history
from jobs.store.database.tables import crossings, events
from tests.jobs.house import House, books, customer, invoice
from tests.jobs.houses import OpenHouse
from tests.sandbox.quickbooks.books import Change

TWO = books(
    customer("1"),
    customer("2"),
    invoice("71", "1", "840.00", 12),
    invoice("72", "2", "60.00", 12),
)


@pytest.fixture
def house(open_house: OpenHouse) -> House:
    """Two customers with a card each."""
    found = open_house(TWO)
    found.sweep()
    found.run("poll")
    return found


def merge(house: House, loser: str = "2", into: str = "1") -> Change:
    return house.books.merge(loser, into)[0]


def letter_of(house: House, customer: str) -> list[str]:
    letter = house.view(house.case(customer)).letter
    assert letter is not None
    return sorted(i.id for i in letter.invoices)


def test_a_merge_ends_the_case_of_the_loser(house: House) -> None:
    """Its case is cancelled as merged, and its invoices join the survivor's card."""
    house.notify(merge(house))
    assert house.rows(select(events.c.deleted_id))[-1].deleted_id == "2"
    assert house.case("2").state is State.CANCELLED
    assert "merged into another one" in house.view(house.case("2")).end_reason
    assert letter_of(house, "1") == ["71", "72"]


def test_a_merge_into_somebody_without_a_case(open_house: OpenHouse) -> None:
    """A case is opened for the survivor; the stage is crossed there, not twice."""
    house = open_house(books(customer("1"), customer("2"), invoice("72", "2", "60.00", 12)))
    house.sweep()
    house.notify(merge(house), merge_again(house))
    assert [(c.customer, c.state) for c in house.cases()] == [
        ("2", State.CANCELLED),
        ("1", State.WAITING),
    ]
    held = house.rows(select(crossings.c.case_id).where(crossings.c.released_at.is_(None)))
    assert [row.case_id for row in held] == [house.case("1").id]


def merge_again(_house: House) -> Change:
    """The same merge, notified a second time."""
    return Change("Customer", "1", "merged", "2")


@pytest.mark.parametrize("how", ["poll", "sweep"])
def test_a_merge_that_nobody_told_is_found(house: House, how: str) -> None:
    """The next poll or sweep sees that the invoices moved, and ends the same way."""
    merge(house)
    house.time.later(hours=1)
    house.run("poll", "triage") if how == "poll" else house.sweep()
    house.run("triage")
    assert house.case("2").state is State.CANCELLED
    assert letter_of(house, "1") == ["71", "72"]


def test_a_hold_goes_on_with_the_survivor(house: House) -> None:
    """An invoice that was disputed before the merge is not asked for after it."""
    until = house.today + timedelta(days=14)
    house.hold(
        house.click("ULEAD1", house.case("2")),
        Holding(HoldKind.DISPUTE, until, "it never came", ("72",)),
    )
    house.notify(merge(house))
    with house.database.reading() as conn:
        assert [h.invoice for h in history.unlifted(conn, house.realm, "1")] == ["72"]
    assert letter_of(house, "1") == ["71"]


def test_an_approved_case_is_left_to_the_last_check(house: House) -> None:
    """What was approved for the loser is not sent: the last check sees that it has moved."""
    house.approve(house.click("UCOLLECT", house.case("2")))
    house.notify(merge(house))
    assert house.case("2").state is State.APPROVED
    house.wait_out()
    assert house.case("2").state is State.CANCELLED
    assert house.mails == []
    house.sweep()
    assert letter_of(house, "1") == ["71", "72"]


def test_a_merge_that_did_not_happen(house: House) -> None:
    """An event that names a loser who is still there ends nothing."""
    house.notify(merge_again(house))
    assert {c.state for c in house.cases()} == {State.WAITING}
    assert len(house.cases()) == 2


def test_an_invoice_given_to_somebody_else(house: House) -> None:
    """It leaves the case it was in and is asked of its new customer."""
    house.notify(house.change("Invoice", "72", CustomerRef={"value": "1"}))
    assert house.case("2").state is State.CANCELLED
    assert letter_of(house, "1") == ["71", "72"]


def test_an_invoice_given_away_that_only_its_card_saw(open_house: OpenHouse) -> None:
    """The card goes on without it, and the sweep after that asks its new customer for it."""
    ledger = books(customer("1"), customer("2"), *TWO["invoices"], invoice("73", "2", "90.00", 12))
    house = open_house(ledger)
    house.sweep()
    house.change("Invoice", "72", CustomerRef={"value": "1"})
    house.refresh(house.case("2"))
    house.sweep()
    assert (letter_of(house, "1"), letter_of(house, "2")) == (["71", "72"], ["73"])


def test_a_sub_customer_that_is_billed_with_its_parent(house: House) -> None:
    """From then on the parent is asked, and the sub-customer's own case ends.

    What the invoice crossed is the parent's at once, and does not wait for the next sweep.
    """
    house.notify(
        house.change("Customer", "2", ParentRef={"value": "1"}, Job=True, BillWithParent=True)
    )
    held = (crossings.c.invoice == "72") & crossings.c.released_at.is_(None)
    (crossed,) = house.rows(select(crossings.c.case_id).where(held))
    assert crossed.case_id == house.case("1").id
    house.run("triage")
    assert house.case("2").state is State.CANCELLED
    assert letter_of(house, "1") == ["71", "72"]


def test_a_sub_customer_with_credits_only(open_house: OpenHouse) -> None:
    """A sub-customer that owes nothing but is in credit lowers what its parent is asked for."""
    house = open_house(
        books(
            customer("1"),
            customer("2", ParentRef={"value": "1"}, Job=True, BillWithParent=True),
            customer("3", ParentRef={"value": "1"}, Job=True),
            invoice("71", "1", "840.00", 12),
            credit_memos=[
                {"Id": "91", "CustomerRef": {"value": "2"}, "TotalAmt": "840.00"},
                {"Id": "92", "CustomerRef": {"value": "3"}, "TotalAmt": "840.00"},
            ],
        )
    )
    house.sweep()
    facts = house.view().facts
    assert {c.customer for c in facts.credits} == {"2"}
    assert facts.gaps == ()
    assert "covered_by_credits" in house.rules()
