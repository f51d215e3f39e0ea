"""What the ledger says about one customer in one currency, and what can be computed from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from statistics import median_low
from zoneinfo import ZoneInfo

from jobs.rules.figures import Money, total
from jobs.rules.states import Stage

CENT = Decimal("0.01")
NO_DUE_DATE = date.max
"""An invoice without a due date is never overdue: we do not guess its terms."""


class InvoiceStatus(StrEnum):
    """QuickBooks has no such field: we derive it from amounts and answers."""

    OPEN = "open"
    PAID = "paid"
    VOIDED = "voided"
    GONE = "gone"


@dataclass(frozen=True)
class Invoice:
    """One invoice as in the ledger. `number` is empty if QuickBooks has none."""

    id: str
    number: str
    customer: str
    txn_date: date
    due: date
    total: Money
    open: Money
    email: str = ""
    """BillEmail as in the ledger: empty, one address, or a list separated by commas."""
    po_number: str = ""
    online: bool = False
    """Online payment is on, so a pay link may exist."""
    emailed: bool | None = None
    """Whether QuickBooks has e-mailed it; None if unknown."""
    status: InvoiceStatus = InvoiceStatus.OPEN
    exchange_rate: Decimal = Decimal(1)
    """Home currency per unit; for ranking only, never shown."""
    fields: tuple[tuple[str, str], ...] = ()
    """The custom fields of the form, as (name, text): free text that somebody typed."""

    @property
    def is_open(self) -> bool:
        return self.status is InvoiceStatus.OPEN

    @property
    def paid_so_far(self) -> Money:
        return self.total - self.open

    def days_overdue(self, today: date) -> int:
        """Days past due on `today` (a date in the company's zone); negative before."""
        return (today - self.due).days


@dataclass(frozen=True)
class Credit:
    """A customer's money on account: an unapplied payment or an open credit memo."""

    id: str
    kind: str  # "payment" or "credit_memo"
    customer: str
    number: str
    on: date
    open: Money


@dataclass(frozen=True)
class Customer:
    """The one who is billed, or a sub-customer billed through it."""

    id: str
    name: str
    email: str
    balance: Money
    parent: str = ""
    bills_parent: bool = False
    active: bool = True
    contact: str = ""
    """The person a letter greets, as in the ledger ("Dana Reyes"), or empty."""
    type: str = ""
    """The name of the customer type in QuickBooks, or empty."""
    phone: str = ""
    """For the people who call; in no letter."""


@dataclass(frozen=True)
class Company:
    """The connected QuickBooks company."""

    id: str
    name: str
    zone: ZoneInfo
    home_currency: str
    country: str = "US"
    book_close: date | None = None


@dataclass(frozen=True)
class Habit:
    """How this customer has paid before: of `count` settled invoices, `late` were late."""

    count: int
    late: int
    median_days_late: int


@dataclass(frozen=True)
class Facts:
    """Everything the ledger says that a case needs. All amounts are in `currency`."""

    company: Company
    customer: Customer
    currency: str
    as_of: datetime
    invoices: tuple[Invoice, ...]
    """The invoices of the case: overdue, open, not on hold; oldest due date first."""
    stages: dict[str, Stage]
    """Invoice id → the stage this message gives it."""
    other_open: tuple[Invoice, ...] = ()
    """Open but not yet due, or on hold: never mentioned in the message."""
    credits: tuple[Credit, ...] = ()
    members: tuple[Customer, ...] = ()
    """The billed customer and every sub-customer billed through it."""
    gaps: tuple[Gap, ...] = ()
    habit: Habit | None = None
    habit_unread: bool = False
    """The habit is unknown because a settled record cannot be read."""
    family_credits: tuple[Credit, ...] = ()
    """Money on account of relatives that are billed separately: never netted."""
    relatives: tuple[Customer, ...] = ()
    """The relatives whose money that is."""

    @property
    def today(self) -> date:
        """The day of the reading in the company's own zone."""
        return self.as_of.astimezone(self.company.zone).date()

    @property
    def total_overdue(self) -> Money:
        return total((i.open for i in self.invoices), self.currency)

    @property
    def total_open(self) -> Money:
        return self.total_overdue + total((i.open for i in self.other_open), self.currency)

    @property
    def on_account(self) -> Money:
        return total((c.open for c in self.credits), self.currency)

    @property
    def net_open(self) -> Money:
        """What is open after credits and unapplied payments; may be negative."""
        return self.total_open - self.on_account

    @property
    def netted(self) -> tuple[Credit, ...]:
        """The money on account that lowers what is asked for.

        Empty if it would leave nothing to ask for: that is a stop, and a person who drafts anyway
        has said that the money is meant for something else.
        """
        return self.credits if self.on_account < self.total_overdue else ()

    @property
    def asked(self) -> Money:
        """The figure in letter, card and note: what is overdue less the money on account."""
        return self.total_overdue - total((c.open for c in self.netted), self.currency)

    @property
    def days_overdue(self) -> int:
        """Days past due of the oldest invoice of the case; 0 if there is none."""
        return max((i.days_overdue(self.today) for i in self.invoices), default=0)


@dataclass(frozen=True)
class Gap:
    """A customer record whose own balance is not the sum of its parts."""

    customer: str
    stated: Money
    computed: Money

    @property
    def difference(self) -> Money:
        """By how much the parts exceed the balance; a paid or new invoice does not change it."""
        return self.computed - self.stated


def identity_gap(
    customer: Customer, invoices: tuple[Invoice, ...], credits: tuple[Credit, ...]
) -> Gap | None:
    """The gap if Balance ≠ Σ invoice balances − Σ unapplied − Σ remaining credits, or None.

    Pass all open invoices of this one record, due or not, and all its credits of any date.
    Differences of less than a cent do not count.
    """
    currency = customer.balance.currency
    owed = total((i.open for i in invoices if i.customer == customer.id), currency)
    computed = owed - total((c.open for c in credits if c.customer == customer.id), currency)
    if abs((computed - customer.balance).amount) < CENT:
        return None
    return Gap(customer.id, customer.balance, computed)


def habit(days_late: list[int]) -> Habit | None:
    """The habit, from days between due date and last payment of settled invoices (< 0: early)."""
    if not days_late:
        return None
    return Habit(len(days_late), sum(d > 0 for d in days_late), median_low(days_late))


AGES = {"not due": 0, "1–30": 30, "31–60": 60, "61–90": 90}
"""Aging bucket → the most days past due in it."""
OLDEST = "over 90"
BUCKETS = (*AGES, OLDEST)


def bucket(days_overdue: int) -> str:
    """The aging bucket of an invoice so many days past due."""
    return next((name for name, last in AGES.items() if days_overdue <= last), OLDEST)
