"""How an approval ends: everybody who gave one is told once, and nothing of it counts again."""

from __future__ import annotations

import hashlib

import pytest

from jobs import outcome_tmp
from jobs.decide.access import Answer
from jobs.rules.states import State
from jobs.store import drafts
from tests.jobs.house import House, books, customer, invoice
from tests.jobs.houses import OpenHouse


@pytest.mark.parametrize(("kind", "keeps"), [("lapse", True), ("differs", False)])
def test_void_keeps_only_a_text_that_may_still_be_true(
    a_house: House, kind: str, keeps: bool
) -> None:
    """What lapsed can be approved anew at once; what is not true any more cannot."""
    a_house.approve()
    case = a_house.case()
    with a_house.database.writing() as conn:
        draft = drafts.draft(conn, str(case.draft))
        assert outcome_tmp.void(conn, case, draft, "Because.", kind, a_house.now)
        assert not outcome_tmp.void(conn, case, draft, "Once more.", kind, a_house.now)
    assert (a_house.case().draft is not None) is keeps
    assert (a_house.view().end_reason, a_house.view().changed) == ("Because.", ())
    told = [text for text in a_house.said("thread") if "nothing was sent" in text]
    assert told == ["<@UCOLLECT>: nothing was sent. Because."]


def test_both_approvers_are_told(open_house: OpenHouse) -> None:
    """Where two have approved, one line names both."""
    house = open_house(books(customer("1"), invoice("71", "1", "12000.00", 12)))
    house.sweep()
    house.approve("UCOLLECT")
    house.approve("ULEAD1")
    house.pay("71", "1.00")
    house.wait_out()
    told = [text for text in house.said("thread") if "nothing was sent" in text]
    assert len(told) == 1
    assert "<@UCOLLECT>, <@ULEAD1>" in told[0]


def test_the_log_says_of_a_sent_mail_where_its_case_went(a_house: House) -> None:
    """The hash of the recipient stands beside the states, not in their place."""
    a_house.approve()
    a_house.wait_out()
    (line,) = a_house.logged("send.sent")
    assert (line["data"]["from"], line["data"]["to"]) == ("sending", "sent")
    address = b"billing@customer1.example"
    assert line["data"]["recipient"] == hashlib.sha256(address).hexdigest()


def test_an_allowance_ends_with_its_draft(open_house: OpenHouse) -> None:
    """A stop that was set aside for one draft stops the next one again."""
    house = open_house(books(customer("1"), invoice("71", "1", "25000.00", 12)))
    house.sweep()
    house.draft_anyway("ULEAD1")
    house.run("triage")
    house.approve("UCOLLECT")
    house.approve("ULEAD1")
    house.pay("71", "0.01")
    house.pay("71", "0.01")
    house.books.edit("Invoice", "71", {"TotalAmt": "26000.00"})
    house.wait_out()
    house.run("triage")
    assert "above_stop_limit" in house.rules()
    assert house.case().draft is None


def test_a_second_send_is_told_nothing_new(a_house: House) -> None:
    """Saying that a mail is out moves the case once and intends one note."""
    a_house.approve()
    a_house.wait_out()
    case = a_house.case()
    with a_house.database.writing() as conn:
        draft = drafts.draft(conn, str(case.draft))
        with pytest.raises(ValueError, match="cannot become"):
            outcome_tmp.sent(conn, case, draft, "ULEAD1", a_house.now)
    assert a_house.state() is State.DONE
    assert a_house.approve() is Answer.DECIDED
