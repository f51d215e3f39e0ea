"""The vocabulary of a language: the words, and the phrases, that a model may write.

A word of `[words]` may stand anywhere. A word that can do harm (pay, wait, not, send) is in no
such list: it is only there inside phrases that mean one thing. So is each slot. Nothing is stemmed:
a form that is not listed is not in the vocabulary.

A file has sections: `[words]` with words in any number per line, and sections of phrases, one a
line, where `(a|b c)` is a choice and `[d]` may be left out. A section, or one of its name and
"words", belongs to the letters of that class or stage, or to the notes; `[phrases]` belongs to all.
`[parts]` names pieces, `name = …`, that phrases hold as `<name>`; a `/` stands where the clause has
to end. `[known words]` belongs to none: a person's letter has them, such as a greeting, and no
model may. `[apart]` has pairs that may not stand side by side in a letter, unless one phrase holds
both, and `[notes apart]` those of the notes.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import product

PUNCTUATION = frozenset(",.;:?–")
CLAUSE_END = "/"
ENDS = frozenset(".:;?")
"""After these a sentence may begin, with a capital."""
_SECTION = re.compile(r"\[(\w[\w -]*)\]")
_PIECE = re.compile(r"[()\[\]|]|[^\s()\[\]|]+")
_CLOSED_BY = {"(": ")", "[": "]"}


@dataclass(frozen=True)
class KnownPhrase:
    """A line of the file: words, and choices between phrases, one of which may be empty."""

    items: tuple[str | tuple[KnownPhrase, ...], ...]

    def ends(self, tokens: Sequence[str], places: set[int]) -> set[int]:
        """Where it may end if it begins at one of these places."""
        for item in self.items:
            if not places:
                break  # most phrases end at their second word
            if item == CLAUSE_END:
                places = {p for p in places if p == len(tokens) or tokens[p] in PUNCTUATION}
            elif isinstance(item, str):
                places = {p + 1 for p in places if p < len(tokens) and tokens[p] == item}
            else:
                places = set().union(*(choice.ends(tokens, places) for choice in item))
        return places

    def begins_with(self) -> Iterator[str]:
        """The words that it may begin with."""
        for item in self.items:
            if isinstance(item, str):
                yield item
                return
            for choice in item:
                yield from choice.begins_with()
            if all(choice.items for choice in item):
                return


@dataclass(frozen=True)
class Vocabulary:
    """What some kind of text may be made of. Phrases are found by their first word."""

    words: frozenset[str]
    phrases: Mapping[str, tuple[KnownPhrase, ...]]
    apart: frozenset[tuple[str, ...]]

    def outside(self, tokens: Sequence[str]) -> int | None:
        """Where the first token stands that belongs to no word and no phrase, or None.

        Tokens are words, slots and punctuation; a sentence may begin with a capital.
        """
        reached = {0}
        for place in range(len(tokens)):
            if place in reached and not self._are_apart(tokens, place):
                reached |= self._ends(tokens, place)
        furthest = max(reached)
        return None if furthest == len(tokens) else furthest

    def _are_apart(self, tokens: Sequence[str], place: int) -> bool:
        """Whether the token here may not follow the one before it, unless in one phrase."""
        pairs = product(_forms(tokens, place - 1), _forms(tokens, place)) if place else ()
        return not self.apart.isdisjoint(pairs)

    def _ends(self, tokens: Sequence[str], place: int) -> set[int]:
        """Where the words and phrases may end that begin here."""
        ends = set[int]()
        for first in _forms(tokens, place):
            if first in self.words or first in PUNCTUATION:
                ends.add(place + 1)
            rest = [first, *tokens[place + 1 :]]
            for phrase in self.phrases.get(first, ()):
                ends |= {place + length for length in phrase.ends(rest, {0})}
        return ends


def _forms(tokens: Sequence[str], place: int) -> tuple[str, ...]:
    """A token as it stands and, at the beginning of a sentence, also in small letters."""
    token = tokens[place]
    small = token[:1].lower() + token[1:]
    begins = place == 0 or tokens[place - 1] in ENDS
    # A letter such as the sign of kelvin is no capital of the letter that it becomes.
    if begins and small != token and small[:1].upper() + small[1:] == token:
        return token, small
    return (token,)


@cache
def vocabulary(language: str, kinds: frozenset[str]) -> Vocabulary:
    """The words of a language, with the words and phrases for these kinds of text."""
    sections = _sections(language)
    phrases: dict[str, list[KnownPhrase]] = defaultdict(list)
    parts = dict(line.split(" = ") for line in sections.get("parts", ()))
    lines = [line for kind in sorted(kinds) for line in sections.get(kind, ())]
    for phrase in (read_phrase(_with_parts(line, parts)) for line in lines):
        for first in set(phrase.begins_with()):
            phrases[first].append(phrase)
    lists = ["words", *(f"{kind} words" for kind in kinds)]
    words = {word for name in lists for line in sections.get(name, ()) for word in line.split()}
    pairs = sections.get("notes apart" if "notes" in kinds else "apart", ())
    apart = frozenset(tuple(line.split()) for line in pairs)
    by_first = {first: tuple(found) for first, found in phrases.items()}
    return Vocabulary(frozenset(words), by_first, apart)


def _with_parts(line: str, parts: Mapping[str, str]) -> str:
    """A line with its parts in full; a part may hold those named before it."""
    for name, part in reversed(list(parts.items())):
        line = line.replace(f"<{name}>", f"({part})")
    return line


@cache
def known_words(language: str) -> frozenset[str]:
    """Every single word of a language's vocabulary, also those inside phrases, in small letters."""
    lines = (line for section in _sections(language).values() for line in section)
    return frozenset(piece.casefold() for line in lines for piece in _PIECE.findall(line))


@cache
def _sections(language: str) -> dict[str, tuple[str, ...]]:
    file = files("jobs.reasoning").joinpath("vocabulary", f"{language}.txt")
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if head := _SECTION.fullmatch(line):
            lines = sections.setdefault(head[1], [])
        elif line.strip() and not line.startswith("#"):
            lines.append(line)
    return {name: tuple(found) for name, found in sections.items()}


@cache
def read_phrase(line: str) -> KnownPhrase:
    """A line of the file. Raises ValueError if a bracket is not closed, or was never opened."""
    choices, rest = _choices(_PIECE.findall(line))
    if rest or len(choices) > 1:
        raise ValueError(f"a bracket or a choice is out of place in {line!r}")
    return choices[0]


def _choices(pieces: list[str]) -> tuple[tuple[KnownPhrase, ...], list[str]]:
    """The phrases between bars, up to a closing bracket or the end, and what follows."""
    choices: list[list[str | tuple[KnownPhrase, ...]]] = [[]]
    while pieces and pieces[0] not in _CLOSED_BY.values():
        piece, *pieces = pieces
        if piece == "|":
            choices.append([])
        elif piece in _CLOSED_BY:
            inner, pieces = _choices(pieces)
            if pieces[:1] != [_CLOSED_BY[piece]]:
                raise ValueError(f"a bracket {piece} is not closed")
            choices[-1].append(inner if piece == "(" else (*inner, KnownPhrase(())))
            pieces = pieces[1:]
        else:
            choices[-1].append(piece)
    return tuple(KnownPhrase(tuple(items)) for items in choices), pieces
