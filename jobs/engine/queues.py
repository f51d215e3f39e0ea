"""Wake a queue: one RQ job per step, unless one is already waiting. A lost call does no harm."""

from __future__ import annotations

import secrets
from typing import Any

import structlog
from redis import Redis, RedisError
from rq import Queue
from rq.serializers import JSONSerializer

from jobs.pipeline import QUEUES

slog = structlog.get_logger()


class Queues:
    """The queues of this installation in Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def wake(self, step: str, id: str = "") -> None:
        """Ask for `step` to run, starting with row `id`. Never raises: the clock wakes it too."""
        try:
            self._enqueue(step, id)
        except RedisError as error:
            slog.warning("queues.lost", step=step, error=type(error).__name__)

    def _enqueue(self, step: str, id: str) -> None:
        queue = Queue(QUEUES[step], connection=self._redis, serializer=JSONSerializer)
        # RQ would decode every entry as text, and not every entry has to be text
        waiting: list[Any] = self._redis.lrange(queue.key, 0, -1)
        if any(id.startswith(f"{step}-".encode()) for id in waiting):
            return
        queue.enqueue(
            step,
            id,
            job_id=f"{step}-{secrets.token_hex(8)}",
            job_timeout=-1,  # RQ's alarm would cut a mail in half; every call has limits of its own
            result_ttl=0,
            failure_ttl=86_400,
        )
