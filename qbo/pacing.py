"""The request budget of a company: how soon it may be asked again, and what was asked.

QuickBooks permits 10 requests a second and 500 a minute per company, 40 of them batches, and
counts reads against a monthly quota (500,000 in the free tier); writes are not counted. After a
429 it wants to be left alone for a minute.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

PER_SECOND = 10
PER_MINUTE = 500
BATCHES_PER_MINUTE = 40


def utc_now() -> datetime:
    """The default clock of entry points; everything below them takes a clock or a time."""
    return datetime.now(UTC)


def boot_time() -> float:
    """Seconds that go on while this process or the whole machine is stopped.

    CLOCK_BOOTTIME is Linux's; elsewhere a machine that sleeps may hide the time it slept.
    """
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


@dataclass
class Patience:
    """How many seconds somebody would wait for a turn, in all; what was waited is gone."""

    seconds: float

    def spend(self, seconds: float) -> bool:
        """Whether to wait so long."""
        self.seconds -= seconds
        return self.seconds >= 0


_patience: ContextVar[Patience | None] = ContextVar("patience", default=None)


@contextmanager
def patient(patience: Patience) -> Iterator[None]:
    """In this block, and this thread, what was refused for now is asked again while it lasts."""
    token = _patience.set(patience)
    try:
        yield
    finally:
        _patience.reset(token)


def patience() -> Patience | None:
    """What the present block may wait; None outside of all."""
    return _patience.get()


class Budget(Protocol):
    """Asked before every request; may be shared by threads, or by processes through a store."""

    def take(self, realm: str, metered: int, clock: Callable[[], datetime]) -> float:
        """0.0: go on, the request is counted. Otherwise nothing is counted: wait that many
        seconds and ask again. `metered` is the number of reads the month's quota is charged:
        0 for a write, 1 for a read, n for a batch of n queries. `clock` is read once nobody else
        can take: who queued for long goes now, not when the queue was joined. May raise
        Throttled, which says why, where a wait of seconds cannot help.
        """
        ...

    def hold(self, realm: str, seconds: float, now: datetime) -> None:
        """QuickBooks asked for a pause: nobody goes on before so many seconds have passed."""
        ...
