"""A crowd of real processes that begin at the same moment."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.synchronize import Barrier

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
