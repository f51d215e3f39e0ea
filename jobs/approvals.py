"""Which approvals stand: by different people, on the present draft, none of whose right has gone.

Asked when somebody clicks, when a card is drawn, and again just before sending.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from jobs.rules import gates, rights
from jobs.rules.case import Approvals, Decision
from jobs.rules.facts import Facts
from jobs.rules.policy import Policy
from jobs.rules.states import Role
from jobs.store import drafts, people
from jobs.store.cases import Case


def standing(
    conn: Connection, policy: Policy, case: Case, draft: str, facts: Facts, now: datetime
) -> Approvals:
    """The approvals of this draft as the policy counts them at this moment.

    While the account manager still has to see it none counts, whenever it was given.
    """
    needed = gates.approvals(case.rulings, facts, case.stage, policy, case.class_)
    groups = people.groups(conn, now)
    given: list[Decision] = []
    for decision in drafts.decided_on(conn, draft, "approve"):
        person = people.person(conn, decision.actor)
        roles = policy.roles(decision.actor, groups)
        allowed = rights.may_approve(decision.actor, roles, facts, policy, needed)
        if allowed and person and not person.trouble:
            given.append(decision)
    leads = [d for d in given if Role.FINANCE_LEAD in policy.roles(d.actor, groups)]
    fine = bool(drafts.decided_on(conn, draft, "fine"))
    found = Approvals(
        needed=needed.count,
        given=tuple(given),
        lead_needed=needed.lead,
        lead_given=bool(leads),
        opens_at=case.approval_opens_at if needed.manager_first else None,
        manager_fine=fine or not needed.manager_first,
    )
    return found if found.open(now) else replace(found, given=(), lead_given=False)
