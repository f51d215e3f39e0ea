"""How many requests QuickBooks takes: per second, per minute, batches, and reads per month."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Limits:
    """The limits of one company; a request above one of them is throttled.

    The real figures are 10 a second and 500 a minute. The second is wider here by default, so
    that a demonstration is not slowed down; tests set it to 10.
    """

    per_second: int = 50
    per_minute: int = 500
    batches_per_minute: int = 40
    reads_per_month: int | None = None
    timer: Callable[[], float] = time.monotonic
    reads: int = 0
    _requests: deque[float] = field(default_factory=deque)
    _batches: deque[float] = field(default_factory=deque)

    def take(self, *, batch: bool) -> bool:
        """Count a request in; False means throttled (and it does not count)."""
        now = self.timer()
        _forget(self._requests, now)
        _forget(self._batches, now)
        if not self._has_room(now, batch=batch):
            return False
        self._requests.append(now)
        if batch:
            self._batches.append(now)
        return True

    def _has_room(self, now: float, *, batch: bool) -> bool:
        if self.reads_per_month is not None and self.reads >= self.reads_per_month:
            return False
        if batch and len(self._batches) >= self.batches_per_minute:
            return False
        last_second = sum(1 for at in self._requests if at > now - 1)
        return len(self._requests) < self.per_minute and last_second < self.per_second


def _forget(times: deque[float], now: float) -> None:
    while times and times[0] <= now - 60:
        times.popleft()
