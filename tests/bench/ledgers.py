"""Reading a large ledger: against python-quickbooks, and from the sweep to the cases."""

import json
import subprocess
import sys
from statistics import median
from typing import Any

from tests.bench.big_ledger import started
from tests.bench.measures import Figure

INVOICES, CUSTOMERS = 100_000, 5_000
PARSED = 10_000
TRIES = 5
AN_HOUR = 3600


def parse() -> list[Figure]:
    """The same open invoices, by our client and by python-quickbooks in turn: the medians."""
    found: dict[str, list[dict[str, Any]]] = {"ours": [], "theirs": []}
    with started(PARSED, PARSED // 20, "keep") as outside:
        for _ in range(TRIES):
            for who, tries in found.items():
                tries.append(_measured("reading", outside, who))
    assert all(one["count"] == PARSED for tries in found.values() for one in tries)
    name = f"{PARSED:,} open invoices read, beside python-quickbooks"
    return [
        _beside(f"{name}: time", "seconds", "s", found, 1 / 5),
        _beside(f"{name}: added memory", "megabytes", "MB", found, 1 / 3),
    ]


def _beside(
    name: str, of: str, unit: str, found: dict[str, list[dict[str, Any]]], most: float
) -> Figure:
    """One quantity of both, and how much less ours takes."""
    ours, theirs = (median(one[of] for one in found[who]) for who in ("ours", "theirs"))
    ratio, target = ours / theirs, f"at most {most:.2f} of theirs"
    return Figure(name, _told(ours, unit), target, ratio <= most, _told(theirs, unit), ratio)


def _told(amount: float, unit: str) -> str:
    return f"{amount:.3g} {unit}"


def sweep() -> list[Figure]:
    """A tenth of the ledger first, then all of it, each in processes of its own."""
    small = _swept(INVOICES // 10, CUSTOMERS // 10)
    large = _swept(INVOICES, CUSTOMERS)
    longer, tenth = large["seconds"] / small["seconds"], f"{small['seconds']:.1f} s for a tenth"
    per_case = large["reads"] / large["cases"] + large["triage_reads"] / max(large["triaged"], 1)
    name = f"sweep of {INVOICES:,} invoices"
    took, size, lock = large["seconds"], large["megabytes"], large["longest"] * 1000
    more, before = large["added"] / small["added"], f"{small['added']:.0f} MB for a tenth"
    added = f"{large['added']:.0f} MB"
    return [
        Figure(f"{name}: time", f"{took:.1f} s", "under 60 s", took < 60),
        Figure(f"{name}: memory", f"{size:.0f} MB", "under 300 MB", size < 300),
        Figure(f"{name}: added memory", added, "at most 1.5 times", more <= 1.5, before, more),
        Figure(f"{name}: longest write", f"{lock:.0f} ms", "at most 50 ms", lock <= 50),
        Figure(f"{name}: growth", f"{took:.1f} s", "at most 11 times", longer <= 11, tenth, longer),
        Figure("metered reads per triaged case", f"{per_case:.2f}", "at most 0.3", per_case <= 0.3),
    ]


def _swept(invoices: int, customers: int) -> dict[str, Any]:
    with started(invoices, customers) as outside:
        found = _measured("sweeping", outside)
    assert (found["cases"], found["crossings"]) == (customers, invoices)
    return found


def _measured(module: str, outside: dict[str, str], *more: str) -> dict[str, Any]:
    command = [sys.executable, "-m", f"tests.bench.{module}", *more]
    given = f"{json.dumps(outside)}\n"
    done = subprocess.run(
        command, input=given, text=True, stdout=subprocess.PIPE, check=True, timeout=AN_HOUR
    )
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said
