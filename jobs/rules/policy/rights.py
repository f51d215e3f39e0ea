"""Who may do what to a case. If nobody is configured, nobody may act."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from jobs.rules.policy.policy import Policy
from jobs.rules.rulings import Needed
from jobs.rules.states import Role

POLICY_FILE = "policy file"
SLACK = "named in Slack"


@dataclass(frozen=True)
class Manager:
    """Who looks after a customer, and who says so: Slack, the policy file, or a source's name."""

    user: str
    """Slack user id; empty if no full member of the workspace is known to be this person."""
    said_by: str
    name: str = ""
    """What a source calls them: outside text."""


def account_manager(
    customer: str, policy: Policy, owner: Manager | None, person: str = ""
) -> Manager | None:
    """Who looks after the customer: the `person` whom a finance lead named in Slack, else whom the
    policy file names, else the `owner` in a source. Whoever comes first counts alone.
    """
    if person:
        return Manager(person, SLACK)
    named = policy.account_manager(customer)
    return Manager(named, POLICY_FILE) if named else owner


def looks_after(user: str, manager: Manager | None) -> bool:
    """Whether this is the customer's account manager."""
    return manager is not None and bool(user) and manager.user == user


class Who(Enum):
    """Who may do something with a case."""

    EDITOR = "collectors and leads; account managers for their own customers"
    SETTLER = "people who can see the finance mailbox, so not account managers"
    MANAGER = "the account manager; leads where nobody is"
    LEAD = "leads only"

    @property
    def words(self) -> str:
        """For somebody who may not."""
        if self is Who.LEAD:
            return "a finance lead"
        if self is Who.MANAGER:
            return "the account manager (a finance lead where there is none)"
        return "a collector or a finance lead"


def may(who: Who, user: str, roles: frozenset[Role], manager: Manager | None) -> bool:
    """Whether this person is one of `who`."""
    leads, collects = Role.FINANCE_LEAD in roles, Role.COLLECTOR in roles
    manages, managed = looks_after(user, manager), bool(manager and manager.user)
    return {
        Who.EDITOR: leads or collects or manages,
        Who.SETTLER: leads or collects,
        Who.MANAGER: manages or (leads and not managed),
        Who.LEAD: leads,
    }[who]


def may_approve(
    user: str, roles: frozenset[Role], manager: Manager | None, policy: Policy, needed: Needed
) -> bool:
    """Whether this person's approval counts. If two are needed, one may be a collector's.

    An account manager whom only another source names never approves.
    """
    if Role.FINANCE_LEAD in roles:
        return True
    if needed.count == 1 and needed.lead:
        return False
    if Role.COLLECTOR in roles:
        return True
    ours = manager is not None and manager.said_by in (SLACK, POLICY_FILE)
    return policy.managers_approve and needed.count == 1 and ours and looks_after(user, manager)


def sees(roles: frozenset[Role], own: frozenset[str]) -> frozenset[str] | None:
    """The billed customers whose figures a person may see; None means the whole company.

    `own` are those that they look after.
    """
    return None if roles & {Role.COLLECTOR, Role.FINANCE_LEAD} else own


def may_run(roles: frozenset[Role]) -> bool:
    """Pause, go live, disconnect: finance leads only."""
    return Role.FINANCE_LEAD in roles


def who_may_approve(needed: Needed) -> str:
    """Who may approve, in words, for somebody who may not."""
    if needed.count > 1:
        return "two people, one of them a finance lead"
    return (Who.LEAD if needed.lead else Who.EDITOR).words
