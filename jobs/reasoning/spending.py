"""A model within a month's budget: asked only where the answer fits, each answer counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import Protocol

import structlog

from jobs.reasoning.model import (
    Failure,
    Form,
    ModelAnswer,
    QuestionRecord,
    Reader,
)
from jobs.reasoning.prompting import Prompt
from jobs.reasoning.wire import ClosedForm
from jobs.rules.policy.sections import TokenCount

OF_THE_FORM = 3000
"""More tokens than the schema of any of our forms takes."""

slog = structlog.get_logger()


class Reservation(Protocol):
    """What the answers to some questions may cost, set aside until they are there."""

    def settle(self, counts: Sequence[TokenCount]) -> list[Decimal | None]:
        """Count the answers instead. Returns what each cost; None if the model's price is not
        known."""
        ...


class Spending(Protocol):
    """What one case may spend, kept where every process sees it."""

    def reserve(self, mosts: Sequence[TokenCount]) -> Reservation | str:
        """Set aside what questions of at most so many tokens cost, or say in a sentence why there
        is no room. Where only what others have set aside is in the way, it waits for them."""
        ...


@dataclass(frozen=True)
class WithinBudget:
    """The model as one case may ask it. A process that dies while it asks leaves what it reserved
    counted, so nothing is spent beyond the budget."""

    model: Reader
    spending: Spending
    case: str

    @property
    def name(self) -> str:
        return self.model.name

    def ask_all(
        self, prompt: Prompt, data: Sequence[str], form: type[Form]
    ) -> list[ModelAnswer[Form] | Failure]:
        """As `Model.ask_all`; Failures that say so if the budget has no room for the answers."""
        reserved = self.spending.reserve([most_tokens(prompt, one, form) for one in data])
        if isinstance(reserved, str):
            record = QuestionRecord(self.name, prompt.label, 0, 0, 0, "", reserved)
            return [Failure(reserved, record) for _ in data]
        answers = self.model.ask_all(prompt, data, form)
        costs = reserved.settle([_count(answer) for answer in answers])
        return [self._noted(answer, cost) for answer, cost in zip(answers, costs, strict=True)]

    def accepted(self, label: str) -> Reader | None:
        """The same within this budget."""
        model = self.model.accepted(label)
        return replace(self, model=model) if model else None

    def _noted(
        self, answer: ModelAnswer[Form] | Failure, cost: Decimal | None
    ) -> ModelAnswer[Form] | Failure:
        """The same with its cost, which is also logged."""
        record = replace(answer.record, cost=None if cost is None else str(cost))
        slog.info("model.asked", case=self.case, **asdict(record))
        return replace(answer, record=record)


def _count(answer: ModelAnswer[Form] | Failure) -> TokenCount:
    record, failed = answer.record, isinstance(answer, Failure)
    unmetered = isinstance(answer, Failure) and answer.unmetered
    counts = record.tokens_in, record.tokens_cached, record.tokens_out
    return TokenCount(*counts, failed=failed, unmetered=unmetered)


def most_tokens(prompt: Prompt, data: str, form: type[ClosedForm]) -> TokenCount:
    """More than a question can count: no token is shorter than a byte."""
    asked = len(prompt.text.encode()) + len(data.encode()) + OF_THE_FORM
    return TokenCount(asked, 0, form.longest_answer)
