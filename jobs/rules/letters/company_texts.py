"""The texts that letters are made from: the standard ones, and what a company has in their place.

A text is one file of `templates/`: a subject, then paragraphs in which each line is one sentence.
Beside it a company may have instructions: sentences of the model that it does not want, and what
it writes instead. Both change only when a finance lead takes a proposal of the weekly review.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from jobs.rules.states import CaseClass, Stage


class TextKind(StrEnum):
    """What of a company's own a text is."""

    TEMPLATE = "template"
    """The letter where no model writes."""
    INSTRUCTIONS = "instructions"
    """What the model is asked to leave out, add or say otherwise in such a letter."""


class TextName(NamedTuple):
    """Which text: `name` is that of its file, "follow_up" for routine reminders of stage 2."""

    kind: TextKind
    language: str
    name: str


def text_name(stage: Stage, class_: CaseClass) -> str:
    """The name of the text for such a case: only routine reminders have one for each stage."""
    return stage.name.lower() if class_ is CaseClass.ROUTINE_REMINDER else class_.value


@cache
def standard(name: str, language: str) -> str:
    """The template of this name as Overdue has it."""
    file = files("jobs.rules.letters").joinpath("templates", language, f"{name}.txt")
    return file.read_text(encoding="utf-8").strip()


class Instruction(NamedTuple):
    """A sentence to leave out, and what to write in its place; either may be empty, not both."""

    leave_out: str
    write: str


class OwnText(NamedTuple):
    """A text of the company: a template, or instructions with one JSON pair per line."""

    named: TextName
    text: str


@dataclass(frozen=True)
class CompanyTexts:
    """What a company has of its own; the standard text, or no instruction, stands elsewhere."""

    own: tuple[OwnText, ...] = ()

    def text(self, named: TextName) -> str:
        """The text in use."""
        if own := self._own(named):
            return own
        return standard(named.name, named.language) if named.kind is TextKind.TEMPLATE else ""

    def _own(self, named: TextName) -> str:
        return next((one.text for one in self.own if one.named == named), "")

    def template(self, name: str, language: str) -> str:
        """The template in use."""
        return self.text(TextName(TextKind.TEMPLATE, language, name))

    def instructions(self, name: str, language: str) -> tuple[Instruction, ...]:
        """What the model is told for letters of this name."""
        return instructions_in(self.text(TextName(TextKind.INSTRUCTIONS, language, name)))

    def own_template(self, name: str, language: str) -> str:
        """The hash of the company's own template; empty where it has none."""
        own = self._own(TextName(TextKind.TEMPLATE, language, name))
        return hash_of(own) if own else ""

    def hashed(self) -> CompanyTexts:
        """The hash of each text in its place: enough to find the texts again."""
        return CompanyTexts(tuple(OwnText(one.named, hash_of(one.text)) for one in self.own))


STANDARD = CompanyTexts()


def hash_of(text: str) -> str:
    """What names a version of a text (64 hex digits)."""
    return hashlib.sha256(text.encode()).hexdigest()


def instructions_in(text: str) -> tuple[Instruction, ...]:
    """The instructions that a text of this kind holds."""
    return tuple(Instruction(*json.loads(line)) for line in text.split("\n") if line)


def as_line(one: Instruction) -> str:
    """An instruction as a line of such a text."""
    return json.dumps(one)
