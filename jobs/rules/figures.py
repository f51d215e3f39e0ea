"""An amount with its currency, and amounts and dates as people read them.

Formats come from Babel, in a language that letters can be written in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache, lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency

from jobs.rules.plain import without_hidden

LANGUAGES = ("en", "de")
"""What letters can be written in; whoever reads another language gets English."""
_LETTERS_BEFORE = re.compile(r"(?<=[^\W\d_])(?=-?\d)")


@dataclass(frozen=True)
class Money:
    """`amount` in major units (dollars, not cents) of the ISO 4217 `currency`."""

    amount: Decimal
    currency: str

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same(other), self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.amount <= self._same(other)

    def _same(self, other: Money) -> Decimal:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} cannot be put together")
        return other.amount


def total(amounts: Iterable[Money], currency: str) -> Money:
    """The sum of `amounts`, all of which must be in `currency`; zero if there are none."""
    return sum(amounts, Money(Decimal(0), currency))


@cache
def language_of(locale: str) -> str:
    """The language of a letter for this locale, one of LANGUAGES: "de" for "de_AT"."""
    language = Locale.parse(locale).language
    return language if language in LANGUAGES else LANGUAGES[0]


@cache
def spelled(text: str, locale: str) -> str:
    """Words of ours as that country spells them: there is no ß in Switzerland."""
    parsed = Locale.parse(locale)
    swiss = parsed.language == "de" and parsed.territory in ("CH", "LI")
    return text.replace("ß", "ss") if swiss else text


@cache
def letter_locale(locale: str) -> str:
    """The locale whose formats a letter has: its language, the customs of the customer's country.

    "de_DE" stays as it is: "1.200,50 €" and "2. Oktober 2026". "fr_FR" gives "en_FR", because
    that letter is in English.
    """
    parsed, language = Locale.parse(locale), language_of(locale)
    for candidate in ((language, parsed.territory), (language, "150")):
        try:
            return str(Locale(*candidate))
        except UnknownLocaleError:
            continue
    return "en_US" if language == "en" else language


@lru_cache(maxsize=4096)  # a letter and its checks write the same few amounts dozens of times
def amount(money: Money, locale: str = "en_US") -> str:
    """`money` with its currency, in Latin digits: "$1,200.50", "KWD 665.205"."""
    exact = money.amount or Decimal(0)  # -0 equals 0, so it has to read the same
    text = format_currency(exact, money.currency, locale=letter_locale(locale))
    # CLDR puts a space between letters and digits here, but Babel does not
    return without_hidden(_LETTERS_BEFORE.sub("\xa0", text))


def day(on: date, locale: str = "en_US") -> str:
    """A date in words with its year: "October 2, 2026"."""
    return without_hidden(format_date(on, "long", locale=letter_locale(locale)))


def short_day(on: date, locale: str = "en_US") -> str:
    """A date for a table or a card: "Oct 2, 2026"."""
    customs = Locale.parse(letter_locale(locale))
    # The long form with a short month: the medium one is all digits in some countries
    shape = customs.date_formats["long"].pattern.replace("MMMM", "MMM")
    return without_hidden(format_date(on, shape, locale=customs))


def how_late(days: int) -> str:
    """How late somebody pays: "6 days late", "1 day early", "on the due date"."""
    if days == 0:
        return "on the due date"
    plural = "" if abs(days) == 1 else "s"
    return f"{abs(days)} day{plural} {'late' if days > 0 else 'early'}"


def listed(parts: Iterable[str], word: str = "and") -> str:
    """ "a", "a and b", "a, b and c"."""
    *first, last = list(parts) or [""]
    return f"{', '.join(first)} {word} {last}" if first else last
