"""A worker runs what is on our list, in a fork, and nothing else, whatever stands in Redis."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest
import redis as redis_client
from redis import Redis
from rq import Queue, SimpleWorker
from rq.job import Job
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer

from jobs.engine.queues import Queues
from jobs.engine.worker import PatientWorker, job_class
from tests.real_processes import PATIENCE, until


@pytest.fixture
def redis(valkey_url: str) -> Iterator[Redis]:
    """An empty server."""
    with redis_client.Redis.from_url(valkey_url) as client:
        yield client


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
    Queues(redis).wake("send", "412")
    work(redis, {"send": done.append})
    assert (done, failed(redis)) == (["412"], 0)


@pytest.mark.parametrize("name", ["os.system", "builtins.eval", "jobs.engine.worker.run", "sweep"])
def test_any_other_name_is_refused(redis: Redis, tmp_path: Path, name: str) -> None:
    """What somebody wrote into Redis is not imported, and the worker goes on."""
    done: list[str] = []
    queue = Queue("act", connection=redis, serializer=JSONSerializer)
    queue.enqueue(name, f"touch {tmp_path}/harm")
    Queues(redis).wake("send", "412")
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
    Queues(redis).wake("send", "412")
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
    """Redis is a queues: no result is kept there."""
    Queues(redis).wake("send", "412")
    work(redis, {"send": lambda _: None})
    assert list(redis.scan_iter("rq:job:*")) == []


def test_it_looks_for_a_lost_redis_every_few_seconds() -> None:
    """RQ's own back-off of a minute would hold up an approval."""
    assert PatientWorker.max_connection_wait_time <= 5


PROGRAM = """
import os, sys, time
from redis import Redis
from jobs.engine.worker import run

def send(id):
    with open(sys.argv[2], "a") as file: file.write(f"{os.getpid()} {id} begun\\n")
    while id == "slow" and not os.path.exists(sys.argv[2] + ".go"): time.sleep(0.02)
    with open(sys.argv[2], "a") as file: file.write(f"{os.getpid()} {id} done\\n")

with open(sys.argv[2], "a") as file: file.write(f"{os.getpid()} worker begun\\n")
run(Redis.from_url(sys.argv[1]), "act", {"send": send})
"""


@contextmanager
def started(
    valkey_url: str, tmp_path: Path, said: IO[bytes] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A real worker process; what its job does stands in `diary`."""
    command = [sys.executable, "-c", PROGRAM, valkey_url, str(tmp_path / "diary")]
    root = Path(__file__).parents[3]
    environment = os.environ | {"PYTHONPATH": str(root)}
    with subprocess.Popen(command, env=environment, stdout=said, stderr=said) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def worker(valkey_url: str, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker that does nothing yet."""
    with started(valkey_url, tmp_path) as process:
        yield process


NAMES = {"send": '["send", null, ["x"], {}]', "evil": '["os.system", null, ["true"], {}]'}
GOOD = {"data": zlib.compress(NAMES["send"].encode()), "origin": "act", "status": "queued"}
EVIL = GOOD | {"data": zlib.compress(NAMES["evil"].encode())}
RETRIED = {"retries_left": "1000000", "number_of_retries": "0"}
CRAFTED: dict[bytes, dict[Any, Any]] = {
    b"retried-1": EVIL | RETRIED,
    b"retried-2": EVIL | RETRIED | {"retry_intervals": "[0]", "enqueue_at_front_on_retry": "1"},
    b"retried-3": GOOD | {"retries_left": "many"},
    b"repeated-1": GOOD | {"repeats_left": "1000000", "repeat_intervals": "[0]"},
    b"repeated-2": GOOD | {"repeats_left": "x", "repeat_intervals": "{"},
    b"limited-1": GOOD | {"timeout": "soon", "result_ttl": "x", "failure_ttl": "y", "ttl": "z"},
    b"limited-2": GOOD | {"rate_limit_key": "k", "rate_limit_concurrency": "none"},
    b"waits-1": GOOD | {"dependency_ids": "[", "allow_dependency_failures": "x"},
    b"timed-1": GOOD | {"created_at": "yesterday"},
    b"stated-1": GOOD | {"status": "splendid"},
    b"grouped-1": GOOD | {"group_id": b"\xff\xfe", "meta": b"\xff"},
    b"pickle-1": GOOD | {"data": zlib.compress(b"\x80\x05K\x01.")},
    b"garbage-1": GOOD | {"data": b"\x80\x05\x00"},
    b"list-1": GOOD | {"data": zlib.compress(b"[1]")},
    b"deep-1": GOOD | {"data": zlib.compress(b"[" * 100_000)},
    b"empty-1": {"origin": "act"},
    b"origin-1": GOOD | {"origin": b"\xff"},
    b"colon:1": GOOD,
    b"strange id {}*?": GOOD,
    b"": GOOD,
    b"\xff\xfe": GOOD,
    b"../../etc": GOOD,
    b"nothing-there": {},
    b"x" * 1000: GOOD,
}


@pytest.mark.processes
def test_no_entry_of_the_queue_ends_a_worker_or_keeps_it_busy(
    redis: Redis, valkey_url: str, tmp_path: Path
) -> None:
    """Whatever stands there: each is passed over or fails once, and the next good job is done."""
    for id, fields in CRAFTED.items():
        if fields:
            redis.hset(b"rq:job:" + id, mapping=fields)
        redis.rpush("rq:queue:act", id)
    redis.set("rq:job:text-1", "no hash")
    redis.rpush("rq:queue:act", "text-1")
    redis.zadd("rq:wip:act", {b"\xff": 1, b"no-execution": 1, b"a:b:c": 1})
    redis.zadd("rq:failed:act", {b"\xff": 1})
    redis.rpush("rq:queue:act:intermediate", b"\xff", "colon:1", "gone")
    redis.sadd("rq:queues", "rq:queue:act")
    log = tmp_path / "log"
    with log.open("wb") as said, started(valkey_url, tmp_path, said) as process:
        Queues(redis).wake("send", "412")
        until(lambda: ["412", "done"] in [line[1:] for line in diary(tmp_path)])
        until(lambda: redis.llen("rq:queue:act") == 0)
        assert process.poll() is None
    text = log.read_text()
    assert text.count("worker.started") == 1
    assert "unhandled exception" not in text
    ran = [line[1:] for line in diary(tmp_path)]
    assert ran.count(["412", "done"]) == 1
    assert ran.count(["x", "done"]) <= len(CRAFTED)


def diary(tmp_path: Path) -> list[list[str]]:
    """The lines written so far, in words."""
    file = tmp_path / "diary"
    return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


@pytest.mark.processes
def test_sigterm_lets_the_present_job_end(
    worker: subprocess.Popen[bytes], redis: Redis, tmp_path: Path
) -> None:
    """The job runs in a fork; asked to stop, the worker waits for it, and then ends well."""
    Queues(redis).wake("send", "slow")
    until(lambda: ["slow", "begun"] in [line[1:] for line in diary(tmp_path)])
    worker.send_signal(signal.SIGTERM)
    (tmp_path / "diary.go").touch()
    assert worker.wait(PATIENCE) == 0
    first, begun, done = diary(tmp_path)
    assert begun[0] == done[0] != first[0]
    assert done[1:] == ["slow", "done"]


@pytest.mark.processes
def test_sigterm_ends_an_idle_worker(worker: subprocess.Popen[bytes], redis: Redis) -> None:
    """It does not sit out its wait for a job."""
    until(lambda: redis.scard("rq:workers") == 1)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(PATIENCE) == 0


@pytest.mark.processes
def test_a_worker_waits_for_redis(tmp_path: Path) -> None:
    """Started before its Redis, it neither ends nor raises; SIGTERM still ends it."""
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", PROGRAM, f"unix://{tmp_path}/no.sock", str(tmp_path / "diary")]
    environment = os.environ | {"PYTHONPATH": str(root)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        until(lambda: "worker.no_redis" in process.stdout.readline())  # type: ignore[union-attr]
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
