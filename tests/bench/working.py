"""Twenty-five routine cases through the worklist: from the click to the next case on the screen."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from tests.bench.measures import Figure
from tests.bot.listeners.test_forms import backend_in
from tests.bot.listeners.test_worklist import Walk
from tests.jobs.fixtures import opener
from tests.jobs.harness import books, customer, invoice, serve_stand_ins

CASES, TARGET = 25, 0.300


def worklist() -> list[Figure]:
    """The median of approving one after the other; Slack's stand-in is in the same process."""
    content = books(
        *(customer(str(n)) for n in range(1, CASES + 1)),
        *(invoice(f"7{n}", str(n), f"{900 + n}.00", 12) for n in range(1, CASES + 1)),
    )
    with serve_stand_ins() as shared, ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        harness = opener(stack, shared, shared.home, Path(folder))(content)
        harness.sweep()
        harness.greet()
        walk = Walk(harness, backend_in(harness)).start()
        took = [_approved(walk) for _ in range(CASES)]
    next_one = median(took)
    what = f"next of {CASES} cases shown after Approve, median"
    return [Figure(what, f"{next_one * 1000:.0f} ms", "300 ms", next_one < TARGET)]


def _approved(walk: Walk) -> float:
    began = time.perf_counter()
    walk.press("approve")
    return time.perf_counter() - began
