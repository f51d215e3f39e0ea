"""What the outside told us: one row per notification, however often it is delivered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from jobs.store.tables import events
from jobs.store.types import Utc
from jobs.store.upsert import insert_or_ignore


@dataclass(frozen=True)
class Notice:
    """A change that somebody notified. `source` and `event_id` together are unique."""

    source: str
    event_id: str
    company: str
    entity: str
    entity_id: str
    verb: str
    happened_at: datetime | None
    deleted_id: str = ""
    """The loser of a merge."""


def store(conn: Connection, notices: Iterable[Notice], now: datetime) -> int:
    """Insert what is new, due at once; returns how many were."""
    return sum(insert_or_ignore(conn, events, _row(notice, now)) for notice in notices)


def read_at(
    conn: Connection, company: str, records: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], datetime]:
    """(entity, id) → when the last change happened that was notified and has been dealt with."""
    by_entity: dict[str, list[str]] = defaultdict(list)
    for entity, id in records:
        by_entity[entity].append(id)
    done = events.c.due_at.is_(None) & (events.c.last_error == "")
    last = func.max(events.c.happened_at, type_=Utc)
    found: dict[tuple[str, str], datetime] = {}
    for entity, ids in by_entity.items():
        theirs = (events.c.company == company) & (events.c.entity == entity)
        query = select(events.c.entity_id, last).where(theirs, events.c.entity_id.in_(ids), done)
        for id, at in conn.execute(query.group_by(events.c.entity_id)):
            found |= {(entity, id): at} if at else {}
    return found


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
