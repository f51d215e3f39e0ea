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
from jobs.send import step as send
from jobs.store.database.tables import cases, sends
from tests.crowd import PATIENCE
from tests.jobs.house import House, Neighbourhood, books, customer, invoice
from tests.jobs.houses import opener

SENDERS = 8
SHARED = "accounts@family.example"


@pytest.fixture
def open_house(
    neighbours: Neighbourhood, home_url: str, tmp_path: Path
) -> Iterator[Callable[..., House]]:
    """Opens a house on each engine."""
    with ExitStack() as stack:
        yield opener(stack, neighbours, home_url, tmp_path)


def approved(house: House) -> House:
    """Every case of the house is approved, and its undo window is over."""
    house.sweep()
    for case in house.cases():
        house.approve(house.click("UCOLLECT", case))
    house.time.later(seconds=60)
    return house


def race(house: House, fetched: Callable[[], None]) -> None:
    """Eight senders, which all have their last check behind them before one writes its intent.

    `fetched` is called in the sender's thread when the mail is ready. No outcome is refused by the
    database, as after a deadlock it would be.
    """
    step = replace(next(s for s in house.process.steps() if s.name == "send"), width=1)
    gate, here = threading.Barrier(SENDERS), threading.Semaphore(0)
    fetch = send.Fetch.act

    def together(round: send.Fetch) -> Any:
        parcel = fetch(round)
        fetched()
        here.release()
        gate.wait(PATIENCE)
        return parcel

    with (
        pytest.MonkeyPatch.context() as patch,
        capture_logs() as logs,
        ThreadPoolExecutor(SENDERS) as pool,
    ):
        patch.setattr(send.Fetch, "act", together)
        house.time.begin()
        ended = []
        for _ in range(SENDERS):
            ended.append(pool.submit(loop.run, house.database, [step], house.time))
            assert here.acquire(timeout=PATIENCE)
        for each in ended:
            each.result(PATIENCE)
    assert logs == []


def test_eight_customers_with_one_address_get_one_mail(open_house: Callable[..., House]) -> None:
    """Whoever comes second, in whatever order, stops at the gap and says so."""
    people = [customer(str(n), SHARED) for n in range(1, SENDERS + 1)]
    owed = [invoice(f"7{n}", str(n), "840.00", 12) for n in range(1, SENDERS + 1)]
    house = approved(open_house(books(*people, *owed)))
    race(house, lambda: None)
    assert [mail.recipient for mail in house.mails] == [SHARED]
    states = sorted(case.state for case in house.cases())
    assert states == [State.SENT] + [State.WAITING] * (SENDERS - 1)
    stopped = [house.view(case) for case in house.cases() if case.state is State.WAITING]
    assert all(SHARED in view.end_reason for view in stopped), [v.end_reason for v in stopped]


def test_eight_senders_of_one_case_send_one_mail(open_house: Callable[..., House]) -> None:
    """Each has lost its lease to the next, and finds out where it would write its intent."""
    house = approved(open_house())

    def overtaken() -> None:
        with house.database.writing() as conn:
            conn.execute(update(cases).values(due_at=house.now, attempts=0))

    race(house, overtaken)
    assert len(house.mails) == 1
    assert house.state() is State.SENT
    assert [row.state for row in house.rows(sends.select())] == ["sent"]
