"""A crowd of real processes that begin at the same moment, and how one of them does."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path

PATIENCE = 60.0
"""Seconds after which whoever still waits for the others, or is waited for, is given up."""


def fork(runner: Callable[[Barrier], None], count: int) -> None:
    """Run `runner` in so many forks of this process; it waits at the gate until all are there.

    The parent has loaded everything once, and forks as a worker does. None outlives it.
    """
    forking = multiprocessing.get_context("fork")
    gate = forking.Barrier(count)
    crowd = [forking.Process(target=runner, args=(gate,), daemon=True) for _ in range(count)]
    for each in crowd:
        each.start()
    for each in crowd:
        each.join(PATIENCE)


def state_of(pid: int) -> str:
    """What a process does, in one letter: "T" is stopped.

    See proc_pid_stat(5): it follows the name, which is in brackets.
    """
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
