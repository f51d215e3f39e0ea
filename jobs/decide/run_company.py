"""Pause and resume, live and shadow, and a sweep on demand: how a company is run."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from jobs.decide import door
from jobs.rules.policy import Policy
from jobs.store import agenda, cases, companies, log
from jobs.store.companies import Company


def pause(conn: Connection, policy: Policy, company: Company, user: str, now: datetime) -> bool:
    """Stop all sending at once; False where it was paused already. Raises Refused."""
    door.lead(conn, policy, user, now)
    if company.paused_at:
        return False
    companies.change(conn, company.realm, paused_at=now, paused_by=user)
    _turned(conn, company, "company.paused", user, now)
    return True


def resume(conn: Connection, policy: Policy, company: Company, user: str, now: datetime) -> bool:
    """Start sending again; False where it was not paused. Raises Refused."""
    door.lead(conn, policy, user, now)
    if not company.paused_at:
        return False
    companies.change(conn, company.realm, paused_at=None, paused_by=None)
    cases.hurry_approved(conn, company.realm, now)
    _turned(conn, company, "company.resumed", user, now)
    return True


def go_live(conn: Connection, policy: Policy, company: Company, user: str, now: datetime) -> bool:
    """Leave shadow mode; the sweep that follows ends what was rehearsed. Raises Refused.

    REMINDERS_ON: nobody has confirmed yet that QuickBooks' own reminders are off.
    """
    door.lead(conn, policy, user, now)
    if company.live:
        return False
    if not company.reminders_off_at:
        raise door.Refused(door.Said(door.Answer.REMINDERS_ON))
    companies.change(conn, company.realm, mode="live")
    agenda.hurry(conn, company.realm, "sweep", now)
    _turned(conn, company, "company.live", user, now)
    return True


def go_shadow(conn: Connection, policy: Policy, company: Company, user: str, now: datetime) -> bool:
    """Everything but e-mail and note from now on. Raises Refused."""
    door.lead(conn, policy, user, now)
    if not company.live:
        return False
    companies.change(conn, company.realm, mode="shadow")
    _turned(conn, company, "company.shadow", user, now)
    return True


def run_now(conn: Connection, policy: Policy, company: Company, user: str, now: datetime) -> None:
    """Sweep now; everybody whom the policy names may ask for it. Raises Refused."""
    roles = door.known(conn, policy, user, now)
    if not roles:
        raise door.Refused(door.Said(door.Answer.NOT_ALLOWED, detail="a collector"))
    agenda.hurry(conn, company.realm, "sweep", now)
    log.note(conn, log.Entry(company.realm, "sweep.asked", user, now))


def _turned(conn: Connection, company: Company, action: str, user: str, now: datetime) -> None:
    """On record, and on the cards of what is approved."""
    cases.redraw_pending(conn, company.realm, now)
    log.note(conn, log.Entry(company.realm, action, user, now))
