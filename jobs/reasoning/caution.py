"""Which class is the more careful one. A reading can only raise caution."""

from __future__ import annotations

from collections.abc import Iterable

from jobs.rules.facts.evidence import Reading, Stance
from jobs.rules.states import CaseClass

CLASSES = (
    CaseClass.ROUTINE_REMINDER,
    CaseClass.LIKELY_DISPUTE,
    CaseClass.PAYMENT_PLAN_CANDIDATE,
    CaseClass.HIGH_TOUCH_ESCALATION,
)
"""Ordered by who has to approve: a collector, then with the account manager told, a lead, both."""

CLASS_OF = {
    Stance.UNCLEAR: CaseClass.LIKELY_DISPUTE,
    Stance.DISPUTE: CaseClass.LIKELY_DISPUTE,
    Stance.PLAN_REQUEST: CaseClass.PAYMENT_PLAN_CANDIDATE,
    Stance.UNHAPPY: CaseClass.HIGH_TOUCH_ESCALATION,
}


def careful_class(one: CaseClass, other: CaseClass) -> CaseClass:
    """The class that demands more from the people who approve."""
    return max(one, other, key=CLASSES.index)


def class_from_readings(readings: Iterable[Reading], *, key_account: bool = False) -> CaseClass:
    """The least careful class that the readings and the mark allow; needs no model."""
    chosen = CaseClass.HIGH_TOUCH_ESCALATION if key_account else CaseClass.ROUTINE_REMINDER
    for reading in readings:
        chosen = careful_class(chosen, CLASS_OF.get(reading.stance, chosen))
    return chosen
