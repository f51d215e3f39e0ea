"""Ten stories that have to end well on every database; each opens a company and tells one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from jobs.decide.access import Answer
from jobs.rules.states import Stage, State
from jobs.send import outcome
from jobs.store.database.tables import crossings, sends
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import CompanyHarness, books, customer, invoice

Story = Callable[[OpenHarness], None]
LARGE = books(customer("1"), invoice("71", "1", "12000.00", 12))


def paid_between_card_and_click(open_harness: OpenHarness) -> None:
    """Paid between card and click: the last check cancels it and tells the clicker."""
    harness = _with_a_card(open_harness)
    harness.pay("71", "840.00")
    assert harness.approve() is Answer.RECORDED
    harness.wait_out()
    assert harness.state() is State.CANCELLED
    assert harness.view().end_reason == "Invoice 171 was paid."
    assert any("<@UCOLLECT>: nothing was sent." in text for text in harness.said("thread"))
    assert not harness.mails
    assert not harness.notes


def approve_undo_approve(open_harness: OpenHarness) -> None:
    """Approve, undo, approve: one mail, and the approval that was taken back counts for nothing."""
    harness = _with_a_card(open_harness)
    first = harness.click("UCOLLECT")
    harness.approve()
    assert harness.undo("UCOLLECT") is Answer.RECORDED
    harness.time.later(hours=1)
    harness.run()
    assert not harness.mails
    assert harness.approve(first) is Answer.STALE
    assert harness.approve("ULEAD1") is Answer.RECORDED
    harness.wait_out()
    assert (harness.state(), len(harness.mails), len(harness.notes)) == (State.DONE, 1, 1)


def edited_and_approved_by_another(open_harness: OpenHarness) -> None:
    """One person edits, another approves: exactly the edited text goes out."""
    harness = _with_a_card(open_harness)
    assert harness.rewrite("UCOLLECT", "Our warehouse sends its regards.") is Answer.RECORDED
    assert harness.approve("ULEAD1") is Answer.RECORDED
    harness.wait_out()
    assert "Our warehouse sends its regards." in harness.mails[0].shown()["text"]


def two_people(open_harness: OpenHarness) -> None:
    """A large total needs two: the same person twice is one, and nothing goes before the second."""
    harness = _with_a_card(open_harness, LARGE)
    assert harness.approve("UCOLLECT") is Answer.SECOND_NEEDED
    assert harness.approve("UCOLLECT") is Answer.ALREADY_APPROVED
    harness.time.later(hours=1)
    harness.run()
    assert not harness.mails
    assert harness.approve("ULEAD1") is Answer.RECORDED
    harness.wait_out()
    assert [d.actor for d in harness.view().decisions] == ["UCOLLECT", "ULEAD1"]
    assert len(harness.mails) == 1


def cut_inside_the_text(open_harness: OpenHarness) -> None:
    """Cut inside the text: unknown; a person says it did not go, another approval sends it once."""
    harness = _with_a_card(open_harness)
    harness.approve()
    harness.fault("mail", "SMTP BODY", "reset")
    harness.wait_out()
    assert harness.state() is State.UNKNOWN
    harness.time.later(days=1)
    harness.run()
    assert harness.state() is State.UNKNOWN
    assert harness.did_not_go("ULEAD1") is Answer.RECORDED
    harness.approve("ULEAD2")
    harness.wait_out()
    assert [row.state for row in harness.rows(select(sends).order_by(sends.c.id))] == [
        "not_sent",
        "sent",
    ]
    assert (len(harness.mails), len(harness.notes)) == (1, 1)


def part_payment(open_harness: OpenHarness) -> None:
    """A part is paid while the card waits: the letter asks for the rest and thanks for the part."""
    harness = _with_a_card(open_harness)
    click = harness.click("UCOLLECT")
    harness.notify(harness.pay("71", "340.00"))
    assert harness.approve(click) is Answer.STALE
    assert harness.approve() is Answer.RECORDED
    harness.wait_out()
    text = harness.mails[0].shown()["text"]
    assert "$500.00   ($340.00 of $840.00 already paid or credited, thank you)" in text


def through_all_stages(open_harness: OpenHarness) -> None:
    """One invoice through all four stages: each once, each above the one before."""
    harness = open_harness(books(customer("1"), invoice("71", "1", "840.00", 4)))
    for days in (0, 8, 12, 24, 10, 10):
        harness.time.later(days=days)
        harness.sweep()
        harness.sweep()
        if harness.state() is State.WAITING:
            harness.fine("ULEAD1")
            harness.approve("ULEAD1")
            harness.approve("ULEAD2")
            harness.wait_out()
    assert [case.stage for case in harness.cases()] == list(Stage)
    assert len(harness.mails) == len(harness.notes) == 4
    assert [row.stage for row in harness.rows(select(crossings).order_by(crossings.c.id))] == [
        1,
        2,
        3,
        4,
    ]


def voided_while_it_waits(open_harness: OpenHarness) -> None:
    """Voided while the card waits and restored later: the first case ends, a new one opens."""
    harness = _with_a_card(open_harness)
    harness.notify(harness.void("71"))
    assert harness.state() is State.CANCELLED
    assert "was voided" in harness.view().end_reason
    harness.change("Invoice", "71", TotalAmt="840.00", Balance="840.00", PrivateNote=None)
    harness.time.later(days=1)
    harness.sweep()
    assert [case.state for case in harness.cases()] == [State.CANCELLED, State.WAITING]


def crash_after_the_intent(open_harness: OpenHarness) -> None:
    """Killed after the intent, before the mail: nobody resends; a person settles it."""

    def die(_: Any) -> None:
        raise SystemExit("the process is killed")

    harness = _with_a_card(open_harness)
    harness.approve()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outcome.Deliver, "act", die)
        with pytest.raises(SystemExit):
            harness.wait_out()
    for _ in range(10):
        harness.time.later(minutes=5)
        harness.run()
    assert harness.state() is State.UNKNOWN
    assert not harness.mails
    assert harness.did_not_go("ULEAD1") is Answer.RECORDED
    harness.approve()
    harness.wait_out()
    assert len(harness.mails) == 1


def a_credit_memo_covers_it(open_harness: OpenHarness) -> None:
    """A credit memo covers it after the approval: nothing goes, the card names the memo."""
    harness = _with_a_card(open_harness)
    harness.approve()
    harness.credit("1", "840.00")
    harness.wait_out()
    harness.run("triage")
    assert harness.state() is State.WAITING
    assert harness.case().draft is None
    assert "covered_by_credits" in harness.rules()
    assert any("credit memo" in ruling.reason for ruling in harness.rulings())
    assert not harness.mails


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


def _with_a_card(open_harness: OpenHarness, *content: Any) -> CompanyHarness:
    harness = open_harness(*content, swept=True)
    assert harness.state() is State.WAITING
    return harness
