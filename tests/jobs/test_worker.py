"""A worker runs what is on our list, in a fork, and nothing else, whatever stands in Redis."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis as redis_client
from redis import Redis
from rq import Queue, SimpleWorker
from rq.job import Job
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer

from jobs.pipeline import Doorbell
from jobs.worker import PatientWorker, job_class

SECONDS = 30


@pytest.fixture
def redis(valkey_url: str) -> Iterator[Redis]:
    """An empty server."""
    with redis_client.Redis.from_url(valkey_url) as client:
        yield client


def until(condition: Callable[[], object]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def work(redis: Redis, registry: dict[str, Callable[[str], None]]) -> None:
    """Do what is in the queue, in this process."""
    SimpleWorker(
        ["act"], connection=redis, job_class=job_class(registry), serializer=JSONSerializer
    ).work(burst=True)


def failed(redis: Redis) -> int:
    """How many jobs of the queue failed."""
    return FailedJobRegistry("act", connection=redis, serializer=JSONSerializer).count


def test_a_listed_job_runs(redis: Redis) -> None:
    """By the name of its step, with the id of its row."""
    done: list[str] = []
    Doorbell(redis).ring("send", "412")
    work(redis, {"send": done.append})
    assert (done, failed(redis)) == (["412"], 0)


@pytest.mark.parametrize("name", ["os.system", "builtins.eval", "jobs.worker.run", "sweep"])
def test_any_other_name_is_refused(redis: Redis, tmp_path: Path, name: str) -> None:
    """What somebody wrote into Redis is not imported, and the worker goes on."""
    done: list[str] = []
    queue = Queue("act", connection=redis, serializer=JSONSerializer)
    queue.enqueue(name, f"touch {tmp_path}/harm")
    Doorbell(redis).ring("send", "412")
    work(redis, {"send": done.append})
    assert (done, failed(redis)) == (["412"], 1)
    assert not (tmp_path / "harm").exists()


def test_a_method_of_an_instance_is_refused(redis: Redis) -> None:
    """A job may name a method of an object; ours never do."""
    queue = Queue("act", connection=redis, serializer=JSONSerializer)
    job = Job.create("send", args=["1"], connection=redis, serializer=JSONSerializer, origin="act")
    job._instance = {"an": "instance"}
    queue.enqueue_job(job)
    work(redis, {"send": lambda _: None})
    assert failed(redis) == 1


def test_callbacks_and_webhooks_are_dropped(redis: Redis) -> None:
    """A good job with bad company runs without it."""
    done: list[str] = []
    Doorbell(redis).ring("send", "412")
    (key,) = [key for key in redis.scan_iter("rq:job:send-*") if redis.type(key) == b"hash"]
    hook = {"url": "http://127.0.0.1:9/", "statuses": ["finished"]}
    redis.hset(
        key,
        mapping={
            "success_callback_name": "os.abort",
            "failure_callback_name": "os.abort",
            "stopped_callback_name": "os.abort",
            "webhooks": json.dumps([hook]),
        },
    )
    listed = job_class({"send": done.append})
    restored = listed.fetch(key.decode().removeprefix("rq:job:"), redis, JSONSerializer)
    assert restored.webhooks == []
    assert restored.stopped_callback is None
    work(redis, {"send": done.append})
    assert (done, failed(redis)) == (["412"], 0)


def test_nothing_is_left_of_a_job_that_ran(redis: Redis) -> None:
    """Redis is a doorbell: no result is kept there."""
    Doorbell(redis).ring("send", "412")
    work(redis, {"send": lambda _: None})
    assert list(redis.scan_iter("rq:job:*")) == []


def test_it_looks_for_a_lost_redis_every_few_seconds() -> None:
    """RQ's own back-off of a minute would hold up an approval."""
    assert PatientWorker.max_connection_wait_time <= 5


PROGRAM = """
import os, sys, time
from redis import Redis
from jobs.worker import run

def send(id):
    with open(sys.argv[2], "a") as file: file.write(f"{os.getpid()} {id} begun\\n")
    while id == "slow" and not os.path.exists(sys.argv[2] + ".go"): time.sleep(0.02)
    with open(sys.argv[2], "a") as file: file.write(f"{os.getpid()} {id} done\\n")

with open(sys.argv[2], "a") as file: file.write(f"{os.getpid()} worker begun\\n")
run(Redis.from_url(sys.argv[1]), "act", {"send": send})
"""


@pytest.fixture
def worker(valkey_url: str, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A real worker process; what its job does stands in `diary`."""
    command = [sys.executable, "-c", PROGRAM, valkey_url, str(tmp_path / "diary")]
    root = Path(__file__).parent.parent.parent
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(root)}) as process:
        yield process
        process.kill()


def diary(tmp_path: Path) -> list[list[str]]:
    """The lines written so far, in words."""
    file = tmp_path / "diary"
    return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


@pytest.mark.processes
def test_sigterm_lets_the_present_job_end(
    worker: subprocess.Popen[bytes], redis: Redis, tmp_path: Path
) -> None:
    """The job runs in a fork; asked to stop, the worker waits for it, and then ends well."""
    Doorbell(redis).ring("send", "slow")
    until(lambda: ["slow", "begun"] in [line[1:] for line in diary(tmp_path)])
    worker.send_signal(signal.SIGTERM)
    (tmp_path / "diary.go").touch()
    assert worker.wait(SECONDS) == 0
    first, begun, done = diary(tmp_path)
    assert begun[0] == done[0] != first[0]
    assert done[1:] == ["slow", "done"]


@pytest.mark.processes
def test_sigterm_ends_an_idle_worker(worker: subprocess.Popen[bytes], redis: Redis) -> None:
    """It does not sit out its wait for a job."""
    until(lambda: redis.scard("rq:workers") == 1)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(SECONDS) == 0


@pytest.mark.processes
def test_a_worker_waits_for_redis(tmp_path: Path) -> None:
    """Started before its Redis, it neither ends nor raises; SIGTERM still ends it."""
    root = Path(__file__).parent.parent.parent
    command = [sys.executable, "-c", PROGRAM, f"unix://{tmp_path}/no.sock", str(tmp_path / "diary")]
    environment = os.environ | {"PYTHONPATH": str(root)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        until(lambda: "worker.no_redis" in process.stdout.readline())  # type: ignore[union-attr]
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0
