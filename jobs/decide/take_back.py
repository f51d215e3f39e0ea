"""Take back: the note that we wrote is removed from QuickBooks, and nothing else."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from jobs.decide import access
from jobs.decide.access import Answer, Click, Refused, Reply
from jobs.rules.case import Decision
from jobs.rules.policy import Policy
from jobs.rules.states import State
from jobs.store import cases, drafts, notes
from jobs.store.cases import Move


def take_back(conn: Connection, policy: Policy, click: Click, now: datetime) -> Reply:
    """Ask for the removal of this case's note; the write-back step does it. Raises Refused."""
    decider = access.enter(conn, policy, click, now)
    case = decider.case
    access.in_state(conn, case, State.DONE)
    note = cases.note_of(conn, case.id)
    if note is None or note.state != "written":
        raise Refused(Reply(Answer.DECIDED, case, by=_taker(conn, case.id)))
    access.decide(conn, policy, decider, "take_back", now)
    notes.conclude(conn, case.id, "taking_back", now)
    on = Move(State.DONE, "note.take_back", decider.user, now, {"attachable": note.attachable})
    access.moved(cases.move(conn, case, on, now), case)
    return Reply(Answer.RECORDED, cases.get(conn, case.id))


def _taker(conn: Connection, case_id: str) -> Decision | None:
    """Who asked for it before; None where the note was never in QuickBooks."""
    asked = (d for d in drafts.decided(conn, case_id) if d.kind == "take_back")
    return next(reversed(list(asked)), None)
