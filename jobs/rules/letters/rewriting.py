"""How much of a message a person has rewritten, and which sentences. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

WORD = re.compile(r"[^\W_]+(?:[.,'’/-][^\W_]+)*|[^\s\w]")
SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
FIGURE = re.compile(r"\S*\d\S*")


@dataclass(frozen=True)
class Rewriting:
    """`share` is the part of the words that changed, from 0 to 1; the sentences are as written."""

    share: float
    removed: tuple[str, ...]
    added: tuple[str, ...]


def rewriting(before: str, after: str) -> Rewriting:
    """What became of a text. Words that only moved within a line count as changed."""
    old, new = _sentences(before), _sentences(after)
    return Rewriting(
        share=_share(WORD.findall(before), WORD.findall(after)),
        removed=tuple(one for one in old if one not in new),
        added=tuple(one for one in new if one not in old),
    )


def _share(old: Sequence[str], new: Sequence[str]) -> float:
    if not (old or new):
        return 0.0
    alike = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    same = sum(block.size for block in alike)
    return 1 - 2 * same / (len(old) + len(new))


def _sentences(text: str) -> list[str]:
    """The sentences of a text; a row of its table, in columns, is none."""
    found = (one.strip() for one in SENTENCE.split(text))
    return [one for one in found if len(one.split()) > 2 and "  " not in one]


def pattern(sentence: str) -> str:
    """The sentence without its figures: what was said to several customers is the same pattern."""
    return FIGURE.sub("…", sentence)
