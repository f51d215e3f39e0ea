"""The access review of a company: who may approve what, through what, and since when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from jobs.rules.case import Decision
from jobs.rules.policy import policy as policies
from jobs.rules.policy.errors import PolicyError
from jobs.rules.policy.policy import Policy
from jobs.rules.states import Role
from jobs.store import drafts, people, texts
from jobs.store.companies import ConnectedCompany
from jobs.store.customers import managers
from jobs.store.texts import PolicyVersion

MAY = {
    Role.FINANCE_LEAD: "approves everything; pauses, goes live, connects and disconnects",
    Role.COLLECTOR: "approves up to the second-approver limit; beyond it as one of two",
}


@dataclass(frozen=True)
class Right:
    """A role of one person (Slack user id). `name` is a display name, which may be anything."""

    person: str
    name: str
    role: Role
    deputy: bool
    """A finance lead only because the policy names them or their group as a deputy."""
    may: str
    through: str
    """The policy file, or a user group and when its members were read."""
    since: datetime | None
    """From when on the policies in force have given this role without a break; None if the record
    has none that does. When somebody joined a user group is not known."""
    policy: str
    """The hash of the first of those policies."""
    last: Decision | None
    """Their last decision in this company."""


def of_company(
    conn: Connection, policy: Policy, company: ConnectedCompany, now: datetime
) -> list[Right]:
    """A row for each role of everybody whom the policy names, alone or in a user group."""
    names, last = people.names(conn), drafts.last_of_each(conn, company.realm)
    history = list(_loaded(company.realm, texts.policies_in_force(conn, company.realm)))
    found = []
    for person, role, through, listed in _given(conn, policy):
        since, sha256 = _unbroken(history, role, listed)
        deputy = role is Role.FINANCE_LEAD and listed not in policy.finance_leads
        own = managers.owned(conn, company.realm, policy, person, now)
        may = MAY.get(role) or _of_manager(policy, len(own))
        found.append(
            Right(
                person,
                names.get(person, ""),
                role,
                deputy,
                may,
                through,
                since,
                sha256,
                last.get(person),
            )
        )
    return sorted(found, key=lambda one: (one.role, one.person, one.through))


def _given(conn: Connection, policy: Policy) -> Iterator[tuple[str, Role, str, str]]:
    """Person, role, through what, and the id that the policy lists: theirs, or a group's."""
    groups = people.groups_as_read(conn)
    for role, listed in policy.listed():
        for id in dict.fromkeys(listed):
            if not id.startswith("S"):
                yield id, role, "the policy file", id
                continue
            members, read_at = groups.get(id, (frozenset[str](), None))
            when = f"members as of {read_at:%Y-%m-%d %H:%M} UTC" if read_at else ""
            for person in sorted(members):
                yield person, role, f"group {id}, {when}", id
            if not members:
                yield id, role, f"group {id}: {when or 'Slack was never asked'}, nobody", id


def _of_manager(policy: Policy, customers: int) -> str:
    what = (
        "approves for them up to the second-approver limit"
        if policy.managers_approve
        else ("edits and holds their messages, approves none")
    )
    some = "1 customer" if customers == 1 else f"{customers} customers"
    return f"{some} of their own: {what}"


def _loaded(realm: str, versions: list[PolicyVersion]) -> Iterator[tuple[PolicyVersion, Policy]]:
    """Back to the first one that this version of the program cannot read any more."""
    for one in versions:
        try:
            yield one, policies.load(one.text).for_company(realm)
        except PolicyError:
            return


def _unbroken(
    history: list[tuple[PolicyVersion, Policy]], role: Role, id: str
) -> tuple[datetime | None, str]:
    """Since when, going back from now, every policy lists this id in this role."""
    since, sha256 = None, ""
    for version, policy in history:
        if id not in dict(policy.listed()).get(role, ()):
            break
        since, sha256 = version.since, version.sha256
    return since, sha256
