"""The last check of the sources besides the ledger: nothing goes out past what they know by now."""

from __future__ import annotations

import pytest

from jobs.decide.access import Answer
from jobs.rules.policy.sections import Mark
from jobs.rules.states import State
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import CompanyHarness
from tests.jobs.sources.help_desk import HelpDesk


@pytest.fixture
def harness(open_harness: OpenHarness) -> CompanyHarness:
    """A company that has a help desk with one harmless ticket, and an approved message."""
    harness = open_harness()
    desk = HelpDesk()
    desk.texts["1"] = "Where do I find the manual?"
    harness.add_source(desk)
    harness.sweep()
    assert harness.approve() is Answer.RECORDED
    return harness


def desk_of(harness: CompanyHarness) -> HelpDesk:
    """Its help desk."""
    (desk,) = harness.sources
    assert isinstance(desk, HelpDesk)
    return desk


def test_what_was_read_before_is_no_news(harness: CompanyHarness) -> None:
    """The same ticket as at the approval: the message goes."""
    harness.wait_out()
    assert len(harness.mails) == 1


def test_a_new_text_voids_the_approval(harness: CompanyHarness) -> None:
    """It is read first, and the card says where it is."""
    desk_of(harness).texts["1"] = "We dispute this bill."
    harness.wait_out()
    assert harness.mails == []
    assert (
        "A new text about this case has to be read first (help desk)." in harness.view().end_reason
    )
    harness.run("triage")
    assert "dispute" in harness.rules()


def test_a_new_mark_voids_the_approval(harness: CompanyHarness) -> None:
    """Nobody is to write to the customer any more."""
    desk_of(harness).marks = (Mark(kind="do_not_chase", source="the help desk"),)
    harness.wait_out()
    assert harness.mails == []
    assert "must not be chased, according to the help desk" in harness.view().end_reason


def test_a_short_outage_delays_the_message(harness: CompanyHarness) -> None:
    """It stays approved and says why; the mail goes when the source answers again."""
    desk_of(harness).away = "It answered 503."
    harness.wait_out()
    assert harness.state() is State.APPROVED
    assert harness.view().last_error == "The help desk cannot be read: It answered 503."
    desk_of(harness).away = ""
    harness.time.later(minutes=5)
    harness.run("send")
    assert len(harness.mails) == 1


def test_half_an_hour_without_a_source_voids_the_approval(harness: CompanyHarness) -> None:
    """The message does not wait for ever, and never goes unchecked."""
    desk_of(harness).away = "It answered 503."
    harness.wait_out()
    for _ in range(29):
        harness.time.later(minutes=1)
        harness.run("send")
    assert harness.state() is State.APPROVED
    harness.time.later(minutes=1)
    harness.run("send")
    assert (harness.mails, harness.state()) == ([], State.WAITING)
    assert "The help desk cannot be read right now: It answered 503." in harness.view().end_reason


def test_an_outage_that_was_set_aside_delays_nothing(open_harness: OpenHarness) -> None:
    """A finance lead had the message written in spite of it, and it goes in spite of it."""
    harness, desk = open_harness(), HelpDesk()
    harness.add_source(desk)
    desk.away = "It answered 503."
    harness.sweep()
    harness.time.later(hours=4)
    harness.run("triage")
    harness.draft_anyway("ULEAD1")
    harness.run("triage")
    assert harness.approve("ULEAD1") is Answer.RECORDED
    harness.wait_out()
    assert len(harness.mails) == 1
