"""How late customers usually pay, and how much sooner money could come from one who is late now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median_low, quantiles

ENOUGH = 3
"""With fewer settled invoices than these nobody has a habit."""


@dataclass(frozen=True)
class Delay:
    """Days from due date to payment over the `settled` invoices (negative: early).

    `usual` is the median; half of them took between `early` and `late` days.
    """

    usual: int
    early: int
    late: int
    settled: int


def delay(days: Sequence[int]) -> Delay | None:
    """The usual delay, or None where too few are known."""
    if len(days) < ENOUGH:
        return None
    early, _, late = quantiles(days, n=4, method="inclusive")
    return Delay(median_low(days), round(early), round(late), len(days))


def brought_forward(asked: Decimal, days_late: int, usual: int) -> Decimal:
    """How much a reminder can bring forward, for ordering cases: amount × days beyond the habit.

    Somebody who is not later than usual counts as one day, so that larger amounts come first.
    """
    return asked * max(days_late - usual, 1)
