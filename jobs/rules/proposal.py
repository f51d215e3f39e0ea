"""What the model proposes, once it has passed the checks: closed words, sentences with slots."""

from __future__ import annotations

from dataclasses import dataclass

from jobs.rules.case import Reason
from jobs.rules.states import CaseClass


@dataclass(frozen=True)
class Proposal:
    """Its text has only slots such as `{total_open}`, never a digit, a link or an address.

    `subject` and `sentences` are empty if a stopped case was only summarized. `author` names the
    model and the prompt version, or "template".
    """

    class_: CaseClass
    confidence: str  # "low", "medium", "high"
    reasons: tuple[Reason, ...]
    summary: str
    subject: str
    sentences: tuple[str, ...]
    author: str
