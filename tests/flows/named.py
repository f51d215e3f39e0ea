"""Ten stories that have to end well on every database; each opens a house and tells one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from jobs.decide.access import Answer
from jobs.rules.states import Stage, State
from jobs.send import outcome
from jobs.store.database.tables import crossings, sends
from tests.jobs.house import House, books, customer, invoice
from tests.jobs.houses import OpenHouse

Story = Callable[[OpenHouse], None]
LARGE = books(customer("1"), invoice("71", "1", "12000.00", 12))


def paid_between_card_and_click(open_house: OpenHouse) -> None:
    """Paid between card and click: the last check cancels it and tells the clicker."""
    house = _with_a_card(open_house)
    house.pay("71", "840.00")
    assert house.approve() is Answer.RECORDED
    house.wait_out()
    assert house.state() is State.CANCELLED
    assert house.view().end_reason == "Invoice 171 was paid."
    assert any("<@UCOLLECT>: nothing was sent." in text for text in house.said("thread"))
    assert not house.mails
    assert not house.notes


def approve_undo_approve(open_house: OpenHouse) -> None:
    """Approve, undo, approve: one mail, and the approval that was taken back counts for nothing."""
    house = _with_a_card(open_house)
    first = house.click("UCOLLECT")
    house.approve()
    assert house.undo("UCOLLECT") is Answer.RECORDED
    house.time.later(hours=1)
    house.run()
    assert not house.mails
    assert house.approve(first) is Answer.STALE
    assert house.approve("ULEAD1") is Answer.RECORDED
    house.wait_out()
    assert (house.state(), len(house.mails), len(house.notes)) == (State.DONE, 1, 1)


def edited_and_approved_by_another(open_house: OpenHouse) -> None:
    """One person edits, another approves: exactly the edited text goes out."""
    house = _with_a_card(open_house)
    assert house.rewrite("UCOLLECT", "Our warehouse sends its regards.") is Answer.RECORDED
    assert house.approve("ULEAD1") is Answer.RECORDED
    house.wait_out()
    assert "Our warehouse sends its regards." in house.mails[0].shown()["text"]


def two_people(open_house: OpenHouse) -> None:
    """A large total needs two: the same person twice is one, and nothing goes before the second."""
    house = _with_a_card(open_house, LARGE)
    assert house.approve("UCOLLECT") is Answer.SECOND_NEEDED
    assert house.approve("UCOLLECT") is Answer.ALREADY_APPROVED
    house.time.later(hours=1)
    house.run()
    assert not house.mails
    assert house.approve("ULEAD1") is Answer.RECORDED
    house.wait_out()
    assert [d.actor for d in house.view().decisions] == ["UCOLLECT", "ULEAD1"]
    assert len(house.mails) == 1


def cut_inside_the_text(open_house: OpenHouse) -> None:
    """Cut inside the text: unknown; a person says it did not go, another approval sends it once."""
    house = _with_a_card(open_house)
    house.approve()
    house.fault("mail", "SMTP BODY", "reset")
    house.wait_out()
    assert house.state() is State.UNKNOWN
    house.time.later(days=1)
    house.run()
    assert house.state() is State.UNKNOWN
    assert house.did_not_go("ULEAD1") is Answer.RECORDED
    house.approve("ULEAD2")
    house.wait_out()
    assert [row.state for row in house.rows(select(sends).order_by(sends.c.id))] == [
        "not_sent",
        "sent",
    ]
    assert (len(house.mails), len(house.notes)) == (1, 1)


def part_payment(open_house: OpenHouse) -> None:
    """A part is paid while the card waits: the letter asks for the rest and thanks for the part."""
    house = _with_a_card(open_house)
    click = house.click("UCOLLECT")
    house.notify(house.pay("71", "340.00"))
    assert house.approve(click) is Answer.STALE
    assert house.approve() is Answer.RECORDED
    house.wait_out()
    text = house.mails[0].shown()["text"]
    assert "$500.00   ($340.00 of $840.00 already paid or credited, thank you)" in text


def through_all_stages(open_house: OpenHouse) -> None:
    """One invoice through all four stages: each once, each above the one before."""
    house = open_house(books(customer("1"), invoice("71", "1", "840.00", 4)))
    for days in (0, 8, 12, 24, 10, 10):
        house.time.later(days=days)
        house.sweep()
        house.sweep()
        if house.state() is State.WAITING:
            house.fine("ULEAD1")
            house.approve("ULEAD1")
            house.approve("ULEAD2")
            house.wait_out()
    assert [case.stage for case in house.cases()] == list(Stage)
    assert len(house.mails) == len(house.notes) == 4
    assert [row.stage for row in house.rows(select(crossings).order_by(crossings.c.id))] == [
        1,
        2,
        3,
        4,
    ]


def voided_while_it_waits(open_house: OpenHouse) -> None:
    """Voided while the card waits and restored later: the first case ends, a new one opens."""
    house = _with_a_card(open_house)
    house.notify(house.void("71"))
    assert house.state() is State.CANCELLED
    assert "was voided" in house.view().end_reason
    house.change("Invoice", "71", TotalAmt="840.00", Balance="840.00", PrivateNote=None)
    house.time.later(days=1)
    house.sweep()
    assert [case.state for case in house.cases()] == [State.CANCELLED, State.WAITING]


def crash_after_the_intent(open_house: OpenHouse) -> None:
    """Killed after the intent, before the mail: nobody resends; a person settles it."""

    def die(_: Any) -> None:
        raise SystemExit("the process is killed")

    house = _with_a_card(open_house)
    house.approve()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outcome.Deliver, "act", die)
        with pytest.raises(SystemExit):
            house.wait_out()
    for _ in range(10):
        house.time.later(minutes=5)
        house.run()
    assert house.state() is State.UNKNOWN
    assert not house.mails
    assert house.did_not_go("ULEAD1") is Answer.RECORDED
    house.approve()
    house.wait_out()
    assert len(house.mails) == 1


def a_credit_memo_covers_it(open_house: OpenHouse) -> None:
    """A credit memo covers it after the approval: nothing goes, the card names the memo."""
    house = _with_a_card(open_house)
    house.approve()
    house.credit("1", "840.00")
    house.wait_out()
    house.run("triage")
    assert house.state() is State.WAITING
    assert house.case().draft is None
    assert "covered_by_credits" in house.rules()
    assert any("credit memo" in ruling.reason for ruling in house.rulings())
    assert not house.mails


NAMED: tuple[Story, ...] = (
    paid_between_card_and_click,
    approve_undo_approve,
    edited_and_approved_by_another,
    two_people,
    cut_inside_the_text,
    part_payment,
    through_all_stages,
    voided_while_it_waits,
    crash_after_the_intent,
    a_credit_memo_covers_it,
)


def _with_a_card(open_house: OpenHouse, *content: Any) -> House:
    house = open_house(*content)
    house.sweep()
    assert house.state() is State.WAITING
    return house
