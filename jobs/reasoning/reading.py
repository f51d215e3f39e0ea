"""Outside documents → readings: a closed form for each, by the model and by phrase rules."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated

from pydantic import Field, WithJsonSchema

from jobs.reasoning.cleaning import MODEL_LINES, lines, pseudonymised
from jobs.reasoning.model import Failure, ModelAnswer, QuestionRecord, Reader
from jobs.reasoning.phrases import phrases
from jobs.reasoning.prompting import fenced, prompt
from jobs.reasoning.wire import ClosedForm
from jobs.rules.facts.evidence import STANCES, Document, HeardText, Reading, Stance
from jobs.rules.facts.findings import Context, owner
from jobs.rules.policy.policy import Policy

MOST_LINES_NAMED = 5
BESIDE = phrases.READER
"""The reader that reads every text, whoever else does."""


class ReadingForm(ClosedForm):
    """Everything a reading may take from a document: closed words and line numbers."""

    longest_answer = 1000
    """A word and five numbers; the rest is room for reasoning."""

    stance: Annotated[Stance, WithJsonSchema({"type": "string", "enum": [*map(str, Stance)]})]
    lines: Annotated[list[int], Field(max_length=MOST_LINES_NAMED)]


@dataclass(frozen=True)
class Readings:
    """What was read.

    `readings` has at least one per document, or several if it says several things, the most careful
    last. `records` has one for each question to the model, `failures` the id of each document that
    the model could not read, and why.
    """

    readings: tuple[Reading, ...]
    records: tuple[QuestionRecord, ...] = ()
    failures: Mapping[str, str] = field(default_factory=dict)

    def known(self, documents: Iterable[Document]) -> tuple[Document, ...]:
        """Those of `documents` that need not be read again: their readings can be kept."""
        empty = {reading.document for reading in self.readings if not reading.reader}
        return tuple(d for d in documents if d.id not in self.failures and d.id not in empty)


def read(
    documents: Iterable[Document], model: Reader | None, names: Collection[str] = ()
) -> Readings:
    """Read each document by itself, with phrase rules and, if there is one, the model.

    `names` (of the customer and its people) are not shown to the model. Its answer can only add to
    what the phrases found; if it fails, they alone count.
    """
    documents = tuple(documents)
    answers = ask([d for d in documents if lines(d.text)], model, names) if model else {}
    readings = [r for document in documents for r in _together(document, answers.get(document.id))]
    failed = {id: a.reason for id, a in answers.items() if isinstance(a, Failure)}
    return Readings(tuple(readings), tuple(a.record for a in answers.values()), failed)


def reader(model: Reader | None) -> str:
    """Identifies the reader, so that a new model or prompt reads everything again."""
    return f"{model.name} {prompt('read_document').label}" if model else BESIDE


def names(context: Context, policy: Policy) -> frozenset[str]:
    """The people and firms that a case knows of, whom the model need not know."""
    facts, named = context.facts, owner(context.findings)
    firms = (facts.customer, *facts.members)
    known = {name for firm in firms for name in (firm.name, firm.contact)}
    known |= {one.name for one in facts.relatives} | {policy.sender_name}
    known |= {policy.account_manager_name(facts.customer.id), named[1].name if named else ""}
    return frozenset(known - {""})


def ask(
    documents: Sequence[Document], model: Reader, names: Collection[str] = ()
) -> dict[str, ModelAnswer[ReadingForm] | Failure]:
    """Document id → what the model alone makes of it."""
    texts = [_numbered(document, names) for document in documents]
    answers = model.ask_all(prompt("read_document"), texts, ReadingForm) if texts else []
    return dict(zip((document.id for document in documents), answers, strict=True))


def _numbered(document: Document, names: Collection[str]) -> str:
    text = lines(document.text)[:MODEL_LINES]
    numbered = {str(number): pseudonymised(line, names) for number, line in enumerate(text, 1)}
    return fenced(({"by": document.author} if document.author else {}) | {"lines": numbered})


def quote(document: Document, reading: Reading, count: int = 1) -> str:
    """The first line that the reading names, word for word from our own copy, or empty; `count`
    lines from there if it may go on.

    It is outside text: escape it before showing it.
    """
    text = lines(document.text)
    first = next((n - 1 for n in reading.lines if 1 <= n <= len(text)), len(text))
    return " ".join(text[first : first + count])


def takes_back(
    document: Document, said: Sequence[Reading], text: HeardText, before: Reading
) -> bool:
    """Whether `document`, a later version of `text` with the readings `said`, takes `before` back.

    One that could not be read whole takes nothing back. Nor do phrases what a model heard, nor a
    model while the line that it named is still there, broken and quoted as it may be: another model
    may be deaf to it. A text that has been deleted since cannot be compared.
    """
    if document.missing:
        return False
    if before.reader == BESIDE:
        return True
    by_model = any(reading.reader != BESIDE for reading in said)
    return by_model and bool(text.document.text) and not _still_there(text, before, document)


def _still_there(text: HeardText, before: Reading, document: Document) -> bool:
    """Whether one of the lines that were named, or of all if none was, stands in `document`."""
    old, now = lines(text.document.text), _words(" ".join(lines(document.text)))
    named = [old[n - 1] for n in before.lines if 1 <= n <= len(old)] or old
    return any(_words(line) in now for line in named)


def _words(text: str) -> str:
    """Each between spaces, in small letters, without signs."""
    return " ".join(["", *re.findall(r"\w+", text.casefold()), ""])


def _together(
    document: Document, answer: ModelAnswer[ReadingForm] | Failure | None
) -> list[Reading]:
    """All findings, one reading per stance, the most careful last.

    Where the model found no more than the phrases, a reading of nothing says that it has read it.
    """
    found = {reading.stance: reading for reading in phrases.read_all(document)}
    if not isinstance(answer, ModelAnswer):
        reader = phrases.READER if lines(document.text) else ""
        return _in_order(found.values()) or [Reading(document.id, Stance.NONE, (), reader)]
    by_model = _reading(document, answer)
    found.setdefault(by_model.stance, by_model)
    if by_model not in found.values():
        found[Stance.NONE] = replace(by_model, stance=Stance.NONE, lines=())
    return _in_order(found.values())


def _in_order(found: Iterable[Reading]) -> list[Reading]:
    return sorted(found, key=lambda reading: STANCES.index(reading.stance))


def _reading(document: Document, answer: ModelAnswer[ReadingForm]) -> Reading:
    """The model's reading, with only those lines that exist."""
    count = len(lines(document.text)[:MODEL_LINES])
    known = tuple(sorted({n for n in answer.value.lines if 1 <= n <= count}))
    reader = f"{answer.record.model} {answer.record.prompt}"
    return Reading(document.id, answer.value.stance, known, reader)
