"""A draft as a test mail to one of us: marked as such, without links that pay or files."""

from __future__ import annotations

import hashlib
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default

from jobs.mail.addresses import Altered, bare, clean, header, named
from jobs.rules.letters.letter import Letter

MARK = "[Test copy] "
"""How the subject of every test copy begins."""
LONGEST_SUBJECT = 250


def message_id(draft_hash: str, person: str, domain: str) -> str:
    """A Message-ID that no message to a customer has: the same for the same draft and person."""
    digest = hashlib.sha256(f"copy\n{draft_hash}\n{person}".encode()).hexdigest()
    return f"<overdue-copy.{digest[:32]}@{bare(f'x@{domain}').partition('@')[2]}>"


def draft_copy(letter: Letter, to: str, case: str, message_id: str, at: datetime) -> bytes:
    """The mail as bytes. Pay links stand as in the draft, files are named only.

    `to` is the address of one of us. Raises Unsendable, and Altered if a mail program would read
    another recipient or another subject.
    """
    subject = header(f"{MARK}{letter.subject}", "the subject")[:LONGEST_SUBJECT]
    mail = EmailMessage(policy=SMTP)
    mail["Date"] = at.replace(microsecond=0)
    mail["From"] = named(letter.sender)
    mail["To"] = named(bare(to))
    mail["Subject"] = subject
    mail["Message-ID"] = message_id
    mail["Auto-Submitted"] = "auto-generated"
    text = f"{_about(letter, case)}\n\n{letter.body}"
    for line in text.split("\n"):
        clean(line.replace("\t", " ").replace("\u200d", ""), "the text")
    mail.set_content(text, charset="utf-8", cte="quoted-printable")
    built = mail.as_bytes()
    read = message_from_bytes(built, policy=default)
    if [one.addr_spec for one in read["To"].addresses] != [named(bare(to)).addr_spec]:
        raise Altered("the finished test copy is addressed to somebody else")
    if str(read["Subject"]).strip() != subject.strip():
        raise Altered("the finished test copy has another subject")
    return built


def _about(letter: Letter, case: str) -> str:
    files = ", ".join(a.file_name for a in letter.attachments) or "none"
    return (
        f"This is a test copy of the draft of case {case}, for you only. The customer has not got "
        f"it.\nIt would go to: {letter.to}\nFiles that would be attached: {files}\n{'-' * 60}"
    )
