"""What was read is mirrored, and overdue invoices cross.

Webhooks, the poll, the sweep and `/overdue run` all end here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from jobs import opening
from jobs.engine.turns import Plan
from jobs.rules.facts.facts import Customer, Invoice
from jobs.rules.policy.policy import Policy
from jobs.rules.states import JOINABLE, State
from jobs.store import cases, crossings, work
from jobs.store.cases import Move
from jobs.store.companies import ConnectedCompany
from jobs.store.customers import families, history
from jobs.store.intake import ledger

ACTOR = "system:detect"
PROMISES = "promises"
"""What is on the schedule to be looked at again when invoices have changed."""
MERGED = "The customer was merged into another one in QuickBooks; its invoices go on there."
INVOICES_A_CHUNK = 200
CUSTOMERS_A_CHUNK = 100
CROSSINGS_A_CHUNK = 80
"""How much one transaction writes: about 15 ms of work, so that others hardly wait."""
PAYERS_A_CHUNK = 20


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
        opening.open_cases(conn, policy, company, concerned, trigger, now)


def take(conn: Connection, company: ConnectedCompany, news: News, now: datetime) -> set[str]:
    """Mirror what was read and refresh the cases it concerns; returns the billed customers."""
    realm = company.realm
    read = {c.id for c in news.customers}
    before = families.billed_by(conn, realm, read)
    moved = families.put_customers(conn, realm, news.customers, news.as_of)
    changed = ledger.bring_up(conn, realm, news.invoices, news.as_of)
    if changed:
        work.bring_forward(conn, realm, PROMISES, now)
    ids = {c.now.customer for c in changed} | news.about | moved
    ids |= cases.relying_on(conn, realm, news.deleted)
    lost = {c.before.customer for c in changed if c.before and c.moved}
    after = families.billed_by(conn, realm, read | ids | lost)
    left = {before.get(id, after[id]) for id in lost}
    _leave(conn, realm, left | {who for id, who in before.items() if after[id] != who}, now)
    for loser, survivor in news.merged.items():
        _end_merged(conn, realm, loser, survivor, now)
    billed = {after[id] for id in ids}
    family = _whose_family_has_news(conn, realm, moved | news.about)
    cases.look_again(conn, realm, billed | family, now)
    return billed


def _whose_family_has_news(conn: Connection, realm: str, ids: Iterable[str]) -> set[str]:
    """The separately billed relatives of `ids`, who may be meant by money on these records."""
    return set(families.billed_by(conn, realm, families.family_of(conn, realm, ids)).values())


def _leave(conn: Connection, realm: str, payers: set[str], now: datetime) -> None:
    """Release what invoices have crossed at these customers who are now billed to somebody else.

    They can then cross there: nobody was written to about them here.
    """
    members, billed = (
        families.members_of(conn, realm, payers),
        families.billed_by(conn, realm, payers),
    )
    for (payer, _), case in cases.open_cases(conn, realm, payers).items():
        theirs = members[payer] if billed[payer] == payer else ()
        crossings.give_up_others(conn, case, theirs, now)
    cases.look_again(conn, realm, payers, now)


def _end_merged(conn: Connection, realm: str, loser: str, survivor: str, now: datetime) -> None:
    """Carry people's decisions about `loser` over to `survivor`; its cases end and start there."""
    history.inherit(conn, realm, loser, survivor)
    for case in cases.open_cases(conn, realm, [loser]).values():
        move = Move(State.CANCELLED, "case.cancelled", ACTOR, data={"merged": survivor})
        if case.state in JOINABLE and cases.move(conn, case, move, now, end_reason=MERGED):
            crossings.release(conn, case.id, now)


def let_cross(
    policy: Policy, company: ConnectedCompany, weights: Mapping[str, int], trigger: str
) -> Plan:
    """Let billed customers' invoices cross, some in each transaction; later ones join the case.

    `weights` is billed customer → how many open invoices, so that one with thousands is alone:
    each transaction sums up all that its customers owe.
    """
    for some in _weighed(weights, PAYERS_A_CHUNK, CROSSINGS_A_CHUNK):
        last: str | None = ""
        while last is not None:
            last = yield partial(_open_next, policy, company, some, trigger, last)


def _open_next(
    policy: Policy,
    company: ConnectedCompany,
    customers: Collection[str],
    trigger: str,
    after: str,
    conn: Connection,
    now: datetime,
) -> str | None:
    most = CROSSINGS_A_CHUNK
    return opening.open_cases(conn, policy, company, customers, trigger, now, after, most)


def _weighed(weights: Mapping[str, int], count: int, weight: int) -> Iterator[list[str]]:
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
