"""What a decision leaves as it was: other holds, unread stops, and what was never confirmed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from jobs.decide import lift, look
from jobs.decide.door import Answer
from jobs.decide.hold import Holding
from jobs.decide.reject import Rejection, Why
from jobs.rules.past import HoldKind
from jobs.rules.rulings import stops_seen
from jobs.rules.states import State
from tests.jobs.house import MANAGER, House, books, customer, invoice
from tests.jobs.houses import OpenHouse

TWO = books(customer("1"), invoice("71", "1", "840.00", 12), invoice("72", "1", "90.00", 13))
LARGE = books(customer("1"), invoice("71", "1", "26000.00", 12))
SEVERAL = books(customer("1", email="a@x.example, b@x.example"), invoice("71", "1", "840.00", 12))
KEY: dict[str, Any] = {
    "customer": [{"id": "1", "key_account": True}],
    "account_manager": [{**MANAGER, "customers": ["1"]}],
}


def confirm(house: House, address: str) -> Answer:
    """A person picks this address."""
    answer: Answer = house.go(look.confirm_address, "UCOLLECT", address).answer
    return answer


def test_looking_again_lifts_no_dispute(open_house: OpenHouse) -> None:
    """A snooze ends early; what is disputed stays out of the message."""
    house = open_house(TWO)
    house.sweep()
    house.reject("UCOLLECT", Rejection(Why.DISPUTED, "wrong goods", ("71",)))
    house.run("triage")
    house.snooze("UCOLLECT", house.today + timedelta(days=3))
    assert house.look_again("UCOLLECT") is Answer.RECORDED
    house.run("triage")
    assert [i.id for i in house.view().facts.invoices] == ["72"]
    assert len(house.logged("case.look_again")[0]["data"]["lifted"]) == 1


def test_only_stops_that_were_read_are_set_aside(open_house: OpenHouse) -> None:
    """A stop that came after the form was opened is not set aside with the others."""
    house = open_house(LARGE)
    house.sweep()
    knock, read = house.knock("ULEAD1"), stops_seen(house.case().rulings)
    house.notify(house.credit("1", "30000.00"))
    assert "covered_by_credits" in house.rules()
    assert house.go(look.draft_anyway, knock, read, "I called.").answer is Answer.STALE
    assert house.draft_anyway("ULEAD1") is Answer.RECORDED


def test_stops_set_aside_one_after_the_other(open_house: OpenHouse) -> None:
    """What was set aside stays so until there is a draft, also where one more has to be."""
    house = open_house(LARGE)
    house.sweep()
    house.draft_anyway("ULEAD1")
    house.credit("1", "30000.00")
    house.run("triage")
    assert house.rules() & {"above_stop_limit", "covered_by_credits"} == {"covered_by_credits"}
    house.draft_anyway("ULEAD1")
    house.run("triage")
    assert house.view().letter is not None


@pytest.mark.parametrize("how", ["snooze", "look_again", "wrong_tone"])
def test_what_was_set_aside_is_so_for_one_draft(open_house: OpenHouse, how: str) -> None:
    """When the case is gathered anew its stops count again."""
    house = open_house(LARGE)
    house.sweep()
    house.draft_anyway("ULEAD1")
    house.run("triage")
    assert house.view().letter is not None
    if how == "snooze":
        house.snooze("UCOLLECT", house.today + timedelta(days=2))
        house.time.later(days=2)
    elif how == "look_again":
        house.look_again("UCOLLECT")
    else:
        house.reject("UCOLLECT", Rejection(Why.WRONG_TONE))
    house.run("triage")
    assert "above_stop_limit" in house.rules()
    assert house.view().letter is None


def test_a_confirmed_address_that_leaves_the_ledger(open_house: OpenHouse) -> None:
    """It is used until QuickBooks changes; then a person has to confirm again."""
    house = open_house(SEVERAL)
    house.sweep()
    assert confirm(house, "a@x.example") is Answer.RECORDED
    house.run("triage")
    assert house.view().letter is not None
    house.notify(house.change("Customer", "1", PrimaryEmailAddr={"Address": "new@y.example"}))
    assert house.rules() == {"address_not_in_ledger"}
    assert confirm(house, "new@y.example") is Answer.RECORDED
    house.run("triage")
    letter = house.view().letter
    assert letter is not None
    assert letter.to == "new@y.example"


def test_a_new_key_account_waits_for_its_manager(a_house: House) -> None:
    """Marked after its card was drawn, it is closed until the card says when it opens."""
    a_house.change_policy(**KEY)
    assert a_house.approve("ULEAD1") is Answer.NOT_OPEN_YET
    a_house.refresh()
    assert a_house.case().approval_opens_at is not None
    assert a_house.approve("ULEAD1") is Answer.NOT_OPEN_YET
    assert a_house.fine("UMANAGER") is Answer.RECORDED
    assert a_house.approve("ULEAD1") is Answer.SECOND_NEEDED


def test_the_last_check_waits_for_the_manager_too(a_house: House) -> None:
    """An approval given before the manager had to see it does not carry the message out."""
    a_house.approve("ULEAD1")
    a_house.change_policy(**KEY)
    a_house.wait_out()
    assert (a_house.state(), a_house.mails) == (State.WAITING, [])


def test_the_card_says_what_voided_an_approval(a_house: House) -> None:
    """Also once it is drawn anew, until somebody decides something."""
    a_house.approve()
    a_house.change("Customer", "1", PrimaryEmailAddr={"Address": "new@y.example"})
    a_house.wait_out()
    a_house.run("triage")
    assert "new@y.example" in a_house.view().end_reason
    confirm(a_house, "new@y.example")
    a_house.run("triage")
    assert a_house.view().end_reason == ""


def test_a_customer_who_disputes_everything_has_no_new_case(a_house: House) -> None:
    """Until the review date; then a card asks what became of it."""
    until = a_house.today + timedelta(days=5)
    a_house.hold("UCOLLECT", Holding(HoldKind.DISPUTE, until, "wrong goods"))
    a_house.time.later(days=1)
    a_house.sweep()
    assert [case.state for case in a_house.cases()] == [State.HELD]
    a_house.time.later(days=4)
    a_house.sweep()
    assert a_house.rules() == {"dispute"}
    assert a_house.go(lift.lift, "UCOLLECT").answer is Answer.RECORDED
    a_house.run("triage")
    assert a_house.view().letter is not None
    assert "<@UCOLLECT> lifted the dispute." in a_house.said("thread")
    assert a_house.logged("hold.lifted")


def test_a_lifted_dispute_frees_its_invoices_only(open_house: OpenHouse) -> None:
    """What another hold takes out stays out."""
    house = open_house(TWO)
    house.sweep()
    house.hold("UCOLLECT", Holding(HoldKind.DISPUTE, house.today + timedelta(days=3), "", ("71",)))
    later = Holding(HoldKind.DISPUTE, house.today + timedelta(days=30), "", ("72",))
    house.run("triage")
    house.hold("UCOLLECT", later)
    house.time.later(days=3)
    house.sweep()
    assert house.rules() == {"dispute"}
    assert house.go(lift.lift, "UCOLLECT").answer is Answer.RECORDED
    house.run("triage")
    letter = house.view().letter
    assert letter is not None
    assert [i.id for i in letter.invoices] == ["71"]


def test_what_a_customer_wrote_is_no_hold_to_lift(open_house: OpenHouse) -> None:
    """A dispute in a memo ends when the memo does, not by a click."""
    disputed = invoice("71", "1", "840.00", 12, CustomerMemo={"value": "We dispute this bill."})
    house = open_house(books(customer("1"), disputed))
    house.sweep()
    assert house.rules() == {"dispute"}
    assert house.go(lift.lift, "UCOLLECT").answer is Answer.STALE
