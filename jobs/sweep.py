"""The daily sweep: every open invoice is read, and so is every one that did not come back.

Absence is not payment: an invoice that was open and is missing from the list is read by its id.
What is written is cut into chunks, so that no write transaction is long.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, exists, select, update

from jobs import cross, gather
from jobs.office import Office
from jobs.rules.facts import Customer, Invoice
from jobs.rules.states import State
from jobs.step import Round, Step
from jobs.store import companies, history, ledger, log, posts, work
from jobs.store.companies import Company
from jobs.store.tables import cases as cases_table
from jobs.store.tables import companies as companies_table
from jobs.store.tables import schedule
from jobs.store.work import Claim
from qbo import Broken, Gone, PoisonedPage
from qbo.client import QuickBooks

DAILY = time(5, 0)
"""In the company's own zone, before anybody is at work."""
CUSTOMERS_A_CHUNK = 40
INVOICES_A_CHUNK = 300

T = TypeVar("T")
Write = Callable[..., Any]
"""Called with a connection and `now`."""


def step(office: Office) -> Step:
    """The sweep of one company per row."""
    return Step(
        name="sweep",
        table=schedule,
        ready=_ready,
        load=lambda conn, claim, now: _load(office, conn, claim, now),
        give_up=_give_up,
        width=2,
    )


def next_sweep(now: datetime, zone: ZoneInfo) -> datetime:
    """Tomorrow at the hour of the sweep, in the company's zone."""
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, DAILY, zone)


def _ready(_now: datetime) -> ColumnElement[bool]:
    connected = select(companies_table.c.realm).where(
        companies_table.c.realm == schedule.c.company, companies_table.c.status == "connected"
    )
    return (schedule.c.kind == "sweep") & exists(connected)


def _load(office: Office, conn: Connection, claim: Claim, now: datetime) -> Round:
    company = companies.need(conn, claim.row.company)
    return Fetch(office, company, frozenset(ledger.open_ids(conn, company.realm)), now)


@dataclass(frozen=True)
class Read:
    """What the ledger holds now."""

    open: list[Invoice]
    left: list[Invoice]
    """Were open in the mirror, and are settled now."""
    gone: list[str]
    customers: list[Customer]
    broken: list[Broken]


@dataclass(frozen=True)
class Fetch:
    """Read everything that is open, and what was open before."""

    office: Office
    company: Company
    known_open: frozenset[str]
    began_at: datetime

    def act(self) -> Read:
        """Raises QuickBooksError: the sweep then stays due and is tried again."""
        quickbooks, home = self.office.quickbooks(self.company.realm), self.company.home_currency
        broken: list[Broken] = []
        pages = quickbooks.open_invoices(broken.append)
        found = [gather.invoice(i, home) for page in pages for i in page]
        absent = sorted(self.known_open - {i.id for i in found})
        left, gone = self._what_became(quickbooks, absent, broken)
        customers = cross.read_customers(quickbooks, home, {i.customer for i in found + left})
        return Read(found, left, gone, customers, broken)

    def _what_became(
        self, quickbooks: QuickBooks, absent: list[str], broken: list[Broken]
    ) -> tuple[list[Invoice], list[str]]:
        """The invoices of these ids, and the ids that QuickBooks knows no more.

        Where a list was broken, each one that did not come is asked for by itself.
        """
        home = self.company.home_currency
        doubts: list[Broken] = []
        read = quickbooks.invoices_by_id(absent, doubts.append)
        missing = sorted(set(absent) - {i.id for i in read})
        gone = [] if doubts else missing
        for id in missing if doubts else ():
            try:
                read.append(quickbooks.invoice(id))
            except Gone:
                gone.append(id)
            except PoisonedPage:
                broken.append(Broken("Invoice", 0, id))
        return [gather.invoice(i, home) for i in read], gone

    def settle(self, conn: Connection, claim: Claim, outcome: Read, now: datetime) -> Round | None:
        """Begin to write, chunk by chunk."""
        return Chunks(tuple(self._writes(outcome, claim))).next(conn, claim, now)

    def _writes(self, read: Read, claim: Claim) -> Iterator[Write]:
        realm, policy = self.company.realm, self.office.policy
        for people in batches(read.customers, INVOICES_A_CHUNK):
            yield partial(ledger.put_customers, company=realm, read=people)
        for some in batches([*read.open, *read.left], INVOICES_A_CHUNK):
            yield partial(_put_invoices, company=realm, read=some)
        for ids in batches(read.gone, INVOICES_A_CHUNK):
            yield partial(_mark_gone, company=realm, ids=ids)
        parents = {c.id: c.parent for c in read.customers if c.bills_parent and c.parent}
        if self.company.swept_at is None:
            yield from self._first_addresses(read, parents)
        billed = sorted({ledger.billed(i.customer, parents) for i in read.open})
        trigger = f"sweep:{self.began_at:%Y-%m-%d}"
        for customers in batches(billed, CUSTOMERS_A_CHUNK):
            yield partial(
                cross.open_cases,
                policy=policy,
                company=self.company,
                customers=customers,
                trigger=trigger,
            )
        for id in sorted({ledger.billed(i.customer, parents) for i in read.left}):
            yield partial(cross.refresh, company=realm, customer=id)
        yield partial(self._finish, claim=claim, read=read)

    def _first_addresses(self, read: Read, parents: dict[str, str]) -> Iterator[Write]:
        """Addresses in the ledger at connection count as known to whoever is billed."""
        found: dict[str, set[str]] = defaultdict(set)
        for customer in read.customers:
            found[ledger.billed(customer.id, parents)] |= known(customer.email)
        for invoice in read.open:
            found[ledger.billed(invoice.customer, parents)] |= known(invoice.email)
        for customer_id, addresses in found.items():
            yield partial(
                history.know_addresses,
                company=self.company.realm,
                customer=customer_id,
                found=sorted(addresses),
                by="system:sweep",
            )

    def _finish(self, conn: Connection, claim: Claim, read: Read, now: datetime) -> None:
        realm = self.company.realm
        if not work.settle(conn, claim, next_sweep(now, self.company.zone)):
            return
        companies.change(conn, realm, swept_at=self.began_at)
        _rank_again(conn, realm, now)
        _tell_broken(conn, self.company, read.broken, now)
        data = {"open": len(read.open), "left": len(read.left), "gone": len(read.gone)}
        log.note(conn, log.Entry(realm, "sweep.done", "system:sweep", now, data=data))


@dataclass(frozen=True)
class Chunks:
    """What is still to be written; one transaction each."""

    writes: tuple[Write, ...]

    def act(self) -> None:
        """Nothing to do outside."""

    def settle(self, conn: Connection, claim: Claim, outcome: None, now: datetime) -> Round | None:
        """Write the next chunk."""
        return self.next(conn, claim, now)

    def next(self, conn: Connection, claim: Claim, now: datetime) -> Round | None:
        """Write one chunk while the claim is ours; a chunk written twice changes nothing."""
        if not work.renew(conn, claim, now):
            return None
        self.writes[0](conn, now=now)
        return Chunks(self.writes[1:]) if self.writes[1:] else None


def known(text: str) -> set[str]:
    """The addresses in an e-mail field of the ledger, which may hold a list; in lower case."""
    return {part.strip().lower() for part in re.split("[,;]", text) if part.strip()}


def batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """`items` in runs of at most `size` (itertools has this from Python 3.12 on)."""
    return (items[start : start + size] for start in range(0, len(items), size))


def _put_invoices(conn: Connection, company: str, read: Iterable[Invoice], now: datetime) -> None:
    """What changed without our being told is looked at again where a card waits."""
    changed = ledger.put_invoices(conn, company, read, now)
    parents = ledger.parents(conn, company)
    concerned = {ledger.billed(i.customer, parents) for i in changed}
    for customer in sorted(concerned & cross.customers_with_open_case(conn, company)):
        cross.refresh(conn, company, customer, now)


def _mark_gone(conn: Connection, company: str, ids: Iterable[str], now: datetime) -> None:
    known = ledger.mirrored(conn, company, list(ids))
    ledger.put_invoices(conn, company, [gather.gone(m.invoice) for m in known.values()], now)
    parents = ledger.parents(conn, company)
    for customer in {ledger.billed(m.invoice.customer, parents) for m in known.values()}:
        cross.refresh(conn, company, customer, now)


def _rank_again(conn: Connection, realm: str, now: datetime) -> None:
    """What was above yesterday's cap competes again today."""
    capped = (
        (cases_table.c.company == realm)
        & (cases_table.c.state == State.NEW)
        & cases_table.c.due_at.is_(None)
    )
    conn.execute(update(cases_table).where(capped).values(due_at=now))


def _tell_broken(conn: Connection, company: Company, broken: list[Broken], now: datetime) -> None:
    """A record QuickBooks cannot hand out is named to a person; the others went on."""
    for record in broken:
        what = f"{record.entity} {record.id or f'no. {record.position} of the list'}"
        text = (
            f":warning: QuickBooks cannot hand out {what}. All others were read. "
            "Open it in QuickBooks and save it again; often its e-mail address is the reason."
        )
        key = f"broken:{company.realm}:{what}"
        posts.notice(conn, company.realm, company.channel, key, text, now)


def _give_up(conn: Connection, claim: Claim, now: datetime) -> None:
    """Tell a person, and try again in an hour: a sweep is never dropped."""
    company = companies.need(conn, claim.row.company)
    text = (
        f":warning: The ledger could not be read in five tries ({claim.row.last_error}). "
        "No new cards until it can; the next try is in an hour, `/overdue run` tries now."
    )
    key = f"sweep:{company.realm}:{now:%Y-%m-%dT%H}"
    posts.notice(conn, company.realm, company.channel, key, text, now)
    work.settle(conn, claim, now + timedelta(hours=1), last_error=claim.row.last_error)
