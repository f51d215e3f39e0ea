"""Who looks after a customer: whom a finance lead named in Slack, the policy file, or the CRM.

The CRM names an address, which stands in the assessment of a case; who has it is asked of Slack in
the background. So the right of such a person lasts as long as a customer's case is open and both
answers are recent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from jobs.rules.facts.findings import Findings, owner
from jobs.rules.policy import rights
from jobs.rules.policy.policy import Policy
from jobs.rules.policy.rights import Manager
from jobs.rules.states import OPEN
from jobs.store import people, work
from jobs.store.database.tables import (
    account_managers,
    assessments,
    cases,
    messages,
    of_customer,
)
from jobs.store.database.types import NEVER
from jobs.store.database.upsert import insert_or_ignore, upsert

TELL_MANAGERS = "tell_managers"
"""The kind of scheduled work that tells them in a direct message."""
TOGETHER = timedelta(minutes=1)
"""How long what is new for them is gathered."""
_NAMED = (assessments.c.id == cases.c.assessment) & cases.c.state.in_(OPEN)
"""The present assessments of open cases."""
_NAMED_IN_SLACK = select(account_managers.c.person).where(of_customer(account_managers))


def account_manager(
    conn: Connection,
    company: str,
    customer: str,
    policy: Policy,
    findings: Mapping[str, Findings],
    now: datetime,
) -> Manager | None:
    """Who looks after a customer at this moment; `findings` are those of its case."""
    person, named = named_in_slack(conn, company, customer), owner(findings)
    if named is None:
        return rights.account_manager(customer, policy, None, person)
    source, one = named
    found = Manager(people.at_address(conn, one.email, now), source, one.name or one.email)
    return rights.account_manager(customer, policy, found, person)


def owned(
    conn: Connection, company: str, policy: Policy, user: str, now: datetime
) -> frozenset[str]:
    """The customers that this user looks after; those of the CRM only while a case is open."""
    if not user:
        return frozenset()
    ours = account_managers.c.company == company
    rows = conn.execute(
        select(account_managers.c.customer, account_managers.c.person).where(ours)
    ).all()
    in_slack = {customer for customer, person in rows if person == user}
    in_file = {id for m in policy.managers if m.slack == user for id in m.customers}
    in_crm = {id for id in _owned(conn, company, user, now) if not policy.account_manager(id)}
    return frozenset(in_slack | ((in_file | in_crm) - {customer for customer, _ in rows}))


def _owned(conn: Connection, company: str, user: str, now: datetime) -> frozenset[str]:
    """The customers with an open case that belong to this user according to the CRM."""
    if not (theirs := people.addresses_of(conn, user, now)):
        return frozenset()
    query = select(cases.c.customer).where(_NAMED, cases.c.company == company)
    return frozenset(conn.scalars(query.where(assessments.c.owner.in_(theirs))))


def of_open_cases(
    conn: Connection, company: str, policy: Policy, now: datetime
) -> Mapping[str, str]:
    """Open case → the user who looks after its customer; cases without one are left out."""
    ours = account_managers.c.company == company
    named = {r.customer: r.person for r in conn.execute(select(account_managers).where(ours))}
    members = people.members(conn, now)
    query = select(cases.c.id, cases.c.customer, assessments.c.owner)
    rows = conn.execute(query.where(_NAMED, cases.c.company == company))
    found = {
        id: named.get(customer) or policy.account_manager(customer) or members.get(owner, "")
        for id, customer, owner in rows
    }
    return {id: user for id, user in found.items() if user}


def named_in_slack(conn: Connection, company: str, customer: str) -> str:
    """Whom a finance lead named for this customer (user id), or empty."""
    return conn.scalar(_NAMED_IN_SLACK, {"company": company, "customer": customer}) or ""


def everybody_named_in_slack(conn: Connection) -> frozenset[str]:
    """All users whom finance leads named, of all companies."""
    return frozenset(conn.scalars(select(account_managers.c.person).distinct()))


def name(
    conn: Connection, company: str, customer: str, person: str, by: str, now: datetime
) -> None:
    """Have this user look after the customer; an empty id leaves it to policy file and CRM."""
    ours = (account_managers.c.company == company) & (account_managers.c.customer == customer)
    if not person:
        conn.execute(delete(account_managers).where(ours))
        return
    row = {"company": company, "customer": customer, "person": person}
    upsert(conn, account_managers, [{**row, "set_by": by, "set_at": now}])


def inherit(conn: Connection, company: str, loser: str, survivor: str) -> None:
    """Two customers were merged: who looks after `loser` does so for `survivor`, if nobody does."""
    theirs = (account_managers.c.company == company) & (account_managers.c.customer == loser)
    row = conn.execute(select(account_managers).where(theirs)).mappings().first()
    if row and insert_or_ignore(conn, account_managers, {**row, "customer": survivor}):
        conn.execute(delete(account_managers).where(theirs))


def look_for(conn: Connection, findings: Mapping[str, Findings], now: datetime) -> None:
    """Have Slack asked soon who the owner is, unless it was asked recently."""
    named = owner(findings)
    if named and people.addresses_read(conn).get(named[1].email, NEVER) <= now - people.STALE:
        work.bring_forward(conn, work.EVERYBODY, "people", now)


def unread(conn: Connection, now: datetime) -> list[str]:
    """The addresses of owners to ask Slack about now, those that wait longest first."""
    named = conn.scalars(select(assessments.c.owner).where(_NAMED, assessments.c.owner != ""))
    read = people.addresses_read(conn)
    since = {email: read.get(email, NEVER) for email in named}
    due = [email for email, at in since.items() if at <= now - people.REFRESH]
    return sorted(due, key=lambda email: (since[email], email))


def redraw(conn: Connection, addresses: Collection[str], now: datetime) -> None:
    """Redraw the cards of open cases with one of these owners, and tell the owners."""
    theirs = select(cases.c.id).where(_NAMED, assessments.c.owner.in_(addresses))
    cards = (messages.c.kind == "card") & messages.c.case_id.in_(theirs)
    conn.execute(update(messages).where(cards).values(due_at=now))
    owned = select(cases.c.company).where(_NAMED, assessments.c.owner.in_(addresses)).distinct()
    for company in conn.scalars(owned).all():
        tell(conn, company, now)


def tell(conn: Connection, company: str, now: datetime) -> None:
    """Have account managers told soon what is new; a morning's cases come as one message."""
    work.by(conn, company, TELL_MANAGERS, now + TOGETHER)
