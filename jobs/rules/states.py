"""The life of a case: its states, the moves between them, stages and classes.

new ─triage▶ waiting ─approve▶ approved ─(undo window)▶ sending ─▶ sent ─write back▶ done
"""

from __future__ import annotations

from enum import IntEnum, StrEnum


class State(StrEnum):
    """Where a case is; the card and the queues depend on it alone."""

    NEW = "new"
    WAITING = "waiting"
    SNOOZED = "snoozed"
    APPROVED = "approved"
    SENDING = "sending"
    UNKNOWN = "unknown"
    SENT = "sent"
    DONE = "done"
    REJECTED = "rejected"
    HELD = "held"
    CANCELLED = "cancelled"


OPEN = frozenset(
    {State.NEW, State.WAITING, State.SNOOZED, State.APPROVED, State.SENDING, State.UNKNOWN}
)
"""Open states: a customer has at most one open case per currency."""

JOINABLE = frozenset({State.NEW, State.WAITING, State.SNOOZED})
"""A new crossing joins a case only before it has been approved."""

# To SENT from any open state: a server may accept a mail after a person said that it was not sent.
MOVES: dict[State, frozenset[State]] = {
    State.NEW: frozenset(
        {State.NEW, State.WAITING, State.HELD, State.SNOOZED, State.CANCELLED, State.SENT}
    ),
    State.WAITING: frozenset(
        {
            State.WAITING,
            State.APPROVED,
            State.SENT,
            State.REJECTED,
            State.HELD,
            State.SNOOZED,
            State.CANCELLED,
        }
    ),
    State.SNOOZED: frozenset(
        {State.SNOOZED, State.NEW, State.WAITING, State.HELD, State.CANCELLED, State.SENT}
    ),
    State.APPROVED: frozenset(
        # unknown only where the record was brought back from a backup
        {State.WAITING, State.SENDING, State.CANCELLED, State.SENT, State.UNKNOWN}
    ),
    State.SENDING: frozenset({State.SENT, State.APPROVED, State.WAITING, State.UNKNOWN}),
    State.UNKNOWN: frozenset({State.SENT, State.WAITING}),
    State.SENT: frozenset({State.DONE}),
    State.DONE: frozenset({State.DONE}),  # only its note can still be taken back
    # undone, or gone on from with another address
    State.REJECTED: frozenset({State.WAITING, State.REJECTED}),
    State.HELD: frozenset({State.HELD}),  # only its hold can still be lifted
    State.CANCELLED: frozenset(),
}


class ConnectionStatus(StrEnum):
    """Whether we may read a company's QuickBooks and write to it."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    REAUTH_REQUIRED = "reauth_required"


class Stage(IntEnum):
    """How far the conversation about an invoice has come."""

    REMINDER = 1
    FOLLOW_UP = 2
    FIRM = 3
    FINAL = 4


class CaseClass(StrEnum):
    """What kind of follow-up this is."""

    ROUTINE_REMINDER = "routine_reminder"
    LIKELY_DISPUTE = "likely_dispute"
    PAYMENT_PLAN_CANDIDATE = "payment_plan_candidate"
    HIGH_TOUCH_ESCALATION = "high_touch_escalation"


class RejectReason(StrEnum):
    """Why somebody rejects a case; what happens next depends on it."""

    NOT_NEEDED = "not_needed"
    ALREADY_PAID = "already_paid"
    WRONG_CONTACT = "wrong_contact"
    WRONG_TONE = "wrong_tone"
    DISPUTED = "disputed"
    OTHER = "other"


class Role(StrEnum):
    """What a person may do; the policy file names the people."""

    COLLECTOR = "collector"
    ACCOUNT_MANAGER = "account_manager"
    FINANCE_LEAD = "finance_lead"


FIRST_DAY = {Stage.REMINDER: 3, Stage.FOLLOW_UP: 10, Stage.FIRM: 21, Stage.FINAL: 45}
"""Stage → the days past due from which it applies."""

HIGHEST_START = Stage.FOLLOW_UP
"""The highest stage to start with: a message may only mention contacts that are on record."""

STAGE_WORDS = {
    Stage.REMINDER: "reminder",
    Stage.FOLLOW_UP: "follow-up",
    Stage.FIRM: "firm",
    Stage.FINAL: "final",
}


def natural_stage(days_overdue: int) -> Stage | None:
    """The stage of an invoice `days_overdue` days past due; None before the first one."""
    reached = [stage for stage, day in FIRST_DAY.items() if days_overdue >= day]
    return max(reached, default=None)


def crossing_stage(
    days_overdue: int, last: Stage | None, raised: Stage | None = None
) -> Stage | None:
    """The stage an invoice crosses now, or None if there is nothing new.

    `last` is the stage it crossed last in this round. One stage at a time; never above 2 at first,
    unless a broken promise has `raised` it.
    """
    natural = natural_stage(days_overdue)
    if natural is None:
        return None
    if last is None:
        return raised or min(natural, HIGHEST_START)
    return Stage(last + 1) if natural > last else None
