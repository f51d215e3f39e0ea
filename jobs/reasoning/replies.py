"""What the writer of a mail says, without what it quotes of ours.

Only our own words are cut: they would be read as the customer's. Whatever else is quoted or
forwarded stays, since it may be the dispute that the mail is about.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import dropwhile

MOST_WRAPPED = 3
"""Lines over which a mail program wraps "On …, … wrote:"."""
MOST_HEADERS = 8
"""Lines in which the header block of a quoted mail must show what it is."""

LONGEST_INTRODUCTION = 600

_BEGINS = re.compile(r"(?:On|Am|Il|Le|El|Op|Den)\b.{4,}", re.IGNORECASE)
_WROTE = re.compile(
    r".{4,300}\b(?:wrote|writes|schrieb|geschrieben|a écrit|escribió|ha scritto|schreef)\b"
    r".{0,200}:\s*",
    re.IGNORECASE,
)
_NAMES = "From|Von|Sent|Gesendet|Date|Datum|To|An|Subject|Betreff|Cc"
_HEADER = re.compile(rf"[*_ ]*(?P<name>{_NAMES})[*_ ]*:[*_ ]*(?P<value>.*)", re.IGNORECASE)
_FROM = frozenset({"from", "von"})
_DATED = frozenset({"sent", "gesendet", "date", "datum"})
_RULE = re.compile(r"[-_ ]{5,}|-{2,} ?(?:original message|ursprüngliche nachricht) ?-{2,}")
_INSIDE = re.compile(
    r"\b(?:below|inline|in (?:red|blue|green)|between the lines"
    r"|unten|untenstehend|s\.u\.|in (?:rot|blau|grün)|im text)\b",
    re.IGNORECASE,
)
"""Words by which a writer says that the answers stand inside the quote."""


@dataclass(frozen=True)
class _Quote:
    """A quote's introduction, which ends before the line `text`; it may be empty."""

    text: int
    introduction: str = ""
    headers: bool = False
    to_the_end: bool = False


def own_words(text: str, ours: Collection[str], *, answers_us: bool) -> str:
    """The text without quotes of ours, or all of it if nothing would be left.

    `ours` are our names, addresses and domains: a quote is ours if its introduction names one of
    them. In a mail that `answers_us`, so is a quote that does not say whose words it holds.
    """
    lines = text.split("\n")
    kept: list[str] = []
    at, cut = 0, answers_us
    while at < len(lines):
        quote = _quote_at(lines, at)
        if quote is None:
            end, keep = at + 1, True
        else:
            cut = _is_ours(quote, ours, cut)
            # below somebody else's words ours may follow
            end = _end(lines, quote) if cut or not quote.to_the_end else quote.text
            keep = not cut
        kept += lines[at:end] if keep else ()
        at = end
    words = "\n".join(kept).strip()
    return text.strip() if not words or _INSIDE.search(words) else words


def quoted(text: str, ours: Collection[str]) -> list[str]:
    """The lines that it quotes of somebody else's words; `ours` as in `own_words`."""
    lines = text.split("\n")
    found: list[str] = []
    for at in range(len(lines)):
        if quote := _quote_of_others(lines, at, ours):
            said = lines[quote.text : _end(lines, quote)]
            found += dropwhile(_is_header, said) if quote.headers else said
    return found


def without_quoted(text: str, ours: Collection[str]) -> str:
    """The text without those lines, and without what introduces them."""
    lines = text.split("\n")
    kept: list[str] = []
    at = 0
    while at < len(lines):
        if quote := _quote_of_others(lines, at, ours):
            at = _end(lines, quote)
        else:
            kept.append(lines[at])
            at += 1
    return "\n".join(kept).strip()


def _quote_of_others(lines: Sequence[str], at: int, ours: Collection[str]) -> _Quote | None:
    quote = _quote_at(lines, at)
    theirs = quote and quote.introduction and not _is_ours(quote, ours, False)
    return quote if theirs else None


def _is_header(line: str) -> bool:
    return not line.strip() or _HEADER.fullmatch(line.strip()) is not None


def _is_ours(quote: _Quote, ours: Collection[str], before: bool) -> bool:
    """`before` is what was said about the last quote, for one without an introduction."""
    if not quote.introduction:
        return before
    introduction = quote.introduction.casefold()
    if any(re.search(rf"(?<!\w){re.escape(name.casefold())}(?!\w)", introduction) for name in ours):
        return True
    return before and not quote.headers and "@" not in introduction


def _quote_at(lines: Sequence[str], at: int) -> _Quote | None:
    """The quote that this line introduces, or begins."""
    line = lines[at].strip()
    if line.startswith(">"):
        return _Quote(at)
    return _attribution(lines, at) or _header_block(lines, at)


def _attribution(lines: Sequence[str], at: int) -> _Quote | None:
    """ "On 3 Nov, Ours <ar@ours.example> wrote:", which may be wrapped."""
    if not _BEGINS.match(lines[at].strip()):
        return None
    for end in range(at + 1, min(at + 1 + MOST_WRAPPED, len(lines) + 1)):
        said = " ".join(line.strip() for line in lines[at:end])
        if len(said) < LONGEST_INTRODUCTION and _WROTE.fullmatch(said):
            text = _next_line(lines, end)
            quoted = text < len(lines) and lines[text].lstrip().startswith(">")
            return _Quote(end, said, to_the_end=not quoted)
    return None


def _header_block(lines: Sequence[str], at: int) -> _Quote | None:
    """ "From: … Sent: … To: …", as Outlook puts it above the mail that is answered."""
    start = at
    while start < len(lines) and start - at < 2 and _RULE.fullmatch(lines[start].strip().lower()):
        start = _next_line(lines, start + 1)
    headers = [_HEADER.fullmatch(line.strip()) for line in lines[start : start + MOST_HEADERS]]
    names = {found["name"].lower() for found in headers if found}
    first = headers[0] if headers else None
    if first is None or first["name"].lower() not in _FROM or not names & _DATED:
        return None
    return _Quote(start + 1, first["value"], headers=True, to_the_end=True)


def _next_line(lines: Sequence[str], at: int) -> int:
    """The next line that is not empty."""
    while at < len(lines) and not lines[at].strip():
        at += 1
    return at


def _end(lines: Sequence[str], quote: _Quote) -> int:
    """The line after the quote; between quoted lines the writer may have answered."""
    if quote.to_the_end:
        return len(lines)
    at = _next_line(lines, quote.text)
    while at < len(lines) and lines[at].lstrip().startswith(">"):
        at += 1
    return at
