"""The finance mailbox of the sandbox: what people write arrives, in time and in its thread."""

import imaplib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message

import httpx
import pytest

from tests.sandbox.company import build
from tests.sandbox.mail.inbox import ADDRESS, PASSWORD, Inbox, running
from tests.sandbox.world import World, serve

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """An empty one, in a world that stands still."""
    world = World(lambda: NOW)
    inbox = Inbox(world)
    world.add(inbox)
    with running(inbox):
        yield inbox


def fetched(inbox: Inbox) -> list[Message]:
    """What a mail program sees."""
    with imaplib.IMAP4("127.0.0.1", inbox.port, 10) as client:
        client.login(ADDRESS, PASSWORD)
        client.select(readonly=True)
        _, found = client.uid("SEARCH", "ALL")
        uids = found[0].decode().split()
        return [message_from_bytes(client.uid("FETCH", uid, "(RFC822)")[1][0][1]) for uid in uids]


def test_a_person_answers_one_of_our_mails(inbox: Inbox) -> None:
    """The answer is in the world and in the mailbox, and belongs to the thread of ours."""
    body = {"from": "Dana <dana@acme.example>", "subject": "Re: Bill", "in_reply_to": "<1@ours>"}
    with serve(inbox.world.app()) as url:
        before = inbox.world.changed.version
        refused = httpx.post(f"{url}/_/mail/receive", json=body)
        id = httpx.post(f"{url}/_/mail/receive", json=body | {"text": "Soon"}).json()["message_id"]
        (shown,) = httpx.get(f"{url}/_/world").json()["inbox"]
    assert (refused.status_code, refused.json()) == (400, {"error": "text or html is missing"})
    assert inbox.world.changed.version > before
    assert (shown["message_id"], shown["in_reply_to"], shown["text"]) == (id, "<1@ours>", "Soon\n")
    (mail,) = fetched(inbox)
    assert [mail[name] for name in ("References", "Message-ID", "To")] == ["<1@ours>", id, ADDRESS]


def test_the_mails_of_a_company_arrive_in_their_time(inbox: Inbox) -> None:
    """What comes tomorrow is not there yet."""
    mails = [
        {"from": "a@x.example", "at": "today-3T09:00", "subject": "first", "text": "Hi"},
        {"from": "a@x.example", "at": "today", "subject": "second", "html": "<p>Hi</p>"},
    ]
    inbox.load(build({"mails": mails}, NOW))
    inbox.world.clock = lambda: NOW - timedelta(days=1)
    assert [mail["Subject"] for mail in fetched(inbox)] == ["first"]
    assert [mail["subject"] for mail in inbox.snapshot()["inbox"]] == ["first"]
    inbox.world.clock = lambda: NOW
    assert [mail["Subject"] for mail in fetched(inbox)] == ["first", "second"]
    with pytest.raises(ValueError, match="an entry of mails cannot be read"):
        inbox.load(build({"mails": [{"text": "Hi"}]}, NOW))
