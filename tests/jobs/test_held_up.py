"""What keeps every approved message of a company from going: it waits, says why, and goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from jobs.decide.access import Answer
from jobs.decide.switches import Switch
from jobs.rules.case import HeldUp
from jobs.rules.states import State
from jobs.store import companies
from jobs.store.database.tables import messages
from tests.jobs.house import House


def lost(house: House) -> House:
    """Somebody has disconnected us inside QuickBooks, and the upkeep has found it."""
    house.outside.quickbooks.oauth.disconnect(house.realm)
    house.outside.quickbooks.oauth.expire(house.realm)
    house.time.later(minutes=1)
    house.run("poll", "upkeep")
    assert house.company.status == "reauth_required"
    return house


def unconfirmed(house: House) -> None:
    with house.database.writing() as conn:
        companies.change(conn, house.realm, reminders_off_by=None, reminders_off_at=None)


def standing(house: House) -> None:
    """Every card stands in Slack as it should be."""
    with house.database.writing() as conn:
        conn.execute(update(messages).values(ts="1764000000.000100", due_at=None))


def due(house: House) -> bool:
    """Whether the card of the case is to be drawn again."""
    (card,) = house.rows(messages.select().where(messages.c.kind == "card"))
    return card.due_at is not None


def test_what_is_approved_while_disconnected_goes_after_reconnecting(a_house: House) -> None:
    """Buttons work, nothing is lost, and nothing waits for a person but the link."""
    lost(a_house)
    assert a_house.approve() is Answer.RECORDED
    a_house.wait_out()
    assert (a_house.mails, a_house.state()) == ([], State.APPROVED)
    assert a_house.view().held_up is HeldUp.NOT_CONNECTED
    a_house.connect()
    assert a_house.view().held_up is None
    a_house.run("send", "write_back")
    assert len(a_house.mails) == 1


def test_what_is_notified_while_disconnected_is_read_after_reconnecting(a_house: House) -> None:
    """The delivery is kept, nothing is asked of QuickBooks, and the card closes in the end."""
    paid = a_house.pay("71", "840.00")
    lost(a_house)
    asked = a_house.asked("quickbooks")
    a_house.notify(paid)
    a_house.run()
    assert (a_house.state(), a_house.asked("quickbooks")) == (State.WAITING, asked)
    a_house.connect()
    a_house.run()
    assert a_house.state() is State.CANCELLED


def test_an_approval_may_be_taken_back_while_it_waits(a_house: House) -> None:
    """The undo window is long over, and no mail has begun."""
    lost(a_house)
    a_house.approve()
    a_house.time.later(hours=5)
    assert a_house.undo() is Answer.RECORDED
    assert a_house.state() is State.WAITING


def test_an_approval_that_lapses_meanwhile_says_why(a_house: House) -> None:
    """The card has the text again, and names what kept it."""
    lost(a_house)
    a_house.approve()
    a_house.time.later(hours=25)
    a_house.run("send")
    assert a_house.state() is State.WAITING
    assert "was not connected to QuickBooks" in a_house.view().end_reason


@pytest.mark.parametrize(
    ("before", "turn"),
    [
        (None, Switch.PAUSE.turn),
        (Switch.PAUSE.turn, Switch.RESUME.turn),
        (None, Switch.GO_SHADOW.turn),
        (unconfirmed, Switch.REMINDERS_OFF.turn),
    ],
)
def test_a_switch_is_told_on_the_cards_that_wait_for_it(
    a_house: House, before: Callable[..., Any] | None, turn: Callable[..., Any]
) -> None:
    """An approved card does not promise a time at which nothing will go."""
    a_house.approve()
    if before is unconfirmed:
        unconfirmed(a_house)
    elif before:
        a_house.runs(before, "ULEAD1")
    standing(a_house)
    a_house.runs(turn, "ULEAD1")
    assert due(a_house)


def test_a_card_that_waits_for_a_person_stays_as_it_is(a_house: House) -> None:
    """Nothing on it has changed."""
    standing(a_house)
    a_house.runs(Switch.PAUSE.turn, "ULEAD1")
    assert not due(a_house)


def test_a_lost_connection_is_told_on_the_cards(a_house: House) -> None:
    """And so is its return."""
    a_house.approve()
    standing(a_house)
    lost(a_house)
    assert due(a_house)
    standing(a_house)
    a_house.connect()
    assert due(a_house)
