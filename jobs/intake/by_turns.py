"""Crossing in chunks, for the readings that bring much: no transaction of theirs is long."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from jobs.engine.turns import Plan
from jobs.intake import crossings
from jobs.rules.policy import Policy
from jobs.store.companies import Company

INVOICES_A_CHUNK = 200
CUSTOMERS_A_CHUNK = 100
CROSSINGS_A_CHUNK = 80
"""What is written at once: some 15 ms of work each, so that whoever waits hardly notices."""
PAYERS_A_CHUNK = 20


def let_cross(policy: Policy, company: Company, customers: Collection[str], trigger: str) -> Plan:
    """These billed customers, a few; one who has more than a chunk goes on in the same case."""
    last: str | None = ""
    while last is not None:
        last = yield partial(_open, policy, company, customers, trigger, last)


def _open(
    policy: Policy,
    company: Company,
    customers: Collection[str],
    trigger: str,
    after: str,
    conn: Connection,
    now: datetime,
) -> str | None:
    most = CROSSINGS_A_CHUNK
    return crossings.open_cases(conn, policy, company, customers, trigger, now, after, most)
