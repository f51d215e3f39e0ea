"""Which stage an overdue invoice has reached, and which one a message may use next."""

from __future__ import annotations

from jobs.rules.states import Stage

FIRST_DAY = {Stage.REMINDER: 3, Stage.FOLLOW_UP: 10, Stage.FIRM: 21, Stage.FINAL: 45}
"""Stage → the days past due from which it applies."""

HIGHEST_START = Stage.FOLLOW_UP
"""The highest stage to start with: a message may only mention contacts that are on record."""

WORDS = {
    Stage.REMINDER: "reminder",
    Stage.FOLLOW_UP: "follow-up",
    Stage.FIRM: "firm",
    Stage.FINAL: "final",
}


def natural_stage(days_overdue: int) -> Stage | None:
    """The stage of an invoice `days_overdue` days past due; None before the first one."""
    reached = [stage for stage, day in FIRST_DAY.items() if days_overdue >= day]
    return max(reached, default=None)


def crossing_stage(days_overdue: int, last: Stage | None) -> Stage | None:
    """The stage an invoice crosses now, or None if there is nothing new.

    `last` is the stage it crossed last in this round. One stage at a time; never above 2 at first.
    """
    natural = natural_stage(days_overdue)
    if natural is None:
        return None
    if last is None:
        return min(natural, HIGHEST_START)
    return Stage(last + 1) if natural > last else None
