"""The daily sweep: every open invoice is read, and so is every one that did not come back.

Absence is not payment: an invoice that was open and is missing from the list is read by its id.
What is read is written page by page and cut into chunks: nothing is held for long, and no write
transaction is long. A sweep that is killed begins anew; what is written twice changes nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select, update

from jobs import broken, by_turns, cross, gather, rehearsal, turns
from jobs.cross import News
from jobs.office import Office
from jobs.rules.facts import Invoice, InvoiceStatus
from jobs.rules.recipients import entries_in
from jobs.rules.states import State
from jobs.step import Step
from jobs.store import companies, history, ledger, log, work
from jobs.store.companies import Company
from jobs.store.ledger import Mirrored
from jobs.store.tables import cases
from jobs.store.work import Claim
from jobs.turns import Plan, batches
from qbo import Broken, Gone, PoisonedPage, models
from qbo.client import QuickBooks

KIND = "sweep"
DAILY = time(5, 0)
"""In the company's own zone, before anybody is at work."""
OVERLAP = timedelta(minutes=10)
"""Our clock and QuickBooks' may differ, and a change may become visible late."""
AGAIN = timedelta(hours=1)
"""Until the next one, where too much changed during this one to tell what was deleted."""
IDS_AT_ONCE = 200
"""So many QuickBooks is asked for in one statement."""
CASES_A_CHUNK = 500
KNOWN_AT_ONCE = 5_000


def step(office: Office) -> Step:
    """The sweep of one company per row."""
    trouble = (
        "The ledger could not be read{why}. No new cards until it can; "
        "the next try is in an hour, `/overdue run` tries now."
    )
    return turns.step(KIND, partial(_plan, office), trouble, "%Y-%m-%dT%H")


def next_sweep(now: datetime, zone: ZoneInfo) -> datetime:
    """Tomorrow at the hour of the sweep, in the company's zone."""
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, DAILY, zone)


def _plan(office: Office, conn: Connection, claim: Claim, now: datetime) -> Plan:
    company = companies.need(conn, claim.row.company)
    return Sweep(office.for_company(company.realm), company, claim, now).plan()


@dataclass
class Sweep:
    """One reading of everything that is open, and of what was open before."""

    office: Office
    company: Company
    claim: Claim
    began_at: datetime
    broken: list[Broken] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    """Invoices that this sweep has read."""
    owners: Counter[str] = field(default_factory=Counter)
    """Customer → how many open invoices stand on its record."""
    addresses: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Customer → its addresses in the ledger; for the first sweep only."""
    left: int = 0
    gone: int = 0
    cut: bool = False
    """So much changed meanwhile that deletions may be missing."""

    @property
    def quickbooks(self) -> QuickBooks:
        return self.office.quickbooks(self.company.realm)

    def plan(self) -> Plan:
        """Everything in its order. Raises QuickBooksError: the sweep then is tried again."""
        yield from rehearsal.clear(self.company.realm)
        for page in self.quickbooks.open_invoices(self.broken.append):
            yield from self._put(page)
        yield from self._changed_meanwhile()
        yield from self._absent()
        yield from self._customers()
        if self.company.swept_at is None:
            yield from self._first_addresses()
        yield from self._cases()
        yield from self._rank_again()
        yield self._finish

    def _put(self, read: Sequence[models.Invoice]) -> Plan:
        home = self.company.home_currency
        for some in batches([gather.invoice(i, home) for i in read], by_turns.INVOICES_A_CHUNK):
            self._notice(some)
            yield partial(_take, self.company, News(self.began_at, list(some)))

    def _notice(self, some: Sequence[Invoice]) -> None:
        self.seen |= {i.id for i in some}
        for invoice in some:
            if invoice.status is not InvoiceStatus.OPEN:
                self.left += 1
                continue
            self.owners[invoice.customer] += 1
            if self.company.swept_at is None:
                self._know(invoice.customer, invoice.email)

    def _know(self, customer: str, email: str) -> None:
        self.addresses[customer] |= {entry.lower() for entry in entries_in(email)}

    def _changed_meanwhile(self) -> Plan:
        """Rows shift between pages while others leave them: what changed since is read again."""
        since, kinds = self.began_at - OVERLAP, [models.Invoice]
        changes = self.quickbooks.changes(kinds, since, self.broken.append)
        self.cut = changes.deleted_since > since
        yield from self._again(changes.invoices)
        if changes.capped:
            for page in self.quickbooks.changed_since(models.Invoice, since, self.broken.append):
                yield from self._again(page)
        yield from self._vanished([d.id for d in changes.deleted])

    def _again(self, read: Sequence[models.Invoice]) -> Plan:
        """What was settled already when the sweep began, and what we never knew, is no news."""
        found = {i.id: i for i in read}
        ours: dict[str, Mirrored] = yield partial(_mirrored, self.company, list(found))
        yield from self._put([i for i in read if i.balance > 0 or _was_open(ours.get(i.id))])

    def _absent(self) -> Plan:
        """Absence is not payment: what was open and did not come is read by its id."""
        last, ids = "", [""]
        while ids:
            ids = yield partial(_open_ids, self.company, last)
            last = ids[-1] if ids else last
            for absent in batches([id for id in ids if id not in self.seen], IDS_AT_ONCE):
                read, gone = self._what_became(absent)
                yield from self._put(read)
                yield from self._vanished(gone)

    def _what_became(self, absent: Sequence[str]) -> tuple[list[models.Invoice], list[str]]:
        """The invoices of these ids, and the ids that QuickBooks knows no more.

        Where a list was broken, each one that did not come is asked for by itself.
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
                pass  # not even by itself
            self.broken.append(Broken("Invoice", 0, id, unfit=unfit.get(id, "")))
        return read, gone

    def _vanished(self, ids: Sequence[str]) -> Plan:
        for some in batches(ids, by_turns.INVOICES_A_CHUNK):
            ours: dict[str, Mirrored] = yield partial(_mirrored, self.company, list(some))
            gone = [gather.gone(m.invoice) for m in ours.values()]
            fresh = [i for i in gone if _was_open(ours[i.id])]
            self.seen |= {i.id for i in gone}
            self.gone += len(fresh)
            yield partial(_take, self.company, News(self.began_at, gone))

    def _customers(self) -> Plan:
        """Whoever owes, who is above them, and who is below somebody and in credit.

        A sub-customer that owes nothing but has credits lowers what its parent owes, or holds money
        that may be meant for its family; it is found by its negative balance, in one listing. One
        that is not listed any more is read by id.
        """
        read: set[str] = set()
        for some in batches(sorted(self.owners), IDS_AT_ONCE):
            yield from self._people(some, read)
        for page in self.quickbooks.customers_in_credit(self.broken.append):
            subs = [c.id for c in page if c.parent_id]
            yield from self._people(subs, read)
        once: list[str] = yield partial(_in_credit, self.company)
        yield from self._people([id for id in once if id not in read], read)

    def _people(self, ids: Sequence[str], read: set[str]) -> Plan:
        home = self.company.home_currency
        found = cross.read_customers(self.quickbooks, home, ids, read, self.broken.append)
        for some in batches(found, by_turns.CUSTOMERS_A_CHUNK):
            for customer in some if self.company.swept_at is None else ():
                self._know(customer.id, customer.email)
            read |= {c.id for c in some}
            yield partial(_take, self.company, News(self.began_at, customers=list(some)))

    def _first_addresses(self) -> Plan:
        """Addresses in the ledger at connection count as known to whoever is billed."""
        for some in batches(sorted(self.addresses), IDS_AT_ONCE):
            payers: dict[str, str] = yield partial(_billed_by, self.company, some)
            found: dict[str, set[str]] = defaultdict(set)
            for id in some:
                found[payers[id]] |= self.addresses[id]
            yield partial(_know, self.company, found)

    def _cases(self) -> Plan:
        """Everything is mirrored; now let cross what is overdue, a few customers at a time."""
        weights: Counter[str] = Counter()
        for some in batches(sorted(self.owners), 1000):
            payers: dict[str, str] = yield partial(_billed_by, self.company, some)
            for id in some:
                weights[payers[id]] += self.owners[id]
        trigger = f"{KIND}:{self.began_at:%Y-%m-%d}"
        for some in weighed(weights, by_turns.PAYERS_A_CHUNK, by_turns.CROSSINGS_A_CHUNK):
            yield from by_turns.let_cross(self.office.policy, self.company, some, trigger)

    def _rank_again(self) -> Plan:
        """What was above yesterday's cap competes again today."""
        left = CASES_A_CHUNK
        while left == CASES_A_CHUNK:
            left = yield partial(_uncap, self.company)

    def _finish(self, conn: Connection, now: datetime) -> None:
        realm = self.company.realm
        due = now + AGAIN if self.cut else next_sweep(now, self.company.zone)
        if not work.settle(conn, self.claim, due):
            return
        companies.change(conn, realm, swept_at=self.began_at)
        broken.tell(conn, self.company, self._named(), now)
        counts = {"open": self.owners.total(), "left": self.left, "gone": self.gone}
        data = {**counts, "again": True} if self.cut else counts
        log.note(conn, log.Entry(realm, "sweep.done", "system:sweep", now, data=data))

    def _named(self) -> list[Broken]:
        """A place in a list is left out where every such record is known by its id."""
        named = [record for record in self.broken if record.id]
        invoices = sum(record.entity == "Invoice" for record in named)
        places = len(self.broken) - len(named)
        return named if invoices >= places else self.broken


def weighed(weights: Mapping[str, int], count: int, weight: int) -> Iterator[list[str]]:
    """The keys in order, in runs of at most `count` and, but for a single one, of `weight`."""
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


def _take(company: Company, news: News, conn: Connection, now: datetime) -> None:
    cross.take(conn, company, news, now)


def _mirrored(
    company: Company, ids: list[str], conn: Connection, _now: datetime
) -> dict[str, Mirrored]:
    return ledger.mirrored(conn, company.realm, ids)


def _open_ids(company: Company, after: str, conn: Connection, _now: datetime) -> list[str]:
    return ledger.open_ids(conn, company.realm, after, KNOWN_AT_ONCE)


def _in_credit(company: Company, conn: Connection, _now: datetime) -> list[str]:
    return ledger.in_credit(conn, company.realm)


def _billed_by(
    company: Company, ids: Sequence[str], conn: Connection, _now: datetime
) -> dict[str, str]:
    return ledger.billed_by(conn, company.realm, ids)


def _know(company: Company, found: Mapping[str, set[str]], conn: Connection, now: datetime) -> None:
    history.know_addresses(conn, company.realm, found, "system:sweep", now)


def _uncap(company: Company, conn: Connection, now: datetime) -> int:
    capped = (
        (cases.c.company == company.realm) & (cases.c.state == State.NEW) & cases.c.due_at.is_(None)
    )
    some = select(cases.c.id).where(capped).limit(CASES_A_CHUNK)
    return conn.execute(update(cases).where(cases.c.id.in_(some)).values(due_at=now)).rowcount


def _was_open(known: Mirrored | None) -> bool:
    return known is not None and known.invoice.status is InvoiceStatus.OPEN
