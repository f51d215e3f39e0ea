"""The first look at a ledger: after the first sweep, one notice says how the policy applies to it.

It is counted in short transactions, some customers at a time, and posted once, when the first
cases are ready and before their cards, so that people who read a card know the whole picture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from jobs.engine.services import Services
from jobs.engine.step import Round, Step
from jobs.rules.figures import amount
from jobs.rules.fitting import CustomerTotal, Effect, effect, proposed
from jobs.rules.money import Money
from jobs.rules.policy import MARKS, Policy
from jobs.rules.states import State
from jobs.store import agenda, case_lists, companies, ledger, posts, standing, work
from jobs.store.companies import ConnectedCompany
from jobs.store.work import Claim

KIND = "first_look"
CUSTOMERS_A_ROUND = 500
SOON = timedelta(seconds=5)
PATIENCE = timedelta(minutes=10)
"""How long after the sweep to wait for the first cases to be prepared."""
MOST_RULES = 12
MOST_CURRENCIES = 6
SUB = "    ◦ "
"""Starts a line below a bullet: mrkdwn has no nested lists."""


def step(services: Services) -> Step:
    """The first look: one row per company, done once."""
    return Step(
        name=KIND,
        table=work.SCHEDULE,
        ready=lambda _now: agenda.swept(KIND),
        load=lambda conn, claim, now: _load(services, conn, claim, now),
        give_up=_give_up,
        width=1,
    )


def _give_up(conn: Connection, claim: Claim, now: datetime) -> None:
    """Try again tomorrow: nobody is waiting for it."""
    work.settle(conn, claim, now + timedelta(days=1), last_error=claim.row.last_error)


def _load(services: Services, conn: Connection, claim: Claim, now: datetime) -> Round | None:
    company = companies.need(conn, claim.row.company)
    assert company.swept_at is not None
    patient, shortly = now < company.swept_at + PATIENCE, now + timedelta(minutes=1)
    if patient and case_lists.any_new_due(conn, company.realm, shortly):
        work.settle(conn, claim, now + SOON)
        return None
    policy = services.for_company(company.realm).policy
    return Counting(policy, company, company.today(now), {}, "")


@dataclass
class Sum:
    """What one billed customer owes in one currency."""

    open: Decimal = Decimal(0)
    overdue: Decimal = Decimal(0)
    largest: Decimal = Decimal(0)
    invoices: int = 0
    late: int = 0
    small: int = 0


Sums = dict[tuple[str, str], Sum]
"""By currency and customer record."""


@dataclass(frozen=True)
class Counting:
    """Count some customers after `after`, then the next ones."""

    policy: Policy
    company: ConnectedCompany
    today: date
    sums: Sums
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
        counted: Sums = {}  # a fresh one, because this transaction may be retried
        for row in some:
            self._count(row, counted)
        return Counting(self.policy, self.company, self.today, self.sums | counted, last)

    def _count(self, row: Any, counted: Sums) -> None:
        found = counted.setdefault((row.currency, row.customer), Sum())
        limits = self.policy.limits(row.currency, self.company.home_currency)
        late = row.due < self.today
        found.open += row.open
        found.largest = max(found.largest, row.open)
        found.invoices += 1
        found.late += late
        found.overdue += row.open if late else 0
        found.small += late and limits is not None and row.open < limits.smallest

    def _tell(self, conn: Connection, claim: Claim, now: datetime) -> None:
        said = "\n".join(self._lines(conn))
        realm, channel = self.company.realm, self.company.channel
        posts.notice(conn, realm, channel, f"{KIND}:{realm}", said, now, rank=posts.FIRST)
        work.settle(conn, claim, None)

    def _lines(self, conn: Connection) -> Iterator[str]:
        yield f":mag: First look at {standing.named(self.company)}"
        sums = _billed(self.sums, ledger.parents(conn, self.company.realm))
        currencies = sorted(
            {c for c, _ in sums}, key=lambda c: (c != self.company.home_currency, c)
        )
        for currency in currencies[:MOST_CURRENCIES]:
            found = [each for (c, _), each in sums.items() if c == currency]
            yield from _of_currency(self.policy, self.company, currency, found)
        if rest := currencies[MOST_CURRENCIES:]:
            yield f"• and {len(rest)} more currencies"
        if not currencies:
            yield "• Nothing is open in QuickBooks."
        yield "• *Marks*"
        yield from _marks(conn, self.policy, self.company.realm)
        yield from _cases(conn, self.company)


def _billed(sums: Sums, parents: dict[str, str]) -> Sums:
    """The same sums by billed customer: sub-customers count with their parent."""
    found: Sums = {}
    for (currency, customer), each in sums.items():
        into = found.setdefault((currency, ledger.billed(customer, parents)), Sum())
        into.open, into.overdue = into.open + each.open, into.overdue + each.overdue
        into.largest = max(into.largest, each.largest)
        into.invoices, into.late = into.invoices + each.invoices, into.late + each.late
        into.small += each.small
    return found


def _of_currency(
    policy: Policy, company: ConnectedCompany, currency: str, found: list[Sum]
) -> Iterator[str]:
    def money(value: Decimal) -> str:
        return amount(Money(value, currency))

    count, late = sum(s.invoices for s in found), sum(s.late for s in found)
    whole = sum((s.open for s in found), Decimal(0))
    due = sum((s.overdue for s in found), Decimal(0))
    yield (
        f"• *{currency}*: {_counted(count, 'open invoice')}, {money(whole)}; "
        f"overdue: {late:,}, {money(due)}"
    )
    limits = policy.limits(currency, company.home_currency)
    if limits is None:
        why = f"the policy has no limits for {currency}"
        yield f"{SUB}Needs a second approver ({why}): {sum(s.late > 0 for s in found):,}"
        return
    owed = [CustomerTotal(s.open, s.largest, s.late > 0, s.small) for s in found]
    done = effect(limits, owed)
    yield f"{SUB}Customers with something overdue: {done.customers:,}"
    second, large = money(limits.second_approver), money(limits.stop_invoice)
    yield f"{SUB}Needs a second approver (from {second}): {done.second_approver:,}"
    total = money(limits.stop_total)
    yield f"{SUB}Too large to draft (from {large}, or {total} in total): {done.stopped:,}"
    yield f"{SUB}Invoices too small to chase (below {money(limits.smallest)}): {done.small:,}"
    if better := proposed(limits, owed):
        yield _proposal(company, currency, better)
        yield _difference(done, effect(limits.model_copy(update=better), owed))


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _proposal(company: ConnectedCompany, currency: str, better: dict[str, Decimal]) -> str:
    section = "home" if currency == company.home_currency else currency
    lines = ", ".join(f"`{key} = {value}`" for key, value in better.items())
    return f"{SUB}Limits that fit this ledger better: {lines} in `[limits.{section}]` of the policy"


def _difference(now: Effect, then: Effect) -> str:
    """What the proposal would gain, and what it would no longer stop at all."""
    second = f"{now.second_approver:,} → {then.second_approver:,} need a second approver"
    large = f"{now.stopped:,} → {then.stopped:,} too large to draft"
    nothing = "" if then.stopped else ", so nothing would be stopped for its amount"
    return f"{SUB}With them: {second}; {large}{nothing}"


def _marks(conn: Connection, policy: Policy, realm: str) -> Iterator[str]:
    """Where each mark may come from, besides a hold in Slack, and which have no source."""
    named = policy.named_customers()
    here = frozenset(ledger.names(conn, realm, sorted(named)))
    sources = {kind: "; ".join(_sources(policy, kind, here)) for kind in MARKS}
    for kind, found in sources.items():
        if found:
            yield f"{SUB}{_spoken(kind)}: {found}"
    if missing := [_spoken(kind) for kind, found in sources.items() if not found]:
        yield f"{SUB}not set anywhere: {', '.join(missing)}; the policy file can set them"
    if strange := len(named - here):
        yield (
            f"{SUB}The policy file names {_counted(strange, 'customer id')} that this company does "
            "not have; each company has its own ids"
        )


def _sources(policy: Policy, kind: str, here: frozenset[str]) -> Iterator[str]:
    if named := sum(bool(getattr(line, kind)) and line.id in here for line in policy.customers):
        yield f"{_counted(named, 'customer')} in the policy file"
    if policy.marked.custom_field:
        yield f"the custom field “{posts.escaped(policy.marked.custom_field)}”"
    for name, marked in policy.marked.customer_types.items():
        if marked == kind:
            yield f"the customer type “{posts.escaped(name)}”"


def _spoken(word: str) -> str:
    return word.replace("_", " ")


def _cases(conn: Connection, company: ConnectedCompany) -> Iterator[str]:
    states: Counter[State] = Counter()
    rules: Counter[str] = Counter()
    for state, at_work in case_lists.open_with_rules(conn, company.realm):
        states[state] += 1
        rules.update(at_work)
    mode = "live" if company.live else "in shadow mode, so nothing is sent"
    later = f"; on the next days: {states[State.NEW]:,}" if states[State.NEW] else ""
    yield (
        f"• *{_counted(states.total(), 'case')}* ({mode}); with a card now: "
        f"{states[State.WAITING]:,}{later}"
    )
    if rules:
        named = [f"{_spoken(rule)} ({n:,})" for rule, n in rules.most_common(MOST_RULES)]
        yield f"• *Rules that apply*: {', '.join(named)}"
