"""What the outside told us: one row per notification, however often it is delivered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from jobs.store.tables import events
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
