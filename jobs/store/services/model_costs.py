"""What the model is asked, and what that costs: by month, company, case and model.

Questions are begun only where the most that their answers can cost still fits into the month's
budget. It is reserved in one short transaction before they are asked and replaced by the real cost
in one after it, from any thread of any process; the row of the whole month is the lock. An answer
costs a small part of what is reserved for it, so where only reservations are in the way, a question
waits for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from time import sleep
from typing import Any

from sqlalchemy import Connection, Row, func, select

from jobs.rules.policy.policy import Policy
from jobs.rules.policy.sections import Price, TokenCount
from jobs.store import companies, outbox
from jobs.store.database.engine import Database
from jobs.store.database.tables import model_months, model_usage
from jobs.store.database.upsert import added
from jobs.store.outbox import MessageKind
from jobs.store.services.budget import month_of

EVERYBODY = ""
"""The row of all companies together."""
COUNTED = ("questions", "failed", "tokens_in", "tokens_cached", "tokens_out", "cost")
NOTHING = Decimal(0)
USED_UP = "The month's budget for the model is used up."
SET_ASIDE = "What is left of the month's budget for the model is set aside for other questions."
AGAIN, TURNS = 2.0, 60
"""Seconds between two looks for room, and how many: until the slowest answers have come."""


@dataclass(frozen=True)
class ModelUse:
    """What was asked of a model and what came back: `failed` of the `questions` had no usable
    answer, `cost` is what is known of it."""

    questions: int = 0
    failed: int = 0
    tokens_in: int = 0
    tokens_cached: int = 0
    tokens_out: int = 0
    cost: Decimal = NOTHING

    @property
    def cache_share(self) -> Decimal:
        """Which part of what was asked the model's server had kept, from 0 to 1."""
        share = Decimal(self.tokens_cached) / max(self.tokens_in, 1)
        return share.quantize(Decimal("0.01"))

    def logged(self) -> dict[str, int | str]:
        """For the decision log: counts, and amounts as strings."""
        counts = {name: getattr(self, name) for name in COUNTED if name != "cost"}
        return counts | {"cost": f"{self.cost:f}", "cache_share": str(self.cache_share)}


@dataclass(frozen=True)
class ModelCosts:
    """The record of all questions, and the budgets that hold for them."""

    database: Database
    clock: Callable[[], datetime]
    wait: Callable[[float], object] = sleep
    """Waits for so many seconds."""

    def of_case(
        self, company: str, case: str, model: str, ruling: Callable[[], Policy]
    ) -> CaseSpending:
        """What this case may spend on this model, by the policy in force at each question."""
        return CaseSpending(self, company, case, model, ruling)


@dataclass(frozen=True)
class CaseSpending:
    """A `Spending` of jobs.reasoning."""

    costs: ModelCosts
    company: str
    case: str
    model: str
    ruling: Callable[[], Policy]

    def reserve(self, mosts: Sequence[TokenCount]) -> Reserved | str:
        """See `Spending`. Raises SQLAlchemyError if the database is away: nothing was asked."""
        base = self.ruling()
        own = base.for_company(self.company)
        price = own.model_prices.get(self.model)
        each = tuple(price.of(most) if price else NOTHING for most in mosts)
        # everybody's row comes first, for everybody: it is the lock
        budgets = {EVERYBODY: base.model_budget, self.company: own.model_budget}
        now = self.costs.clock()
        month = month_of(now)
        for turn in range(TURNS):
            if turn:
                self.costs.wait(AGAIN)
            with self.costs.database.writing() as conn:
                refused = _refused(conn, month, budgets, sum(each, NOTHING))
                if refused == USED_UP:
                    _tell_once(conn, self.company, own.model_budget, now)
            if refused != SET_ASIDE:
                break
        return refused or Reserved(self, month, each, price)


@dataclass(frozen=True)
class Reserved:
    """A `Reservation` of jobs.reasoning."""

    spending: CaseSpending
    month: str
    each: tuple[Decimal, ...]
    price: Price | None

    def settle(self, counts: Sequence[TokenCount]) -> list[Decimal | None]:
        """See `Reservation`. Raises SQLAlchemyError if the database is away: what was reserved
        then stays counted."""
        each = zip(counts, self.each, strict=True)
        costs = [self._cost(count, most) for count, most in each]
        spent, ours = sum(filter(None, costs), NOTHING), self.spending
        key = {"month": self.month, "company": ours.company, "case_id": ours.case}
        use = asdict(_sum(counts, spent))
        with ours.costs.database.writing() as conn:
            for company in (EVERYBODY, ours.company):
                _add(conn, self.month, company, -sum(self.each, NOTHING), spent)
            added(conn, model_usage, key | {"model": ours.model} | use)
        return costs

    def _cost(self, count: TokenCount, most: Decimal) -> Decimal | None:
        if self.price is None:
            return None
        return most if count.unmetered else self.price.of(count)


def _sum(counts: Sequence[TokenCount], cost: Decimal) -> ModelUse:
    return ModelUse(
        questions=len(counts),
        failed=sum(count.failed for count in counts),
        tokens_in=sum(count.asked for count in counts),
        tokens_cached=sum(count.cached for count in counts),
        tokens_out=sum(count.answered for count in counts),
        cost=cost,
    )


def by_model(conn: Connection, month: str) -> dict[tuple[str, str], ModelUse]:
    """What each company (its realm) asked of each model in a month."""
    columns = [func.sum(model_usage.c[name]).label(name) for name in COUNTED]
    who = model_usage.c.company, model_usage.c.model
    query = select(*who, *columns).where(model_usage.c.month == month).group_by(*who)
    return {(row.company, row.model): _use(row) for row in conn.execute(query.order_by(*who))}


def cases_asked(conn: Connection, month: str) -> dict[str, int]:
    """For how many cases of each company a model was asked in a month."""
    each = func.count(model_usage.c.case_id.distinct()).label("cases")
    query = select(model_usage.c.company, each).where(model_usage.c.month == month)
    rows = conn.execute(query.group_by(model_usage.c.company))
    return {row.company: row.cases for row in rows}


def of_case(conn: Connection, case: str) -> ModelUse:
    """Everything that was ever asked about a case."""
    columns = [func.sum(model_usage.c[name]).label(name) for name in COUNTED]
    row = conn.execute(select(*columns).where(model_usage.c.case_id == case)).one()
    return _use(row) if row.questions else ModelUse()


def spent_in(conn: Connection, month: str) -> Decimal:
    """What the questions of a month cost all companies, those now being answered at their most."""
    ours = (model_months.c.month == month) & (model_months.c.company == EVERYBODY)
    row = conn.execute(select(model_months).where(ours)).first()
    return row.spent + row.reserved if row else NOTHING


def _use(row: Any) -> ModelUse:
    whole = {name: int(row._mapping[name]) for name in COUNTED if name != "cost"}
    return ModelUse(**whole, cost=row.cost)


def _refused(conn: Connection, month: str, budgets: Mapping[str, Decimal], most: Decimal) -> str:
    """Reserve that much in each row; or nothing, and say why there is no room."""
    rows = [_add(conn, month, company, most, NOTHING) for company in budgets]
    limits = list(zip(rows, budgets.values(), strict=True))
    if all(budget and row.spent + row.reserved <= budget for row, budget in limits):
        return ""
    for company in budgets:
        _add(conn, month, company, -most, NOTHING)
    room = all(budget and row.spent + most <= budget for row, budget in limits)
    return SET_ASIDE if room else USED_UP


def _add(conn: Connection, month: str, company: str, reserved: Decimal, spent: Decimal) -> Row[Any]:
    """Change a row; returns it as it is now."""
    row = {"month": month, "company": company, "reserved": reserved, "spent": spent}
    return added(conn, model_months, row)


def _tell_once(conn: Connection, realm: str, budget: Decimal, now: datetime) -> None:
    """Tell the channel, once a month, that from now on templates are drafted."""
    month = month_of(now)
    key = f"model_budget:{month}:{realm}"
    company = companies.get(conn, realm)
    if company is None or not budget or outbox.exists(conn, key):
        return
    data = {"month": month, "budget": f"{budget.normalize():f}"}
    outbox.say(conn, company, MessageKind.MODEL_BUDGET_USED, key, data, now)
