"""Assign: one person is to decide the case next, and is told in a direct message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from jobs.decide import access
from jobs.decide.access import Answer, Click, Decider, Reply, VerbRefused
from jobs.decide.verbs import Verb
from jobs.rules.plain import one_line
from jobs.rules.policy.policy import Policy
from jobs.rules.policy.rights import Who, may
from jobs.rules.states import State
from jobs.store import cases, companies, outbox, people
from jobs.store.cases import Move
from jobs.store.outbox import DirectMessage, MessageKind


@dataclass(frozen=True)
class Assignment:
    """To whom (Slack user id), and what that person should know."""

    person: str
    comment: str = ""


def assign(
    conn: Connection, policy: Policy, click: Click, assignment: Assignment, now: datetime
) -> Reply:
    """Have somebody who may work on it decide the case next; others still may. Raises VerbRefused.

    An assignment gives no right: CANNOT_ACT for somebody without one.
    """
    decider = access.enter(conn, policy, Verb.ASSIGN, click, now)
    access.in_state(conn, decider.case, State.WAITING)
    _check_able(conn, policy, decider, assignment.person, now)
    who = one_line(people.names(conn).get(assignment.person, ""), 60)
    access.decide(conn, policy, decider, now, f"to {who}", assignment.comment)
    case, data = decider.case, {"assigned_to": assignment.person}
    move = Move(State.WAITING, "case.assigned", decider.user, case.row.due_at, data)
    moved = cases.move(conn, case, move, now, assigned_to=assignment.person)
    access.moved(moved, case)
    if assignment.person != decider.user:
        _tell(conn, decider, assignment, now)
    return Reply(Answer.RECORDED, cases.get(conn, case.id))


def _check_able(
    conn: Connection, policy: Policy, decider: Decider, person: str, now: datetime
) -> None:
    access.member(conn, person, now)
    roles = policy.roles(person, people.groups(conn, now))
    if not may(Who.EDITOR, person, roles, decider.manager):
        raise VerbRefused(Reply(Answer.CANNOT_ACT, detail=person))


def _tell(conn: Connection, decider: Decider, assignment: Assignment, now: datetime) -> None:
    case = decider.case
    data = {
        "by": decider.user,
        "case": case.id,
        "customer": decider.facts.customer.name,
        "channel": companies.need(conn, case.company).channel,
        "comment": assignment.comment,
    }
    to = DirectMessage(case.company, assignment.person)
    outbox.say(conn, to, MessageKind.ASSIGNED, f"assigned:{case.id}:{case.version}", data, now)
