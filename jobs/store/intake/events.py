"""What arrives from outside, each once: QuickBooks' notifications, and Slack's signed requests."""

from __future__ import annotations

import hashlib
import secrets
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, select, update

from jobs.store import companies
from jobs.store.database.tables import events, taken
from jobs.store.database.types import Utc
from jobs.store.database.upsert import insert_or_ignore
from jobs.store.work import MOST_ATTEMPTS, Claim

ASKED_BY_ID = frozenset({"Invoice", "Customer"})
"""Kinds for which QuickBooks can be asked for many ids at once."""
LATELY = timedelta(hours=1)
"""How long a vague notification counts again; an older one may be a mere repetition."""


@dataclass(frozen=True)
class Notice:
    """A notified change. `source` and `event_id` together are unique."""

    source: str
    event_id: str
    company: str
    entity: str
    entity_id: str
    verb: str
    happened_at: datetime | None
    deleted_id: str = ""
    """The customer that was merged away, or empty."""
    vague: bool = False
    """Its id is derived from its content, so a second change in the same second has the same id."""


def store(conn: Connection, notices: Iterable[Notice], now: datetime) -> int:
    """Insert the new ones, due at once; returns how many there were."""
    return sum(_store(conn, notice, now) for notice in notices)


def _store(conn: Connection, notice: Notice, now: datetime) -> bool:
    new = insert_or_ignore(conn, events, _row(notice, now))
    if not new and notice.vague:
        _read_again(conn, notice, now)
    return new


def _read_again(conn: Connection, notice: Notice, now: datetime) -> None:
    """Make the event due again: an earlier reading may have missed this change."""
    same = (events.c.source == notice.source) & (events.c.event_id == notice.event_id)
    begun = events.c.due_at.is_(None) | events.c.token.is_not(None)
    lately = events.c.received_at > now - LATELY
    again = update(events).where(same, begun, lately)
    conn.execute(again.values(due_at=now, token=None, attempts=0, last_error=""))


@cache
def answerable() -> ColumnElement[bool]:
    """A known company must be connected; an unknown one is dealt with at once."""
    company = events.c.company
    return ~companies.known(company) | companies.connected(company)


def unsettled(conn: Connection) -> int:
    """How many notifications have not been dealt with yet."""
    query = select(func.count()).select_from(events).where(events.c.due_at.is_not(None))
    return int(conn.execute(query).scalar_one())


def told(
    conn: Connection, company: str, changes: Iterable[tuple[str, str, datetime | None]]
) -> set[tuple[str, str]]:
    """Which of these (entity, id, time of change) a notification has brought, as (entity, id).

    It must be as late as the change, and have been processed.
    """
    by_entity: dict[str, dict[str, datetime]] = defaultdict(dict)
    for entity, id, changed in changes:
        if changed:
            by_entity[entity][id] = changed
    done = events.c.due_at.is_(None) & (events.c.last_error == "")
    last = func.max(events.c.happened_at, type_=Utc)
    found: set[tuple[str, str]] = set()
    for entity, times in by_entity.items():
        theirs = (events.c.company == company) & (events.c.entity == entity)
        query = select(events.c.entity_id, last).where(theirs, events.c.entity_id.in_(times), done)
        rows = conn.execute(query.group_by(events.c.entity_id))
        found |= {(entity, id) for id, at in rows if at and at >= times[id]}
    return found


def take_along(conn: Connection, claim: Claim, now: datetime, most: int) -> list[Claim]:
    """Claim other due events that the same reading can cover.

    They may include events claimed at the same moment; starting one of those then finds the claim
    lost. A merge is read alone, and so is anything that has failed before.
    """
    if claim.row.deleted_id or claim.row.last_error:
        return []
    free = (events.c.due_at <= now) | (events.c.token == claim.token)
    with_it = free & (events.c.due_at <= claim.until) & _alike(claim)
    chosen = select(events.c.id).where(with_it).order_by(events.c.id).limit(most)
    picked = chosen.with_for_update(skip_locked=True).cte("picked")
    token = secrets.token_hex(16)
    taken = (
        update(events)
        .where(events.c.id.in_(select(picked.c.id)), free)
        .values(token=token, due_at=claim.until)
        .returning(events)
    )
    return [Claim(events, row.id, token, row.attempts, row) for row in conn.execute(taken)]


def _alike(claim: Claim) -> ColumnElement[bool]:
    event = claim.row
    # with bare columns the planner would go through all past events instead of the due ones
    alike: ColumnElement[bool] = (
        (events.c.id != claim.id)
        & (events.c.company.concat("") == event.company)
        & (events.c.entity.concat("") == event.entity)
        & (events.c.deleted_id == "")
        & (events.c.last_error == "")
        & (events.c.attempts <= MOST_ATTEMPTS)
    )
    if event.entity not in ASKED_BY_ID:
        alike = alike & (events.c.entity_id.concat("") == event.entity_id)
    return alike


def _row(notice: Notice, now: datetime) -> dict[str, object]:
    return {
        "source": notice.source,
        "event_id": notice.event_id,
        "company": notice.company,
        "entity": notice.entity,
        "entity_id": notice.entity_id,
        "verb": notice.verb,
        "deleted_id": notice.deleted_id,
        "happened_at": notice.happened_at,
        "received_at": now,
        "due_at": now,
    }


TAKEN_KEPT = timedelta(minutes=15)
"""Longer than a signature is valid: five minutes before and after the time it names."""
PRUNED_TOGETHER = 100
_OLD = select(taken.c.sha256).where(taken.c.taken_at < bindparam("before")).limit(PRUNED_TOGETHER)
# rows that another process is just deleting are left to it
_PRUNE = delete(taken).where(taken.c.sha256.in_(_OLD.with_for_update(skip_locked=True)))


def first_time(conn: Connection, signature: str, now: datetime) -> bool:
    """Record that a request is being processed; False if any process has already taken it.

    Of several callers at the same moment only one gets True. Rows that are too old to be replayed
    are deleted here, a few at each call.
    """
    sha256 = hashlib.sha256(signature.encode()).hexdigest()
    first = insert_or_ignore(conn, taken, {"sha256": sha256, "taken_at": now})
    conn.execute(_PRUNE, {"before": now - TAKEN_KEPT})
    return first
