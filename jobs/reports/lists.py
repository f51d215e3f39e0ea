"""What waits, for one person and in a whole company: `/overdue mine`, `waiting` and `health`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from jobs.reports import overview, picture, worklist
from jobs.reports.customer import OwedIn, owed_by
from jobs.reports.overview import Some
from jobs.reports.picture import Only
from jobs.rules.case import Decided
from jobs.rules.phone_calls import LoggedCall, call_due
from jobs.rules.policy.policy import Policy
from jobs.store import direct, drafts, work
from jobs.store.cases import Case
from jobs.store.companies import ConnectedCompany
from jobs.store.customers import families, managers, marks, phone_calls
from jobs.store.reports import case_lists
from jobs.store.services import outages

MOST = 10


@dataclass(frozen=True)
class Mine:
    """What waits for one person, each list with at most `MOST` cases shown."""

    assigned: Some
    to_look_at: Some
    """Of the own customers, where they have not said yet that it looks good."""
    to_decide: Some


def mine(
    conn: Connection, policy: Policy, realm: str, user: str, workspace: str, now: datetime
) -> Mine:
    """What waits for this person now; each case once, in the first list that it belongs to."""
    seen: set[str] = set()

    def listed(some: Iterable[Case]) -> Some:
        new = [case.id for case in some if case.id not in seen]
        seen.update(new)
        shown = picture.listed_cases(conn, policy, new[:MOST], workspace, now)
        return Some(shown, len(new[MOST:]))

    assigned = listed(case_lists.assigned_to(conn, realm, user))
    theirs = managers.of_open_cases(conn, realm, policy, now)
    own = (case for case in direct.waiting(conn, realm) if theirs.get(case.id) == user)
    unseen = (case for case in own if not _looks_good(conn, case))
    deciding = worklist.to_decide(conn, policy, realm, user, now)
    return Mine(assigned, listed(unseen), listed(deciding))


def _looks_good(conn: Connection, case: Case) -> bool:
    return bool(case.draft and drafts.decided_on(conn, case.draft, Decided.FINE))


@dataclass(frozen=True)
class MarkToReview:
    """A mark whose review date has come. `customer` is its name."""

    customer: str
    kind: str
    review_on: date


@dataclass(frozen=True)
class PutOff:
    """What waits in a company: for a date, on hold, and marks to be looked at again."""

    company: ConnectedCompany
    waits: Some
    held: Some
    marks: Sequence[MarkToReview]
    more_marks: int = 0


def waiting(conn: Connection, company: ConnectedCompany, only: Only, now: datetime) -> PutOff:
    """Limited to the billed customers in `only`; None is everybody."""
    found = marks.to_review(conn, company.realm, company.today(now), only)
    due = found[:MOST]
    names = families.names(conn, company.realm, [row.customer for row in due])
    to_review = [MarkToReview(names.get(r.customer, r.customer), r.kind, r.review_on) for r in due]
    return PutOff(
        company,
        overview.waits(conn, company, now, MOST, only),
        overview.held(conn, company, MOST, only),
        to_review,
        len(found) - len(due),
    )


@dataclass(frozen=True)
class CompanyHealth:
    """Whether the work of a company goes on."""

    company: ConnectedCompany
    down: Sequence[tuple[str, datetime]]
    """Sources that cannot be read for some customer, and since when."""
    due: int
    """How much work of all companies is due and not begun."""
    due_since: datetime | None


def health(conn: Connection, company: ConnectedCompany, now: datetime) -> CompanyHealth:
    """What is known about it in the database; nothing outside is asked."""
    tables = (work.EVENTS, work.CASES, work.MESSAGES, work.SCHEDULE)
    counted = [work.waiting(conn, table, now) for table in tables]
    since = [oldest for _, oldest in counted if oldest]
    down = outages.standing(conn, company.realm)
    return CompanyHealth(company, down, sum(n for n, _ in counted), min(since, default=None))


@dataclass(frozen=True)
class CallDue:
    """Somebody to call. `name`, `phone` and what was said are outside text."""

    customer: str
    name: str
    phone: str
    owed: Sequence[OwedIn]
    due: datetime
    promise: tuple[date, str] | None
    """Until when the customer last promised to pay, and what has become of it."""
    last: LoggedCall | None


def calls_due(
    conn: Connection, company: ConnectedCompany, only: Only, now: datetime
) -> tuple[list[CallDue], int]:
    """Whom to call today after the final message, those who have waited longest first.

    At most `MOST`, and how many more there are.
    """
    realm, today = company.realm, company.today(now)
    final = phone_calls.after_final(conn, realm, today, only)
    last = phone_calls.last_calls(conn, realm, sorted(final))
    due = {id: call_due(at, last.get(id)) for id, at in final.items()}
    ready = sorted((at, id) for id, at in due.items() if at and at <= now)
    ids = [id for _, id in ready[:MOST]]
    names, phones = families.names(conn, realm, ids), phone_calls.phones(conn, realm, ids)
    shown = [
        CallDue(
            customer=id,
            name=names.get(id, id),
            phone=phones.get(id, ""),
            owed=tuple(owed_by(conn, realm, id, today)),
            due=at,
            promise=phone_calls.last_promise(conn, realm, id),
            last=last.get(id),
        )
        for at, id in ready[:MOST]
    ]
    return shown, len(ready) - len(shown)
