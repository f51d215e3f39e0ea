"""What the model proposes, once it has passed the door: closed words and sentences with slots."""

from __future__ import annotations

from dataclasses import dataclass

from jobs.rules.case import Reason
from jobs.rules.states import CaseClass


@dataclass(frozen=True)
class Proposal:
    """Text holds only slots such as `{total_open}`, never a digit, a link or an address.

    `subject` and `sentences` are empty where a stopped case was only summed up. `author` names the
    model and the prompt version, or "template".
    """

    class_: CaseClass
    confidence: str  # "low", "medium", "high"
    reasons: tuple[Reason, ...]
    summary: str
    subject: str
    sentences: tuple[str, ...]
    author: str
