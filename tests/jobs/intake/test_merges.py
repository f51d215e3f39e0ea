"""Customers that become one: what was asked of the loser goes on with the survivor, once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from jobs.decide.hold import Holding
from jobs.rules.facts.past import HoldKind
from jobs.rules.states import State
from jobs.store.customers import history
from jobs.store.database.tables import crossings, events
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import CompanyHarness, books, customer, invoice
from tests.sandbox.quickbooks.books import Change

TWO = books(
    customer("1"),
    customer("2"),
    invoice("71", "1", "840.00", 12),
    invoice("72", "2", "60.00", 12),
)


@pytest.fixture
def harness(open_harness: OpenHarness) -> CompanyHarness:
    """Two customers with a card each."""
    found = open_harness(TWO, swept=True)
    found.run("poll")
    return found


def merge(harness: CompanyHarness, loser: str = "2", into: str = "1") -> Change:
    return harness.books.merge(loser, into)[0]


def letter_of(harness: CompanyHarness, customer: str) -> list[str]:
    letter = harness.view(harness.case(customer)).letter
    assert letter is not None
    return sorted(i.id for i in letter.invoices)


def test_a_merge_ends_the_case_of_the_loser(harness: CompanyHarness) -> None:
    """Its case is cancelled as merged, and its invoices join the survivor's card."""
    harness.notify(merge(harness))
    assert harness.rows(select(events.c.deleted_id))[-1].deleted_id == "2"
    assert harness.case("2").state is State.CANCELLED
    assert "merged into another one" in harness.view(harness.case("2")).end_reason
    assert letter_of(harness, "1") == ["71", "72"]


def test_a_merge_into_somebody_without_a_case(open_harness: OpenHarness) -> None:
    """A case is opened for the survivor; the stage is crossed there, not twice."""
    harness = open_harness(
        books(customer("1"), customer("2"), invoice("72", "2", "60.00", 12)), swept=True
    )
    harness.notify(merge(harness), merge_again(harness))
    assert [(c.customer, c.state) for c in harness.cases()] == [
        ("2", State.CANCELLED),
        ("1", State.WAITING),
    ]
    held = harness.rows(select(crossings.c.case_id).where(crossings.c.released_at.is_(None)))
    assert [row.case_id for row in held] == [harness.case("1").id]


def merge_again(_harness: CompanyHarness) -> Change:
    """The same merge, notified a second time."""
    return Change("Customer", "1", "merged", "2")


@pytest.mark.parametrize("how", ["poll", "sweep"])
def test_a_merge_that_nobody_told_is_found(harness: CompanyHarness, how: str) -> None:
    """The next poll or sweep sees that the invoices moved, and ends the same way."""
    merge(harness)
    harness.time.later(hours=1)
    harness.run("poll", "triage") if how == "poll" else harness.sweep()
    harness.run("triage")
    assert harness.case("2").state is State.CANCELLED
    assert letter_of(harness, "1") == ["71", "72"]


def test_a_hold_goes_on_with_the_survivor(harness: CompanyHarness) -> None:
    """An invoice that was disputed before the merge is not asked for after it; whoever was chosen
    for copies of either customer's messages gets them."""
    with harness.database.writing() as conn:
        for id, address in (("1", "a@brass-fern.example"), ("2", "b@brass-fern.example")):
            history.choose_cc(conn, harness.realm, id, [address], "ULEAD1", harness.now)
    until = harness.today + timedelta(days=14)
    harness.hold(
        harness.click("ULEAD1", harness.case("2")),
        Holding(HoldKind.DISPUTE, until, "it never came", ("72",)),
    )
    harness.notify(merge(harness))
    with harness.database.reading() as conn:
        assert [h.invoice for h in history.unlifted(conn, harness.realm, "1")] == ["72"]
    assert letter_of(harness, "1") == ["71"]
    letter = harness.view(harness.case("1")).letter
    assert letter is not None
    assert letter.cc == ("a@brass-fern.example", "b@brass-fern.example")


def test_an_approved_case_is_left_to_the_last_check(harness: CompanyHarness) -> None:
    """What was approved for the loser is not sent: the last check sees that it has moved."""
    harness.approve(harness.click("UCOLLECT", harness.case("2")))
    harness.notify(merge(harness))
    assert harness.case("2").state is State.APPROVED
    harness.wait_out()
    assert harness.case("2").state is State.CANCELLED
    assert harness.mails == []
    harness.sweep()
    assert letter_of(harness, "1") == ["71", "72"]


def test_a_merge_that_did_not_happen(harness: CompanyHarness) -> None:
    """An event that names a loser who is still there ends nothing."""
    harness.notify(merge_again(harness))
    assert {c.state for c in harness.cases()} == {State.WAITING}
    assert len(harness.cases()) == 2


def test_an_invoice_given_to_somebody_else(harness: CompanyHarness) -> None:
    """It leaves the case it was in and is asked of its new customer."""
    harness.notify(harness.change("Invoice", "72", CustomerRef={"value": "1"}))
    assert harness.case("2").state is State.CANCELLED
    assert letter_of(harness, "1") == ["71", "72"]


def test_an_invoice_given_away_that_only_its_card_saw(open_harness: OpenHarness) -> None:
    """The card goes on without it, and the sweep after that asks its new customer for it."""
    ledger = books(customer("1"), customer("2"), *TWO["invoices"], invoice("73", "2", "90.00", 12))
    harness = open_harness(ledger, swept=True)
    harness.change("Invoice", "72", CustomerRef={"value": "1"})
    harness.refresh(harness.case("2"))
    harness.sweep()
    assert (letter_of(harness, "1"), letter_of(harness, "2")) == (["71", "72"], ["73"])


def test_a_sub_customer_that_is_billed_with_its_parent(harness: CompanyHarness) -> None:
    """From then on the parent is asked, and the sub-customer's own case ends.

    What the invoice crossed is the parent's at once, and does not wait for the next sweep.
    """
    harness.notify(
        harness.change("Customer", "2", ParentRef={"value": "1"}, Job=True, BillWithParent=True)
    )
    held = (crossings.c.invoice == "72") & crossings.c.released_at.is_(None)
    (crossed,) = harness.rows(select(crossings.c.case_id).where(held))
    assert crossed.case_id == harness.case("1").id
    harness.run("triage")
    assert harness.case("2").state is State.CANCELLED
    assert letter_of(harness, "1") == ["71", "72"]


def test_a_sub_customer_with_credits_only(open_harness: OpenHarness) -> None:
    """A sub-customer that owes nothing but is in credit lowers what its parent is asked for."""
    harness = open_harness(
        books(
            customer("1"),
            customer("2", ParentRef={"value": "1"}, Job=True, BillWithParent=True),
            customer("3", ParentRef={"value": "1"}, Job=True),
            invoice("71", "1", "840.00", 12),
            credit_memos=[
                {"Id": "91", "CustomerRef": {"value": "2"}, "TotalAmt": "840.00"},
                {"Id": "92", "CustomerRef": {"value": "3"}, "TotalAmt": "840.00"},
            ],
        ),
        swept=True,
    )
    facts = harness.view().facts
    assert {c.customer for c in facts.credits} == {"2"}
    assert facts.gaps == ()
    assert "covered_by_credits" in harness.rules()
