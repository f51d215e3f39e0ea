"""Rate limits: one message a second and channel, a small burst allowed."""

import math
from dataclasses import dataclass, field

from tests.sandbox.slack.kinds import RefusedError


class TooFastError(RefusedError):
    """429: `seconds` is the Retry-After."""

    def __init__(self, seconds: int) -> None:
        super().__init__("ratelimited")
        self.seconds = seconds


@dataclass
class Pace:
    """A bucket per key that holds `burst` calls and fills by `per_second`."""

    per_second: float = 1.0
    burst: int = 3
    _buckets: dict[str, tuple[float, float]] = field(default_factory=dict)

    def spend(self, key: str, now: float) -> None:
        """Count one call at `now` (seconds). Raises TooFastError when the bucket is empty.

        Where the clock was set back, as between two tests, the bucket is full again.
        """
        full = float(self.burst), now
        left, since = self._buckets.get(key, full)
        left, since = (left, since) if since <= now else full
        left = min(float(self.burst), left + (now - since) * self.per_second)
        if left < 1:
            self._buckets[key] = (left, now)
            raise TooFastError(max(1, math.ceil((1 - left) / self.per_second)))
        self._buckets[key] = (left - 1, now)
