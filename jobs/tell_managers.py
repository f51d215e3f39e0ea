"""Account managers are told, in a direct message, what their customers are about to read.

Who looks after a customer, and what waits, is asked anew each time: nothing is planned ahead.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection

from jobs.engine.services import Services
from jobs.engine.step import Step, scheduled, tries_again
from jobs.rules.policy.policy import Policy
from jobs.store import assessments, companies, direct, people, work
from jobs.store.cases import Case
from jobs.store.customers import managers
from jobs.store.customers.managers import TELL_MANAGERS
from jobs.store.work import Claim

EVERY = timedelta(hours=1)
"""How often it is looked at even if nothing was said to have changed, such as the policy file."""
THEIRS = frozenset({"dispute", "open_ticket"})
"""Stops that are for the account manager to resolve with the customer."""


def step(services: Services) -> Step:
    """The tell_managers step: one row for each company."""
    return scheduled(
        TELL_MANAGERS,
        lambda conn, claim, now: _tell(services, conn, claim, now),
        tries_again(after=EVERY),
    )


def _tell(services: Services, conn: Connection, claim: Claim, now: datetime) -> None:
    work.settle(conn, claim, now + EVERY)
    company = companies.need(conn, claim.row.company)
    policy = services.for_company(company.realm).policy
    for person, theirs in _by_manager(conn, policy, company.realm, now).items():
        direct.bring_to(conn, company.realm, person, theirs, company.today(now), now)


def _by_manager(
    conn: Connection, policy: Policy, realm: str, now: datetime
) -> Mapping[str, list[Case]]:
    """Account manager → what is theirs to look at; only full members whom Slack knows."""
    whose = managers.of_open_cases(conn, realm, policy, now)
    theirs = [case for case in direct.waiting(conn, realm) if case.id in whose]
    rulings = assessments.rulings(conn, [case for case in theirs if case.draft is None])
    found = defaultdict(list)
    for case in theirs:
        resolvable = any(r.rule in THEIRS for r in rulings.get(case.id, ()))
        if case.draft or resolvable:
            found[whose[case.id]].append(case)
    return {who: some for who, some in found.items() if people.in_good_standing(conn, who)}
