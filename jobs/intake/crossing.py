"""Mirror → crossings → cases: the only place where cases are created.

Webhooks, the poll, the sweep and `/overdue run` all end here, so an invoice crosses a stage once,
no matter how often it is noticed.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import partial

from sqlalchemy import Connection

from jobs.engine.turns import Plan
from jobs.rules.facts import Customer, Invoice, InvoiceStatus
from jobs.rules.policy import Policy
from jobs.rules.states import HIGHEST_START, JOINABLE, Stage, State, crossing_stage
from jobs.sources import records
from jobs.store import cases, companies, crossings, history, ledger
from jobs.store.cases import Move, NewCase
from jobs.store.companies import ConnectedCompany
from jobs.store.crossings import Crossing, Standing
from qbo import Broken, OnBroken, models
from qbo.answers import raise_broken
from qbo.client import QuickBooks

ACTOR = "system:detect"
DEEPEST = 5
"""QuickBooks nests sub-customers five levels deep (its own limit)."""
COUNTED_ON = re.compile(r'"((?:payment|credit_memo):[^"\\]+)"')
"""The id of a payment or credit memo, as it is written in the evidence of a case."""
MERGED = "The customer was merged into another one in QuickBooks; its invoices go on there."


@dataclass(frozen=True)
class News:
    """What a reading of the ledger that began at `as_of` found."""

    as_of: datetime
    invoices: list[Invoice] = field(default_factory=list)
    customers: list[Customer] = field(default_factory=list)
    about: frozenset[str] = frozenset()
    """Customers to look at again, even if none of their invoices has changed."""
    merged: Mapping[str, str] = field(default_factory=dict)
    """The customer that was merged away → the one it was merged into."""
    deleted: frozenset[str] = frozenset()
    """Payments and credit memos that were deleted, by their evidence ids."""


def learn(
    conn: Connection,
    policy: Policy,
    company: ConnectedCompany,
    news: News,
    trigger: str,
    now: datetime,
) -> None:
    """Mirror what was read, refresh the waiting cases, and let overdue invoices cross.

    News that we already know, such as the echo of our own note, writes nothing.
    """
    concerned = take(conn, company, news, now)
    if concerned:
        open_cases(conn, policy, company, concerned, trigger, now)


def take(conn: Connection, company: ConnectedCompany, news: News, now: datetime) -> set[str]:
    """Mirror what was read and refresh the cases it concerns; returns the billed customers."""
    realm = company.realm
    read = {c.id for c in news.customers}
    before = ledger.billed_by(conn, realm, read)
    moved = ledger.put_customers(conn, realm, news.customers, news.as_of)
    changed = ledger.bring_up(conn, realm, news.invoices, news.as_of)
    ids = {c.now.customer for c in changed} | news.about | moved
    ids |= _speaking_of(conn, realm, news.deleted)
    after = ledger.billed_by(conn, realm, read | ids)
    _leave(conn, realm, _moved(conn, realm, before, after, changed), now)
    for loser, survivor in news.merged.items():
        _end_merged(conn, realm, loser, survivor, now)
    billed = {after[id] for id in ids}
    family = _whose_family_has_news(conn, realm, moved | news.about)
    cases.look_again(conn, realm, billed | family, now)
    return billed


def _whose_family_has_news(conn: Connection, realm: str, ids: Iterable[str]) -> set[str]:
    """The separately billed relatives of `ids`, who may be meant by money on these records."""
    return set(ledger.billed_by(conn, realm, ledger.family_of(conn, realm, ids)).values())


def _moved(
    conn: Connection,
    realm: str,
    before: Mapping[str, str],
    after: Mapping[str, str],
    changed: Iterable[ledger.Change],
) -> dict[str, set[str]]:
    """Previously billed customer → the invoices that are now billed to somebody else."""
    left: dict[str, set[str]] = defaultdict(set)
    elsewhere = {id for id, payer in before.items() if after[id] != payer}
    for m in ledger.open_of(conn, realm, elsewhere) if elsewhere else ():
        left[before[m.invoice.customer]].add(m.invoice.id)
    gone = {c.now.id: c.before.customer for c in changed if c.moved and c.before}
    payers = ledger.billed_by(conn, realm, gone.values())
    for invoice, customer in gone.items():
        left[before.get(customer, payers[customer])].add(invoice)
    return left


def _leave(conn: Connection, realm: str, left: Mapping[str, Iterable[str]], now: datetime) -> None:
    """Give back the crossings of invoices that left a customer, so they can cross at the new one.

    Nobody was written to about them here.
    """
    for payer, ids in left.items():
        crossings.give_back(conn, realm, [payer], ids, now)
    cases.look_again(conn, realm, left, now)


def _speaking_of(conn: Connection, realm: str, evidence: frozenset[str]) -> set[str]:
    """Customers with an open case that relies on one of these payments or credit memos.

    One pass over the cases, no matter how many were deleted: the stored evidence is searched as
    text.
    """
    if not evidence:
        return set()
    said = cases.evidence_of_unsaid(conn, realm)
    return {who for who, text in said if not evidence.isdisjoint(COUNTED_ON.findall(text))}


def _end_merged(conn: Connection, realm: str, loser: str, survivor: str, now: datetime) -> None:
    """Carry people's decisions about `loser` over to `survivor`; its cases end and start there."""
    history.inherit(conn, realm, loser, survivor)
    for case in cases.open_cases(conn, realm, [loser]).values():
        move = Move(State.CANCELLED, "case.cancelled", ACTOR, data={"merged": survivor})
        if case.state in JOINABLE and cases.move(conn, case, move, now, end_reason=MERGED):
            crossings.release(conn, case.id, now)


def read_customers(
    quickbooks: QuickBooks,
    home: str,
    ids: Iterable[str],
    known: Iterable[str] = (),
    on_broken: OnBroken | None = None,
) -> list[Customer]:
    """These customers and all their parents, without the `known` ones.

    That includes parents that are billed separately: money on account there may be meant for
    these. A record that cannot be read is passed to `on_broken`, or raises PoisonedPage if there
    is none. Raises QuickBooksError.
    """
    found: dict[str, Customer] = {}
    passed = set(known)
    wanted = set(ids) - passed
    for _ in range(DEEPEST):
        if not wanted:
            break
        read = [records.customer(c, home) for c in readable(quickbooks, sorted(wanted), on_broken)]
        found |= {c.id: c for c in read}
        above = {c.parent for c in read if c.parent}
        wanted = above - found.keys() - passed
    return list(found.values())


def readable(
    quickbooks: QuickBooks, ids: Sequence[str], on_broken: OnBroken | None
) -> list[models.Customer]:
    """The customers that can be read.

    The others are passed to `on_broken`, by id, since their place in our query helps nobody; or
    raise PoisonedPage if there is none. Raises QuickBooksError.
    """
    found: list[Broken] = []
    read = quickbooks.customers(ids, found.append)
    missing = sorted(set(ids) - {c.id for c in read})
    broken = [each for each in found if each.entity == "Customer"]
    if len(missing) == len(broken):  # otherwise some of the missing were merged away
        unfit = {each.id: each.unfit for each in broken}
        broken = [Broken("Customer", 0, id, unfit=unfit.get(id, "")) for id in missing]
    for each in broken:
        (on_broken or raise_broken)(each)
    for each in found:
        if each.entity != "Customer" and on_broken:  # a customer type: customers load without it
            on_broken(each)
    return read


def open_cases(
    conn: Connection,
    policy: Policy,
    company: ConnectedCompany,
    customers: Iterable[str],
    trigger: str,
    now: datetime,
    after: str = "",
    most: int | None = None,
) -> str | None:
    """Let the overdue invoices of these billed customers cross.

    At most `most` of their invoices are looked at, starting after the id `after`. Returns the id
    to continue after, or None at the end.
    """
    company = companies.need(conn, company.realm)  # it may have gone live since it was loaded
    asked = look_up(conn, policy, company, set(customers), company.today(now))
    one_more = None if most is None else most + 1  # one extra tells whether there are more
    some = crossings.overdue(conn, company.realm, asked.payers, asked.today, after, one_more)
    _cross(conn, company, asked, reached(asked, some[:most]), trigger, now)
    return some[most - 1].invoice if most and len(some) > most else None


def _cross(
    conn: Connection,
    company: ConnectedCompany,
    asked: Asked,
    found: Mapping[Key, list[Crossing]],
    trigger: str,
    now: datetime,
) -> None:
    existing = cases.open_cases(conn, company.realm, {customer for customer, _ in found})
    openings = [
        (_opening(company, key, theirs, trigger), asked.worth[key])
        for key, theirs in found.items()
        if key not in existing
    ]
    opened = cases.open_all(conn, openings, now)
    joined = {key: case for key, case in (existing | opened).items() if key in found}
    news = {case.id: found[key] for key, case in joined.items() if case.state in JOINABLE}
    crossed = crossings.cross_all(conn, company.realm, news, now)
    known = [c for key, c in joined.items() if c.id in crossed and key in existing]
    # a snooze goes on
    cases.wake(conn, [c.id for c in known if c.state is not State.SNOOZED], now)


def _opening(company: ConnectedCompany, key: Key, found: list[Crossing], trigger: str) -> NewCase:
    customer, currency = key
    stage = max(one.stage for one in found)
    return NewCase(company.realm, customer, currency, stage, not company.live, trigger)


Key = tuple[str, str]
"""The billed customer and a currency: there is at most one open case for each."""


@dataclass(frozen=True)
class Asked:
    """Some billed customers, and what keeps their overdue invoices from crossing."""

    today: date
    payers: Mapping[str, str]
    """Customer record → who is billed."""
    worth: Mapping[Key, Decimal]
    """All that they owe; for ranking only."""
    held: frozenset[tuple[str, str]]
    """(Billed customer, invoice): a held or disputed invoice does not cross."""
    silent: frozenset[Key]
    """Those who dispute everything or owe too little. In a quiet period invoices still cross."""


def look_up(
    conn: Connection, policy: Policy, company: ConnectedCompany, customers: set[str], today: date
) -> Asked:
    """Look up these billed customers. Worth and smallness count all of their invoices."""
    realm, home = company.realm, company.home_currency
    families = ledger.members_of(conn, realm, customers)
    payers = {member: whose for whose, members in families.items() for member in members}
    held = history.held_invoices(conn, realm, customers, today)
    late, worth = _owed(conn, realm, payers, held, today)
    disputing = history.disputing(conn, realm, customers, today)
    silent = {key for key, owed in late.items() if _too_small(policy, home, key, owed)}
    silent |= {key for key in worth if key[0] in disputing}
    return Asked(today, payers, worth, frozenset(held), frozenset(silent))


def _owed(
    conn: Connection,
    realm: str,
    payers: Mapping[str, str],
    held: set[tuple[str, str]],
    today: date,
) -> tuple[dict[Key, Decimal], dict[Key, Decimal]]:
    """What may be asked for (overdue and not held), and the worth of everything open."""
    late: dict[Key, Decimal] = defaultdict(Decimal)
    worth: dict[Key, Decimal] = defaultdict(Decimal)
    for owed in crossings.owed(conn, realm, payers, today):
        key = payers[owed.customer], owed.currency
        late[key] += owed.overdue
        worth[key] += owed.worth
    for found in ledger.mirrored(conn, realm, [id for _, id in held]).values():
        invoice, payer = found.invoice, payers.get(found.invoice.customer, "")
        if _late(invoice, today) and (payer, invoice.id) in held:
            late[payer, invoice.open.currency] -= invoice.open.amount
    return late, worth


def _late(invoice: Invoice, today: date) -> bool:
    return invoice.status is InvoiceStatus.OPEN and invoice.due < today


def _too_small(policy: Policy, home: str, key: Key, owed: Decimal) -> bool:
    """Eleven small invoices are worth a message; one tiny remainder is not."""
    limits = policy.limits(key[1], home)
    return limits is not None and owed < limits.smallest


def reached(asked: Asked, some: Iterable[Standing]) -> dict[Key, list[Crossing]]:
    """What crosses now, by billed customer and currency."""
    found: dict[Key, list[Crossing]] = defaultdict(list)
    for one in some:
        key = asked.payers[one.customer], one.currency
        held = key in asked.silent or (key[0], one.invoice) in asked.held
        if not held and (stage := _next_stage(one, asked.today)):
            found[key].append(Crossing(one.invoice, one.round, stage))
    return found


def _next_stage(one: Standing, today: date) -> Stage | None:
    """Beyond the first stages, a stage refers to the message before it, which must be settled."""
    stage = crossing_stage((today - one.due).days, one.last)
    early = stage is not None and one.undecided and stage > HIGHEST_START
    return None if early else stage


INVOICES_A_CHUNK = 200
CUSTOMERS_A_CHUNK = 100
CROSSINGS_A_CHUNK = 80
"""How much one transaction writes: about 15 ms of work, so that others hardly wait."""
PAYERS_A_CHUNK = 20


def let_cross(
    policy: Policy, company: ConnectedCompany, customers: Collection[str], trigger: str
) -> Plan:
    """Let a few billed customers' invoices cross, chunk by chunk; later chunks join the case."""
    last: str | None = ""
    while last is not None:
        last = yield partial(_open, policy, company, customers, trigger, last)


def _open(
    policy: Policy,
    company: ConnectedCompany,
    customers: Collection[str],
    trigger: str,
    after: str,
    conn: Connection,
    now: datetime,
) -> str | None:
    most = CROSSINGS_A_CHUNK
    return open_cases(conn, policy, company, customers, trigger, now, after, most)
