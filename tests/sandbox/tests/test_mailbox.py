"""The mailbox of the sandbox: it keeps what it accepts and refuses what a real server would."""

import smtplib
from collections.abc import Iterator

import httpx
import pytest

from tests.jobs.mail.letters import CUSTOMER, PDF, SENDER, built, letter
from tests.sandbox.mail.mailbox import Mailbox, running
from tests.sandbox.world import World, serve


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """An open mailbox in a world of its own."""
    world = World()
    mailbox = Mailbox(world)
    world.add(mailbox)
    with running(mailbox):
        yield mailbox


def send(mailbox: Mailbox, raw: bytes, to: list[str] | None = None) -> None:
    """Send with the standard library, so that the two sides are not of one mind."""
    with smtplib.SMTP("127.0.0.1", mailbox.port, "localhost", timeout=5) as client:
        client.sendmail(SENDER, to or [CUSTOMER], raw)


def test_the_world_shows_its_mails_beside_a_web_server(mailbox: Mailbox) -> None:
    """Envelope, subject, text, id and attachments, read over HTTP while SMTP goes on."""
    with serve(mailbox.world.app()) as url:
        send(mailbox, built(letter()))
        (mail,) = httpx.get(f"{url}/_/world").json()["mails"]
    assert (mail["from"], mail["to"]) == (SENDER, CUSTOMER)
    assert mail["subject"] == "Invoice 1037 from Ours"
    assert mail["text"] == letter().body + "\n"
    assert mail["message_id"].startswith("<overdue.")
    assert mail["attachments"] == [
        {"name": PDF.name, "sha256": PDF.sha256, "size": len(PDF.content)}
    ]


def test_an_attachment_can_be_looked_at(mailbox: Mailbox) -> None:
    """By the id of its mail and its place in it; anything else is no attachment."""
    with serve(mailbox.world.app()) as url:
        send(mailbox, built(letter()))
        (mail,) = httpx.get(f"{url}/_/world").json()["mails"]
        asked = [(mail["message_id"], "0"), (mail["message_id"], "1"), ("<other>", "0")]
        got = [httpx.get(f"{url}/_/mail/file", params={"mail": m, "place": p}) for m, p in asked]
    assert [answer.status_code for answer in got] == [200, 400, 400]
    assert (got[0].content, got[0].headers["content-type"]) == (PDF.content, "application/pdf")


def test_a_mail_wakes_who_waits_for_the_world(mailbox: Mailbox) -> None:
    """The page learns of it."""
    before = mailbox.world.changed.version
    send(mailbox, built(letter()))
    assert mailbox.world.changed.version > before


def test_a_recipient_twice_is_refused(mailbox: Mailbox) -> None:
    """The product sends one mail to an address once."""
    with smtplib.SMTP("127.0.0.1", mailbox.port, "localhost", timeout=5) as client:
        client.ehlo()
        client.mail(SENDER)
        assert client.rcpt(CUSTOMER)[0] == 250
        assert client.rcpt("other@acme.example")[0] == 250
        assert client.rcpt(CUSTOMER)[0] == 452


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        (b"hello", "missing"),
        (built(letter()).replace(b"Message-ID", b"X-Id"), "Message-ID missing"),
        (built(letter(to="other@acme.example")), "To and Cc are not the recipients"),
        (built(letter(sender="other@ours.example")), "From is not the sender"),
        (built(letter()) + "ä".encode(), "8-bit"),
    ],
)
def test_a_mail_that_is_not_in_order_is_refused(
    mailbox: Mailbox, raw: bytes, complaint: str
) -> None:
    """With a 554 and the reason, and nothing is kept."""
    with pytest.raises(smtplib.SMTPDataError, match=complaint):
        send(mailbox, raw)
    assert mailbox.mails == []


def test_stopping_ends_a_connection_that_hangs() -> None:
    """An idle client does not hold the sandbox up."""
    with running(Mailbox(World())) as mailbox:
        client = smtplib.SMTP("127.0.0.1", mailbox.port, "localhost", timeout=5)
        client.ehlo()
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.noop()
    client.close()
