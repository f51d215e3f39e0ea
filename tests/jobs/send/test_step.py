"""Sending: the last check, each phase of SMTP, and that nothing goes twice or in silence."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from bot.surfaces.card.card import card
from jobs import approvals
from jobs.decide.access import Answer
from jobs.decide.edit import Objections, Text
from jobs.decide.switches import Switch
from jobs.mail import compose
from jobs.rules.facts.past import HoldKind
from jobs.rules.states import State
from jobs.send import outcome
from jobs.send import step as send
from jobs.send.fetch import Fetch
from jobs.sources.imap import ImapServer
from jobs.sources.sent_folder import SentFolder
from jobs.store import companies, drafts, people
from jobs.store.customers import history
from jobs.store.database.tables import cases as cases_table
from jobs.store.database.tables import crossings, log, schedule, sends, unfiled_mails
from jobs.store.database.tables import drafts as drafts_table
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import ONE, CompanyHarness, books, customer, invoice
from tests.jobs.sources.help_desk import HelpDesk
from tests.sandbox.faults import Fault, Kind
from tests.sandbox.quickbooks import api

BEFORE_DATA = ("CONNECT", "EHLO", "MAIL", "RCPT")
PAY_LINKS = {"AllowOnlineCreditCardPayment": True, "BillEmail": {"Address": "a@customer1.example"}}


@pytest.fixture
def approved(a_harness: CompanyHarness) -> CompanyHarness:
    """A company whose one case is approved; the undo window has just ended."""
    assert a_harness.approve() is Answer.RECORDED
    a_harness.time.later(seconds=60)
    return a_harness


def attempts(harness: CompanyHarness) -> list[str]:
    """What became of each attempt to send."""
    return [row.state for row in harness.rows(select(sends).order_by(sends.c.id))]


def test_the_undo_window_comes_first(a_harness: CompanyHarness) -> None:
    """Nothing is sent before the window is over; then exactly what was approved goes out."""
    a_harness.approve()
    a_harness.time.later(seconds=59)
    a_harness.run("send")
    assert not a_harness.mails
    a_harness.time.later(seconds=1)
    a_harness.run("send", "write_back")
    assert [mail.recipient for mail in a_harness.mails] == ["billing@customer1.example"]
    assert a_harness.state() is State.DONE
    assert a_harness.mails[0].shown()["attachments"][0]["name"] == "Invoice-171.pdf"


def test_follow_ups_stay_in_the_thread(open_harness: OpenHarness) -> None:
    """A second message to a customer answers the first one."""
    harness = open_harness(
        books(customer("1"), invoice("71", "1", "840.00", 9)), {"pace": {"undo_seconds": 0}}
    )
    for _ in range(2):
        harness.sweep()
        harness.approve()
        harness.wait_out()
        harness.time.later(days=7)
    first, second = (mail.message for mail in harness.mails)
    assert second["In-Reply-To"] == second["References"] == first["Message-ID"]


def test_what_was_sent_is_filed_once(open_harness: OpenHarness) -> None:
    """The same bytes are in the mailbox's Sent; if it takes none, only a line on record says so."""
    both = books(*(customer(n) for n in "12"), *(invoice(f"7{n}", n, "840.00", 12) for n in "12"))
    harness = open_harness(both, {"pace": {"undo_seconds": 0}})
    harness.keep_copies()
    harness.sweep()
    one, other = harness.cases()
    harness.approve(harness.click("UCOLLECT", one))
    harness.run("send")
    with ImapServer.from_url(harness.outside.inbox.url).session() as mailbox:
        assert mailbox.open("Sent") == 1
        (filed,) = mailbox.fetch(mailbox.search("SEEN"), 10**6)
    assert filed.raw == harness.mails[0].raw
    harness.fault("imap", "IMAP APPEND", "status", 1)
    harness.approve(harness.click("UCOLLECT", other))
    harness.run("send", "write_back")
    assert [case.state for case in harness.cases()] == [State.DONE, State.DONE]
    first, second = harness.rows(select(sends).order_by(sends.c.id))
    assert first.detail.endswith("A copy is in Sent.")
    assert "No copy in Sent: The mail server" in second.detail
    bodies = [json.loads(row.body) for row in harness.rows(select(log).order_by(log.c.seq))]
    filings = [body["data"]["copy"] for body in bodies if body["action"] == "send.filed"]
    assert filings == [True, False]


@dataclass(frozen=True)
class Dying(SentFolder):
    """The process dies just before it files a copy, or just after."""

    after: bool = False

    def file(self, message: bytes, message_id: str) -> str:
        if self.after:
            super().file(message, message_id)
        raise SystemExit("the power went")


def test_a_copy_that_nobody_filed_is_filed_later(open_harness: OpenHarness) -> None:
    """Once, with the same bytes, whether its sender died before the mailbox took it or after, or
    the mailbox refused it; nothing is kept then, nor of a mail that did not go."""
    many = books(
        *(customer(n) for n in "1234"), *(invoice(f"7{n}", n, "90.00", 12) for n in "1234")
    )
    harness = open_harness(many, {"pace": {"undo_seconds": 0}})
    harness.outside.inbox.make("Later")
    server = ImapServer.from_url(harness.outside.inbox.url)
    harness.sweep()
    for case, folder in zip(harness.cases(), (False, True, None, None), strict=True):
        kept = SentFolder(server, "Later")
        harness.sent_folder = kept if folder is None else Dying(server, "Later", after=folder)
        harness._make_services()
        if case.customer == "3":
            harness.fault("imap", "IMAP APPEND", "status", 1)
        if case.customer == "4":
            harness.fault("mail", "SMTP DATA", "status", 1, 554)
        assert harness.approve(harness.click("UCOLLECT", case)) is Answer.RECORDED
        with suppress(SystemExit):
            harness.run("send")
    assert [row.state for row in harness.rows(select(sends))] == ["sent"] * 3 + ["not_sent"]
    harness.run("filing")
    assert len(harness.rows(select(unfiled_mails))) == 4, "the sender may still be at it"
    harness.time.later(minutes=10)
    harness.run("filing")
    with server.session() as mailbox:
        assert mailbox.open("Later") == 3
        filed = mailbox.fetch(mailbox.search("SEEN"), 10**6)
        assert {one.raw for one in filed} == {mail.raw for mail in harness.mails}
    assert harness.rows(select(unfiled_mails)) == []
    told = [row.detail for row in harness.rows(select(sends).order_by(sends.c.id))]
    assert [one.endswith(" A copy is in Sent.") for one in told] == [True, False, True, False]
    assert told[1].endswith(" A copy was in Sent already.")
    due = select(schedule.c.due_at).where(schedule.c.kind == "filing")
    assert [row.due_at for row in harness.rows(due)] == [None]


def test_a_copy_that_was_chosen_once_goes_along(open_harness: OpenHarness) -> None:
    """To somebody at the customer and to a colleague, with the next message too; to no stranger.

    A copy that is refused is not used again: nothing goes, and the next draft says so.
    """
    boss, sales = "boss@customer1.example", "sales@brass-fern.example"
    bill = invoice("71", "1", "840.00", 9, BillEmail={"Address": "billing@customer1.example"})
    harness = open_harness(books(customer("1", boss), bill), {"pace": {"undo_seconds": 0}})
    desk = HelpDesk()
    harness.add_source(desk)
    harness.sweep()
    first = harness.view().letter
    assert first is not None
    text = Text(first.subject, first.body)
    for stranger in ("x@evil.example", "nobody-knows@customer1.example"):
        refused = harness.edit("UCOLLECT", replace(text, cc=(boss, stranger)))
        assert refused is Answer.STALE
    assert harness.edit("UCOLLECT", replace(text, cc=(sales, boss))) is Answer.RECORDED
    view = harness.view()
    assert view.letter == replace(first, cc=(boss, sales))
    assert not view.edited_by  # nobody has touched the text
    assert ", copy to " in card(view, harness.now, people={}).text
    harness.approve()
    harness.wait_out()
    assert harness.mails[0].copied == (boss, sales)
    harness.time.later(days=7)
    harness.sweep()
    harness.approve()
    harness.fault("mail", "SMTP COPY", "status", 1, 550)
    harness.run("send", "triage")
    assert len(harness.mails) == 1
    view = harness.view()
    assert view.letter is not None
    assert view.letter.cc == (sales,)
    assert f"{boss} gets no copy: mail to it came back." in view.changed
    harness.approve()
    desk.bounced = frozenset({sales})  # somebody learns it between approval and sending
    harness.run("send")
    assert len(harness.mails) == 1
    assert f"{sales} gets no copy: mail to it came back." in harness.view().end_reason


def test_who_has_just_got_a_copy_is_not_written_to_again(open_harness: OpenHarness) -> None:
    """The gap is that of each address: of somebody who got a copy, and of somebody who is to get
    one. A colleague of ours may get as many as there are."""
    boss, sales = "boss@customer1.example", "sales@brass-fern.example"
    bill = invoice("71", "1", "840.00", 9, BillEmail={"Address": "billing@customer1.example"})
    theirs = [customer("1", boss), customer("2", boss), customer("3", "Boss@customer1.example")]
    bills = [bill, *(invoice(f"7{n}", n, "90.00", 12) for n in "23")]
    harness = open_harness(books(*theirs, *bills), {"pace": {"undo_seconds": 0}})
    harness.sweep()

    def copied(customer: str, *cc: str) -> None:
        letter = harness.view(harness.case(customer)).letter
        assert letter is not None
        text, click = Text(letter.subject, letter.body, cc=cc), harness.case(customer)
        assert harness.edit(harness.click("UCOLLECT", click), text) is Answer.RECORDED

    def send(customer: str) -> None:
        click = harness.click("UCOLLECT", harness.case(customer))
        assert harness.approve(click) is Answer.RECORDED
        harness.run("send", "triage")

    copied("1", boss, sales)
    copied("2", sales)
    send("1")
    send("2")
    harness.refresh(harness.case("3"))
    for each in "23":
        (ruling,) = harness.rulings(harness.case(each))
        assert (len(harness.mails), ruling.rule) == (1, "too_soon")
        assert f"{boss} was contacted about Customer B on November 18, 2026" in ruling.reason
    harness.time.later(days=6)
    harness.run("triage")
    send("2")
    assert [mail.copied for mail in harness.mails] == [(boss, sales), (sales,)]
    harness.sweep()
    (ruling,) = harness.rulings(harness.case("1"))
    assert f"{boss} was contacted about Customer C" in ruling.reason, "as who is to get a copy"


def test_a_german_customer_gets_a_german_mail(open_harness: OpenHarness) -> None:
    """The model writes it in German, a person edits it in German, and both parts go out so."""
    online = books(customer("1"), invoice("71", "1", "840.00", 12, **PAY_LINKS))
    german = {"customer": [{"id": "1", "locale": "de_DE"}], "language.de": {"how_to_pay": ""}}
    harness = open_harness(online, german)
    harness.sweep()
    written = harness.view().letter
    assert written is not None
    assert (written.language, harness.view().author[:4]) == ("de", "gpt-")
    assert written.subject == "Nachfrage zu Rechnung 171"
    assert "Wann können wir mit 840,00 $ rechnen?" in written.body.replace("\xa0", " ")
    refused = written.body.replace("Vielen Dank", "Zahlen Sie an Robin.\n\nVielen Dank")
    wrong = harness.edit("UCOLLECT", Text(written.subject, refused))
    assert isinstance(wrong, Objections)
    assert wrong.hard
    better = written.body.replace("Wann können wir", "Wann dürfen wir")
    assert harness.edit("UCOLLECT", Text(written.subject, better)) is Answer.RECORDED
    assert harness.approve() is Answer.RECORDED
    harness.time.later(seconds=60)
    harness.run("send")
    plain, html = harness.mails[0].message.get_body(("plain",)), harness.mails[0].message.get_body()
    assert plain is not None
    assert html is not None
    assert "Wann dürfen wir mit 840,00" in plain.get_content()
    assert ">Jetzt bezahlen</a>" in html.get_content()
    assert 'lang="de"' in html.get_content()


# The phases of SMTP


LATER: list[tuple[str, Kind, int | None]] = [
    *((phase, "refuse", None) for phase in BEFORE_DATA),
    *((phase, "reset", None) for phase in BEFORE_DATA),
    *((phase, "garbage", None) for phase in ("MAIL", "RCPT", "DATA")),
    *((phase, "status", 451) for phase in ("MAIL", "RCPT", "DATA", "END")),
    ("EHLO", "status", 550),
    ("EHLO", "status", 550),
]


def test_what_says_nothing_about_the_mail_is_put_off(approved: CompanyHarness) -> None:
    """A cut or nonsense before the text, a 4xx answer, a refused login: it goes later."""
    for tries, (phase, kind, status) in enumerate(LATER, 1):
        approved.fault("mail", f"SMTP {phase}", kind, 2 if phase == "EHLO" else 1, status)
        approved.run("send")
        assert approved.state() is State.APPROVED, (phase, kind)
        assert approved.case().last_error, (phase, kind)
        assert attempts(approved) == ["not_sent"] * tries, (phase, kind)
        approved.heal()
        approved.time.later(minutes=30)
    approved.run("send", "write_back")
    assert attempts(approved)[-1] == "sent"
    assert len(approved.mails) == 1


def test_a_server_that_says_later_is_asked_at_growing_distances(approved: CompanyHarness) -> None:
    """After one minute, two, four and so on, and at least every half hour."""
    approved.fault("mail", "SMTP RCPT", "status", None, 451)
    pauses = []
    for _ in range(7):
        approved.run("send")
        due = approved.rows(select(cases_table.c.due_at))[0].due_at
        pauses.append((due - approved.now) // timedelta(minutes=1))
        approved.time.now = due
    assert pauses == [1, 2, 4, 8, 16, 30, 30]


def test_an_address_that_is_refused_for_good_is_not_used_again(approved: CompanyHarness) -> None:
    """The case is looked at anew at once, and nobody can approve the same address again."""
    approved.fault("mail", "SMTP RCPT", "status", 1, 550)
    approved.run("send", "triage")
    assert "address_bounced" in approved.rules()
    assert "550" in approved.view().end_reason


def test_what_ended_an_approval_calls_nobody(approved: CompanyHarness) -> None:
    """A reason may name a customer; only whoever approved is mentioned."""
    case = approved.case()
    assert case.draft is not None
    with approved.database.writing() as conn:
        draft = drafts.draft(conn, case.draft)
        approvals.tell_approvers(conn, case, draft, "<!channel> was merged.", approved.now)
    assert approved.said("thread")[-1] == (
        "<@UCOLLECT>: nothing was sent. &lt;!channel&gt; was merged."
    )


def test_a_refused_text_does_not_blame_the_address(approved: CompanyHarness) -> None:
    """The case is looked at again at its usual hour."""
    approved.fault("mail", "SMTP END", "status", 1, 550)
    approved.run("send")
    assert approved.rows(select(cases_table.c.due_at))[0].due_at > approved.now
    approved.run("triage")
    assert "address_bounced" not in approved.rules()


def test_old_knowledge_of_the_groups_takes_no_approval_away(open_harness: OpenHarness) -> None:
    """Who is a collector by a group is asked again; only a fresh answer ends the approval."""
    harness = open_harness(policy={"people": {"collectors": ["SCOLLECT"]}})

    def told(*members: str) -> None:
        with harness.database.writing() as conn:
            people.put_group(conn, "SCOLLECT", members, harness.now)

    told("UCOLLECT")
    harness.sweep()
    assert harness.approve() is Answer.RECORDED
    harness.time.later(minutes=16)
    harness.run("send")
    assert harness.state() is State.APPROVED
    assert "Slack has not said recently" in harness.case().last_error
    told()
    harness.greet()
    harness.time.later(minutes=1)
    harness.run("send")
    assert harness.state() is State.WAITING


def test_a_shadow_run_after_going_live_leaves_the_crossing_free(open_harness: OpenHarness) -> None:
    """What was only rehearsed may happen once the company is live."""
    harness = open_harness(live=False, swept=True)
    harness.approve()
    with harness.database.writing() as conn:
        companies.change(conn, harness.realm, mode="live")
    harness.wait_out()
    assert not harness.mails
    (crossing,) = harness.rows(select(crossings))
    assert crossing.released_at is not None


@pytest.mark.parametrize(
    ("phase", "kind"),
    [("DATA", "refuse"), ("BODY", "refuse"), ("BODY", "reset"), ("END", "reset"), ("END", "late")],
)
def test_a_cut_inside_the_text_is_unknown(approved: CompanyHarness, phase: str, kind: Kind) -> None:
    """From DATA to the last answer nobody can tell: a person is asked, no machine sends again."""
    approved.fault("mail", f"SMTP {phase}", kind)
    approved.run("send", "write_back")
    assert approved.state() is State.UNKNOWN
    (asked,) = [text for text in approved.said("thread") if "cannot tell" in text]
    assert asked.startswith("<@UCOLLECT>: ")
    approved.time.later(days=2)
    approved.run()
    assert attempts(approved) == ["unknown"]
    assert len(approved.mails) <= 1
    assert not approved.notes


def test_a_senseless_answer_to_the_text_is_unknown(approved: CompanyHarness) -> None:
    """What is neither yes nor no to the whole text may have been a yes."""
    approved.fault("mail", "SMTP END", "garbage")
    approved.run("send")
    assert approved.state() is State.UNKNOWN


def test_a_cut_after_the_answer_is_sent(approved: CompanyHarness) -> None:
    """Once the server has accepted the text, what comes of QUIT does not matter."""
    approved.fault("mail", "SMTP QUIT", "reset")
    approved.run("send", "write_back")
    assert approved.state() is State.DONE


@pytest.mark.parametrize("phase", ["MAIL", "RCPT", "DATA", "END"])
def test_a_refusal_for_good_goes_back_to_people(approved: CompanyHarness, phase: str) -> None:
    """A 5xx answer about this mail ends the approval, tells the approver, and sends nothing."""
    approved.fault("mail", f"SMTP {phase}", "status", 1, 550)
    approved.run("send")
    assert approved.state() is State.WAITING
    assert "550" in approved.view().end_reason
    assert any("<@UCOLLECT>: nothing was sent." in text for text in approved.said("thread"))
    approved.time.later(days=1)
    approved.run("send")
    assert not approved.mails


@pytest.mark.parametrize(("phase", "state"), [("RCPT", State.APPROVED), ("END", State.UNKNOWN)])
def test_a_silent_server_is_given_up(approved: CompanyHarness, phase: str, state: State) -> None:
    """Waiting ends; what it means hangs on how far the mail had come."""
    approved.be_impatient()
    approved.fault("mail", f"SMTP {phase}", "stall")
    approved.run("send")
    assert approved.state() is state


def test_without_a_way_to_send_it_waits(open_harness: OpenHarness) -> None:
    """Where no mail server is set the approval stays, says so, and lapses."""
    harness = open_harness(mail=False, swept=True)
    harness.approve()
    harness.wait_out()
    assert "No way to send mail" in harness.case().last_error
    harness.time.later(days=1)
    harness.run("send")
    assert harness.state() is State.WAITING
    assert harness.logged("approval.lapse")


# The last check


CHANGES: dict[str, tuple[Callable[[CompanyHarness], Any], str]] = {
    "partly paid": (lambda h: h.pay("71", "40.00"), "$800.00 is open now, $840.00 before"),
    "credited": (lambda h: h.credit("1", "840.00"), "not yet applied"),
    "a little credited": (lambda h: h.credit("1", "5.00"), "$5.00 is on account now"),
    "on account": (
        lambda h: h.books.receive("1", h.books.tables["Invoice"]["71"]["Balance"]),
        "a payment",
    ),
    "re-addressed": (
        lambda h: h.change("Customer", "1", PrimaryEmailAddr={"Address": "new@x.example"}),
        "new@x.example",
    ),
    "addressed on the invoice": (
        lambda h: h.change("Invoice", "71", BillEmail={"Address": "other@x.example"}),
        "other@x.example",
    ),
    "renumbered": (lambda h: h.change("Invoice", "71", DocNumber="9"), "has the number 9"),
    "renamed": (lambda h: h.change("Customer", "1", DisplayName="Somebody else"), "name"),
    "grown": (lambda h: h.change("Invoice", "71", TotalAmt="26000.00"), "is open now"),
    "written on": (
        lambda h: h.change("Invoice", "71", CustomerMemo={"value": "We dispute this."}),
        "new text",
    ),
    "unbalanced": (lambda h: h.change("Customer", "1", Balance="17.00"), "add up"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_the_last_check_voids_what_has_changed(approved: CompanyHarness, what: str) -> None:
    """Whatever the ledger says differently ends the approval, says so, and sends nothing."""
    change, said = CHANGES[what]
    change(approved)
    approved.run("send")
    assert approved.state() is State.WAITING
    assert not approved.mails
    told = [text for text in approved.said("thread") if text.startswith("<@UCOLLECT>:")]
    assert len(told) == 1
    assert said in told[0].replace("\u2060", "")
    assert approved.approve() in (Answer.STALE, Answer.STOPPED)
    approved.run("triage", "send")
    assert not approved.mails


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda h: h.pay("71", "840.00"), "Invoice 171 was paid."),
        (lambda h: h.void("71"), "Invoice 171 was voided."),
        (lambda h: h.books.delete("Invoice", "71"), "was deleted in QuickBooks."),
        (lambda h: h.change("Invoice", "71", DueDate="today+9"), "Invoice 171 is now due"),
    ],
    ids=["paid", "voided", "deleted", "re-dated"],
)
@pytest.mark.parametrize("told", [False, True])
def test_the_last_check_catches_what_is_settled(
    approved: CompanyHarness, change: Callable[[CompanyHarness], Any], said: str, told: bool
) -> None:
    """Nothing left to ask for cancels the case, tells who approved, and frees its crossings."""
    made = change(approved)
    if told:
        approved.notify(*(made if isinstance(made, list) else [made]))
    approved.run("send", "write_back")
    assert approved.state() is State.CANCELLED
    assert said in approved.view().end_reason
    assert any("<@UCOLLECT>: nothing was sent." in text for text in approved.said("thread"))
    assert not approved.rows(select(crossings).where(crossings.c.released_at.is_(None)))
    assert not approved.mails


def test_one_of_two_invoices_paid_voids_the_letter(open_harness: OpenHarness) -> None:
    """A letter about two invoices does not go when one of them is settled."""
    harness = open_harness(
        books(customer("1"), invoice("71", "1", "840.00", 12), invoice("72", "1", "60.00", 12)),
        swept=True,
    )
    harness.approve()
    harness.pay("72", "60.00")
    harness.wait_out()
    harness.run("triage")
    view = harness.view()
    assert view.state is State.WAITING
    assert view.letter is not None
    assert [i.id for i in view.letter.invoices] == ["71"]


def test_a_right_that_has_gone_voids_the_approval(approved: CompanyHarness) -> None:
    """An approval of somebody who is no collector any more does not count at the last check."""
    approved.change_policy(people={"collectors": []})
    approved.run("send")
    assert approved.state() is State.WAITING
    assert any("no longer enough" in text for text in approved.said("thread"))


def test_more_people_needed_voids_the_approval(approved: CompanyHarness) -> None:
    """A policy that asks for two people by now makes one approval too few."""
    limits = {"second_approver": 500, "stop_invoice": 25000, "stop_total": 50000, "smallest": 25}
    approved.change_policy(**{"limits.home": limits})
    approved.run("send")
    assert approved.state() is State.WAITING


def test_a_deadline_that_has_come_is_not_sent(open_harness: OpenHarness) -> None:
    """A firm message whose deadline passed while it lay there goes back to people."""
    harness = open_harness(
        books(customer("1"), invoice("71", "1", "840.00", 10)),
        {"pace": {"undo_seconds": 0, "lapse_hours": 720, "refresh_working_days": 30}},
        swept=True,
    )
    harness.approve()
    harness.wait_out()
    harness.time.later(days=12)
    harness.sweep()
    harness.fine("ULEAD1")
    harness.approve()
    harness.runs(Switch.PAUSE.turn, "ULEAD1")
    harness.time.later(days=20)
    harness.runs(Switch.RESUME.turn, "ULEAD1")
    harness.run("send")
    assert any("deadline" in text for text in harness.said("thread"))
    assert len(harness.mails) == 1


@pytest.mark.parametrize("kind", ["refuse", "late", "garbage"])
def test_an_unreachable_ledger_keeps_the_approval(approved: CompanyHarness, kind: Kind) -> None:
    """Without a last check nothing goes; the case says so and tries again until it lapses."""
    approved.fault("quickbooks", "/batch", kind, None)
    approved.run("send")
    assert approved.state() is State.APPROVED
    assert "last check could not be made" in approved.case().last_error
    approved.heal()
    approved.time.later(seconds=60)
    approved.run("send", "write_back")
    assert approved.state() is State.DONE


def test_an_approval_lapses_with_its_reason(approved: CompanyHarness) -> None:
    """A day after the mail could first have gone the approval ends, and why is said."""
    approved.fault("quickbooks", "/batch", "status", None, 500)
    for _ in range(3):
        approved.run("send")
        approved.time.later(hours=8)
    approved.run("send")
    assert approved.state() is State.WAITING
    said = [text for text in approved.said("thread") if "lapsed" in text]
    assert len(said) == 1
    assert "last check could not be made" in said[0]


def _a_day_of_tries(harness: CompanyHarness) -> int:
    """Requests to QuickBooks until the approval has ended, for a day and a bit at most."""
    before = harness.asked("quickbooks")
    for _ in range(25 * 60):
        if harness.state() is not State.APPROVED:
            break
        harness.run("send")
        harness.time.later(minutes=1)
    return harness.asked("quickbooks") - before


def test_an_unreachable_ledger_is_asked_at_growing_distances(approved: CompanyHarness) -> None:
    """All day long, each half hour in the end, and at once when somebody resumes."""
    approved.fault("quickbooks", "/batch", "status", None, 503)
    pauses = []
    for _ in range(9):
        approved.run("send")
        due = approved.rows(select(cases_table.c.due_at))[0].due_at
        pauses.append((due - approved.now) // timedelta(minutes=1))
        approved.time.now = due
    assert pauses == [1, 4, 16, *[30] * 6]
    approved.run("send")
    approved.heal()
    approved.runs(Switch.PAUSE.turn, "ULEAD1")
    approved.runs(Switch.RESUME.turn, "ULEAD1")
    approved.run("send", "write_back")
    assert approved.state() is State.DONE


def test_without_an_undo_window_resuming_tries_again_at_once(open_harness: OpenHarness) -> None:
    """What was approved with no time to undo it waits no longer than anything else."""
    harness = open_harness(policy={"pace": {"undo_seconds": 0}}, swept=True)
    harness.approve()
    harness.fault("quickbooks", "/batch", "status", None, 503)
    harness.run("send")
    assert harness.rows(select(cases_table.c.due_at))[0].due_at > harness.now
    harness.heal()
    harness.runs(Switch.PAUSE.turn, "ULEAD1")
    harness.runs(Switch.RESUME.turn, "ULEAD1")
    harness.run("send", "write_back")
    assert harness.state() is State.DONE


def test_a_record_that_cannot_be_read_ends_the_approval(approved: CompanyHarness) -> None:
    """After five tries a person is told which record it is; nobody asks all day long."""
    approved.credit("1", "1.00")
    (memo,) = approved.books.tables["CreditMemo"]
    approved.outside.quickbooks.realms[approved.realm].poisoned.add(("CreditMemo", memo))
    assert _a_day_of_tries(approved) <= 60
    assert approved.state() is State.WAITING
    (told,) = [text for text in approved.said("thread") if text.startswith("<@UCOLLECT>:")]
    assert "after five tries" in told
    assert "CreditMemo" in told


@pytest.mark.parametrize("kind", ["refuse", "reset", "late", "status", "html", "garbage"])
def test_a_missing_pdf_puts_the_mail_off(approved: CompanyHarness, kind: Kind) -> None:
    """Never a mail without what the card promised: it goes when the PDF can be had."""
    approved.fault("quickbooks", "/pdf", kind, 1, 500 if kind == "status" else None)
    approved.run("send")
    assert approved.state() is State.APPROVED
    assert attempts(approved) == []
    assert "Not sent yet" in card(approved.view(), approved.now, people={}).text
    approved.time.later(seconds=60)
    approved.run("send", "write_back")
    assert approved.state() is State.DONE


@pytest.mark.parametrize(
    ("number", "key"), [("171", "171"), ("17  1", "17 1"), ("[1]", "#71"), ("1#1", "#71")]
)
def test_pay_links_are_filled_by_the_sender(
    open_harness: OpenHarness, number: str, key: str
) -> None:
    """The link is on no card; it stands in the mail, fresh from QuickBooks."""
    harness = open_harness(
        books(customer("1"), invoice("71", "1", "840.00", 12, **PAY_LINKS, DocNumber=number)),
        swept=True,
    )
    letter = harness.view().letter
    assert letter is not None
    assert f"[pay link {key}]" in letter.body
    harness.approve()
    harness.wait_out()
    assert "https://developer.intuit.com/" in harness.mails[0].shown()["text"]


def test_a_missing_pay_link_voids_the_approval(open_harness: OpenHarness) -> None:
    """Where the approved text promises a link that QuickBooks does not give, nothing goes."""
    harness = open_harness(
        books(customer("1"), invoice("71", "1", "840.00", 12, **PAY_LINKS)), swept=True
    )
    harness.approve()
    harness.change("Invoice", "71", AllowOnlineCreditCardPayment=False)
    harness.wait_out()
    assert harness.state() is State.WAITING
    assert not harness.mails


def no_link(*_: Any) -> dict[str, Any]:
    return {}


def foreign_link(*_: Any) -> dict[str, Any]:
    return {"InvoiceLink": "https://connect.intuit.com@evil.example/scs-v1-secret"}


@pytest.mark.parametrize(("gives", "why"), [(no_link, "gave no"), (foreign_link, "not an address")])
def test_a_link_that_is_not_to_be_had_is_done_without(
    open_harness: OpenHarness, gives: Callable[..., Any], why: str
) -> None:
    """The next version speaks of no link, and once approved it goes: nobody turns in circles."""
    harness = open_harness(
        books(customer("1"), invoice("71", "1", "840.00", 12, **PAY_LINKS)), swept=True
    )
    harness.approve()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "_pay_link", gives)
        harness.wait_out()
        assert not harness.mails
        harness.run("triage")
        view = harness.view()
        assert why in view.end_reason
        assert view.letter is not None
        assert "online" not in view.letter.body
        assert harness.approve() is Answer.RECORDED
        harness.wait_out()
    assert harness.state() is State.DONE
    assert "pay link" not in harness.mails[0].shown()["text"]
    assert "scs-v1" not in str(harness.said()) + str(harness.logged())


@pytest.mark.parametrize("code", ["4002", "5020", "610"])
def test_a_link_that_ends_in_a_fault_is_done_without(open_harness: OpenHarness, code: str) -> None:
    """A fault that speaks of this one link costs the link, not the files and not a day."""
    harness = open_harness(
        books(customer("1"), invoice("71", "1", "840.00", 12, **PAY_LINKS)), swept=True
    )
    harness.approve()
    harness.outside.world.faults.add(Fault("quickbooks", "invoiceLink", "status", None, 400, code))
    harness.wait_out()
    harness.run("triage")
    assert "gave no pay link" in harness.view().end_reason
    assert harness.approve() is Answer.RECORDED
    harness.wait_out()
    assert harness.state() is State.DONE
    shown = harness.mails[0].shown()
    assert "pay link" not in shown["text"]
    assert [file["name"] for file in shown["attachments"]] == ["Invoice-171.pdf"]


def test_an_unreachable_link_is_waited_for(open_harness: OpenHarness) -> None:
    """That QuickBooks does not answer says nothing about the link."""
    harness = open_harness(
        books(customer("1"), invoice("71", "1", "840.00", 12, **PAY_LINKS)), swept=True
    )
    harness.approve()
    harness.fault("quickbooks", "invoiceLink", "status", None, 503)
    harness.wait_out()
    assert harness.state() is State.APPROVED
    harness.heal()
    harness.time.later(minutes=1)
    harness.run("send")
    assert "https://developer.intuit.com/" in harness.mails[0].shown()["text"]


def test_the_pay_link_stands_in_the_mail_only(open_harness: OpenHarness) -> None:
    """Who has it can see the invoice: it is in no table, no log, no prompt."""
    harness = open_harness(
        books(customer("1"), invoice("71", "1", "840.00", 12, **PAY_LINKS)), swept=True
    )
    harness.approve()
    harness.wait_out()
    assert "scs-v1" in harness.mails[0].shown()["text"]
    record = Path(str(harness.database.engine.url.database))
    for file in record.parent.glob("*"):
        assert b"scs-v1" not in file.read_bytes(), file.name
    assert "scs-v1" not in str(harness.outside.model.prompts)


def test_files_that_are_too_large_are_done_without(approved: CompanyHarness) -> None:
    """A mail that servers would refuse is not begun; the next version goes without its files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compose, "LARGEST", 100)
        approved.run("send", "triage")
        _went_without_files(approved, "too large")


def test_a_pdf_that_is_refused_for_good_is_done_without(approved: CompanyHarness) -> None:
    """Nobody waits a day for a file that QuickBooks never gives."""
    approved.outside.world.faults.add(Fault("quickbooks", "/pdf", "status", 1, 400, "5020"))
    approved.run("send", "triage")
    _went_without_files(approved, "does not permit this")


def test_a_server_that_finds_the_mail_too_large_gets_one_without_files(
    approved: CompanyHarness,
) -> None:
    """What one server takes another does not: its answer counts the same."""
    approved.fault("mail", "SMTP END", "status", 1, 552)
    approved.run("send", "triage")
    _went_without_files(approved, "552")


def _went_without_files(harness: CompanyHarness, why: str) -> None:
    view = harness.view()
    assert why in view.end_reason
    assert view.letter is not None
    assert view.letter.attachments == ()
    assert "attached" not in view.letter.body
    assert harness.approve() is Answer.RECORDED
    harness.wait_out()
    assert [mail.shown()["attachments"] for mail in harness.mails] == [[]]


# Undo, pause, shadow, cap, hours


def test_undo_while_the_send_is_claimed(approved: CompanyHarness) -> None:
    """An undo that comes during the last check still stops the mail."""
    load, pressed = send.LastCheck.act, []

    def slowly(check: send.LastCheck) -> Any:
        pressed.append(approved.undo())
        return load(check)

    approved.services = approved.services
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(send.LastCheck, "act", slowly)
        approved.run("send")
    assert pressed == [Answer.RECORDED]
    assert approved.state() is State.WAITING
    assert not approved.mails


def test_undo_comes_too_late_once_the_mail_began(approved: CompanyHarness) -> None:
    """While the mail is handed over, and afterwards, undo is refused as too late."""
    answers: list[Answer] = []
    approved.mailer.meanwhile = lambda: answers.append(approved.undo())
    approved.run("send")
    answers.append(approved.undo())
    assert answers == [Answer.TOO_LATE, Answer.TOO_LATE]
    assert len(approved.mails) == 1


def test_pause_stops_sending_at_once(approved: CompanyHarness) -> None:
    """While paused nothing goes; afterwards it does."""
    approved.runs(Switch.PAUSE.turn, "ULEAD1")
    approved.run("send")
    assert not approved.mails
    approved.runs(Switch.RESUME.turn, "ULEAD2")
    approved.run("send", "write_back")
    assert len(approved.mails) == 1


def test_pause_during_the_last_check_holds(approved: CompanyHarness) -> None:
    """A pause that comes between last check and mail is asked for again just before."""
    fetch = Fetch.act

    def slowly(round: Fetch) -> Any:
        approved.runs(Switch.PAUSE.turn, "ULEAD1")
        return fetch(round)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Fetch, "act", slowly)
        approved.run("send")
    assert approved.state() is State.APPROVED
    assert not approved.mails


def test_a_pause_does_not_stop_lapses(approved: CompanyHarness) -> None:
    """An approval that lapsed during a pause ends, and says that sending was paused."""
    approved.runs(Switch.PAUSE.turn, "ULEAD1")
    approved.time.later(days=1)
    approved.run("send")
    assert approved.state() is State.WAITING
    assert any("Sending was paused." in text for text in approved.said("thread"))


def test_a_shadow_run_sends_nothing(open_harness: OpenHarness) -> None:
    """A shadow case is checked and composed, ends as such, and is asked for again once live."""
    harness = open_harness(live=False, swept=True)
    assert harness.case().shadow
    harness.approve()
    harness.wait_out()
    assert harness.state() is State.CANCELLED
    assert "Shadow run" in harness.view().end_reason
    assert not harness.mails
    assert not harness.notes
    harness.go_live()
    harness.run()
    assert harness.state() is State.WAITING
    assert not harness.case().shadow


def test_a_shadow_case_that_was_paid_is_no_finished_rehearsal(open_harness: OpenHarness) -> None:
    """The last check caught it: its card says that it was paid, not that all was done."""
    harness = open_harness(live=False, swept=True)
    harness.approve()
    harness.pay("71", "840.00")
    harness.wait_out()
    view = harness.view()
    assert view.state is State.CANCELLED
    assert (view.end_reason, view.outcome, view.lapses_at) == ("Invoice 171 was paid.", None, None)


def test_at_the_cap_sending_pauses_and_asks(open_harness: OpenHarness) -> None:
    """At the day's cap no more go out; a finance lead is asked once, and may let them go on."""
    six = [customer(str(n)) for n in range(1, 7)]
    bills = [invoice(str(70 + n), str(n), "100.00", 12) for n in range(1, 7)]
    harness = open_harness(books(*six, *bills), {"pace": {"messages_per_day": 2}}, swept=True)
    for case in harness.cases():
        assert harness.approve(harness.click("UCOLLECT", case)) is Answer.RECORDED
    harness.wait_out()
    assert len(harness.mails) == 2
    assert harness.company.paused_by == "system:send"
    assert sum("the most that the policy allows" in text for text in harness.said("notice")) == 1
    harness.time.later(minutes=5)
    harness.runs(Switch.RESUME.turn, "ULEAD1")
    harness.run("send", "write_back")
    assert len(harness.mails) == 6


def test_mails_wait_for_the_window(open_harness: OpenHarness) -> None:
    """Approved on Friday night, the mail goes on Monday when the window opens."""
    friday = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)  # half past six there
    policy = {
        "calendar": {"business_days_only": True},
        "message": {"window": ["09:00", "17:00"]},
    }
    harness = open_harness(ONE, policy, now=friday, swept=True)
    harness.approve()
    harness.wait_out()
    assert not harness.mails
    harness.time.later(days=1)
    harness.run("send")
    assert harness.state() is State.APPROVED
    harness.time.now = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
    harness.run("send", "write_back")
    assert harness.state() is State.DONE


# Crashes and races


def test_an_abandoned_mail_is_unknown(approved: CompanyHarness) -> None:
    """A sender that died after its intent leaves a question for a person, never a second mail."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outcome.Deliver, "act", _die)
        with pytest.raises(SystemExit):
            approved.run("send")
    assert attempts(approved) == ["in_flight"]
    approved.time.later(seconds=31)
    approved.run("send")
    assert approved.state() is State.UNKNOWN
    assert any("<@UCOLLECT>: we cannot tell" in text for text in approved.said("thread"))
    approved.time.later(days=3)
    approved.run()
    assert attempts(approved) == ["unknown"]
    assert not approved.mails


def _die(_: outcome.Deliver) -> Any:
    raise SystemExit("the process is killed")


def test_a_crash_before_the_intent_resumes(approved: CompanyHarness) -> None:
    """Killed during the last check, the next sender begins anew; one mail goes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Fetch, "act", _die)
        with pytest.raises(SystemExit):
            approved.run("send")
    approved.time.later(seconds=31)
    approved.run("send", "write_back")
    assert len(approved.mails) == 1


def test_a_crash_after_the_answer_is_unknown(approved: CompanyHarness) -> None:
    """Killed between the server's yes and our record of it: a person finds out, once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outcome.Deliver, "settle", lambda *_: _die(None))  # type: ignore[arg-type]
        with pytest.raises(SystemExit):
            approved.run("send")
    approved.time.later(seconds=31)
    approved.run("send")
    assert approved.state() is State.UNKNOWN
    assert approved.went("ULEAD1") is Answer.RECORDED
    approved.run("write_back")
    assert approved.state() is State.DONE
    assert len(approved.mails) == len(approved.notes) == 1


def _overtaken(harness: CompanyHarness, *then: Callable[[], object]) -> Callable[[], None]:
    """The sender freezes for longer than its lease; somebody finds its case, and `then` follows."""

    def happen() -> None:
        harness.time.later(seconds=31)
        harness.run("send")
        assert harness.state() is State.UNKNOWN
        for each in then:
            each()

    return happen


def test_a_sender_that_freezes_before_it_speaks_sends_nothing(approved: CompanyHarness) -> None:
    """It finds that the case is not its own any more, and that is known for certain."""
    approved.mailer.meanwhile = _overtaken(approved)
    approved.run("send")
    assert not approved.mails
    assert attempts(approved) == ["not_sent"]
    assert approved.state() is State.WAITING
    assert "held up" in approved.view().end_reason
    approved.run("triage")
    approved.approve()
    approved.wait_out()
    assert len(approved.mails) == 1


def test_a_sender_that_freezes_after_its_last_question_may_still_say_that_it_went(
    approved: CompanyHarness,
) -> None:
    """Declared abandoned while it hung, the sender that saw the yes sets the record right."""
    approved.mailer.at_last = _overtaken(approved)
    approved.run("send")
    approved.run("write_back")
    assert approved.state() is State.DONE
    assert attempts(approved) == ["sent"]


def test_an_answer_about_the_mail_that_took_longer_than_a_lease_is_worth_nothing(
    approved: CompanyHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine stood still after the record had said yes: the mail is put off."""
    hours = itertools.count(step=3600.0)
    monkeypatch.setattr("jobs.store.sends.boot_time", lambda: next(hours))
    approved.run("send")
    assert not approved.mails
    assert attempts(approved) == ["not_sent"]
    assert approved.state() is State.APPROVED
    assert "held up" in approved.case().last_error


def test_nobody_says_that_it_did_not_go_while_its_sender_may_wake(approved: CompanyHarness) -> None:
    """Refused until no sender can be under way any more, and then its sender is held back."""
    said: list[Answer] = []

    def deny() -> None:
        said.append(approved.did_not_go())
        approved.time.later(minutes=45)
        approved.greet()
        said.append(approved.did_not_go())

    approved.mailer.meanwhile = _overtaken(approved, deny)
    approved.run("send")
    assert said == [Answer.STILL_POSSIBLE, Answer.RECORDED]
    assert not approved.mails
    assert attempts(approved) == ["not_sent"]


def test_an_own_doubt_can_be_settled_at_once(approved: CompanyHarness) -> None:
    """A sender that said itself that it cannot tell will send nothing more."""
    approved.fault("mail", "SMTP BODY", "reset")
    approved.run("send")
    assert approved.did_not_go() is Answer.RECORDED


@pytest.mark.parametrize("approves", [False, True])
def test_a_late_yes_stops_a_second_mail(approved: CompanyHarness, approves: bool) -> None:
    """Whatever was said and approved meanwhile: the case is sent, once, and everybody is told."""

    def deny() -> None:
        approved.time.later(minutes=45)
        approved.greet()
        assert approved.did_not_go() is Answer.RECORDED
        if approves:
            assert approved.approve("ULEAD1") is Answer.RECORDED

    approved.mailer.at_last = _overtaken(approved, deny)
    approved.run("send")
    assert attempts(approved) == ["accepted_late"]
    assert approved.state() is State.SENT
    told = [text for text in approved.said("thread") if "accept the earlier message" in text]
    assert any(text.startswith("<@ULEAD1>") for text in told) == approves
    assert told
    approved.time.later(hours=1)
    approved.run()
    assert (approved.state(), len(approved.mails), len(approved.notes)) == (State.DONE, 1, 1)


def test_a_late_yes_beside_a_second_mail_is_written(approved: CompanyHarness) -> None:
    """The one case that no question can prevent: both outcomes stand, and it is said."""

    def send_again() -> None:
        approved.time.later(minutes=45)
        approved.greet()
        assert approved.did_not_go() is Answer.RECORDED
        approved.approve("ULEAD1")
        approved.time.later(seconds=60)
        approved.run("send")

    approved.mailer.at_last = _overtaken(approved, send_again)
    approved.run("send")
    assert attempts(approved) == ["accepted_late", "sent"]
    assert len(approved.mails) == 2
    assert any("accept the earlier message" in text for text in approved.said("thread"))
    approved.outside.mailbox.mails.pop()  # what follows asks that no case has two


def test_a_late_yes_comes_while_a_second_mail_is_handed_over(approved: CompanyHarness) -> None:
    """The second one's yes comes to a case that is sent already, and is written all the same."""
    kept: list[tuple[Any, ...]] = []
    settle = outcome.Deliver.settle

    def hold_back(*given: Any) -> None:
        kept.append(given)
        raise SystemExit("its word is late")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outcome.Deliver, "settle", hold_back)
        with pytest.raises(SystemExit):
            approved.run("send")
    approved.time.later(seconds=31)
    approved.run("send")
    approved.time.later(minutes=45)
    assert approved.did_not_go() is Answer.RECORDED
    approved.approve("ULEAD1")
    approved.time.later(seconds=60)

    def its_word_comes() -> None:
        first, _, claim, result, _ = kept[0]
        with approved.database.writing() as conn:
            settle(first, conn, claim, result, approved.now)

    approved.mailer.at_last = its_word_comes
    approved.run("send")
    assert attempts(approved) == ["accepted_late", "sent"]
    assert approved.state() is State.SENT
    assert any("a second one has been sent" in text for text in approved.said("thread"))
    approved.outside.mailbox.mails.pop()  # what follows asks that no case has two


def test_a_late_yes_after_it_went_says_nothing_new(approved: CompanyHarness) -> None:
    """A person found the mail before its sender woke: nobody is told that it was denied."""
    approved.mailer.at_last = _overtaken(approved, lambda: approved.went("ULEAD1"))
    approved.run("send")
    assert attempts(approved) == ["sent"]
    assert not any("said that it was not sent" in text for text in approved.said("thread"))


def test_a_mail_said_to_have_gone_that_was_never_handed_over_is_told(
    approved: CompanyHarness,
) -> None:
    """Its sender knows better than the person: the customer has nothing."""
    approved.mailer.meanwhile = _overtaken(approved, lambda: approved.went("ULEAD1"))
    approved.run("send")
    assert not approved.mails
    assert any("was not handed to the mail server" in text for text in approved.said("thread"))


def test_slack_that_falls_silent_while_files_are_fetched_takes_no_approval_away(
    open_harness: OpenHarness,
) -> None:
    """What is too old to tell is asked again before the intent, as in the last check."""
    harness = open_harness(policy={"people": {"collectors": ["SCOLLECT"]}})
    with harness.database.writing() as conn:
        people.put_group(conn, "SCOLLECT", ("UCOLLECT",), harness.now)
    harness.sweep()
    assert harness.approve() is Answer.RECORDED
    harness.time.later(seconds=60)
    _while_fetching(harness, lambda: harness.time.later(minutes=16))
    assert harness.state() is State.APPROVED
    assert "Slack has not said recently" in harness.case().last_error


def test_what_is_left_has_to_have_crossed(open_harness: OpenHarness) -> None:
    """The invoice that had crossed was paid: the other one is too young to be asked for."""
    harness = open_harness(
        books(customer("1"), invoice("71", "1", "840.00", 12), invoice("72", "1", "90.00", 2)),
        swept=True,
    )
    assert {i.id for i in harness.view().facts.invoices} == {"71", "72"}
    harness.approve()
    harness.pay("71", "840.00")
    harness.wait_out()
    assert harness.state() is State.CANCELLED
    assert not any("now asks for" in text for text in harness.said("thread"))


def test_the_sum_that_is_told_is_the_one_that_letters_ask_for(open_harness: OpenHarness) -> None:
    """Less what is on account, after a payment between approval and sending."""
    harness = open_harness(
        books(
            customer("1"),
            invoice("71", "1", "840.00", 12),
            invoice("72", "1", "500.00", 12),
            credit_memos=[
                {
                    "Id": "81",
                    "CustomerRef": {"value": "1"},
                    "TotalAmt": "100.00",
                    "TxnDate": "today-3",
                }
            ],
        ),
        swept=True,
    )
    harness.approve()
    harness.pay("71", "840.00")
    harness.wait_out()
    asks = [text for text in harness.said("thread") if "now asks for" in text]
    assert asks
    assert all("$400.00" in text for text in asks)


def test_a_draft_that_changed_on_record_is_not_sent(approved: CompanyHarness) -> None:
    """What was approved is known by its hash, and the hash is computed again."""
    with approved.database.writing() as conn:
        forged = func.replace(drafts_table.c.letter, "840.00", "940.00")
        conn.execute(drafts_table.update().values(letter=forged))
    approved.altered = True
    approved.run("send")
    assert not approved.mails
    assert approved.state() is State.WAITING
    assert "not the one that was approved" in approved.view().end_reason


def test_an_approval_that_lapses_while_its_files_are_fetched_sends_nothing(
    approved: CompanyHarness,
) -> None:
    """The PDF took until after the lapse."""
    _while_fetching(approved, lambda: approved.time.later(days=2))
    assert not approved.mails
    assert approved.state() is State.WAITING
    assert any("The approval lapsed." in text for text in approved.said("thread"))


def test_what_changes_while_the_files_are_fetched_counts(approved: CompanyHarness) -> None:
    """A hold that somebody sets in these seconds keeps the message from going."""

    def hold() -> None:
        with approved.database.writing() as conn:
            until = approved.today + timedelta(days=9)
            history.hold(
                conn,
                approved.realm,
                "1",
                ("71",),
                HoldKind.QUIET,
                until,
                "ULEAD1",
                "they called",
                approved.now,
            )

    _while_fetching(approved, hold)
    assert not approved.mails
    assert "they called" in approved.view().end_reason


def test_a_company_that_leaves_live_mode_meanwhile_sends_nothing(approved: CompanyHarness) -> None:
    """The mode counts as it is when the intent is written; what is approved stays approved."""
    _while_fetching(approved, lambda: approved.runs(Switch.GO_SHADOW.turn, "ULEAD1"))
    assert not approved.mails
    assert not approved.company.live
    assert approved.state() is State.APPROVED


def test_a_mail_that_is_built_otherwise_is_not_sent(
    approved: CompanyHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The approval ends, and the card names the part that differs from what was approved."""
    monkeypatch.setattr("jobs.mail.compose.html_part", lambda *_: "<p>Pay somebody else</p>")
    approved.run("send")
    assert not approved.mails
    assert attempts(approved) == []
    assert approved.state() is State.WAITING
    assert "differs from the approved one in the HTML part" in approved.view().end_reason


def _while_fetching(harness: CompanyHarness, happens: Callable[[], object]) -> None:
    fetch = Fetch.act

    def slowly(round: Fetch) -> Any:
        happens()
        return fetch(round)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Fetch, "act", slowly)
        harness.run("send")


def test_two_customers_with_one_address_are_not_written_to_at_once(
    open_harness: OpenHarness,
) -> None:
    """Both were approved; the second waits for the gap, whoever is faster."""
    shared = "accounts@family.example"
    harness = open_harness(
        books(
            customer("1", shared),
            customer("2", shared),
            invoice("71", "1", "840.00", 12),
            invoice("72", "2", "840.00", 12),
        ),
        swept=True,
    )
    for case in harness.cases():
        harness.approve(harness.click("UCOLLECT", case))
    harness.wait_out()
    assert len(harness.mails) == 1
    assert sorted(case.state for case in harness.cases()) == [State.DONE, State.WAITING]


def test_two_senders_send_one_mail(approved: CompanyHarness) -> None:
    """Of two that have claimed the same case only one writes its intent."""
    fetch, second = Fetch.act, [True]

    def slowly(round: Fetch) -> Any:
        if second:
            second.clear()
            approved.time.later(seconds=31)  # the lease of the first one ends
            approved.run("send")
        return fetch(round)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Fetch, "act", slowly)
        approved.run("send", "write_back")
    assert attempts(approved) == ["sent"]
    assert len(approved.mails) == 1


def test_five_broken_tries_lapse_with_the_reason(approved: CompanyHarness) -> None:
    """A send that breaks off in our own code ends as a lapsed approval, not in silence."""

    def broken(_: send.LastCheck) -> Any:
        raise RuntimeError("something of ours")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(send.LastCheck, "act", broken)
        for _ in range(6):
            approved.run("send")
            approved.time.later(minutes=11)
    assert approved.state() is State.WAITING
    assert any("could not be sent after five tries" in text for text in approved.said("thread"))
