"""What a language has to say about its words, so that the checks of a letter know them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

BLANK = "\x00"
"""Replaces what is known to be right; it is neither a letter nor a digit nor a space."""


@dataclass(frozen=True)
class Phrase:
    """`kind` of violation, an example that must match, and the words that match it.

    A space matches any white space; capitals count only if `exact`. A `way` of paying is fine if
    the policy's own text offers it.
    """

    kind: str
    example: str
    words: str
    exact: bool = False
    way: bool = False

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        spaced = self.words.replace(" ?", r"\s*").replace(" ", r"\s+")
        return re.compile(spaced, 0 if self.exact else re.IGNORECASE)


@dataclass(frozen=True)
class ContactClaim:
    """An example sentence, the words that match it, and how many contacts it `needs`."""

    example: str
    words: str
    needs: int = 1

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(self.words.replace(" ", r"\s+"), re.IGNORECASE)


@dataclass(frozen=True)
class CheckedWords:
    """One language. Texts are regular expressions without groups; capitals do not count."""

    phrases: tuple[Phrase, ...]
    """What may not be said."""
    allowable: tuple[Phrase, ...]
    """The same, unless the policy allows that kind."""
    claims: tuple[ContactClaim, ...]
    attached: str
    """Words for something that comes with the message."""
    ledger: str
    """Words that make a figure in the same sentence one about the ledger."""
    total: str
    credit: str
    months: Mapping[str, int]
    """Each way to write a month, as a regular expression, → its number."""
    weekdays: tuple[str, ...]
    """Monday first, in full."""
    units: str
    """Units and percent signs in words, right behind a number."""
    percent: frozenset[str]
    invoice: str
    number: str
    """Words for "number"."""
    joint: str
    """Words between two of a group."""
    joined_by: str
    """Those of them that join, such as "and"."""
    more: str
    """After the count of those that are not named."""
    about: str
    """Words between a figure and the invoice that it belongs to."""
    determiner: str
    due: str
    """The words before the day on which something is due."""
    due_after: str
    """The same right after that day."""
    filler: str
    """Words between `due` and the day, and between an amount and its credit."""
    row: str
    """How the line of a table may begin."""
    greeting: str
    closing: str
    """A line that closes a letter."""
    ends_in: str
    """What such a line ends in, before the name of the signer on the same line."""
    neutral: frozenset[str]
    """Words that a greeting may consist of without naming anybody."""
