"""A company as people see it in App Home: what is owed, what waits for whom, what is on hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from jobs.reports import picture
from jobs.reports.cash import outlook
from jobs.reports.cash.outlook import LatestOutlook
from jobs.reports.picture import Aging, ListedCase, Only
from jobs.reports.worklist import ToDecide
from jobs.rules.policy.policy import Policy
from jobs.rules.rulings import Kind, Ruling
from jobs.rules.states import State
from jobs.store import assessments
from jobs.store.cases import Case
from jobs.store.companies import ConnectedCompany
from jobs.store.customers import families, history
from jobs.store.reports import case_lists
from jobs.store.services import budget

CAPPED = "Above today's limit of new cards."
LATELY = timedelta(days=14)
"""For how long it is listed what was not sent."""


@dataclass(frozen=True)
class WaitingCase:
    """A case without a card to act on yet: why it waits, and until when."""

    case: str
    customer: str
    reason: str
    until: datetime | None


@dataclass(frozen=True)
class Held:
    """A hold with its review date; `invoice` is its number, or empty for the whole customer."""

    customer: str
    invoice: str
    kind: str
    reason: str
    until: date


@dataclass(frozen=True)
class Unsent:
    """A case that ended without a message, and why; `state` is how it ended."""

    case: str
    customer: str
    state: State
    reason: str
    on: datetime


@dataclass(frozen=True)
class Some:
    """The first entries of a list, and how many more there are."""

    shown: Sequence[ToDecide | ListedCase | WaitingCase | Held | Unsent]
    more: int = 0


NOTHING = Some(())


@dataclass(frozen=True)
class Overview:
    """One company; `metered` is the number of its metered reads this month.

    `ends_at` is when its connection ends, if that is soon.
    """

    company: ConnectedCompany
    aging: tuple[Aging, ...]
    approvals: Some
    waits: Some
    held: Some
    metered: int | None
    ends_at: datetime | None = None
    whole: bool = True
    """False if only somebody's own customers are shown."""
    mine: Some = NOTHING
    """What waits for the reader; `approvals` are the other cases that wait for a decision."""
    unsent: Some = NOTHING
    outlook: LatestOutlook | None = None


def of_company(
    conn: Connection,
    policy: Policy,
    company: ConnectedCompany,
    mine: Sequence[ToDecide],
    workspace: str,
    now: datetime,
    most: int,
    only: Only = None,
) -> Overview:
    """What App Home shows about a company, each list with at most `most` entries.

    `mine` is the reader's worklist. `only` limits everything to these billed customers and leaves
    out the metered reads.
    """
    return Overview(
        company=company,
        mine=Some(tuple(mine[:most]), max(len(mine) - most, 0)),
        aging=picture.aging(conn, company, now, only),
        approvals=_others(conn, policy, company, mine, workspace, now, most, only),
        unsent=_unsent(conn, company, now, most, only),
        outlook=outlook.seen_by(conn, company, only, now),
        waits=waits(conn, company, now, most, only),
        held=held(conn, company, most, only),
        metered=_metered(conn, company, now) if only is None else None,
        ends_at=company.ending(now),
        whole=only is None,
    )


def _others(
    conn: Connection,
    policy: Policy,
    company: ConnectedCompany,
    mine: Sequence[ToDecide],
    workspace: str,
    now: datetime,
    most: int,
    only: Only,
) -> Some:
    """The waiting cases that somebody else decides, or that a rule stops, the largest first."""
    realm, home, known = company.realm, company.home_currency, {one.id for one in mine}
    found, count = case_lists.largest(conn, realm, {State.WAITING}, only, home, most + len(known))
    ids = [one.case.id for one in found if one.case.id not in known][:most]
    shown = sorted(
        picture.listed_cases(conn, policy, ids, workspace, now),
        key=lambda one: picture.by_amount(one.view.facts.asked, home),
    )
    return Some(shown, max(count - len(known) - len(shown), 0))


def _unsent(
    conn: Connection, company: ConnectedCompany, now: datetime, most: int, only: Only
) -> Some:
    rows, count = case_lists.unsent(conn, company.realm, only, now - LATELY, most)
    names = families.names(conn, company.realm, [case.customer for case in rows])
    shown = tuple(
        Unsent(
            case.id,
            names.get(case.customer, case.customer),
            case.state,
            case.row.end_reason,
            case.row.closed_at,
        )
        for case in rows
    )
    return Some(shown, count - len(shown))


def _metered(conn: Connection, company: ConnectedCompany, now: datetime) -> int:
    used = budget.by_company(conn, budget.month_of(now))
    return next((one.metered for one in used if one.company == company.realm), 0)


def waits(
    conn: Connection, company: ConnectedCompany, now: datetime, most: int, only: Only
) -> Some:
    """What waits for a date, with the reason."""
    found, count = case_lists.asleep(conn, company.realm, only, now, most)
    names = families.names(conn, company.realm, [case.customer for case in found])
    rulings = assessments.rulings(conn, found)
    shown = tuple(
        _wait(case, names.get(case.customer, case.customer), rulings[case.id]) for case in found
    )
    return Some(shown, count - len(shown))


def _wait(case: Case, name: str, rulings: tuple[Ruling, ...]) -> WaitingCase:
    """Why a case waits: its latest ruling to wait, its snooze, or the day's cap."""
    row = case.row
    if case.state is State.SNOOZED:
        return WaitingCase(case.id, name, row.end_reason or "Snoozed.", row.due_at)
    if row.due_at is None:
        return WaitingCase(case.id, name, CAPPED, None)
    reasons = [r.reason for r in rulings if r.kind is Kind.WAIT]
    why = " ".join(reasons) or row.last_error or "It is checked again then."
    return WaitingCase(case.id, name, why, row.due_at)


def held(conn: Connection, company: ConnectedCompany, most: int, only: Only) -> Some:
    """What is on hold, the next review first."""
    rows, count = history.listed_holds(conn, company.realm, only, most)
    names = families.names(conn, company.realm, [row.customer for row in rows])
    shown = tuple(
        Held(
            customer=names.get(row.customer, row.customer),
            invoice=(row.number or f"#{row.invoice}") if row.invoice else "",
            kind=row.kind,
            reason=row.reason,
            until=row.until,
        )
        for row in rows
    )
    return Some(shown, count - len(shown))
