"""Account managers whom the CRM names: the owner's address, and the Slack user who has it.

The address stands in the assessment of a case; who has it is asked of Slack in the background. So
the right of such a person lasts as long as a customer's case is open and both answers are recent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection, select, update

from jobs.rules import rights
from jobs.rules.findings import Findings, owner
from jobs.rules.policy import Policy
from jobs.rules.rights import Manager
from jobs.rules.states import OPEN
from jobs.store import agenda, people
from jobs.store.assessments import NEVER
from jobs.store.database.tables import assessments, cases, messages

_NAMED = (assessments.c.id == cases.c.assessment) & cases.c.state.in_(OPEN)
"""The present assessments of open cases."""


def account_manager(
    conn: Connection,
    customer: str,
    policy: Policy,
    findings: Mapping[str, Findings],
    now: datetime,
) -> Manager | None:
    """Who looks after a customer at this moment; `findings` are those of its case."""
    named = owner(findings)
    if named is None:
        return rights.account_manager(customer, policy, None)
    source, one = named
    found = Manager(people.at_address(conn, one.email, now), source, one.name or one.email)
    return rights.account_manager(customer, policy, found)


def owned(conn: Connection, company: str, user: str, now: datetime) -> frozenset[str]:
    """The customers with an open case that belong to this user according to the CRM."""
    if not (theirs := people.addresses_of(conn, user, now)):
        return frozenset()
    query = select(cases.c.customer).where(_NAMED, cases.c.company == company)
    return frozenset(conn.scalars(query.where(assessments.c.owner.in_(theirs))))


def look_for(conn: Connection, findings: Mapping[str, Findings], now: datetime) -> None:
    """Have Slack asked soon who the owner is, unless it was asked recently."""
    named = owner(findings)
    if named and people.addresses_read(conn).get(named[1].email, NEVER) <= now - people.STALE:
        agenda.bring_forward(conn, agenda.EVERYBODY, "people", now)


def unread(conn: Connection, now: datetime) -> list[str]:
    """The addresses of owners to ask Slack about now, those that wait longest first."""
    named = conn.scalars(select(assessments.c.owner).where(_NAMED, assessments.c.owner != ""))
    read = people.addresses_read(conn)
    since = {email: read.get(email, NEVER) for email in named}
    due = [email for email, at in since.items() if at <= now - people.REFRESH]
    return sorted(due, key=lambda email: (since[email], email))


def redraw(conn: Connection, addresses: Collection[str], now: datetime) -> None:
    """Redraw the cards of open cases with one of these owners."""
    theirs = select(cases.c.id).where(_NAMED, assessments.c.owner.in_(addresses))
    cards = (messages.c.kind == "card") & messages.c.case_id.in_(theirs)
    conn.execute(update(messages).where(cards).values(due_at=now))
