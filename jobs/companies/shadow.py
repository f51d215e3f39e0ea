"""The end of shadow mode, a few cases at a time: waiting cases go on, approved ones end.

A case that nobody has approved keeps its card and its draft, edits included, and becomes live, so
that nobody has to read it twice. An approval was given for a rehearsal and does not count for a
real message: its case ends, and its crossings are free for a new one.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

from sqlalchemy import Connection, select, update

from jobs.engine.turns import Plan
from jobs.rules.states import JOINABLE, MOVES, State
from jobs.store import cases, companies, crossings, drafts
from jobs.store.cases import Case, Move
from jobs.store.tables import cases as cases_table
from jobs.store.tables import crossings as crossings_table

ACTOR = "system:sweep"
TURNED_AT_ONCE = 10
RELEASED_AT_ONCE = 200
ENDABLE = [state for state, moves in MOVES.items() if State.CANCELLED in moves]


def clear(realm: str) -> Plan:
    """Turn a live company's shadow cases into live ones; what they rehearsed may now happen."""
    for some in (_turn_some, _release_some):
        last: str | None = "0"
        while last is not None:
            last = yield partial(some, realm, last)


def _turn_some(realm: str, after: str, conn: Connection, now: datetime) -> str | None:
    """Turn some; returns the last id, or None if none is left or the company is in shadow mode."""
    if not companies.need(conn, realm).live:
        return None
    theirs = (cases_table.c.company == realm) & cases_table.c.shadow
    left = theirs & cases_table.c.state.in_(ENDABLE) & (cases_table.c.id > after)
    query = select(cases_table).where(left).order_by(cases_table.c.id).limit(TURNED_AT_ONCE)
    found = [cases.of_row(row) for row in conn.execute(query)]
    for case in found:
        if case.state in JOINABLE and not _approved(conn, case):
            due = now if case.row.token else case.row.due_at  # a worker on it drops its result
            goes_on = Move(case.state, "case.live", ACTOR, due)
            cases.move(conn, case, goes_on, now, shadow=False)
            continue
        end = Move(State.CANCELLED, "case.shadow_ended", ACTOR)
        if cases.move(conn, case, end, now, end_reason="Shadow mode ended."):
            crossings.release(conn, case.id, now)
    return found[-1].id if found else None


def _approved(conn: Connection, case: Case) -> bool:
    """Whether anybody (perhaps the first of two) has approved the current draft."""
    return bool(case.draft and drafts.decided_on(conn, case.draft, "approve"))


def _release_some(realm: str, after: str, conn: Connection, now: datetime) -> str | None:
    """Release the crossings of fully rehearsed cases, none of which sent an e-mail.

    Returns like `_turn_some`.
    """
    if not companies.need(conn, realm).live:
        return None
    theirs = (cases_table.c.company == realm) & cases_table.c.shadow
    closed = theirs & cases_table.c.closed_at.is_not(None) & (cases_table.c.id > after)
    query = select(cases_table.c.id).where(closed).order_by(cases_table.c.id)
    ids = conn.scalars(query.limit(RELEASED_AT_ONCE)).all()
    used = crossings_table.c.case_id.in_(ids) & crossings_table.c.released_at.is_(None)
    conn.execute(update(crossings_table).where(used).values(released_at=now))
    return ids[-1] if ids else None
