"""The end of shadow mode: what was rehearsed may now happen for good."""

from __future__ import annotations

import pytest

from jobs.companies import shadow
from jobs.rules.states import State
from jobs.store import work
from jobs.store.database.tables import cases as cases_table
from tests.jobs.house import ONE, books, customer, invoice
from tests.jobs.houses import OpenHouse

THREE = books(
    *(customer(str(n)) for n in range(1, 4)),
    *(invoice(str(70 + n), str(n), "840.00", 12) for n in range(1, 4)),
)


def test_going_live_keeps_the_cards_that_nobody_has_decided_on(
    open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep after it makes them live, chunk by chunk; one that was approved begins anew."""
    monkeypatch.setattr(shadow, "TURNED_AT_ONCE", 2)
    house = open_house(THREE, live=False)
    house.sweep()
    house.approve()
    before = [(case.version, case.row.due_at) for case in house.cases()]
    house.go_live()
    assert [(case.version, case.row.due_at) for case in house.cases()] == before
    house.run()
    first, second, decided, again = house.cases()
    kept = [(case.version, case.row.due_at) for case in (first, second)]
    assert kept == [(version + 1, due) for version, due in before[:2]]
    assert [case.shadow for case in (first, second, decided, again)] == [False, False, True, False]
    assert (decided.state, again.state) == (State.CANCELLED, State.WAITING)
    assert (again.customer, len(house.cards())) == (decided.customer, 4)
    assert len(house.logged("case.live")) == 2


def test_a_case_that_is_being_prepared_when_it_goes_live_is_prepared_at_once(
    open_house: OpenHouse,
) -> None:
    """Whoever had claimed it works on a rehearsal: nobody waits until that lease has run out."""
    house = open_house(ONE, live=False)
    house.run("sweep")
    with house.database.writing() as conn:
        assert work.claim(conn, cases_table, house.now, 1)
    house.go_live()
    house.run("sweep", "triage")
    assert (house.state(), house.case().shadow) == (State.WAITING, False)


def test_an_edit_made_in_shadow_mode_is_kept(open_house: OpenHouse) -> None:
    """Somebody's text is no approval: nobody has to write it again."""
    house = open_house(ONE, live=False)
    house.sweep()
    house.rewrite()
    house.go_live()
    house.run()
    assert len(house.cases()) == 1
    letter = house.view().letter
    assert letter is not None
    assert "Thank you for your time." in letter.body


def test_a_case_that_went_live_is_sent_like_any_other(open_house: OpenHouse) -> None:
    """Its approval is one of the real message."""
    house = open_house(ONE, live=False)
    house.sweep()
    house.go_live()
    house.run()
    house.approve()
    house.wait_out()
    assert (house.state(), len(house.mails), len(house.notes)) == (State.DONE, 1, 1)


def test_a_company_in_shadow_mode_keeps_its_cases(open_house: OpenHouse) -> None:
    """Its sweeps end nothing."""
    house = open_house(THREE, live=False)
    house.sweep()
    house.sweep()
    assert [(case.shadow, case.state) for case in house.cases()] == [(True, State.WAITING)] * 3
