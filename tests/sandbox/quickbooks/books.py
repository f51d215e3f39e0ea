"""One company's ledger: what can be read of it, and how its people change it."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tests.sandbox.company import (
    ZERO,
    Company,
    Entity,
    applied,
    currency_ref,
    home_amounts,
    resolved,
    stamp,
    unapplied,
)
from tests.sandbox.control import NotPossibleError

MONEY = frozenset(
    {"TotalAmt", "Balance", "UnappliedAmt", "RemainingCredit", "Deposit", "ExchangeRate"}
)
KEPT = frozenset({"Id", "SyncToken", "MetaData", "domain", "sparse"})
# Ids of attachables are long numbers.
FIRST_ATTACHABLE = 5_000_000_000_001_000_001


@dataclass(frozen=True)
class Change:
    """One entity changed, as a webhook would say it; a merge names the one that is gone."""

    kind: str
    ident: str
    verb: str
    deleted: str = ""


Stood = tuple[Decimal, str]
"""What is open of an invoice, and when it is due."""


@dataclass(frozen=True)
class Deletion:
    """What change data capture still knows of an entity that is gone."""

    kind: str
    ident: str
    at: datetime

    def entity(self) -> Entity:
        """The stub that QuickBooks shows of it."""
        gone = {"domain": "QBO", "status": "Deleted", "Id": self.ident}
        return gone | {"MetaData": {"LastUpdatedTime": stamp(self.at)}}


class Books:
    """The entities of a company by kind and Id. `version` rises with every change."""

    def __init__(self, company: Company, clock: Callable[[], datetime]) -> None:
        self.company, self.clock = company, clock
        self.version = 0
        self.deletions: list[Deletion] = []
        self._past: dict[str, list[tuple[float, Stood]]] = {}
        self.tables: dict[str, dict[str, Entity]] = {
            "Invoice": company.invoices,
            "Customer": company.customers,
            "Payment": company.payments,
            "CreditMemo": company.credit_memos,
            "Term": company.terms,
            "CustomerType": company.customer_types,
            "Attachable": {},
            "CompanyInfo": {"1": company.info},
            "Preferences": {"1": company.preferences},
        }

    def find(self, kind: str, ident: str) -> Entity:
        """An entity, for a control call. Raises NotPossibleError."""
        if kind not in self.tables or ident not in self.tables[kind]:
            raise NotPossibleError(f"there is no {kind} {ident} in these books")
        return self.tables[kind][ident]

    def stood(self, invoice_id: str, since: float, until: float) -> set[Stood]:
        """All that could be read of an invoice between two moments of `time.monotonic`."""
        past = self._past.get(invoice_id, [])
        next_ones = [*past[1:], (float("inf"), None)]
        found = {
            stood
            for (at, stood), (ended, _) in zip(past, next_ones, strict=False)
            if at <= until and ended > since
        }
        if found or (invoice := self.tables["Invoice"].get(invoice_id)) is None:
            return found
        return {_stands(invoice)}

    def turn(self, company: Company) -> None:
        """Hold what these books held at another time; notes stay as they are."""
        for kind, entities in Books(company, self.clock).tables.items():
            if kind != "Attachable":
                self.tables[kind].clear()
                self.tables[kind].update(entities)
        self.version += 1

    def today(self) -> str:
        """The date in the company's zone."""
        return str(resolved("today", self._now_there().date()))

    def pay(self, invoice_id: str, amount: Decimal) -> list[Change]:
        """A customer pays: applied up to what is open, the rest stays on account.

        QuickBooks need not announce the invoice, so only the payment is a change here.
        """
        invoice = self.find("Invoice", invoice_id)
        used = min(amount, invoice["Balance"])
        payment = self._new_payment(invoice["CustomerRef"], invoice["CurrencyRef"], amount)
        if used > 0:
            link = {"TxnId": invoice_id, "TxnType": "Invoice"}
            payment["Line"] = [{"Amount": used, "LinkedTxn": [link]}]
        with self._balanced(invoice["CustomerRef"]["value"]):
            payment["UnappliedAmt"] = unapplied(payment)
            self.company.payments[payment["Id"]] = payment
            if used > 0:
                self._use(invoice, used, payment["Id"])
        return [Change("Payment", payment["Id"], "created")]

    def receive(self, customer_id: str, amount: Decimal) -> list[Change]:
        """A customer pays without saying what for: money on account."""
        customer = self.find("Customer", customer_id)
        ref = {"value": customer_id, "name": customer["DisplayName"]}
        payment = self._new_payment(ref, customer["CurrencyRef"], amount)
        with self._balanced(customer_id):
            payment["UnappliedAmt"] = amount
            self.company.payments[payment["Id"]] = payment
        return [Change("Payment", payment["Id"], "created")]

    def credit(self, customer_id: str, amount: Decimal) -> list[Change]:
        """The company gives a credit memo, not applied to anything yet."""
        customer = self.find("Customer", customer_id)
        memo: Entity = self._stamped() | {
            "Id": self._next_id(),
            "DocNumber": f"CM-{self.version + 1}",
            "TxnDate": self.today(),
            "CustomerRef": {"value": customer_id, "name": customer["DisplayName"]},
            "CurrencyRef": dict(customer["CurrencyRef"]),
            "TotalAmt": amount,
            "RemainingCredit": amount,
            "Balance": amount,
            "Line": [],
            "LinkedTxn": [],
            "CustomField": [],
        }
        with self._balanced(customer_id):
            self.company.credit_memos[memo["Id"]] = memo
        return [Change("CreditMemo", memo["Id"], "created")]

    def void(self, invoice_id: str) -> list[Change]:
        """Amounts become 0, the note begins with "Voided", payments become unapplied."""
        invoice = self.find("Invoice", invoice_id)
        with self._balanced(invoice["CustomerRef"]["value"]):
            self._unlink("Invoice", invoice_id)
            for line in invoice["Line"]:
                line["Amount"] = ZERO
            note = invoice.get("PrivateNote")
            invoice |= {"TotalAmt": ZERO, "Balance": ZERO, "LinkedTxn": []}
            invoice["PrivateNote"] = f"Voided - {note}" if note else "Voided"
            self._touch(invoice)
        return [Change("Invoice", invoice_id, "void")]

    def edit(self, kind: str, ident: str, fields: dict[str, Any]) -> list[Change]:
        """Somebody edits fields in QuickBooks; null takes one away.

        A changed total moves the balance with it. Raises NotPossibleError.
        """
        entity = self.find(kind, ident)
        if fields.keys() & KEPT:
            raise NotPossibleError(f"{', '.join(sorted(fields.keys() & KEPT))} cannot be edited")
        with contextlib.ExitStack() as stack:
            for customer_id in {_customer_of(entity), _customer_of(fields) or _customer_of(entity)}:
                stack.enter_context(self._balanced(customer_id))
            self._set_fields(kind, entity, fields)
        return [Change(kind, ident, "updated")]

    def _set_fields(self, kind: str, entity: Entity, fields: dict[str, Any]) -> None:
        before = entity.get("TotalAmt", ZERO)
        for name, value in resolved(fields, self._now_there().date()).items():
            _set(entity, name, value)
        if "TotalAmt" in fields and "Balance" not in fields and kind == "Invoice":
            entity["Balance"] += entity["TotalAmt"] - before
        self._touch(entity)

    def merge(self, ident: str, into: str) -> list[Change]:
        """Two customers were one: everything goes to the second, the first is gone."""
        gone, kept = self.find("Customer", ident), self.find("Customer", into)
        if ident == into:
            raise NotPossibleError("a customer cannot be merged into itself")
        ref = {"value": into, "name": kept["DisplayName"]}
        with self._balanced(ident), self._balanced(into):
            for kind in ("Invoice", "Payment", "CreditMemo"):
                for entity in self.tables[kind].values():
                    if entity["CustomerRef"]["value"] == ident:
                        entity["CustomerRef"] = dict(ref)
                        self._touch(entity)
            self._touch(kept)
        self.forget("Customer", gone["Id"])
        return [Change("Customer", into, "merged", gone["Id"])]

    def delete(self, kind: str, ident: str) -> list[Change]:
        """A transaction is deleted; deleting a payment opens what it had paid."""
        entity = self.find(kind, ident)
        if kind not in ("Invoice", "Payment", "CreditMemo"):
            raise NotPossibleError(f"a {kind} cannot be deleted, only made inactive")
        with self._balanced(entity["CustomerRef"]["value"]):
            if kind == "Payment":
                self._give_back(entity)
            else:
                self._unlink(kind, ident)
            self.forget(kind, ident)
        return [Change(kind, ident, "deleted")]

    def forget(self, kind: str, ident: str) -> None:
        """Take an entity out of the books and remember that it was there."""
        del self.tables[kind][ident]
        self.deletions.append(Deletion(kind, ident, self.clock()))
        self.version += 1

    def add_attachable(self, content: Entity) -> Entity:
        """Keep a new attachable and give it an Id."""
        table = self.tables["Attachable"]
        count = len(table) + sum(gone.kind == "Attachable" for gone in self.deletions)
        entity: Entity = self._stamped() | content
        entity["Id"] = str(FIRST_ATTACHABLE + count)
        table[entity["Id"]] = entity
        self.version += 1
        return entity

    def net(self, customer_id: str) -> Decimal:
        """Open invoices, less unapplied payments and remaining credits, of one customer."""
        company = self.company
        return (
            _sum(company.invoices, "Balance", customer_id)
            - _sum(company.payments, "UnappliedAmt", customer_id)
            - _sum(company.credit_memos, "RemainingCredit", customer_id)
        )

    @contextlib.contextmanager
    def _balanced(self, customer_id: str) -> Iterator[None]:
        """Move the customer's balance by as much as the change moves what stands behind it.

        Moved, not computed: a file may hold a balance that does not add up, and it stays so.
        """
        before = self.net(customer_id)
        self._remember(customer_id)
        yield
        self._remember(customer_id)
        self.version += 1
        moved = self.net(customer_id) - before
        customer = self.company.customers.get(customer_id)
        if customer is not None and moved:
            customer["Balance"] += moved
            customer["BalanceWithJobs"] += moved
            self._move_parent(customer, moved)

    def _remember(self, customer_id: str) -> None:
        for ident, invoice in self.tables["Invoice"].items():
            if invoice["CustomerRef"]["value"] == customer_id:
                past, stands = self._past.setdefault(ident, []), _stands(invoice)
                if not past or past[-1][1] != stands:
                    past.append((time.monotonic() if past else 0.0, stands))

    def _move_parent(self, customer: Entity, moved: Decimal) -> None:
        parent = self.company.customers.get(customer.get("ParentRef", {}).get("value", ""))
        if customer["Job"] and parent is not None:
            parent["BalanceWithJobs"] += moved

    def _now_there(self) -> datetime:
        return self.clock().astimezone(ZoneInfo(self.company.info["DefaultTimeZone"]))

    def _new_payment(self, customer: Entity, currency: Entity, amount: Decimal) -> Entity:
        payment: Entity = self._stamped() | {
            "Id": self._next_id(),
            "TxnDate": self.today(),
            "CustomerRef": dict(customer),
            "CurrencyRef": dict(currency or currency_ref(self.company.home_currency)),
            "DepositToAccountRef": {"value": "12"},
            "TotalAmt": amount,
            "ProcessPayment": False,
            "Line": [],
        }
        return payment

    def _stamped(self) -> Entity:
        now = stamp(self.clock())
        times = {"CreateTime": now, "LastUpdatedTime": now}
        return {"domain": "QBO", "sparse": False, "SyncToken": "0", "MetaData": times}

    def _next_id(self) -> str:
        """An Id above every transaction, alive or deleted."""
        alive = (
            int(ident)
            for kind in ("Invoice", "Payment", "CreditMemo")
            for ident in self.tables[kind]
            if ident.isdigit()
        )
        gone = (int(d.ident) for d in self.deletions if d.kind != "Attachable")
        return str(max((*alive, *gone, 8999)) + 1)

    def _touch(self, entity: Entity) -> None:
        entity["SyncToken"] = str(int(entity["SyncToken"]) + 1)
        entity["MetaData"] = entity["MetaData"] | {"LastUpdatedTime": stamp(self.clock())}
        if "HomeBalance" in entity:
            home_amounts(entity)

    def _use(self, invoice: Entity, amount: Decimal, payment_id: str) -> None:
        invoice["Balance"] -= amount
        invoice["LinkedTxn"] = [*invoice["LinkedTxn"], {"TxnId": payment_id, "TxnType": "Payment"}]
        self._touch(invoice)

    def _unlink(self, kind: str, ident: str) -> None:
        """Take a transaction out of every payment; what had paid it is on account again."""
        for payment in self.company.payments.values():
            if any((k, i) == (kind, ident) for k, i, _ in applied(payment)):
                payment["Line"] = [line for line in payment["Line"] if not _links(line, ident)]
                self._settle_rest(payment)

    def _settle_rest(self, payment: Entity) -> None:
        rest = unapplied(payment)
        # It also used a credit memo, or lived from one: what is left of it comes apart too.
        if not 0 <= rest <= payment["TotalAmt"]:
            self._give_back(payment)
            payment["Line"], rest = [], payment["TotalAmt"]
        payment["UnappliedAmt"] = rest
        self._touch(payment)

    def _give_back(self, payment: Entity) -> None:
        """Undo what a payment did to the transactions that it names."""
        keys = {"Invoice": "Balance", "CreditMemo": "RemainingCredit"}
        for kind, ident, amount in applied(payment):
            target = self.tables.get(kind, {}).get(ident)
            if target is not None and kind in keys:
                target[keys[kind]] += amount
                target["Balance"] = target[keys[kind]]
                links = target.get("LinkedTxn", [])
                target["LinkedTxn"] = [link for link in links if link["TxnId"] != payment["Id"]]
                self._touch(target)


def _stands(invoice: Entity) -> Stood:
    return invoice["Balance"], str(invoice.get("DueDate", ""))


def _customer_of(fields: Entity) -> str:
    """The customer that a transaction belongs to; empty for what belongs to none."""
    ref = fields.get("CustomerRef")
    return str(ref.get("value", "")) if isinstance(ref, dict) else ""


def _set(entity: Entity, name: str, value: Any) -> None:
    if value is None:
        entity.pop(name, None)
    else:
        entity[name] = Decimal(str(value)) if name in MONEY else value


def _links(line: Entity, ident: str) -> bool:
    return any(link["TxnId"] == ident for link in line.get("LinkedTxn", ()))


def _sum(table: dict[str, Entity], key: str, customer_id: str) -> Decimal:
    amounts = (e[key] for e in table.values() if e["CustomerRef"]["value"] == customer_id)
    return sum(amounts, ZERO)
