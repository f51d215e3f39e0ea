"""Reads from QuickBooks what an event, the poll or the sweep wants to know, as the rules see it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from jobs.engine.services import Services
from jobs.rules.facts.facts import Customer, Invoice
from jobs.sources import records
from jobs.store.companies import ConnectedCompany
from qbo import Broken, Entity, OnBroken, Payment, models
from qbo.answers import raise_broken
from qbo.client import QuickBooks
from qbo.errors import Gone, PoisonedPage

OVERLAP = timedelta(minutes=10)
"""How far a reading of changes reaches back beyond what it needs: our clock and QuickBooks' clock
may differ, and a change may become visible late. Intuit does not say how late."""
DEEPEST = 5
"""QuickBooks nests sub-customers five levels deep (its own limit)."""
EVIDENCE = {"Payment": "payment", "CreditMemo": "credit_memo"}
"""Records that a card may rely on → the prefix of their evidence ids."""


def evidence_id(entity: str, id: str) -> str:
    """The id that a card uses for this payment or credit memo."""
    return f"{EVIDENCE[entity]}:{id}"


@dataclass
class Fates:
    """What became of some invoices."""

    found: list[Invoice]
    gone: list[str] = field(default_factory=list)
    """QuickBooks no longer knows these."""
    unlisted: list[Broken] = field(default_factory=list)
    """These had to be read alone, since they break a list; some are broken even alone."""
    unread: dict[str, str] = field(default_factory=dict)
    """Id → why it cannot be read, not even alone."""


@dataclass(frozen=True)
class LedgerReader:
    """Reads one company's ledger. Every method raises QuickBooksError.

    A record that cannot be read is passed to `on_broken`, or raises PoisonedPage if there is none.
    """

    quickbooks: QuickBooks
    home: str
    """The currency if a record names none."""
    on_broken: OnBroken | None = None

    @classmethod
    def of(
        cls, services: Services, company: ConnectedCompany, on_broken: OnBroken | None = None
    ) -> LedgerReader:
        """The reader of this company's ledger."""
        return cls(services.quickbooks(company.realm), company.home_currency, on_broken)

    def invoices(self, found: Iterable[models.Invoice]) -> list[Invoice]:
        """These invoices as the rules see them."""
        return [records.invoice(each, self.home) for each in found]

    def invoices_by_id(self, ids: Iterable[str]) -> list[Invoice]:
        """The invoices with these ids; those that QuickBooks does not list are left out."""
        return self.invoices(self.quickbooks.invoices_by_id(sorted(ids), self.on_broken))

    def paid_by(self, found: Iterable[Entity], known: Iterable[str] = ()) -> list[Invoice]:
        """The invoices that payments among these records were applied to, without the `known`."""
        payments = [each for each in found if isinstance(each, Payment)]
        return self.invoices_by_id({a.invoice_id for p in payments for a in p.applied} - {*known})

    def invoice(self, id: str) -> Invoice | None:
        """One invoice as it is now; None if QuickBooks no longer knows it."""
        try:
            return records.invoice(self.quickbooks.invoice(id), self.home)
        except Gone:
            return None

    def fates(self, ids: Sequence[str], trust_list: bool) -> Fates:
        """What became of these invoices; absence from a list is not payment.

        An invoice that is missing from the list is read alone if the list had broken records, or
        always unless `trust_list`: one that was just made may be missing too.
        """
        doubts: list[Broken] = []
        fates = Fates(self.invoices(self.quickbooks.invoices_by_id(ids, doubts.append)))
        missing = sorted(set(ids) - {invoice.id for invoice in fates.found})
        if trust_list and not doubts:
            fates.gone = missing
            return fates
        unfit = {doubt.id: doubt.unfit for doubt in doubts}
        for id in missing:
            self._read_alone(id, unfit.get(id, ""), fates)
        return fates

    def _read_alone(self, id: str, unfit: str, fates: Fates) -> None:
        try:
            found = self.invoice(id)
        except PoisonedPage as error:
            fates.unread[id] = str(error)
        else:
            if found is None:
                fates.gone.append(id)
                return
            fates.found.append(found)
        fates.unlisted.append(Broken("Invoice", 0, id, unfit=unfit))

    def family(self, ids: Iterable[str], read: Iterable[models.Customer] = ()) -> list[Customer]:
        """These customers, those already `read`, and all their parents.

        That includes parents that are billed separately: money on account there may be meant for
        these.
        """
        found = {each.id: records.customer(each, self.home) for each in read}
        wanted = {*ids, *(customer.parent for customer in found.values())}
        for _ in range(DEEPEST):
            wanted -= found.keys() | {""}
            if not wanted:
                break
            level = self.customers(sorted(wanted))
            found |= {customer.id: customer for customer in level}
            wanted = {customer.parent for customer in level}
        return list(found.values())

    def customers(self, ids: Sequence[str]) -> list[Customer]:
        """The customers with these ids that can be read.

        Those that cannot are reported by their ids, since their place in our query helps nobody.
        """
        doubts: list[Broken] = []
        read = self.quickbooks.customers(ids, doubts.append)
        missing = sorted(set(ids) - {customer.id for customer in read})
        broken = [each for each in doubts if each.entity == "Customer"]
        if len(missing) == len(broken):  # otherwise some of the missing were merged away
            unfit = {each.id: each.unfit for each in broken}
            broken = [Broken("Customer", 0, id, unfit=unfit.get(id, "")) for id in missing]
        for each in broken:
            (self.on_broken or raise_broken)(each)
        for each in doubts:
            if each.entity != "Customer" and self.on_broken:  # a type: customers load without it
                self.on_broken(each)
        return [records.customer(each, self.home) for each in read]
