"""What people keep changing in letters → a change of the text that those are made from. Pure.

Values of a case are put back into their slots first, so a sentence that still holds a figure or a
name is never the same in the letters of several customers, and is not proposed. A proposal changes
one sentence of one text; whether it may stand in a letter at all is checked besides.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from typing import NamedTuple

from jobs.rules.letters.company_texts import (
    CompanyTexts,
    Instruction,
    TextKind,
    TextName,
    as_line,
    hash_of,
)
from jobs.rules.letters.rewriting import FIGURE, SENTENCE
from jobs.rules.letters.slots import SLOT

CASES, CUSTOMERS = 3, 2
"""How many cases, of how many customers, have to show the same change."""
WORDS = re.compile(r"\{[a-z_]+\}|\w+")
LONGEST = 200
"""Characters of a sentence that may be proposed."""
ALWAYS_FILLED = frozenset({"company", "sender_name", "sender_phone"})
"""Slots for a new sentence anywhere: the policy fills them, or the sentence is left out."""


@dataclass(frozen=True)
class LetterEdit:
    """A letter that went in a person's words: what they saw of ours, and what they made of it."""

    case: str
    customer: str
    text: TextName
    """What ours was made from; instructions where the model wrote it."""
    before: str
    after: str
    values: Mapping[str, str]
    """Slot → what stood for it, those of the text first."""
    written: tuple[str, ...] = ()
    """What the model wrote of ours, with slots: it cannot leave out what it never wrote, such as
    greeting and closing."""


@dataclass(frozen=True)
class WordingChange:
    """One sentence of a text replaced, removed (`after` is empty) or added (`before` is empty).

    An added sentence goes below the sentence `below`. `base` is the hash of the text that it was
    proposed for; `cases` is the evidence.
    """

    text: TextName
    before: str
    after: str
    below: str
    base: str
    cases: tuple[str, ...]
    customers: int

    @property
    def in_words(self) -> tuple[TextName, str, str]:
        """What it does to which text, whatever its capitals and punctuation. Two changes that are
        the same in this are the same to people."""
        return self.text, _bare(self.before), _bare(self.after)

    @property
    def fingerprint(self) -> str:
        """What a button names: the change and the version of the text (64 hex digits)."""
        named = {name: value for name, value in asdict(self).items() if name not in COUNTED}
        return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()


COUNTED = frozenset({"cases", "customers"})


class _Said(NamedTuple):
    """What one person did to one sentence; each side may be several sentences, or none."""

    before: str
    after: str
    below: str


def proposals(edits: Iterable[LetterEdit], texts: CompanyTexts) -> list[WordingChange]:
    """Per text the changes that are frequent enough, the most frequent first."""
    found: dict[tuple[TextName, str, str], list[tuple[LetterEdit, _Said]]] = defaultdict(list)
    for edit in edits:
        for one in set(_said(edit, _known(edit.text, texts))):
            found[edit.text, _bare(one.before), _bare(one.below)].append((edit, one))
    changes = [
        change for (text, *_), some in found.items() if (change := _change(text, some, texts))
    ]
    return sorted(changes, key=lambda one: (-len(one.cases), one.text, one.before, one.after))


def _known(text: TextName, texts: CompanyTexts) -> tuple[str, ...]:
    """The sentences of the template in use; none where the model writes freely."""
    if text.kind is TextKind.INSTRUCTIONS:
        return ()
    _, *paragraphs = texts.text(text).split("\n\n")
    return tuple(line for paragraph in paragraphs for line in paragraph.split("\n"))


def _said(edit: LetterEdit, known: Sequence[str]) -> Iterator[_Said]:
    """What was done to single sentences that may be learned from."""
    pattern = _pattern(edit.values)
    old, new = (_sentences(_with_slots(body, pattern)) for body in (edit.before, edit.after))
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            continue
        for before, after in _pairs(old[a:b], new[c:d]):
            # where a sentence was added to a model's letter says nothing about its next one
            below = old[a - 1] if a and known and not before else ""
            one = _Said(_in_text(before, known), after, _in_text(below, known))
            if _is_of_the_text(one, edit, known) and _may_teach(one):
                yield one


def _sentences(body: str) -> list[str]:
    """All of a body, also what is only a greeting, a slot or a name."""
    return [one.strip() for one in SENTENCE.split(body) if WORDS.search(one)]


def _pairs(old: list[str], new: list[str]) -> Iterator[tuple[str, str]]:
    """Which sentences became which: one by one, or one that became several; else it is unclear."""
    if len(old) <= 1 or not new:
        yield from [(before, "\n".join(new)) for before in old or [""]]
    elif len(old) == len(new):
        yield from zip(old, new, strict=True)


def _in_text(sentence: str, known: Sequence[str]) -> str:
    """The sentence of the template that this one is, but for spelling; itself if it is none."""
    return next((line for line in known if _bare(line) == _bare(sentence)), sentence)


def _is_of_the_text(one: _Said, edit: LetterEdit, known: Sequence[str]) -> bool:
    """Whether the template has the sentence, or the model wrote it."""
    if edit.text.kind is TextKind.TEMPLATE:
        return (one.before or one.below) in known
    before = _bare(one.before)
    return not before or any(f" {before} " in f" {_bare(text)} " for text in edit.written)


def _may_teach(one: _Said) -> bool:
    """Whether it is short, without figures, and leaves the slots of our sentence as they were."""
    if any(len(text) > LONGEST or FIGURE.search(text) for text in one):
        return False
    ours, theirs = (set(SLOT.findall(text)) for text in (one.before, one.after))
    return ours - ALWAYS_FILLED <= theirs <= ours | ALWAYS_FILLED


def _pattern(values: Mapping[str, str]) -> re.Pattern[str]:
    """Finds the values, the longest first, each as a group with the name of its slot."""
    told: dict[str, str] = {}
    for slot, value in values.items():
        if value.strip():
            told.setdefault(value, slot)
    longest = sorted(told, key=len, reverse=True)
    parts = (rf"(?P<{told[value]}>(?<!\w){re.escape(value)}(?!\w))" for value in longest)
    return re.compile("|".join(parts) or r"(?!)")


def _with_slots(body: str, pattern: re.Pattern[str]) -> str:
    return pattern.sub(lambda match: "{" + str(match.lastgroup) + "}", body)


def _bare(text: str) -> str:
    """Its words and slots alone: sentences with the same ones are the same to us, whatever their
    capitals, punctuation and ß."""
    return " ".join(WORDS.findall(text.casefold()))


def _change(
    text: TextName, some: Sequence[tuple[LetterEdit, _Said]], texts: CompanyTexts
) -> WordingChange | None:
    """The change that most of these made, if enough of them did."""
    by_words: dict[str, list[tuple[LetterEdit, _Said]]] = defaultdict(list)
    for edit, one in some:
        by_words[_bare(one.after)].append((edit, one))
    most = max(by_words.values(), key=len)
    cases = tuple(dict.fromkeys(edit.case for edit, _ in most))
    customers = len({edit.customer for edit, _ in most})
    if len(cases) < CASES or customers < CUSTOMERS:
        return None
    (said, _), *_ = Counter(one for _, one in most).most_common(1)
    return WordingChange(text, *said, hash_of(texts.text(text)), cases, customers)


def applied(text: str, change: WordingChange) -> str:
    """The text with this change made; unchanged if its sentence is not there."""
    if change.text.kind is TextKind.INSTRUCTIONS:
        line = as_line(Instruction(change.before, change.after))
        return "\n".join([*filter(None, [text]), line])
    subject, *paragraphs = text.split("\n\n")
    changed = (piece for paragraph in paragraphs for piece in _paragraphs(paragraph, change))
    return "\n\n".join([subject, *filter(None, changed)])


def _paragraphs(paragraph: str, change: WordingChange) -> Iterator[str]:
    """The paragraph as it then is, and one of its own for what goes below a table or the like."""
    lines: list[str] = []
    apart = SLOT.fullmatch(change.below) is not None
    for line in paragraph.split("\n"):
        added = change.after if line == change.below and not apart else ""
        lines += filter(None, [change.after if line == change.before else line, added])
    yield "\n".join(lines)
    if apart and change.below in lines:
        yield change.after
