"""How messages are posted: claimed by the bot's own step, one new one a second and channel.

An intent is written before a message is posted, and its `ts` afterwards.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, or_, select, update

from jobs.store import work
from jobs.store.database.tables import channels, messages, schedule
from jobs.store.database.upsert import insert_or_ignore
from jobs.store.work import Claim

COVERED = -1
"""The `rendered_version` of a message that an older drawing may have overwritten."""


def postable(now: datetime, ahead: timedelta) -> ColumnElement[bool]:
    """Posted messages can be redrawn any time; new ones wait for their channel, lines for a card.

    They wait for a channel whose next second begins later than `ahead` from now. The first cards of
    a company wait for its first look, unless that has failed.
    """
    busy = select(channels.c.channel).where(
        channels.c.channel == messages.c.channel, channels.c.next_at > now + ahead
    )
    cards = messages.alias()
    parent = select(cards.c.id).where(
        cards.c.case_id == messages.c.case_id, cards.c.kind == "card", cards.c.ts.is_not(None)
    )
    look = select(schedule.c.id).where(
        schedule.c.company == messages.c.company,
        (schedule.c.kind == "first_look") & schedule.c.due_at.is_not(None),
        schedule.c.last_error == "",
    )
    placed = or_(messages.c.kind != "thread", parent.exists())
    free = ~busy.exists() & placed & or_(messages.c.kind != "card", ~look.exists())
    return (messages.c.channel != "") & or_(messages.c.ts.is_not(None), free)


def get(conn: Connection, id: str) -> Row[Any]:
    """The current row of a message."""
    return conn.execute(select(messages).where(messages.c.id == id)).one()


def intend(conn: Connection, claim: Claim, now: datetime) -> bool:
    """Write the intent to post it within a lease from now; False if it is not ours."""
    ours = (messages.c.id == claim.id) & (messages.c.token == claim.token)
    intent = {"posting": now, "due_at": now + work.LEASE}
    return conn.execute(update(messages).where(ours).values(**intent)).rowcount == 1


def withdraw(conn: Connection, id: str) -> None:
    """Take the intent to post it back: Slack has said no."""
    conn.execute(update(messages).where(messages.c.id == id).values(posting=None))


def cover(conn: Connection, id: str, now: datetime) -> None:
    """Another process is drawing this message too, or has: ours may have overwritten a newer one.

    The process that holds it sees the mark and draws once more; if nobody holds it, it is due. If
    it were always due at once, the next process would take it from its holder, and so on forever.
    """
    ours, held = messages.c.id == id, messages.c.token.is_not(None)
    conn.execute(update(messages).where(ours & held).values(rendered_version=COVERED))
    conn.execute(update(messages).where(ours & ~held).values(due_at=now))


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
