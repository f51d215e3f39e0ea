"""Mails of customers that were noticed, each once, and what people have settled about them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from jobs.rules.facts.addresses import entries_in, is_address
from jobs.rules.facts.evidence import Document, Stance
from jobs.rules.facts.findings import Account
from jobs.rules.figures import Money
from jobs.rules.replies import CustomerReply, ReplyKind
from jobs.rules.states import OPEN
from jobs.store import cases as case_store
from jobs.store.cases import Case
from jobs.store.database.tables import (
    addresses,
    carbon_copies,
    cases,
    customers,
    messages,
    of_customer,
    promises,
    replies,
    sends,
)
from jobs.store.database.upsert import insert_new
from jobs.store.sends import CONTACT


def correspondents(conn: Connection, company: str, since: datetime) -> list[Account]:
    """The billed customers who have a case that was open `since` then (UTC), as mail knows them."""
    recent = cases.c.closed_at.is_(None) | (cases.c.closed_at >= since)
    asked = select(cases.c.customer).where(cases.c.company == company, recent).distinct()
    written, sent = _written_to(conn, company, asked)
    copied = defaultdict[str, set[str]](set)
    to = (carbon_copies.c.company == company) & carbon_copies.c.customer.in_(asked)
    for row in conn.execute(select(carbon_copies).where(to)):
        copied[row.customer].add(row.address.lower())
    owner = (customers.c.company == company) & customers.c.id.in_(asked)
    rows = conn.execute(select(customers.c.id, customers.c.name, customers.c.email).where(owner))
    return [
        Account(
            row.id,
            row.name,
            frozenset(
                a for a in (*entries_in(row.email.lower()), *written[row.id]) if is_address(a)
            ),
            frozenset(sent[row.id]),
            copied=frozenset(copied[row.id]),
        )
        for row in rows.all()
    ]


def _written_to(
    conn: Connection, company: str, asked: Any
) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Customer → the addresses we know of or wrote to, and the Message-IDs of what we sent."""
    known, sent = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    theirs = (addresses.c.company == company) & addresses.c.customer.in_(asked)
    for who, address in conn.execute(
        select(addresses.c.customer, addresses.c.address).where(theirs)
    ):
        known[who].add(address)
    ours = (cases.c.company == company) & cases.c.customer.in_(asked) & sends.c.state.in_(CONTACT)
    query = select(cases.c.customer, sends.c.recipient, sends.c.message_id).join(
        sends, sends.c.case_id == cases.c.id
    )
    for who, recipient, message_id in conn.execute(query.where(ours)):
        known[who].add(recipient)
        sent[who].add(message_id)
    return known, sent


def case_for(conn: Connection, company: str, customer: str, mail: Document) -> Case | None:
    """The case in whose thread a mail belongs, or None if there is none with a card.

    The open one, else the one that the mail answers, else the latest one; none that was opened
    after the mail came.
    """
    answered = select(sends.c.case_id).where(sends.c.message_id.in_(sorted(mail.answers)))
    card = select(messages.c.id).where(messages.c.case_id == cases.c.id, messages.c.kind == "card")
    theirs = (cases.c.company == company) & (cases.c.customer == customer)
    query = select(cases).where(theirs, card.exists(), cases.c.opened_at <= mail.at)
    first = (cases.c.state.in_(OPEN).desc(), cases.c.id.in_(answered).desc(), cases.c.id.desc())
    row = conn.execute(query.order_by(*first).limit(1)).first()
    return case_store.of_row(row) if row else None


def record(
    conn: Connection, reply: CustomerReply, content_sha256: str, now: datetime
) -> CustomerReply | None:
    """Store a reply whose id is still empty; None, with nothing written, if it is known."""
    row = {
        "company": reply.company,
        "customer": reply.customer,
        "document": reply.document,
        "content_sha256": content_sha256,
        "kind": reply.kind,
        "stances": list(reply.stances),
        "case_id": reply.case,
        "came_at": reply.came_at,
        "noticed_at": now,
        "promised_on": reply.promised_on,
        "promised": reply.promised.amount if reply.promised else None,
        "settled": [],
    }
    stored = insert_new(conn, replies, [row])
    return get(conn, stored[0].id) if stored else None


def get(conn: Connection, id: str) -> CustomerReply:
    """One reply by its id, which must exist."""
    made = (promises.c.reply == replies.c.id) & (promises.c.state == "open")
    open_one = select(func.max(promises.c.id)).where(made).scalar_subquery().label("promise")
    query = select(replies, cases.c.currency, open_one)
    joined = query.outerjoin(cases, cases.c.id == replies.c.case_id)
    return _of_row(conn.execute(joined.where(replies.c.id == id)).one())


def find(conn: Connection, id: str) -> CustomerReply | None:
    """The reply with this id, if there is one; anybody may have typed the id."""
    known = id.isdecimal() and len(id) < 10
    row = conn.execute(select(replies.c.id).where(replies.c.id == id)).first() if known else None
    return get(conn, id) if row else None


def of_texts(
    conn: Connection, company: str, customer: str, documents: Collection[str]
) -> list[CustomerReply]:
    """The replies of a customer that are these documents, by id."""
    theirs = (replies.c.company == company) & (replies.c.customer == customer)
    query = select(replies.c.id).where(theirs, replies.c.document.in_(sorted(set(documents))))
    return [get(conn, id) for id in conn.scalars(query.order_by(replies.c.id)).all()]


def _of_row(row: Row[Any]) -> CustomerReply:
    amount = None if row.promised is None else Money(row.promised, row.currency)
    return CustomerReply(
        id=row.id,
        company=row.company,
        customer=row.customer,
        document=row.document,
        kind=ReplyKind(row.kind),
        stances=tuple(map(Stance, row.stances)),
        case=row.case_id,
        came_at=row.came_at,
        promised_on=row.promised_on,
        promised=amount,
        settled=frozenset(map(Stance, row.settled)),
        settled_by=row.settled_by,
        promise=row.promise or "",
    )


def settle(
    conn: Connection, reply: CustomerReply, stances: Iterable[Stance], by: str, now: datetime
) -> None:
    """A person has dealt with this of what the mail says."""
    settled = sorted({*reply.settled, *stances})
    done = {"settled": settled, "settled_by": by, "settled_at": now}
    conn.execute(update(replies).where(replies.c.id == reply.id).values(**done))


def reopen(conn: Connection, reply: CustomerReply, stances: Collection[Stance]) -> None:
    """What was done about these was taken back, so they can be settled again."""
    left = sorted(reply.settled.difference(stances))
    again = {"settled": left} | ({} if left else {"settled_by": "", "settled_at": None})
    conn.execute(update(replies).where(replies.c.id == reply.id).values(**again))


def settled(conn: Connection, company: str, customer: str) -> frozenset[tuple[str, Stance]]:
    """(document, stance) of everything that people have dealt with at this customer."""
    rows = conn.execute(_SETTLED, {"company": company, "customer": customer})
    return frozenset((row.document, Stance(stance)) for row in rows for stance in row.settled)


_SETTLED = select(replies.c.document, replies.c.settled).where(
    of_customer(replies), replies.c.settled_at.is_not(None)
)


def bounce(
    conn: Connection, case: Case, answers: Collection[str], failed: Collection[str], now: datetime
) -> list[Row[Any]]:
    """Note that these messages of ours to this customer came back; returns the attempts.

    `answers` are their Message-IDs, `failed` the addresses that do not work.
    """
    theirs = select(cases.c.id).where(
        cases.c.company == case.company, cases.c.customer == case.customer
    )
    came_back = (
        sends.c.case_id.in_(theirs)
        & sends.c.message_id.in_(sorted(answers))
        & sends.c.recipient.in_(sorted(failed))
        & sends.c.bounced_at.is_(None)
    )
    marked = update(sends).where(came_back).values(bounced_at=now).returning(sends)
    return list(conn.execute(marked).all())


def inherit(conn: Connection, company: str, loser: str, survivor: str) -> None:
    """Two customers were merged: the mails of `loser` are also those of `survivor`."""
    theirs = (replies.c.company == company) & (replies.c.customer == loser)
    rows = conn.execute(select(replies).where(theirs)).mappings().all()
    copies = [{name: row[name] for name in row if name != "id"} for row in rows]
    insert_new(conn, replies, [{**row, "customer": survivor} for row in copies])
