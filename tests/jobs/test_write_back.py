"""The note in QuickBooks: once per mail, kept where books are closed, taken back exactly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from bot.surfaces.answers import reply
from bot.surfaces.card.card import card
from jobs import write_back
from jobs.decide import sent as take_back
from jobs.decide.access import Answer
from jobs.decide.switches import Switch
from jobs.engine import loop
from jobs.rules.states import State
from jobs.store import companies
from jobs.store.database.tables import notes
from qbo import QuickBooks
from qbo.errors import Refused
from tests.jobs.harness import CompanyHarness
from tests.sandbox.faults import Fault, Kind
from tests.sandbox.quickbooks import errors


@pytest.fixture
def sent(a_harness: CompanyHarness) -> CompanyHarness:
    """A company whose one mail is out and whose note is due."""
    a_harness.approve()
    a_harness.time.later(seconds=60)
    a_harness.run("send")
    assert a_harness.state() is State.SENT
    return a_harness


def note(harness: CompanyHarness) -> Any:
    """Our own record of the note."""
    return harness.rows(select(notes))[0]


def test_the_note_says_what_was_done(sent: CompanyHarness) -> None:
    """One note on every invoice of the letter, word for word as approved."""
    sent.run("write_back")
    letter = sent.view().letter
    assert letter is not None
    assert [(n["text"], n["invoices"]) for n in sent.notes] == [(letter.note, ["71"])]
    assert (sent.state(), note(sent).state) == (State.DONE, "written")


@pytest.mark.parametrize("kind", ["refuse", "reset", "late", "status", "html", "garbage"])
def test_a_lost_answer_makes_no_second_note(sent: CompanyHarness, kind: Kind) -> None:
    """Whatever becomes of the answer, the note is there once in the end, and no mail goes again."""
    sent.fault("quickbooks", "attachable", kind, 2, 500 if kind == "status" else None)
    for _ in range(4):
        sent.run("send", "write_back")
        sent.time.later(minutes=11)
    assert sent.state() is State.DONE
    assert len(sent.notes) == len(sent.mails) == 1


@pytest.mark.parametrize(
    ("owner", "name"), [(loop.Loop, "_begin"), (write_back.Write, "act")], ids=["load", "act"]
)
def test_a_process_that_stood_still_writes_no_note(
    sent: CompanyHarness, owner: type, name: str
) -> None:
    """Another one has written it, a person has taken it back, and QuickBooks remembers nothing."""
    go_on, slept = getattr(owner, name), 31

    def stand_still(it: Any, *given: Any) -> Any:
        patch.undo()
        sent.time.later(seconds=slept)
        sent.run("write_back")
        assert sent.take_back() is Answer.RECORDED
        sent.run("write_back")
        sent.outside.quickbooks.realms[sent.realm].replays.clear()
        if isinstance(it, write_back.Write):
            it = replace(it, begun=it.begun - slept)
        return go_on(it, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, stand_still)
        sent.run("write_back")
    assert [note["deleted"] for note in sent.notes] == [True]
    assert note(sent).state == "taken_back"


def test_a_crash_after_the_note_makes_no_second_one(sent: CompanyHarness) -> None:
    """Killed between QuickBooks' answer and our record of it, the next try finds the first."""

    def die(*_: Any) -> None:
        raise SystemExit("the process is killed")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write_back.Write, "settle", die)
        with pytest.raises(SystemExit):
            sent.run("write_back")
    assert len(sent.notes) == 1
    sent.time.later(seconds=31)
    sent.run("write_back")
    assert (sent.state(), len(sent.notes)) == (State.DONE, 1)


CLOSED = errors.WORDS["6210"]


@pytest.mark.parametrize(
    ("code", "words", "told"),
    [
        ("6210", CLOSED, "period is closed"),
        ("5010", CLOSED, "period is closed"),
        ("6190", errors.WORDS["6190"], "subscription lapsed"),
    ],
)
def test_what_takes_no_note_keeps_it_with_us(
    sent: CompanyHarness, code: str, words: tuple[str, str], told: str
) -> None:
    """Closed or read-only books, by whatever code: ours stays, and the card says so."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(errors.WORDS, code, words)
        fault = Fault("quickbooks", "attachable", "status", 1, 400, code)
        sent.outside.world.faults.add(fault)
        sent.run("write_back")
    view = sent.view()
    assert (view.state, view.note_state) == (State.DONE, "kept")
    assert told in card(view, sent.now, people={}).text
    assert sent.take_back() is Answer.DECIDED
    assert not sent.notes


def test_an_object_that_somebody_else_changes_is_no_closed_period(sent: CompanyHarness) -> None:
    """5010 alone says that an object was changed: the note is a failure that people are told."""
    sent.outside.world.faults.add(Fault("quickbooks", "attachable", "status", 1, 400, "5010"))
    sent.run("write_back")
    assert note(sent).state == "failed"
    assert not any("Rosa" in text for text in sent.said("thread"))


def test_a_lapsed_subscription_keeps_the_note_with_us(sent: CompanyHarness) -> None:
    """A company that is read-only takes no note either."""
    sent.outside.quickbooks.lapse({"realm": sent.realm})
    sent.run("write_back")
    assert (sent.state(), note(sent).state) == (State.DONE, "kept")


def test_a_lapsed_subscription_is_told_and_asked_for_once_a_day(sent: CompanyHarness) -> None:
    """The channel hears of it; the upkeep of the day after lets the next note try again."""
    sent.outside.quickbooks.lapse({"realm": sent.realm})
    sent.run("write_back")
    (told,) = [text for text in sent.said("notice") if "subscription" in text]
    assert "read-only" in told
    assert sent.company.read_only
    sent.time.later(days=1)
    sent.run("upkeep")
    assert not sent.company.read_only


def test_a_company_known_as_read_only_is_not_asked(sent: CompanyHarness) -> None:
    """Where the subscription is known to be read-only nothing is even tried."""
    with sent.database.writing() as conn:
        companies.change(conn, sent.realm, read_only=True)
    asked = sent.asked("quickbooks")
    sent.run("write_back")
    assert note(sent).state == "kept"
    assert sent.asked("quickbooks") == asked


def test_a_refusal_for_good_is_told(sent: CompanyHarness) -> None:
    """A note that QuickBooks refuses is said in the thread, with its text."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(QuickBooks, "attach_note", _raises(Refused("A business rule said no")))
        sent.run("write_back")
    assert (sent.state(), note(sent).state) == (State.DONE, "failed")
    (said,) = [text for text in sent.said("thread") if "could not be written" in text]
    assert note(sent).text in said


def test_five_failures_are_told_and_nothing_is_sent_again(sent: CompanyHarness) -> None:
    """When QuickBooks stays away for long the note ends as failed; the mail is never touched."""
    sent.fault("quickbooks", "attachable", "status", None, 500)
    for _ in range(6):
        sent.run("send", "write_back")
        sent.time.later(hours=12)
    assert (sent.state(), note(sent).state) == (State.DONE, "failed")
    (told,) = [text for text in sent.said("thread") if "Given up after five tries" in text]
    assert "It may have worked all the same" in told
    assert len(sent.mails) == 1


def test_a_note_outlasts_an_outage_of_hours(sent: CompanyHarness) -> None:
    """The mail is out, so there is time; meanwhile the card says what it waits for."""
    sent.fault("quickbooks", "attachable", "refuse", None)
    for _ in range(30):
        sent.run("write_back")
        sent.time.later(minutes=10)
    assert sent.state() is State.SENT
    assert "It will be tried again: QuickBooks" in card(sent.view(), sent.now, people={}).text
    sent.heal()
    sent.time.later(hours=4)
    sent.run("write_back")
    assert (sent.state(), len(sent.notes)) == (State.DONE, 1)


def test_a_pause_does_not_hold_up_notes(sent: CompanyHarness) -> None:
    """The mail is out already, so its note is written."""
    sent.runs(Switch.PAUSE.turn, "ULEAD1")
    sent.run("write_back")
    assert sent.state() is State.DONE


def test_take_back_removes_exactly_our_note(sent: CompanyHarness) -> None:
    """What we wrote is removed, everything else stays, and asking twice changes nothing."""
    other = sent.books.add_attachable({"Note": "of somebody else"})
    sent.run("write_back")
    assert sent.take_back() is Answer.RECORDED
    assert sent.take_back() is Answer.DECIDED
    assert "is being taken back" in card(sent.view(), sent.now, people={}).text
    sent.run("write_back")
    assert [n["deleted"] for n in sent.notes] == [True]
    assert list(sent.books.tables["Attachable"]) == [other["Id"]]
    assert note(sent).state == "taken_back"
    assert "note taken back" in card(sent.view(), sent.now, people={}).text
    assert sent.take_back() is Answer.DECIDED
    assert len(sent.logged("note.take_back")) == len(sent.logged("note.taken_back")) == 1


def test_the_second_to_take_back_hears_who_was_first(sent: CompanyHarness) -> None:
    """And before the note is written there is nothing to take back."""
    assert sent.take_back() is Answer.DECIDED
    sent.run("write_back")
    sent.take_back("UCOLLECT")
    said = sent.go(take_back.take_back, "ULEAD1")
    assert (said.by.kind, said.by.actor) == ("take_back", "UCOLLECT")
    assert "Already taken back by <@UCOLLECT>" in reply(said)


def test_only_who_may_act_takes_a_note_back(sent: CompanyHarness) -> None:
    """Guests, strangers and account managers of others are refused, and nothing is decided."""
    sent.run("write_back")
    refused = [sent.take_back(user) for user in ("UGUEST", "USTRANGER", "UMANAGER")]
    assert refused == [Answer.NOT_A_MEMBER, Answer.NOT_A_MEMBER, Answer.NOT_ALLOWED]
    assert not sent.logged("note.take_back")
    assert note(sent).state == "written"


def test_a_crash_after_the_deletion_is_made_good(sent: CompanyHarness) -> None:
    """Killed between QuickBooks' answer and our record of it, the next try finds it gone."""
    sent.run("write_back")
    sent.take_back()

    def die(*_: Any) -> None:
        raise SystemExit("the process is killed")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write_back.TakeBack, "settle", die)
        with pytest.raises(SystemExit):
            sent.run("write_back")
    assert note(sent).state == "taking_back"
    sent.time.later(seconds=31)
    sent.run("write_back")
    assert note(sent).state == "taken_back"
    assert [n["deleted"] for n in sent.notes] == [True]


@pytest.mark.parametrize("kind", ["late", "status"])
def test_taking_back_is_repeated_until_it_is_done(sent: CompanyHarness, kind: Kind) -> None:
    """A deletion whose answer is lost is asked again, and counts as done when it is gone."""
    sent.run("write_back")
    sent.take_back()
    sent.fault("quickbooks", "operation=delete", kind, 1, 500 if kind == "status" else None)
    for _ in range(2):
        sent.run("write_back")
        sent.time.later(minutes=1)
    assert note(sent).state == "taken_back"


def test_a_note_somebody_else_deleted_counts_as_taken_back(sent: CompanyHarness) -> None:
    """A note that is gone already is no trouble."""
    sent.run("write_back")
    sent.books.forget("Attachable", note(sent).attachable)
    sent.take_back()
    sent.run("write_back")
    assert note(sent).state == "taken_back"


def test_a_refused_take_back_says_so(sent: CompanyHarness) -> None:
    """Where QuickBooks does not let go of the note, record and log say that it is still there."""
    sent.run("write_back")
    sent.take_back()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(QuickBooks, "delete_note", _raises(Refused("A business rule said no")))
        sent.run("write_back")
    assert note(sent).state == "written"
    assert sent.logged("note.not_taken_back")
    assert not sent.logged("note.taken_back")
    assert "<@ULEAD1>: the note could not be taken back" in sent.said("thread")[-1]
    assert (
        "The QuickBooks note could not be taken back: A business rule"
        in card(sent.view(), sent.now, people={}).text
    )
    assert sent.take_back() is Answer.RECORDED  # it may be tried once more
    sent.run("write_back")
    assert note(sent).state == "taken_back"


def test_a_take_back_that_never_ends_is_told(sent: CompanyHarness) -> None:
    """Whoever asked learns that it was given up, and that the note may be gone or not."""
    sent.run("write_back")
    sent.take_back("UCOLLECT")
    sent.fault("quickbooks", "operation=delete", "refuse", None)
    for _ in range(6):
        sent.run("write_back")
        sent.time.later(hours=12)
    assert note(sent).state == "written"
    assert "<@UCOLLECT>: the note could not be taken back" in sent.said("thread")[-1]
    assert "Given up after five tries" in sent.said("thread")[-1]


def _raises(error: Exception) -> Any:
    def call(*_: Any) -> None:
        raise error

    return call
