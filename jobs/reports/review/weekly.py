"""Makes the review of each company's last week, on the first business day after it, and posts it.

Reading a large week takes seconds, so it is read in short transactions.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from jobs.engine.services import Services
from jobs.engine.step import Round, Step, scheduled, tries_again
from jobs.engine.turns import Plan, Turn
from jobs.reports.review import counting, learning, review
from jobs.reports.review.review import Review
from jobs.rules.letters.learning import WordingChange
from jobs.rules.policy.business_days import next_digest, start_of
from jobs.rules.policy.policy import Policy
from jobs.store import companies, outbox, wordings, work
from jobs.store.companies import ConnectedCompany
from jobs.store.outbox import Below, MessageKind
from jobs.store.reports.reviewing import notice_key, wording_key
from jobs.store.work import Claim

KIND = "review"


def step(services: Services) -> Step:
    """The review step: one row per company."""
    again = tries_again(after=timedelta(hours=1))
    load = partial(_load, services)
    return scheduled(KIND, load, again, ready=work.connected_and_swept)


def _load(services: Services, conn: Connection, claim: Claim, now: datetime) -> Round | None:
    """On the first digest of a week; a missed one is caught up until the next week begins.

    There is none of a week in which the company was not connected yet.
    """
    company = companies.need(conn, claim.row.company)
    policy = services.for_company(company.realm).policy
    week = review.last_week(company, now)
    ended = start_of(week + review.WEEK, company.zone)
    just_before = ended - timedelta(seconds=1)  # the digest may come at midnight
    opens = next_digest(just_before, company.zone, policy)
    if now < opens:
        work.settle(conn, claim, opens)
        return None
    if company.connected_at >= ended or outbox.exists(conn, notice_key(company.realm, week)):
        work.settle(conn, claim, start_of(week + 2 * review.WEEK, company.zone))
        return None
    return Turn(_plan(company, policy, week, claim))


def _plan(company: ConnectedCompany, policy: Policy, week: date, claim: Claim) -> Plan:
    made = yield from counting.make(company, week)
    changes = yield from learning.make(company, policy, week)
    yield partial(_post, company, made, changes, claim)


def _post(
    company: ConnectedCompany,
    made: Review,
    changes: Sequence[WordingChange],
    claim: Claim,
    conn: Connection,
    now: datetime,
) -> None:
    """Keep it, and say it once: the message, and below it details, table, and changes of texts."""
    if not work.settle(conn, claim, start_of(made.week + 2 * review.WEEK, company.zone)):
        return
    review.keep(conn, made, now)
    key, data = notice_key(company.realm, made.week), {"week": made.week.isoformat()}
    outbox.say(conn, company, MessageKind.REVIEW, key, data, now)
    outbox.say(conn, Below(key), MessageKind.REVIEW_DETAILS, "details", data, now)
    if made.cases:
        outbox.say(conn, Below(key), MessageKind.REVIEW_CASES, "cases", data, now)
    for one in changes:
        wordings.propose(conn, company.realm, made.week, one)
        line, named = wording_key(one.fingerprint), {"proposal": one.fingerprint}
        outbox.redraw_below(conn, company.realm, line, now)
        outbox.say(conn, Below(key), MessageKind.REVIEW_WORDING, line, named, now)
