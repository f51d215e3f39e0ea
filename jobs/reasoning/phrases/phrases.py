"""Phrase rules. They always run next to the model, so that it cannot hide anything.

A false alarm costs a person a look; a miss sends a reminder to somebody who disputes the bill. So
the phrases are broad.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from jobs.reasoning.cleaning import lines
from jobs.reasoning.phrases.alternatives import as_tree
from jobs.reasoning.phrases.dates import says_when
from jobs.reasoning.phrases.table import PHRASES, SCHEDULED
from jobs.rules.facts.evidence import BY_PHRASES, STANCES, Document, Reading, Stance

READER = BY_PHRASES
MOST_LINES_NAMED = 5
WORDS_BETWEEN = r"(?:[\w']+ ){0,4}"


def _pattern(table: str) -> re.Pattern[str]:
    """What finds any phrase of a table; lines may be broken wherever a phrase has a space."""
    rows = "|".join(filter(None, table.replace("~ ", WORDS_BETWEEN).split("\n")))
    return re.compile(as_tree(rows).replace(" ", r"\s"), re.MULTILINE | re.DOTALL)


_PATTERNS = {stance: _pattern(table) for stance, table in PHRASES.items()}
_SCHEDULED = _pattern(SCHEDULED)
_END = re.compile(r"(?<!\d)[.!?](?=\s|$)")
"""Of a sentence; after a digit it is a day: "am 1. nicht"."""
_NOT = re.compile(r"\b(?:nicht|nie|kein(?:e[mnrs]?)?|gesperrt)\b")


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
    return "\n".join(small), list(accumulate((len(line) + 1 for line in small), initial=0))


def _numbers(stance: Stance, text: Sequence[str], joined: str, starts: list[int]) -> list[int]:
    if stance not in _PATTERNS:
        return []
    if stance is Stance.PROMISE:
        return _promises(text, joined, starts)
    return sorted({bisect_right(starts, m.start()) for m in _PATTERNS[stance].finditer(joined)})


def _promises(text: Sequence[str], joined: str, starts: list[int]) -> list[int]:
    """The lines that promise a payment for some time, or say that it is on a list: in no sentence
    with a German "not", which may stand far behind the verb."""
    ends = [match.end() for match in _END.finditer(joined)]
    denied = {bisect_right(ends, match.start()) for match in _NOT.finditer(joined)}

    def found(pattern: re.Pattern[str]) -> set[int]:
        places = (match.start() for match in pattern.finditer(joined))
        return {bisect_right(starts, at) for at in places if bisect_right(ends, at) not in denied}

    promised = found(_PATTERNS[Stance.PROMISE])
    timed = {n for n in promised if says_when(" ".join(text[n - 1 : n + 1]))}
    return sorted(timed | found(_SCHEDULED))
