"""`python -m tests.bench.triaging ours|plain CASES`: triage of so many cases, in a process.

It reads the settings of a stand-in on standard input and prints what it measured as JSON. `ours` is
one triage worker's loop. `plain` is what RQ suggests: a job for each case, which asks one thing
after the other, in RQ's own worker with a fork for each job.
"""

import gc
import json
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from redis import Redis
from rq import Queue, Worker
from sqlalchemy import func, select

from bot import logs
from bot.process import Process
from jobs.reasoning import model
from jobs.store import work
from jobs.store.connection import model_costs
from jobs.store.connection.budget import month_of
from jobs.store.database.tables import cases, model_usage
from tests.bench import memory
from tests.bench.sweeping import connect_company, counted, opened, run_step
from tests.sandbox.valkey import valkey

PATIENCE = 900
"""Seconds after which a run that does not end has failed."""


def ours(process: Process, outside: dict[str, str]) -> dict[str, Any]:
    """The loop of one triage worker until no case is due."""
    process.steps()
    gc.freeze()  # as a worker does before it forks
    before, began, cpu = memory.peak(), time.perf_counter(), time.process_time()
    while counted(process, _due(process)) and time.perf_counter() - began < PATIENCE:
        run_step(process, "triage")
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    found = {"seconds": took, "cpu": cpu, "megabytes": memory.peak(), "before": before}
    found |= _asked(process) | {"requests": _requests(outside)}
    asked = _questions(process)
    _again(process)
    return found | {"asked_again": _questions(process) - asked}


def _again(process: Process) -> None:
    """Every waiting case has its next look: nothing has changed."""
    with process.database.writing() as conn:
        conn.execute(cases.update().values(due_at=process.now()))
    while counted(process, _due(process)):
        run_step(process, "triage")


def _due(process: Process) -> Any:
    return select(func.count()).where(cases.c.due_at <= process.now())


def _questions(process: Process) -> int:
    return counted(process, select(func.coalesce(func.sum(model_usage.c.questions), 0)))


def _asked(process: Process) -> dict[str, Any]:
    with process.database.reading() as conn:
        month = month_of(process.now())
        uses = model_costs.by_model(conn, month).values()
        states = Counter(conn.scalars(select(cases.c.state)))
        spent = model_costs.spent_in(conn, month)
    whole = {"questions": sum(u.questions for u in uses), "failed": sum(u.failed for u in uses)}
    return whole | {"states": states, "spent": str(spent)}


def _requests(outside: dict[str, str]) -> dict[str, int]:
    """How many requests each stand-in has seen since it began."""
    seen = httpx.get(f"{outside['control']}/_/world", timeout=60).json()["requests"]
    return dict(Counter(one["service"] for one in seen))


def plain(process: Process, count: int) -> dict[str, Any]:
    """A job for each case, in RQ's worker."""
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
    return {"seconds": took, "cases": done}


PARENT: list[Process] = []
"""What the worker had before its forks."""


def one_case(id: str) -> None:
    """The job: what triage does with a case, one thing after the other."""
    model.AT_ONCE = 1
    process = Process(PARENT[0].settings, PARENT[0].clock)
    (step,) = (step for step in process.steps("triage") if step.name == "triage")
    with process.database.writing() as conn:
        (claim,) = work.claim(conn, work.CASES, process.now(), 1, first=id)
        round = step.load(conn, claim, process.now())
    while round is not None:
        outcome = round.act()
        with process.database.writing() as conn:
            round = round.settle(conn, claim, outcome, process.now())
    process.close()


POLICY = """
[pace]
cards_per_day = 1000
"""


def main(how: str, count: int) -> None:
    """Connect, sweep, and measure triage."""
    logs.configure()
    outside = json.loads(sys.stdin.readline())
    with TemporaryDirectory() as folder, opened(outside, Path(folder), POLICY) as process:
        connect_company(process)
        run_step(process, "sweep")
        found = ours(process, outside) if how == "ours" else plain(process, count)
        print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
