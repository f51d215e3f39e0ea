"""From an approved letter to a mail handed to a server, and the outcome."""

from __future__ import annotations

from pathlib import Path

from jobs.mail.folder import Folder
from jobs.mail.results import Mailer, MailerCheck, NotSent, Result, Sent, Unknown
from jobs.mail.smtp import Smtp

__all__ = ["Mailer", "MailerCheck", "NotSent", "Result", "Sent", "Unknown", "from_urls"]


def from_urls(smtp_url: str, folder: str) -> Mailer:
    """The mailer that the settings name: an SMTP server or a folder.

    Raises ValueError if neither or both are given.
    """
    if bool(smtp_url) == bool(folder):
        raise ValueError("set exactly one of SMTP_URL and MAIL_FOLDER")
    return Smtp.from_url(smtp_url) if smtp_url else Folder(Path(folder))
