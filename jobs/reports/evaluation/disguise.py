"""What the ledger said about a case → a small company file in which nobody can be recognised.

Names, addresses, numbers and ids are made up anew for every case; amounts are all multiplied by one
factor and days shifted by whole weeks, so that the rules say the same about them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any

from jobs.rules.facts.facts import NO_DUE_DATE, Credit, Customer, Facts, Habit, Invoice
from jobs.rules.policy.policy import Policy

TODAY = date(2026, 10, 12)
"""The Monday of the week into which every case is moved."""
FIRMS = (
    *("Alder", "Birch", "Cedar", "Elm", "Hazel", "Holly", "Juniper", "Larch"),
    *("Linden", "Maple", "Oak", "Poplar", "Rowan", "Spruce", "Willow", "Yew"),
)
TRADES = ("Works", "Trading", "Stores", "Services", "Foods", "Textiles", "Tools", "Studio")
GIVEN = ("Alex", "Charlie", "Jamie", "Jordan", "Kim", "Morgan", "Robin", "Sam")
FAMILY = ("Brook", "Field", "Hill", "Lake", "Marsh", "Meadow", "Shore", "Vale")
CENT = Decimal("0.01")
EMAILED = {True: "EmailSent", False: "NotSet"}
FACTORS = (40, 180)
"""Amounts are multiplied by something between these, in per cent."""


class Unequal(ValueError):
    """Rounded, the amounts would no longer compare as they did."""


@dataclass
class Disguise:
    """The names and numbers of one case, each the same wherever it occurs."""

    facts: Facts
    random: Random
    ids: dict[str, str] = field(default_factory=dict)
    """Ids of the ledger, each with its kind before it → ids of the file."""
    numbers: dict[str, str] = field(default_factory=dict)
    """Numbers of invoices and credit memos → made up ones."""

    def __post_init__(self) -> None:
        self.factor = Decimal(self.random.randint(*FACTORS)) / 100
        monday = self.facts.today - timedelta(days=self.facts.today.weekday())
        self.later = TODAY - monday
        free = self.random.sample(range(2000, 9000), 999)
        self._free = iter(free)
        for one in self._documents():
            if one.number:
                self.numbers.setdefault(one.number, str(next(self._free)))
        if not self._compares_alike():
            raise Unequal("its amounts cannot be scaled without changing how they compare")

    def _documents(self) -> Iterator[Invoice | Credit]:
        facts = self.facts
        yield from (*facts.invoices, *facts.other_open)
        yield from (*facts.credits, *facts.family_credits)

    @property
    def today(self) -> date:
        """The day of the case in its file; as in the ledger, a Tuesday stays a Tuesday."""
        return self.facts.today + self.later

    @property
    def customer(self) -> str:
        """The id of the customer in the file."""
        return self.id("customer", self.facts.customer.id)

    def id(self, kind: str, given: str) -> str:
        """The id in the file of a record that has this id in the ledger."""
        return self.ids.setdefault(f"{kind}:{given}", str(len(self.ids) + 1))

    def amount(self, given: Decimal) -> Decimal:
        """An amount of any currency as the file has it."""
        return (given * self.factor).quantize(CENT, ROUND_HALF_UP)

    def amounts(self) -> dict[Decimal, Decimal]:
        """The amounts that a letter about the case may name."""
        facts = self.facts
        known = [*facts.invoices, *facts.other_open]
        named = [facts.total_overdue.amount, facts.total_open.amount, facts.asked.amount]
        named += [one.open.amount for one in self._documents()]
        named += [one.total.amount for one in known] + [one.paid_so_far.amount for one in known]
        return {each.quantize(CENT): self.amount(each) for each in named if each > 0}

    def _compares_alike(self) -> bool:
        """Whether money on account still covers what it covered, and no more."""
        facts = self.facts
        owed = [i.open.amount for i in facts.invoices]
        held = [c.open.amount for c in facts.credits]
        sums = [*owed, sum(owed, Decimal(0)), *held, sum(held, Decimal(0))]
        scaled_owed, scaled_held = map(self.amount, owed), map(self.amount, held)
        first, second = list(scaled_owed), list(scaled_held)
        scaled = [*first, sum(first, Decimal(0)), *second, sum(second, Decimal(0))]
        order = [(a > b) - (a < b) for a in sums for b in sums]
        return order == [(a > b) - (a < b) for a in scaled for b in scaled]

    # The file

    def company_file(self, memos: Mapping[str, str]) -> dict[str, Any]:
        """Company, customers, invoices, payments and credit memos, in QuickBooks' own JSON.

        `memos` is id in the ledger → the clean text on that invoice.
        """
        facts = self.facts
        home = {"value": facts.company.home_currency}
        invoices = [
            self._invoice(one, memos.get(one.id, ""))
            for one in (*facts.invoices, *facts.other_open)
        ]
        past = list(self._past(facts.habit)) if facts.habit else []
        money = [self._credit(one) for one in (*facts.credits, *facts.family_credits)]
        return {
            "company": {
                "CompanyName": self._firm(),
                "Country": facts.company.country,
                "DefaultTimeZone": facts.company.zone.key,
                "Email": {"Address": "accounts@ours.example"},
            },
            "preferences": {"CurrencyPrefs": {"MultiCurrencyEnabled": True, "HomeCurrency": home}},
            "customers": [self._customer(one) for one in self._customers()],
            "invoices": [*invoices, *(invoice for invoice, _ in past)],
            "payments": [
                *(one for kind, one in money if kind == "payment"),
                *(payment for _, payment in past),
            ],
            "credit_memos": [one for kind, one in money if kind != "payment"],
        }

    def _customers(self) -> Iterable[Customer]:
        facts = self.facts
        known = (facts.customer, *facts.members, *facts.relatives)
        return {one.id: one for one in known}.values()

    def _firm(self) -> str:
        return f"{self.random.choice(FIRMS)} {self.random.choice(TRADES)}"

    def _customer(self, one: Customer) -> dict[str, Any]:
        id = self.id("customer", one.id)
        record: dict[str, Any] = {
            "Id": id,
            "DisplayName": f"{self._firm()} {id}",
            "Active": one.active,
            "BillWithParent": one.bills_parent,
            "CurrencyRef": {"value": one.balance.currency},
            **(
                {"PrimaryEmailAddr": {"Address": self._addresses(one.email, id)}}
                if one.email
                else {}
            ),
        }
        if one.contact:
            given, family = self.random.choice(GIVEN), self.random.choice(FAMILY)
            record |= {"GivenName": given, "FamilyName": family}
        if one.parent and one.parent in {each.id for each in self._customers()}:
            record["ParentRef"] = {"value": self.id("customer", one.parent)}
        if gap := next((g for g in self.facts.gaps if g.customer == one.id), None):
            record["Balance"] = str(self._computed(one) - self.amount(gap.difference.amount))
        return record

    def _computed(self, one: Customer) -> Decimal:
        """What the invoices and credits of one record add up to in the file."""
        facts = self.facts
        owed = (i for i in (*facts.invoices, *facts.other_open) if i.customer == one.id)
        held = (c for c in (*facts.credits, *facts.family_credits) if c.customer == one.id)
        total = sum((self.amount(i.open.amount) for i in owed), Decimal(0))
        return total - sum((self.amount(c.open.amount) for c in held), Decimal(0))

    def _addresses(self, given: str, id: str) -> str:
        """As many as there were: whom to write to is a rule's question."""
        count = len([part for part in given.split(",") if part.strip()])
        return ", ".join(f"billing{n or ''}@firm{id}.example" for n in range(count))

    def _invoice(self, one: Invoice, memo: str) -> dict[str, Any]:
        due = {} if one.due == NO_DUE_DATE else {"DueDate": str(one.due + self.later)}
        owner = self.id("customer", one.customer)
        po = {"CustomField": [_po(str(next(self._free)))]} if one.po_number else {}
        status = {} if one.emailed is None else {"EmailStatus": EMAILED[one.emailed]}
        mail = {"BillEmail": {"Address": self._addresses(one.email, owner)}} if one.email else {}
        return {
            "Id": self.id("invoice", one.id),
            "DocNumber": self.numbers.get(one.number, ""),
            "CustomerRef": {"value": owner},
            "TxnDate": str(one.txn_date + self.later),
            **due,
            "TotalAmt": str(self.amount(one.total.amount)),
            "Balance": str(self.amount(one.open.amount)),
            "CurrencyRef": {"value": one.open.currency},
            "ExchangeRate": str(one.exchange_rate),
            "AllowOnlineCreditCardPayment": one.online,
            **mail,
            **status,
            **po,
            **({"CustomerMemo": {"value": memo}} if memo else {}),
        }

    def _credit(self, one: Credit) -> tuple[str, dict[str, Any]]:
        owner, amount = self.id("customer", one.customer), str(self.amount(one.open.amount))
        record = {
            "Id": self.id(one.kind, one.id),
            "CustomerRef": {"value": owner},
            "TxnDate": str(one.on + self.later),
            "TotalAmt": amount,
            "CurrencyRef": {"value": one.open.currency},
        }
        if one.kind != "payment":
            record |= {"DocNumber": self.numbers.get(one.number, ""), "RemainingCredit": amount}
        return one.kind, record

    def _past(self, habit: Habit) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Settled invoices with their payments that make the same habit; nothing else is known of
        the real ones."""
        usual = habit.median_days_late
        late = [max(usual, 1)] * habit.late
        in_time = [min(usual, 0)] * (habit.count - habit.late)
        for n, days in enumerate((*late, *in_time), 1):
            due = self.today - timedelta(days=60 + max(usual, 0) + n % 500)
            of = {"CustomerRef": {"value": self.customer}, "TotalAmt": "100.00"}
            of |= {"CurrencyRef": {"value": self.facts.currency}}
            id, issued = self.id("settled", str(n)), str(due - timedelta(days=30))
            paid = str(due + timedelta(days=days))
            link = {"LinkedTxn": [{"TxnType": "Invoice", "TxnId": id}], "Amount": "100.00"}
            invoice = {"Id": id, "TxnDate": issued, "DueDate": str(due), "Balance": "0", **of}
            yield invoice, {"Id": self.id("paid", str(n)), "TxnDate": paid, "Line": [link], **of}

    def policy(self, ruled: Policy, marks: Iterable[str]) -> dict[str, Any]:
        """What of the policy decides about amounts and this customer, as sections of its file."""
        limits = {
            name: {key: float(self.amount(value)) for key, value in one.model_dump().items()}
            for name, one in ruled.limits_by_currency.items()
        }
        marked = [{"id": self.customer, **dict.fromkeys(marks, True)}] if marks else []
        return {"limits": limits, **({"customer": marked} if marked else {})}


def _po(number: str) -> dict[str, str]:
    name = {"DefinitionId": "1", "Name": "PO Number", "Type": "StringType"}
    return {**name, "StringValue": f"PO-{number}"}


def moved(at: datetime, later: timedelta) -> str:
    """A time (UTC) as the file has it, to the minute."""
    return (at + later).strftime("%Y-%m-%dT%H:%M")
