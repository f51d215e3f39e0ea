"""It went, or it did not: a person settles what no machine can know."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from jobs.decide import door
from jobs.decide.door import Answer, Knock, Refused, Said, Visitor
from jobs.mail.smtp import LONGEST_SECONDS
from jobs.outcome_tmp import sent
from jobs.rules.business_days import refresh_at
from jobs.rules.policy import Policy
from jobs.rules.rights import may_settle
from jobs.rules.states import State
from jobs.store import cases, companies, drafts, sends
from jobs.store.cases import Move
from jobs.store.work import LEASE

UNDER_WAY = LEASE + timedelta(seconds=LONGEST_SECONDS) + timedelta(minutes=10)
"""How long a sender that was lost sight of may still hand its mail over."""


def went(conn: Connection, policy: Policy, knock: Knock, now: datetime) -> Said:
    """Somebody found the mail, or the customer has it: the note follows. Raises Refused."""
    visitor = _enter(conn, policy, knock, now)
    draft = door.same_draft(visitor, knock)
    door.decide(conn, policy, visitor, "went", now)
    sends.settle(conn, visitor.case.id, "sent", visitor.user, now)
    door.moved(sent(conn, visitor.case, draft, visitor.user, now), visitor.case)
    return Said(Answer.RECORDED, cases.get(conn, visitor.case.id))


def did_not_go(conn: Connection, policy: Policy, knock: Knock, now: datetime) -> Said:
    """It never left: the text waits as a new draft for a new approval. Raises Refused.

    STILL_POSSIBLE: a sender that stopped without a word may wake and go on; it is waited for.
    """
    visitor = _enter(conn, policy, knock, now)
    _wait_for_the_sender(conn, visitor, now)
    draft, case = door.same_draft(visitor, knock), visitor.case
    door.decide(conn, policy, visitor, "did_not_go", now)
    sends.settle(conn, case.id, "not_sent", visitor.user, now)
    fresh = drafts.rewrite_draft(conn, draft, now)
    again = refresh_at(now, companies.need(conn, case.company).zone, policy)
    back = Move(State.WAITING, "send.did_not_go", visitor.user, again, {"draft": fresh.sha256})
    said = "The message did not go; the thread says who found that out."
    columns = {"draft": fresh.id, "changed": [said], "undo_until": None, "lapses_at": None}
    door.moved(cases.move(conn, case, back, now, **columns), case)
    return Said(Answer.RECORDED, cases.get(conn, case.id))


def _enter(conn: Connection, policy: Policy, knock: Knock, now: datetime) -> Visitor:
    visitor = door.enter(conn, policy, knock, now)
    if not may_settle(visitor.roles):
        raise Refused(Said(Answer.NOT_ALLOWED, visitor.case, "a collector or a finance lead"))
    door.in_state(conn, visitor.case, State.UNKNOWN)
    return visitor


def _wait_for_the_sender(conn: Connection, visitor: Visitor, now: datetime) -> None:
    """One that has said itself that it cannot tell will not go on any more."""
    attempt = sends.alive(conn, visitor.case.id)
    if attempt is None or attempt.ended_at or now >= attempt.began_at + UNDER_WAY:
        return
    at = attempt.began_at + UNDER_WAY
    raise Refused(Said(Answer.STILL_POSSIBLE, visitor.case, at=at))
