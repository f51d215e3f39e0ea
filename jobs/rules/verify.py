"""A message against the facts: whatever is not on record is a violation.

Checked when a text is drafted, after every edit, and again just before sending. A violation in a
model's text means the template; in a person's text it is shown, and makes a gate. It fails
closed: a figure that is not recognised as a fact is a violation, whatever it means.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date

from babel.numbers import list_currencies

from jobs.rules import wording
from jobs.rules.facts import Facts, Invoice
from jobs.rules.known import Known, known, normal
from jobs.rules.ledger_text import presentable
from jobs.rules.past import Past
from jobs.rules.plain import one_line, without_hidden
from jobs.rules.policy import Policy
from jobs.rules.scan import Found, found
from jobs.rules.slots import attaches, contact, locale_of, pay_link_keys, title
from jobs.rules.violations import Violation as Violation
from jobs.rules.violations import violation

SUBJECT_LENGTH = 200
BODY_LENGTH = 3000
PER_INVOICE = 500

BLANK = "\x00"
"""Stands for what is known to be right; it is no letter, digit or space."""

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("mon", "tues", "wednes", "thurs", "fri", "satur", "sun")

ALLOWABLE = {
    name: wording.pattern(rf"\b(?:{words})\b") for name, words in wording.ALLOWABLE.items()
}
PHRASES = (
    ("bank_details", wording.pattern(wording.BANK)),
    ("reply_elsewhere", wording.pattern(wording.ELSEWHERE)),
    ("number_words", wording.pattern(wording.NUMBER_WORDS)),
    ("attachment", wording.pattern(wording.QR_CODE)),
    ("markup", re.compile(wording.MARKUP)),
    ("bank_details", re.compile(wording.WALLET)),
)
ATTACHED = wording.pattern(wording.ATTACHMENT)
BANK_NUMBERS = (
    (re.compile(wording.IBAN), wording.is_iban),
    (re.compile(wording.CARD), wording.is_card),
)
LOOSE = (
    ("bank_details", re.compile(wording.LONG_NUMBER)),
    ("bank_details", re.compile(wording.SORT_CODE)),
    ("phone", re.compile(wording.PHONE)),
)
KEPT = frozenset({"month_day", "day_month", "month_year", "iso_day", "address", "link", "pay_link"})
"""What is wrong as itself and not as a part of a longer number."""
AFTER_INVOICE = re.compile(
    r"\binvoices?(?:\s+(?:numbers?|nos?\.?))?[\s#:]*"
    rf"(?:(?:{BLANK}+|[\w/#.-]*\d[\w/#.-]*)(?:\s*,\s*(?:and\s+)?|\s+and\s+|\s+or\s+|\s*&\s*))*$",
    re.IGNORECASE,
)
LETTERED = re.compile(r"\b[Ii]nvoices?\s+(?:number\s+|no\.?\s+|#)?([A-Z][A-Z-]+)\b([\w/-]*)")
NOT_A_NUMBER = frozenset({"PDF", "PO", "VAT", "GST", "HST", "ID", *list_currencies()})
GREETING = re.compile(r"(?:hello|hi|dear|good \w+)\b,?\s*(.*?)\s*[,:!.]?", re.IGNORECASE)
NEUTRAL = frozenset(
    {"there", "all", "both", "team", "everyone", "everybody", "sir", "madam", "or", "and", "the"}
    | {"accounts", "payable", "ladies", "gentlemen", "mr", "mrs", "ms", "mx", "dr"}
)
"""A greeting may consist of these without naming anybody."""
TABLE_LINE = re.compile(r"Invoice .*: .*\d.*")


def verify(
    subject: str,
    body: str,
    facts: Facts,
    policy: Policy,
    past: Past,
    *,
    deadline: date | None = None,
    addresses: Iterable[str] = (),
) -> tuple[Violation, ...]:
    """What in this text is not on record, each once; nothing where all is well.

    `deadline` is the one of this draft, `addresses` are our own (sender and reply-to). A hard
    violation is one that not even a person can save.
    """
    facts = presentable(facts)
    if too_long := tuple(_length(subject, body, facts, policy)):
        return too_long
    allowed = known(facts, policy, past, deadline, addresses)
    # A pay link is filled in the body only
    for_subject = replace(allowed, link_keys=frozenset())
    found_here = [
        *_text(subject, for_subject, facts, policy),
        *_text(body, allowed, facts, policy),
        *_table(body, allowed, facts, policy),
        *_people(body, facts, policy),
    ]
    return tuple(dict.fromkeys(found_here))


def _text(text: str, allowed: Known, facts: Facts, policy: Policy) -> Iterator[Violation]:
    plain = normal(text)
    pieces = list(found(plain, allowed.literals, allowed.symbols))
    wrong = [(piece, kind) for piece, kind in _judged(pieces, allowed, facts) if kind]
    bad = {id(piece) for piece, _ in wrong}
    rest = _blanked(plain, [piece for piece in pieces if id(piece) not in bad])
    loose = list(_loose(_blanked(plain, [p for p in pieces if id(p) not in bad or p.kind in KEPT])))
    for piece, kind in wrong:
        if not any(start <= piece.start and piece.end <= end for _, start, end in loose):
            yield violation(_kind(piece, kind, rest), piece.text)
    for kind, start, end in loose:
        yield violation(kind, plain[start:end])
    yield from _bank_numbers(plain, pieces, bad)
    yield from _disguised(text, [p for p in pieces if id(p) not in bad], facts, policy)
    yield from _phrases(rest, facts, policy)
    yield from _characters(text, rest, allowed)


def _judged(pieces: list[Found], allowed: Known, facts: Facts) -> Iterator[tuple[Found, str]]:
    """Each piece with the kind of its violation, empty where it is a fact."""
    links_seen: set[str] = set()
    for piece in pieces:
        if piece.kind == "pay_link":
            key = piece.text.removeprefix("[pay link ").removesuffix("]")
            fits = key in allowed.link_keys - links_seen and piece.text == f"[pay link {key}]"
            links_seen.add(key)
            yield piece, "" if fits else "pay_link"
        else:
            yield piece, _wrong(piece, allowed, facts)


def _wrong(piece: Found, allowed: Known, facts: Facts) -> str:
    match piece.kind:
        case "literal":
            return ""
        case "address":
            return "" if piece.text.lower() in allowed.addresses else "address"
        case "money":
            return _wrong_money(piece, allowed)
        case "month_day" | "day_month" | "iso_day" | "month_year":
            return "" if _is_on_record(piece, allowed) else "date"
        case "number":
            return "" if _is_numeric_date(piece.text, allowed, facts) else "number"
        case kind:
            return kind


def _wrong_money(piece: Found, allowed: Known) -> str:
    before, after = piece.parts["before"], piece.parts["after"]
    if after in {"%", "‰"} or after.lower() in {"percent", "per cent"}:
        return "percent"
    right = piece.parts["number"] in allowed.numbers and not piece.parts["sign"]
    if right and {before, after} <= allowed.symbols | {""}:
        return ""
    return "money" if before or after or "." in piece.parts["number"] else "number"


def _is_on_record(piece: Found, allowed: Known) -> bool:
    parts = piece.parts
    month, number = parts["month"][:3].lower(), parts.get("day", "")
    wanted = (
        int(parts.get("year") or 0),
        MONTHS.index(month) + 1 if month in MONTHS else int(month),
        int(number or 0),
    )
    return any(_matches(day, wanted, parts.get("weekday", "")) for day in allowed.dates)


def _matches(day: date, wanted: tuple[int, int, int], weekday: str) -> bool:
    """Whether `day` is the year, month and day that were written; 0 was left out."""
    written = zip(wanted, (day.year, day.month, day.day), strict=True)
    right_day = not weekday or WEEKDAYS[day.weekday()] == weekday.lower()
    return right_day and all(part in (0, real) for part, real in written)


def _is_numeric_date(text: str, allowed: Known, facts: Facts) -> bool:
    """10/2/2026 in America, 2/10/2026 elsewhere: as this company's country reads it."""
    parts = re.fullmatch(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d\d)", text)
    if not parts:
        return False
    first, second, year = int(parts[1]), int(parts[3]), int(parts[4]) % 100
    month, number = (first, second) if facts.company.country == "US" else (second, first)
    return any((d.month, d.day, d.year % 100) == (month, number, year) for d in allowed.dates)


def _kind(piece: Found, kind: str, rest: str) -> str:
    """A figure that is called an invoice belongs to somebody else."""
    if kind in {"number", "money"} and not piece.parts.get("before"):
        before = rest[: piece.start].rsplit("\n", 1)[-1]
        if AFTER_INVOICE.search(before) and not piece.parts.get("after"):
            return "another_invoice"
    return kind


def _blanked(text: str, pieces: list[Found]) -> str:
    for piece in pieces:
        text = text[: piece.start] + BLANK * (piece.end - piece.start) + text[piece.end :]
    return text


def _loose(rest: str) -> Iterator[tuple[str, int, int]]:
    """Kind and place of long numbers among what is left when all facts are taken out."""
    taken: list[range] = []
    for kind, pattern in LOOSE:
        for match in pattern.finditer(rest):
            if not any(match.start() in place for place in taken) and _long(match[0]):
                taken.append(range(*match.span()))
                yield kind, *match.span()


def _long(text: str) -> bool:
    return sum(c.isdigit() for c in text) >= 6


def _bank_numbers(plain: str, pieces: list[Found], bad: set[int]) -> Iterator[Violation]:
    """IBANs and cards by their check digits, wherever they do not begin inside a fact."""
    facts = [p for p in pieces if p.kind == "literal" and id(p) not in bad]
    for pattern, is_one in BANK_NUMBERS:
        for match in pattern.finditer(plain):
            inside = any(p.start <= match.start() < p.end for p in facts)
            if not inside and is_one(match[0]):
                yield violation("bank_details", match[0])


def _disguised(text: str, right: list[Found], facts: Facts, policy: Policy) -> Iterator[Violation]:
    """A slot of a pay link in look-alike letters: the sender would not find and fill it."""
    slots = [f"[pay link {key}]" for key in pay_link_keys(facts, policy).values()]
    seen = [piece.text for piece in right if piece.kind == "pay_link"]
    if len(seen) > sum(map(text.count, slots)):
        yield violation("pay_link", " ".join(seen))


def _phrases(rest: str, facts: Facts, policy: Policy) -> Iterator[Violation]:
    for kind, pattern in PHRASES:
        yield from (violation(kind, match[0]) for match in pattern.finditer(rest))
    if not attaches(facts, policy):
        yield from (violation("attachment", match[0]) for match in ATTACHED.finditer(rest))
    for name, pattern in ALLOWABLE.items():
        kind = "marked_wording" if name in policy.allow_wording else "wording"
        yield from (violation(kind, match[0]) for match in pattern.finditer(rest))
    for match in LETTERED.finditer(rest):
        if match[1] not in NOT_A_NUMBER:
            yield violation("another_invoice", match[1] + match[2])


def _characters(text: str, rest: str, allowed: Known) -> Iterator[Violation]:
    """What hides, and what looks like something else."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    if hidden := len(unified) - len(without_hidden(text)):
        yield violation("hidden", str(hidden))
    for literal in sorted(allowed.literals, key=len, reverse=True):
        unified = unified.replace(literal, " ")
    foreign = (c for c in unified if unicodedata.category(c) in {"Nd", "Nl", "No"})
    yield from (violation("digits", c) for c in foreign if not c.isascii())
    words = re.findall(r"[^\W\d_]+", rest)
    yield from (violation("mixed_script", w) for w in words if len(_scripts(w)) > 1)
    other = [w for w in words if "LATIN" not in _scripts(w)]
    if sum(map(len, other)) > max(10, sum(map(len, words)) // 5):
        yield violation("language", " ".join(other))


def _scripts(word: str) -> set[str]:
    return {unicodedata.name(c, "?").split()[0] for c in word if c.isalpha()} - {"MODIFIER"}


def _table(body: str, allowed: Known, facts: Facts, policy: Policy) -> Iterator[Violation]:
    """A line about one invoice states that invoice's figures and no other's."""
    for line in normal(body).split("\n"):
        stated = line.strip()
        if "[pay link" in stated or stated in allowed.rows:
            continue
        if TABLE_LINE.fullmatch(stated) and not _is_row(stated, facts, policy):
            yield violation("row", stated)
        if stated.startswith("Total:") and facts.invoices and not _is_total(stated, facts, policy):
            yield violation("row", stated)


def _is_row(line: str, facts: Facts, policy: Policy) -> bool:
    locale = locale_of(facts, policy)
    lowered = line[:1].lower() + line[1:]
    named = [i for i in facts.invoices if lowered.startswith(normal(title(i, locale)))]
    return any(_states_only(line, invoice, facts, policy) for invoice in named)


def _is_total(line: str, facts: Facts, policy: Policy) -> bool:
    summed = replace(facts.invoices[0], open=facts.total_overdue, total=facts.total_overdue)
    return _states_only(line, summed, facts, policy)


def _states_only(line: str, invoice: Invoice, facts: Facts, policy: Policy) -> bool:
    """Whether every figure of the line belongs to this one invoice."""
    alone = replace(facts, invoices=(invoice,), credits=())
    own = known(alone, policy, Past(), None, ())
    pieces = list(found(line, own.literals, own.symbols))
    return not any(kind for _, kind in _judged(pieces, own, alone))


def _people(body: str, facts: Facts, policy: Policy) -> Iterator[Violation]:
    """Who is greeted and who signs."""
    signer = one_line(policy.sender_name or facts.company.name)
    if normal(signer) not in normal(body):
        yield violation("signature", signer)
    first = next((line for line in normal(body).split("\n") if line.strip()), "")
    greeting = GREETING.fullmatch(first.strip())
    if greeting and not _is_greeted(greeting[1], facts):
        yield violation("name", greeting[1])


def _is_greeted(name: str, facts: Facts) -> bool:
    ours = normal(f"{contact(facts)} {one_line(facts.customer.name)}").casefold()
    said = normal(name).casefold()
    return said in ours or set(re.findall(r"\w+", said)) <= NEUTRAL | set(re.findall(r"\w+", ours))


def _length(subject: str, body: str, facts: Facts, policy: Policy) -> Iterator[Violation]:
    limit = BODY_LENGTH + PER_INVOICE * len(facts.invoices) + len(policy.how_to_pay)
    if len(subject) > SUBJECT_LENGTH or "\n" in subject.strip():
        yield violation("length", f"subject over one line of {SUBJECT_LENGTH} characters")
    if len(body) > limit:
        yield violation("length", f"{len(body)} of {limit} characters")
