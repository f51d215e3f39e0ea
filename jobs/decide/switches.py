"""Pause and resume, live and shadow, and a sweep on demand: how a company is run."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from jobs.decide import access
from jobs.rules.policy import Policy
from jobs.store import agenda, cases, companies, log, outbox
from jobs.store.companies import ConnectedCompany
from jobs.store.outbox import MessageKind


class ModeSwitch(StrEnum):
    """What a finance lead may do with a whole company."""

    PAUSE = "pause"
    RESUME = "resume"
    LIVE = "live"
    SHADOW = "shadow"


def ready(
    conn: Connection,
    policy: Policy,
    company: ConnectedCompany,
    to: ModeSwitch,
    user: str,
    now: datetime,
) -> bool:
    """Whether there is anything to do: False if the company is in that mode already.

    Raises VerbRefused if this person may not do it; with REMINDERS_ON if nobody has confirmed yet
    that QuickBooks' own reminders are off.
    """
    access.lead(conn, policy, user, now)
    if to is ModeSwitch.LIVE and not company.live and not company.reminders_off_at:
        raise access.VerbRefused(access.Reply(access.Answer.REMINDERS_ON))
    stands = {
        ModeSwitch.PAUSE: company.paused_at is not None,
        ModeSwitch.RESUME: company.paused_at is None,
        ModeSwitch.LIVE: company.live,
        ModeSwitch.SHADOW: not company.live,
    }
    return not stands[to]


def pause(
    conn: Connection, policy: Policy, company: ConnectedCompany, user: str, now: datetime
) -> bool:
    """Stop all sending at once; False if it was already paused. Raises VerbRefused."""
    if not ready(conn, policy, company, ModeSwitch.PAUSE, user, now):
        return False
    companies.change(conn, company.realm, paused_at=now, paused_by=user)
    _turned(conn, company, MessageKind.PAUSED, user, now)
    return True


def resume(
    conn: Connection, policy: Policy, company: ConnectedCompany, user: str, now: datetime
) -> bool:
    """Start sending again; False if it was not paused. Raises VerbRefused."""
    if not ready(conn, policy, company, ModeSwitch.RESUME, user, now):
        return False
    companies.change(conn, company.realm, paused_at=None, paused_by=None)
    cases.hurry_approved(conn, company.realm, now)
    _turned(conn, company, MessageKind.RESUMED, user, now)
    return True


def go_live(
    conn: Connection, policy: Policy, company: ConnectedCompany, user: str, now: datetime
) -> bool:
    """Leave shadow mode; the next sweep ends what was only rehearsed. Raises VerbRefused."""
    if not ready(conn, policy, company, ModeSwitch.LIVE, user, now):
        return False
    companies.change(conn, company.realm, mode="live")
    agenda.hurry(conn, company.realm, "sweep", now)
    _turned(conn, company, MessageKind.LIVE, user, now)
    return True


def go_shadow(
    conn: Connection, policy: Policy, company: ConnectedCompany, user: str, now: datetime
) -> bool:
    """From now on do everything except the e-mail and the note. Raises VerbRefused."""
    if not ready(conn, policy, company, ModeSwitch.SHADOW, user, now):
        return False
    companies.change(conn, company.realm, mode="shadow")
    _turned(conn, company, MessageKind.SHADOW, user, now)
    return True


def run_now(
    conn: Connection, policy: Policy, company: ConnectedCompany, user: str, now: datetime
) -> None:
    """Sweep now; anybody the policy names may ask for it. Raises VerbRefused."""
    roles = access.known(conn, policy, user, now)
    if not roles:
        raise access.VerbRefused(access.Reply(access.Answer.NOT_ALLOWED, detail="a collector"))
    agenda.hurry(conn, company.realm, "sweep", now)
    log.note(conn, log.Entry(company.realm, "sweep.asked", user, now))


def _turned(
    conn: Connection, company: ConnectedCompany, to: MessageKind, user: str, now: datetime
) -> None:
    """Log it, redraw the affected cards, and tell the channel who did it."""
    action = f"company.{to}"
    key = f"{action}:{company.realm}:{now.isoformat()}"
    outbox.say(conn, company, to, key, {"by": user}, now)
    cases.redraw_pending(conn, company.realm, now)
    log.note(conn, log.Entry(company.realm, action, user, now))


NOTICES = "connected:"
"""The key prefix of the notices that ask for this confirmation."""


def confirm_off(
    conn: Connection, policy: Policy, company: ConnectedCompany, user: str, now: datetime
) -> bool:
    """Record who confirmed; False if somebody already had. Until then no message is sent.

    Raises VerbRefused.
    """
    access.lead(conn, policy, user, now)
    if company.reminders_off_at:
        return False
    companies.change(conn, company.realm, reminders_off_by=user, reminders_off_at=now)
    cases.redraw_pending(conn, company.realm, now)
    outbox.draw_again(conn, company.realm, NOTICES, now)
    log.note(conn, log.Entry(company.realm, "company.reminders_off", user, now))
    return True
