"""Processes end with their launcher, forks included."""

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
import rq

from jobs.engine.parent_pipe import GONE, VARIABLE
from tests.real_processes import PATIENCE

ROOT = Path(__file__).parents[3]

# Prints what is alive, then waits for ever; the pipe at descriptor 1 ends when nobody is left.
PRODUCT = """
import os, signal, sys
from jobs.engine import parent_pipe
parent_pipe.hold()
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(os.getpid(), flush=True)
while True:
    signal.pause()
"""


WORKER = """
import os, redis, rq
from jobs.engine import parent_pipe
parent_pipe.hold()
queue = redis.Redis.from_url(os.environ["REDIS_URL"])
rq.Worker(["act"], connection=queue).work(logging_level="CRITICAL")
"""


@pytest.fixture
def pipe() -> Iterator[list[int]]:
    """A launcher's pipe; its open ends are closed afterwards."""
    ends = list(os.pipe())
    yield ends
    for end in ends:
        os.close(end)


def started(
    read_end: int | None, program: str = PRODUCT, **environment: str
) -> "subprocess.Popen[str]":
    """A process, by default one that forks once, with or without the pipe."""
    environment |= {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", program],
        env=environment | ({VARIABLE: str(read_end)} if read_end is not None else {}),
        pass_fds=() if read_end is None else (read_end,),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def nobody_left(process: "subprocess.Popen[str]") -> bool:
    """Whether the standard output ends, which process and forks hold as long as they live."""
    assert process.stdout is not None
    ended, _, _ = select.select([process.stdout], [], [], PATIENCE)
    return bool(ended) and process.stdout.read() == ""


def test_process_and_fork_end_when_the_pipe_ends(pipe: list[int]) -> None:
    """When the launcher's end closes, the process ends, and so does a fork that ignores SIGTERM."""
    process = started(pipe[0])
    assert process.stdout is not None
    pids = {int(process.stdout.readline()), int(process.stdout.readline())}
    os.close(pipe.pop())
    assert nobody_left(process)
    process.stdout.close()
    assert process.wait(PATIENCE) == GONE
    assert len(pids) == 2


def test_a_process_of_its_own_is_left_alone() -> None:
    """Without a pipe nothing is watched, and the process lives until it is told to end."""
    process = started(None)
    assert process.stdout is not None
    pids = {int(process.stdout.readline()), int(process.stdout.readline())}
    assert process.poll() is None
    for pid in pids:
        os.kill(pid, 9)
    assert process.wait(PATIENCE) == -9
    process.stdout.close()


def test_a_hanging_job_ends_with_the_launcher(pipe: list[int], valkey_url: str) -> None:
    """A job that RQ's worker has forked ends with it, even in the middle of its work."""
    with redis.Redis.from_url(valkey_url) as connection:
        queue = rq.Queue("act", connection=connection)
        job = queue.enqueue("time.sleep", 600)
        process = started(pipe[0], WORKER, REDIS_URL=valkey_url)
        assert process.stdout is not None
        while job.get_status() != "started":
            assert process.poll() is None
        process.terminate()  # it would wait for the job to end
        os.close(pipe.pop())
        assert nobody_left(process)
        process.stdout.close()
        assert process.wait(PATIENCE) == GONE
