"""When the next message may be posted in a channel: Slack takes one a second."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from jobs.store.tables import channels
from jobs.store.upsert import insert_or_ignore

PACE = timedelta(seconds=1)


def reserve(
    conn: Connection, channel: str, now: datetime, within: timedelta
) -> tuple[bool, datetime]:
    """Take the channel's next second if it begins `within` from now.

    Returns whether it was taken, and when it begins: the earliest moment of a post.
    """
    insert_or_ignore(conn, channels, {"channel": channel, "next_at": now})
    query = select(channels.c.next_at).where(channels.c.channel == channel)
    begins = max(conn.execute(query.with_for_update()).scalar_one(), now)
    if begins > now + within:
        return False, begins
    mine = channels.c.channel == channel
    conn.execute(update(channels).where(mine).values(next_at=begins + PACE))
    return True, begins


def close_until(conn: Connection, channel: str, until: datetime) -> None:
    """Post nothing in this channel before then, because Slack asked to wait."""
    insert_or_ignore(conn, channels, {"channel": channel, "next_at": until})
    ours = (channels.c.channel == channel) & (channels.c.next_at < until)
    conn.execute(update(channels).where(ours).values(next_at=until))
