"""The daily sweep: read every open invoice, and every one that is missing from the list.

Absence is not payment: an invoice that was open and is missing from the list is read by its id.
Each page is written as it comes, in chunks, so memory and write transactions stay small. A sweep
that is killed starts over; writing something twice changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import partial
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from jobs.companies import shadow
from jobs.engine import turns
from jobs.engine.services import Services
from jobs.engine.step import Step
from jobs.engine.turns import Plan, Write, batches
from jobs.intake import broken, crossing
from jobs.intake.crossing import News
from jobs.rules.facts import InvoiceStatus
from jobs.rules.recipients import entries_in
from jobs.sources import records
from jobs.store import cases, companies, history, ledger, log, sweeping, work
from jobs.store.companies import ConnectedCompany
from jobs.store.ledger import Mirrored
from jobs.store.work import Claim
from qbo import Broken, Gone, PoisonedPage, models
from qbo.client import QuickBooks

KIND = "sweep"
ACTOR = "system:sweep"
DAILY = time(5, 0)
"""In the company's own zone, before anybody starts work."""
OVERLAP = timedelta(minutes=10)
"""Our clock and QuickBooks' clock may differ, and a change may become visible late."""
AGAIN = timedelta(hours=1)
"""When to sweep again if too much changed meanwhile to tell what was deleted."""
IDS_AT_ONCE = 200
"""How many ids go into one query."""
CASES_A_CHUNK = 500
KNOWN_AT_ONCE = 2_000
FORGOTTEN_AT_ONCE = 2_000

T = TypeVar("T", bound=Collection[str])
Listed = Callable[[Connection, str, str, int], T]
"""(connection, realm, last id of the previous page, size) → the next page."""


def step(services: Services) -> Step:
    """The sweep of one company per row."""
    trouble = (
        "QuickBooks could not be read{why}. No new cards appear until it can be. The next try is "
        "in an hour; `/overdue run` tries now."
    )
    return turns.step(KIND, partial(_plan, services), trouble, "%Y-%m-%dT%H")


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
    def quickbooks(self) -> QuickBooks:
        return self.services.quickbooks(self.realm)

    def plan(self) -> Plan:
        """The whole sweep, in order. Raises QuickBooksError: the sweep is then tried again."""
        yield from shadow.clear(self.realm)
        yield from self._forget()
        for page in self.quickbooks.open_invoices(self.broken.append):
            yield from self._put(page)
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
        while (yield _inside(sweeping.forget, self.realm, FORGOTTEN_AT_ONCE)):
            pass

    def _put(self, read: Sequence[models.Invoice]) -> Plan:
        home = self.company.home_currency
        for some in batches([records.invoice(i, home) for i in read], crossing.INVOICES_A_CHUNK):
            self.left += sum(i.status is not InvoiceStatus.OPEN for i in some)
            yield partial(self._take, News(self.began_at, list(some)))

    def _take(self, news: News, conn: Connection, now: datetime) -> None:
        crossing.take(conn, self.company, news, now)
        sweeping.remember(conn, self.realm, sweeping.INVOICE, [i.id for i in news.invoices])
        if self.company.swept_at is None:
            history.know_addresses(conn, self.realm, _addresses(news), ACTOR, now)

    def _changed_meanwhile(self) -> Plan:
        """Read again what changed during the sweep: rows shift between pages as others leave."""
        since, kinds = self.began_at - OVERLAP, [models.Invoice]
        changes = self.quickbooks.changes(kinds, since, self.broken.append)
        self.cut = changes.deleted_since > since
        yield from self._again(changes.invoices)
        if changes.capped:
            for page in self.quickbooks.changed_since(models.Invoice, since, self.broken.append):
                yield from self._again(page)
        yield from self._vanished([d.id for d in changes.deleted])

    def _again(self, read: Sequence[models.Invoice]) -> Plan:
        """Take only what is open or was open in the mirror; the rest is not news."""
        found = {i.id: i for i in read}
        ours: dict[str, Mirrored] = yield _inside(ledger.mirrored, self.realm, list(found))
        yield from self._put([i for i in read if i.balance > 0 or _was_open(ours.get(i.id))])

    def _absent(self) -> Plan:
        """Absence is not payment: read by id whatever was open and was not listed."""
        last: str | None = ""
        while last is not None:
            absent, last = yield _inside(sweeping.absent, self.realm, last, KNOWN_AT_ONCE)
            for some in batches(absent, IDS_AT_ONCE):
                read, gone = self._what_became(some)
                yield from self._put(read)
                yield from self._vanished(gone)

    def _what_became(self, absent: Sequence[str]) -> tuple[list[models.Invoice], list[str]]:
        """The invoices with these ids, and the ids that QuickBooks no longer knows.

        If the list had broken records, each missing invoice is read by itself.
        """
        doubts: list[Broken] = []
        read = self.quickbooks.invoices_by_id(absent, doubts.append)
        missing = sorted(set(absent) - {i.id for i in read})
        gone = [] if doubts else missing
        unfit = {doubt.id: doubt.unfit for doubt in doubts}
        for id in missing if doubts else ():
            try:
                read.append(self.quickbooks.invoice(id))
            except Gone:
                gone.append(id)
                continue
            except PoisonedPage:
                pass  # it cannot be read even by itself
            self.broken.append(Broken("Invoice", 0, id, unfit=unfit.get(id, "")))
        return read, gone

    def _vanished(self, ids: Sequence[str]) -> Plan:
        for some in batches(ids, crossing.INVOICES_A_CHUNK):
            ours: dict[str, Mirrored] = yield _inside(ledger.mirrored, self.realm, list(some))
            gone = [records.gone(m.invoice) for m in ours.values()]
            fresh = [i for i in gone if _was_open(ours[i.id])]
            self.gone += len(fresh)
            yield partial(self._take, News(self.began_at, gone))

    def _customers(self) -> Plan:
        """Customers who owe, their parents, and sub-customers in credit.

        A sub-customer that owes nothing but has credits lowers what its parent owes, or holds money
        that may be meant for its family; one listing finds these by their negative balance. One
        that is no longer listed is read by id.
        """
        yield from self._each(sweeping.owners, self._people)
        for page in self.quickbooks.customers_in_credit(self.broken.append):
            yield from self._people([c.id for c in page if c.parent_id])
        yield from self._each(ledger.in_credit, self._people)

    def _people(self, ids: Collection[str]) -> Plan:
        """Read these records and all their parents; a sweep reads each one once."""
        for _ in range(crossing.DEEPEST):
            ids = yield _inside(sweeping.unmet, self.realm, sweeping.CUSTOMER, ids)
            if not ids:
                return
            # in a yield of its own: if its commit fails, the records are read again
            yield _inside(sweeping.remember, self.realm, sweeping.CUSTOMER, ids)
            read = crossing.readable(self.quickbooks, sorted(ids), self.broken.append)
            found = [records.customer(c, self.company.home_currency) for c in read]
            for some in batches(found, crossing.CUSTOMERS_A_CHUNK):
                yield partial(self._take, News(self.began_at, customers=list(some)))
            ids = {c.parent for c in found if c.parent}

    def _first_addresses(self) -> Plan:
        """Addresses already in the ledger when it is connected count as known to the payer."""
        last: str | None = ""
        while last is not None:
            last = yield _inside(history.pass_on_addresses, self.realm, last, IDS_AT_ONCE)

    def _cases(self) -> Plan:
        """With everything mirrored, let overdue invoices cross, a few customers at a time."""
        yield from self._each(sweeping.owners, self._bill)
        yield from self._each(sweeping.payers, self._let_cross)

    def _bill(self, counts: Mapping[str, int]) -> Plan:
        self.open += sum(counts.values())
        yield _inside(sweeping.bill, self.realm, counts)

    def _let_cross(self, weights: Mapping[str, int]) -> Plan:
        trigger = f"{KIND}:{self.began_at:%Y-%m-%d}"
        for some in weighed(weights, crossing.PAYERS_A_CHUNK, crossing.CROSSINGS_A_CHUNK):
            yield from crossing.let_cross(self.services.policy, self.company, some, trigger)

    def _each(self, listed: Listed[T], then: Callable[[T], Plan]) -> Plan:
        """Run `then` on each page, in the order of ids; the last id leads to the next page."""
        last = ""
        while page := (yield _inside(listed, self.realm, last, IDS_AT_ONCE)):
            last = list(page)[-1]
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
        broken.tell(conn, self.company, self._named(), now)
        counts = {"open": self.open, "left": self.left, "gone": self.gone}
        data = {**counts, "again": True} if self.cut else counts
        log.note(conn, log.Entry(self.realm, "sweep.done", ACTOR, now, data=data))

    def _named(self) -> list[Broken]:
        """The broken records; places in a list are left out when all invoices have their ids."""
        named = [record for record in self.broken if record.id]
        invoices = sum(record.entity == "Invoice" for record in named)
        places = len(self.broken) - len(named)
        return named if invoices >= places else self.broken


def weighed(weights: Mapping[str, int], count: int, weight: int) -> Iterator[list[str]]:
    """The keys in order, in runs of at most `count` keys and, unless it is just one, `weight`."""
    some: list[str] = []
    heavy = 0
    for key in sorted(weights):
        if some and (len(some) == count or heavy + weights[key] > weight):
            yield some
            some, heavy = [], 0
        some.append(key)
        heavy += weights[key]
    if some:
        yield some


def _inside(ask: Callable[..., Any], *given: Any) -> Write:
    """What a plan yields to have `ask(conn, *given)` called in a transaction."""
    return lambda conn, _now: ask(conn, *given)


def _addresses(news: News) -> dict[str, set[str]]:
    """Customer → the addresses on its record and on its open invoices."""
    found: dict[str, set[str]] = defaultdict(set)
    open_ones = [i for i in news.invoices if i.status is InvoiceStatus.OPEN]
    fields = [(i.customer, i.email) for i in open_ones]
    for id, email in (*fields, *((c.id, c.email) for c in news.customers)):
        found[id] |= {entry.lower() for entry in entries_in(email)}
    return found


def _was_open(known: Mirrored | None) -> bool:
    return known is not None and known.invoice.status is InvoiceStatus.OPEN
