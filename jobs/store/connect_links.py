"""Links to connect a company: who each was made for, and whether it has been used."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from jobs.store.database.tables import connect_links
from jobs.store.database.upsert import insert_or_ignore


@dataclass(frozen=True)
class Link:
    """A link to connect a company; `channel` is where its cards are to go, or empty."""

    state: str
    person: str
    channel: str
    opened_at: datetime
    used_at: datetime | None


def make(conn: Connection, person: str, channel: str, now: datetime) -> str:
    """Make a link for `person` and `channel`; returns its `state`, a secret."""
    state = secrets.token_urlsafe(24)
    row = {"state": state, "person": person, "channel": channel, "opened_at": now}
    insert_or_ignore(conn, connect_links, row)
    return state


def get(conn: Connection, state: str) -> Link | None:
    """The link with this `state`, used or not."""
    row = conn.execute(select(connect_links).where(connect_links.c.state == state)).first()
    return Link(row.state, row.person, row.channel, row.opened_at, row.used_at) if row else None


def use(conn: Connection, state: str, now: datetime) -> bool:
    """Use up the link; of two requests at once, one gets True."""
    unused = (connect_links.c.state == state) & connect_links.c.used_at.is_(None)
    return conn.execute(update(connect_links).where(unused).values(used_at=now)).rowcount == 1


def forget(conn: Connection, before: datetime) -> None:
    """Delete unused links made before `before`."""
    old = connect_links.c.used_at.is_(None) & (connect_links.c.opened_at < before)
    conn.execute(delete(connect_links).where(old))
