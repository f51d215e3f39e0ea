"""How a company's shadow mode went: what would have been sent, held against what came to light."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from jobs.rules.policy.business_days import is_business_day
from jobs.rules.policy.policy import Policy
from jobs.rules.states import State
from jobs.store.companies import ConnectedCompany
from jobs.store.reports import reviewing, shadowing
from jobs.store.reports.reviewing import Later
from jobs.store.reports.shadowing import ShadowCase

ENOUGH_DAYS, ENOUGH_CASES = 10, 30
BOOKED = timedelta(days=2)
"""QuickBooks knows of a payment once somebody has entered it. One that shows so soon after a
message would have gone had been made, or was on its way."""
LOOK_AHEAD = timedelta(days=30)
OBJECTIONS = frozenset({"dispute", "reply", "ticket", "credit_memo"})


@dataclass(frozen=True)
class ShadowScore:
    """The cases of each kind, by number. `waiting` has a text and nobody has decided."""

    days: int
    """Business days from the first shadow case until today, in the company's zone."""
    cases: tuple[str, ...]
    approved: tuple[str, ...]
    waiting: tuple[str, ...]
    paid: tuple[str, ...]
    """Would have asked somebody who had paid. Of approved and waiting cases, as the rest here."""
    disputed: tuple[str, ...]
    """Disputed or credited within 30 days."""
    agreed: tuple[str, ...]
    """A colleague wrote to the customer at about the same time, as far as a later case saw it."""

    @property
    def lacking(self) -> tuple[str, ...]:
        """What speaks against going live, as clauses; empty when it is ready."""
        wrong = len({*self.paid, *self.disputed})
        found = {
            f"{self.days} of {ENOUGH_DAYS} business days": self.days < ENOUGH_DAYS,
            f"{len(self.cases)} of {ENOUGH_CASES} cases": len(self.cases) < ENOUGH_CASES,
            f"{wrong} would have gone to somebody who had paid or disputes": wrong > 0,
        }
        return tuple(words for words, missing in found.items() if missing)


def score(
    conn: Connection, policy: Policy, company: ConnectedCompany, now: datetime
) -> ShadowScore:
    """The score of all shadow cases of a company until now; `policy` is the company's."""
    found = shadowing.shadow_cases(conn, company.realm)
    asked = [one for one in found if one.approved or one.state is State.WAITING]
    first = min((one.opened_at for one in found), default=now)
    begun = first.astimezone(company.zone).date()
    gap = timedelta(days=policy.gap_days)
    realm = company.realm
    return ShadowScore(
        days=_business_days(begun, company.today(now), policy) if found else 0,
        cases=tuple(one.id for one in found),
        approved=tuple(one.id for one in found if one.approved),
        waiting=tuple(one.id for one in asked if not one.approved),
        paid=tuple(one.id for one in asked if _had_paid(conn, realm, one)),
        disputed=tuple(_disputed(conn, realm, asked, now)),
        agreed=tuple(
            one.id
            for one in asked
            if shadowing.colleague_wrote(conn, realm, one.customer, one.at, gap)
        ),
    )


def _business_days(first: date, last: date, policy: Policy) -> int:
    every = (first + timedelta(n) for n in range((last - first).days + 1))
    return sum(is_business_day(day, policy) for day in every)


def _had_paid(conn: Connection, realm: str, one: ShadowCase) -> bool:
    """The ledger shows it soon after, or the customer says so although we had not written."""
    booked = shadowing.paid_at(conn, realm, one.invoices).values()
    told = shadowing.said_paid(conn, realm, one.customer)
    return any(at <= one.at + BOOKED for at in booked) or any(
        one.at < at <= one.at + LOOK_AHEAD for at in told
    )


def _disputed(
    conn: Connection, realm: str, asked: Sequence[ShadowCase], now: datetime
) -> Iterator[str]:
    since = min((one.at for one in asked), default=now)
    events = [one for one in reviewing.later(conn, realm, since, now) if one.what in OBJECTIONS]
    names = sorted({one.customer for one in asked})
    events += reviewing.credited(conn, realm, names, since, now)
    yield from (one.id for one in asked if any(_is_about(event, one) for event in events))


def _is_about(event: Later, one: ShadowCase) -> bool:
    theirs = event.customer == one.customer
    theirs &= not event.invoice or event.invoice in one.invoices
    return theirs and one.at < event.at <= one.at + LOOK_AHEAD
