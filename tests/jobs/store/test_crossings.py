"""What the mirror says of the overdue: sums, pages, and whose crossing it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from jobs.rules.crossings import Crossing, Owed
from jobs.rules.figures import Money
from jobs.rules.states import Stage, State
from jobs.store import crossings
from jobs.store.database.engine import Database
from jobs.store.intake import ledger
from tests.jobs.rules.world import invoice, usd
from tests.jobs.store.record import NOW, REALM, case, company

TODAY = date(2026, 10, 14)
LATE, EARLY = TODAY - timedelta(days=12), TODAY + timedelta(days=3)


@pytest.fixture(autouse=True)
def a_ledger(database: Database) -> None:
    """Seven invoices of one customer and one of another, in two currencies."""
    company(database)
    dollars = [
        replace(invoice(), id=str(n), customer="58", open=usd(f"{n}.50"), due=LATE)
        for n in range(1, 6)
    ]
    euro = Money(Decimal("900000000000.00"), "EUR")
    others = [
        replace(dollars[0], id="6", due=EARLY, open=usd("100")),
        replace(dollars[0], id="7", open=euro, total=euro, exchange_rate=Decimal("1.25")),
        replace(dollars[0], id="8", customer="59", open=usd("3")),
    ]
    with database.writing() as conn:
        ledger.put_invoices(conn, REALM, [*dollars, *others], NOW)


def test_sums_are_by_billed_customer_and_currency(database: Database) -> None:
    """What is late and not held, exactly, and what all of it is worth; no amount is too large."""
    payers = {"58": "60", "59": "60", "60": "60"}
    held = {("60", "8"), ("60", "6"), ("58", "1")}  # late; not yet due; held for somebody else
    since = date(2026, 10, 2)
    with database.reading() as conn:
        assert crossings.owed(conn, REALM, payers, held, TODAY) == {
            ("60", "EUR"): Owed(Decimal(900000000000), Decimal(1125000000000), since),
            ("60", "USD"): Owed(Decimal("17.5"), Decimal("120.5"), since),
        }


def test_pages_follow_each_other(database: Database) -> None:
    """In the order of ids, and none but what is late on these records."""
    with database.reading() as conn:
        first = crossings.overdue(conn, REALM, ["58"], TODAY, most=4)
        rest = crossings.overdue(conn, REALM, ["58"], TODAY, first[-1].invoice, 4)
        both = crossings.overdue(conn, REALM, ["58", "59"], TODAY)
    assert [s.invoice for s in first] == ["1", "2", "3", "4"]
    assert [s.invoice for s in rest] == ["5", "7"]
    assert [s.invoice for s in both] == ["1", "2", "3", "4", "5", "7", "8"]


def test_how_far_an_invoice_has_come(database: Database) -> None:
    """The highest stage of its round, and whether something may still come of it."""
    ours = case(database)
    with database.writing() as conn:
        wanted = [Crossing("1", 1, Stage.REMINDER), Crossing("1", 1, Stage.FOLLOW_UP)]
        crossings.cross_all(conn, REALM, {ours.id: [*wanted, Crossing("2", 2, Stage.FIRM)]}, NOW)
        first, second, *_ = crossings.overdue(conn, REALM, ["58"], TODAY)
    assert (first.last, first.undecided) == (Stage.FOLLOW_UP, True)
    assert (second.last, second.undecided) == (None, False), "it was another round"


@pytest.mark.parametrize("state", [State.WAITING, State.APPROVED])
def test_what_moved_is_given_up(database: Database, state: State) -> None:
    """Only what stands on other records, and not by a case that somebody approved."""
    ours = case(database, state)
    with database.writing() as conn:
        wanted = [Crossing(id, 1, Stage.REMINDER) for id in ("1", "8")]
        crossings.cross_all(conn, REALM, {ours.id: wanted}, NOW)
        crossings.give_up_others(conn, ours, ["58", "57"], NOW)
        left = crossings.crossed(conn, ours.id)
    assert set(left) == ({"1"} if state is State.WAITING else {"1", "8"})
