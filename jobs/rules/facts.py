"""What the ledger says about one customer in one currency, and what arithmetic makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from statistics import median_low
from zoneinfo import ZoneInfo

from jobs.rules.money import Money, total
from jobs.rules.states import Stage

CENT = Decimal("0.01")
NO_DUE_DATE = date.max
"""An invoice without a due date is never overdue: we do not guess its terms."""


class InvoiceStatus(StrEnum):
    """QuickBooks has no such word: it is read off amounts and answers."""

    OPEN = "open"
    PAID = "paid"
    VOIDED = "voided"
    GONE = "gone"


@dataclass(frozen=True)
class Invoice:
    """One invoice as the ledger has it. `number` is empty where QuickBooks has none."""

    id: str
    number: str
    customer: str
    txn_date: date
    due: date
    total: Money
    open: Money
    email: str = ""
    """BillEmail as it stands in the ledger: empty, one address, or a list with commas."""
    po_number: str = ""
    online: bool = False
    """Online payment is on, so a pay link may exist."""
    emailed: bool | None = None
    """Whether QuickBooks has e-mailed it; None where that is not known."""
    status: InvoiceStatus = InvoiceStatus.OPEN
    exchange_rate: Decimal = Decimal(1)
    """Home currency per unit; for ordering only, never shown."""
    fields: tuple[tuple[str, str], ...] = ()
    """The custom fields of the form, name and text: somebody's typing."""

    @property
    def paid_so_far(self) -> Money:
        return self.total - self.open

    def days_overdue(self, today: date) -> int:
        """Days past due on `today` (a date in the company's zone); negative before."""
        return (today - self.due).days


@dataclass(frozen=True)
class Credit:
    """Money of the customer that is on account: an unapplied payment or an open credit memo."""

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
    """The person a letter greets, as the ledger has it ("Dana Reyes"), or empty."""
    type: str = ""
    """The name of the customer type in QuickBooks, or empty."""


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
    """How this customer paid before: of `count` settled invoices `late` were late."""

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
    """What the case talks about: overdue, open, not held; oldest due date first."""
    stages: dict[str, Stage]
    """Invoice id → the stage this message gives it."""
    other_open: tuple[Invoice, ...] = ()
    """Open but not due, held, or below notice: never mentioned in the message."""
    credits: tuple[Credit, ...] = ()
    members: tuple[Customer, ...] = ()
    """The billed customer and every sub-customer billed through it."""
    gaps: tuple[Gap, ...] = ()
    habit: Habit | None = None
    habit_unread: bool = False
    """It is left out, because a settled record cannot be read."""
    family_credits: tuple[Credit, ...] = ()
    """Money on account of records above, below and beside, which are billed apart: never netted."""
    relatives: tuple[Customer, ...] = ()
    """Whose money that is."""

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

        None where it would leave nothing to ask for: that is a stop, and whoever drafts anyway
        has said that the money is meant for something else.
        """
        return self.credits if self.on_account < self.total_overdue else ()

    @property
    def asked(self) -> Money:
        """The one figure of letter, card and note: what is overdue less the money on account."""
        return self.total_overdue - total((c.open for c in self.netted), self.currency)

    @property
    def days_overdue(self) -> int:
        """Of the oldest invoice of the case; 0 where there is none."""
        return max((i.days_overdue(self.today) for i in self.invoices), default=0)


@dataclass(frozen=True)
class Gap:
    """A customer record whose own balance is not the sum of its parts."""

    customer: str
    stated: Money
    computed: Money

    @property
    def difference(self) -> Money:
        """How much too much the parts make; it stays when an invoice is paid or written."""
        return self.computed - self.stated


def identity_gap(
    customer: Customer, invoices: tuple[Invoice, ...], credits: tuple[Credit, ...]
) -> Gap | None:
    """Where Balance ≠ Σ invoice balances − Σ unapplied − Σ remaining credits, the difference.

    Takes all open invoices of this one record, due or not, and all its credits of any date.
    Differences below a cent are none. (QuickBooks facts §7.4, "net position".)
    """
    currency = customer.balance.currency
    owed = total((i.open for i in invoices if i.customer == customer.id), currency)
    computed = owed - total((c.open for c in credits if c.customer == customer.id), currency)
    if abs((computed - customer.balance).amount) < CENT:
        return None
    return Gap(customer.id, customer.balance, computed)


def habit(days_late: list[int]) -> Habit | None:
    """Summed up from settled invoices: days between due date and last payment, negative = early."""
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
