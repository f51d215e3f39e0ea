"""`python -m tests.bench.triaging ours|again|plain CASES`: triage of so many cases, in a process.

It reads the settings of a stand-in on standard input and prints what it measured as JSON. `ours` is
one triage worker's loop, `again` the same with a second look at every case. `plain` is what RQ
suggests: a job for each case, which asks one thing after the other, in RQ's own worker with a fork
for each job.
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
import structlog
from sqlalchemy import func, select

from bot import logs
from bot.logs import Event
from bot.process import Process
from jobs.store.database.tables import cases, model_usage
from jobs.store.services import model_costs
from jobs.store.services.budget import month_of
from tests.bench import memory, plain_rq
from tests.bench.sweeping import connect_company, counted, opened, run_step

PATIENCE = 900
"""Seconds after which a run that does not end has failed."""


def ours(process: Process) -> dict[str, Any]:
    """The loop of one triage worker until no case is due."""
    process.steps()
    gc.freeze()  # as a worker does before it forks
    began, cpu = time.perf_counter(), time.process_time()
    _until_nothing_is_due(process)
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    return {"seconds": took, "cpu": cpu, "megabytes": memory.peak()} | _asked(process)


def again(process: Process, outside: dict[str, str]) -> dict[str, Any]:
    """The same, and then every case has its next look: nothing has changed."""
    found = ours(process) | {"requests": _requests(outside)}
    asked = _questions(process)
    with process.database.writing() as conn:
        conn.execute(cases.update().values(due_at=process.now()))
    _until_nothing_is_due(process)
    return found | {"asked_again": _questions(process) - asked}


def _until_nothing_is_due(process: Process) -> None:
    deadline = time.monotonic() + PATIENCE
    while counted(process, _due(process)) and time.monotonic() < deadline:
        run_step(process, "triage")


def _due(process: Process) -> Any:
    return select(func.count()).where(cases.c.due_at <= process.now())


def _questions(process: Process) -> int:
    return counted(process, select(func.coalesce(func.sum(model_usage.c.questions), 0)))


def _asked(process: Process) -> dict[str, Any]:
    with process.database.reading() as conn:
        spent = model_costs.spent_in(conn, month_of(process.now()))
        states = Counter(conn.scalars(select(cases.c.state)))
    return {"states": states, "spent": str(spent), "tokens": TOKENS}


TOKENS: dict[str, list[int]] = {"read_document": [], "propose": []}
"""What went into each question, by its prompt."""


def note_tokens(_logger: object, _method: str, event: Event) -> Event:
    """A processor of the log: the lines about questions say how many tokens they took."""
    if event["event"] == "model.asked":
        TOKENS[event["prompt"].partition("/")[0]].append(event["tokens_in"])
    return event


def _requests(outside: dict[str, str]) -> dict[str, int]:
    """How many requests each stand-in has seen since it began."""
    seen = httpx.get(f"{outside['control']}/_/world", timeout=60).json()["requests"]
    return dict(Counter(one["service"] for one in seen))


POLICY = """
[pace]
cards_per_day = 1000
"""


def main(how: str, count: int) -> None:
    """Connect, sweep, and measure triage."""
    logs.configure()
    structlog.configure(processors=[note_tokens, *structlog.get_config()["processors"]])
    outside = json.loads(sys.stdin.readline())
    with TemporaryDirectory() as folder, opened(outside, Path(folder), POLICY) as process:
        connect_company(process)
        run_step(process, "sweep")
        if how == "plain":
            found = plain_rq.run(process, count)
        else:
            found = ours(process) if how == "ours" else again(process, outside)
        print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
