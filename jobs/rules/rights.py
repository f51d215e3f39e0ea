"""Who may do what to a case. If nobody is configured, nobody may act."""

from __future__ import annotations

from jobs.rules.facts import Facts
from jobs.rules.gates import Needed
from jobs.rules.policy import Policy
from jobs.rules.states import Role


def may_edit(user: str, roles: frozenset[Role], facts: Facts, policy: Policy) -> bool:
    """Edit, hold, snooze, reject, undo, fine: collectors and leads; managers for their own."""
    if roles & {Role.COLLECTOR, Role.FINANCE_LEAD}:
        return True
    return looks_after(user, facts, policy)


def may_approve(
    user: str, roles: frozenset[Role], facts: Facts, policy: Policy, needed: Needed
) -> bool:
    """Whether this person's approval counts. If two are needed, one may be a collector's."""
    if Role.FINANCE_LEAD in roles:
        return True
    if needed.count == 1 and needed.lead:
        return False
    if Role.COLLECTOR in roles:
        return True
    return policy.managers_approve and needed.count == 1 and looks_after(user, facts, policy)


def sees(user: str, roles: frozenset[Role], policy: Policy) -> frozenset[str] | None:
    """The billed customers whose figures this person may see; None means the whole company."""
    if roles & {Role.COLLECTOR, Role.FINANCE_LEAD}:
        return None
    return frozenset(id for m in policy.managers if m.slack == user for id in m.customers)


def may_run(roles: frozenset[Role]) -> bool:
    """Pause, go live, draft anyway: finance leads only."""
    return Role.FINANCE_LEAD in roles


def may_settle(roles: frozenset[Role]) -> bool:
    """Say whether a mail went: people who can see the Sent folder, so not account managers."""
    return bool(roles & {Role.COLLECTOR, Role.FINANCE_LEAD})


def looks_after(user: str, facts: Facts, policy: Policy) -> bool:
    """Whether this is the customer's account manager."""
    return bool(user) and policy.account_manager(facts.customer.id) == user


def who_may_approve(needed: Needed) -> str:
    """Who may approve, in words, for somebody who may not."""
    if needed.count > 1:
        return "two people, one of them a finance lead"
    return "a finance lead" if needed.lead else "a collector or a finance lead"
