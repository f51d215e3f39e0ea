"""A company's connection to QuickBooks: what happens when it is lost or the subscription lapses."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, update

from jobs.rules.plain import one_line
from jobs.store import cases, companies, log, posts
from jobs.store.tables import companies as companies_table

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
        posts.alarm(conn, realm, company.channel, key, _alert(company, why), now)
        cases.redraw_pending(conn, realm, now)
        log.note(conn, log.Entry(realm, "company.reauth_required", ACTOR, now))


def lapse(conn: Connection, realm: str, now: datetime) -> None:
    """The subscription has lapsed: write no notes until tomorrow's upkeep; told once a week."""
    company = companies.need(conn, realm)
    companies.change(conn, realm, read_only=True)
    text = (
        f":no_entry: The QuickBooks subscription of {named(company)} has lapsed: the company is "
        "read-only. Notes stay in Overdue's own record until it is paid, which is checked once a "
        "day."
    )
    posts.notice(conn, realm, company.channel, f"lapsed:{realm}:{now:%G-%V}", text, now)


def named(company: companies.ConnectedCompany) -> str:
    """The company's name as mrkdwn, escaped."""
    return f"*{posts.escaped(one_line(company.name))}*"


HOW_TO_CONNECT = (
    "A finance lead presses *Connect again* in the Home tab of Overdue; `overdue connect` also "
    "prints a link."
)
"""Where to get a link, not the link itself: it lives ten minutes, and an alert is read later."""


def _alert(company: companies.ConnectedCompany, why: str) -> str:
    return (
        f":rotating_light: *QuickBooks has to be connected again.* {named(company)}: {why}. "
        "Until then nothing of it is read, sent or written. Nothing is lost: everything continues "
        f"by itself afterwards. {HOW_TO_CONNECT}"
    )
