"""A promise to pay, or a plan of several instalments, that a person has confirmed: kept or broken?

A promise is a plan with a single instalment. What has been paid is seen in the invoices that it is
about: how much less is open on them than on the day it was confirmed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from jobs.rules.facts.facts import Invoice, InvoiceStatus
from jobs.rules.facts.past import HoldKind
from jobs.rules.figures import Money, total
from jobs.rules.policy.business_days import add_working_days
from jobs.rules.policy.policy import Policy
from jobs.rules.states import HIGHEST_START, Stage

GRACE = 3
"""Working days that a payment may take to arrive after the day that was promised."""


class PromiseState(StrEnum):
    """What has become of a promise."""

    OPEN = "open"
    KEPT = "kept"
    BROKEN = "broken"
    WITHDRAWN = "withdrawn"
    """A person lifted its hold, a later one took its place, or nothing is left of its invoices."""


@dataclass(frozen=True)
class Instalment:
    """So much is to arrive by that day, in the company's zone."""

    due: date
    amount: Money


@dataclass(frozen=True)
class CustomerPromise:
    """Confirmed or entered by a person; the id is empty until it is stored."""

    id: str
    company: str
    customer: str
    currency: str
    case: str
    reply: str | None
    """The mail that it was confirmed from, if there is one."""
    kind: HoldKind
    """PROMISE or PLAN."""
    set_by: str
    set_at: datetime
    instalments: tuple[Instalment, ...]
    """The first one first."""
    invoices: Mapping[str, Money]
    """Invoice id → what was open on it when the promise was made."""
    state: PromiseState = PromiseState.OPEN

    @property
    def until(self) -> date:
        """The last day on which money is to arrive."""
        return self.instalments[-1].due

    def missed(self, paid: Money, today: date, policy: Policy) -> Instalment | None:
        """The first instalment that should have arrived by now, with the grace, and has not."""
        so_far = total((), self.currency)
        for one in self.instalments:
            so_far = so_far + one.amount
            if held_until(one.due, policy) <= today and paid < so_far:
                return one
        return None


def held_until(due: date, policy: Policy) -> date:
    """The first day on which a payment promised for `due` counts as missing."""
    return add_working_days(due, GRACE, policy)


def paid_so_far(promise: CustomerPromise, now: Mapping[str, Invoice]) -> Money:
    """How much has been paid on its invoices since; `now` has those that the ledger still has."""
    paid = (then - now[id].open for id, then in promise.invoices.items() if now[id].open < then)
    return total(paid, promise.currency)


def without(promise: CustomerPromise, gone: Collection[str]) -> CustomerPromise:
    """The promise about its other invoices, of which there must be some.

    All instalments together are no more than what was open on those: the last ones are cut, or
    left out.
    """
    left = {id: then for id, then in promise.invoices.items() if id not in gone}
    rest = total(left.values(), promise.currency)
    parts: list[Instalment] = []
    for one in promise.instalments:
        part = min(rest, one.amount)
        rest = rest - part
        if part.amount > 0:
            parts.append(replace(one, amount=part))
    return replace(promise, invoices=left, instalments=tuple(parts))


def judged(
    promise: CustomerPromise, invoices: Iterable[Invoice], today: date, policy: Policy
) -> PromiseState:
    """What has become of an open promise, given its invoices as they are now."""
    now = {i.id: i for i in invoices if i.status in (InvoiceStatus.OPEN, InvoiceStatus.PAID)}
    if not now:
        return PromiseState.WITHDRAWN
    # what was voided since cannot be paid any more
    promise = without(promise, promise.invoices.keys() - now.keys())
    paid = paid_so_far(promise, now)
    promised = total((one.amount for one in promise.instalments), promise.currency)
    if promised <= paid or not any(i.is_open for i in now.values()):
        return PromiseState.KEPT
    if promise.missed(paid, today, policy):
        return PromiseState.BROKEN
    return PromiseState.OPEN


def raised(last: Stage | None) -> Stage:
    """The stage at which an invoice goes on after a broken promise: one higher, at least 2."""
    return Stage(min(max(HIGHEST_START, (last or 0) + 1), Stage.FINAL))
