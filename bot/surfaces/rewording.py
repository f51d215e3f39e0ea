"""What somebody has changed in a message, word by word: what went struck out, what came in bold.

Pure. Lines are compared first, and words only where lines differ, so a long letter costs little.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum

from bot.blockkit.blocks import Block, paragraph, quote, rich, text
from bot.blockkit.escaping import mrkdwn, one_line, revealed, revealed_line
from jobs.rules.letters.letter import Letter
from jobs.rules.plain import beginning, shortened

LINE = re.compile(r"[^\n]*\n|[^\n]+")
WORD = re.compile(r"\s+|[^\W_]+(?:[.,'’/-][^\W_]+)*|\S")
AROUND = 60
"""Characters of unchanged text that are shown before and after a change."""
MOST_PIECES = 120
LONGEST_PIECE = 1500


class Fate(Enum):
    """What became of some words."""

    KEPT = "kept"
    REMOVED = "removed"
    ADDED = "added"


@dataclass(frozen=True)
class Words:
    """A run of words with one fate."""

    fate: Fate
    words: str


def rewording(before: str, after: str) -> list[Words]:
    """The new text with what was removed in between; joined without it, it is `after`."""
    found = []
    for same, removed, added in _runs(LINE.findall(before), LINE.findall(after)):
        if same:
            found.append(Words(Fate.KEPT, "".join(added)))
        else:
            found += _in_words("".join(removed), "".join(added))
    return list(_joined(found))


def _joined(found: list[Words]) -> Iterator[Words]:
    """Neighbours as one, also where only the space between two changed words has stayed."""
    kept, runs = "", {Fate.REMOVED: "", Fate.ADDED: ""}
    for one in [*found, Words(Fate.KEPT, "")]:
        if one.fate is Fate.KEPT:
            kept += one.words
            continue
        if any(runs.values()) and not kept.isspace() and kept:
            yield from _settled(runs)
        if any(runs.values()):
            runs = {fate: words + kept for fate, words in runs.items()}
        elif kept:
            yield Words(Fate.KEPT, kept)
        kept, runs[one.fate] = "", runs[one.fate] + one.words
    yield from _settled(runs)
    if kept:
        yield Words(Fate.KEPT, kept)


def _settled(runs: dict[Fate, str]) -> list[Words]:
    """What was removed, then what was added; the runs begin anew."""
    done = [Words(fate, words) for fate, words in runs.items() if words]
    runs.update(dict.fromkeys(runs, ""))
    return done


def _in_words(before: str, after: str) -> Iterator[Words]:
    for same, removed, added in _runs(WORD.findall(before), WORD.findall(after)):
        if same:
            yield Words(Fate.KEPT, "".join(added))
            continue
        if removed:
            yield Words(Fate.REMOVED, "".join(removed))
        if added:
            yield Words(Fate.ADDED, "".join(added))


def _runs(old: list[str], new: list[str]) -> Iterator[tuple[bool, list[str], list[str]]]:
    """Runs that are the same in both, and what stands in the places of those that are not."""
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for kind, a, b, c, d in matcher.get_opcodes():
        yield kind == "equal", old[a:b], new[c:d]


def changed_blocks(before: Letter, after: Letter) -> list[Block]:
    """Subject and body with their changes; a part that is unchanged is left out."""
    parts = []
    if before.subject != after.subject:
        line = pieces(rewording(revealed(before.subject), revealed(after.subject)))
        parts.append(paragraph(text("Subject: ", bold=True), *line))
    if before.cc != after.cc:
        line = pieces(rewording(*(revealed_line(", ".join(one.cc)) for one in (before, after))))
        parts.append(paragraph(text("Copy to: ", bold=True), *line))
    if before.body != after.body:
        parts.append(quote(*pieces(rewording(revealed(before.body), revealed(after.body)))))
    return [rich(*parts)] if parts else []


def changed_said(before: Letter, after: Letter) -> str:
    """The same as escaped words for whoever hears it."""
    found = [
        *rewording(before.subject, after.subject),
        *rewording(", ".join(before.cc), ", ".join(after.cc)),
        *rewording(before.body, after.body),
    ]
    told = []
    for fate, verb in ((Fate.REMOVED, "Removed"), (Fate.ADDED, "Added")):
        some = [one_line(one.words) for one in found if one.fate is fate and one.words.strip()]
        if some:
            told.append(f"{verb}: {mrkdwn(shortened('; '.join(f'“{one}”' for one in some), 1500))}")
    return " ".join(told)


def pieces(found: list[Words]) -> list[Block]:
    """The words as rich text: what went struck out, what came in bold."""
    last, shown = len(found) - 1, list[Block]()
    for n, one in enumerate(found[:MOST_PIECES]):
        if shown and one.fate is Fate.ADDED and found[n - 1].fate is Fate.REMOVED:
            shown.append(text(" "))  # or the struck word would run into the new one
        shown.append(_piece(one, n == 0, n == last))
    rest = len(found) - MOST_PIECES
    return shown + ([text(" … the rest stands on the card.", italic=True)] if rest > 0 else [])


def _piece(one: Words, first: bool, last: bool) -> Block:
    if one.fate is Fate.KEPT:
        return text(_around(one.words, first, last))
    words = shortened(one.words, LONGEST_PIECE)
    removed = one.fate is Fate.REMOVED
    return text(words, strike=removed, bold=not removed)


def _around(words: str, first: bool, last: bool) -> str:
    """Unchanged text, shortened to what stands next to the changes."""
    if len(words) <= 2 * AROUND + 20:
        return words
    start = "" if first else f"{beginning(words, AROUND)} "
    end = "" if last else f" {_ending(words, AROUND)}"
    return f"{start}…{end}"


def _ending(words: str, length: int) -> str:
    """The last words, at most `length` characters of them."""
    kept = words[-length:]
    return kept[kept.find(" ") + 1 :] if " " in kept else kept
