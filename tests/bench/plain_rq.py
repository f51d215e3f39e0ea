"""Triage as RQ suggests it: a job for each case, one thing after the other, a fork for each job."""

from __future__ import annotations

import time
from typing import Any

from redis import Redis
from rq import Queue, Worker
from sqlalchemy import func, select

from bot.process import Process
from jobs.engine.step import ReadFirst
from jobs.reasoning import model
from jobs.store import work
from jobs.store.database.tables import cases
from tests.bench.sweeping import counted
from tests.sandbox.valkey import valkey

PATIENCE = 900
"""Seconds that a job may take."""
PARENT: list[Process] = []
"""What the worker had before its forks."""


def run(process: Process, count: int) -> dict[str, Any]:
    """So many cases, in RQ's own worker."""
    with process.database.reading() as conn:
        ids = list(conn.scalars(select(cases.c.id).limit(count)))
    PARENT.append(process)
    with valkey() as url, Redis.from_url(url) as redis:
        queue = Queue("plain", connection=redis)
        for id in ids:
            queue.enqueue(one_case, id, job_timeout=PATIENCE)
        began = time.perf_counter()
        Worker([queue], connection=redis).work(burst=True, logging_level="WARNING")
        took = time.perf_counter() - began
    done = counted(process, select(func.count()).where(cases.c.state != "new"))
    assert done == count, f"only {done} of {count} cases"
    return {"seconds": took}


def one_case(id: str) -> None:
    """The job: what triage does with a case."""
    model.AT_ONCE = 1
    process = Process(PARENT[0].settings, PARENT[0].clock)
    (step,) = (step for step in process.steps("triage") if step.name == "triage")
    assert not isinstance(step.load, ReadFirst)
    with process.database.writing() as conn:
        (claim,) = work.claim(conn, work.CASES, process.now(), 1, first=id)
        round = step.load(conn, claim, process.now())
    while round is not None:
        outcome = round.act()
        with process.database.writing() as conn:
            round = round.settle(conn, claim, outcome, process.now())
    process.close()
