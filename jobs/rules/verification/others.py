"""Whether a person's text names another customer: a slip of the hand tells it who else owes money.

A name of one word may be an ordinary word or somebody's first name, so it is only asked about; one
of several words is refused where it is written as a name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from jobs.rules.facts.facts import Facts
from jobs.rules.verification.known import normal
from jobs.rules.verification.violations import Violation, violation

MOST_WORDS = 6
"""Words of a name that are looked for."""
LONGEST_KEY = 200
LEGAL_FORMS = frozenset(
    {
        *("ltd", "limited", "inc", "incorporated", "llc", "llp", "lp", "plc", "corp", "co"),
        *("corporation", "company", "pty", "pvt", "gmbh", "mbh", "ag", "kg", "kgaa", "ohg", "ug"),
        *("gbr", "eg", "se", "sa", "sarl", "sas", "srl", "spa", "bv", "nv", "ab", "as", "oy"),
    }
)
"""People leave them out at the end of a name."""
_BEGINS = re.compile(r"(?:^|[.!?:]\s+|\n\s*)$")
"""What stands before the first word of a sentence or a line."""


def name_key(name: str) -> str:
    """The first words of a name in small letters, without its legal form: by which it is found."""
    return " ".join(_core(name)[:MOST_WORDS])[:LONGEST_KEY]


def keys_in(text: str) -> frozenset[str]:
    """The keys of all names that could stand in this text."""
    words = [word.casefold() for word in _words(text)]
    runs = (words[at : at + n] for at in range(len(words)) for n in range(1, MOST_WORDS + 1))
    return frozenset(" ".join(run)[:LONGEST_KEY] for run in runs)


def names_others(
    text: str, others: Iterable[str], facts: Facts, own: Collection[str]
) -> Iterator[Violation]:
    """Each of these names of other customers that stands in the text.

    `own` is what the text may say in any case; parts of the customer's own names are its own, too.
    """
    plain = normal(text)
    for literal in sorted(own, key=len, reverse=True):
        plain = plain.replace(literal, " " * len(literal))
    family = (facts.customer, *facts.members, *facts.relatives)
    ours = [set(_core(name)) for name in (*(one.name for one in family), facts.company.name)]
    for name in sorted(others, key=len, reverse=True):
        words = _core(name)
        if not words or any(set(words) <= known for known in ours):
            continue
        if found := _named(plain, _words(name)[: len(words)]):
            yield found
            plain = plain.replace(found.text, " ")  # it is no shorter name as well


def _named(plain: str, shown: list[str]) -> Violation | None:
    """The first place where it stands: as a name, or in small letters."""
    pattern = r"[\W_]{1,3}".join(map(re.escape, shown))
    pattern = rf"(?<!\w){pattern}(?!\w)"
    for flags, kind in ((0, "another_customer"), (re.IGNORECASE, "like_another_customer")):
        for found in re.finditer(pattern, plain, flags):
            if len(shown) > 1:
                return violation(kind, found[0])
            if not flags and not _BEGINS.search(plain[: found.start()]):
                return violation("like_another_customer", found[0])
    return None


def _core(name: str) -> list[str]:
    """Its words in small letters, without the legal form at the end if something else is left."""
    words = [word.casefold() for word in _words(name)]
    while len(words) > 1 and words[-1] in LEGAL_FORMS:
        words.pop()
    return words


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", normal(text))
