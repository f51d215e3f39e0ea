"""The daily upkeep of a connection: renew its tokens, warn before they end, and read again what
QuickBooks says about the company itself (its name, zone, closing date).

A refresh token dies if it is not used for about a hundred days, and in any case after five years
(Intuit): either way a person has to connect again, and is warned 60, 30 and 7 days before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from jobs.companies import profile
from jobs.engine.step import Round, Step, scheduled
from jobs.store import companies, log, outbox, work
from jobs.store.companies import ConnectedCompany
from jobs.store.outbox import MessageKind
from jobs.store.work import Claim
from qbo import CompanyInfo, Preferences, QuickBooks, Tokens

KIND = "upkeep"
EVERY = timedelta(days=1)
AFTER_TROUBLE = timedelta(hours=1)
WARN_DAYS = (companies.SOON.days, 30, 7)

Renew = Callable[[str], Tokens]
"""Realm → its new tokens, already stored. Raises QuickBooksError."""
Ledger = Callable[[str], QuickBooks]


def step(renew: Renew, ledger: Ledger) -> Step:
    """The upkeep of one company per row."""
    return scheduled(
        KIND,
        lambda _conn, claim, now: _begin(renew, ledger, claim, now),
        _give_up,
        ready=work.connected,
        width=2,
    )


def _begin(renew: Renew, ledger: Ledger, claim: Claim, now: datetime) -> Round:
    """The first round, or the second if a failed attempt has already renewed the tokens."""
    renewed = (claim.row.body or {}).get("renewed")
    look = ReadCompany(ledger, claim.row.company)
    done = renewed and now - datetime.fromisoformat(renewed) < EVERY
    return look if done else Refresh(renew, look, claim.row.company)


@dataclass(frozen=True)
class Refresh:
    """First round: renew the tokens of one company."""

    renew: Renew
    look: ReadCompany
    realm: str

    def act(self) -> Tokens:
        """The new tokens. Raises QuickBooksError; ReauthRequired has already paused the company."""
        return self.renew(self.realm)

    def settle(
        self, conn: Connection, claim: Claim, outcome: Tokens, now: datetime
    ) -> ReadCompany | None:
        """Store when the connection ends, and warn in time."""
        if not work.renew(conn, claim, now):
            return None
        known = {
            "refresh_expires_at": outcome.refresh_expires_at,
            "hard_expires_at": outcome.hard_expires_at,
            "read_only": False,  # a lapsed subscription may be paid by now: the next note tests it
        }
        companies.change(conn, self.realm, **known)
        _warn(conn, claim, now)
        _remember(conn, claim, renewed=now.isoformat())
        log.note(conn, log.Entry(self.realm, "tokens.renewed", "system:upkeep", now))
        return self.look


@dataclass(frozen=True)
class ReadCompany:
    """Second round: read the company itself."""

    ledger: Ledger
    realm: str

    def act(self) -> tuple[CompanyInfo, Preferences]:
        """Raises QuickBooksError, including Throttled once the month's free reads are used up."""
        quickbooks = self.ledger(self.realm)
        return quickbooks.company_info(), quickbooks.preferences()

    def settle(
        self,
        conn: Connection,
        claim: Claim,
        outcome: tuple[CompanyInfo, Preferences],
        now: datetime,
    ) -> None:
        """Store what changed, and come back tomorrow."""
        if not work.settle(conn, claim, now + EVERY):
            return
        _remember(conn, claim, renewed=None)
        if known := self._profile(conn, *outcome, now):
            companies.change(conn, self.realm, **known)

    def _profile(
        self, conn: Connection, info: CompanyInfo, preferences: Preferences, now: datetime
    ) -> dict[str, Any]:
        """The columns to change; none, and a notice, if we would have to guess."""
        company = companies.need(conn, self.realm)
        try:
            return profile.columns(info, preferences, company.name)
        except profile.UnusableProfile as error:
            key, data = f"profile:{self.realm}:{now:%G-%V}", {"reason": str(error)}
            outbox.say(conn, company, MessageKind.PROFILE_UNUSABLE, key, data, now)
            return {}


def level(end: datetime | None, now: datetime) -> int | None:
    """The smallest of 60, 30 and 7 that covers the days left until `end`; None if over 60 are."""
    crossed = [days for days in WARN_DAYS if end and end - now <= timedelta(days=days)]
    return min(crossed, default=None)


def _warn(conn: Connection, claim: Claim, now: datetime) -> None:
    """One notice per end (of two) and warning level (of three); a later end starts over."""
    company = companies.need(conn, claim.row.company)
    before: dict[str, Any] = work.remembered(conn, claim.id).get("warned", {})
    ends, warned = {"refresh": company.refresh_ends_at, "hard": company.hard_ends_at}, {}
    for kind, end in ends.items():
        mark = level(end, now)
        if end and mark and mark < (before.get(kind) or max(WARN_DAYS) + 1):
            key = f"ends:{company.realm}:{kind}:{mark}:{now:%Y-%m-%d}"
            data = _ending(company, kind, end)
            outbox.say(conn, company, MessageKind.CONNECTION_ENDS, key, data, now)
        warned[kind] = mark
    _remember(conn, claim, warned=warned)


def _remember(conn: Connection, claim: Claim, **facts: Any) -> None:
    """Keep what is `warned` per end, and `renewed` between the two rounds."""
    known = work.remembered(conn, claim.id) | facts
    work.remember(conn, claim.id, {k: fact for k, fact in known.items() if fact is not None})


def _ending(company: ConnectedCompany, kind: str, end: datetime) -> dict[str, Any]:
    ends_on = end.astimezone(company.zone).date().isoformat()
    return {"company": company.name, "ends_on": ends_on, "for_good": kind == "hard"}


def _give_up(conn: Connection, claim: Claim, now: datetime) -> None:
    """Tell a person once a day and keep trying: the ends come closer meanwhile."""
    company = companies.need(conn, claim.row.company)
    key = f"upkeep:{company.realm}:{now:%Y-%m-%d}"
    renewed = "renewed" in work.remembered(conn, claim.id)
    data = {"company": company.name, "renewed": renewed, "reason": claim.row.last_error}
    outbox.say(conn, company, MessageKind.UPKEEP_FAILED, key, data, now)
    _warn(conn, claim, now)
    work.settle(conn, claim, now + AFTER_TROUBLE, last_error=claim.row.last_error)
