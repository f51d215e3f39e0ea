"""The end of shadow mode: what was rehearsed may now happen for good."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, select, update

from jobs.companies import shadow
from jobs.rules.states import State
from jobs.store import work
from jobs.store.database.tables import cases as cases_table
from jobs.store.database.tables import messages
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import ONE, books, customer, invoice

THREE = books(
    *(customer(str(n)) for n in range(1, 4)),
    *(invoice(str(70 + n), str(n), "840.00", 12) for n in range(1, 4)),
)


def test_going_live_keeps_the_cards_that_nobody_has_decided_on(
    open_harness: OpenHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep after it makes them live, chunk by chunk; one that was approved begins anew."""
    monkeypatch.setattr(shadow, "TURNED_AT_ONCE", 2)
    harness = open_harness(THREE, live=False, swept=True)
    harness.approve()
    before = [(case.version, case.row.due_at) for case in harness.cases()]
    harness.go_live()
    assert [(case.version, case.row.due_at) for case in harness.cases()] == before
    harness.run()
    first, second, decided, again = harness.cases()
    kept = [(case.version, case.row.due_at) for case in (first, second)]
    assert kept == [(version + 1, due) for version, due in before[:2]]
    assert [case.shadow for case in (first, second, decided, again)] == [False, False, True, False]
    assert (decided.state, again.state) == (State.CANCELLED, State.WAITING)
    assert harness.view(decided).outcome is None
    assert (again.customer, len(harness.cards())) == (decided.customer, 4)
    assert len(harness.logged("case.live")) == 2


def test_a_case_that_is_being_prepared_when_it_goes_live_is_prepared_at_once(
    open_harness: OpenHarness,
) -> None:
    """Whoever had claimed it works on a rehearsal: nobody waits until that lease has run out."""
    harness = open_harness(ONE, live=False)
    harness.run("sweep")
    with harness.database.writing() as conn:
        assert work.claim(conn, cases_table, harness.now, 1)
    harness.go_live()
    harness.run("sweep", "triage")
    assert (harness.state(), harness.case().shadow) == (State.WAITING, False)


def test_an_edit_made_in_shadow_mode_is_kept(open_harness: OpenHarness) -> None:
    """Somebody's text is no approval: nobody has to write it again."""
    harness = open_harness(ONE, live=False, swept=True)
    harness.rewrite()
    harness.go_live()
    harness.run()
    assert len(harness.cases()) == 1
    letter = harness.view().letter
    assert letter is not None
    assert "Thank you for your time." in letter.body


def test_a_case_that_went_live_is_sent_like_any_other(open_harness: OpenHarness) -> None:
    """Its approval is one of the real message."""
    harness = open_harness(ONE, live=False, swept=True)
    harness.go_live()
    harness.run()
    harness.approve()
    harness.wait_out()
    assert (harness.state(), len(harness.mails), len(harness.notes)) == (State.DONE, 1, 1)


def test_a_company_in_shadow_mode_keeps_its_cases(open_harness: OpenHarness) -> None:
    """Its sweeps end nothing."""
    harness = open_harness(THREE, live=False, swept=True)
    harness.sweep()
    assert [(case.shadow, case.state) for case in harness.cases()] == [(True, State.WAITING)] * 3


def test_shadow_cards_go_to_a_channel_of_their_own_or_stay_in_the_record(
    open_harness: OpenHarness,
) -> None:
    """They are counted and decided all the same; going live posts none of them again, and what is
    still due comes up anew where everybody reads."""
    harness = open_harness(THREE, live=False)
    places = {}
    for wanted, overdue in (("CSHADOW", "1"), ("none", "2")):
        with harness.database.writing() as conn:
            shadow.choose_channel(conn, harness.company, wanted, "ULEAD1", harness.now)
        if overdue == "1":
            harness.sweep()
    for row in harness.rows(select(messages).where(messages.c.kind == "card")):
        places[row.case_id] = row.channel
    assert set(places.values()) == {"CSHADOW"}
    late = harness.case("3")
    with harness.database.writing() as conn:
        conn.execute(delete(messages).where(messages.c.case_id == late.id))
        kept = cases_table.c.id == late.id
        conn.execute(update(cases_table).where(kept).values(reassess=True, due_at=harness.now))
    harness.run("triage")
    (card,) = harness.rows(select(messages).where(messages.c.case_id == late.id))
    assert (card.channel, card.due_at) == ("", None)
    harness.rewrite("UCOLLECT")
    silent = harness.rows(select(messages).where(messages.c.case_id == late.id))
    assert len(silent) > 1, "a line of its thread"
    assert {row.due_at for row in silent} == {None}
    assert [line["data"]["to"] for line in harness.logged("company.shadow_channel")] == [
        "CSHADOW",
        "none",
    ]
    harness.go_live()
    harness.run()
    old, new = harness.cases()[:3], harness.cases()[3:]
    assert {case.state for case in old} == {State.CANCELLED}
    assert [(case.state, case.shadow) for case in new] == [(State.WAITING, False)] * 3
    ours = {case.id for case in new}
    rows = harness.rows(select(messages).where(messages.c.kind == "card"))
    assert {row.channel for row in rows if row.case_id in ours} == {harness.company.channel}
