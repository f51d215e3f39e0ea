"""What the model may cost in a month, and what it did cost, whoever asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from jobs.rules.policy.policy import load
from jobs.rules.policy.sections import TokenCount
from jobs.store.database import engine
from jobs.store.database.engine import Database
from jobs.store.services import model_costs
from jobs.store.services.model_costs import (
    SET_ASIDE,
    USED_UP,
    CaseSpending,
    ModelCosts,
    ModelUse,
    Reserved,
)
from tests.jobs.store.record import NOW, REALM, company, race
from tests.said import said

MONTH, OTHER = "2026-10", "4620816365000000002"
MOST = TokenCount(5000, 0, 1000)
PRICES = """
[model.prices.exact]
input = 2
cached = 0.25
output = 10
"""


def spending(
    database: Database,
    budget: str = "50",
    realm: str = REALM,
    model: str = "exact",
    more: str = "",
    now: datetime = NOW,
    case: str = "1",
    wait: Callable[[float], object] = float,
) -> CaseSpending:
    """What a case may spend with this budget for everybody; `more` is more of the policy."""
    policy = load(f"[model]\nmonth_budget = {budget}\n{PRICES}\n{more}")
    costs = ModelCosts(database, lambda: now, wait)
    return costs.of_case(realm, case, model, lambda: policy)


def ask(
    one: CaseSpending, *, cached: int = 0, failed: bool = False, unmetered: bool = False
) -> bool:
    """A question that may cost 0.02 and costs 0.012; whether it could be asked."""
    reserved = one.reserve([MOST])
    if isinstance(reserved, str):
        return False
    reserved.settle([TokenCount(1000, cached, 1000, failed, unmetered)])
    return True


def spent(database: Database, month: str = MONTH) -> Decimal:
    with database.reading() as conn:
        return model_costs.spent_in(conn, month)


def test_each_answer_is_counted_exactly(database: Database) -> None:
    """Per case, company and model: cached tokens at their own price, failures among the rest."""
    company(database)
    assert ask(spending(database))
    assert ask(spending(database), cached=600)
    assert ask(spending(database, case="2"), failed=True, unmetered=True)
    assert ask(spending(database, case="2", model="parrot"))
    with database.reading() as conn:
        used = model_costs.by_model(conn, MONTH)
        first, second = (model_costs.of_case(conn, case) for case in ("1", "2"))
        assert model_costs.cases_asked(conn, MONTH) == {REALM: 2}
        assert model_costs.of_case(conn, "3") == ModelUse()
    assert first == ModelUse(2, 0, 2000, 600, 2000, Decimal("0.02295"))
    assert first.cache_share == Decimal("0.30")
    # nobody said what the lost answer cost, so it counts at its most; a parrot has no price
    assert second == ModelUse(2, 1, 2000, 0, 2000, Decimal("0.02"))
    assert used[REALM, "parrot"].cost == 0
    assert used[REALM, "exact"].questions == 3
    assert spent(database) == first.cost + second.cost


def test_a_question_is_asked_only_where_its_answer_fits(database: Database) -> None:
    """What is being answered counts at its most, in every process, and is waited for, since it
    costs less; the channel is told once, when what is spent leaves no room."""
    company(database)
    held = spending(database, "0.03").reserve([MOST])
    assert isinstance(held, Reserved)
    assert spending(database, "0.03").reserve([MOST]) == SET_ASIDE
    assert said(database) == []
    assert ask(spending(database, "0.03", wait=lambda _: held.settle([TokenCount(500, 0, 100)])))
    assert spent(database) == Decimal("0.014")
    assert spending(database, "0.03").reserve([MOST]) == USED_UP
    assert not ask(spending(database, "0.03", case="2"))
    assert [text.partition(" is used up")[0] for text in said(database)] == [
        ":bar_chart: The model's budget for 2026-10 (0.03)"
    ]
    november = datetime(2026, 11, 1, tzinfo=UTC)
    assert ask(spending(database, "0.03", now=november))
    assert not ask(spending(database, "0", now=november))


def test_a_company_may_have_a_budget_of_its_own(database: Database) -> None:
    """It limits that company beside the budget that all share."""
    company(database)
    company(database, OTHER)
    own = f'[company."{OTHER}".model]\nmonth_budget = 0.025'
    assert ask(spending(database, "0.05", OTHER, more=own))
    assert not ask(spending(database, "0.05", OTHER, more=own))
    assert ask(spending(database, "0.05", more=own))
    assert ask(spending(database, "0.05", more=own))
    assert not ask(spending(database, "0.05", more=own))
    assert not ask(spending(database, "0.05", OTHER))


def test_a_process_that_dies_leaves_what_it_reserved(database: Database) -> None:
    """Nobody knows what its question cost."""
    company(database)
    assert isinstance(spending(database, "0.03").reserve([MOST]), Reserved)
    assert spent(database) == Decimal("0.02")
    assert not ask(spending(database, "0.03"))


@pytest.fixture
def processes(record_url: str) -> Iterator[list[Database]]:
    """Eight processes, each with a connection of its own to the one record."""
    with ExitStack() as stack:
        yield [stack.enter_context(closing(engine.connect(record_url))) for _ in range(8)]


def test_eight_processes_share_one_budget(
    database: Database, processes: list[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of eighty reservations exactly as many are granted as fit, and nothing is lost in between."""
    company(database)
    company(database, OTHER)
    monkeypatch.setattr(model_costs, "TURNS", 1)

    def reserve(number: int) -> int:
        ours = spending(processes[number], "0.5", (REALM, OTHER)[number % 2], case=str(number))
        return sum(isinstance(ours.reserve([MOST]), Reserved) for _ in range(10))

    assert sum(race(8, reserve)) == 25
    assert spent(database) == Decimal("0.50")
