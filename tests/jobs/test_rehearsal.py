"""The end of shadow mode: what was rehearsed ends, and happens for good."""

from __future__ import annotations

import pytest

from jobs import rehearsal
from jobs.rules.states import State
from tests.jobs.house import books, customer, invoice
from tests.jobs.houses import OpenHouse

THREE = books(
    *(customer(str(n)) for n in range(1, 4)),
    *(invoice(str(70 + n), str(n), "840.00", 12) for n in range(1, 4)),
)


def test_going_live_ends_what_was_rehearsed(
    open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command writes no case; the sweep after it ends them, chunk by chunk, and opens anew."""
    monkeypatch.setattr(rehearsal, "ENDED_AT_ONCE", 2)
    house = open_house(THREE, live=False)
    house.sweep()
    before = [case.version for case in house.cases()]
    house.go_live()
    assert [case.version for case in house.cases()] == before
    house.run()
    old, new = house.cases()[:3], house.cases()[3:]
    assert {(case.shadow, case.state) for case in old} == {(True, State.CANCELLED)}
    assert [(case.shadow, case.state) for case in new] == [(False, State.WAITING)] * 3


def test_a_company_in_shadow_mode_keeps_its_cases(open_house: OpenHouse) -> None:
    """Its sweeps end nothing."""
    house = open_house(THREE, live=False)
    house.sweep()
    house.sweep()
    assert [(case.shadow, case.state) for case in house.cases()] == [(True, State.WAITING)] * 3
