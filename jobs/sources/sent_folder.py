"""Our mailbox's own copy of what was sent: the exact bytes, in its folder of sent mail.

It is for people who look there for what went out. Nothing depends on it, and it is never filed
twice: the folder is searched for the Message-ID first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from jobs.settings import Settings
from jobs.sources.imap import ImapServer, ImapSession, folder_name
from jobs.sources.mailbox import access_tokens
from jobs.sources.source import SourceError

LONGEST = 45.0
"""Seconds that filing a copy may take: the sender has other mails to send."""
NONE = "none"
"""The setting for no copy at all."""
GMAIL = frozenset({"smtp.gmail.com", "smtp.googlemail.com"})
"""They put what they send into the sender's own folder, perhaps a moment later: ours would be the
second."""


@dataclass(frozen=True)
class SentFolder:
    """A mailbox, and the folder in it; without a name it is the one that the server marks."""

    server: ImapServer
    folder: str = ""
    sends_by: str = ""
    """The host of the SMTP server that mail goes through, or empty."""

    @classmethod
    def of_settings(cls, settings: Settings, sends_by: str) -> Self | None:
        """That of IMAP_URL; None without one, or if SENT_FOLDER says that there are no copies."""
        url = settings.imap_url.get_secret_value()
        if not url or settings.sent_folder == NONE:
            return None
        server = ImapServer.from_url(url, access_tokens(settings), longest_seconds=LONGEST)
        return cls(server, settings.sent_folder, sends_by)

    def file(self, message: bytes, message_id: str) -> str:
        """Put `message` there as a mail that has been read, unless it is there already.

        Returns what became of it, for the record. Raises SourceError if there is no copy, or if
        nobody can tell; some minutes later the folder itself says which.
        """
        if self.sends_by.lower() in GMAIL:
            return "Gmail keeps the copy in Sent itself."
        with self.server.session() as session:
            folder = self._folder(session)
            session.open(folder, encoded=True)
            if session.holds(message_id):
                return "A copy was in Sent already."
            session.append(folder, message)
        return "A copy is in Sent."

    def _folder(self, session: ImapSession) -> str:
        found = folder_name(self.folder) if self.folder else session.sent_folder()
        if not found:
            raise SourceError("The mailbox names no folder of sent mail; set SENT_FOLDER.")
        return found
