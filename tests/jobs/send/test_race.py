"""Eight senders at the same moment: one mail, on each engine, and nobody waits for ever."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from jobs.engine import loop
from jobs.rules.states import State
from jobs.send.fetch import Fetch
from jobs.store.database.tables import cases, sends
from tests.jobs.fixtures import opener
from tests.jobs.harness import CompanyHarness, SharedStandIns, books, customer, invoice
from tests.real_processes import PATIENCE

SENDERS = 8
SHARED = "accounts@family.example"


@pytest.fixture
def open_harness(
    shared: SharedStandIns, home_url: str, tmp_path: Path
) -> Iterator[Callable[..., CompanyHarness]]:
    """Opens a company on each engine."""
    with ExitStack() as stack:
        yield opener(stack, shared, home_url, tmp_path)


def approved(harness: CompanyHarness) -> CompanyHarness:
    """Every case of the company is approved, and its undo window is over."""
    harness.sweep()
    for case in harness.cases():
        harness.approve(harness.click("UCOLLECT", case))
    harness.time.later(seconds=60)
    return harness


def race(harness: CompanyHarness, fetched: Callable[[], None]) -> None:
    """Eight senders, which all have their last check behind them before one writes its intent.

    `fetched` is called in the sender's thread when the mail is ready. No outcome is refused by the
    database, as after a deadlock it would be. Whoever has its turn last may wait for all others,
    and on a busy machine that is longer than a worker's patience.
    """
    harness.process.database = replace(harness.database, patience=PATIENCE)
    step = replace(next(s for s in harness.process.steps() if s.name == "send"), width=1)
    gate, here = threading.Barrier(SENDERS), threading.Semaphore(0)
    fetch = Fetch.act

    def together(round: Fetch) -> Any:
        result = fetch(round)
        fetched()
        here.release()
        gate.wait(SENDERS * PATIENCE)
        return result

    with (
        pytest.MonkeyPatch.context() as patch,
        capture_logs() as logs,
        ThreadPoolExecutor(SENDERS) as pool,
    ):
        patch.setattr(Fetch, "act", together)
        harness.time.begin()
        ended = []
        for _ in range(SENDERS):
            ended.append(pool.submit(loop.run, harness.database, [step], harness.time))
            assert here.acquire(timeout=PATIENCE)
        for each in ended:
            each.result(PATIENCE)
    assert logs == []


def test_eight_customers_with_one_address_get_one_mail(
    open_harness: Callable[..., CompanyHarness],
) -> None:
    """Whoever comes second, in whatever order, stops at the gap and says so."""
    people = [customer(str(n), SHARED) for n in range(1, SENDERS + 1)]
    owed = [invoice(f"7{n}", str(n), "840.00", 12) for n in range(1, SENDERS + 1)]
    harness = approved(open_harness(books(*people, *owed)))
    race(harness, lambda: None)
    assert [mail.recipient for mail in harness.mails] == [SHARED]
    states = sorted(case.state for case in harness.cases())
    assert states == [State.SENT] + [State.WAITING] * (SENDERS - 1)
    stopped = [harness.view(case) for case in harness.cases() if case.state is State.WAITING]
    assert all(SHARED in view.end_reason for view in stopped), [v.end_reason for v in stopped]


def test_eight_senders_of_one_case_send_one_mail(
    open_harness: Callable[..., CompanyHarness],
) -> None:
    """Each has lost its lease to the next, and finds out where it would write its intent."""
    harness = approved(open_harness())

    def overtaken() -> None:
        with harness.database.writing() as conn:
            conn.execute(update(cases).values(due_at=harness.now, attempts=0))

    race(harness, overtaken)
    assert len(harness.mails) == 1
    assert harness.state() is State.SENT
    assert [row.state for row in harness.rows(sends.select())] == ["sent"]
