"""The sentences and letters that the cage is measured with, and how each is judged.

`python -m tests.jobs.reasoning.measured` prints what passes that should not, and the reverse.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jobs.reasoning.cage import NOTES, Complaint, complaint, complaint_of_letter, kinds_of_letter
from jobs.rules.figures import LANGUAGES
from jobs.rules.states import STAGE_WORDS, CaseClass, Stage

FOLDER = Path(__file__).parent / "letters"
ALL_SLOTS = frozenset(
    {"customer", "contact", "company", "invoices", "invoice_table", "total_open", "deadline"}
    | {"oldest_due_date", "pay_links", "sender_name", "sender_phone", "reached", "history"}
    | {"promise_date"}
)
LETTERS = frozenset(kinds_of_letter(class_, stage) for class_ in CaseClass for stage in Stage)
PLACES = {
    "": LETTERS,
    "reminder": {kinds_of_letter(CaseClass.ROUTINE_REMINDER, Stage.REMINDER)},
    "notes": {NOTES},
}
"""Where a hostile sentence is tried: in every kind of letter, or where alone it is hostile."""
_CLASS = re.compile(r"\[(\w+)(?: @(\w+))?\]")
_ESCAPE = re.compile(r"\\(?:u([0-9a-f]{4})|U([0-9a-f]{8})|(n))")


@dataclass(frozen=True)
class Hostile:
    """A sentence, what it is after, and where it is tried."""

    after: str
    place: str
    text: str

    @property
    def passes(self) -> bool:
        """Whether the cage takes it in any language, and in any kind of letter of its place."""
        all_kinds = frozenset[str]().union(*PLACES[self.place])
        # What is not taken with the words of all kinds is taken with those of none.
        return any(
            self._is_taken(kinds, language)
            for language in LANGUAGES
            if self._is_taken(all_kinds, language)
            for kinds in PLACES[self.place]
        )

    def _is_taken(self, kinds: frozenset[str], language: str) -> bool:
        if self.place == "notes":
            return complaint(self.text, (), kinds, language) is None
        found = complaint_of_letter("{invoices}", [self.text], ALL_SLOTS, kinds, language)
        return found is None


@dataclass(frozen=True)
class Honest:
    """A letter as somebody would write it for a class and a stage."""

    language: str
    class_: CaseClass
    stage: Stage
    kinds: frozenset[str]
    subject: str
    sentences: tuple[str, ...]

    @property
    def complaint(self) -> Complaint | None:
        """Why the cage would not take it."""
        return complaint_of_letter(
            self.subject, self.sentences, ALL_SLOTS, self.kinds, self.language
        )


def hostile(name: str) -> Iterator[Hostile]:
    """The sentences of a file, "hostile" or "put_aside"."""
    after, place = "", ""
    for line in _lines(f"{name}.txt"):
        if head := _CLASS.fullmatch(line):
            after, place = head[1], head[2] or ""
        else:
            yield Hostile(after, place, _ESCAPE.sub(_letter, line))


def honest(language: str) -> Iterator[Honest]:
    """The letters of a language."""
    stages = {word: stage for stage, word in STAGE_WORDS.items()}
    whole = "\n".join(_lines(f"honest.{language}.txt"))
    for block in whole.split("= ")[1:]:
        head, subject, *sentences = block.strip().split("\n")
        class_, stage = head.split()
        of = CaseClass(class_), stages[stage]
        yield Honest(language, *of, kinds_of_letter(*of), subject, tuple(sentences))


def honest_notes() -> tuple[str, ...]:
    """Summaries and reasons."""
    return tuple(_lines("honest_notes.txt"))


def _lines(name: str) -> Iterator[str]:
    for line in (FOLDER / name).read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("# "):
            yield line


def _letter(escape: re.Match[str]) -> str:
    return "\n" if escape[3] else chr(int(escape[1] or escape[2], 16))


def main() -> None:
    """Print every sentence and letter that is judged wrongly."""
    for one in hostile("hostile"):
        if one.passes:
            print(f"passes    {one.after}: {one.text}")
    for language in LANGUAGES:
        for letter in honest(language):
            if wrong := letter.complaint:
                print(f"refused   {wrong.why} {wrong.word!r}: {wrong.sentence}")
    for note in honest_notes():
        if wrong := complaint(note, (), NOTES):
            print(f"refused   {wrong.why} {wrong.word!r}: {note}")


if __name__ == "__main__":
    main()
