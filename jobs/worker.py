"""A worker of one queue: it runs the functions on our list, by name, and nothing else.

Whoever can write to Redis can put any name into a job, and RQ would import it. So the job's class
looks the name up in our list, and drops callbacks and webhooks.
"""

from __future__ import annotations

import gc
import signal
import threading
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

import structlog
from redis import Redis, RedisError
from rq import Worker
from rq.job import Job
from rq.serializers import JSONSerializer

PAUSE = 1.0
"""Seconds until a worker that lost Redis tries again."""

slog = structlog.get_logger()
Registry = Mapping[str, Callable[[str], None]]
"""Step → what runs when its bell rings; called with the id of a row, or with ""."""


class NotListedError(Exception):
    """A job names something that is not ours to run."""


def job_class(registry: Registry) -> type[Job]:
    """A Job that runs only what `registry` names."""

    class ListedJob(Job):
        @property
        def func(self) -> Callable[[str], None]:
            listed = None if self.instance else registry.get(self.func_name or "")
            if listed is None:
                raise NotListedError("the job names a function that is not on our list")
            return listed

        def restore(self, raw_data: Any) -> Any:
            restored = super().restore(raw_data)
            self._success_callback_name = self._failure_callback_name = None
            self._stopped_callback_name = None
            self.webhooks = []  # None would make good jobs FAILED and stop the worker
            return restored

    return ListedJob


class PatientWorker(Worker):
    """RQ's worker, which forks for each job; it looks for a lost Redis every few seconds."""

    max_connection_wait_time = 5.0

    @property
    def asked_to_stop(self) -> bool:
        """Whether SIGTERM or SIGINT came."""
        return self._shutdown_requested_date is not None


def run(redis: Redis, queue: str, registry: Registry) -> None:
    """Work on one queue until SIGTERM, which lets the present job end. Survives Redis being away.

    One queue only: RQ takes a job from several in a way that loses it when the worker dies.
    """
    jobs, stop = job_class(registry), threading.Event()
    gc.freeze()  # what is loaded by now stays: to walk it takes 80 ms, in whatever transaction
    while not stop.is_set():
        signal.signal(signal.SIGTERM, _ending)
        try:
            worker = PatientWorker(
                [queue],
                connection=redis,
                job_class=jobs,
                serializer=JSONSerializer,
                log_job_description=False,
            )
            slog.info("worker.started", queue=queue, worker=worker.name)
            worker.work()
        except RedisError as error:
            slog.warning("worker.no_redis", queue=queue, error=type(error).__name__)
        else:
            if worker.asked_to_stop:
                return
        stop.wait(PAUSE)


def _ending(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)
