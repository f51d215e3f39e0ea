"""A company is asked no faster than it permits, and reads are counted."""

import threading
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from qbo import LocalBudget

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_ten_requests_a_second_go_and_the_eleventh_waits() -> None:
    """The wait is until the oldest of the ten is a second old."""
    budget = LocalBudget()
    assert [budget.take("1", 1, after(n / 100)) for n in range(10)] == [0.0] * 10
    assert round(budget.take("1", 1, after(0.5)), 3) == 0.5
    assert budget.take("1", 1, after(1.0)) == 0.0


def test_five_hundred_requests_a_minute_go() -> None:
    """At ten a second the minute is full after fifty seconds."""
    budget = LocalBudget()
    assert all(budget.take("1", 1, after(n / 10)) == 0.0 for n in range(500))
    assert round(budget.take("1", 1, after(50)), 3) == 10.0
    assert budget.take("1", 1, after(60)) == 0.0


def test_a_pause_that_quickbooks_asked_for_is_kept() -> None:
    """The longest one counts, for this company only."""
    budget = LocalBudget()
    budget.hold("1", 60, NOON)
    budget.hold("1", 5, NOON)
    assert (budget.take("1", 1, after(20)), budget.take("2", 1, after(20))) == (40.0, 0.0)
    assert budget.take("1", 1, after(60)) == 0.0


def test_companies_do_not_share_a_budget() -> None:
    """The limits are per company."""
    budget = LocalBudget(1, 1)
    assert [budget.take(realm, 1, NOON) for realm in ("1", "2")] == [0.0, 0.0]


def test_reads_are_counted_per_month_and_writes_apart() -> None:
    """Only reads eat the monthly quota; a batch counts each of its queries."""
    budget = LocalBudget()
    for metered in (1, 30, 0):
        budget.take("1", metered, NOON)
    budget.take("1", 1, NOON + timedelta(days=30))
    assert (budget.metered("1", "2026-11"), budget.unmetered("1", "2026-11")) == (31, 1)
    assert budget.metered("1", "2026-12") == 1


def test_a_refused_request_is_not_counted() -> None:
    """Whoever waits asks again, and is counted then."""
    budget = LocalBudget(1, 10)
    assert budget.take("1", 1, NOON) == 0.0
    assert budget.take("1", 1, NOON) > 0
    assert budget.metered("1", "2026-11") == 1


@given(st.lists(st.floats(0, 0.5), min_size=20, max_size=60))
def test_no_second_ever_holds_more_than_ten(gaps: list[float]) -> None:
    """However the requests come, waiting as told keeps the limit."""
    budget, now, gone = LocalBudget(), NOON, []
    for gap in gaps:
        now += timedelta(seconds=gap)
        while wait := budget.take("1", 1, now):
            now += timedelta(seconds=wait)
        gone.append(now)
    assert all(gone[n + 10] - gone[n] >= timedelta(seconds=1) for n in range(len(gone) - 10))


def test_threads_share_one_budget() -> None:
    """Eight threads at the same moment get ten requests between them."""
    budget = LocalBudget()
    granted: list[float] = []

    def ask() -> None:
        granted.extend(budget.take("1", 1, NOON) for _ in range(5))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert granted.count(0.0) == 10
