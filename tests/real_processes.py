"""Real processes in tests: many that begin together, and one to wait for, look at, and end."""

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Collection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import TypeVar

import httpx

from bot.cli.processes import Begun

PATIENCE = 60.0
"""Seconds until something counts as not happening. It costs nothing while all is well."""
LOOK_AGAIN = 0.02

T = TypeVar("T")


def fork(runner: Callable[[Barrier], None], count: int) -> None:
    """Run `runner` in so many forks of this process; it waits at the gate until all are there.

    The parent has loaded everything once, and forks as a worker does. None outlives it.
    """
    forking = multiprocessing.get_context("fork")
    gate = forking.Barrier(count)
    started = [forking.Process(target=runner, args=(gate,), daemon=True) for _ in range(count)]
    for each in started:
        each.start()
    for each in started:
        each.join(PATIENCE)


def until(condition: Callable[[], T]) -> T:
    """The first truthy answer of `condition`. Raises AssertionError if none comes."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(LOOK_AGAIN)
    return found


def ready(public_url: str) -> bool:
    """Whether a web process answers, and finds all that it needs."""
    try:
        return httpx.get(f"{public_url}/readyz", timeout=5, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def state_of(pid: int) -> str:
    """What a process does, in one letter: "T" is stopped, "Z" and "X" have ended, "" is gone.

    See proc_pid_stat(5): it follows the name, which is in brackets.
    """
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def lives(pid: int) -> bool:
    """Whether it still runs. An orphan that nobody has collected yet is dead all the same."""
    return state_of(pid) not in ("", "Z", "X")


def open_files(pid: int) -> set[str]:
    """What a process has open: paths, and "socket:[…]" or "pipe:[…]"."""
    found = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.add(os.readlink(link))
    return found


def forks(worker: int) -> list[int]:
    """The jobs that a worker has forked."""
    return [int(pid) for pid in Path(f"/proc/{worker}/task/{worker}/children").read_text().split()]


def tell(pids: Collection[int], number: signal.Signals) -> None:
    """Send this signal to those that are still there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def end(worker: Begun) -> None:
    """Let a worker finish what it has begun. One that does not is killed, with its forks.

    Raises TimeoutExpired in that case; either way nothing is left of it.
    """
    worker.terminate()
    try:
        worker.wait(PATIENCE)
    finally:
        if worker.poll() is None:
            left = forks(worker.pid)
            worker.kill()
            worker.wait()
            tell(left, signal.SIGKILL)
