"""A worker of one queue: it runs the functions on our list, by name, and nothing else.

Whoever can write to Redis can put anything into a job, and RQ would import it, call it, repeat it,
or end over it. So the job's class looks the name up in our list and reads only the fields that our
own jobs have; what cannot be read is no job.
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
from redis.exceptions import ResponseError
from rq import Queue, Worker
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import as_text, now

OURS = frozenset({"data", "origin", "status", "worker_name"}) | frozenset(
    ("created_at", "enqueued_at", "started_at", "ended_at", "last_heartbeat")
)
"""Fields of a job that are read: no callbacks, no webhooks, no retries, nothing that follows."""
LIMITS = {"timeout": b"-1", "result_ttl": b"0", "failure_ttl": b"86400"}
"""Seconds, as `Queues` gives them to each job."""
UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, ResponseError)
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

        @classmethod
        def fetch(cls, id: str, *args: Any, **named: Any) -> Job:
            try:
                return super().fetch(id, *args, **named)
            except UNREADABLE as error:
                # RQ passes over what is not there; any other error would end the worker
                slog.warning("worker.no_job", id=id[:80], error=type(error).__name__)
                raise NoSuchJobError("what stands there is no job of ours") from error

        def restore(self, raw_data: Any) -> Any:
            fields = {as_text(name): value for name, value in raw_data.items()}
            ours = {name: value for name, value in fields.items() if name in OURS}
            restored = super().restore(ours | LIMITS)
            self.webhooks = []  # None would make good jobs FAILED and stop the worker
            return restored

    return ListedJob


class ReadableQueue(Queue):
    """RQ's queue, which passes over entries that are not even text."""

    @classmethod
    def dequeue_any(cls, *args: Any, **named: Any) -> tuple[Job, Queue] | None:
        while True:
            try:
                return super().dequeue_any(*args, **named)
            except UnicodeDecodeError:
                slog.warning("worker.no_job", error="UnicodeDecodeError")


class PatientWorker(Worker):
    """RQ's worker, which forks for each job; it looks for a lost Redis every few seconds."""

    max_connection_wait_time = 5.0
    queue_class = ReadableQueue
    before_job: Callable[[], object] | None = None
    """Called before each fork: what it learns, the jobs to come begin with."""

    def fork_work_horse(self, job: Job, queue: Queue) -> None:
        """As RQ does, after a look at what may have changed."""
        if self.before_job:
            self.before_job()
        super().fork_work_horse(job, queue)

    def run_maintenance_tasks(self) -> None:
        """Tidy what dead workers left; what cannot be read waits there and is never needed."""
        try:
            super().run_maintenance_tasks()  # type: ignore[no-untyped-call]
        except UNREADABLE as error:
            slog.warning("worker.untidy", error=type(error).__name__)
            # else RQ would try again at once
            self.last_cleaned_at = now()  # type: ignore[assignment]

    @property
    def asked_to_stop(self) -> bool:
        """Whether SIGTERM or SIGINT came."""
        return self._shutdown_requested_date is not None


def run(
    redis: Redis, queue: str, registry: Registry, before_job: Callable[[], object] | None = None
) -> None:
    """Work on one queue until SIGTERM, which lets the present job end. Survives Redis being away.

    `before_job` is called before each fork. One queue only: RQ takes a job from several in a way
    that loses it when the worker dies.
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
            worker.before_job = before_job
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
