"""What is to be posted in Slack: work rows, posted by the bot's own step.

A card is a projection of its case; a thread line belongs to a card; a notice stands alone. The
dedupe key makes each of them exist once, no matter how often a step is repeated.

A channel takes one new message a second. Alarms go first, then cards by value, then notices and
thread lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, or_, select, update

from jobs.rules.plain import inert, one_line
from jobs.store import work
from jobs.store.tables import cases, channels, messages, schedule
from jobs.store.upsert import insert_or_ignore
from jobs.store.work import Claim

FIRST = Decimal(10**10)
"""The rank of an alarm: above any card's."""
COVERED = -1
"""The `rendered_version` of a message that an older drawing may have overwritten."""


def escaped(text: str) -> str:
    """Outside text as mrkdwn: one line of at most 1000 characters without link, emoji or style."""
    return inert(one_line(text, 1000))


def card(
    conn: Connection,
    company: str,
    channel: str,
    case_id: str,
    rank: Decimal,
    with_draft: bool,
    now: datetime,
) -> None:
    """The card of a case, posted once and redrawn whenever the case moves.

    `with_draft` says whether it counts for the day's cap of new cards.
    """
    row = {
        "company": company,
        "kind": "card",
        "dedupe": f"card:{case_id}",
        "case_id": case_id,
        "channel": channel,
        "with_draft": with_draft,
        "made_at": now,
        "due_at": now,
        "rank": rank,
    }
    insert_or_ignore(conn, messages, row)


def cards_since(conn: Connection, company: str, since: datetime, *, shadow: bool) -> int:
    """How many cards with a draft a company has got since then: of shadow cases, or of others."""
    query = (
        select(func.count())
        .select_from(messages.join(cases, cases.c.id == messages.c.case_id))
        .where(messages.c.kind == "card", messages.c.company == company)
        .where(messages.c.made_at >= since, messages.c.with_draft)
        .where(cases.c.shadow == shadow)
    )
    return int(conn.execute(query).scalar_one())


def thread(
    conn: Connection, company: str, channel: str, case_id: str, key: str, text: str, now: datetime
) -> None:
    """Add a line to the thread of a case's card. `text` is mrkdwn with outside parts escaped."""
    row = {
        "company": company,
        "kind": "thread",
        "dedupe": f"thread:{case_id}:{key}",
        "case_id": case_id,
        "channel": channel,
        "body": {"text": text},
        "made_at": now,
        "due_at": now,
    }
    insert_or_ignore(conn, messages, row)


def notice(
    conn: Connection,
    company: str,
    channel: str,
    key: str,
    text: str,
    now: datetime,
    asks: str = "",
    rank: Decimal = Decimal(0),
    data: Mapping[str, Any] | None = None,
) -> None:
    """Post a message of its own in a channel. `text` is mrkdwn with outside parts escaped.

    `asks` is the action id of the button below it, or empty; `data` is stored with the text.
    """
    row = {
        "company": company,
        "kind": "notice",
        "dedupe": f"notice:{key}",
        "channel": channel,
        "body": {**(data or {}), "text": text} | ({"asks": asks} if asks else {}),
        "made_at": now,
        "due_at": now,
        "rank": rank,
    }
    insert_or_ignore(conn, messages, row)


def alarm(conn: Connection, company: str, channel: str, key: str, text: str, now: datetime) -> None:
    """A notice that goes ahead of cards: something has stopped, and only a person can help."""
    notice(conn, company, channel, key, text, now, rank=FIRST)


def draw_again(conn: Connection, company: str, begins: str, now: datetime) -> None:
    """Redraw the notices of a company whose keys start with `begins`."""
    theirs = (messages.c.company == company) & messages.c.dedupe.startswith(f"notice:{begins}")
    conn.execute(update(messages).where(theirs).values(due_at=now))


def exists(conn: Connection, key: str) -> bool:
    """Whether a notice with this key was ever stored."""
    query = select(messages.c.id).where(messages.c.dedupe == f"notice:{key}")
    return conn.execute(query).first() is not None


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


def card_place(conn: Connection, case_id: str) -> Row[Any, Any] | None:
    """`channel` and `ts` of the card of a case; its `ts` is None while it is not posted."""
    card = (messages.c.case_id == case_id) & (messages.c.kind == "card")
    return conn.execute(select(messages.c.channel, messages.c.ts).where(card)).first()


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
