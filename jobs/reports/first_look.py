"""The first look at a ledger: after the first sweep, one notice says how the policy applies to it.

It is counted in short transactions, some customers at a time, and posted once, when the first
cases are ready and before their cards, so that people who read a card know the whole picture.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from jobs.engine.services import Services
from jobs.engine.step import Round, Step, scheduled, tries_again
from jobs.rules.policy.fitting import CustomerTotal, effect, proposed
from jobs.rules.policy.policy import Policy
from jobs.rules.policy.sections import MARKS, Limits
from jobs.rules.states import State
from jobs.store import companies, outbox, work
from jobs.store.companies import ConnectedCompany
from jobs.store.customers import families
from jobs.store.intake import ledger
from jobs.store.outbox import MessageKind
from jobs.store.reports import case_lists
from jobs.store.work import Claim

KIND = "first_look"
CUSTOMERS_A_ROUND = 500
SOON = timedelta(seconds=5)
PATIENCE = timedelta(minutes=10)
"""How long after the sweep to wait for the first cases to be prepared."""
MOST_RULES = 12
MOST_CURRENCIES = 6


def step(services: Services) -> Step:
    """The first look: one row per company, done once."""
    return scheduled(
        KIND,
        lambda conn, claim, now: _load(services, conn, claim, now),
        tries_again(after=timedelta(days=1)),
        ready=work.swept,
    )


def _load(services: Services, conn: Connection, claim: Claim, now: datetime) -> Round | None:
    company = companies.need(conn, claim.row.company)
    assert company.swept_at is not None
    patient, shortly = now < company.swept_at + PATIENCE, now + timedelta(minutes=1)
    if patient and case_lists.any_new_due(conn, company.realm, shortly):
        work.settle(conn, claim, now + SOON)
        return None
    policy = services.for_company(company.realm).policy
    return Counting(policy, company, company.today(now), {}, "")


Totals = dict[tuple[str, str], CustomerTotal]
"""By currency and customer record."""


@dataclass(frozen=True)
class Counting:
    """Count some customers after `after`, then the next ones."""

    policy: Policy
    company: ConnectedCompany
    today: date
    totals: Totals
    after: str

    def act(self) -> None:
        """Nothing to do outside."""

    def settle(self, conn: Connection, claim: Claim, outcome: None, now: datetime) -> Round | None:
        """Some hundred customers in each transaction, then the notice."""
        if not work.renew(conn, claim, now):
            return None
        realm = self.company.realm
        some, last = ledger.open_of_next(conn, realm, self.after, CUSTOMERS_A_ROUND)
        if last is None:
            self._tell(conn, claim, now)
            return None
        counted: Totals = {}  # a fresh one, because this transaction may be retried
        for row in some:
            self._count(row, counted)
        return Counting(self.policy, self.company, self.today, self.totals | counted, last)

    def _count(self, row: Any, counted: Totals) -> None:
        limits = self.policy.limits(row.currency, self.company.home_currency)
        late = row.due < self.today
        small = late and limits is not None and row.open < limits.smallest
        overdue = row.open if late else Decimal(0)
        one = CustomerTotal(row.open, overdue, row.open, 1, int(late), int(small))
        counted.setdefault((row.currency, row.customer), CustomerTotal()).add(one)

    def _tell(self, conn: Connection, claim: Claim, now: datetime) -> None:
        key = f"{KIND}:{self.company.realm}"
        outbox.say(conn, self.company, MessageKind.FIRST_LOOK, key, self._found(conn), now)
        work.settle(conn, claim, None)

    def _found(self, conn: Connection) -> dict[str, Any]:
        totals = _billed(self.totals, families.parents(conn, self.company.realm))
        home = self.company.home_currency
        currencies = sorted({c for c, _ in totals}, key=lambda c: (c != home, c))
        owed = {c: [each for (of, _), each in totals.items() if of == c] for c in currencies}
        shown = currencies[:MOST_CURRENCIES]
        return {
            "company": self.company.name,
            "currencies": [_of_currency(self.policy, self.company, c, owed[c]) for c in shown],
            "more_currencies": len(currencies) - len(shown),
            **_marks(conn, self.policy, self.company.realm),
            **_cases(conn, self.company),
        }


def _billed(totals: Totals, parents: dict[str, str]) -> Totals:
    """The same by billed customer: sub-customers count with their parent."""
    found: Totals = {}
    for (currency, customer), each in totals.items():
        key = currency, families.billed(customer, parents)
        found.setdefault(key, CustomerTotal()).add(each)
    return found


def _of_currency(
    policy: Policy, company: ConnectedCompany, currency: str, found: list[CustomerTotal]
) -> dict[str, Any]:
    told = {
        "currency": currency,
        "invoices": sum(one.invoices for one in found),
        "open": str(sum((one.open for one in found), Decimal(0))),
        "late": sum(one.late for one in found),
        "overdue": str(sum((one.overdue for one in found), Decimal(0))),
        "late_customers": sum(one.late > 0 for one in found),
    }
    limits = policy.limits(currency, company.home_currency)
    if limits is None:
        return told | {"limits": None}
    return told | {
        "limits": limits.model_dump(mode="json"),
        "effect": asdict(effect(limits, found)),
        "better": _proposal(company, currency, limits, found),
    }


def _proposal(
    company: ConnectedCompany, currency: str, limits: Limits, owed: list[CustomerTotal]
) -> dict[str, Any] | None:
    """Limits that would fit this ledger better, and what they would do."""
    if not (better := proposed(limits, owed)):
        return None
    return {
        "limits": [[key, str(value)] for key, value in better.items()],
        "section": "home" if currency == company.home_currency else currency,
        "effect": asdict(effect(limits.model_copy(update=better), owed)),
    }


def _marks(conn: Connection, policy: Policy, realm: str) -> dict[str, Any]:
    """Where each mark may come from, besides a hold in Slack."""
    named = policy.named_customers()
    here = frozenset(families.names(conn, realm, sorted(named)))
    return {
        "marks": [_sources(policy, kind, here) for kind in MARKS],
        "strange_customers": len(named - here),
    }


def _sources(policy: Policy, kind: str, here: frozenset[str]) -> dict[str, Any]:
    marked = policy.marked
    return {
        "mark": kind,
        "named": sum(bool(getattr(line, kind)) and line.id in here for line in policy.customers),
        "custom_field": marked.custom_field,
        "customer_types": [name for name, of in marked.customer_types.items() if of == kind],
    }


def _cases(conn: Connection, company: ConnectedCompany) -> dict[str, Any]:
    states: Counter[State] = Counter()
    rules: Counter[str] = Counter()
    for state, at_work in case_lists.open_with_rules(conn, company.realm):
        states[state] += 1
        rules.update(at_work)
    return {
        "live": company.live,
        "cases": states.total(),
        "with_card": states[State.WAITING],
        "later": states[State.NEW],
        "rules": rules.most_common(MOST_RULES),
    }
