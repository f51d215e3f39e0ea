"""The words of a letter in one language: greeting, table, how to pay, signature.

A language is a folder in `templates/`: a text for each stage and class, and `words.toml`. Its
vocabulary for the model stands in `jobs/reasoning/vocabulary/`, and the words that the checks of a
letter have to know in `jobs/rules/verification/`.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class LetterWords:
    """One field per line of `words.toml`; `{…}` is filled in."""

    hello: str
    """The greeting of a person."""
    dear: str
    """The same in a final message."""
    hello_company: str
    """The greeting where the ledger names no person; `{contact}` is then the customer."""
    dear_company: str
    nobody: str
    """Who is greeted where the customer has no name either."""
    signature: str
    small_first: tuple[str, ...]
    """Words that get a small letter where the text follows a greeting."""
    and_: str
    and_day: str
    """The same between two days on which something happened."""
    invoice: str
    invoices: str
    dated: str
    """An invoice without a number, at the beginning of a list."""
    the_dated: str
    """The same in the middle of one."""
    of: str
    for_: str
    more: str
    several: str
    counts: tuple[str, ...]
    """Numbers in words from none to twelve."""
    reached: str
    """The invoices that a deadline is for, where it is not for all."""
    this_invoice: str
    these_invoices: str
    due: str
    total: str
    total_due: str
    """The sum after credits."""
    payment: str
    credit: str
    order: str
    part_paid: str
    pay_online: str
    pay_one: str
    pay: str
    """What the button says."""
    file: str
    """How the name of a file begins."""
    one_attached: str
    all_attached: str

    def count(self, number: int) -> str:
        """The number in words; in figures from thirteen on."""
        return self.counts[number] if number < len(self.counts) else str(number)


@cache
def letter_words(language: str) -> LetterWords:
    """The words of a language that has a folder ("en")."""
    file = files("jobs.rules.letters").joinpath("templates", language, "words.toml")
    found = tomllib.loads(file.read_text(encoding="utf-8"))
    lists = {name: tuple(one) for name, one in found.items() if isinstance(one, list)}
    keywords = {"and_": found.pop("and"), "for_": found.pop("for")}
    return LetterWords(**{**found, **lists, **keywords})
