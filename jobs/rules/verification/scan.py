"""Every figure, date, address, link and slot in a text, from left to right, each found once.

The earliest match wins, then the longest: "$1037" is an amount even if 1037 is an invoice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import groupby, takewhile

from babel.numbers import list_currencies

from jobs.rules.verification.wording import ALL, either

SIGNS = r"$¢£¤¥֏؋৳฿៛₠-⃏"
MONTH = rf"(?P<month>{'|'.join(way for words in ALL for way in words.months)})\b\.?"
WEEKDAY = (
    rf"(?:(?P<weekday>{'|'.join(name for words in ALL for name in words.weekdays)})"
    r",?\s+(?:den\s+|dem\s+)?)?"
)
DAY = r"(?:(?P<weekday>Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day,?\s+)?"
DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?"
YEAR = r"(?P<year>(?:19|20)\d\d)"
NOT_MORE = r"(?![\w])(?![.,:/–-]\d)"
NUMBER = r"\d(?:[.,'’]?\d)*"
SPACED = r"\d{1,3}(?: \d{3})+(?:[.,]\d+)?"
UNITS = rf"%|‰|(?i:{either('units')})"
DOT = r"(?:[.。․‧∙·]|\s?\[\s?(?:\.|dot)\s?\]\s?|\s?\(\s?(?:\.|dot)\s?\)\s?)"
"""What programs, or people, read as the dot of a host name."""
TOP = r"(?:xn--[\w-]+|[^\W\d_]{2,63})(?![\w-])"
KNOWN_TOP = r"(?i:com|net|org|io|co|info|biz|app|dev|xyz|pay|bank|shop|top|site|online)\b"

PATTERNS = {
    "pay_link": re.compile(r"\[\s*pay[^\[\]\n]*\]", re.IGNORECASE),
    "slot": re.compile(r"\{[^{}\n]{0,40}\}"),
    "address": re.compile(
        r"(?<![\w.+'-])[\w.+'-]+\s?(?:@|\[at\]|\(at\))\s?[\w-]+(?:\s?(?:\.|\[dot\]|\(dot\)|\[\.\])\s?[\w-]+)+"
        r"|(?<![\w.+'-])[\w.+'-]+@[\w-]+"
    ),
    "link": re.compile(
        rf"(?i:[a-z][a-z0-9+.-]*\s?:\s?/\s?/|(?:mailto|tel|sms|javascript|data|file|hxxps?|ftps?):"
        rf"|www\.)\S*|\b\d{{1,3}}(?:{DOT}\d{{1,3}}){{3}}\b(?:[/:]\S*)?"
        rf"|\b[^\W_](?:[\w-]*\w)?(?:{DOT}[\w-]*\w)*{DOT}(?!pdf\b){TOP}(?:[/:?#@]\S*)?"
        rf"|\b[\w-]+\s\.\s?{KNOWN_TOP}(?:/\S*)?|\b[\w-]+\s+(?i:dot)\s+\w+"
    ),
    "month_day": re.compile(rf"{WEEKDAY}{MONTH}\s+{DAY}(?:,?\s+{YEAR})?{NOT_MORE}"),
    "day_month": re.compile(
        rf"{WEEKDAY}(?<!\d)(?:the\s+)?{DAY}\.?(?:\s+of)?\s+{MONTH}(?:,?\s+{YEAR})?{NOT_MORE}"
    ),
    "month_year": re.compile(rf"{MONTH},?\s+{YEAR}{NOT_MORE}"),
    "iso_day": re.compile(r"(?<!\d)(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)" + NOT_MORE),
    "number": re.compile(r"(?:\b[^\W\d]+)?\d\w*(?:[.,:/'’–-]\w+)*"),
}


@dataclass(frozen=True)
class Match:
    """A piece of text; `parts` are the named groups of its pattern."""

    kind: str
    text: str
    start: int
    end: int
    parts: dict[str, str]


def found(text: str, literals: Iterable[str], symbols: Iterable[str]) -> Iterator[Match]:
    """Everything in `text` (normal form) that must be a fact. `literals` are known texts."""
    patterns = {
        "literal": _any(frozenset(literals)),
        "money": _money(frozenset(symbols)),
        **PATTERNS,
    }
    ahead = {kind: pattern.search(text) for kind, pattern in patterns.items()}
    while matches := [(kind, match) for kind, match in ahead.items() if match]:
        kind, match = min(matches, key=lambda pair: (pair[1].start(), -pair[1].end()))
        parts = {name: part or "" for name, part in match.groupdict().items()}
        yield Match(kind, match[0], match.start(), match.end(), parts)
        for other, passed in ahead.items():
            if passed and passed.start() < match.end():
                ahead[other] = patterns[other].search(text, match.end())


@lru_cache(maxsize=64)  # subject and body of a letter have the same
def _any(literals: frozenset[str]) -> re.Pattern[str]:
    """The longest of them that stands as a word of its own: not the end of a longer word, number
    or path. What begins alike is looked at once, because a letter may have hundreds of facts.
    """
    words: dict[str, list[str]] = {}
    for literal in sorted(literals):
        words.setdefault(literal[0], []).append(literal)
    return re.compile("|".join(map(_before_and, words.values())) or r"(?!)")


def _before_and(words: list[str]) -> str:
    letter = words[0][0].isalnum()
    before = r"(?<!\w)(?<!\w[./'’–-])" if letter else rf"(?<![\w{SIGNS}−-])"
    return before + _branches(words, 0)


def _branches(words: list[str], at: int) -> str:
    """A pattern for what follows the first `at` characters, which these sorted words share."""
    stem = _common(words[0], words[-1])
    here = [_end(stem)] if words[0] == stem else []
    longer = groupby(words[len(here) :], key=lambda word: word[len(stem)])
    ways = [*(_branches(list(some), len(stem)) for _, some in longer), *here]
    return re.escape(stem[at:]) + (f"(?:{'|'.join(ways)})" if len(ways) > 1 else ways[0])


def _common(first: str, last: str) -> str:
    """The common prefix; for the first and last of sorted words, that of all of them."""
    same = takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    return first[: sum(1 for _ in same)]


def _end(word: str) -> str:
    """What may not follow a word: a host name with a path is no longer just that name."""
    return r"(?!\w)(?![/:?#@]\w|\.\w)" if word[-1].isalnum() else ""


@cache
def _money(symbols: frozenset[str]) -> re.Pattern[str]:
    named = "|".join(re.escape(s) for s in sorted({*symbols, *list_currencies()}, reverse=True))
    currency = rf"(?:[A-Z]{{0,3}}[{SIGNS}]|{named})"
    gap = r"[^\S\n]?"  # the next line of a table may begin with "K 7"
    return re.compile(
        rf"(?P<sign>[-−+])?(?:(?<!\w)(?P<before>{currency}){gap}|(?<![\w])(?<!\d[.,]))"
        rf"(?P<number>{SPACED}|{NUMBER})"
        rf"(?:{gap}(?P<after>{currency}|{UNITS})(?!\w))?(?!\w)(?![./–-]\w)(?![,:]\d)"
    )
