"""From the bytes of a mail that somebody sent us to what it says, however broken it is.

Everything in a mail is outside text, its headers too: anybody can write any sender. What it says
can only make a message more careful.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.policy import compat32
from email.utils import getaddresses
from itertools import islice

from jobs.reasoning.cleaning import LONGEST_TEXT, in_a_file, lines, plain, visible
from jobs.reasoning.phrases import phrases
from jobs.reasoning.replies import own_words, quoted
from jobs.rules.facts.evidence import AUTOMATIC, BOUNCE, DELAY, Stance, Unreadable
from jobs.rules.plain import one_line
from jobs.sources.imap import Fetched

BROKEN = (ValueError, LookupError, TypeError, AttributeError, MessageError, RecursionError)
"""What the standard library raises for mails that are not in order."""
MOST_PARTS = 200
MOST_IDS = 50
"""Of one header, the last ones: References ends with the mail that is answered."""
MOST_ATTACHMENTS = 10
LONGEST_SUBJECT = 200

_ENCRYPTED = frozenset({"encrypted", "pkcs7-mime", "x-pkcs7-mime"})
_SIGNATURES = frozenset(
    {"pkcs7-signature", "x-pkcs7-signature", "pgp-signature", "pgp-keys", "vcard", "x-vcard"}
)
_ARMOUR = "-----BEGIN PGP MESSAGE-----"
_IDS = re.compile(r"<[^<>\s\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,250}>")
"""Without what PostgreSQL does not take: a NUL, or half of a surrogate pair."""
ANSWER_SUBJECT = re.compile(r"\s*(?:re|aw|antw|sv|rv|tr|r)\s*(?:\[\d+\])?:", re.IGNORECASE)
_FORWARD = re.compile(r"\s*(?:fwd?|wg|weitergeleitet|i|enc)\s*:", re.IGNORECASE)
_FORWARDED = re.compile(
    r"(?im)^\W*(?:(?:begin )?forwarded message|weitergeleitete nachricht"
    r"|anfang der weitergeleiteten (?:nachricht|e-?mail))\b"
)
_AUTOMATIC = re.compile(
    r"\s*(?:automatic reply|auto(?:matic)?[- ]?(?:reply|response)|out of (?:the )?office"
    r"|automatische antwort|abwesenheit|ich bin (?:nicht im|außer)|nicht im büro)",
    re.IGNORECASE,
)
_LEFT = re.compile(
    r"no longer (?:works?|working|employed|(?:with|at|part of) (?!(?:you|me)\b)\w)(?! on\b)"
    r"|(?:has|have|had|'ve|who) left (?:the|our|this) (?:company|firm|business|organi[sz]ation)"
    r"|(?:mailbox|address|account) is (?:no longer|not) (?:monitored|in use|active|valid|read)"
    r"|(?:has|have|'ve) retired\b"
    r"|nicht mehr (?:\w+ ){0,6}(?:tätig|beschäftigt|angestellt)\b"
    r"|nicht mehr (?:im|in unserem|bei|für) (?:\w+ ){0,3}(?:unternehmen|haus|firma|uns)\b"
    r"|(?:unternehmen|firma) verlassen|aus (?:dem|unserem) (?:unternehmen|haus) ausgeschieden"
    r"|(?:postfach|adresse) wird nicht (?:mehr )?(?:gelesen|betreut|genutzt|verwendet)",
    re.IGNORECASE,
)
_DAEMONS = ("mailer-daemon@", "postmaster@")
_GRAVE = frozenset({Stance.HARDSHIP, Stance.BANK_CHANGE, Stance.DISPUTE, Stance.PAID_CLAIM})
_OF_PROGRAMS = frozenset({Stance.UNCLEAR, Stance.PLAN_REQUEST, Stance.PROMISE})
"""What a postmaster may write, and what is noise in an absence notice."""
_FAILED = re.compile(r"rfc822;\s*(?P<address>[^\s;<>]+@[^\s;<>]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Inbound:
    """One mail as far as it could be read."""

    id: str
    """Of its content: a mail that only takes over another's Message-ID has one of its own."""
    kind: str
    """"mail", "reply" (to one of ours), "forward", AUTOMATIC, BOUNCE or DELAY.

    Only reports, daemons and absence notices are AUTOMATIC, and only if they say nothing about the
    bill: somebody's absence notice may also refuse an invoice.
    """
    at: datetime
    sender: str
    """The bare address, in lower case; empty if there is none."""
    recipients: frozenset[str]
    message_id: str
    answers: frozenset[str]
    """The Message-IDs that it answers, or that it returns as undeliverable."""
    text: str
    failed: frozenset[str] = frozenset()
    """The addresses that do not work, according to a bounce."""
    whole: bool = True
    """Whether all of its text was there."""
    missing: Unreadable | None = None
    """What of it only a person can read."""
    quotes_others: bool = False
    """Whether it forwards or quotes what somebody else than us wrote."""

    @property
    def says_left(self) -> bool:
        """Whether it is an automatic reply, and says that nobody reads its sender's mail now."""
        return self.kind == AUTOMATIC and _LEFT.search(self.text) is not None


def parse(fetched: Fetched, ours: Collection[str], our_ids: Collection[str]) -> Inbound | None:
    """What a mail says, or None if it cannot be read at all.

    `ours` are our names, addresses and domains; `our_ids` the Message-IDs of what we sent.
    """
    try:
        return _parsed(fetched, ours, our_ids)
    except Exception:  # noqa: BLE001 # anybody can send anything, and the other mails are to be read
        return None


def _parsed(fetched: Fetched, ours: Collection[str], our_ids: Collection[str]) -> Inbound:
    mail = message_from_bytes(fetched.raw, policy=compat32)
    parts = list(islice(mail.walk(), MOST_PARTS))
    failed, returned = _returned(parts)
    sender = next(iter(_addresses(mail, "From")), "")
    answers = _ids(mail, "In-Reply-To") | _ids(mail, "References") | returned
    answers_us = not answers.isdisjoint(our_ids)
    texts = _texts(parts)
    at_home = _at_home(sender, ours)
    # in a colleague's answer a quote without a name is more likely the customer's
    quotes_us = answers_us and not at_home
    words = _together(*(own_words(text, ours, answers_us=quotes_us) for text in texts))
    if failed:
        kind = BOUNCE
    elif _is_delay(parts):
        kind = DELAY
    else:
        kind = _kind(mail, sender, words, texts, answers_us=answers_us)
    by_us = at_home and kind != "forward"
    return Inbound(
        id=_content_id(mail, sender, kind, *sorted(failed), words),
        kind=kind,
        at=fetched.at,
        sender=sender,
        recipients=frozenset(_addresses(mail, "To", "Cc")),
        message_id=next(iter(_ids(mail, "Message-ID")), ""),
        answers=frozenset(answers),
        text="\n".join(filter(None, (_said_subject(mail, answers_us), words, _files(parts)))),
        failed=failed,
        whole=not fetched.cut or _ends_with_a_file(parts) or len(words) >= LONGEST_TEXT,
        quotes_others=kind == "forward" or any(quoted(text, ours) for text in texts),
        missing=None if _is_report(mail) or failed else _missing(parts, words, by_us=by_us),
    )


def _at_home(sender: str, ours: Collection[str]) -> bool:
    return not {sender, sender.rpartition("@")[2]}.isdisjoint(one.lower() for one in ours)


def _missing(parts: list[Message], words: str, *, by_us: bool) -> Unreadable | None:
    encrypted = any(part.get_content_subtype() in _ENCRYPTED for part in parts)
    if encrypted or _ARMOUR in words:
        return Unreadable.TEXT
    cut = len(words) >= LONGEST_TEXT or len(parts) >= MOST_PARTS
    if cut or any(map(_is_cut, _text_parts(parts))):
        return Unreadable.REST
    if not words:
        return Unreadable.TEXT
    says_more = not by_us and in_a_file(words) and any(map(_is_own_file, parts))
    return Unreadable.FILE if says_more else None


def _is_own_file(part: Message) -> bool:
    """Whether it is a file that is read on its own, and neither a signature nor a picture that
    belongs to the text, such as a logo."""
    if not _file_name(part) or part.get_content_maintype() == "message":
        return False
    in_text = part["Content-ID"] is not None or part.get_content_disposition() == "inline"
    shown = part.get_content_maintype() == "image" and in_text
    return not shown and part.get_content_subtype() not in _SIGNATURES


def _is_cut(part: Message) -> bool:
    """Whether it is longer than `plain` and `visible` read."""
    times = 4 if part.get_content_subtype() == "html" else 1
    return len(_decoded(part)) > times * LONGEST_TEXT


def _texts(parts: list[Message]) -> tuple[str, str]:
    """All text that a reader sees: the plain one, and the visible one of the HTML."""
    plain_text, html = "", ""
    for part in _text_parts(parts):
        if part.get_content_subtype() == "html":
            html += f"{plain(visible(_decoded(part)))}\n"
        else:
            plain_text += f"{plain(_decoded(part))}\n"
    return plain_text.strip(), html.strip()


def _text_parts(parts: list[Message]) -> Iterator[Message]:
    """Those that are no files. A report returns our own message below what it says."""
    for part in parts:
        kind = part.get_content_maintype()
        if kind == "message" and _is_report(parts[0]):
            return
        # a leaf that calls itself multipart has lost its boundary
        if kind in ("text", "multipart") and not (part.is_multipart() or _file_name(part)):
            yield part


def _together(plain_text: str, html: str) -> str:
    """Both are meant to say the same; where they do not, neither may hide anything."""
    said = letters(plain_text)
    more = [line for line in html.split("\n") if letters(line) not in said]
    return "\n".join([plain_text, *more]).strip()[:LONGEST_TEXT]


def letters(text: str) -> str:
    """Its letters and digits in small: the same, however a mail program breaks its lines."""
    return "".join(filter(str.isalnum, text)).casefold()


def _decoded(part: Message) -> str:
    """The text of a part in its charset, or in what is likely if that is unknown or wrong."""
    raw = part.get_payload(decode=True)
    content = raw if isinstance(raw, bytes) else b""
    named = str(part.get_content_charset() or "utf-8")
    for charset in (named, "utf-8"):
        try:
            return content.decode(charset)
        except (LookupError, ValueError):
            continue
    return content.decode("cp1252", "replace")


def _kind(
    mail: Message,
    sender: str,
    words: str,
    texts: Iterable[str],
    *,
    answers_us: bool,
) -> str:
    by_machine = _is_report(mail) or sender.startswith(_DAEMONS) or _is_notice(mail)
    if by_machine and not _says_something(mail, words):
        return AUTOMATIC
    if _FORWARD.match(_subject(mail)) or any(map(_FORWARDED.search, texts)):
        return "forward"
    return "reply" if answers_us else "mail"


def _says_something(mail: Message, words: str) -> bool:
    """Whether the words of an automatic mail are about the bill.

    Those of a mail server never are: "could not be delivered" means our own message.
    """
    if _is_report(mail):
        return False
    about = _GRAVE if _is_notice(mail) else _GRAVE | _OF_PROGRAMS
    return any(phrases.numbers(stance, lines(words)) for stance in about)


def _is_notice(mail: Message) -> bool:
    """Whether it says that somebody is away (RFC 3834, and what programs did before it).

    What else a program sends, or a list passes on, a person may have written: payables are often
    answered from a portal.
    """
    submitted = _header(mail, "Auto-Submitted").strip().lower()
    marked = any(mail[name] is not None for name in ("X-Autoreply", "X-Autorespond"))
    return (
        marked
        or submitted.startswith("auto-replied")
        or _header(mail, "Precedence").strip().lower() == "auto_reply"
        or bool(_AUTOMATIC.match(_subject(mail)))
    )


def _returned(parts: list[Message]) -> tuple[frozenset[str], set[str]]:
    """From a bounce: the addresses that failed for good, and the ids of what comes back."""
    failed: set[str] = set()
    ids: set[str] = set()
    if not _is_report(parts[0]):
        # Exim and older servers write a plain mail and name the address in a header.
        failed.update(_addresses(parts[0], "X-Failed-Recipients"))
        return frozenset(failed), ids
    for part in parts[1:]:
        if _header(part, "Action").strip().lower() == "failed":
            # a status of 4 says that it may work later
            final = _header(part, "Final-Recipient") + " " + _header(part, "Original-Recipient")
            gone = not _header(part, "Status").strip().startswith("4")
            failed.update(m["address"].lower() for m in _FAILED.finditer(final) if gone)
        ids |= _ids(part, "Message-ID")
        if part.get_content_type() == "text/rfc822-headers":
            ids |= _ids(message_from_bytes(_decoded(part).encode()), "Message-ID")
    return frozenset(failed), ids


def _is_delay(parts: list[Message]) -> bool:
    """Whether it reports that a message has not arrived, and not that its address is wrong."""
    actions = {_header(part, "Action").strip().lower() for part in parts[1:]}
    return _is_report(parts[0]) and not actions.isdisjoint(("delayed", "failed"))


def _is_report(mail: Message) -> bool:
    """RFC 6522: about the delivery of another mail."""
    return mail.get_content_type() == "multipart/report"


def _said_subject(mail: Message, answers_us: bool) -> str:
    """The subject, unless it is only ours again."""
    subject = one_line(_subject(mail), LONGEST_SUBJECT)
    return "" if answers_us and ANSWER_SUBJECT.match(subject) else subject


def _subject(mail: Message) -> str:
    return _header(mail, "Subject")


def _files(parts: list[Message]) -> str:
    names = filter(None, map(_file_name, parts))
    return "\n".join(f"[attached: {name}]" for name in list(names)[:MOST_ATTACHMENTS])


def _file_name(part: Message) -> str:
    name = part.get_filename()
    if name is None and part.get_content_disposition() != "attachment":
        return ""
    return one_line(_readable(name or "a file")) or "a file"


def _ends_with_a_file(parts: list[Message]) -> bool:
    """Whether what was left on the server is the rest of a file, and not of a text."""
    last = parts[-1]
    has_text = any(one.get_content_maintype() == "text" and not _file_name(one) for one in parts)
    return has_text and not last.is_multipart() and last.get_content_maintype() != "text"


def _header(mail: Message, name: str) -> str:
    return _readable(mail.get(name, ""))


def _readable(value: object) -> str:
    """A header without its encoding, or as it came if that is broken."""
    try:
        return str(make_header(decode_header(value)))  # type: ignore[arg-type] # str or Header
    except BROKEN:
        return str(value)


def _addresses(mail: Message, *names: str) -> list[str]:
    values = [str(value) for name in names for value in mail.get_all(name, [])]
    return [address.lower() for _, address in getaddresses(values) if "@" in address]


def _ids(mail: Message, name: str) -> set[str]:
    return set(_IDS.findall(str(mail.get(name, "")))[-MOST_IDS:])


def _content_id(mail: Message, *said_in_it: str) -> str:
    said = "\n".join([str(mail.get("Message-ID", "")), _subject(mail), *said_in_it])
    return f"mail:{hashlib.sha256(said.encode('utf-8', 'replace')).hexdigest()[:16]}"
