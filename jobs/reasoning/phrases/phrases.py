"""Phrase rules. They always run next to the model, so that it cannot hide anything.

A false alarm costs a person a look; a miss sends a reminder to somebody who disputes the bill. So
the phrases are broad.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

from jobs.reasoning.cleaning import lines
from jobs.reasoning.phrases.alternatives import as_tree
from jobs.reasoning.phrases.dates import says_when
from jobs.reasoning.phrases.table import PHRASES, SCHEDULED
from jobs.rules.facts.evidence import BY_PHRASES, STANCES, Document, Reading, Stance

READER = BY_PHRASES
MOST_LINES_NAMED = 5
WORDS_BETWEEN = r"(?:[\w']+ ){0,4}"

_PATTERNS = {
    stance: re.compile(as_tree("|".join(filter(None, table.split("\n")))))
    for stance, table in ((s, t.replace("~ ", WORDS_BETWEEN)) for s, t in PHRASES.items())
}


_SCHEDULED = re.compile(as_tree("|".join(filter(None, SCHEDULED.split("\n")))))


def read_all(document: Document) -> tuple[Reading, ...]:
    """All readings of a document by phrases, the most careful first."""
    text = lines(document.text)
    joined = _joined(text)
    found = [(stance, _numbers(stance, text, *joined)) for stance in reversed(STANCES)]
    return tuple(
        Reading(document.id, stance, tuple(where[:MOST_LINES_NAMED]), READER)
        for stance, where in found
        if where
    )


def numbers(stance: Stance, text: Sequence[str]) -> list[int]:
    """The 1-based numbers of the lines in which a phrase of this stance starts.

    A phrase may continue on the next line: mail programs break lines anywhere.
    """
    return _numbers(stance, text, *_joined(text))


def _joined(text: Sequence[str]) -> tuple[str, list[int]]:
    """The lines as one text in small letters, and where in it each of them starts."""
    # three times as fast as an expression that ignores case
    small = [line.lower().replace("’", "'") for line in text]
    return " ".join(small), list(accumulate((len(line) + 1 for line in small), initial=0))


def _numbers(stance: Stance, text: Sequence[str], joined: str, starts: list[int]) -> list[int]:
    if stance not in _PATTERNS:
        return []
    found = {bisect_right(starts, start) for start in _starts(_PATTERNS[stance], joined)}
    if stance is Stance.PROMISE:
        found = {number for number in found if says_when(text[number - 1])}
        found |= {bisect_right(starts, start) for start in _starts(_SCHEDULED, joined)}
    return sorted(found)


def _starts(pattern: re.Pattern[str], text: str) -> Iterator[int]:
    return (match.start() for match in pattern.finditer(text))
