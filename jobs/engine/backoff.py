"""What happens to a row when QuickBooks says no: one rule for every step.

    reauth     the company is already paused (`store.services.outages`); the row waits, uncounted
    read-only  a person is told; the row waits for the subscription to be paid, uncounted
    wait       the row waits as long as QuickBooks asked, uncounted
    doubtful   tried once more, then a person is told
    others     if permanent, a person is told at once; otherwise tried five times in all

Errors a step handles itself (gone, stale, closed books, a page to bisect) never get here.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from jobs.engine.step import Step
from jobs.rules.plain import shortened
from jobs.store import companies, outbox, work
from jobs.store.outbox import MessageKind
from jobs.store.services import outages
from jobs.store.services.tokens import Unopenable
from jobs.store.work import Claim
from qbo.errors import Doubtful, QuickBooksError, ReadOnly, ReauthRequired, Throttled

LOOK_AGAIN = timedelta(minutes=10)
"""For a missing key; while a company is not connected, nothing looks at its rows at all."""
UNTIL_PAID = timedelta(hours=1)
SPREAD = 10
"""Seconds over which throttled rows come back, so that they do not all ask at once."""

slog = structlog.get_logger()


def put(conn: Connection, step: Step, claim: Claim, error: QuickBooksError, now: datetime) -> None:
    """Put the row back for as long as the error asks, or give up on it and tell a person."""
    facts = {"error": type(error).__name__, "code": error.code, "intuit_tid": error.intuit_tid}
    slog.warning("step.refused", step=step.name, row=claim.id, **facts)
    if isinstance(error, Unopenable):
        _tell_unopenable(conn, claim, error, now)
    if isinstance(error, ReauthRequired):
        _wait(conn, claim, error, now + LOOK_AGAIN)
    elif isinstance(error, ReadOnly):
        outages.lapse(conn, claim.row.company, now)
        _wait(conn, claim, error, now + UNTIL_PAID)
    elif isinstance(error, Throttled):
        spread = int(claim.id) % SPREAD
        _wait(conn, claim, error, now + timedelta(seconds=error.retry_after + spread))
    elif error.permanent or (isinstance(error, Doubtful) and claim.attempts > 1):
        _give_up(conn, step, claim, error, now)
    else:
        work.back_off(conn, claim, now, _words(error))


def _wait(conn: Connection, claim: Claim, error: QuickBooksError, until: datetime) -> None:
    work.settle(conn, claim, until, last_error=_words(error), attempts=claim.attempts - 1)


def _give_up(
    conn: Connection, step: Step, claim: Claim, error: QuickBooksError, now: datetime
) -> None:
    """At once: asking again would get the same answer. The reason is put on the row first."""
    if told := work.explain(conn, claim, _words(error)):
        step.give_up(conn, told, now)


def _words(error: QuickBooksError) -> str:
    return shortened(str(error), 300)


def _tell_unopenable(conn: Connection, claim: Claim, error: Unopenable, now: datetime) -> None:
    """Once a day: an administrator changed TOKEN_KEYS, so the company cannot be read."""
    if (company := companies.get(conn, claim.row.company)) is None:
        return
    key = f"unopenable:{company.realm}:{now:%Y-%m-%d}"
    data = {"company": company.name, "reason": error.message}
    outbox.say(conn, company, MessageKind.TOKENS_UNOPENABLE, key, data, now)
