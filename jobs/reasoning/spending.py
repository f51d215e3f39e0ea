"""A model within a month's budget: asked only where the answer fits, each answer counted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Protocol

import structlog

from jobs.reasoning.model import (
    LONGEST_ANSWER,
    Failure,
    Form,
    ModelAnswer,
    QuestionRecord,
    Reader,
)
from jobs.reasoning.prompting import Prompt

USED_UP = "The month's budget for the model is used up."
OF_THE_FORM = 3000
"""More tokens than the schema of any of our forms takes."""

slog = structlog.get_logger()


class Reservation(Protocol):
    """What the answer to one question may cost, set aside until it is there."""

    def settle(
        self,
        tokens_in: int,
        tokens_cached: int,
        tokens_out: int,
        *,
        failed: bool,
        unmetered: bool,
    ) -> Decimal | None:
        """Count the answer instead; where it is `unmetered`, what was reserved counts.

        Returns the cost, or None if the price of the model is not known.
        """
        ...


class Spending(Protocol):
    """What one case may spend, kept where every process sees it."""

    def reserve(self, tokens_in: int, tokens_out: int) -> Reservation | None:
        """Set aside what a question of at most so many tokens costs; None if there is no room."""
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

    def ask(self, prompt: Prompt, data: str, form: type[Form]) -> ModelAnswer[Form] | Failure:
        """As `Model.ask`; a Failure that says so if the budget has no room for the answer."""
        reserved = self.spending.reserve(most_tokens(prompt, data), LONGEST_ANSWER)
        if reserved is None:
            return Failure(USED_UP, QuestionRecord(self.name, prompt.label, 0, 0, 0, "", USED_UP))
        answer = self.model.ask(prompt, data, form)
        record = self._counted(reserved, answer)
        return replace(answer, record=record)

    def _counted(
        self, reserved: Reservation, answer: ModelAnswer[Form] | Failure
    ) -> QuestionRecord:
        record, failed = answer.record, isinstance(answer, Failure)
        cost = reserved.settle(
            record.tokens_in,
            record.tokens_cached,
            record.tokens_out,
            failed=failed,
            unmetered=isinstance(answer, Failure) and answer.unmetered,
        )
        record = replace(record, cost=None if cost is None else str(cost))
        self._note(record)
        return record

    def _note(self, record: QuestionRecord) -> None:
        slog.info(
            "model.asked",
            case=self.case,
            model=record.model,
            prompt=record.prompt,
            tokens_in=record.tokens_in,
            tokens_cached=record.tokens_cached,
            tokens_out=record.tokens_out,
            cost=record.cost,
            outcome=record.outcome,
        )


def most_tokens(prompt: Prompt, data: str) -> int:
    """More than a question can count: no token is shorter than a byte."""
    return len(prompt.text.encode()) + len(data.encode()) + OF_THE_FORM
