"""The request budget of a company: how soon it may be asked again, and what was asked.

QuickBooks permits 10 requests a second and 500 a minute per company, and counts reads against a
monthly quota (500,000 in the free tier); writes are not counted. After a 429 it wants to be left
alone for a minute.
"""

import threading
from collections import Counter, defaultdict, deque
from datetime import UTC, datetime, timedelta
from typing import Protocol

PER_SECOND = 10
PER_MINUTE = 500
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def utc_now() -> datetime:
    """The default clock of entry points; everything below them takes a clock or a time."""
    return datetime.now(UTC)


class Budget(Protocol):
    """Asked before every request; may be shared by threads, or by processes through a store."""

    def take(self, realm: str, metered: int, now: datetime) -> float:
        """0.0: go on, the request is counted. Otherwise nothing is counted: wait that many
        seconds and ask again. `metered` is the number of reads the month's quota is charged:
        0 for a write, 1 for a read, n for a batch of n queries. May raise Throttled, which says
        why, where a wait of seconds cannot help.
        """
        ...

    def hold(self, realm: str, seconds: float, now: datetime) -> None:
        """QuickBooks asked for a pause: nobody goes on before so many seconds have passed."""
        ...


class LocalBudget:
    """A budget for one process. Thread-safe."""

    def __init__(self, per_second: int = PER_SECOND, per_minute: int = PER_MINUTE) -> None:
        self._limits = ((per_second, SECOND), (per_minute, MINUTE))
        self._taken: defaultdict[str, deque[datetime]] = defaultdict(
            lambda: deque(maxlen=max(per_second, per_minute))
        )
        self._metered: Counter[tuple[str, str]] = Counter()
        self._unmetered: Counter[tuple[str, str]] = Counter()
        self._held: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def take(self, realm: str, metered: int, now: datetime) -> float:
        with self._lock:
            pause = (self._held.get(realm, now) - now).total_seconds()
            wait = max(self._wait(self._taken[realm], now), pause, 0.0)
            if wait == 0.0:
                self._taken[realm].append(now)
                self._count(realm, metered, now)
            return wait

    def hold(self, realm: str, seconds: float, now: datetime) -> None:
        with self._lock:
            until = now + timedelta(seconds=seconds)
            self._held[realm] = max(until, self._held.get(realm, until))

    def _wait(self, taken: deque[datetime], now: datetime) -> float:
        """Seconds until the oldest request that fills a window has left it."""
        full = [(taken[-limit], span) for limit, span in self._limits if len(taken) >= limit]
        return max(((then + span - now).total_seconds() for then, span in full), default=0.0)

    def _count(self, realm: str, metered: int, now: datetime) -> None:
        month = f"{now:%Y-%m}"
        if metered:
            self._metered[realm, month] += metered
        else:
            self._unmetered[realm, month] += 1

    def metered(self, realm: str, month: str) -> int:
        """Reads charged to the quota in a month such as `2026-11`."""
        return self._metered[realm, month]

    def unmetered(self, realm: str, month: str) -> int:
        """Free requests in a month such as `2026-11`."""
        return self._unmetered[realm, month]
