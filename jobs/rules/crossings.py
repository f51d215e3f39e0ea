"""Which overdue invoices reach a stage now, and which are kept from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from jobs.rules.policy.policy import Policy
from jobs.rules.states import HIGHEST_START, Stage, crossing_stage

Account = tuple[str, str]
"""The billed customer and a currency: there is at most one open case for each."""


@dataclass(frozen=True)
class Owed:
    """What is open for one billed customer in one currency."""

    overdue: Decimal = Decimal(0)
    """What may be asked for: due, and not on hold."""
    worth: Decimal = Decimal(0)
    """All of it in home currency; for ranking only."""
    oldest: date | None = None
    """The earliest due date of what is overdue."""


@dataclass(frozen=True)
class Standing:
    """An overdue invoice in the mirror, and how far it has come in its current round."""

    invoice: str
    customer: str
    currency: str
    due: date
    round: int
    last: Stage | None
    """The highest stage crossed and not released."""
    undecided: bool
    """The case of one of its crossings is still open, so its outcome is unknown."""
    raised: Stage | None = None
    """The stage at which this round begins, because a promise was broken."""


@dataclass(frozen=True)
class Crossing:
    """An invoice that has reached a stage it has not crossed yet."""

    invoice: str
    round: int
    stage: Stage


@dataclass(frozen=True)
class Debtors:
    """Some billed customers, what they owe, and what keeps their invoices from crossing."""

    payers: Mapping[str, str]
    """Customer record → who is billed."""
    owed: Mapping[Account, Owed]
    """All that they owe, whichever of their invoices are looked at."""
    held: frozenset[tuple[str, str]]
    """(Billed customer, invoice): a held or disputed invoice does not cross."""
    disputing: frozenset[str]
    """Those who dispute everything. In a quiet period invoices still cross."""


def reached(
    debtors: Debtors, policy: Policy, home: str, some: Iterable[Standing], today: date
) -> dict[Account, list[Crossing]]:
    """What crosses now of `some` overdue invoices of these customers."""
    found: dict[Account, list[Crossing]] = defaultdict(list)
    for one in some:
        account = payer, currency = debtors.payers[one.customer], one.currency
        silent = payer in debtors.disputing or (payer, one.invoice) in debtors.held
        if silent or _too_small(policy, home, currency, debtors.owed[account]):
            continue
        if stage := _next_stage(one, today):
            found[account].append(Crossing(one.invoice, one.round, stage))
    return found


def _too_small(policy: Policy, home: str, currency: str, owed: Owed) -> bool:
    """Eleven small invoices are worth a message; one tiny remainder is not."""
    limits = policy.limits(currency, home)
    return limits is not None and owed.overdue < limits.smallest


def _next_stage(one: Standing, today: date) -> Stage | None:
    """Beyond the first stages, a stage refers to the message before it, which must be settled."""
    stage = crossing_stage((today - one.due).days, one.last, one.raised)
    early = stage is not None and one.undecided and stage > HIGHEST_START
    return None if early else stage
