"""Promises and plans with their instalments: made, kept, broken, withdrawn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, func, insert, select, update

from jobs.rules.facts.facts import InvoiceStatus
from jobs.rules.facts.past import BrokenPromise, HoldKind
from jobs.rules.figures import Money
from jobs.rules.policy.policy import Policy
from jobs.rules.promises import (
    CustomerPromise,
    Instalment,
    PromiseState,
    held_until,
    raised,
    without,
)
from jobs.rules.states import Stage
from jobs.store.database.tables import (
    crossings,
    holds,
    instalments,
    invoices,
    of_customer,
    promised_invoices,
    promises,
    replies,
)


def make(conn: Connection, promise: CustomerPromise) -> str:
    """Store a promise; returns its id."""
    row = {
        "company": promise.company,
        "customer": promise.customer,
        "currency": promise.currency,
        "case_id": promise.case,
        "reply": promise.reply,
        "kind": promise.kind,
        "state": promise.state,
        "set_by": promise.set_by,
        "set_at": promise.set_at,
    }
    id: str = conn.execute(insert(promises).values(**row).returning(promises.c.id)).scalar_one()
    _put_instalments(conn, id, promise)
    about = [
        {"promise": id, "company": promise.company, "invoice": invoice, "open": then.amount}
        for invoice, then in promise.invoices.items()
    ]
    conn.execute(insert(promised_invoices), about)
    return id


def open_ones(
    conn: Connection, company: str, after: str = "0", most: int = 100
) -> list[CustomerPromise]:
    """The next `most` open promises of a company after the one with the id `after`, by id."""
    wanted = (promises.c.company == company) & (promises.c.state == PromiseState.OPEN)
    later = promises.c.id > after
    query = select(promises).where(wanted, later).order_by(promises.c.id).limit(most)
    return _with_parts(conn, conn.execute(query).all())


def every(conn: Connection, company: str, customer: str) -> list[CustomerPromise]:
    """All promises and plans of a customer, whatever became of them, by id."""
    query = select(promises).where(of_customer(promises)).order_by(promises.c.id)
    return _with_parts(conn, conn.execute(query, {"company": company, "customer": customer}).all())


def _with_parts(conn: Connection, rows: Sequence[Row[Any]]) -> list[CustomerPromise]:
    ids = [row.id for row in rows]
    due, about = defaultdict[str, list[Any]](list), defaultdict[str, list[Any]](list)
    parts = select(instalments).where(instalments.c.promise.in_(ids))
    for part in conn.execute(parts.order_by(instalments.c.due)):
        due[part.promise].append(part)
    for one in conn.execute(select(promised_invoices).where(promised_invoices.c.promise.in_(ids))):
        about[one.promise].append(one)
    return [_of_row(row, due[row.id], about[row.id]) for row in rows]


def _of_row(row: Row[Any], due: list[Any], about: list[Any]) -> CustomerPromise:
    return CustomerPromise(
        id=row.id,
        company=row.company,
        customer=row.customer,
        currency=row.currency,
        case=row.case_id,
        reply=row.reply,
        kind=HoldKind(row.kind),
        set_by=row.set_by,
        set_at=row.set_at,
        instalments=tuple(Instalment(p.due, Money(p.amount, row.currency)) for p in due),
        invoices={one.invoice: Money(one.open, row.currency) for one in about},
        state=PromiseState(row.state),
    )


def end(conn: Connection, promise: CustomerPromise, state: PromiseState, now: datetime) -> bool:
    """Close an open promise with its hold; False if it is no longer open."""
    standing = (promises.c.id == promise.id) & (promises.c.state == PromiseState.OPEN)
    closed = update(promises).where(standing).values(state=state, ended_at=now)
    if not conn.execute(closed).rowcount:
        return False
    held = (holds.c.promise == promise.id) & holds.c.lifted_at.is_(None)
    lifted = {"lifted_by": "system:promises", "lifted_at": now}
    conn.execute(update(holds).where(held).values(**lifted))
    return True


def withdraw(conn: Connection, lifted: Iterable[str], now: datetime) -> None:
    """The promises behind these holds count no longer, because a person has lifted the holds."""
    behind = select(holds.c.promise).where(holds.c.id.in_(list(lifted)))
    standing = promises.c.id.in_(behind) & (promises.c.state == PromiseState.OPEN)
    gone = {"state": PromiseState.WITHDRAWN, "ended_at": now}
    conn.execute(update(promises).where(standing).values(**gone))


def take_back(conn: Connection, id: str, by: str, now: datetime) -> None:
    """A person made this promise by mistake, or a later one instead: it ends, and its hold."""
    standing = (promises.c.id == id) & (promises.c.state == PromiseState.OPEN)
    gone = {"state": PromiseState.WITHDRAWN, "ended_at": now}
    conn.execute(update(promises).where(standing).values(**gone))
    held = (holds.c.promise == id) & holds.c.lifted_at.is_(None)
    conn.execute(update(holds).where(held).values(lifted_by=by, lifted_at=now))


def open_about(
    conn: Connection, company: str, customer: str, about: Iterable[str]
) -> list[CustomerPromise]:
    """The open promises of a customer about any of these invoices, by id; locked until commit."""
    any_of = promised_invoices.c.invoice.in_(sorted(about))
    theirs = (promised_invoices.c.company == company) & any_of
    wanted = (promises.c.company == company) & (promises.c.customer == customer)
    wanted &= promises.c.state == PromiseState.OPEN
    wanted &= promises.c.id.in_(select(promised_invoices.c.promise).where(theirs))
    query = select(promises).where(wanted).order_by(promises.c.id).with_for_update()
    return _with_parts(conn, conn.execute(query).all())


def take_out(
    conn: Connection,
    promise: CustomerPromise,
    gone: Collection[str],
    policy: Policy,
    by: str,
    now: datetime,
) -> CustomerPromise | None:
    """An open promise is no longer about these invoices; returns what is left of it.

    None if that was all of them: then it has ended.
    """
    if promise.invoices.keys() <= set(gone):
        take_back(conn, promise.id, by, now)
        return None
    left = without(promise, gone)
    held = (holds.c.promise == promise.id) & holds.c.invoice.in_(sorted(gone))
    held &= holds.c.lifted_at.is_(None)
    conn.execute(update(holds).where(held).values(lifted_by=by, lifted_at=now))
    parts = promised_invoices.c.promise == promise.id
    conn.execute(delete(promised_invoices).where(parts, promised_invoices.c.invoice.in_(gone)))
    if left.instalments != promise.instalments:
        conn.execute(delete(instalments).where(instalments.c.promise == promise.id))
        _put_instalments(conn, promise.id, left)
        mine = (holds.c.promise == promise.id) & holds.c.lifted_at.is_(None)
        until = held_until(left.until, policy)
        conn.execute(update(holds).where(mine).values(until=until))
    return left


def _put_instalments(conn: Connection, id: str, promise: CustomerPromise) -> None:
    parts = [
        {"promise": id, "due": one.due, "amount": one.amount.amount} for one in promise.instalments
    ]
    conn.execute(insert(instalments), parts)


def raise_stage(conn: Connection, promise: CustomerPromise) -> None:
    """Begin a new round for what is still open of a broken promise, one stage higher."""
    parts = promised_invoices.c.promise == promise.id
    ids = select(promised_invoices.c.invoice).where(parts)  # a later one may have taken some away
    theirs = (invoices.c.company == promise.company) & invoices.c.id.in_(ids)
    theirs &= invoices.c.status == InvoiceStatus.OPEN
    rows = conn.execute(select(invoices.c.id, invoices.c.round).where(theirs))
    for id, before in rows.all():
        invoice = (invoices.c.company == promise.company) & (invoices.c.id == id)
        conn.execute(update(invoices).where(invoice).values(round=before + 1))
        last = conn.execute(_last_stage(promise.company, id, before)).scalar()
        part = (promised_invoices.c.promise == promise.id) & (promised_invoices.c.invoice == id)
        goes_on = {"broken_round": before + 1, "raised_to": raised(Stage(last) if last else None)}
        conn.execute(update(promised_invoices).where(part).values(**goes_on))


def _last_stage(company: str, invoice: str, of_round: int) -> Any:
    ours = (crossings.c.company == company) & (crossings.c.invoice == invoice)
    # also what was released: it says how far the conversation had come when it was put on hold
    return select(func.max(crossings.c.stage)).where(ours, crossings.c.round == of_round)


def broken(conn: Connection, company: str, customer: str) -> tuple[BrokenPromise, ...]:
    """The broken promises of a customer whose invoices are still in the round that followed."""
    found = defaultdict[str, list[Any]](list)
    for row in conn.execute(_broken_ones(), {"company": company, "customer": customer}):
        found[row.id].append(row)
    return tuple(_broken(conn, id, rows) for id, rows in found.items())


@cache
def _broken_ones() -> Select[Any]:
    return (
        select(promises.c.id, promises.c.ended_at, promised_invoices.c.invoice, replies.c.document)
        .join(promised_invoices, promised_invoices.c.promise == promises.c.id)
        .join(invoices, _same_round())
        .outerjoin(replies, replies.c.id == promises.c.reply)
        .where(of_customer(promises), promises.c.state == PromiseState.BROKEN)
        .order_by(promises.c.id)
    )


def _same_round() -> ColumnElement[bool]:
    return (
        (invoices.c.company == promised_invoices.c.company)
        & (invoices.c.id == promised_invoices.c.invoice)
        & (invoices.c.round == promised_invoices.c.broken_round)
    )


def _broken(conn: Connection, id: str, rows: list[Any]) -> BrokenPromise:
    currency = select(promises.c.currency).where(promises.c.id == id).scalar_subquery()
    query = select(instalments.c.due, instalments.c.amount, currency.label("currency"))
    parts = conn.execute(query.where(instalments.c.promise == id).order_by(instalments.c.due)).all()
    ended: datetime = rows[0].ended_at
    late = [part for part in parts if part.due < ended.date()]
    missed = late[-1] if late else parts[0]
    return BrokenPromise(
        due=missed.due,
        amount=Money(missed.amount, missed.currency),
        invoices=frozenset(row.invoice for row in rows),
        broken_at=ended,
        document=rows[0].document or "",
    )


def inherit(conn: Connection, company: str, loser: str, survivor: str) -> None:
    """Two customers were merged: the promises of `loser` are those of `survivor`."""
    theirs = (promises.c.company == company) & (promises.c.customer == loser)
    conn.execute(update(promises).where(theirs).values(customer=survivor))
