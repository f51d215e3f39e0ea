"""Outside documents → readings: a closed form for each, by the model and by phrase rules."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from jobs.reasoning import phrases
from jobs.reasoning.caution import STANCES
from jobs.reasoning.cleaning import MODEL_LINES, lines, pseudonymised
from jobs.reasoning.model import Failure, Model, ModelAnswer, QuestionRecord
from jobs.reasoning.prompting import fenced, prompt
from jobs.rules.facts.evidence import Document, Reading, Stance

MOST_LINES_NAMED = 5


class ReadingForm(BaseModel):
    """Everything a reading may take from a document: closed words and line numbers."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["message", "automatic_reply", "internal_note", "other"]
    stance: Stance
    lines: Annotated[list[int], Field(max_length=MOST_LINES_NAMED)]


@dataclass(frozen=True)
class Readings:
    """What was read.

    `readings` has at least one per document, or several if it says several things, the most careful
    last. `records` has one for each question to the model, `failures` a sentence for each document
    that the model could not read.
    """

    readings: tuple[Reading, ...]
    records: tuple[QuestionRecord, ...] = ()
    failures: tuple[str, ...] = ()


def read(
    documents: Iterable[Document], model: Model | None, names: Collection[str] = ()
) -> Readings:
    """Read each document by itself, with phrase rules and, if there is one, the model.

    `names` (of the customer and its people) are not shown to the model. Its answer can only add to
    what the phrases found; if it fails, they alone count.
    """
    readings: list[Reading] = []
    answers: list[ModelAnswer[ReadingForm] | Failure] = []
    for document in documents:
        answer = ask(document, model, names) if model and lines(document.text) else None
        readings += _together(document, answer)
        answers += [answer] if answer else []
    return Readings(
        tuple(readings),
        tuple(answer.record for answer in answers),
        tuple(answer.reason for answer in answers if isinstance(answer, Failure)),
    )


def ask(
    document: Document, model: Model, names: Collection[str] = ()
) -> ModelAnswer[ReadingForm] | Failure:
    """Ask only the model about one document."""
    text = lines(document.text)[:MODEL_LINES]
    numbered = {str(number): pseudonymised(line, names) for number, line in enumerate(text, 1)}
    return model.ask(prompt("read_document"), fenced({"lines": numbered}), ReadingForm)


def quote(document: Document, reading: Reading) -> str:
    """The first line that the reading names, word for word from our own copy, or empty.

    It is outside text: escape it before showing it.
    """
    text = lines(document.text)
    return next((text[n - 1] for n in reading.lines if 1 <= n <= len(text)), "")


def _together(
    document: Document, answer: ModelAnswer[ReadingForm] | Failure | None
) -> list[Reading]:
    """All findings, one reading per stance, the most careful last."""
    found = {reading.stance: reading for reading in phrases.read_all(document)}
    if isinstance(answer, ModelAnswer):
        by_model = _reading(document, answer)
        found.setdefault(by_model.stance, by_model)
    if len(found) > 1:
        found.pop(Stance.NONE, None)
    in_order = sorted(found.values(), key=lambda reading: STANCES.index(reading.stance))
    return in_order or [Reading(document.id, Stance.NONE, (), phrases.READER)]


def _reading(document: Document, answer: ModelAnswer[ReadingForm]) -> Reading:
    """The model's reading, with only those lines that exist."""
    count = len(lines(document.text)[:MODEL_LINES])
    known = tuple(sorted({n for n in answer.value.lines if 1 <= n <= count}))
    reader = f"{answer.record.model} {answer.record.prompt}"
    return Reading(document.id, answer.value.stance, known, reader)
