"""Why people reject or hold, in their words, and what follows from each."""

from __future__ import annotations

from typing import NamedTuple

from bot.surfaces import wording
from jobs.rules.facts.past import HoldKind
from jobs.rules.states import RejectReason, Stage


class ReasonOption(NamedTuple):
    """The text of an option, and its consequence (each at most 75 characters)."""

    label: str
    consequence: str


REJECT = {
    RejectReason.NOT_NEEDED: ReasonOption(
        "Not needed", "No message now; comes back at the next stage."
    ),
    RejectReason.ALREADY_PAID: ReasonOption(
        "Already paid", "Waits for the payment, then asks again."
    ),
    RejectReason.WRONG_CONTACT: ReasonOption(
        "Wrong contact", "No message to this customer until an address is confirmed."
    ),
    RejectReason.WRONG_TONE: ReasonOption("Wrong tone", "Comes back as a new draft."),
    RejectReason.DISPUTED: ReasonOption(
        "Disputed", "Holds the invoices you choose; the others go on."
    ),
    RejectReason.OTHER: ReasonOption("Other", "No message now; comes back at the next stage."),
}
HOLD = {
    HoldKind.DISPUTE: ReasonOption("Dispute", "The customer contests the bill or the goods."),
    HoldKind.PROMISE: ReasonOption("Promise", "The customer named a date."),
    HoldKind.PLAN: ReasonOption("Payment plan", "The customer pays in agreed parts."),
    HoldKind.QUIET: ReasonOption("Quiet time", "No messages to this customer for a while."),
}


WRONG = {
    RejectReason.ALREADY_PAID: ReasonOption("It was paid already", "Counts as a false positive."),
    RejectReason.NOT_NEEDED: ReasonOption("It was not needed", "Counts as a false positive."),
    RejectReason.WRONG_CONTACT: ReasonOption(
        "Wrong contact", "No message to this customer until an address is confirmed."
    ),
    RejectReason.WRONG_TONE: ReasonOption("Wrong tone or content", "Counts in the weekly review."),
    RejectReason.DISPUTED: ReasonOption("Disputed", "Holds the invoices you choose."),
    RejectReason.OTHER: ReasonOption("Something else", "Please comment."),
}
"""What can be said of a message that went."""


NO_STAGE = "No message now, and no later stage follows."


def rejecting(stage: Stage, paid_days: int, on_account: bool) -> dict[RejectReason, ReasonOption]:
    """The reasons as they are offered: with the policy's working days, and the stages left.

    `on_account`: the card names money that is there and only has to be applied.
    """
    what = "until it is applied" if on_account else "for the payment"
    paid = f"Waits {wording.working_days(paid_days)} {what}, then asks again."
    offered = REJECT | {RejectReason.ALREADY_PAID: ReasonOption("Already paid", paid)}
    if stage < Stage.FINAL:
        return offered
    other = f"{NO_STAGE} Please comment."
    return offered | {
        RejectReason.NOT_NEEDED: ReasonOption("Not needed", NO_STAGE),
        RejectReason.OTHER: ReasonOption("Other", other),
    }


def held_as(kind: str) -> str:
    """A recorded kind of hold in words."""
    known = {str(one): words.label for one, words in HOLD.items()}
    return known.get(kind, kind)


def rejected_as(reason: str, stage: Stage = Stage.REMINDER) -> ReasonOption:
    """The words for a recorded reason; a free text stands for itself."""
    known = {str(name): words for name, words in REJECT.items()}
    words = known.get(reason, ReasonOption(reason, ""))
    ends = reason in (RejectReason.NOT_NEEDED, RejectReason.OTHER)
    return ReasonOption(words.label, NO_STAGE) if ends and stage is Stage.FINAL else words
