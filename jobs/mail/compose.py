"""From an approved letter to the bytes of a mail, built once just before it goes out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP, default

from jobs.mail.addresses import Altered, MailTooLarge, Unsendable, bare, clean, header, named
from jobs.rules.drafts import fill_pay_links, pay_links_in
from jobs.rules.letters.html import HtmlText, as_shown, html_part
from jobs.rules.letters.letter import Letter

LARGEST = 20_000_000
"""Bytes of a whole mail: large providers take 25 MB and more, many company servers less."""
LONGEST_SUBJECT = 250
"""Characters. A longer one would be silently folded over several lines."""


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
    """A Message-ID in angle brackets, the same for the same draft of the same case.

    So copies of a mail can be recognised. `domain` is the sender's.
    """
    digest = hashlib.sha256(f"{case_id}\n{draft_hash}".encode()).hexdigest()
    return f"<overdue.{digest[:32]}@{bare(f'x@{domain}').partition('@')[2]}>"


def identity(built: bytes) -> str:
    """A hash (64 hex digits) of a mail's Message-ID, or of the whole mail if it has none."""
    found = message_from_bytes(built, policy=default)["Message-ID"]
    return hashlib.sha256(str(found or "").strip().encode() or built).hexdigest()


def message(
    letter: Letter,
    links: Mapping[str, str],
    files: Sequence[File],
    *,
    case_id: str,
    at: datetime,
    domain: str,
    in_reply_to: str = "",
    references: Sequence[str] = (),
) -> bytes:
    """The mail as 7-bit bytes with CRLF, the same for the same arguments.

    `links` are its pay links (number or "#id" → URL); `files` are exactly the letter's
    attachments, in order; `in_reply_to` is the Message-ID of our earlier message, `references`
    those before it. The bytes are parsed again before they are returned. Raises Unsendable if the
    letter cannot be sent as it is, MailTooLarge if its files are the reason, and Altered if a mail
    program would read anything other than what was approved.
    """
    _same_files(letter, files)
    mail = EmailMessage(policy=SMTP)
    _head(mail, letter, at)
    mail["Message-ID"] = message_id(case_id, letter.sha256(), domain)
    _thread(mail, in_reply_to, references)
    _content(mail, letter, links, files)
    finished = mail.as_bytes()
    if files and len(finished) > LARGEST:
        size = f"{len(finished) / 1e6:.1f} MB, and mail servers may refuse more than"
        raise MailTooLarge(f"with its files the mail would have {size} {LARGEST // 10**6} MB")
    check(finished, letter, links, files, _headers(letter, in_reply_to))
    return finished


def _headers(letter: Letter, in_reply_to: str) -> set[str]:
    """The names of the headers that its mail has."""
    headers = {"from", "to", "subject", "date", "message-id", "mime-version", "content-type"}
    headers |= {"reply-to"} if letter.reply_to else set()
    headers |= {"cc"} if letter.cc else set()
    return headers | ({"in-reply-to", "references"} if in_reply_to else set())


def check(
    built: bytes,
    letter: Letter,
    links: Mapping[str, str],
    files: Sequence[File],
    headers: set[str],
) -> None:
    """Parse the finished mail as the reader's program will. Raises Altered if it differs.

    `headers` are the header names that it must have, in lower case, each once.
    """
    mail = message_from_bytes(built, policy=default)
    if wrong := list(_differences(mail, letter, links, files, headers)):
        raise Altered(f"the finished mail differs from the approved one in {', '.join(wrong)}")


def _differences(
    mail: EmailMessage,
    letter: Letter,
    links: Mapping[str, str],
    files: Sequence[File],
    headers: set[str],
) -> Iterator[str]:
    if sorted(name.lower() for name in mail) != sorted(headers):
        yield "its headers"
        return  # headers that are missing or duplicated cannot be compared
    yield from _differences_in_head(mail, letter)
    text, *parts = mail.iter_parts() if files else (mail,)
    yield from _differences_in_text(text, letter, links)
    found = [(part.get_filename(), part.get_payload(decode=True)) for part in parts]
    if found != [(file.name, file.content) for file in files] or mail.defects:
        yield "the files"


def _differences_in_head(mail: EmailMessage, letter: Letter) -> Iterator[str]:
    for name, approved in (("From", letter.sender), ("Reply-To", letter.reply_to)):
        if approved and _addresses(mail, name) != [named(approved)]:
            yield name
    if _addresses(mail, "To") != [named(bare(letter.to))]:
        yield "To"
    if letter.cc and _addresses(mail, "Cc") != _copied(letter):
        yield "Cc"
    if str(mail["Subject"]).lstrip() != letter.subject:  # a long one starts on its own line
        yield "the subject"


def _differences_in_text(
    letters: MIMEPart, letter: Letter, links: Mapping[str, str]
) -> Iterator[str]:
    texts = list(letters.iter_parts()) if letters.is_multipart() else [letters]
    if [text.get_content_type() for text in texts] != ["text/plain", "text/html"]:
        yield "the text"
        return
    if _words(texts[0]) != _lines(fill_pay_links(letter.body, links)):
        yield "the text"
    shown = HtmlText(str(texts[1].get_content()))
    wanted = [links[key] for key in pay_links_in(letter.body)]
    if (shown.text, shown.hrefs) != (as_shown(letter.body, letter.language), wanted):
        yield "the HTML part"


def _addresses(mail: EmailMessage, name: str) -> list[Address]:
    return list(mail[name].addresses)


def _words(part: MIMEPart) -> list[str]:
    return _lines(str(part.get_content()))


def _lines(body: str) -> list[str]:
    return body.replace("\r\n", "\n").removesuffix("\n").split("\n")


def _head(mail: EmailMessage, letter: Letter, at: datetime) -> None:
    if at.tzinfo is None:
        raise ValueError("the date of a mail needs a time zone")
    mail["Date"] = at.replace(microsecond=0)
    mail["From"] = named(letter.sender)
    if letter.reply_to:
        mail["Reply-To"] = named(letter.reply_to)
    mail["To"] = named(bare(letter.to))
    if letter.cc:
        mail["Cc"] = _copied(letter)
    mail["Subject"] = _subject(letter.subject)


def _copied(letter: Letter) -> list[Address]:
    return [named(bare(address)) for address in letter.cc]


def _subject(subject: str) -> str:
    header(subject, "the subject")
    if not subject.strip() or len(subject) > LONGEST_SUBJECT:
        raise Unsendable(f"the subject must have 1 to {LONGEST_SUBJECT} characters")
    return subject


def _thread(mail: EmailMessage, in_reply_to: str, references: Sequence[str]) -> None:
    if in_reply_to:
        earlier = list(dict.fromkeys([*references, in_reply_to]))
        for one in earlier:
            header(one, "the earlier message's id")
        mail["In-Reply-To"] = in_reply_to
        mail["References"] = " ".join(earlier)


def _content(
    mail: EmailMessage, letter: Letter, links: Mapping[str, str], files: Sequence[File]
) -> None:
    body = fill_pay_links(letter.body, links).replace("\r\n", "\n")
    for line in body.split("\n"):
        clean(line.replace("\t", " ").replace("\u200d", ""), "the text")
    html = html_part(letter.body, letter.language, links)
    # Not every server takes 8-bit text; quoted-printable also survives long lines.
    mail.set_content(body, charset="utf-8", cte="quoted-printable")
    mail.add_alternative(html, subtype="html", charset="utf-8", cte="quoted-printable")
    for file in files:
        header(file.name, "the file name")
        mail.add_attachment(file.content, maintype="application", subtype="pdf", filename=file.name)
    # With random boundaries, two builds of the same letter would differ.
    for depth, part in enumerate(p for p in mail.walk() if p.is_multipart()):
        part.set_boundary(f"=_{depth}_{letter.sha256()[:32]}")


def _same_files(letter: Letter, files: Sequence[File]) -> None:
    if [file.name for file in files] != [one.file_name for one in letter.attachments]:
        raise Unsendable("the files are not the attachments that were approved")
