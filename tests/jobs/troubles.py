"""How QuickBooks can fail to answer, and what of it must never be seen."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
from sqlalchemy import select

from jobs.store.database.tables import cases, events, schedule
from tests.jobs.harness import CompanyHarness
from tests.sandbox.faults import Fault, Kind

HASTY = 0.1
"""Seconds that a stalled answer is waited for."""
SECRETS = ("eyJ", "RT1-", "Rosa Whitcombe", "Traceback", "scs-v1")
"""Pieces of tokens, of a person, of our own insides, of a pay link: shown nowhere."""


@dataclass(frozen=True)
class Trouble:
    """One way in which QuickBooks fails to answer."""

    kind: Kind
    status: int | None = None
    code: str = ""


PASSING = (
    *(Trouble("refuse"), Trouble("reset"), Trouble("late"), Trouble("garbage"), Trouble("stall")),
    *(Trouble("html", status) for status in (404, 502, 503)),
    *(Trouble("status", status) for status in (500, 504)),
    *(Trouble("status", 400, code) for code in ("4002", "6000")),
    Trouble("status", 401, "3200"),
)
"""What passes by itself: asked again, more slowly each time."""
REFUSED = Trouble("status", 200, "5010")
"""What would be answered alike each time: in a friendly envelope, with somebody's name in it."""
THROTTLED = Trouble("status", 429)


@contextmanager
def broken(harness: CompanyHarness, match: str, trouble: Trouble) -> Iterator[None]:
    """For a while every such call meets this trouble, and nobody waits long for an answer."""
    fault = Fault("quickbooks", match, trouble.kind, None, trouble.status, trouble.code)
    waiting = [harness.services.quickbooks(harness.realm)._http, harness.process.oauth._http]
    patience = [each.timeout for each in waiting]
    for each in waiting if trouble.kind == "stall" else ():
        each.timeout = httpx.Timeout(HASTY)
    harness.outside.world.faults.add(fault)
    yield
    harness.heal()
    for each, seconds in zip(waiting, patience, strict=True):
        each.timeout = seconds


def shown(harness: CompanyHarness) -> str:
    """All that anybody can read of what happened: rows, the log, what is said, the cards."""
    tables = (events, cases, schedule)
    rows = [each.last_error for table in tables for each in harness.rows(select(table))]
    logged = [json.dumps(line, default=str) for line in harness.logged()]
    return "\n".join(
        [*rows, *logged, *harness.said(), *map(str, map(harness.view, harness.cases()))]
    )


def leaks(text: str) -> list[str]:
    """The secrets that stand in a text."""
    return [secret for secret in SECRETS if secret in text]
