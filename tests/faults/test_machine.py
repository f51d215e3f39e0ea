"""The state machine in short, and that it can fail; `tests.faults.machine` has the long form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
import structlog
from sqlalchemy import Connection, update

from jobs.rules.states import State
from jobs.send import fetch, step
from jobs.store import cases
from jobs.store.cases import Case, Move
from jobs.store.database.tables import sends
from tests.faults.machine import Life, live

LIVES, STEPS = 5, 40
"""What half a minute of processor time is enough for; the long form has 5,000 times 100."""


def test_whatever_happens_next_only_what_the_model_allows_goes_out() -> None:
    """Money, letters, clicks old and new, power cuts and hanging senders, in any order."""
    try:
        live(LIVES, STEPS, seed=20261118)
    finally:
        structlog.reset_defaults()


@pytest.fixture
def life() -> Iterator[Life]:
    """A company whose cards wait."""
    found = Life()
    found.begins()
    yield found
    found.stack.close()


def _sends_again(patch: pytest.MonkeyPatch) -> None:
    """Code that takes a mail for unsent whose sender has died."""

    def unsent(conn: Connection, case: Case, now: datetime) -> None:
        conn.execute(update(sends).where(sends.c.case_id == case.id).values(state="not_sent"))
        again = Move(State.APPROVED, "send.put_off", "system:send", now)
        cases.move(conn, case, again, now)

    patch.setattr(step, "_abandoned", unsent)


def _checks_nothing(patch: pytest.MonkeyPatch) -> None:
    """Code without a last check; there are two, so that either is enough."""
    patch.setattr(step, "may_go", lambda *_: True)
    patch.setattr(fetch, "may_go", lambda *_: True)
    patch.setattr(step, "_nothing_left", lambda *_: None)


@pytest.mark.parametrize(
    ("break_it", "happens", "said"),
    [
        (_sends_again, lambda life: life.power_cut("after the mail", 0, True), "2 mails"),
        (_checks_nothing, lambda life: life.the_ledger_changes("71", "a part", True, True), "I4"),
    ],
)
def test_broken_code_is_caught(
    life: Life,
    monkeypatch: pytest.MonkeyPatch,
    break_it: Callable[[pytest.MonkeyPatch], None],
    happens: Callable[[Life], None],
    said: str,
) -> None:
    """The same steps find nothing where the code is right."""
    break_it(monkeypatch)
    happens(life)
    life.work(("send",))
    with pytest.raises(AssertionError, match=said):
        life.only_what_the_model_allows_has_gone()
