"""A customer as people see it beside its cards: what is said about it, and by whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from jobs.rules.policy.policy import Policy
from jobs.rules.policy.rights import Manager
from jobs.store import assessments, case_lists, companies, ledger
from jobs.store.customers import managers, marks
from jobs.store.customers.marks import SaidInSlack


@dataclass(frozen=True)
class CustomerView:
    """A billed customer of one company (`company` is its realm). `name` is outside text."""

    company: str
    id: str
    name: str
    today: date
    """In the company's zone."""
    said: SaidInSlack
    in_file: tuple[str, ...]
    """The kinds of mark that the policy file gives it."""
    manager: Manager | None
    """Who looks after it, whoever says so."""


def customer_view(
    conn: Connection, policy: Policy, company: str, customer: str, now: datetime
) -> CustomerView:
    """What stands about this customer, which the mirror must have."""
    latest = case_lists.latest_of(conn, company, customer)
    findings = assessments.present(conn, latest).findings if latest else {}
    return CustomerView(
        company=company,
        id=customer,
        name=ledger.names(conn, company, [customer]).get(customer, customer),
        today=companies.need(conn, company).today(now),
        said=marks.said_about(conn, company, customer),
        in_file=tuple(mark.kind for mark in policy.marks(customer)),
        manager=managers.account_manager(conn, company, customer, policy, findings, now),
    )
