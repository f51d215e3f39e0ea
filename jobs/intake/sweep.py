"""The daily sweep: read every open invoice, and every one that is missing from the list.

Absence is not payment: an invoice that was open and is missing from the list is read by its id.
Each page is written as it comes, in chunks, so memory and write transactions stay small. A sweep
that is killed starts over; writing something twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import partial
from typing import TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from jobs.companies import shadow
from jobs.engine import turns
from jobs.engine.services import Services
from jobs.engine.step import Step
from jobs.engine.turns import Plan, batches, in_transaction
from jobs.intake import broken, crossing
from jobs.intake.crossing import News
from jobs.intake.ledger_reader import DEEPEST, OVERLAP, LedgerReader
from jobs.rules.facts.addresses import addresses_on
from jobs.rules.facts.facts import Invoice
from jobs.sources import records
from jobs.store import cases, companies, log, work
from jobs.store.companies import ConnectedCompany
from jobs.store.customers import families, history
from jobs.store.intake import ledger, sweeping
from jobs.store.intake.ledger import Mirrored
from jobs.store.intake.sweeping import CUSTOMER, INVOICE
from jobs.store.outbox import MessageKind
from jobs.store.work import Claim
from qbo import Broken, models
from qbo.query import IDS_AT_ONCE

KIND = "sweep"
ACTOR = "system:sweep"
DAILY = time(5, 0)
"""In the company's own zone, before anybody starts work."""
AGAIN = timedelta(hours=1)
"""When to sweep again if too much changed meanwhile to tell what was deleted."""
CASES_A_CHUNK = 500
KNOWN_AT_ONCE = 2_000
FORGOTTEN_AT_ONCE = 2_000

T = TypeVar("T", bound=Collection[str])
Listed = Callable[[Connection, str, str, int], T]
"""(connection, realm, last id of the previous page, size) → the next page."""


def step(services: Services) -> Step:
    """The sweep of one company per row."""
    return turns.step(KIND, partial(_plan, services), MessageKind.SWEEP_FAILED, "%Y-%m-%dT%H")


def next_sweep(now: datetime, zone: ZoneInfo) -> datetime:
    """Tomorrow's sweep, in the company's zone."""
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, DAILY, zone)


def _plan(services: Services, conn: Connection, claim: Claim, now: datetime) -> Plan:
    company = companies.need(conn, claim.row.company)
    return Sweep(services.for_company(company.realm), company, claim, now).plan()


@dataclass
class Sweep:
    """One reading of everything that is open or was open before."""

    services: Services
    company: ConnectedCompany
    claim: Claim
    began_at: datetime
    broken: list[Broken] = field(default_factory=list)
    open: int = 0
    left: int = 0
    gone: int = 0
    cut: bool = False
    """So much changed during the sweep that deletions may be missing."""

    @property
    def realm(self) -> str:
        return self.company.realm

    @property
    def reader(self) -> LedgerReader:
        return LedgerReader.of(self.services, self.company, self.broken.append)

    def plan(self) -> Plan:
        """The whole sweep, in order. Raises QuickBooksError: the sweep is then tried again."""
        yield from shadow.clear(self.realm)
        yield from self._forget()
        for page in self.reader.quickbooks.open_invoices(self.broken.append):
            yield from self._put(self.reader.invoices(page))
        yield from self._changed_meanwhile()
        yield from self._absent()
        yield from self._customers()
        if self.company.swept_at is None:
            yield from self._first_addresses()
        yield from self._cases()
        yield from self._rank_again()
        yield from self._forget()
        yield self._finish

    def _forget(self) -> Plan:
        while (yield in_transaction(sweeping.forget, self.realm, FORGOTTEN_AT_ONCE)):
            pass

    def _put(self, read: Sequence[Invoice]) -> Plan:
        for some in batches(read, crossing.INVOICES_A_CHUNK):
            self.left += sum(not i.is_open for i in some)
            yield partial(self._take, News(self.began_at, list(some)))

    def _take(self, news: News, conn: Connection, now: datetime) -> None:
        crossing.take(conn, self.company, news, now)
        sweeping.remember(conn, self.realm, INVOICE, [i.id for i in news.invoices])
        if self.company.swept_at is None:
            history.know_addresses(
                conn, self.realm, addresses_on(news.invoices, news.customers), ACTOR, now
            )

    def _changed_meanwhile(self) -> Plan:
        """Read again what changed during the sweep: rows shift between pages as others leave."""
        quickbooks, since = self.reader.quickbooks, self.began_at - OVERLAP
        changes = quickbooks.changes([models.Invoice], since, self.broken.append)
        self.cut = changes.deleted_since > since
        yield from self._again(changes.invoices)
        if changes.capped:
            for page in quickbooks.changed_since(models.Invoice, since, self.broken.append):
                yield from self._again(page)
        yield from self._vanished([d.id for d in changes.deleted])

    def _again(self, page: Sequence[models.Invoice]) -> Plan:
        """Take only what is open or was open in the mirror; the rest is not news."""
        read = self.reader.invoices(page)
        if not read:
            return
        ours = yield in_transaction(ledger.mirrored, self.realm, [i.id for i in read])
        yield from self._put([i for i in read if i.is_open or _was_open(ours.get(i.id))])

    def _absent(self) -> Plan:
        """Absence is not payment: read by id whatever was open and was not listed."""
        last: str | None = ""
        while last is not None:
            absent, last = yield in_transaction(sweeping.absent, self.realm, last, KNOWN_AT_ONCE)
            for some in batches(absent, IDS_AT_ONCE):
                fates = self.reader.fates(some, trust_list=True)
                self.broken += fates.unlisted
                yield from self._put(fates.found)
                yield from self._vanished(fates.gone)

    def _vanished(self, ids: Sequence[str]) -> Plan:
        for some in batches(ids, crossing.INVOICES_A_CHUNK):
            ours: dict[str, Mirrored] = yield in_transaction(
                ledger.mirrored, self.realm, list(some)
            )
            gone = [records.gone(m.invoice) for m in ours.values()]
            self.gone += sum(map(_was_open, ours.values()))
            yield partial(self._take, News(self.began_at, gone))

    def _customers(self) -> Plan:
        """Customers who owe, their parents, and sub-customers in credit.

        A sub-customer that owes nothing but has credits lowers what its parent owes, or holds money
        that may be meant for its family; one listing finds these by their negative balance. One
        that is no longer listed is read by id.
        """
        yield from self._each(sweeping.owners, self._people)
        for page in self.reader.quickbooks.customers_in_credit(self.broken.append):
            yield from self._people([c.id for c in page if c.parent_id])
        yield from self._each(families.in_credit, self._people)

    def _people(self, ids: Collection[str]) -> Plan:
        """Read these records and all their parents; a sweep reads each one once."""
        for _ in range(DEEPEST):
            new = ids and (yield in_transaction(sweeping.unmet, self.realm, CUSTOMER, ids))
            if not new:
                return
            # in a yield of its own: if its commit fails, the records are read again
            yield in_transaction(sweeping.remember, self.realm, CUSTOMER, new)
            found = self.reader.customers(sorted(new))
            for some in batches(found, crossing.CUSTOMERS_A_CHUNK):
                yield partial(self._take, News(self.began_at, customers=list(some)))
            ids = {c.parent for c in found if c.parent}

    def _first_addresses(self) -> Plan:
        """Addresses already in the ledger when it is connected count as known to the payer."""
        last: str | None = ""
        while last is not None:
            last = yield in_transaction(history.pass_on_addresses, self.realm, last, IDS_AT_ONCE)

    def _cases(self) -> Plan:
        """With everything mirrored, let overdue invoices cross, a few customers at a time."""
        yield from self._each(sweeping.owners, self._bill)
        yield from self._each(sweeping.payers, self._let_cross)

    def _bill(self, counts: Mapping[str, int]) -> Plan:
        self.open += sum(counts.values())
        yield in_transaction(sweeping.bill, self.realm, counts)

    def _let_cross(self, weights: Mapping[str, int]) -> Plan:
        trigger = f"{KIND}:{self.began_at:%Y-%m-%d}"
        yield from crossing.let_cross(self.services.policy, self.company, weights, trigger)

    def _each(self, listed: Listed[T], then: Callable[[T], Plan]) -> Plan:
        """Run `then` on each page, in the order of ids; the last id leads to the next page."""
        last: str | None = ""
        while last is not None:
            page = yield in_transaction(listed, self.realm, last, IDS_AT_ONCE)
            last = list(page)[-1] if len(page) == IDS_AT_ONCE else None
            if page:
                yield from then(page)

    def _rank_again(self) -> Plan:
        """Let cases that were above yesterday's cap compete again today."""
        left = CASES_A_CHUNK
        while left == CASES_A_CHUNK:
            left = yield lambda conn, now: cases.uncap(conn, self.realm, CASES_A_CHUNK, now)

    def _finish(self, conn: Connection, now: datetime) -> None:
        due = now + AGAIN if self.cut else next_sweep(now, self.company.zone)
        if not work.settle(conn, self.claim, due):
            return
        companies.change(conn, self.realm, swept_at=self.began_at)
        work.bring_forward(conn, self.realm, crossing.PROMISES, now)
        broken.tell(conn, self.company, broken.named(self.broken), now)
        counts = {"open": self.open, "left": self.left, "gone": self.gone}
        data = {**counts, "again": True} if self.cut else counts
        log.note(conn, log.Entry(self.realm, "sweep.done", ACTOR, now, data=data))


def _was_open(known: Mirrored | None) -> bool:
    return known is not None and known.invoice.is_open
