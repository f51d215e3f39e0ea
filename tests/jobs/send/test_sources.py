"""The last check of the sources besides the ledger: nothing goes out past what they know by now."""

from __future__ import annotations

import pytest

from jobs.decide.access import Answer
from jobs.rules.policy.policy import Mark
from jobs.rules.states import State
from tests.jobs.house import House
from tests.jobs.houses import OpenHouse
from tests.jobs.sources.help_desk import HelpDesk


@pytest.fixture
def house(open_house: OpenHouse) -> House:
    """A house that has a help desk with one harmless ticket, and an approved message."""
    house = open_house()
    desk = HelpDesk()
    desk.texts["1"] = "Where do I find the manual?"
    house.add_source(desk)
    house.sweep()
    assert house.approve() is Answer.RECORDED
    return house


def desk_of(house: House) -> HelpDesk:
    """Its help desk."""
    (desk,) = house.sources
    assert isinstance(desk, HelpDesk)
    return desk


def test_what_was_read_before_is_no_news(house: House) -> None:
    """The same ticket as at the approval: the message goes."""
    house.wait_out()
    assert len(house.mails) == 1


def test_a_new_text_voids_the_approval(house: House) -> None:
    """It is read first, and the card says where it is."""
    desk_of(house).texts["1"] = "We dispute this bill."
    house.wait_out()
    assert house.mails == []
    assert "A new text about this case has to be read first (help desk)." in house.view().end_reason
    house.run("triage")
    assert "dispute" in house.rules()


def test_a_new_mark_voids_the_approval(house: House) -> None:
    """Nobody is to write to the customer any more."""
    desk_of(house).marks = (Mark(kind="do_not_chase", source="the help desk"),)
    house.wait_out()
    assert house.mails == []
    assert "must not be chased, according to the help desk" in house.view().end_reason


def test_a_short_outage_delays_the_message(house: House) -> None:
    """It stays approved and says why; the mail goes when the source answers again."""
    desk_of(house).away = "It answered 503."
    house.wait_out()
    assert house.state() is State.APPROVED
    assert house.view().last_error == "The help desk cannot be read: It answered 503."
    desk_of(house).away = ""
    house.time.later(minutes=5)
    house.run("send")
    assert len(house.mails) == 1


def test_half_an_hour_without_a_source_voids_the_approval(house: House) -> None:
    """The message does not wait for ever, and never goes unchecked."""
    desk_of(house).away = "It answered 503."
    house.wait_out()
    for _ in range(29):
        house.time.later(minutes=1)
        house.run("send")
    assert house.state() is State.APPROVED
    house.time.later(minutes=1)
    house.run("send")
    assert (house.mails, house.state()) == ([], State.WAITING)
    assert "The help desk cannot be read right now: It answered 503." in house.view().end_reason


def test_an_outage_that_was_set_aside_delays_nothing(open_house: OpenHouse) -> None:
    """A finance lead had the message written in spite of it, and it goes in spite of it."""
    house, desk = open_house(), HelpDesk()
    house.add_source(desk)
    desk.away = "It answered 503."
    house.sweep()
    house.time.later(hours=4)
    house.run("triage")
    house.draft_anyway("ULEAD1")
    house.run("triage")
    assert house.approve("ULEAD1") is Answer.RECORDED
    house.wait_out()
    assert len(house.mails) == 1
