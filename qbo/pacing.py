"""The request budget of a company: how soon it may be asked again, and what was asked.

QuickBooks permits 10 requests a second and 500 a minute per company, and counts reads against a
monthly quota (500,000 in the free tier); writes are not counted. After a 429 it wants to be left
alone for a minute.
"""

from datetime import UTC, datetime
from typing import Protocol

PER_SECOND = 10
PER_MINUTE = 500


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
