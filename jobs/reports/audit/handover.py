"""What is handed over to an agency, a lawyer or a new colleague: customers with their cases."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from jobs.reports import picture
from jobs.reports.customer import OwedIn, owed_by
from jobs.rules.case import CaseView
from jobs.rules.policy.policy import Policy
from jobs.rules.promises import CustomerPromise
from jobs.store import cases, companies, people
from jobs.store.cases import Case
from jobs.store.companies import ConnectedCompany
from jobs.store.customers import promises, record
from jobs.store.customers.record import WrittenText


@dataclass(frozen=True)
class HandedCase:
    """One case: as its card shows it, and everything that was written, sent and noted."""

    case: Case
    view: CaseView
    texts: tuple[WrittenText, ...]
    sends: Sequence[Any]
    note: Any | None
    pruned: bool
    """Whether its summary and quotes are no longer kept."""


@dataclass(frozen=True)
class HandedCustomer:
    """A customer with some of its cases. Outside text in it is raw; rows are those of the store."""

    id: str
    name: str
    email: str
    phone: str
    owed: tuple[OwedIn, ...]
    cases: tuple[HandedCase, ...]
    replies: Sequence[Any]
    promises: Sequence[CustomerPromise]
    holds: Sequence[Any]
    marks: Sequence[Any]
    calls: Sequence[Any]


@dataclass(frozen=True)
class Handover:
    """About whom a page is, when it was made, and the names of people by Slack user id."""

    company: ConnectedCompany
    names: dict[str, str]
    at: datetime
    customers: Iterator[HandedCustomer]
    """Read one after the other, so that a company of any size fits into memory."""


def of_case(conn: Connection, policy: Policy, id: str, now: datetime) -> Handover:
    """The case with what is on record about its customer. Raises `cases.Missing`."""
    case = cases.get(conn, id)
    return _made(conn, policy, case.company, [case.customer], now, only=id)


def of_customers(
    conn: Connection, policy: Policy, company: str, ids: Collection[str], now: datetime
) -> Handover:
    """These customers of a company (its realm) with all their cases."""
    return _made(conn, policy, company, ids, now)


def _made(
    conn: Connection,
    policy: Policy,
    realm: str,
    ids: Collection[str],
    now: datetime,
    only: str = "",
) -> Handover:
    company, ruling = companies.need(conn, realm), policy.for_company(realm)
    read = (_customer(conn, ruling, company, id, now, only) for id in ids)
    return Handover(company, people.names(conn), now, read)


def _customer(
    conn: Connection,
    policy: Policy,
    company: ConnectedCompany,
    id: str,
    now: datetime,
    only: str,
) -> HandedCustomer:
    realm, contact = company.realm, record.contact_of(conn, company.realm, id)
    theirs = [case for case in record.cases_of(conn, realm, id) if only in ("", case.id)]
    return HandedCustomer(
        id=id,
        name=contact.name if contact else "",
        email=contact.email if contact else "",
        phone=contact.phone if contact else "",
        owed=tuple(owed_by(conn, realm, id, company.today(now))),
        cases=tuple(_case(conn, policy, case, now) for case in theirs),
        replies=record.replies_of(conn, realm, id),
        promises=promises.every(conn, realm, id),
        holds=record.holds_of(conn, realm, id),
        marks=record.marks_of(conn, realm, id),
        calls=record.calls_of(conn, realm, id),
    )


def _case(conn: Connection, policy: Policy, case: Case, now: datetime) -> HandedCase:
    return HandedCase(
        case=case,
        view=picture.case_view(conn, policy, case.id, now),
        texts=record.texts_of(conn, case),
        sends=record.sends_of(conn, case),
        note=cases.note_of(conn, case.id),
        pruned=record.is_pruned(conn, case),
    )
