"""Why people reject or hold, in their words, and what follows from each."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from jobs.rules.past import HoldKind


class Words(NamedTuple):
    """What an option says, and its consequence (each at most 75 characters)."""

    label: str
    consequence: str


class RejectReason(StrEnum):
    """The closed list behind Reject."""

    NOT_NEEDED = "not_needed"
    ALREADY_PAID = "already_paid"
    WRONG_CONTACT = "wrong_contact"
    WRONG_TONE = "wrong_tone"
    DISPUTED = "disputed"
    OTHER = "other"


REJECT = {
    RejectReason.NOT_NEEDED: Words("Not needed", "No message now; comes back at the next stage."),
    RejectReason.ALREADY_PAID: Words(
        "Already paid", "Waits 5 working days for the payment, then asks again."
    ),
    RejectReason.WRONG_CONTACT: Words(
        "Wrong contact", "No message to this customer until an address is confirmed."
    ),
    RejectReason.WRONG_TONE: Words("Wrong tone", "Comes back as a new draft."),
    RejectReason.DISPUTED: Words("Disputed", "Holds the invoices you choose; the others go on."),
    RejectReason.OTHER: Words(
        "Other", "No message now; comes back at the next stage. Please comment."
    ),
}
HOLD = {
    HoldKind.DISPUTE: Words("Dispute", "The customer contests the bill or the goods."),
    HoldKind.PROMISE: Words("Promise", "The customer named a date."),
    HoldKind.PLAN: Words("Payment plan", "The customer pays in agreed parts."),
    HoldKind.QUIET: Words("Quiet time", "We leave the customer in peace for a while."),
}


def held_as(reason: str) -> str:
    """A recorded kind of hold in words; a free text stands for itself."""
    known = {str(kind): f"A {words.label.lower()}" for kind, words in HOLD.items()}
    return known.get(reason, reason)


def rejected_as(reason: str) -> Words:
    """The words for a recorded reason; a free text stands for itself."""
    known = {str(name): words for name, words in REJECT.items()}
    return known.get(reason, Words(reason, ""))
