"""QuickBooks' own reminders are off: a finance lead says so, for no call can see it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from jobs.decide import access
from jobs.rules.policy import Policy
from jobs.store import cases, companies, log, posts
from jobs.store.companies import Company

NOTICES = "connected:"
"""How the keys of the notices begin that ask for this."""


def confirm_off(
    conn: Connection, policy: Policy, company: Company, user: str, now: datetime
) -> bool:
    """Put down who confirmed; False where somebody had. Until then no message is sent.

    Raises Refused.
    """
    access.lead(conn, policy, user, now)
    if company.reminders_off_at:
        return False
    companies.change(conn, company.realm, reminders_off_by=user, reminders_off_at=now)
    cases.redraw_pending(conn, company.realm, now)
    posts.draw_again(conn, company.realm, NOTICES, now)
    log.note(conn, log.Entry(company.realm, "company.reminders_off", user, now))
    return True
