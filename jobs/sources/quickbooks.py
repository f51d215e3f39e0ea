"""A case → what the ledger says about it now. Shared by triage and the last check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection

from jobs.rules.facts.addresses import entries_in, is_address
from jobs.rules.facts.evidence import Document
from jobs.rules.facts.facts import (
    Company,
    Credit,
    Customer,
    Facts,
    Gap,
    Habit,
    Invoice,
    identity_gap,
)
from jobs.rules.facts.findings import LEDGER, Account, Context, Findings, Fresh
from jobs.rules.figures import Money
from jobs.rules.states import Stage
from jobs.sources import records
from jobs.store import assessments, cases, companies, crossings, sends
from jobs.store.cases import Case
from jobs.store.customers import families, history, marks
from jobs.store.intake import ledger
from qbo import Broken, QuickBooksError, models
from qbo.answers import raise_broken
from qbo.client import QuickBooks
from qbo.query import ACTIVE_OR_NOT, IDS_AT_ONCE, Select, among, where

T = TypeVar("T", Invoice, Credit)
HABIT = timedelta(days=730)
"""How far back paid invoices are read to learn payment habits."""


@dataclass(frozen=True)
class Books:
    """One reading of the ledger about one billed customer and those billed through it."""

    as_of: datetime
    customers: tuple[Customer, ...]
    open: tuple[Invoice, ...]
    left: tuple[Invoice, ...]
    """Expected to be open, but settled."""
    gone: frozenset[str]
    """Expected, but no longer known to QuickBooks."""
    credits: tuple[Credit, ...]
    """Credits of these customers and of their relatives."""
    relatives: tuple[Customer, ...]
    """Related customers (above, below and beside them) that are billed separately."""
    habit: Habit | None
    habit_unread: bool
    """A settled record could not be read, so nobody can say how they usually pay."""
    documents: tuple[Document, ...]


@dataclass(frozen=True)
class Asked:
    """What one case asks for: everything about these customer records."""

    members: frozenset[str]
    expected: frozenset[str]
    """Invoices that are read by id if they are not listed: absence is not payment."""
    habit_since: date
    family: frozenset[str] = frozenset()
    """Relatives whose money on account is read too."""

    @property
    def everybody(self) -> frozenset[str]:
        """Everyone whose records and money are read."""
        return self.members | self.family


@dataclass(frozen=True)
class Records:
    """What QuickBooks has about some customer records, unprocessed."""

    customers: list[models.Customer]
    open: list[models.Invoice]
    by_id: list[models.Invoice]
    """Expected invoices that were not listed as open."""
    paid: list[models.Invoice]
    """Paid invoices dated within HABIT."""
    payments: list[models.Payment]
    credit_memos: list[models.CreditMemo]
    broken: tuple[Broken, ...] = ()
    """Paid invoices, payments and credit memos that could not be read."""

    def about(self, asked: Asked) -> Records:
        """The part of these records that one of several cases asked for."""
        ids, all_of_them = asked.members, asked.everybody
        ours = [i for i in self.open if i.customer_id in ids]
        elsewhere = asked.expected - {i.id for i in ours}
        return Records(
            customers=[c for c in self.customers if c.id in all_of_them],
            open=ours,
            by_id=[i for i in (*self.by_id, *self.open) if i.id in elsewhere],
            paid=[i for i in self.paid if i.customer_id in ids],
            payments=[p for p in self.payments if p.customer_id in all_of_them],
            credit_memos=[m for m in self.credit_memos if m.customer_id in all_of_them],
            broken=tuple(b for b in self.broken if not b.customer or b.customer in all_of_them),
        )


class RecordReader(Protocol):
    """Where records come from: read for one case alone, or pooled with other cases."""

    def about(self, asked: Asked) -> Records:
        """The records asked for. Raises QuickBooksError."""
        ...


@dataclass(frozen=True)
class Alone:
    """Reads for one case by itself."""

    quickbooks: QuickBooks

    def about(self, asked: Asked) -> Records:
        if len(asked.everybody) > IDS_AT_ONCE:
            return fetch(self.quickbooks, asked)
        return _at_once(self.quickbooks, asked)


def _at_once(quickbooks: QuickBooks, asked: Asked) -> Records:
    """Like `fetch`, but one request for all kinds of records, because a person is waiting."""
    theirs = among("CustomerRef", sorted(asked.members))
    everybody = sorted(asked.everybody)
    settled = where("TxnDate", ">=", asked.habit_since), where("Balance", "=", "0")
    paid = Select("Invoice", (theirs, *settled))
    money = [Select(kind, (among("CustomerRef", everybody),)) for kind in ("Payment", "CreditMemo")]
    broken: list[Broken] = []
    answers = quickbooks.batch(
        [
            Select("Customer", (among("Id", everybody), ACTIVE_OR_NOT)),
            Select("Invoice", (theirs, where("Balance", ">", "0"))),
            paid,
            *money,
        ],
        dict.fromkeys((paid, *money), broken.append),
    )
    customers, open_invoices, settled_ones, payments, memos = map(_or_raise, answers)
    absent = sorted(asked.expected - {i.id for i in open_invoices})
    by_id = quickbooks.invoices_by_id(absent)
    found = customers, open_invoices, by_id, settled_ones, payments, memos
    return Records(*found, broken=tuple(broken))


def _or_raise(found: list[Any] | QuickBooksError) -> list[Any]:
    if isinstance(found, QuickBooksError):
        raise found
    return found


def fetch(quickbooks: QuickBooks, asked: Asked) -> Records:
    """Read the records asked for. Raises QuickBooksError.

    It takes five metered reads for up to 200 customers, one more for every further 1000 rows of a
    kind, and one more if an expected invoice is not listed. Payments and credit memos are read
    whatever their date: their unapplied rest cannot be queried, and every rest counts. Habits take
    one of the five reads: the paid invoices of two years; the payments tell when each was settled.
    Broken records among these are left out and listed in `broken`: the customer's balance tells
    whether money is missing.
    """
    ids, everybody = sorted(asked.members), sorted(asked.everybody)
    open_invoices = quickbooks.open_invoices_of(ids)
    absent = sorted(asked.expected - {i.id for i in open_invoices})
    broken: list[Broken] = []
    return Records(
        customers=quickbooks.customers(everybody),
        open=open_invoices,
        by_id=quickbooks.invoices_by_id(absent),
        paid=quickbooks.paid_invoices_of(ids, asked.habit_since, broken.append),
        payments=quickbooks.payments(everybody, broken.append),
        credit_memos=quickbooks.credit_memos(everybody, broken.append),
        broken=tuple(broken),
    )


def read(source: RecordReader, file: CaseFile, now: datetime) -> Books:
    """Read everything that a case needs to know. Raises QuickBooksError.

    The kinds of records are read one after the other, so a payment that arrives meanwhile is in
    some and not in others. Books that do not add up are therefore read once more before anybody is
    told, unless they were off by the same amount last time. They are also read again if a record
    has a parent that is new to us, because its money counts.
    """
    books = _read(source, file, now)
    above = {c.parent for c in (*books.customers, *books.relatives) if c.parent}
    strangers = above - file.members - file.family
    if not strangers and _known_already(_gaps(books), file.gaps):
        return books
    return _read(source, replace(file, family=file.family | strangers), now)


def _known_already(found: Iterable[Gap], before: Iterable[Gap]) -> bool:
    standing = {(gap.customer, gap.difference) for gap in before}
    return all((gap.customer, gap.difference) in standing for gap in found)


def _read(source: RecordReader, file: CaseFile, now: datetime) -> Books:
    home = file.company.home_currency
    asked = Asked(file.members, file.expected, (now - HABIT).date(), file.family)
    found = source.about(asked)
    left = tuple(records.invoice(i, home) for i in found.by_id)
    absent = file.expected - {i.id for i in found.open}
    everybody = [records.customer(c, home) for c in found.customers]
    books = Books(
        as_of=now,
        customers=tuple(c for c in everybody if c.id in file.members),
        relatives=_relatives(everybody, file.members),
        open=(*(records.invoice(i, home) for i in found.open), *_still_open(left)),
        left=tuple(i for i in left if not i.is_open),
        gone=frozenset(absent) - {i.id for i in left},
        credits=(
            *records.unapplied(found.payments, home),
            *records.remaining(found.credit_memos, home),
        ),
        habit=None if found.broken else records.payment_habit(found.paid, found.payments),
        habit_unread=bool(found.broken),
        documents=tuple(records.memo(i, now) for i in found.open if i.customer_memo.strip()),
    )
    _raise_where_money_is_hidden(found.broken, asked, books)
    return books


def _raise_where_money_is_hidden(broken: Iterable[Broken], asked: Asked, books: Books) -> None:
    """Raise PoisonedPage if an unreadable payment or credit may hide money.

    If the customer's balance adds up without it, it is used up. For relatives only the money is
    read, not the balance, so theirs may always hide some.
    """
    adds_up = not _gaps(books)
    for record in broken:
        own = record.customer in asked.members or not (record.customer or asked.family)
        if record.entity != models.Invoice.ENTITY and not (own and adds_up):
            raise_broken(record)


def _relatives(everybody: Iterable[Customer], members: frozenset[str]) -> tuple[Customer, ...]:
    """Those still related to `members`: a record may have left the family since it was mirrored."""
    outside = {c.id: c for c in everybody}
    family, level = set[str](), set(members)
    while level:
        family |= level
        above = {outside[id].parent for id in level if id in outside} - {""}
        below = {c.id for c in outside.values() if c.parent in level}
        level = (above | below) - family
    return tuple(c for c in outside.values() if c.id in family - members)


def _still_open(read_by_id: tuple[Invoice, ...]) -> tuple[Invoice, ...]:
    """Open invoices that were not listed: a listing can miss a row that moved meanwhile."""
    return tuple(i for i in read_by_id if i.is_open)


@dataclass(frozen=True)
class Scope:
    """What a case is about, according to our own database."""

    company: Company
    customer: str
    currency: str
    members: frozenset[str]
    """The billed customer and those billed through it."""
    stages: dict[str, Stage]
    """Invoice id → the highest stage it has crossed in its round."""
    held: frozenset[str] = frozenset()
    """Invoices that are on hold."""


@dataclass(frozen=True)
class CaseFile:
    """A case and what our own database says about it, loaded before anything outside is read."""

    case: Case
    company: companies.ConnectedCompany
    members: frozenset[str]
    """The billed customer and those billed through it."""
    expected: frozenset[str]
    """Invoices that were open when last read, and those that the case is about."""
    scope: Scope
    family: frozenset[str] = frozenset()
    """Known relatives that are billed separately: their money may be meant for this customer."""
    gaps: tuple[Gap, ...] = ()
    """What did not add up the last time."""


def open_file(conn: Connection, case: Case, now: datetime) -> CaseFile:
    """Load what is needed to gather a case's context."""
    company = companies.need(conn, case.company)
    members = families.members_of(conn, case.company, [case.customer])[case.customer]
    known = ledger.open_of(conn, case.company, members)
    ours = [m for m in known if m.invoice.open.currency == case.currency]
    last = crossings.last_stages(conn, case.company, [m.invoice.id for m in ours])
    stages = {m.invoice.id: last.get((m.invoice.id, m.round), Stage.REMINDER) for m in ours}
    holds = history.unlifted(conn, case.company, case.customer)
    scope = Scope(
        company=company.as_fact(),
        customer=case.customer,
        currency=case.currency,
        members=members,
        stages=stages,
        held=frozenset(h.invoice for h in holds if h.invoice and h.until > company.today(now)),
    )
    expected = frozenset(m.invoice.id for m in ours) | _about(conn, case)
    family = families.family_of(conn, case.company, members) - members
    gaps = assessments.gaps(conn, case)
    return CaseFile(case, company, members, expected, scope, family, gaps)


def _about(conn: Connection, case: Case) -> frozenset[str]:
    """Invoices that the case mentions or exists for, so that each one's fate can be told."""
    return cases.spoken_of(conn, case.id) | crossings.crossed(conn, case.id).keys()


def mirror(conn: Connection, file: CaseFile, books: Books, now: datetime) -> None:
    """Store what was read in the mirror, so that lists and detection see it too.

    Invoices that moved to another customer may cross there; detection would not see them as news.
    """
    realm, customer = file.company.realm, file.case.customer
    known = ledger.mirrored(conn, realm, list(books.gone))
    vanished = [records.gone(m.invoice) for m in known.values()]
    families.put_customers(conn, realm, books.customers, books.as_of)
    ledger.put_invoices(conn, realm, [*books.open, *books.left, *vanished], books.as_of)
    members = families.members_of(conn, realm, [customer])[customer]
    crossings.give_up_others(conn, file.case, members, now)


def ended(conn: Connection, file: CaseFile, books: Books) -> tuple[Invoice, ...]:
    """The expected invoices that are settled, voided or gone; call it after `mirror`."""
    known = ledger.mirrored(conn, file.company.realm, sorted(books.gone))
    return (*books.left, *(m.invoice for m in known.values()))


def facts(books: Books, scope: Scope) -> Facts:
    """What the books say about one case.

    Invoices in other currencies are left out, and so are those that moved to another customer;
    a customer that is now billed with its parent is asked for nothing.
    """
    today = books.as_of.astimezone(scope.company.zone).date()
    billed = _billed(books, scope)
    above = billed.parent if billed.bills_parent else ""
    moved = above and above not in scope.members  # a parent among the members means a cycle
    asked = frozenset[str]() if moved else scope.members & {c.id for c in books.customers}
    ours = [i for i in books.open if i.open.currency == scope.currency and i.customer in asked]
    spoken = [i for i in ours if i.days_overdue(today) > 0 and i.id not in scope.held]
    money = [c for c in books.credits if c.open.currency == scope.currency]
    relatives = {c.id: c for c in books.relatives}
    elsewhere = tuple(c for c in money if c.customer in relatives)
    return Facts(
        company=scope.company,
        customer=billed,
        currency=scope.currency,
        as_of=books.as_of,
        invoices=tuple(sorted(spoken, key=lambda i: (i.due, i.id))),
        stages={i.id: scope.stages.get(i.id, Stage.REMINDER) for i in spoken},
        other_open=tuple(i for i in ours if i not in spoken),
        credits=tuple(c for c in money if c.customer in scope.members),
        members=books.customers,
        gaps=_gaps(books),
        habit=books.habit,
        habit_unread=books.habit_unread,
        family_credits=elsewhere,
        relatives=tuple(relatives[id] for id in sorted({c.customer for c in elsewhere})),
    )


def documents(books: Books, about: Facts) -> tuple[Document, ...]:
    """The outside texts that belong to the invoices this case talks about."""
    spoken = {f"memo:{i.id}" for i in about.invoices}
    return tuple(d for d in books.documents if d.id in spoken)


def context(books: Books, facts: Facts) -> Context:
    """What the ledger alone says; other sources add their findings."""
    memos = Findings(Fresh(books.as_of), documents=documents(books, facts))
    return Context(facts, {LEDGER: memos})


def account(conn: Connection, file: CaseFile, facts: Facts) -> Account:
    """How other systems may know the customer."""
    fields = [customer.email for customer in (facts.customer, *facts.members)]
    fields += [invoice.email for invoice in (*facts.invoices, *facts.other_open)]
    entries = (entry.lower() for field in fields for entry in entries_in(field))
    whose = file.case.company, file.case.customer
    return Account(
        facts.customer.id,
        facts.customer.name,
        addresses=frozenset(filter(is_address, entries)),
        sent=sends.message_ids(conn, *whose),
        known_as=marks.known_as(conn, *whose),
        copied=frozenset(history.chosen_cc(conn, *whose)),
    )


def _billed(books: Books, scope: Scope) -> Customer:
    nobody = Customer(scope.customer, "", "", Money(models.ONE * 0, scope.currency), active=False)
    return next((c for c in books.customers if c.id == scope.customer), nobody)


def _gaps(books: Books) -> tuple[Gap, ...]:
    found = (identity_gap(c, _in(books.open, c), _in(books.credits, c)) for c in books.customers)
    return tuple(gap for gap in found if gap)


def _in(records: Iterable[T], customer: Customer) -> tuple[T, ...]:
    """The customer's records in its own currency: QuickBooks allows a customer only one."""
    return tuple(r for r in records if r.open.currency == customer.balance.currency)
