"""What queue, database and doubled processes may do during the whole of a life."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

import psycopg
import redis

from jobs.engine.queues import Queues
from jobs.pipeline import STEPS
from tests.faults.ground import Ground, Life
from tests.faults.lives import Lived, live

PERIOD, TIMES = 0.7, 12
"""Seconds between two blows, and how many there are: then the case may come to its end."""
Blow = Callable[[Life], None]


def _queue(life: Life) -> redis.Redis:
    return redis.Redis.from_url(life.ground.running.product.settings["REDIS_URL"])


def emptied(life: Life) -> None:
    """FLUSHALL."""
    with contextlib.closing(_queue(life)) as queue:
        queue.flushall()


def restarted(life: Life) -> None:
    """Empty, and every connection cut, as after a restart without a file."""
    with contextlib.closing(_queue(life)) as queue:
        queue.flushall()
        queue.client_kill_filter(_type="normal", skipme=True)


def stalling(life: Life) -> None:
    """It answers nobody for half a second, which is longer than a wake-up waits."""
    with contextlib.closing(_queue(life)) as queue:
        queue.client_pause(500)


def doubled_jobs(life: Life) -> None:
    """Every step is woken once more, for no row and for the first one."""
    with contextlib.closing(_queue(life)) as queue:
        queues = Queues(queue)
        for step in STEPS:
            queues.wake(step, "")
            queues.wake(step, "1")


def connections_cut(life: Life) -> None:
    """`pg_terminate_backend` for everybody in this database but ourselves."""
    url = life.database.engine.url.render_as_string(hide_password=False)
    plain = url.replace("postgresql+psycopg://", "postgresql://")
    others = "datname = current_database() AND pid <> pg_backend_pid()"
    with psycopg.connect(plain, autocommit=True) as conn:
        conn.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
    life.database.close()


@dataclass(frozen=True)
class Trouble:
    """One kind of blow, again and again."""

    name: str
    blow: Blow
    doubled: tuple[str, ...] = ()
    """Processes that run a second time, or more often."""

    def __str__(self) -> str:
        return self.name

    def happen(self, ground: Ground) -> Lived:
        """Live through it."""
        return live(ground, trouble=_Striking(self))


class _Striking:
    """Strikes now and then, but not for ever."""

    def __init__(self, trouble: Trouble) -> None:
        self._trouble, self._next, self._left, self._begun = trouble, 0.0, TIMES, False

    def __call__(self, life: Life, _card: str) -> None:
        if not self._begun:
            self._begun = True
            for name in self._trouble.doubled:
                life.start_another(name)
        if self._left and time.monotonic() >= self._next:
            self._left -= 1
            self._next = time.monotonic() + PERIOD
            self._trouble.blow(life)


def nothing(_: Life) -> None:
    """No blow."""


EIGHT_WORKERS = ("intake", "triage", "act", "intake", "triage", "act", "triage", "act")
QUEUE = (
    Trouble("queue emptied", emptied),
    Trouble("queue emptied and cut off", restarted),
    Trouble("queue stalling", stalling),
    Trouble("every job three times", doubled_jobs),
    Trouble("two clocks", nothing, ("clock",)),
    Trouble("eleven workers, two clocks, doubled jobs", doubled_jobs, (*EIGHT_WORKERS, "clock")),
)
POSTGRESQL = (Trouble("database connections cut", connections_cut),)
