"""QuickBooks' own reminders: until somebody says that they are off, no message is sent."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from jobs.decide.access import Answer
from jobs.decide.switches import Switch
from jobs.rules.states import State
from jobs.store import companies
from jobs.store.database.tables import messages
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import CompanyHarness


@pytest.fixture
def unconfirmed(open_harness: OpenHarness) -> CompanyHarness:
    """A connected company in shadow mode about whose reminders nobody has said anything."""
    return open_harness(live=False)


def test_going_live_waits_for_the_confirmation(unconfirmed: CompanyHarness) -> None:
    """`/overdue live` says what is missing and changes nothing; afterwards it goes live."""
    refused = unconfirmed.runs(Switch.GO_LIVE.turn, "ULEAD1")
    assert refused.answer is Answer.REMINDERS_ON
    assert not unconfirmed.company.live
    assert unconfirmed.runs(Switch.REMINDERS_OFF.turn, "ULEAD2") is True
    assert unconfirmed.runs(Switch.GO_LIVE.turn, "ULEAD1") is True
    assert unconfirmed.company.live


def test_who_confirmed_is_on_record(unconfirmed: CompanyHarness) -> None:
    """Person and time, in the company's row and in the log; a second click changes nothing."""
    unconfirmed.runs(Switch.REMINDERS_OFF.turn, "ULEAD2")
    first = unconfirmed.now
    unconfirmed.time.later(hours=1)
    assert unconfirmed.runs(Switch.REMINDERS_OFF.turn, "ULEAD1") is False
    company = unconfirmed.company
    assert (company.reminders_off_by, company.reminders_off_at) == ("ULEAD2", first)
    (line,) = unconfirmed.logged("company.reminders_off")
    assert line["actor"] == "ULEAD2"


@pytest.mark.parametrize("user", ["UCOLLECT", "UMANAGER", "UGUEST", "USTRANGER"])
def test_only_finance_leads_confirm(unconfirmed: CompanyHarness, user: str) -> None:
    """Anybody else is told so, and nothing is put down."""
    refused = unconfirmed.runs(Switch.REMINDERS_OFF.turn, user)
    assert refused.answer in (Answer.NOT_ALLOWED, Answer.NOT_A_MEMBER)
    assert unconfirmed.company.reminders_off_at is None


def test_the_notice_asks_until_it_is_answered(unconfirmed: CompanyHarness) -> None:
    """The notice "connected" carries the question, and is drawn again once it is answered."""
    notice = select(messages).where(messages.c.kind == "notice").order_by(messages.c.id)
    (row,) = unconfirmed.rows(notice)
    assert row.body["data"]["asks"]
    with unconfirmed.database.writing() as conn:
        conn.execute(messages.update().values(due_at=None))
    unconfirmed.runs(Switch.REMINDERS_OFF.turn, "ULEAD1")
    assert unconfirmed.rows(notice)[0].due_at == unconfirmed.now


def test_an_approved_message_waits_for_the_confirmation(a_harness: CompanyHarness) -> None:
    """A live company that lost its confirmation sends nothing; with it the message goes."""
    with a_harness.database.writing() as conn:
        companies.change(conn, a_harness.realm, reminders_off_by=None, reminders_off_at=None)
    assert a_harness.approve() is Answer.RECORDED
    a_harness.wait_out()
    assert (a_harness.mails, a_harness.case().state) == ([], State.APPROVED)
    a_harness.runs(Switch.REMINDERS_OFF.turn, "ULEAD1")
    a_harness.run("send", "write_back")
    assert len(a_harness.mails) == 1


def test_an_approval_that_lapses_names_the_reason(a_harness: CompanyHarness) -> None:
    """Nothing is dropped in silence: the card says what kept the message."""
    with a_harness.database.writing() as conn:
        companies.change(conn, a_harness.realm, reminders_off_by=None, reminders_off_at=None)
    a_harness.approve()
    a_harness.time.later(hours=25)
    a_harness.run("send")
    assert a_harness.case().state is State.WAITING
    assert "QuickBooks' own reminders are off" in a_harness.view().end_reason
