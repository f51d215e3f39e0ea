"""Disconnect: the company's work ends, Intuit forgets us, the tokens are wiped. Safe to repeat.

    pause (status disconnected), log who it was, tell the channel → revoke at Intuit → wipe

Wherever it is interrupted, the company reads and sends nothing, and everybody can see who ended
it; calling it again does the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from jobs.rules.states import ConnectionStatus
from jobs.store import cases, companies, log, outbox
from jobs.store.companies import ConnectedCompany
from jobs.store.database.engine import Database
from jobs.store.outbox import MessageKind
from jobs.store.services import tokens
from jobs.store.services.tokens import Seal
from qbo import OAuth, QuickBooksError, ReauthRequired

UNNAMED = "system:disconnect"
"""The person recorded for a disconnect on the command line that names nobody."""


class Ended(StrEnum):
    """How it went. After NOT_REVOKED the company has stopped, and calling again may finish it."""

    DONE = "done"
    BEFORE = "before"
    UNKNOWN_COMPANY = "unknown_company"
    NOT_REVOKED = "not_revoked"


@dataclass(frozen=True)
class Broker:
    """What disconnecting needs from outside."""

    oauth: OAuth
    seal: Seal


def disconnect(database: Database, broker: Broker, realm: str, user: str, now: datetime) -> Ended:
    """Disconnect a company for `user` (empty on the command line); check their right before."""
    user = user or UNNAMED
    with database.writing() as conn:
        company = companies.get(conn, realm)
        if company is None:
            return Ended.UNKNOWN_COMPANY
        sealed = tokens.sealed(conn, realm)
        if company.status is ConnectionStatus.DISCONNECTED and sealed is None:
            return Ended.BEFORE
        if company.status is not ConnectionStatus.DISCONNECTED:
            _pause(conn, company, user, now)
    if sealed is not None and not _revoked(broker, realm, sealed):
        return Ended.NOT_REVOKED
    with database.writing() as conn:
        if sealed is not None and tokens.sealed(conn, realm) != sealed:
            return Ended.NOT_REVOKED  # refreshed or connected meanwhile: other tokens are stored
        companies.change(conn, realm, sealed_tokens=None, lease_token=None, lease_until=None)
    return Ended.DONE


def _revoked(broker: Broker, realm: str, sealed: str) -> bool:
    """Whether the tokens are useless now: revoked, or sealed with a key that is lost."""
    try:
        broker.oauth.revoke(broker.seal.open(realm, sealed).refresh)
    except ReauthRequired:
        return True
    except QuickBooksError:
        return False
    return True


def _pause(conn: Connection, company: ConnectedCompany, user: str, now: datetime) -> None:
    companies.change(conn, company.realm, status=ConnectionStatus.DISCONNECTED)
    cases.redraw_pending(conn, company.realm, now)
    log.note(conn, log.Entry(company.realm, "company.disconnected", user, now))
    key = f"disconnected:{company.realm}:{now.isoformat()}"
    data = {"company": company.name, "by": "" if user == UNNAMED else user}
    outbox.say(conn, company, MessageKind.DISCONNECTED, key, data, now)
