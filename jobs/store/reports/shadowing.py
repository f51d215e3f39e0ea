"""What cases did in shadow mode, and what people did meanwhile: both as far as the record knows."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, select

from jobs.rules.facts.evidence import Stance
from jobs.rules.states import State
from jobs.store import log
from jobs.store.assessments import FINDINGS
from jobs.store.database.tables import assessments, cases, drafts, invoices, replies
from jobs.store.texts import LAST_ROW


class ShadowCase(NamedTuple):
    """A shadow case that had a text, and `at`: when it would have been sent, or was written."""

    id: str
    customer: str
    state: State
    opened_at: datetime
    at: datetime
    approved: bool
    """All was done but the sending; otherwise nobody has approved it."""
    invoices: frozenset[str]


def shadow_cases(conn: Connection, company: str) -> list[ShadowCase]:
    """Every shadow case of a company that had a text, the oldest first."""
    runs = log.of_actions(conn, company, 1, LAST_ROW, ["case.shadow_run"])
    ran = {row.case: datetime.fromisoformat(row.fields["at"]) for row in runs}
    query = (
        select(cases, drafts.c.letter, drafts.c.written_at)
        .join(drafts, drafts.c.id == cases.c.draft)
        .where(cases.c.company == company, cases.c.shadow)
        .order_by(cases.c.id)
    )
    return [
        ShadowCase(
            row.id,
            row.customer,
            State(row.state),
            row.opened_at,
            ran.get(row.id, row.written_at),
            row.id in ran,
            frozenset(one["id"] for one in json.loads(row.letter)["invoices"]),
        )
        for row in conn.execute(query)
    ]


def paid_at(conn: Connection, company: str, some: Collection[str]) -> dict[str, datetime]:
    """Those of these invoices that were paid → when that was first read."""
    ours = (invoices.c.company == company) & invoices.c.id.in_(some)
    query = select(invoices.c.id, invoices.c.settled_at)
    rows = conn.execute(query.where(ours, invoices.c.settled_at.is_not(None)))
    return {row.id: row.settled_at for row in rows}


def said_paid(conn: Connection, company: str, customer: str) -> list[datetime]:
    """When mails of a customer came that say it has been paid."""
    theirs = (replies.c.company == company) & (replies.c.customer == customer)
    rows = conn.execute(select(replies.c.came_at, replies.c.stances).where(theirs))
    return [row.came_at for row in rows if Stance.PAID_CLAIM in row.stances]


def colleague_wrote(
    conn: Connection, company: str, customer: str, since: datetime, gap: timedelta
) -> bool:
    """Whether any judgement since then saw that a colleague wrote within `gap` of it."""
    query = (
        select(assessments.c.findings)
        .join(cases, cases.c.id == assessments.c.case_id)
        .where(cases.c.company == company, cases.c.customer == customer)
        .where(assessments.c.made_at >= since)
    )
    seen = (FINDINGS.validate_json(json.dumps(row.findings)) for row in conn.execute(query))
    wrote = (one.we_wrote_at for found in seen for one in found.values() if one.we_wrote_at)
    return any(since - gap <= at <= since + gap for at in wrote)
