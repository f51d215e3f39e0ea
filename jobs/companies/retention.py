"""Once a day, delete the texts that are older than `text_days` in the policy."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from jobs.engine.services import Services
from jobs.engine.step import Step, scheduled, tries_again
from jobs.store import texts, work
from jobs.store.work import Claim

KIND = "retention"
EVERY = timedelta(days=1)
AT_ONCE = 500
"""Texts of a kind in one transaction, which must stay short; the rest follow at once."""

slog = structlog.get_logger()


def step(services: Services) -> Step:
    """The retention step: one row for all companies, because a text belongs to none."""
    return scheduled(
        KIND,
        lambda conn, claim, now: _prune(services, conn, claim, now),
        tries_again(after=EVERY),
    )


def _prune(services: Services, conn: Connection, claim: Claim, now: datetime) -> None:
    kept = timedelta(days=services.ruling().text_days)
    gone = texts.prune(conn, now - kept, AT_ONCE, now)
    work.settle(conn, claim, now if gone else now + EVERY)
    if gone:
        slog.info("retention.pruned", texts=gone)
