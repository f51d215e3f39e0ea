"""The worklist of a person: the cases that they may decide now, the most valuable first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from sqlalchemy import Connection

from jobs import approvals
from jobs.reports.picture import bar, card_link
from jobs.rules.case import Decided
from jobs.rules.figures import Money
from jobs.rules.gates import gates
from jobs.rules.policy import rights
from jobs.rules.policy.policy import Policy
from jobs.rules.policy.rights import sees
from jobs.rules.states import State
from jobs.store import assessments, drafts, people
from jobs.store.cases import Case
from jobs.store.companies import ConnectedCompany
from jobs.store.customers import families, managers
from jobs.store.reports import case_lists

MOST = 50
"""How many cases a worklist has: twice a day's usual cards."""


def to_decide(
    conn: Connection, policy: Policy, realm: str, user: str, now: datetime
) -> Iterator[Case]:
    """The cases that this person may approve or, as account manager, call good, now.

    The most valuable first; without those that a rule stops, that somebody else has to see first,
    that they have approved already, and those of customers whose figures they may not see.
    """
    roles = policy.roles(user, people.groups(conn, now))
    only = sees(roles, managers.owned(conn, realm, policy, user, now))
    pages = case_lists.approvable(conn, realm, only)
    free = (one for page in pages for one in _free(conn, page))
    return islice((one for one in free if may_decide(conn, policy, one, user, now)), MOST)


def _free(conn: Connection, some: list[Case]) -> list[Case]:
    """Those that no rule stops."""
    rulings = assessments.rulings(conn, some)
    return [one for one in some if bar(one, rulings[one.id]) is None]


@dataclass(frozen=True)
class ToDecide:
    """A case that somebody may decide: `days` late, where this customer is `usual` days late."""

    id: str
    customer: str
    asked: Money
    days: int
    usual: int | None
    link: str = ""


def mine(
    conn: Connection,
    policy: Policy,
    company: ConnectedCompany,
    user: str,
    workspace: str,
    now: datetime,
) -> list[ToDecide]:
    """This person's worklist as App Home lists it; `workspace` is the base URL of links."""
    found = list(to_decide(conn, policy, company.realm, user, now))
    names = families.names(conn, company.realm, [one.customer for one in found])
    listed = []
    for case in found:
        facts = assessments.facts_of_case(conn, case, now)
        usual = facts.habit.median_days_late if facts.habit else None
        name, link = names.get(case.customer, case.customer), card_link(conn, case.id, workspace)
        listed.append(ToDecide(case.id, name, facts.asked, facts.days_overdue, usual, link))
    return listed


def may_decide(conn: Connection, policy: Policy, case: Case, user: str, now: datetime) -> bool:
    """Whether this person's approval of the present draft is possible now, and not given yet.

    Before approval opens, it is the account manager who decides whether the draft looks good.
    """
    if case.state is not State.WAITING or case.draft is None:
        return False
    facts = assessments.facts_of_case(conn, case, now)
    by = approvals.grounds(conn, policy, case, facts, now)
    if not approvals.standing(conn, policy, case, case.draft, by, now).open(now):
        return rights.looks_after(user, by.manager)
    needed = gates.approvals(by.judged.rulings, facts, case.stage, policy, by.judged.class_)
    roles = policy.roles(user, people.groups(conn, now))
    given = drafts.decided_on(conn, case.draft, Decided.APPROVE)
    allowed = rights.may_approve(user, roles, by.manager, policy, needed)
    return allowed and all(one.actor != user for one in given)


def next_card(conn: Connection, policy: Policy, case: Case, workspace: str, now: datetime) -> str:
    """The URL of the first posted card in the worklist of whoever approved this case last.

    Empty if there is none.
    """
    who = [d.actor for d in drafts.decided_on(conn, str(case.draft), Decided.APPROVE)][-1:]
    if not who:
        return ""
    following = to_decide(conn, policy, case.company, who[0], now)
    links = (card_link(conn, one.id, workspace) for one in following if one.id != case.id)
    return next(filter(None, links), "")
