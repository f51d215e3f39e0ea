"""Publishes the end of the decision log outside the database. Anyone who can write to the database
can cut rows off the end of a chain and correct its head, and the chain alone would not show it.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta

import structlog
from sqlalchemy import Connection

from jobs.engine.services import Services
from jobs.engine.step import Step, scheduled, tries_again
from jobs.rules.policy.business_days import is_business_day
from jobs.store import companies, log, outbox, work
from jobs.store.companies import ConnectedCompany
from jobs.store.log import Head
from jobs.store.outbox import MessageKind
from jobs.store.work import Claim

KIND = "log_head"
EVERY = timedelta(hours=1)
"""How often it is written to the process log; a channel gets it once per business day."""
FROM = time(17)
"""When the channel gets it, in the company's zone: by then most decisions of the day are made."""

slog = structlog.get_logger()


def step(services: Services) -> Step:
    """The log_head step: one row for all companies."""
    return scheduled(
        KIND,
        lambda conn, claim, now: _tell(services, conn, claim, now),
        tries_again(after=EVERY),
    )


def _tell(services: Services, conn: Connection, claim: Claim, now: datetime) -> None:
    work.settle(conn, claim, now + EVERY)
    for head in log.heads(conn):
        slog.info("log.head", company=head.company, seq=head.seq, hash=head.hash)
        company = companies.get(conn, head.company)
        if company and (lost := log.lost(conn, head.company)):
            _alarm(conn, company, lost, now)
        if company and company.connected and _is_time(services, company, now):
            _tell_channel(conn, company, head, now)


def _is_time(services: Services, company: ConnectedCompany, now: datetime) -> bool:
    there = now.astimezone(company.zone)
    policy = services.for_company(company.realm).policy
    return there.time() >= FROM and is_business_day(there.date(), policy)


def _tell_channel(conn: Connection, company: ConnectedCompany, head: Head, now: datetime) -> None:
    key = f"{log.TOLD}:{company.realm}:{company.today(now)}"
    data = {"seq": head.seq, "hash": head.hash}
    outbox.say(conn, company, MessageKind.LOG_HEAD, key, data, now)


def _alarm(conn: Connection, company: ConnectedCompany, lost: Head, now: datetime) -> None:
    slog.error("log.cut", company=company.realm, seq=lost.seq, hash=lost.hash)
    key = f"log_cut:{company.realm}:{lost.hash}"
    outbox.say(conn, company, MessageKind.LOG_CUT, key, {"seq": lost.seq}, now)
