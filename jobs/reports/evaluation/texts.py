"""Outside texts without anything that names a person, a firm, a place, an account or an invoice.

What may stay is listed, not what must go: the words of ordinary business letters, small numbers,
and, written anew, the days, amounts and invoice numbers that the case knows. Lines stay lines, so
that a reading of the original names the same ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache, cached_property
from importlib.resources import files

from jobs.reasoning.cleaning import lines, pseudonymised
from jobs.reasoning.phrases import dates, phrases
from jobs.reasoning.phrases.promised import MONTH_FIRST
from jobs.reasoning.words import known_words
from jobs.rules.facts.evidence import Document

NAME, WORD, NUMBER = "[name]", "[word]", "[number]"
MOST_REPLACED = 2 / 3
"""A text of which more than this part of the words has gone tells nobody anything."""
SHORTEST_NUMBER = 3
"""Characters; a shorter invoice number is any number."""
GREETINGS = frozenset(
    [
        *("dear", "hi", "hello", "good", "thanks", "thank", "best", "kind", "many", "regards"),
        *("cheers", "sincerely", "yours", "hallo", "liebe", "lieber", "guten", "danke", "viele"),
        *("sehr", "mit", "herzliche", "freundliche", "freundlichen", "beste"),
    ]
)
_PRIVATE = re.compile("[\ue000-\uf8ff]")
"""Characters that no text has a use for: they stand for what has been written anew."""
_FIRST = 0xE000
_LETTERS = r"[^\W\d_]+(?:['’-][^\W\d_]+)*"
_TOKEN = re.compile(
    r"\[(?:address|link|account|number|name)\]|[\ue000-\uf8ff]"
    rf"|(?P<figure>[^\s\[\](){{}}\"“”„\ue000-\uf8ff]*\d[^\s\[\](){{}}\"“”„\ue000-\uf8ff]*)"
    rf"|(?P<word>{_LETTERS})"
)
_AMOUNT = re.compile(r"(?<![\w.,/-])(?:\d{1,3}(?:[.,' ]\d{3})+|\d+)(?:[.,]\d{2})?(?![\w/-]|[.,]\d)")
_SMALL = re.compile(r"\W*\d{1,2}(?:st|nd|rd|th|x|h|%)?\W*", re.IGNORECASE)
_SPELT = re.compile(r"(?<!\w)\d{1,2}(?:[ .,/-]{1,2}\d{1,2}){2,}(?!\w)")
"""A number in small pieces, such as a telephone number with a space after every second digit."""
_ENDS = ".!?:•>-"
GERMAN_MONTHS = (
    *("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli"),
    *("August", "September", "Oktober", "November", "Dezember"),
)
_GERMAN = re.compile(
    r"januar\b|februar\b|märz|\bmai\b|juni\b|juli\b|okt|dez|\d\.\s*\w", re.IGNORECASE
)


class Unclean(ValueError):
    """A text would say something else, or nothing, without what may not be exported."""


@dataclass(frozen=True)
class Cleaner:
    """Cleans the texts of one case, the same word always in the same way.

    `numbers` is invoice number → the one that stands for it, `amounts` likewise. `later` is by how
    much days are shifted. `names` are the people and firms that the case knows.
    """

    names: Collection[str]
    numbers: Mapping[str, str]
    amounts: Mapping[Decimal, Decimal]
    later: timedelta
    country: str

    def clean(self, document: Document) -> str:
        """Its text. Raises Unclean where the phrases would then hear something else in it."""
        before = lines(document.text)
        written_on = document.at.date()
        text = "\n".join(self.line(line, written_on) for line in before)
        if _heard(document) != _heard(replace(document, text=text)) or len(lines(text)) != len(
            before
        ):
            raise Unclean("its words cannot be replaced without changing what it says")
        if _part_replaced(text) > MOST_REPLACED:
            raise Unclean("hardly a word of it can be kept")
        return text

    def line(self, text: str, written_on: date) -> str:
        """One line; days without a year are those after `written_on`."""
        kept: list[str] = []

        def keep(anew: str) -> str:
            kept.append(anew)
            return chr(_FIRST + len(kept) - 1)

        text = _PRIVATE.sub("", text)
        text = dates.rewritten(
            text,
            written_on,
            lambda day, said: keep(_in_words(day + self.later, said)),
            day_first=self.country not in MONTH_FIRST,
        )
        for number, anew in self.numbers.items():
            if len(number) >= SHORTEST_NUMBER:
                found = re.split(rf"(?<!\w){re.escape(number)}(?!\w)", text)
                text = keep(anew).join(found) if len(found) > 1 else text
        text = _AMOUNT.sub(lambda m: self._amount(m[0], keep), text)
        text = pseudonymised(text, self._names)
        text = _only_allowed(text)
        return _PRIVATE.sub(lambda m: kept[ord(m[0]) - _FIRST], text)

    @cached_property
    def _names(self) -> frozenset[str]:
        """Whole names, and their parts, but for parts that are ordinary words."""
        parts = (part for name in self.names for part in re.findall(_LETTERS, name))
        ordinary = _small_words()
        return frozenset({*self.names, *(p for p in parts if p.casefold() not in ordinary)} - {""})

    def _amount(self, text: str, keep: Callable[[str], str]) -> str:
        whole, cents = (text[:-3], text[-2:]) if text[-3:-2] in (".", ",") else (text, "00")
        try:
            value = Decimal(re.sub(r"\D", "", whole) + "." + cents)
        except InvalidOperation:
            return text
        return keep(f"{self.amounts[value]:,.2f}") if value in self.amounts else text


def _in_words(day: date, said: str) -> str:
    """A day as a letter has it, in the language of what was `said`, never only in figures: the
    model would not be shown it."""
    end = "." if said.endswith(".") and said[-2:-1].isalpha() else ""
    if _GERMAN.search(said):
        return f"{day.day}. {GERMAN_MONTHS[day.month - 1]}{end}"
    return f"{day.day} {day:%B}{end}"


def _only_allowed(text: str) -> str:
    """Words that are not listed, and figures of more than two digits, are replaced."""
    short = _is_a_name(text)
    found, end = [], 0
    for match in _TOKEN.finditer(text):
        found.append(text[end : match.start()])
        end = match.end()
        if match["figure"]:
            found.append(_figure(match["figure"]))
        elif match["word"]:
            begins = (
                not text[: match.start()].rstrip() or text[: match.start()].rstrip()[-1] in _ENDS
            )
            found.append(NAME if short else _word(match["word"], begins))
        else:
            found.append(match[0])
    return _joined_names(_SPELT.sub(NUMBER, "".join([*found, text[end:]])))


def _figure(text: str) -> str:
    bare = text.rstrip(".,;:!?")
    return text if _SMALL.fullmatch(bare) else NUMBER + text[len(bare) :]


def _is_a_name(line: str) -> bool:
    """Whether a line is nothing but up to three words with capitals, as below a letter."""
    said = re.findall(_LETTERS, line)
    listed = said and said[0].casefold() in GREETINGS
    return 0 < len(said) <= 3 and not listed and all(word[0].isupper() for word in said)


def _word(text: str, begins: bool) -> str:
    plain = text.replace("’", "'")
    small = plain.lower()
    known = small in _small_words() or small.casefold() in _small_words()
    if plain in _capitals() or (known and (plain == small or (begins and plain[1:] == small[1:]))):
        return text
    return WORD if plain == small else NAME


_BEGINS_WITH_A_NAME = re.compile(rf"(?P<first>[^\W\d_a-zà-ÿ]{_LETTERS})(?: \[name\])+")


def _joined_names(text: str) -> str:
    """A word with a capital right before a name is part of it, unless it greets somebody."""

    def whole(match: re.Match[str]) -> str:
        first = match["first"]
        greets = first.casefold() in GREETINGS or first in _capitals()
        return match[0] if greets else NAME

    return _BEGINS_WITH_A_NAME.sub(whole, text)


def _heard(document: Document) -> list[tuple[str, tuple[int, ...]]]:
    return [(reading.stance.value, reading.lines) for reading in phrases.read_all(document)]


def _part_replaced(text: str) -> float:
    gone = len(re.findall(r"\[\w+\]", text))
    return gone / max(len(re.findall(_LETTERS, text)), 1)


@cache
def _small_words() -> frozenset[str]:
    return _listed(0) | _ordinary_vocabulary()


def _ordinary_vocabulary() -> frozenset[str]:
    return frozenset(w for language in ("en", "de") for w in known_words(language))


@cache
def _capitals() -> frozenset[str]:
    return _listed(1)


@cache
def _listed(paragraph: int) -> frozenset[str]:
    file = files("jobs.reports.evaluation").joinpath("ordinary_words.txt")
    _comment, *paragraphs = file.read_text(encoding="utf-8").split("\n\n")
    return frozenset(paragraphs[paragraph].split())
