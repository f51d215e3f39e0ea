"""New mail is noticed once, wakes its cases, and is shown where people decide."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select, text

from jobs.decide import look
from jobs.decide.access import Answer
from jobs.mail.addresses import named
from jobs.reasoning.model import Failure, Form, Model, ModelAnswer
from jobs.reasoning.prompting import Prompt
from jobs.rules.states import State
from jobs.sources.imap import ImapServer
from jobs.sources.mailbox import Mailbox, Us
from jobs.store.database.tables import replies, schedule, sends
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import CompanyHarness, books, customer, invoice
from tests.real_processes import PATIENCE
from tests.sandbox.mail.inbox import Inbox

DANA = "dana@customer1.example"
AWAY = {"headers": {"Auto-Submitted": "auto-replied"}, "text": "I am away until Monday. Urgent?"}


def with_mailbox(harness: CompanyHarness, folder: str) -> Inbox:
    """The finance mailbox that this company has from now on, in a folder of its own."""
    inbox = harness.outside.inbox
    inbox.folder = folder
    us = Us(named(harness.process.settings.mail_from))
    harness.add_source(Mailbox(ImapServer.from_url(inbox.url), us))
    return inbox


def poll(harness: CompanyHarness, **later: float) -> None:
    """The next reading of the mailbox, and what follows from it."""
    harness.time.later(**(later or {"minutes": 1}))
    harness.run("replies", "triage")


def about_replies(harness: CompanyHarness) -> list[str]:
    """The lines about replies in the threads of cards."""
    lines = (text.replace("\u2060", "") for text in harness.said("thread"))
    return [line for line in lines if line.startswith(":")]


def sent(harness: CompanyHarness) -> str:
    """Have the case's message sent; its Message-ID."""
    harness.sweep()
    assert harness.approve() is Answer.RECORDED
    harness.wait_out()
    harness.run("send", "write_back")
    return str(harness.mails[-1].message["Message-ID"])


def bounce(message_id: str, address: str, action: str = "failed") -> bytes:
    """What a mail server returns."""
    return (
        "From: MAILER-DAEMON@mx.example\r\nTo: accounts@brass-fern.example\r\n"
        "Subject: Undelivered\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\n\r\nIt could not be delivered.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
        f"Final-Recipient: rfc822; {address}\r\nAction: {action}\r\nStatus: 5.1.1\r\n\r\n"
        f"--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: {message_id}\r\n\r\nOurs\r\n--b--"
    ).encode()


def test_a_mail_wakes_its_case_once(open_harness: OpenHarness) -> None:
    """The card quotes it at once; a second reading, also under new UIDs, adds nothing."""
    harness = open_harness()
    inbox = with_mailbox(harness, "noticed")
    harness.sweep()
    poll(harness)
    assert harness.view().letter is not None
    inbox.receive({"from": DANA, "text": "Hello,\nwe dispute this bill.\nDana"})
    inbox.receive({"from": "stranger@elsewhere.example", "text": "We pay nothing."})
    poll(harness)
    assert (harness.view().letter, "dispute" in harness.rules()) == (None, True)
    (line,) = about_replies(harness)
    assert line.startswith(f":warning: {DANA} disputes the bill:\n“we dispute this bill.”")
    (noted,) = harness.logged("reply.noticed")
    assert noted["data"]["stances"] == ["dispute"]
    version = harness.case().version
    with harness.database.writing() as conn:
        kept = schedule.c.kind == "replies"
        conn.execute(
            schedule.update().where(kept).values(body={"cursor": {"validity": 0, "uid": 9}})
        )
    poll(harness)
    assert (len(about_replies(harness)), harness.case().version) == (1, version)
    read = harness.asked("model")
    poll(harness)
    assert harness.asked("model") == read
    colleague = {"from": "kate@brass-fern.example", "to": DANA}
    quoting = f"I see.\n\nOn Monday Dana <{DANA}> wrote:\n> The price is wrong."
    inbox.receive(colleague | {"text": quoting})
    poll(harness)
    assert "A mail passed on by kate@brass-fern.example" in about_replies(harness)[-1]


@dataclass
class Meeting:
    """A model that answers only while it is asked about another case, too."""

    model: Model
    cases: threading.Barrier
    asked: list[int] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.model.name

    def ask_all(
        self, prompt: Prompt, data: Sequence[str], form: type[Form]
    ) -> list[ModelAnswer[Form] | Failure]:
        self.cases.wait(PATIENCE)
        self.asked.append(len(data))
        return self.model.ask_all(prompt, data, form)

    def accepted(self, label: str) -> Meeting:
        return self


def test_new_mails_are_read_at_the_same_time(open_harness: OpenHarness) -> None:
    """Those of one case in one go, and no case waits until those of another are read."""
    bills = [invoice(f"7{n}", str(n), "840.00", 12) for n in (1, 2)]
    harness = open_harness(books(customer("1"), customer("2"), *bills))
    inbox = with_mailbox(harness, "together")
    harness.sweep()
    poll(harness)
    for who in (DANA, "ada@customer2.example"):
        for said in ("We dispute this bill.", "The price is wrong."):
            inbox.receive({"from": who, "text": f"{who}: {said}"})
    assert harness.model is not None
    model = Meeting(harness.model, threading.Barrier(2))
    harness.process.services = replace(harness.services, model=model)
    harness.time.later(minutes=1)
    harness.run("replies")
    assert model.asked == [2, 2]
    assert len(about_replies(harness)) == 4


def test_a_mailbox_that_fails_loses_nothing(open_harness: OpenHarness) -> None:
    """The cursor stays where it was until the mail behind it has had its effect."""
    harness = open_harness()
    inbox = with_mailbox(harness, "failing")
    harness.sweep()
    inbox.receive({"from": DANA, "text": "We dispute this bill."})
    harness.fault("imap", "IMAP FETCH", "reset")
    harness.time.later(minutes=1)
    harness.run("replies")
    assert about_replies(harness) == []
    poll(harness, minutes=10)
    assert len(about_replies(harness)) == 1


def test_who_is_away_voids_nothing(open_harness: OpenHarness) -> None:
    """An automatic answer between approval and sending is a line in the thread; the mail goes."""
    harness = open_harness()
    inbox = with_mailbox(harness, "away")
    harness.sweep()
    assert harness.approve() is Answer.RECORDED
    inbox.receive({"from": DANA, "subject": "Automatic reply", **AWAY})
    harness.run("replies")
    version = harness.case().version
    harness.wait_out()
    assert (len(harness.mails), harness.state()) == (1, State.DONE)
    assert version == harness.case().version - 3, "approved → sending → sent → done, and no more"
    (line,) = about_replies(harness)
    assert line == f":palm_tree: {DANA} answered automatically:\n“Automatic reply {AWAY['text']}”"


def test_an_answer_after_sending_stands_in_the_thread(open_harness: OpenHarness) -> None:
    """Also a stranger's, in our thread; the case stays closed, and no other one opens. The day may
    stand in the next line."""
    harness = open_harness()
    inbox = with_mailbox(harness, "answered")
    mail = sent(harness)
    text = "We will pay the $840.00"
    more = f"{text}\non December 4."
    inbox.receive({"from": "kate@books.example", "text": more, "in_reply_to": mail})
    poll(harness)
    (line,) = about_replies(harness)
    assert "says when they will pay ($840.00 on December 4, 2026)" in line
    assert f"“{text}”" in line
    assert "<@UCOLLECT>" in line, "the one who approved has something to decide"
    (reply,) = harness.rows(select(replies))
    assert (reply.case_id, str(reply.promised_on)) == (harness.case().id, "2026-12-04")
    assert [case.state for case in harness.cases()] == [State.DONE]


def test_a_bounce_reopens_the_matter(open_harness: OpenHarness) -> None:
    """The mail counts as not delivered, the address as wrong, and a new case asks for another."""
    harness = open_harness()
    inbox = with_mailbox(harness, "bounced")
    mail = sent(harness)
    inbox.put(bounce(mail, "billing@customer1.example", "delayed"))
    poll(harness)
    assert [case.state for case in harness.cases()] == [State.DONE]
    (late,) = about_replies(harness)
    assert "reports that our message has not arrived so far" in late
    inbox.put(bounce(mail, "billing@customer1.example"))
    poll(harness)
    first, second = harness.cases()
    assert (first.state, second.state) == (State.DONE, State.WAITING)
    assert "address_bounced" in harness.rules(second)
    (attempt,) = harness.rows(select(sends))
    assert attempt.bounced_at == harness.now
    (_, line) = about_replies(harness)
    assert "Our message came back: billing@customer1.example does not work" in line
    harness.change("Invoice", "71", BillEmail={"Address": "ap@customer1.example"})
    harness.refresh()
    assert harness.rules() == {"address_changed"}, "a person confirms the other one"
    said = harness.go(look.confirm_address, "UCOLLECT", "ap@customer1.example")
    assert said.answer is Answer.RECORDED
    harness.run("triage")
    assert harness.approve() is Answer.RECORDED
    harness.wait_out()
    assert [mail.recipient for mail in harness.mails] == [
        *("billing@customer1.example", "ap@customer1.example")
    ]
    outcome = harness.view(first).outcome
    assert outcome is not None
    assert (outcome.state, outcome.at) == ("bounce", attempt.bounced_at)


def test_mail_without_a_case_is_nobodys(open_harness: OpenHarness) -> None:
    """Nobody is asked before there is a case, and without a mailbox nothing is asked."""
    harness = open_harness()
    harness.run("replies")
    inbox = with_mailbox(harness, "nobody")
    inbox.put(b"From: dana@customer1.example\r\n\r\nWe dispute this bill.\r\n")
    harness.time.later(hours=1)
    harness.run("replies")
    assert harness.asked("imap") == 0
    due: Any = select(schedule.c.due_at).where(schedule.c.kind == "replies")
    assert harness.rows(due)[0].due_at > harness.now


def test_a_doubt_is_told_beside_the_mail_that_it_is_about(open_harness: OpenHarness) -> None:
    """A mail that only has the customer in copy is uncertain; its own mail is not."""
    harness = open_harness()
    inbox = with_mailbox(harness, "doubtful")
    harness.sweep()
    copied = {"Cc": "billing@customer1.example"}
    inbox.receive({"from": "kate@books.example", "text": "Who handles this?", "headers": copied})
    inbox.receive({"from": DANA, "text": "Please send us a copy of the invoice."})
    poll(harness)
    doubted = {
        line.split(" ")[1]: "Not certain: A mail of" in line for line in about_replies(harness)
    }
    assert doubted == {"kate@books.example": True, DANA: False}


BREAKS = """CREATE TRIGGER breaks BEFORE INSERT ON documents WHEN NEW.text LIKE '%poison%'
BEGIN SELECT RAISE(ABORT, 'no'); END"""


def test_one_mail_that_cannot_be_dealt_with_holds_up_no_other(open_harness: OpenHarness) -> None:
    """A person is told of it, its case looks again, and the mails around it have their effect."""
    harness = open_harness()
    inbox = with_mailbox(harness, "poisoned")
    harness.sweep()
    with harness.database.writing() as conn:
        conn.execute(text(BREAKS))
    for said in ("Which bank?", "We dispute this poison.", "We will pay the invoice on 5 aprıl."):
        inbox.receive({"from": DANA, "text": said, "headers": {"References": "<a\x00b@c>"}})
    harness.time.later(minutes=1)
    harness.run("replies")
    lines = sorted(about_replies(harness))
    assert ["when they will pay" in lines[0], "asks something" in lines[2]] == [True, True]
    assert lines[1].startswith(":incoming_envelope: The customer wrote a mail without any text")
    assert "poison" not in "".join(lines)
    noted = {line["data"]["kind"]: line["data"] for line in harness.logged("reply.noticed")}
    assert noted.keys() == {"none", "promise", "question"}
    assert noted["none"]["stances"] == ["dispute"], "a person still has to settle that"
    with harness.database.writing() as conn:
        conn.execute(text("DROP TRIGGER breaks"))
    poll(harness)
    assert len(about_replies(harness)) == 3


def test_what_came_during_a_long_outage_is_noticed(open_harness: OpenHarness) -> None:
    """Until the mailbox answers again the channel knows; then every mail since is read."""
    harness = open_harness()
    inbox = with_mailbox(harness, "outage")
    harness.sweep()
    poll(harness)
    inbox.receive({"from": DANA, "text": "We dispute this bill."})
    harness.fault("imap", "IMAP", "reset", None)
    for _ in range(7):
        harness.time.later(days=3)
        harness.run("replies")
    told = [line for line in harness.said("notice") if "New mail in the finance mailbox" in line]
    assert told
    harness.heal()
    poll(harness, days=1)
    (line,) = about_replies(harness)
    assert "disputes the bill" in line
