"""A backtest of two years, played in this process."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from jobs.reports.backtest.figures import figures
from jobs.reports.backtest.play import play
from jobs.reports.backtest.table import PastInvoice
from jobs.rules.policy.policy import load
from tests.bench import memory
from tests.bench.measures import Figure

INVOICES, CUSTOMERS, DAYS, TARGET, MEGABYTES = 2_500, 100, 700, 180.0, 300
BEGINNING = date(2024, 1, 2)


def backtest() -> list[Figure]:
    """Seconds of CPU, so that others on the machine do not count, and what was held at most."""
    past = list(_past(random.Random(7)))
    began, began_at = time.process_time(), time.monotonic()
    found = figures(past, play(past, load("")), days_saved=5)
    took, lasted = time.process_time() - began, time.monotonic() - began_at
    held, said = memory.peak(), f"{took:.0f} s of CPU, {lasted:.0f} s in all"
    wrong = found.doubles + found.too_soon + found.disputed_again
    name = f"backtest of {INVOICES:,} invoices, {found.messages:,} messages"
    return [
        Figure(name, said, f"< {TARGET:.0f} s", took < TARGET),
        Figure(f"{name}: peak memory", f"{held:.0f} MB", f"{MEGABYTES} MB", held < MEGABYTES),
        Figure("doubled, too soon or disputed again", str(wrong), "0", wrong == 0),
    ]


def _past(chance: random.Random) -> Iterator[PastInvoice]:
    """Customers with habits of their own; one invoice in seven is disputed and paid later."""
    habits = [chance.gauss(2, 9) for _ in range(CUSTOMERS)]
    for line in range(2, INVOICES + 2):
        customer, disputed = chance.randrange(CUSTOMERS), chance.random() < 1 / 7
        issued = BEGINNING + timedelta(chance.randrange(DAYS))
        due = issued + timedelta(30)
        late = chance.gauss(habits[customer] + 12 * disputed, 6)
        settled = max(due + timedelta(round(late)), issued)
        amount = Decimal(chance.randrange(2_000, 900_000)) / 100
        name = f"Customer {customer}"
        yield PastInvoice(line, name, f"1{line}", issued, due, amount, "USD", settled, disputed)
