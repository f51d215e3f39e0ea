"""The figures, dates, links and slots of a text: which are facts, and what is wrong with others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from jobs.rules.verification.beside import Figure
from jobs.rules.verification.known import Known
from jobs.rules.verification.scan import Match
from jobs.rules.verification.violations import Violation as Violation
from jobs.rules.verification.wording import (
    ALL,
    BLANK,
    LONG_NUMBER,
    PERCENT,
    PHONE,
    SORT_CODE,
    either,
)

MONTHS = tuple((re.compile(way), number) for words in ALL for way, number in words.months.items())
WEEKDAYS = tuple(
    (re.compile(name), place) for words in ALL for place, name in enumerate(words.weekdays)
)
LOOSE = (
    ("bank_details", re.compile(LONG_NUMBER)),
    ("bank_details", re.compile(SORT_CODE)),
    ("phone", re.compile(PHONE)),
)
MORE = re.compile(rf" {either('more')}\b", re.IGNORECASE)
KEPT = frozenset({"month_day", "day_month", "month_year", "iso_day", "address", "link", "pay_link"})
"""Kinds that are wrong in themselves, not as part of a longer number."""
NUMERIC_DATE = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d\d)")
AFTER_INVOICE = re.compile(
    rf"\b{either('invoice')}(?:\s+{either('number')})?[\s#:]*"
    rf"(?:(?:{BLANK}+|[\w/#.-]*\d[\w/#.-]*)(?:\s*,\s*(?:{either('joined_by')}\s+)?"
    rf"|\s+{either('joined_by')}\s+|\s*&\s*))*$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Wrong:
    """A kind of violation, what was found, and where."""

    kind: str
    text: str
    start: int


def judged(pieces: list[Match], allowed: Known) -> Iterator[tuple[Match, str]]:
    """Each piece with the kind of its violation, or empty if it is a fact."""
    links_seen: set[str] = set()
    for piece in pieces:
        if piece.kind == "pay_link":
            key = piece.text.removeprefix("[pay link ").removesuffix("]")
            fits = key in allowed.link_keys - links_seen and piece.text == f"[pay link {key}]"
            links_seen.add(key)
            yield piece, "" if fits else "pay_link"
        else:
            yield piece, _wrong(piece, allowed)


def unfounded_pieces(plain: str, rest: str, judgements: list[tuple[Match, str]]) -> Iterator[Wrong]:
    """Figures, links and slots that are no facts, and long numbers whole."""
    right = [p for p, kind in judgements if not kind or p.kind in KEPT]
    loose = list(_loose(blanked(plain, right)))
    for piece, kind in judgements:
        inside = any(start <= piece.start and piece.end <= end for _, start, end in loose)
        if kind and not inside:
            yield Wrong(_kind(piece, kind, rest), piece.text, piece.start)
    yield from (Wrong(kind, plain[start:end], start) for kind, start, end in loose)


def counts_more(piece: Match, rest: str) -> bool:
    """ "… and 3 more": a count of those not named, neither an amount nor an invoice."""
    return piece.text.isdigit() and MORE.match(rest, piece.end) is not None


def figure(piece: Match, allowed: Known) -> Figure | None:
    """The amount or the days that a piece means, if it is either."""
    said = piece.text if piece.kind == "literal" else piece.parts.get("number", "")
    if (value := allowed.amounts.get(said)) is not None:
        return Figure(piece, value)
    days = frozenset(day for day in allowed.dates if _means(piece, day, allowed))
    return Figure(piece, days=days) if days else None


def _wrong(piece: Match, allowed: Known) -> str:
    match piece.kind:
        case "literal":
            return ""
        case "address":
            return "" if piece.text.lower() in allowed.addresses else "address"
        case "money" | "number" if NUMERIC_DATE.fullmatch(piece.text):
            return "" if any(_means(piece, day, allowed) for day in allowed.dates) else "date"
        case "money":
            return _wrong_money(piece, allowed)
        case "month_day" | "day_month" | "iso_day" | "month_year":
            return "" if any(_means(piece, day, allowed) for day in allowed.dates) else "date"
        case kind:
            return kind


def _wrong_money(piece: Match, allowed: Known) -> str:
    before, after = piece.parts["before"], piece.parts["after"]
    if after in {"%", "‰"} or after.lower() in PERCENT:
        return "percent"
    right = piece.parts["number"] in allowed.numbers and not piece.parts["sign"]
    if right and {before, after} <= allowed.symbols | {""}:
        return ""
    return "money" if before or after or "." in piece.parts["number"] else "number"


def _means(piece: Match, day: date, allowed: Known) -> bool:
    """Whether a date as it is written may be that day."""
    if piece.kind in {"month_day", "day_month", "iso_day", "month_year"}:
        return _matches(day, _written_day(piece), piece.parts.get("weekday", ""))
    return piece.kind in {"number", "money"} and _is_numeric_date(piece.text, day, allowed)


def _written_day(piece: Match) -> tuple[int, int, int]:
    parts = piece.parts
    month = parts["month"]
    number = next((number for way, number in MONTHS if way.fullmatch(month)), 0) or int(month)
    return int(parts.get("year") or 0), number, int(parts.get("day") or 0)


def _matches(day: date, wanted: tuple[int, int, int], weekday: str) -> bool:
    """Whether `day` is the year, month and day that were written; 0 was left out."""
    written = zip(wanted, (day.year, day.month, day.day), strict=True)
    right_day = not weekday or (day.weekday() in _weekdays(weekday))
    return right_day and all(part in (0, real) for part, real in written)


def _weekdays(name: str) -> set[int]:
    return {place for way, place in WEEKDAYS if way.fullmatch(name)}


def _is_numeric_date(text: str, day: date, allowed: Known) -> bool:
    parts = NUMERIC_DATE.fullmatch(text)
    if not parts:
        return False
    first, second, year = int(parts[1]), int(parts[3]), int(parts[4]) % 100
    month, number = (second, first) if allowed.day_first else (first, second)
    return (day.month, day.day, day.year % 100) == (month, number, year)


def _kind(piece: Match, kind: str, rest: str) -> str:
    """A figure that is called an invoice belongs to somebody else."""
    if kind in {"number", "money"} and not piece.parts.get("before"):
        before = rest[: piece.start].rsplit("\n", 1)[-1]
        if AFTER_INVOICE.search(before) and not piece.parts.get("after"):
            return "another_invoice"
    return kind


def blanked(text: str, pieces: list[Match]) -> str:
    """The text without these pieces, each place as long as before."""
    for piece in pieces:
        text = text[: piece.start] + BLANK * (piece.end - piece.start) + text[piece.end :]
    return text


def _loose(rest: str) -> Iterator[tuple[str, int, int]]:
    """Kind and place of long numbers among what is left when all facts are taken out."""
    taken: list[range] = []
    for kind, pattern in LOOSE:
        for match in pattern.finditer(rest):
            free = not any(match.start() in place for place in taken)
            if free and _long(match[0]) and not NUMERIC_DATE.fullmatch(match[0]):
                taken.append(range(*match.span()))
                yield kind, *match.span()


def _long(text: str) -> bool:
    return sum(c.isdigit() for c in text) >= 6
