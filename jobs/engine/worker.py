"""A worker of one queue: it runs the functions on our list, by name, and nothing else.

Anyone who can write to Redis can put anything into a job, and RQ would import it, call it, retry
it, or crash on it. So our Job class looks the name up in our list and reads only the fields that
our own jobs have; anything unreadable is skipped.
"""

from __future__ import annotations

import gc
import signal
import threading
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, ClassVar

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
"""The fields of a job that are read: no callbacks, no webhooks, no retries, no dependents."""
LIMITS = {"timeout": b"-1", "result_ttl": b"0", "failure_ttl": b"86400"}
"""Seconds, the same that `Queues` gives each job."""
UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, ResponseError)
PAUSE = 1.0
"""Seconds before a worker that lost Redis tries again."""

slog = structlog.get_logger()
Registry = Mapping[str, Callable[[str], None]]
"""Step → what runs when it is woken; called with the id of a row, or with ""."""


class NotListedError(Exception):
    """A job names a function that is not on our list."""


class ListedJob(Job):
    """A job that runs only what the registry names."""

    registry: ClassVar[Registry] = {}

    @property
    def func(self) -> Callable[[str], None]:
        """The listed function. Raises NotListedError."""
        listed = None if self.instance else self.registry.get(self.func_name or "")
        if listed is None:
            raise NotListedError("the job names a function that is not on our list")
        return listed

    @classmethod
    def fetch(cls, id: str, *args: Any, **named: Any) -> Job:
        """As in RQ, which skips a job that does not exist; any other error would end the worker."""
        try:
            return super().fetch(id, *args, **named)
        except UNREADABLE as error:
            slog.warning("worker.no_job", id=id[:80], error=type(error).__name__)
            raise NoSuchJobError("what stands there is no job of ours") from error

    def restore(self, raw_data: Any) -> Any:
        """As in RQ, but only the fields that we set count, and no limits but ours."""
        fields = {as_text(name): value for name, value in raw_data.items()}
        ours = {name: value for name, value in fields.items() if name in OURS}
        restored = super().restore(ours | LIMITS)
        self.webhooks = []  # None would make good jobs FAILED and stop the worker
        return restored


def job_class(registry: Registry) -> type[Job]:
    """A ListedJob with this registry."""
    return type("ListedJob", (ListedJob,), {"registry": registry})


class ReadableQueue(Queue):
    """RQ's queue, skipping entries that are not even text."""

    @classmethod
    def dequeue_any(cls, *args: Any, **named: Any) -> tuple[Job, Queue] | None:
        while True:
            try:
                return super().dequeue_any(*args, **named)
            except UnicodeDecodeError:
                slog.warning("worker.no_job", error="UnicodeDecodeError")


class PatientWorker(Worker):
    """RQ's worker, which forks for each job; it retries a lost Redis every few seconds."""

    max_connection_wait_time = 5.0
    queue_class = ReadableQueue
    before_job: Callable[[], object] | None = None
    """Called before each fork, so later jobs start with whatever it has loaded."""

    def fork_work_horse(self, job: Job, queue: Queue) -> None:
        """As in RQ, but calls `before_job` first."""
        if self.before_job:
            self.before_job()
        super().fork_work_horse(job, queue)

    def run_maintenance_tasks(self) -> None:
        """Clean up after dead workers; unreadable entries stay and are never needed."""
        try:
            super().run_maintenance_tasks()  # type: ignore[no-untyped-call]
        except UNREADABLE as error:
            slog.warning("worker.untidy", error=type(error).__name__)
            # otherwise RQ would try again at once
            self.last_cleaned_at = now()  # type: ignore[assignment]

    @property
    def asked_to_stop(self) -> bool:
        """Whether SIGTERM or SIGINT came."""
        return self._shutdown_requested_date is not None


def run(
    redis: Redis, queue: str, registry: Registry, before_job: Callable[[], object] | None = None
) -> None:
    """Work on one queue until SIGTERM, which lets the current job finish. Survives a lost Redis.

    `before_job` is called before each fork. One queue only: with several, RQ takes a job in a way
    that loses it if the worker dies.
    """
    jobs, stop = job_class(registry), threading.Event()
    gc.freeze()  # imports live forever; collecting over them stalls a transaction for 80 ms
    while not stop.is_set():
        signal.signal(signal.SIGTERM, _ending)
        try:
            worker = _worker(redis, queue, jobs, before_job)
            slog.info("worker.started", queue=queue, worker=worker.name)
            worker.work()
        except RedisError as error:
            slog.warning("worker.no_redis", queue=queue, error=type(error).__name__)
        else:
            if worker.asked_to_stop:
                return
        stop.wait(PAUSE)


def registered(redis: Redis) -> list[str]:
    """The queues that have a worker; one that was killed counts for some minutes more.

    Raises RedisError.
    """
    workers = Worker.all(connection=redis, serializer=JSONSerializer)
    return sorted({name for worker in workers for name in worker.queue_names()})


def _worker(
    redis: Redis, queue: str, jobs: type[Job], before_job: Callable[[], object] | None
) -> PatientWorker:
    worker = PatientWorker(
        [queue],
        connection=redis,
        job_class=jobs,
        serializer=JSONSerializer,
        log_job_description=False,
    )
    worker.before_job = before_job
    return worker


def _ending(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)
