"""When money is expected, by week, and why that has moved."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from jobs.reports.cash.cash import (
    WEEKS,
    Apart,
    Basis,
    Receivable,
    WhyMoved,
    expected,
    moved,
    outlook,
    paid_by,
)
from jobs.rules.facts.delays import Delay, brought_forward, delay
from jobs.rules.facts.facts import NO_DUE_DATE

FRIDAY = date(2026, 11, 27)
SLOW = Delay(usual=10, early=5, late=20, settled=8)


def owed(id: str, amount: str, due: int, currency: str = "USD", **more: object) -> Receivable:
    """An invoice of customer 1 due so many days from today."""
    return Receivable(id, "1", currency, Decimal(amount), FRIDAY + timedelta(due), **more)  # type: ignore[arg-type]


def test_a_habit_needs_three_invoices() -> None:
    """The median counts, with the quartiles beside it; two payments are no habit."""
    assert delay([3, 40]) is None
    assert delay([0, 2, 6, 6, 30]) == Delay(usual=6, early=2, late=6, settled=5)


def test_each_invoice_is_expected_on_one_day() -> None:
    """A promise first, then due date and habit, never before tomorrow."""
    tomorrow = FRIDAY + timedelta(1)
    cases = {
        owed("1", "1", 5): (15, 10, 25),
        owed("2", "1", -3): (7, 2, 17),
        owed("3", "1", -60): (1, 1, 11),
        owed("4", "1", -60, promised=FRIDAY + timedelta(4)): (4, 4, 4),
        owed("5", "1", 5, promised=FRIDAY): (1, 1, 1),
    }
    for one, (day, earliest, latest) in cases.items():
        found = expected(one, SLOW, Basis.CUSTOMER, FRIDAY)
        assert [(each - FRIDAY).days for each in found[:3]] == [day, earliest, latest]
        assert found.day >= tomorrow


def test_thirteen_weeks_later_and_apart() -> None:
    """Weeks run from Monday to Sunday; currencies stay apart, and so does what has no day."""
    found, basis = outlook(
        [
            owed("1", "100", -30),
            owed("2", "50", 0),
            owed("3", "7", 200),
            owed("4", "9", 3, "EUR"),
            owed("5", "1000", 1, apart=Apart.DISPUTED),
            Receivable("6", "2", "USD", Decimal(3), NO_DUE_DATE),
        ],
        {"1": SLOW},
        None,
        "USD",
        FRIDAY,
    )
    dollars, euros = found.currencies
    assert (dollars.currency, euros.currency) == ("USD", "EUR")
    assert [str(w.monday) for w in dollars.weeks[:2]] == ["2026-11-23", "2026-11-30"]
    assert [w.amount for w in dollars.weeks[:3]] == [100, 0, 50]
    assert [dollars.weeks[1].low, dollars.weeks[1].high] == [0, 150]
    assert dollars.later == 7
    assert dollars.apart == {Apart.DISPUTED: 1000, Apart.UNDATED: 3}
    assert [(f.invoice, f.why) for f in basis][-2:] == [("5", Apart.DISPUTED), ("6", Apart.UNDATED)]
    assert len(dollars.weeks) == WEEKS
    strangers, _ = outlook([owed("9", "5", 0)], {}, Delay(3, 3, 3, 9), "USD", FRIDAY)
    assert strangers.currencies[0].weeks[1].amount == 5


@given(
    st.lists(st.tuples(st.integers(-200, 300), st.decimals(1, 9999, places=2)), max_size=30),
    st.integers(-30, 90),
)
def test_nothing_is_lost_and_the_range_holds(rows: list[tuple[int, Decimal]], usual: int) -> None:
    """Every amount is in one week or later; the expected sum lies within its range."""
    some = [owed(str(n), str(amount), due) for n, (due, amount) in enumerate(rows)]
    habit = Delay(usual, usual - 4, usual + 9, 5)
    found, _ = outlook(some, {"1": habit}, None, "USD", FRIDAY)
    for one in found.currencies:
        assert one.expected + one.later == sum((amount for _, amount in rows), Decimal(0))
        assert all(week.low <= week.in_all <= week.high for week in one.weeks)


def test_instalments_pay_invoices_in_their_order() -> None:
    """An invoice comes with the instalment that pays the last of it; money that came counts."""
    first, second = FRIDAY + timedelta(7), FRIDAY + timedelta(37)
    plan = [(first, Decimal(100)), (second, Decimal(150))]
    some = [("1", Decimal(60)), ("2", Decimal(60)), ("3", Decimal(130))]
    assert paid_by(plan, Decimal(0), some) == {"1": first, "2": second, "3": second}
    assert paid_by(plan, Decimal(100), [("3", Decimal(150))]) == {"3": second}
    assert paid_by(plan[:1], Decimal(0), [("1", Decimal(900))]) == {"1": first}


def test_what_moved_is_told_by_its_reason() -> None:
    """Paid, in part, new, late, promised, set apart: each with its amount and whose it is."""
    monday = FRIDAY - timedelta(4)
    before = [
        owed("1", "100", -30),
        owed("2", "80", -30),
        owed("3", "60", -30),
        owed("4", "50", 9),
        owed("5", "40", 9),
        owed("6", "30", 9),
    ]
    now = [
        owed("2", "30", -30),
        owed("4", "50", 9, promised=FRIDAY + timedelta(2)),
        owed("5", "40", 9, apart=Apart.DISPUTED),
        owed("6", "30", 19),
        owed("7", "20", 40),
    ]
    _, then = outlook(before, {"1": SLOW}, None, "USD", monday)
    _, today = outlook(now, {"1": SLOW}, None, "USD", FRIDAY)
    told = moved(then, today, frozenset({"1"}), FRIDAY)["USD"]
    assert {(one.why, one.count, int(one.amount)) for one in told} == {
        (WhyMoved.PAID, 2, 150),
        (WhyMoved.LEFT, 1, 60),
        (WhyMoved.OVERDUE, 1, 30),
        (WhyMoved.PROMISED, 1, 50),
        (WhyMoved.APART, 1, 40),
        (WhyMoved.REDATED, 1, 30),
        (WhyMoved.NEW, 1, 20),
    }
    assert told[0].customers == ("1",)
    assert moved(then, then, frozenset(), monday) == {}


def test_cases_are_ordered_by_what_they_bring_forward() -> None:
    """A small sum that is later than usual comes before a larger one that is as late as ever."""
    late, usual = brought_forward(Decimal(1000), 40, 5), brought_forward(Decimal(9000), 25, 30)
    assert late > usual
    assert usual < brought_forward(Decimal(9001), 2, 30)
