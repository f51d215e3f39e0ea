"""Send me a copy: a draft in one's own mailbox, and never in a customer's."""

from __future__ import annotations

from sqlalchemy import select

from jobs.decide.access import Answer
from jobs.decide.edit import send_copy
from jobs.rules.states import State
from jobs.store.customers import history
from jobs.store.database.tables import draft_copies, sends
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import CompanyHarness, books, customer, invoice


def ask(harness: CompanyHarness, user: str) -> Answer:
    """What somebody is told who asks for a copy; then everything due happens."""
    answer: Answer = harness.go(send_copy, user).answer
    harness.run("draft_copies")
    return answer


def test_a_draft_is_mailed_to_whoever_asks(a_harness: CompanyHarness) -> None:
    """Marked, without pay link or files, once; it is no contact, and the case is as it was."""
    before = a_harness.case().version
    assert ask(a_harness, "UGUEST") is Answer.NOT_A_MEMBER
    assert ask(a_harness, "UMANAGER") is Answer.NOT_ALLOWED
    assert ask(a_harness, "UCOLLECT") is Answer.RECORDED
    assert ask(a_harness, "UCOLLECT") is Answer.ASKED_BEFORE
    (mail,) = a_harness.mails
    letter = a_harness.view().letter
    assert letter is not None
    assert mail.recipient == "cora@brassfern.example"
    assert mail.message["Subject"] == f"[Test copy] {letter.subject}"
    body = mail.message.get_body(("plain",))
    assert body is not None
    assert letter.body in str(body.get_content()).replace("\r\n", "\n")
    assert not list(mail.message.iter_attachments())
    assert a_harness.said("direct") == [
        "The test copy of case 1 is in your mailbox. The customer got nothing."
    ]
    assert (a_harness.case().version, a_harness.state()) == (before, State.WAITING)
    assert a_harness.rows(select(sends)) == []
    with a_harness.database.reading() as conn:
        assert history.past(conn, a_harness.realm, "1").contacts == ()
    assert "brassfern" not in str(a_harness.logged("copy."))
    assert a_harness.approve() is Answer.RECORDED


def test_no_copy_goes_to_a_customer(open_harness: OpenHarness) -> None:
    """Neither to an address nor to a domain that a ledger has; nor of a draft that has changed."""
    known = books(customer("1", "dana@brassfern.example"), invoice("71", "1", "840.00", 12))
    harness = open_harness(known)
    harness.sweep()
    assert ask(harness, "ULEAD1") is Answer.RECORDED
    assert harness.mails == []
    assert "is a customer's in QuickBooks." in harness.said("direct")[-1]
    old = harness.go(send_copy, "ULEAD2")
    assert old.answer is Answer.RECORDED
    assert harness.rewrite() is Answer.RECORDED
    harness.run("draft_copies")
    assert "The draft has changed." in harness.said("direct")[-1]
    states = [row.state for row in harness.rows(select(draft_copies))]
    assert states == ["refused", "refused"]


def test_a_copy_that_was_cut_off_is_not_sent_again(a_harness: CompanyHarness) -> None:
    """Whoever finds it in flight cannot tell: the person is asked to look."""
    assert a_harness.go(send_copy, "UCOLLECT").answer is Answer.RECORDED
    with a_harness.database.writing() as conn:
        conn.execute(draft_copies.update().values(state="in_flight"))
    a_harness.run("draft_copies")
    assert a_harness.mails == []
    assert "It may have been sent" in a_harness.said("direct")[-1]
