"""The poll: once an hour, read whatever changed since the last one, in case a webhook was lost.

It ends in the same place as notifications. Whatever a notification has already brought, or the
overlap with the last poll repeats, is skipped, so that a change is acted on once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from jobs.engine import turns
from jobs.engine.services import Services
from jobs.engine.step import Step
from jobs.engine.turns import Plan, batches, in_transaction
from jobs.intake import broken, crossing
from jobs.intake.crossing import News
from jobs.intake.ledger_reader import EVIDENCE, OVERLAP, LedgerReader, evidence_id
from jobs.rules.facts.facts import Invoice
from jobs.sources import records
from jobs.store import companies, log, work
from jobs.store.companies import ConnectedCompany
from jobs.store.intake import events, ledger
from jobs.store.intake.ledger import InvoiceChange
from jobs.store.outbox import MessageKind
from jobs.store.work import Claim
from qbo import Broken, CreditMemo, Customer, Entity, Payment, models
from qbo.models import Deleted

KIND = "poll"
SWEEP = "sweep"
"""The kind of scheduled work that reads by id whatever is missing."""
EVERY = timedelta(hours=1)
LOOK_BACK = timedelta(days=29)
"""Change data capture reaches back 30 days (Intuit); one day less, because clocks differ."""
KINDS: tuple[type[Entity], ...] = (models.Invoice, Payment, CreditMemo, Customer)


def step(services: Services) -> Step:
    """The poll of one company per row."""
    return turns.step(KIND, partial(_plan, services), MessageKind.POLL_FAILED, "%Y-%m-%d")


def _plan(services: Services, conn: Connection, claim: Claim, now: datetime) -> Plan:
    company = companies.need(conn, claim.row.company)
    swept = company.swept_at - OVERLAP if company.swept_at else None
    body = claim.row.body or {}
    seen, waiting = frozenset(body.get("seen", ())), set(body.get("waiting", ()))
    services, since = services.for_company(company.realm), company.changes_since or swept
    return Poll(services, company, claim, now, since, seen, waiting).plan()


@dataclass
class Poll:
    """One look at what changed since `since`; None is the first, which only sets the cursor."""

    services: Services
    company: ConnectedCompany
    claim: Claim
    as_of: datetime
    since: datetime | None
    seen: frozenset[str]
    """What the last poll found and this one may repeat."""
    waiting: set[str]
    """Billed customers whose news is mirrored but has not yet been let cross. It is stored, so
    that it survives a poll that is killed: to the next one it would no longer be news."""
    keys: set[str] = field(default_factory=set)
    """What the next poll may repeat."""
    ended: set[str] = field(default_factory=set)
    """Customers that were deleted or merged into others."""
    broken: list[Broken] = field(default_factory=list)
    deleted_since: datetime | None = None
    """From this time on no deletion is missing."""

    @property
    def reader(self) -> LedgerReader:
        return LedgerReader.of(self.services, self.company, self.broken.append)

    def plan(self) -> Plan:
        """The whole poll. Raises QuickBooksError: it is then tried again from the same cursor."""
        since, late = self.since or self.as_of, self._too_late()
        reach = self.as_of - OVERLAP if late else since
        quickbooks = self.reader.quickbooks
        changes = quickbooks.changes(KINDS, reach, self.broken.append)
        cursor = changes.server_time - OVERLAP
        yield from self._let_cross()
        if self.since is not None:
            self.deleted_since = changes.deleted_since
            yield from self._learn(changes.living, changes.deleted, cursor)
            for kind in KINDS if late else sorted(changes.capped, key=KINDS.index):
                for page in quickbooks.changed_since(kind, since, self.broken.append):
                    yield from self._learn(page, (), cursor)
        yield partial(self._finish, cursor)

    def _too_late(self) -> bool:
        """Whether `since` is too old for change data capture; every kind is then listed by time.

        A listing does not show what was deleted; `_finish` has the sweep find that out.
        """
        return self.since is not None and self.as_of - self.since > LOOK_BACK

    def _learn(self, found: Sequence[Entity], deleted: Sequence[Deleted], cursor: datetime) -> Plan:
        """Keep what is news and process it chunk by chunk."""
        fresh = [record for record in found if _key(record) not in self.seen]
        late = [record for record in found if not record.updated_at or record.updated_at >= cursor]
        self.keys |= {_key(record) for record in late} | {_key(d) for d in deleted}
        dead = [d for d in deleted if _key(d) not in self.seen]
        self.ended |= {d.id for d in dead if d.entity == "Customer"}
        for some in batches(fresh, crossing.INVOICES_A_CHUNK):
            yield from self._chunk(some)
        for gone in batches(dead, crossing.INVOICES_A_CHUNK):
            yield from self._ended(gone)

    def _chunk(self, some: Sequence[Entity]) -> Plan:
        untold: list[Entity] = yield in_transaction(_untold, self.company.realm, some)
        about = {r.customer_id for r in untold if isinstance(r, Payment | CreditMemo)}
        customers = [r for r in untold if isinstance(r, Customer)]
        about |= {customer.id for customer in customers}
        read = self.reader.invoices(r for r in some if isinstance(r, models.Invoice))
        read += self.reader.paid_by(untold, [invoice.id for invoice in read])
        changes = yield in_transaction(_news_of, self.company.realm, read)
        found, merged = [c.now for c in changes], self._merged(changes)
        about |= {invoice.customer for invoice in found}
        if about:
            family = self.reader.family(about, customers)
            yield from self._mirror(News(self.as_of, found, family, frozenset(about), merged))

    def _merged(self, changes: Iterable[InvoiceChange]) -> dict[str, str]:
        """Merged customer → the customer who now has its invoices."""
        moved = [(c.before.customer, c.now.customer) for c in changes if c.before and c.moved]
        return {loser: survivor for loser, survivor in moved if loser in self.ended}

    def _ended(self, gone: Sequence[Deleted]) -> Plan:
        """Process what was deleted, including customers that were merged away."""
        ids = [d.id for d in gone if d.entity == "Invoice"]
        found: list[Invoice] = yield in_transaction(_vanished, self.company.realm, ids)
        about = {invoice.customer for invoice in found}
        ended = {d.id for d in gone if d.entity == "Customer"}
        evidence = frozenset(evidence_id(d.entity, d.id) for d in gone if d.entity in EVIDENCE)
        family = self.reader.family(about)
        news = News(self.as_of, found, family, frozenset(about | ended), deleted=evidence)
        if news.about or news.deleted:
            yield from self._mirror(news)

    def _mirror(self, news: News) -> Plan:
        for some in batches(news.customers, crossing.CUSTOMERS_A_CHUNK):
            yield partial(self._take, News(self.as_of, customers=list(some)))
        yield partial(self._take, replace(news, customers=[]))
        yield from self._let_cross()

    def _take(self, news: News, conn: Connection, now: datetime) -> None:
        self.waiting |= crossing.take(conn, self.company, news, now)
        body = {"seen": sorted(self.seen), "waiting": sorted(self.waiting)}
        work.remember(conn, self.claim.id, body)

    def _let_cross(self) -> Plan:
        trigger = f"{KIND}:{self.as_of:%Y-%m-%dT%H:%M}"
        waiting = dict.fromkeys(self.waiting, 1)
        yield from crossing.let_cross(self.services.policy, self.company, waiting, trigger)
        self.waiting.clear()

    def _finish(self, cursor: datetime, conn: Connection, now: datetime) -> None:
        body = {"seen": sorted(self.keys)}
        if work.settle(conn, self.claim, now + EVERY, body=body):
            companies.change(conn, self.company.realm, changes_since=cursor)
            broken.tell(conn, self.company, self.broken, now)
            self._have_swept(conn, now)

    def _have_swept(self, conn: Connection, now: datetime) -> None:
        """Bring the sweep forward if deletions before `deleted_since` may be missing."""
        if self.since is None or self.deleted_since is None or self.deleted_since <= self.since:
            return
        realm = self.company.realm
        work.hurry(conn, realm, SWEEP, now)
        data = {"since": str(self.since), "deleted_since": str(self.deleted_since)}
        log.note(conn, log.Entry(realm, "poll.cut", f"system:{KIND}", now, data=data))


def _key(record: Entity | Deleted) -> str:
    if isinstance(record, Deleted):
        return f"{record.entity}:{record.id}:deleted"
    return f"{record.ENTITY}:{record.id}:{record.sync_token}"


def _untold(conn: Connection, realm: str, some: Sequence[Entity]) -> list[Entity]:
    """The records that no notification has brought since they changed."""
    told = events.told(conn, realm, [(r.ENTITY, r.id, r.updated_at) for r in some])
    return [r for r in some if (r.ENTITY, r.id) not in told]


def _news_of(conn: Connection, realm: str, read: Sequence[Invoice]) -> list[InvoiceChange]:
    """What differs from the mirror, except settled invoices that were never mirrored."""
    known = ledger.mirrored(conn, realm, [i.id for i in read])
    changes = [ledger.compared(known.get(i.id), i) for i in read]
    return [c for c in changes if c and (c.before or c.now.is_open)]


def _vanished(conn: Connection, realm: str, ids: list[str]) -> list[Invoice]:
    """The deleted invoices of which the mirror does not know it yet."""
    known = ledger.mirrored(conn, realm, ids).values()
    changes = [ledger.compared(m, records.gone(m.invoice)) for m in known]
    return [c.now for c in changes if c]
