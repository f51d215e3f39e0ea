"""A company's connection to QuickBooks: what happens when it is lost or the subscription lapses."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, update

from jobs.store import cases, companies, log, outbox
from jobs.store.database.tables import companies as companies_table
from jobs.store.outbox import MessageKind

REAUTH_REQUIRED = "reauth_required"
ACTOR = "system:connection"


def lose(conn: Connection, realm: str, why: str, now: datetime) -> None:
    """Stop the company's work and ask a person, once; `why` is a sentence without the full stop.

    Steps are not ready for a company that is not connected, so everything due simply waits.
    """
    ours = (companies_table.c.realm == realm) & (companies_table.c.status == companies.CONNECTED)
    if conn.execute(update(companies_table).where(ours).values(status=REAUTH_REQUIRED)).rowcount:
        company = companies.need(conn, realm)
        key = f"reauth:{realm}:{now:%Y-%m-%dT%H:%M:%S}"
        data = {"company": company.name, "reason": why}
        outbox.say(conn, company, MessageKind.CONNECTION_LOST, key, data, now)
        cases.redraw_pending(conn, realm, now)
        log.note(conn, log.Entry(realm, "company.reauth_required", ACTOR, now))


def lapse(conn: Connection, realm: str, now: datetime) -> None:
    """The subscription has lapsed: write no notes until tomorrow's upkeep; told once a week."""
    company = companies.need(conn, realm)
    companies.change(conn, realm, read_only=True)
    key, data = f"lapsed:{realm}:{now:%G-%V}", {"company": company.name}
    outbox.say(conn, company, MessageKind.SUBSCRIPTION_LAPSED, key, data, now)
