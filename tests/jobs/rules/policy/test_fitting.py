"""Limits that fit a ledger: what the present ones do, and better ones where they are far off."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.rules.policy.fitting import CustomerTotal, effect, friendly, percentile, proposed
from jobs.rules.policy.policy import load
from jobs.rules.policy.sections import Limits

AMOUNTS = st.decimals("0.01", "99999999", places=2)


def limits() -> Limits:
    """Those of the default policy: 10,000, 25,000, 50,000, 25."""
    found = load("").limits("USD", "USD")
    assert found is not None
    return found


def owing(*totals: int) -> list[CustomerTotal]:
    """Customers with one invoice each."""
    return [CustomerTotal(Decimal(one), largest=Decimal(one), late=1) for one in totals]


def test_the_effect_counts_customers_with_something_overdue() -> None:
    """From the limit on, not above it; who owes nothing overdue is not counted."""
    some = [
        *owing(9999, 10000, 24999, 25000),
        CustomerTotal(Decimal(60000), largest=Decimal(60000)),
    ]
    some.append(CustomerTotal(Decimal(50000), largest=Decimal(100), late=3, small=3))
    found = effect(limits(), some)
    assert (found.customers, found.second_approver, found.stopped, found.small) == (5, 4, 2, 3)


def test_a_small_business_gets_smaller_limits() -> None:
    """Where nobody ever owes 10,000, the tenth that owes most decides."""
    found = proposed(limits(), owing(*range(10, 1010, 10)))
    assert found == {
        "second_approver": Decimal(1000),
        "stop_invoice": Decimal(1000),
        "stop_total": Decimal(1000),
    }


def test_a_ledger_that_fits_gets_no_proposal() -> None:
    """Within a factor of two nobody is bothered."""
    fitting = owing(*[500] * 88, *[9000] * 9, 26000, 40000, 60000)
    assert "stop_total" not in proposed(limits(), fitting)
    assert "second_approver" not in proposed(limits(), fitting)


def test_a_few_customers_say_nothing() -> None:
    """Percentiles of a handful are chance."""
    assert proposed(limits(), owing(*[10] * 19)) == {}
    assert proposed(limits(), [replace(one, late=0) for one in owing(*[10] * 50)]) == {}


@pytest.mark.parametrize(
    ("amount", "number"),
    [("0.2", 1), ("1", 1), ("1.01", "1.5"), ("840", 1000), ("1234", 1500), ("2500", 3000)],
)
def test_friendly_numbers(amount: str, number: str) -> None:
    """The next one that a person would choose."""
    assert friendly(Decimal(amount)) == Decimal(number)


@given(AMOUNTS)
def test_a_friendly_number_is_near_and_not_below(amount: Decimal) -> None:
    """It never cuts off whoever it was measured by, and is at most twice as far (from 1 on)."""
    found = friendly(amount)
    assert found >= amount
    assert found <= max(amount * 2, Decimal(1))
    assert "E" not in str(found)


@given(st.lists(AMOUNTS, min_size=1, max_size=60), st.integers(1, 100))
def test_a_percentile_is_one_of_the_amounts(amounts: list[Decimal], of: int) -> None:
    """At least so many per cent do not exceed it."""
    found = percentile(amounts, of)
    assert found in amounts
    assert sum(one <= found for one in amounts) * 100 >= len(amounts) * of
