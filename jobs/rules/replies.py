"""What a customer's mail means for us: which kind of reply it is, and what a person may settle.

A mail only informs people and makes us more careful. What it promises, disputes or asks for counts
as settled once a person has dealt with exactly that mail.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from jobs.rules.facts.evidence import AUTOMATIC, BOUNCE, DELAY, STANCES, Document, Reading, Stance
from jobs.rules.figures import Money


class ReplyKind(StrEnum):
    """The one thing about a mail that matters most; but for the last three, a stance."""

    NONE = "none"
    QUESTION = "question"
    PROMISE = "promise"
    NEW_CONTACT = "new_contact"
    PAID_CLAIM = "paid_claim"
    UNCLEAR = "unclear"
    DISPUTE = "dispute"
    HARDSHIP = "hardship"
    PLAN_REQUEST = "plan_request"
    BANK_CHANGE = "bank_change"
    UNHAPPY = "unhappy"
    AWAY = "away"
    DELAYED = "delayed"
    BOUNCE = "bounce"


CAN_BE_SETTLED = frozenset(
    {
        *(Stance.DISPUTE, Stance.PLAN_REQUEST, Stance.PROMISE),
        *(Stance.NEW_CONTACT, Stance.UNCLEAR, Stance.QUESTION),
    }
)
"""What a person can deal with once and for all. Everything else counts until a finance
lead settles it on the card."""


@dataclass(frozen=True)
class CustomerReply:
    """A mail of a customer as it was noticed, and what people have settled since."""

    id: str
    company: str
    customer: str
    document: str
    kind: ReplyKind
    stances: tuple[Stance, ...]
    """Everything that it says, the most careful first."""
    case: str | None
    """The case in whose thread it is shown."""
    came_at: datetime
    promised_on: date | None = None
    """The day that the promising line names, if it is a single one."""
    promised: Money | None = None
    """The amount that the promising line names, if it is a single one."""
    settled: frozenset[Stance] = frozenset()
    settled_by: str = ""
    promise: str = ""
    """The id of the open promise or plan that was made from it, if there is one."""

    @property
    def unsettled(self) -> tuple[Stance, ...]:
        """What a person can still deal with."""
        return tuple(s for s in self.stances if s in CAN_BE_SETTLED - self.settled)


def stances_of(readings: Sequence[Reading]) -> tuple[Stance, ...]:
    """What the readings of one document say, the most careful first; they come in any order."""
    found = {one.stance for one in readings} - {Stance.NONE}
    return tuple(sorted(found, key=STANCES.index, reverse=True))


def kind_of(document: Document, stances: Sequence[Stance], left: Collection[str]) -> ReplyKind:
    """The kind of this mail, which says all that; `left` are addresses that nobody reads."""
    if document.kind == AUTOMATIC and document.sender in left:
        return ReplyKind.NEW_CONTACT
    if document.kind == AUTOMATIC:
        return ReplyKind.AWAY
    if document.kind == DELAY:
        return ReplyKind.DELAYED
    if document.kind == BOUNCE:
        return ReplyKind.BOUNCE
    return ReplyKind(stances[0]) if stances else ReplyKind.NONE
