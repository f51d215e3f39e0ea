"""Processes end with their launcher, forks included."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.lifeline import GONE, VARIABLE

ROOT = Path(__file__).parent.parent.parent

# Prints what is alive, then waits for ever; the pipe at descriptor 1 ends when nobody is left.
PRODUCT = """
import os, signal, sys
from jobs import lifeline
lifeline.hold()
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(os.getpid(), flush=True)
while True:
    signal.pause()
"""


@pytest.fixture
def pipe() -> Iterator[list[int]]:
    """A launcher's pipe; its open ends are closed afterwards."""
    ends = list(os.pipe())
    yield ends
    for end in ends:
        os.close(end)


def started(read_end: int | None) -> "subprocess.Popen[str]":
    """A process that forks once, with or without the pipe."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", PRODUCT],
        env=environment | ({VARIABLE: str(read_end)} if read_end is not None else {}),
        pass_fds=() if read_end is None else (read_end,),
        stdout=subprocess.PIPE,
        text=True,
    )


def test_process_and_fork_end_when_the_pipe_ends(pipe: list[int]) -> None:
    """When the launcher's end closes, the process ends, and so does a fork that ignores SIGTERM."""
    process = started(pipe[0])
    assert process.stdout is not None
    pids = {int(process.stdout.readline()), int(process.stdout.readline())}
    os.close(pipe.pop())
    # Both hold the standard output: it ends when the last of them does.
    assert process.stdout.read() == ""
    process.stdout.close()
    assert process.wait(10) == GONE
    assert len(pids) == 2


def test_a_process_of_its_own_is_left_alone() -> None:
    """Without a pipe nothing is watched, and the process lives until it is told to end."""
    process = started(None)
    assert process.stdout is not None
    pids = {int(process.stdout.readline()), int(process.stdout.readline())}
    assert process.poll() is None
    for pid in pids:
        os.kill(pid, 9)
    assert process.wait(10) == -9
    process.stdout.close()
