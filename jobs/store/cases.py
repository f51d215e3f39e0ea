"""Cases: read one, move one, and everything that hangs on it: drafts, decisions, crossings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Text,
    Update,
    bindparam,
    delete,
    func,
    insert,
    select,
    type_coerce,
    update,
)

from jobs.rules.letters.letter import NOTHING, Without
from jobs.rules.rulings import RULINGS, Ruling
from jobs.rules.states import JOINABLE, MOVES, OPEN, Stage, State
from jobs.store import log
from jobs.store.companies import connected
from jobs.store.database.tables import (
    assessments,
    case_invoices,
    cases,
    messages,
    notes,
    shown_to,
)
from jobs.store.database.types import Utc
from jobs.store.database.upsert import insert_new


@dataclass(frozen=True)
class Case:
    """A case as it was when read; `version` guards every move made from it."""

    id: str
    company: str
    customer: str
    currency: str
    state: State
    version: int
    stage: Stage
    shadow: bool
    draft: str | None
    assessment: str | None
    reassess: bool
    """The next look writes a new assessment, even if nothing differs."""
    without: Without
    attempts: int
    lapses_at: datetime | None
    undo_until: datetime | None
    approval_opens_at: datetime | None
    opened_at: datetime
    allowed_anyway: tuple[Ruling, ...]
    """The stops that a finance lead set aside for the current draft."""
    last_error: str
    row: Row[Any]


LARGEST_ID = 2**31 - 1
"""The largest PostgreSQL integer; a person may type a larger number."""


_ONE = select(cases).where(cases.c.id == bindparam("one"))
_LOCK = select(cases.c.id).where(cases.c.id == bindparam("one")).with_for_update()
_NOTE = select(notes).where(notes.c.case_id == bindparam("one"))


class Missing(LookupError):
    """There is no case with this number."""


def get(conn: Connection, id: str) -> Case:
    """The case with this number. Raises Missing."""
    possible = id.isascii() and id.isdecimal() and len(id) <= 10 and int(id) <= LARGEST_ID
    row = conn.execute(_ONE, {"one": id}).first() if possible else None
    if row is None:
        raise Missing(f"there is no case {id}")
    return of_row(row)


def lock(conn: Connection, id: str) -> None:
    """Lock the case's row: of two people at once the second waits, then sees who was first.

    SQLite has no row locks and needs none: there every writer waits.
    """
    conn.execute(_LOCK, {"one": id})


def version(conn: Connection, id: str) -> int:
    """The current version of a case, which must exist."""
    return int(conn.execute(select(cases.c.version).where(cases.c.id == id)).scalar_one())


def is_open(conn: Connection, id: str | None) -> bool:
    """Whether there is such a case, and it is still open."""
    return conn.execute(select(cases.c.state).where(cases.c.id == id)).scalar() in OPEN


def of_row(row: Row[Any]) -> Case:
    """The case in a row of the table."""
    return Case(
        id=row.id,
        company=row.company,
        customer=row.customer,
        currency=row.currency,
        state=State(row.state),
        version=row.version,
        stage=Stage(row.stage),
        shadow=row.shadow,
        draft=row.draft,
        assessment=row.assessment,
        reassess=row.reassess,
        without=_without(row.without),
        attempts=row.attempts,
        lapses_at=row.lapses_at,
        undo_until=row.undo_until,
        approval_opens_at=row.approval_opens_at,
        opened_at=row.opened_at,
        allowed_anyway=RULINGS.validate_json(json.dumps(row.allowed_anyway or [])),
        last_error=row.last_error,
        row=row,
    )


def _without(kept: Any) -> Without:
    return Without(frozenset(kept["links"]), kept["files"]) if kept else NOTHING


@dataclass(frozen=True)
class Move:
    """Which state a case goes to, who moved it, and when it is due again.

    `data` is added to what every move logs, so it must not use the same keys.
    """

    to: State
    action: str
    actor: str
    due_at: datetime | None = None
    data: dict[str, Any] | None = None


def move(conn: Connection, case: Case, to: Move, now: datetime, **columns: Any) -> bool:
    """Take the case from the version we read to the next one; False if it has moved since.

    Every move raises `version`, ends any claim, makes the card due and adds a log line, in the
    caller's transaction. A case that closes gets its `closed_at`.
    """
    if to.to not in MOVES[case.state]:
        raise ValueError(f"a case that is {case.state} cannot become {to.to}")
    data = _logged(case, to)
    given = {
        "state": to.to,
        "version": case.version + 1,
        "due_at": to.due_at,
        "token": None,
        "attempts": 0,
        "last_error": "",
        "closed_at": None if to.to in OPEN else case.row.closed_at or now,
        **columns,
    }
    unmoved = (cases.c.id == case.id) & (cases.c.version == case.version)
    if conn.execute(update(cases).where(unmoved).values(**given)).rowcount != 1:
        return False
    redraw(conn, case.id, now)
    log.note(conn, log.Entry(case.company, to.action, to.actor, now, case.id, data))
    return True


def _logged(case: Case, to: Move) -> dict[str, Any]:
    said = {"from": case.state, "to": to.to, "version": case.version + 1}
    given = to.data or {}
    if clash := sorted(said.keys() & given):
        raise ValueError(f"the log says of every move itself: {', '.join(clash)}")
    return {**said, **given}


ANEW: dict[str, Any] = {"reassess": True, "allowed_anyway": [], "end_reason": ""}
"""Columns to set when a case is to be gathered again; stops are set aside for one draft only."""


def redraw(conn: Connection, case_id: str, now: datetime) -> None:
    """Make the card of this case due, ahead of cards that merely arrived, and the direct messages
    in which it stands."""
    for statement in _redrawing():
        conn.execute(statement, {"case": case_id, "now": now})


@cache
def _redrawing() -> tuple[Update, Update]:
    now = bindparam("now", type_=Utc())
    card = (messages.c.case_id == bindparam("case")) & (messages.c.kind == "card")
    card &= messages.c.channel != ""  # in shadow mode it may be posted nowhere
    named = select(shown_to.c.message).where(shown_to.c.case_id == bindparam("case"))
    return (
        update(messages).where(card).values(due_at=now, rank=_URGENT),
        update(messages).where(messages.c.id.in_(named)).values(due_at=now),
    )


def redraw_pending(conn: Connection, company: str, now: datetime) -> None:
    """Redraw a company's cards that say something will happen, or what is holding it up."""
    pending = select(cases.c.id).where(
        cases.c.company == company, cases.c.state.in_([State.NEW, State.APPROVED])
    )
    standing = messages.c.case_id.in_(pending) & messages.c.ts.is_not(None)
    cards = standing & (messages.c.kind == "card")
    conn.execute(update(messages).where(cards).values(due_at=now, rank=_URGENT))


def hurry(conn: Connection, case: Case, now: datetime) -> None:
    """Make this case due now, unless it has moved since it was read."""
    unmoved = (cases.c.id == case.id) & (cases.c.version == case.version)
    conn.execute(update(cases).where(unmoved).values(due_at=now))


def hurry_approved(conn: Connection, company: str, now: datetime) -> None:
    """Try a company's approved messages again at once: whatever held them up may be over.

    Those that can still be undone, or that are being worked on, keep their time.
    """
    idle = (cases.c.state == State.APPROVED) & cases.c.token.is_(None) & (cases.c.due_at > now)
    final = cases.c.undo_until.is_(None) | (cases.c.undo_until <= now)
    theirs = (cases.c.company == company) & idle & final
    conn.execute(update(cases).where(theirs).values(due_at=now, attempts=0))


def look_again(conn: Connection, company: str, customers: Iterable[str], now: datetime) -> None:
    """Make due the cases of these customers that nobody has approved.

    Also where somebody is at it: what they have read may be older than the reason to look.
    """
    if wanted := sorted(customers):
        theirs = (cases.c.company == company) & cases.c.customer.in_(wanted)
        unsaid = theirs & cases.c.state.in_(JOINABLE)
        conn.execute(update(cases).where(unsaid).values(**_anew(now)))


def wake(conn: Connection, ids: list[str], now: datetime) -> None:
    """Make these cases due, also where somebody is at them."""
    if ids:
        conn.execute(update(cases).where(cases.c.id.in_(ids)).values(**_anew(now)))


def _anew(now: datetime) -> dict[str, Any]:
    return {"due_at": now, "token": None, "attempts": 0}


def uncap(conn: Connection, company: str, most: int, now: datetime) -> int:
    """Make due up to `most` new cases that a cap had left without a time; returns how many."""
    capped = (cases.c.company == company) & (cases.c.state == State.NEW) & cases.c.due_at.is_(None)
    some = select(cases.c.id).where(capped).limit(most)
    return conn.execute(update(cases).where(cases.c.id.in_(some)).values(due_at=now)).rowcount


_URGENT = Decimal(10**13)


@cache
def unapproved() -> ColumnElement[bool]:
    """The cases of connected companies that nobody has approved: new, waiting or snoozed."""
    return cases.c.state.in_(JOINABLE) & connected(cases.c.company)


def ahead(conn: Connection, case: Case, now: datetime) -> int:
    """How many new cases of its company rank above this one and are under way just now."""
    given = {"company": case.company, "rank": case.row.rank, "now": now}
    count: int = conn.execute(_AHEAD, given).scalar_one()
    return count


_AHEAD = select(func.count()).where(
    cases.c.company == bindparam("company"),
    cases.c.state == State.NEW,
    cases.c.rank > bindparam("rank"),
    cases.c.token.is_not(None),
    cases.c.due_at > bindparam("now"),
)


def open_cases(
    conn: Connection, company: str, customers: Iterable[str]
) -> dict[tuple[str, str], Case]:
    """(customer, currency) → the open case, for these customers."""
    wanted = (
        (cases.c.company == company)
        & cases.c.customer.in_(sorted(customers))
        & cases.c.state.in_(OPEN)
    )
    found = (of_row(row) for row in conn.execute(select(cases).where(wanted)))
    return {(case.customer, case.currency): case for case in found}


def relying_on(conn: Connection, company: str, evidence: frozenset[str]) -> set[str]:
    """Customers with an unapproved case that counts one of these payments or credit memos.

    `evidence` holds their evidence ids. One pass over the cases, however many there are: the
    stored evidence is searched as text.
    """
    if not evidence:
        return set()
    ours = (cases.c.company == company) & cases.c.state.in_(JOINABLE)
    said = type_coerce(assessments.c.evidence, Text)
    judged = assessments.c.id == cases.c.assessment
    query = select(cases.c.customer, said).join_from(cases, assessments, judged).where(ours)
    rows = conn.execute(query)
    return {who for who, text in rows if not evidence.isdisjoint(_COUNTED.findall(text))}


_COUNTED = re.compile(r'"((?:payment|credit_memo):[^"\\]+)"')
"""The id of a payment or credit memo, as it is written in the evidence of a case."""


def rehearsed(conn: Connection, company: str, after: str, most: int) -> list[Case]:
    """The next `most` shadow cases after `after`, in the order of ids, that can be cancelled.

    They are locked: one that a worker is moving just now is met as that move leaves it.
    """
    endable = [state for state, moves in MOVES.items() if State.CANCELLED in moves]
    theirs = (cases.c.company == company) & cases.c.shadow
    left = theirs & cases.c.state.in_(endable) & (cases.c.id > after)
    query = select(cases).where(left).order_by(cases.c.id).limit(most).with_for_update()
    return [of_row(row) for row in conn.execute(query)]


def in_states(conn: Connection, company: str, *states: State) -> list[Case]:
    """A company's cases in these states, in the order of ids, locked."""
    theirs = (cases.c.company == company) & cases.c.state.in_(states)
    query = select(cases).where(theirs).order_by(cases.c.id).with_for_update()
    return [of_row(row) for row in conn.execute(query)]


@dataclass(frozen=True)
class NewCase:
    """What a new case starts with."""

    company: str
    customer: str
    currency: str
    stage: Stage
    shadow: bool
    trigger: str


def open_all(
    conn: Connection, openings: list[tuple[NewCase, Any]], now: datetime
) -> dict[tuple[str, str], Case]:
    """Open these cases of one company, each with its rank, in one statement.

    Returns (customer, currency) → case; where another transaction was faster, its case.
    """
    opened = insert_new(conn, cases, [_new(opening, rank, now) for opening, rank in openings])
    for row in opened:
        entry = log.Entry(
            row.company, "case.opened", "system:detect", now, row.id, {"by": row.trigger}
        )
        log.note(conn, entry)
    found = {(row.customer, row.currency): of_row(row) for row in opened}
    lost = [o for o, _ in openings if (o.customer, o.currency) not in found]
    theirs = open_cases(conn, lost[0].company, {o.customer for o in lost}) if lost else {}
    return theirs | found


def _new(opening: NewCase, rank: Any, now: datetime) -> dict[str, Any]:
    return {
        "company": opening.company,
        "customer": opening.customer,
        "currency": opening.currency,
        "state": State.NEW,
        "stage": opening.stage,
        "shadow": opening.shadow,
        "trigger": opening.trigger,
        "opened_at": now,
        "due_at": now,
        "rank": rank,
    }


def do_without(conn: Connection, case: Case, found: Without) -> None:
    """Add to what the next letters of this case leave out."""
    both = found | case.without
    kept = {"links": sorted(both.links), "files": both.files}
    conn.execute(update(cases).where(cases.c.id == case.id).values(without=kept))


def talk_about(conn: Connection, case: Case, ids: list[str]) -> None:
    """Replace the list of invoices that the case mentions."""
    conn.execute(_NO_LONGER, {"case": case.id})
    rows = [{"case_id": case.id, "company": case.company, "invoice": id} for id in sorted(set(ids))]
    if rows:
        conn.execute(_TALKS_ABOUT, rows)


_NO_LONGER = delete(case_invoices).where(case_invoices.c.case_id == bindparam("case"))
_TALKS_ABOUT = insert(case_invoices)


def spoken_of(conn: Connection, case_id: str) -> frozenset[str]:
    """The ids of the invoices that a case talks about; of none before it was prepared."""
    return frozenset(conn.scalars(_SPOKEN_OF, {"case": case_id}))


_SPOKEN_OF = select(case_invoices.c.invoice).where(case_invoices.c.case_id == bindparam("case"))


def note_of(conn: Connection, case_id: str) -> Row[Any] | None:
    """The QuickBooks note of a case, written or not yet."""
    return conn.execute(_NOTE, {"one": case_id}).first()
