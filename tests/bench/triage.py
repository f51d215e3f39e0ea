"""Many cases through triage: time, memory, tokens and requests, beside plain RQ."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from statistics import median
from typing import Any

from tests.bench.big_ledger import AN_HOUR
from tests.bench.measures import Figure
from tests.bench.outside import started

CASES, FEW, PLAIN = 1000, 100, 4
"""A job of plain RQ waits for eight answers in a row, whatever else there is to do: four cases are
enough to scale, and take a minute and a half."""
SECONDS, MEGABYTES, FOR_A_TEXT, FOR_A_PROPOSAL, REQUESTS = 150, 500, 700, 2000, 3
SOURCES = ("quickbooks", "hubspot", "zendesk", "imap")


def triage() -> list[Figure]:
    """1,000 cases of 8 texts by one worker; 100 for what is asked; 4 as jobs of plain RQ."""
    return [*_many(), *_asked(), *_beside()]


def _many() -> Iterator[Figure]:
    found = _measured("ours", CASES)
    assert found["states"] == {"waiting": CASES}, found["states"]
    name = f"{CASES:,} cases proposed by one worker"
    took = f"{found['seconds']:.0f} s ({found['cpu']:.0f} s of one processor)"
    yield Figure(name, took, f"{SECONDS} s", found["seconds"] < SECONDS)
    held = found["megabytes"]
    yield Figure(f"{name}: peak memory", f"{held:.0f} MB", f"{MEGABYTES} MB", held < MEGABYTES)


def _asked() -> Iterator[Figure]:
    found = _measured("again", FEW)
    for prompt, most in (("read_document", FOR_A_TEXT), ("propose", FOR_A_PROPOSAL)):
        tokens = median(found["tokens"][prompt])
        name = f"{prompt}: input tokens, median"
        yield Figure(name, f"{tokens:.0f}, estimated", f"{most}", tokens <= most)
    again = found["asked_again"]
    yield Figure("questions about unchanged texts", str(again), "0", again == 0)
    for source in SOURCES:
        each = found["requests"][source] / FEW
        name = f"requests of {source} per case"
        yield Figure(name, f"{each:.2f}", f"{REQUESTS}", each <= REQUESTS)


def _beside() -> Iterator[Figure]:
    found = _measured("plain", PLAIN)
    scaled = found["seconds"] / PLAIN * CASES
    took = f"{found['seconds']:.0f} s for {PLAIN}, {scaled:,.0f} s for {CASES:,}"
    yield Figure("a job of RQ for each case", took, "for comparison", good=True)


def _measured(how: str, count: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.triaging", how, str(count)]
    with started(count) as outside:
        done = subprocess.run(
            command,
            input=f"{json.dumps(outside)}\n",
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
            timeout=AN_HOUR,
        )
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said
