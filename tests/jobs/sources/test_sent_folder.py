"""The copy of what was sent, in the mailbox's own folder."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from jobs.settings import Settings
from jobs.sources.imap import ImapServer
from jobs.sources.sent_folder import SentFolder
from jobs.sources.source import SourceError
from tests.sandbox.mail.inbox import Inbox, running
from tests.sandbox.world import World

ID = "<overdue.1@brass-fern.example>"
MAIL = f"Message-ID: {ID}\r\nSubject: A reminder\r\n\r\nPlease pay.\r\n1 LOGIN nobody\r\n".encode()


def test_a_copy_is_there_once() -> None:
    """Byte for byte, as read, also in a folder of another name; what is there is left alone."""
    with running(Inbox(World())) as inbox:
        server = ImapServer.from_url(inbox.url)
        for folder, here in (("", "Sent"), ("Ausgänge", "Ausgänge")):
            inbox.put(b"Subject: older\r\n\r\nHello.\r\n", folder=here)
            sent = SentFolder(server, folder)
            assert sent.file(MAIL, ID) == "A copy is in Sent."
            assert sent.file(MAIL, ID) == "A copy was in Sent already."
            with server.session() as mailbox:
                mailbox.open(here)
                found = mailbox.search("SEEN")
                assert [mail.raw for mail in mailbox.fetch(found, 10**6)] == [MAIL]


def test_without_a_folder_there_is_no_copy() -> None:
    """It says what to set; and where the mail server keeps copies, none is added."""
    with running(Inbox(World())) as inbox:
        server = ImapServer.from_url(inbox.url)
        with pytest.raises(SourceError, match="SENT_FOLDER"):
            SentFolder(server).file(MAIL, ID)
        with pytest.raises(SourceError, match="Nowhere"):
            SentFolder(server, "Nowhere").file(MAIL, ID)
        gmail = SentFolder(server, "", "smtp.gmail.com")
        assert gmail.file(MAIL, ID) == "Gmail keeps the copy in Sent itself."
        with server.session() as mailbox:
            assert mailbox.open("INBOX") == 0


def test_the_settings_decide() -> None:
    """No mailbox, or "none": no copies."""
    settings = Settings.model_construct(
        imap_url=SecretStr("imaps://ar%40acme.example:secret-word@mail.example"),
        sent_folder="Archive/Sent",
    )
    named = SentFolder.of_settings(settings, "mail.example")
    assert named is not None
    assert (named.folder, named.sends_by) == ("Archive/Sent", "mail.example")
    for changes in ({"sent_folder": "none"}, {"imap_url": SecretStr("")}):
        assert SentFolder.of_settings(settings.model_copy(update=changes), "") is None
