"""Reading a large ledger: against python-quickbooks, and from the sweep to the cases."""

import json
import subprocess
import sys
from typing import Any

from tests.bench.big_ledger import started
from tests.bench.measures import Figure

INVOICES, CUSTOMERS = 100_000, 5_000
PARSED = 10_000
TRIES = 3
AN_HOUR = 3600


def parse() -> list[Figure]:
    """The same open invoices, by our client and by python-quickbooks, the best of some tries."""
    found: dict[str, list[dict[str, Any]]] = {"ours": [], "theirs": []}
    with started(PARSED, PARSED // 20, "keep") as outside:
        for _ in range(TRIES):
            for who, tries in found.items():
                tries.append(_measured("reading", outside, who))
    assert all(one["count"] == PARSED for tries in found.values() for one in tries)
    best = {who: min(one["seconds"] for one in tries) for who, tries in found.items()}
    peak = {who: max(one["megabytes"] for one in tries) for who, tries in found.items()}
    faster, smaller = best["theirs"] / best["ours"], peak["theirs"] / peak["ours"]
    times = f"{faster:.1f} times as fast ({best['ours']:.2f} s, {best['theirs']:.2f} s)"
    sizes = f"1/{smaller:.1f} ({peak['ours']:.0f} MB, {peak['theirs']:.0f} MB)"
    name = f"{PARSED:,} open invoices beside python-quickbooks"
    return [
        Figure(f"{name}: time", times, "at least 5 times", faster >= 5),
        Figure(f"{name}: peak memory", sizes, "at most 1/3", smaller >= 3),
    ]


def sweep() -> list[Figure]:
    """A tenth of the ledger first, then all of it, each in processes of its own."""
    small = _swept(INVOICES // 10, CUSTOMERS // 10)
    large = _swept(INVOICES, CUSTOMERS)
    longer = large["seconds"] / small["seconds"]
    per_case = large["reads"] / large["cases"] + large["triage_reads"] / max(large["triaged"], 1)
    name = f"sweep of {INVOICES:,} invoices"
    took, size, lock = large["seconds"], large["megabytes"], large["longest"] * 1000
    more = large["added"] / small["added"]
    added = f"{more:.2f} times ({small['added']:.0f} MB, {large['added']:.0f} MB)"
    return [
        Figure(f"{name}: time", f"{took:.1f} s", "under 60 s", took < 60),
        Figure(f"{name}: memory", f"{size:.0f} MB", "under 300 MB", size < 300),
        Figure(f"{name}: added memory beside a tenth", added, "at most 1.5", more <= 1.5),
        Figure(f"{name}: longest write", f"{lock:.0f} ms", "at most 50 ms", lock <= 50),
        Figure(f"{name}: beside a tenth", f"{longer:.1f} times", "at most 11", longer <= 11),
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
