"""The end of shadow mode, a few cases at a time: waiting cases go on, approved ones end.

A case that nobody has approved keeps its card and its draft, edits included, and becomes live, so
that nobody has to read it twice. An approval was given for a rehearsal and does not count for a
real message: its case ends, and its crossings are free for a new one. So does one whose card is in
the shadow channel, or nowhere: it comes up anew where everybody reads.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from jobs.engine.turns import Plan
from jobs.rules.case import Decided
from jobs.rules.states import JOINABLE, State
from jobs.store import cases, companies, crossings, drafts, log, outbox
from jobs.store.cases import Case, Move
from jobs.store.companies import ConnectedCompany

ACTOR = "system:sweep"
TURNED_AT_ONCE = 10
RELEASED_AT_ONCE = 200


def clear(realm: str) -> Plan:
    """Turn a live company's shadow cases into live ones; what they rehearsed may now happen."""
    for some in (_turn_some, _release_some):
        last: str | None = "0"
        while last is not None:
            last = yield partial(some, realm, last)


def _turn_some(realm: str, after: str, conn: Connection, now: datetime) -> str | None:
    """Turn some; returns the last id, or None if none is left or the company is in shadow mode."""
    company = companies.need(conn, realm)
    if not company.live:
        return None
    found = cases.rehearsed(conn, realm, after, TURNED_AT_ONCE)
    for case in found:
        here = _card_in(conn, case, company.channel)
        if case.state in JOINABLE and here and not _approved(conn, case):
            due = now if case.row.token else case.row.due_at  # a worker on it drops its result
            goes_on = Move(case.state, "case.live", ACTOR, due)
            cases.move(conn, case, goes_on, now, shadow=False)
            continue
        end = Move(State.CANCELLED, "case.shadow_ended", ACTOR)
        ended = {"end_reason": "Shadow mode ended.", "undo_until": None, "lapses_at": None}
        if cases.move(conn, case, end, now, **ended):
            crossings.release(conn, case.id, now)
    return found[-1].id if found else None


def _card_in(conn: Connection, case: Case, channel: str) -> bool:
    """Whether its card is there, or still to come."""
    place = outbox.card_place(conn, case.id)
    return place is None or place.channel == channel


def choose_channel(
    conn: Connection, company: ConnectedCompany, channel: str, by: str, now: datetime
) -> None:
    """Have new shadow cards posted in this channel (NO_CHANNEL: nowhere, empty: the company's own).

    The caller has looked at the channel. Cards that are posted stay where they are.
    """
    companies.change(conn, company.realm, shadow_channel=channel)
    data = {"from": company.shadow_channel, "to": channel}
    log.note(conn, log.Entry(company.realm, "company.shadow_channel", by, now, data=data))


def _approved(conn: Connection, case: Case) -> bool:
    """Whether anybody (perhaps the first of two) has approved the current draft."""
    return bool(case.draft and drafts.decided_on(conn, case.draft, Decided.APPROVE))


def _release_some(realm: str, after: str, conn: Connection, now: datetime) -> str | None:
    """Release the crossings of fully rehearsed cases, none of which sent an e-mail.

    Returns like `_turn_some`.
    """
    if not companies.need(conn, realm).live:
        return None
    return crossings.release_rehearsed(conn, realm, after, RELEASED_AT_ONCE, now)
