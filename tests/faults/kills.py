"""Every moment of a case's life at which a process can be killed, and the lives that prove it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.faults.ground import Ground
from tests.faults.lives import Lived, live
from tests.faults.moments import How, Moment, Order

BOOKKEEPING = "redis "
"""Of the many commands of RQ, the first of a kind in each process is enough."""


@dataclass(frozen=True)
class Kill:
    """One fault: a strike, or two."""

    orders: tuple[Order, ...]

    def __str__(self) -> str:
        return "; then ".join(f"{order.how} @ {order.moment}" for order in self.orders)

    def happen(self, ground: Ground) -> Lived:
        """Live through it. What was to be struck and did not come is said, not passed over."""
        lived = live(ground, self.orders)
        if not lived.struck:
            lived.outcome = "the moment did not come"
        return lived


def recorded(ground: Ground, lives: int = 2) -> list[Moment]:
    """The moments that every undisturbed life passes, in their order."""
    runs = [live(ground) for _ in range(lives)]
    for run in runs:
        assert not run.violations, run.violations
    common = set.intersection(*(set(run.passed) for run in runs))
    return [one for one in runs[0].passed if one in common and _worth(one)]


def _worth(moment: Moment) -> bool:
    return not moment.act.startswith(BOOKKEEPING) or moment.ordinal == 0


def ways(moment: Moment) -> tuple[How, ...]:
    """Who can be killed there."""
    return ("self", "parent", "both") if moment.forked else ("self",)


def kills(moments: Sequence[Moment]) -> Iterator[Kill]:
    """Each moment in each way."""
    return (Kill((Order(one, how),)) for one in moments for how in ways(one))


def stops(moments: Sequence[Moment]) -> Iterator[Kill]:
    """The same, with a process that sleeps for longer than its lease."""
    return (Kill((Order(one, "stop"),)) for one in moments if one.process != "web")


def failing_commits(moments: Sequence[Moment], side: str) -> Iterator[Kill]:
    """Each commit fails: "before" it, as on a full disk; or "after" it, when the answer is lost."""
    commits = (m for m in moments if m.act.startswith("commit ") and m.side == side)
    return (Kill((Order(one, "fail"),)) for one in commits)


def pairs(moments: Sequence[Moment], count: int, seed: int) -> list[Kill]:
    """So many times a second kill of the same worker, during what it does to recover."""
    dice = random.Random(seed)
    jobs = [one for one in moments if one.forked and not one.act.startswith(BOOKKEEPING)]
    chosen = []
    for _ in range(count):
        first = dice.choice(jobs)
        same = [one for one in jobs if one.process == first.process and one.ordinal == 0]
        chosen.append(Kill((Order(first, "both"), Order(dice.choice(same), "both"))))
    return chosen
