"""From an approved letter to the bytes of a mail, built once just before it goes out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP

from jobs.mail.addresses import TooLarge, Unsendable, bare, clean, named
from jobs.rules.letter import Letter

LARGEST = 20_000_000
"""Bytes of a whole mail; the large providers take 25 MB and more, many a server of a firm less."""
LONGEST_SUBJECT = 250
"""Longer ones would be folded over several lines without complaint."""


@dataclass(frozen=True)
class File:
    """A PDF that goes with the mail."""

    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        """64 hex digits, for the send row."""
        return hashlib.sha256(self.content).hexdigest()


def message_id(case_id: str, draft_hash: str, domain: str) -> str:
    """The same for the same draft of the same case, so that copies of a mail can be recognised.

    `domain` is that of the sender. The answer has its angle brackets.
    """
    digest = hashlib.sha256(f"{case_id}\n{draft_hash}".encode()).hexdigest()
    return f"<overdue.{digest[:32]}@{bare(f'x@{domain}').partition('@')[2]}>"


def message(
    letter: Letter,
    body: str,
    files: Sequence[File],
    *,
    case_id: str,
    at: datetime,
    domain: str,
    in_reply_to: str = "",
    references: Sequence[str] = (),
) -> bytes:
    """The mail as 7-bit bytes with CRLF, the same for the same arguments.

    `body` is the letter's body with its pay links filled in; `files` are exactly the letter's
    attachments, in order; `in_reply_to` is the Message-ID of our earlier message, `references`
    those before it. Raises Unsendable where the letter cannot be sent as it is, TooLarge where its
    files are the reason.
    """
    _same_files(letter, files)
    mail = EmailMessage(policy=SMTP)
    _head(mail, letter, at)
    mail["Message-ID"] = message_id(case_id, letter.sha256(), domain)
    _thread(mail, in_reply_to, references)
    _content(mail, body, files)
    if files:
        # A random boundary would make two builds of one letter differ.
        mail.set_boundary(f"=_{letter.sha256()[:32]}")
    finished = mail.as_bytes()
    if files and len(finished) > LARGEST:
        size = f"{len(finished) / 1e6:.1f} MB, and mail servers may refuse more than"
        raise TooLarge(f"with its files the mail would have {size} {LARGEST // 10**6} MB")
    return finished


def _head(mail: EmailMessage, letter: Letter, at: datetime) -> None:
    if at.tzinfo is None:
        raise ValueError("the date of a mail needs a time zone")
    mail["Date"] = at.replace(microsecond=0)
    mail["From"] = named(letter.sender)
    if letter.reply_to:
        mail["Reply-To"] = named(letter.reply_to)
    mail["To"] = named(bare(letter.to))
    mail["Subject"] = _subject(letter.subject)


def _subject(subject: str) -> str:
    clean(subject, "the subject")
    if not subject.strip() or len(subject) > LONGEST_SUBJECT:
        raise Unsendable(f"the subject must have 1 to {LONGEST_SUBJECT} characters")
    return subject


def _thread(mail: EmailMessage, in_reply_to: str, references: Sequence[str]) -> None:
    if in_reply_to:
        earlier = list(dict.fromkeys([*references, in_reply_to]))
        for one in earlier:
            clean(one, "the earlier message's id")
        mail["In-Reply-To"] = in_reply_to
        mail["References"] = " ".join(earlier)


def _content(mail: EmailMessage, body: str, files: Sequence[File]) -> None:
    lines = body.replace("\r\n", "\n").split("\n")
    for line in lines:
        clean(line.replace("\t", " ").replace("\u200d", ""), "the text")
    # Not every server takes 8-bit text; quoted-printable also survives long lines.
    mail.set_content("\n".join(lines), charset="utf-8", cte="quoted-printable")
    for file in files:
        clean(file.name, "the file name")
        mail.add_attachment(file.content, maintype="application", subtype="pdf", filename=file.name)


def _same_files(letter: Letter, files: Sequence[File]) -> None:
    if [file.name for file in files] != [one.file_name for one in letter.attachments]:
        raise Unsendable("the files are not the attachments that were approved")
