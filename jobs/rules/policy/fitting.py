"""What the policy's limits would do to a ledger, and which ones would fit it better. Pure.

A limit is right if it stops the few that matter: about one customer in ten needs a second approver,
about one in fifty is too large to draft. Another limit is proposed only if the policy's own is far
from that, and the ledger is large enough to tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from jobs.rules.policy.sections import Limits

SECOND_APPROVER = 90
STOP = 98
"""Percentiles of what customers owe, and of invoice sizes."""
FAR = 2
"""A proposal differs from the policy by at least this factor."""
ENOUGH = 20
"""Customers; with fewer, percentiles mean nothing."""
STEPS = (Decimal(1), Decimal("1.5"), Decimal(2), Decimal(3), Decimal(5), Decimal("7.5"))


@dataclass
class CustomerTotal:
    """What one customer owes in one currency."""

    open: Decimal = Decimal(0)
    overdue: Decimal = Decimal(0)
    largest: Decimal = Decimal(0)
    """The largest invoice."""
    invoices: int = 0
    late: int = 0
    """How many of the invoices are overdue."""
    small: int = 0
    """How many of those are below the policy's smallest balance."""

    def add(self, other: CustomerTotal) -> None:
        """Count what another record owes too."""
        self.open, self.overdue = self.open + other.open, self.overdue + other.overdue
        self.largest = max(self.largest, other.largest)
        self.invoices, self.late = self.invoices + other.invoices, self.late + other.late
        self.small += other.small


@dataclass(frozen=True)
class Effect:
    """How many customers with something overdue each limit would affect."""

    customers: int
    second_approver: int
    stopped: int
    small: int


def effect(limits: Limits, owed: Iterable[CustomerTotal]) -> Effect:
    """What these limits would do."""
    late = [one for one in owed if one.late]
    return Effect(
        customers=len(late),
        second_approver=sum(one.open >= limits.second_approver for one in late),
        stopped=sum(_stopped(limits, one) for one in late),
        small=sum(one.small for one in late),
    )


def _stopped(limits: Limits, one: CustomerTotal) -> bool:
    return one.largest >= limits.stop_invoice or one.open >= limits.stop_total


def proposed(limits: Limits, owed: Sequence[CustomerTotal]) -> dict[str, Decimal]:
    """Policy keys → values that would fit much better; empty if the present ones fit."""
    late = [one for one in owed if one.late]
    if len(late) < ENOUGH:
        return {}
    totals, largest = [one.open for one in late], [one.largest for one in late]
    better = {
        "second_approver": friendly(percentile(totals, SECOND_APPROVER)),
        "stop_invoice": friendly(percentile(largest, STOP)),
        "stop_total": friendly(percentile(totals, STOP)),
    }
    return {key: value for key, value in better.items() if _far(value, getattr(limits, key))}


def _far(value: Decimal, present: Decimal) -> bool:
    return value >= present * FAR or value * FAR <= present


def percentile(amounts: Sequence[Decimal], of: int) -> Decimal:
    """The smallest amount that at least `of` percent of `amounts` do not exceed."""
    ranked = sorted(amounts)
    return ranked[max(0, -(-len(ranked) * of // 100) - 1)]


def friendly(amount: Decimal) -> Decimal:
    """The next round number from `amount` up that a person would choose: 1, 1.5, 2, 3, 5, 7.5 …"""
    if amount <= 1:
        return Decimal(1)
    unit = Decimal(10) ** amount.adjusted()
    fitting = (step * unit for step in (*STEPS, Decimal(10)) if step * unit >= amount)
    return Decimal(f"{next(fitting).normalize():f}")
