"""The request budget of a company: how soon the next request may be made.

QuickBooks permits 10 requests a second and 500 a minute per company, 40 of them batches, and
counts reads against a monthly quota (500,000 in the free tier); writes are not counted. After a
429 it wants no requests for a minute (Intuit).
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
    """The default clock of entry points; everything below them is given a clock or a time."""
    return datetime.now(UTC)


def boot_time() -> float:
    """Seconds that keep counting while this process or the whole machine is suspended.

    CLOCK_BOOTTIME exists on Linux; elsewhere the time a machine was asleep may be missing.
    """
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


@dataclass
class Patience:
    """How many seconds a caller is willing to wait in all; waiting uses it up."""

    seconds: float

    def spend(self, seconds: float) -> bool:
        """Use up `seconds`; returns whether there were that many left."""
        self.seconds -= seconds
        return self.seconds >= 0


_patience: ContextVar[Patience | None] = ContextVar("patience", default=None)


@contextmanager
def patient(patience: Patience) -> Iterator[None]:
    """In this block and thread, temporarily refused requests are retried while `patience` lasts."""
    token = _patience.set(patience)
    try:
        yield
    finally:
        _patience.reset(token)


def patience() -> Patience | None:
    """The patience of the current block, or None outside any."""
    return _patience.get()


class Budget(Protocol):
    """Asked before every request; may be shared by threads, or by processes through a store."""

    def take(self, realm: str, metered: int, clock: Callable[[], datetime]) -> float:
        """0.0: go on, the request is counted. Otherwise nothing is counted: wait that many
        seconds and ask again. `metered` is the number of reads charged to the month's quota:
        0 for a write, 1 for a read, n for a batch of n queries. `clock` is read while nobody else
        can take, so a caller that had to queue is counted now, not when it joined the queue. May
        raise qbo.errors.Throttled, which says why, if waiting some seconds cannot help.
        """
        ...

    def hold(self, realm: str, seconds: float, now: datetime) -> None:
        """QuickBooks asked for a pause: no requests for `seconds` from `now`."""
        ...
