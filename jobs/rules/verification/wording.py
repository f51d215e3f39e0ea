"""The words of all languages together: a letter in one of them is checked for those of every one.

Whoever writes one language into a letter of another gets nothing past.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from jobs.rules.verification.english import ENGLISH
from jobs.rules.verification.german import GERMAN
from jobs.rules.verification.phrase import BLANK as BLANK
from jobs.rules.verification.phrase import Phrase as Phrase

CHECKED = {"en": ENGLISH, "de": GERMAN}
"""Language of a letter → its words."""
ALL = tuple(CHECKED.values())

PHRASES = tuple(phrase for words in ALL for phrase in words.phrases)
ALLOWABLE = tuple(phrase for words in ALL for phrase in words.allowable)
CLAIMS = tuple(claim for words in ALL for claim in words.claims)
PERCENT = frozenset(word for words in ALL for word in words.percent)
NEUTRAL = frozenset(word for words in ALL for word in words.neutral)


def either(field: str) -> str:
    """A regular expression for this field of any language."""
    return f"(?:{'|'.join(getattr(words, field) for words in ALL)})"


def _compiled(field: str) -> re.Pattern[str]:
    return re.compile(either(field), re.IGNORECASE)


ATTACHED, LEDGER = _compiled("attached"), _compiled("ledger")
TOTAL, CREDIT = _compiled("total"), _compiled("credit")


def unfounded(text: str, contacts: int) -> Iterator[str]:
    """The words in `text` that claim more contacts than the `contacts` on record."""
    for claim in CLAIMS:
        if contacts < claim.needs:
            yield from (found[0] for found in claim.pattern.finditer(text))


IBAN = r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}\b"
CARD = r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)"
LONG_NUMBER = r"(?<![\w.,])\d{8,}(?![\w])"
SORT_CODE = r"(?<![\d-])\d\d-\d\d-\d\d(?![\d-])"
PHONE = r"(?<![\w.,])(?:\+|\(|\d)[\d ().\-/]{5,}\d(?!\w)"


def is_iban(text: str) -> bool:
    """Whether the check digits of an IBAN are right (ISO 13616, mod 97)."""
    plain = re.sub(r"[ -]", "", text)
    moved = plain[4:] + plain[:4]
    return int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


def is_card(text: str) -> bool:
    """Whether the check digit of a card number is right (Luhn)."""
    digits = [int(c) for c in text if c.isdigit()][::-1]
    doubled = [d * 2 - 9 * (d > 4) for d in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
