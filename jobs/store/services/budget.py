"""The request budget of a company, shared by all processes: pace, pauses, and the month's reads.

Each request takes one short transaction on the company's row, which serves as the lock. Requests of
the last minute are kept to the millisecond, so the limits hold for any second and any minute, not
only for calendar ones.

Work that a person is waiting for goes before work that can wait: bulk work (sweep, triage) leaves a
fifth of each second and minute free for sends, notes and the reading of notifications. Otherwise it
is first come, first served. When nine tenths of the month's reads are used up, bulk work waits for
the next month.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from jobs.store import companies, outbox
from jobs.store.database.engine import AWAY, Database
from jobs.store.database.tables import budgets, usage
from jobs.store.database.upsert import insert_or_ignore
from jobs.store.outbox import MessageKind
from qbo.errors import Throttled, Unreachable
from qbo.pacing import BATCHES_PER_MINUTE, PER_MINUTE, PER_SECOND

QUOTA = 500_000
"""Metered reads a month for all companies together (Intuit's free tier, per workspace)."""
WARN_AT, STOP_AT = 70, 90
"""Percent of the quota."""
SECOND, MINUTE = 1_100, 61_000
"""Milliseconds, a little too long on purpose: spaced requests may bunch up on their way."""
BULK_SHARE = 4, 5
"""The share that bulk work may use, as a fraction."""
LOOK_AGAIN = 3600.0
"""Seconds before work that waits for the next month asks again."""
BLOCKED_AFTER = timedelta(minutes=15)
"""Refusals for this long mean that the month's quota is blocked, not a burst of requests."""
ONE_PAUSE = timedelta(minutes=5)
"""Pauses less than this apart count as one."""

_bulk: ContextVar[bool] = ContextVar("bulk", default=False)


@contextmanager
def in_bulk(bulk: bool) -> Iterator[None]:
    """Mark the requests that this thread makes in this block as bulk work, or not."""
    before = _bulk.set(bulk)
    try:
        yield
    finally:
        _bulk.reset(before)


class SqlBudget:
    """The Budget of `qbo`, kept in the database; usable from any thread of any process."""

    def __init__(self, database: Database, quota: int = QUOTA) -> None:
        self._database = database
        self._quota = quota

    def take(self, realm: str, metered: int, clock: Callable[[], datetime]) -> float:
        """Seconds to wait, or 0.0, counted from the moment we hold the company's row.

        Raises Throttled for bulk reads beyond the month's share, and Unreachable if the database
        does not answer, since nothing was requested then.
        """
        bulk = _bulk.get()
        with self._writing() as conn:
            row = _locked(conn, realm)
            now = clock()
            at = _milliseconds(now)
            used = used_in(conn, month_of(now)) if metered else 0
            if metered and bulk and used + metered > self._quota * STOP_AT // 100:
                raise _used_up(now)
            taken, batches = _recent(row.taken, at), _recent(row.batches, at)
            batch = metered > 1  # nothing else costs more than one read
            wait = max(_full(taken, at, bulk), _full_of_batches(batches, at) if batch else 0.0)
            if wait := max(wait, _held(row, now)):
                return wait
            gone = {"taken": sorted([*taken, at])}
            gone |= {"batches": sorted([*batches, at])} if batch else {}
            conn.execute(update(budgets).where(budgets.c.company == realm).values(gone))
            _count(conn, realm, metered, now)
            if metered:
                _tell_once(conn, realm, used + metered, self._quota, now)
        return 0.0

    def hold(self, realm: str, seconds: float, now: datetime) -> None:
        """Let nobody make requests for `seconds`; tell a person if the block does not end."""
        with self._writing() as conn:
            row = _locked(conn, realm)
            goes_on = row.held_until is not None and now - row.held_until < ONE_PAUSE
            since = row.held_since if goes_on else now
            until = max(now + timedelta(seconds=seconds), row.held_until or now)
            ours = budgets.c.company == realm
            conn.execute(update(budgets).where(ours).values(held_since=since, held_until=until))
            if now - since >= BLOCKED_AFTER:
                _tell_blocked(conn, realm, now)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        try:
            with self._database.writing() as conn:
                yield conn
        except AWAY as error:
            raise Unreachable("Our own record did not answer, so nothing was asked") from error


@dataclass(frozen=True)
class Used:
    """One company's requests to QuickBooks in a month."""

    company: str
    metered: int
    free: int


def month_of(now: datetime) -> str:
    """The month that a request counts towards, such as `2026-11`; in UTC."""
    return f"{now.astimezone(UTC):%Y-%m}"


def used_in(conn: Connection, month: str) -> int:
    """The metered reads of all companies in a month."""
    query = select(func.coalesce(func.sum(usage.c.metered), 0)).where(usage.c.month == month)
    return int(conn.execute(query).scalar_one())


def by_company(conn: Connection, month: str) -> list[Used]:
    """What each company used in a month."""
    query = select(usage).where(usage.c.month == month).order_by(usage.c.company)
    return [Used(row.company, row.metered, row.free) for row in conn.execute(query)]


def held(conn: Connection, now: datetime) -> list[str]:
    """The companies (realms) of which QuickBooks asked for a pause that is not over."""
    return list(conn.scalars(select(budgets.c.company).where(budgets.c.held_until > now)))


def _milliseconds(now: datetime) -> int:
    return int(now.timestamp() * 1000)


def _locked(conn: Connection, realm: str) -> Row[Any]:
    """The company's row, locked until the transaction ends."""
    query = select(budgets).where(budgets.c.company == realm).with_for_update()
    if (row := conn.execute(query).first()) is None:
        insert_or_ignore(conn, budgets, {"company": realm, "taken": [], "batches": []})
        row = conn.execute(query).one()
    return row


def _held(row: Row[Any], now: datetime) -> float:
    return max((row.held_until - now).total_seconds(), 0.0) if row.held_until else 0.0


def _recent(times: list[int], at: int) -> list[int]:
    return [each for each in times if abs(each - at) < MINUTE]


def _full_of_batches(batches: list[int], at: int) -> float:
    full = len(batches) >= BATCHES_PER_MINUTE
    return max(0, batches[-BATCHES_PER_MINUTE] + MINUTE - at) / 1000 if full else 0.0


def _full(taken: list[int], at: int, bulk: bool) -> float:
    """Seconds until the current second and minute have room again; 0.0 if they have."""
    part, whole = BULK_SHARE if bulk else (1, 1)
    limits = ((PER_SECOND * part // whole, SECOND), (PER_MINUTE * part // whole, MINUTE))
    full = [taken[-limit] + span - at for limit, span in limits if len(taken) >= limit]
    return max([0, *full]) / 1000


def _count(conn: Connection, realm: str, metered: int, now: datetime) -> None:
    month, more = month_of(now), {"metered": metered, "free": 0 if metered else 1}
    theirs = (usage.c.company == realm) & (usage.c.month == month)
    added = {name: usage.c[name] + n for name, n in more.items()}
    if not conn.execute(update(usage).where(theirs).values(added)).rowcount:
        insert_or_ignore(conn, usage, {"company": realm, "month": month, **more})


def _used_up(now: datetime) -> Throttled:
    month = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    left = ((month + timedelta(days=32)).replace(day=1) - now).total_seconds()
    return Throttled(
        f"{STOP_AT} % of the month's free QuickBooks reads are used; only last checks and "
        "notifications are still read until the month ends",
        retry_after=min(left, LOOK_AGAIN),
    )


def _tell_once(conn: Connection, realm: str, used: int, quota: int, now: datetime) -> None:
    for level in (WARN_AT, STOP_AT):
        reached = used >= quota * level // 100
        if reached and not outbox.exists(conn, _told_by(realm, level, now)):
            _tell_used(conn, used, quota, level, now)


def _told_by(realm: str, level: int, now: datetime) -> str:
    return f"quota:{month_of(now)}:{level}:{realm}"


def _tell_used(conn: Connection, used: int, quota: int, level: int, now: datetime) -> None:
    """Tell every channel, since all companies share the quota, once per month and level."""
    data = {"used": used, "quota": quota, "month": month_of(now)}
    data |= {"percent": level, "stop_at": STOP_AT}
    for company in companies.all_of_them(conn):
        key = _told_by(company.realm, level, now)
        outbox.say(conn, company, MessageKind.READS_USED, key, data, now)


def _tell_blocked(conn: Connection, realm: str, now: datetime) -> None:
    company = companies.get(conn, realm)
    if company is None:
        return
    outbox.say(conn, company, MessageKind.READS_BLOCKED, f"blocked:{realm}:{now:%Y-%m-%d}", {}, now)
