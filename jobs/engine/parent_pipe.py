"""Ends a process together with its launcher, no matter how the launcher ends.

A launcher passes on the read end of a pipe and keeps the only write end. When the launcher is gone,
even by SIGKILL, the pipe closes, and every process that holds it ends. Forks hold it too: a job
forked by a worker leaves its process group and outlives the worker, but not the launcher.
"""

import os
import threading
from collections.abc import Mapping

VARIABLE = "OVERDUE_PARENT_PIPE"
GONE = 75
"""The exit status when the launcher is gone."""


def hold(environment: Mapping[str, str] = os.environ) -> None:
    """Watch the pipe whose number OVERDUE_PARENT_PIPE gives; without it do nothing.

    Call it once, at the start of a process, before it forks.
    """
    if number := environment.get(VARIABLE):
        descriptor = int(number)
        _watch(descriptor)
        # Threads do not survive a fork, so each child starts watching again.
        os.register_at_fork(after_in_child=lambda: _watch(descriptor))


def _watch(descriptor: int) -> None:
    threading.Thread(target=_end_with, args=(descriptor,), name="parent_pipe", daemon=True).start()


def _end_with(descriptor: int) -> None:
    while os.read(descriptor, 1):
        pass
    # At once, without cleaning up: a kill must be survivable at any line, and this is one.
    os._exit(GONE)
