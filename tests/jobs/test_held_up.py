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
from tests.jobs.harness import CompanyHarness


def lost(harness: CompanyHarness) -> CompanyHarness:
    """Somebody has disconnected us inside QuickBooks, and the upkeep has found it."""
    harness.outside.quickbooks.oauth.disconnect(harness.realm)
    harness.outside.quickbooks.oauth.expire(harness.realm)
    harness.time.later(minutes=1)
    harness.run("poll", "upkeep")
    assert harness.company.status == "reauth_required"
    return harness


def unconfirmed(harness: CompanyHarness) -> None:
    with harness.database.writing() as conn:
        companies.change(conn, harness.realm, reminders_off_by=None, reminders_off_at=None)


def standing(harness: CompanyHarness) -> None:
    """Every card stands in Slack as it should be."""
    with harness.database.writing() as conn:
        conn.execute(update(messages).values(ts="1764000000.000100", due_at=None))


def due(harness: CompanyHarness) -> bool:
    """Whether the card of the case is to be drawn again."""
    (card,) = harness.rows(messages.select().where(messages.c.kind == "card"))
    return card.due_at is not None


def test_what_is_approved_while_disconnected_goes_after_reconnecting(
    a_harness: CompanyHarness,
) -> None:
    """Buttons work, nothing is lost, and nothing waits for a person but the link."""
    lost(a_harness)
    assert a_harness.approve() is Answer.RECORDED
    a_harness.wait_out()
    assert (a_harness.mails, a_harness.state()) == ([], State.APPROVED)
    assert a_harness.view().held_up is HeldUp.NOT_CONNECTED
    a_harness.connect()
    assert a_harness.view().held_up is None
    a_harness.run("send", "write_back")
    assert len(a_harness.mails) == 1


def test_what_is_notified_while_disconnected_is_read_after_reconnecting(
    a_harness: CompanyHarness,
) -> None:
    """The delivery is kept, nothing is asked of QuickBooks, and the card closes in the end."""
    paid = a_harness.pay("71", "840.00")
    lost(a_harness)
    asked = a_harness.asked("quickbooks")
    a_harness.notify(paid)
    a_harness.run()
    assert (a_harness.state(), a_harness.asked("quickbooks")) == (State.WAITING, asked)
    a_harness.connect()
    a_harness.run()
    assert a_harness.state() is State.CANCELLED


def test_an_approval_may_be_taken_back_while_it_waits(a_harness: CompanyHarness) -> None:
    """The undo window is long over, and no mail has begun."""
    lost(a_harness)
    a_harness.approve()
    a_harness.time.later(hours=5)
    assert a_harness.undo() is Answer.RECORDED
    assert a_harness.state() is State.WAITING


def test_an_approval_that_lapses_meanwhile_says_why(a_harness: CompanyHarness) -> None:
    """The card has the text again, and names what kept it."""
    lost(a_harness)
    a_harness.approve()
    a_harness.time.later(hours=25)
    a_harness.run("send")
    assert a_harness.state() is State.WAITING
    assert "was not connected to QuickBooks" in a_harness.view().end_reason


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
    a_harness: CompanyHarness, before: Callable[..., Any] | None, turn: Callable[..., Any]
) -> None:
    """An approved card does not promise a time at which nothing will go."""
    a_harness.approve()
    if before is unconfirmed:
        unconfirmed(a_harness)
    elif before:
        a_harness.runs(before, "ULEAD1")
    standing(a_harness)
    a_harness.runs(turn, "ULEAD1")
    assert due(a_harness)


def test_a_card_that_waits_for_a_person_stays_as_it_is(a_harness: CompanyHarness) -> None:
    """Nothing on it has changed."""
    standing(a_harness)
    a_harness.runs(Switch.PAUSE.turn, "ULEAD1")
    assert not due(a_harness)


def test_a_lost_connection_is_told_on_the_cards(a_harness: CompanyHarness) -> None:
    """And so is its return."""
    a_harness.approve()
    standing(a_harness)
    lost(a_harness)
    assert due(a_harness)
    standing(a_harness)
    a_harness.connect()
    assert due(a_harness)
