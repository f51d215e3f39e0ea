"""Attempts to send, and the note in QuickBooks: the intent first, then the outcome.

Which cases are ready for either is decided here, and whether an attempt may still take effect.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)

from jobs.rules.letters.letter import Letter, from_json
from jobs.rules.states import ConnectionStatus, Stage, State
from jobs.store import work
from jobs.store.cases import lock
from jobs.store.companies import connected
from jobs.store.database.engine import AWAY, Database
from jobs.store.database.tables import (
    cases,
    companies,
    crossings,
    drafts,
    notes,
    of_customer,
    sends,
    sent_cc,
    unfiled_mails,
)
from jobs.store.database.upsert import insert_missing, insert_or_ignore
from jobs.store.drafts import Draft
from qbo.pacing import boot_time

OPEN = ("in_flight", "unknown")
"""States in which nobody has said yet how the attempt ended."""
ACCEPTED = ("sent", "accepted_late")
"""A mail server took the mail; late means that a person had already said it did not go."""
FILING = "filing"
"""The kind of work that files the copies which their sender did not."""
FILED_WITHIN = timedelta(minutes=10)
"""The sender files the copy itself; after so long it has, or has died."""
CONTACT = (*OPEN, *ACCEPTED)
"""States in which the mail may have reached the customer."""
INTENDED, UNSURE = "intended", "unsure"
UNWRITTEN = (INTENDED, UNSURE)
"""States of a note that is still to be written; an unsure one may be in QuickBooks already."""
_OF_CASE = select(sends).where(sends.c.case_id == bindparam("one"))
_LATEST = _OF_CASE.order_by(sends.c.id.desc()).limit(1)


@cache
def approved_or_abandoned() -> ColumnElement[bool]:
    """The cases approved and allowed to go, or lapsed, or abandoned halfway.

    What keeps a message from going is said by `ConnectedCompany.held_up`.
    """
    company = select(companies.c.realm).where(
        companies.c.realm == cases.c.company,
        companies.c.status == ConnectionStatus.CONNECTED,
        companies.c.paused_at.is_(None),
        cases.c.shadow | (companies.c.mode == "live") & companies.c.reminders_off_at.is_not(None),
    )
    approved = cases.c.state == State.APPROVED
    may_go = approved & (exists(company) | (cases.c.lapses_at <= work.NOW))
    return may_go | (cases.c.state == State.SENDING)


def begin(
    conn: Connection,
    case: str,
    draft: str,
    token: str,
    now: datetime,
    *,
    cc: Iterable[str] = (),
    **row: Any,
) -> None:
    """Store the intent, and who gets a copy; `row` has the other columns of the attempt.

    Raises sqlalchemy.exc.IntegrityError if another attempt of this case is alive.
    """
    values = {"case_id": case, "draft": draft, "token": token, "state": "in_flight"}
    made = insert(sends).values(**values, began_at=now, **row).returning(sends.c.id)
    send = conn.execute(made).scalar_one()
    copies = [{"send": send, "address": address.lower()} for address in cc]
    insert_missing(conn, sent_cc, copies)


class SentMessage(NamedTuple):
    """A mail that a customer may have, and what it asked for."""

    case: str
    customer: str
    at: datetime
    message_id: str
    letter: Letter


def went_out(conn: Connection, company: str, since: datetime) -> list[SentMessage]:
    """The mails of a company since then that its customers may have, the oldest first."""
    query = (
        select(sends.c.case_id, cases.c.customer, sends.c.began_at, sends.c.message_id)
        .add_columns(drafts.c.letter)
        .join(cases, cases.c.id == sends.c.case_id)
        .join(drafts, drafts.c.id == sends.c.draft)
        .where(cases.c.company == company, sends.c.state.in_(CONTACT))
        .where(sends.c.began_at >= since)
        .order_by(sends.c.id)
    )
    return [
        SentMessage(case, customer, at, message_id, from_json(json.loads(letter)))
        for case, customer, at, message_id, letter in conn.execute(query)
    ]


def mailed_crossings(conn: Connection, company: str) -> list[tuple[str, int, Stage, str]]:
    """Invoice, round, stage and case of every crossing whose mail a customer may have."""
    query = (
        select(crossings.c.invoice, crossings.c.round, crossings.c.stage, crossings.c.case_id)
        .join(sends, sends.c.case_id == crossings.c.case_id)
        .where(crossings.c.company == company, crossings.c.released_at.is_(None))
        .where(sends.c.state.in_(CONTACT))
        .order_by(crossings.c.id)
    )
    return [(row.invoice, row.round, Stage(row.stage), row.case_id) for row in conn.execute(query)]


def alive(conn: Connection, case: str) -> Row[Any] | None:
    """The latest attempt that went, may have gone, or is in progress."""
    found = (sends.c.case_id == case) & sends.c.state.in_(CONTACT)
    return conn.execute(select(sends).where(found).order_by(sends.c.id.desc())).first()


def latest(conn: Connection, case: str) -> Row[Any] | None:
    """The latest attempt of this case, in any state."""
    return conn.execute(_LATEST, {"one": case}).first()


def of_case(conn: Connection, case: str) -> Sequence[Row[Any]]:
    """Every attempt of this case, the oldest first."""
    return conn.execute(_OF_CASE.order_by(sends.c.id), {"one": case}).all()


def message_ids(conn: Connection, company: str, customer: str) -> frozenset[str]:
    """The Message-IDs of every attempt to write to this customer, in whatever state."""
    given = {"company": company, "customer": customer}
    return frozenset(conn.scalars(_MESSAGE_IDS, given))


_MESSAGE_IDS = (
    select(sends.c.message_id).join(cases, cases.c.id == sends.c.case_id).where(of_customer(cases))
)


def abandon(conn: Connection, case: str, detail: str) -> None:
    """Mark the attempt of a dead sender as unknown; it may still come back with an outcome."""
    in_flight = (sends.c.case_id == case) & (sends.c.state == "in_flight")
    conn.execute(update(sends).where(in_flight).values(state="unknown", detail=detail))


def settle(conn: Connection, case: str, state: str, by: str, now: datetime) -> None:
    """Store what a person says about an unknown attempt; its sender must not go on."""
    unknown = (sends.c.case_id == case) & (sends.c.state == "unknown")
    values = {"state": state, "detail": f"settled by {by}", "ended_at": now}
    conn.execute(update(sends).where(unknown).values(**values))


def conclude(
    conn: Connection, case: str, token: str, state: str, detail: str, now: datetime
) -> str:
    """Store the sender's outcome; returns the state before: one of OPEN, or what a person said.

    A person's word stays, with one exception: if they said "it did not go" and the server did
    accept the mail, the state becomes `accepted_late`, next to whatever was sent since.
    """
    # lock the case first, in the same order as people's decisions, so that neither deadlocks
    lock(conn, case)
    ours = (sends.c.case_id == case) & (sends.c.token == token)
    before: str = conn.execute(select(sends.c.state).where(ours)).scalar_one()
    if before in OPEN:
        ends = {"state": state}
    else:
        ends = {"state": "accepted_late"} if (before, state) == ("not_sent", "sent") else {}
    conn.execute(update(sends).where(ours).values(detail=detail, ended_at=now, **ends))
    return before


def filed(conn: Connection, case: str, token: str, told: str) -> None:
    """Store what became of the copy of a mail that was sent."""
    ours = (sends.c.case_id == case) & (sends.c.token == token)
    conn.execute(update(sends).where(ours).values(detail=sends.c.detail + f" {told}"))


@dataclass(frozen=True)
class Unfiled:
    """A mail of which there is no copy in our mailbox yet."""

    case: str
    token: str
    message_id: str
    message: bytes = field(repr=False)  # it contains pay links, which are secrets


def keep_message(conn: Connection, case: str, token: str, message: bytes) -> None:
    """Keep the bytes of an attempt until a copy of them is filed."""
    ours = select(sends.c.id).where(sends.c.case_id == case, sends.c.token == token)
    conn.execute(insert(unfiled_mails).values(send=ours.scalar_subquery(), message=message))


def forget_message(conn: Connection, copy: Unfiled) -> None:
    """Its copy is filed, or nobody tries any more."""
    ours = select(sends.c.id).where(sends.c.case_id == copy.case, sends.c.token == copy.token)
    conn.execute(delete(unfiled_mails).where(unfiled_mails.c.send.in_(ours)))


def forget_messages(conn: Connection, company: str, before: datetime, *, everything: bool) -> None:
    """Forget the bytes of what did not go or began `before` then (UTC), or of `everything`."""
    theirs = _of_company(company)
    if not everything:
        theirs = theirs.where((sends.c.state == "not_sent") | (sends.c.began_at < before))
    conn.execute(delete(unfiled_mails).where(unfiled_mails.c.send.in_(theirs)))


def keeps_messages(conn: Connection, company: str) -> bool:
    """Whether the bytes of any attempt are kept."""
    kept = unfiled_mails.c.send.in_(_of_company(company))
    return conn.execute(select(unfiled_mails.c.send).where(kept).limit(1)).first() is not None


def unfiled(conn: Connection, company: str, before: datetime, most: int) -> list[Unfiled]:
    """The mails that went `before` then (UTC) and of which no copy was filed, the oldest first."""
    query = (
        select(sends.c.case_id, sends.c.token, sends.c.message_id, unfiled_mails.c.message)
        .join(unfiled_mails, unfiled_mails.c.send == sends.c.id)
        .where(sends.c.id.in_(_of_company(company, *ACCEPTED)), sends.c.ended_at <= before)
        .order_by(sends.c.id)
        .limit(most)
    )
    return [Unfiled(*row) for row in conn.execute(query)]


def _of_company(company: str, *states: str) -> Select[tuple[str]]:
    """The ids of its attempts, in these states if any are named."""
    query = select(sends.c.id).join(cases, cases.c.id == sends.c.case_id)
    query = query.where(cases.c.company == company)
    return query.where(sends.c.state.in_(states)) if states else query


def several(conn: Connection, case: str) -> bool:
    """Whether more than one mail of this case may have reached the customer."""
    went = (sends.c.case_id == case) & sends.c.state.in_(CONTACT)
    return conn.execute(select(func.count()).where(went)).scalar_one() > 1


def refusals(conn: Connection, draft: str) -> int:
    """How many attempts with this draft are known not to have gone."""
    refused = (sends.c.draft == draft) & (sends.c.state == "not_sent")
    count: int = conn.execute(select(func.count()).where(refused)).scalar_one()
    return count


def still_ours(database: Database, case: str, token: str, clock: Callable[[], datetime]) -> bool:
    """Whether the attempt under `token` may go on: asked right before it can take effect.

    It renews the lease, so that nobody takes over the case in the next half minute. It measures
    with a clock that keeps running while a process or the machine is suspended: an answer that took
    longer than a lease is worthless. This is a short transaction of the acting thread's own, like
    those of the token store and the budget.
    """
    asked = boot_time()
    try:
        with database.writing() as conn:
            ours = _renewed(conn, case, token, clock()) and _alone(conn, case, token)
    except AWAY:
        return False
    return ours and boot_time() - asked < work.LEASE.total_seconds()


def _renewed(conn: Connection, case: str, token: str, now: datetime) -> bool:
    held = (cases.c.id == case) & (cases.c.token == token)
    renewed = conn.execute(update(cases).where(held).values(due_at=now + work.LEASE))
    return renewed.rowcount == 1


def _alone(conn: Connection, case: str, token: str) -> bool:
    """Whether it is in flight and no other attempt of this case has been accepted."""
    rows = conn.execute(select(sends.c.token, sends.c.state).where(sends.c.case_id == case)).all()
    accepted = any(row.state in ACCEPTED for row in rows)
    return not accepted and any(tuple(row) == (token, "in_flight") for row in rows)


@cache
def note_pending() -> ColumnElement[bool]:
    """The cases of connected companies whose note is to be written, or taken back."""
    return cases.c.state.in_((State.SENT, State.DONE)) & connected(cases.c.company)


def intend_note(conn: Connection, draft: Draft, now: datetime, *, unsure: bool = False) -> None:
    """Record that this note is to be written. Its request id derives from what was approved.

    `unsure`: it may be in QuickBooks already, so it is looked for first.
    """
    row = {
        "case_id": draft.case,
        "draft": draft.id,
        "text": draft.letter.note,
        "invoices": [i.id for i in draft.letter.invoices],
        "request_id": f"overdue-{draft.case}-{draft.sha256[:16]}",
        "state": UNSURE if unsure else INTENDED,
        "at": now,
    }
    insert_or_ignore(conn, notes, row)


def doubt_notes(conn: Connection, company: str) -> None:
    """The notes that a company has still to write may be in QuickBooks already."""
    theirs = select(cases.c.id).where(cases.c.company == company)
    pending = (notes.c.state == INTENDED) & notes.c.case_id.in_(theirs)
    conn.execute(update(notes).where(pending).values(state=UNSURE))


def conclude_note(
    conn: Connection, case_id: str, state: str, now: datetime, **columns: Any
) -> None:
    """Record what happened to it: written, kept (in our database only), failed, or taking_back."""
    done = update(notes).where(notes.c.case_id == case_id)
    conn.execute(done.values(state=state, at=now, **columns))
