"""What is to be posted in Slack: a row for each card, line in its thread, and notice.

A row of words holds their kind and their data; `bot.surfaces.notices` makes sentences of them
when they are posted. The dedupe key makes each exist once, no matter how often a step is repeated.

A channel takes one new message a second. Urgent kinds go first, then cards by value, then the rest.
The bot's own step claims them; an intent is written before a post, and its `ts` afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, func, or_, select, update

from jobs.rules.states import OPEN, State
from jobs.store import companies, work
from jobs.store.cases import Case
from jobs.store.companies import ConnectedCompany
from jobs.store.database.tables import cases, channels, messages, schedule
from jobs.store.database.upsert import insert_or_ignore
from jobs.store.work import Claim


class MessageKind(StrEnum):
    """Everything said to people besides cards and answers; `bot.surfaces.notices` has the words."""

    # in a company's channel
    CONNECTED = "connected"
    CONNECT_ASKED = "connect_asked"
    MOVED = "moved"
    DISCONNECTED = "disconnected"
    CONNECTION_LOST = "connection_lost"
    CONNECTION_ENDS = "connection_ends"
    UPKEEP_FAILED = "upkeep_failed"
    PROFILE_UNUSABLE = "profile_unusable"
    TOKENS_UNOPENABLE = "tokens_unopenable"
    SUBSCRIPTION_LAPSED = "subscription_lapsed"
    READS_USED = "reads_used"
    READS_BLOCKED = "reads_blocked"
    MODEL_BUDGET_USED = "model_budget_used"
    PAUSED = "paused"
    RESUMED = "resumed"
    LIVE = "live"
    SHADOW = "shadow"
    DAY_FULL = "day_full"
    WORDING_CHANGED = "wording_changed"
    POLICY_CHANGED = "policy_changed"
    POLICY_UNUSABLE = "policy_unusable"
    POLICY_USABLE = "policy_usable"
    MODEL_OFFERED = "model_offered"
    MODEL_USED = "model_used"
    PROMPTS_CHANGED = "prompts_changed"
    FIRST_LOOK = "first_look"
    DIGEST = "digest"
    REVIEW = "review"
    RESTORED = "restored"
    SWEEP_FAILED = "sweep_failed"
    POLL_FAILED = "poll_failed"
    REPLIES_FAILED = "replies_failed"
    RECORDS_BROKEN = "records_broken"
    EVENT_IGNORED = "event_ignored"
    EVENT_FAILED = "event_failed"
    LOG_HEAD = "log_head"
    LOG_CUT = "log_cut"
    # below the weekly review
    REVIEW_DETAILS = "review_details"
    REVIEW_CASES = "review_cases"
    REVIEW_WORDING = "review_wording"
    # to one person
    ASSIGNED = "assigned"
    DRAFT_COPY = "draft_copy"
    CHANNEL_SHARED = "channel_shared"
    # in the thread of a card
    CUSTOMER_CHANGED = "customer_changed"
    REPLY = "reply"
    PROMISE_ENDED = "promise_ended"
    PROMISE_CHANGED = "promise_changed"
    DECIDED = "decided"
    VOIDED = "voided"
    EDITED = "edited"
    REWORDED = "reworded"
    TEXT_DROPPED = "text_dropped"
    SEND_UNKNOWN = "send_unknown"
    ACCEPTED_LATE = "accepted_late"
    SENT_TWICE = "sent_twice"
    NOT_GONE = "not_gone"
    NOTE_FAILED = "note_failed"
    NOTE_KEPT = "note_kept"
    CARD_FROZEN = "card_frozen"
    CASE_PAGE = "case_page"


URGENT = frozenset(
    {
        *(MessageKind.CONNECTION_LOST, MessageKind.UPKEEP_FAILED, MessageKind.TOKENS_UNOPENABLE),
        *(MessageKind.READS_BLOCKED, MessageKind.SWEEP_FAILED, MessageKind.POLL_FAILED),
        *(MessageKind.EVENT_IGNORED, MessageKind.EVENT_FAILED, MessageKind.LOG_CUT),
        *(MessageKind.REPLIES_FAILED, MessageKind.RESTORED),
        *(MessageKind.PAUSED, MessageKind.RESUMED, MessageKind.LIVE, MessageKind.SHADOW),
        *(MessageKind.DAY_FULL, MessageKind.POLICY_UNUSABLE, MessageKind.POLICY_USABLE),
        *(MessageKind.FIRST_LOOK, MessageKind.DIGEST, MessageKind.REVIEW),
    }
)
"""They go ahead of cards: something has stopped or changed that a reader of cards has to know."""
COVERED = -1
"""The `rendered_version` of a message that an older drawing may have overwritten."""
PACE = timedelta(seconds=1)
FIRST = Decimal(10**14)
"""The rank of an urgent message: above any card's."""


@dataclass(frozen=True)
class OtherChannel:
    """A channel that is not the company's own, or not of a company we know."""

    company: str
    channel: str


@dataclass(frozen=True)
class DirectMessage:
    """To one person, about a company (its realm)."""

    company: str
    person: str


@dataclass(frozen=True)
class Below:
    """In the thread of the notice with this key."""

    notice: str


To = ConnectedCompany | Case | OtherChannel | DirectMessage | Below


def say(
    conn: Connection,
    to: To,
    kind: MessageKind,
    key: str,
    data: Mapping[str, Any],
    now: datetime,
) -> None:
    """Say it once per `key`: in a company's channel, in the thread of a case or below a notice, to
    a person, or elsewhere.

    `data` is plain JSON, unescaped: names, ids of people, numbers, times; never a finished text,
    except for reasons that the case or the log keeps in the same words.
    """
    addressed = _addressed(conn, to, key)
    nowhere = isinstance(to, Case) and not addressed["channel"]
    row = {
        **addressed,
        "body": {"kind": kind, "data": dict(data)},
        "made_at": now,
        "due_at": None if nowhere else now,
        "rank": FIRST if kind in URGENT else Decimal(0),
    }
    insert_or_ignore(conn, messages, row)


def _card_channel(conn: Connection, case: Case) -> str:
    """The channel of a case's thread; empty if its card is posted nowhere."""
    company = companies.need(conn, case.company)
    if company.card_channel(shadow=case.shadow):
        return company.channel
    place = card_place(conn, case.id)  # it may have been posted before that was chosen
    return str(place.channel) if place else ""


def _addressed(conn: Connection, to: To, key: str) -> dict[str, Any]:
    """The columns that say where it goes; Slack is asked later which channel reaches a person."""
    if isinstance(to, DirectMessage):
        place = {"company": to.company, "channel": "", "person": to.person}
        return place | {"kind": "direct", "dedupe": f"direct:{to.person}:{key}"}
    if isinstance(to, Case):
        place = {"company": to.company, "channel": _card_channel(conn, to)}
        return place | {"kind": "thread", "dedupe": f"thread:{to.id}:{key}", "case_id": to.id}
    if isinstance(to, Below):
        above = conn.execute(
            select(messages).where(messages.c.dedupe == f"notice:{to.notice}")
        ).one()
        place = {"company": above.company, "channel": above.channel, "below": above.id}
        return place | {"kind": "thread", "dedupe": f"below:{to.notice}:{key}"}
    realm = to.realm if isinstance(to, ConnectedCompany) else to.company
    return {"company": realm, "channel": to.channel, "kind": "notice", "dedupe": f"notice:{key}"}


def draw_again(conn: Connection, company: str, begins: str, now: datetime) -> None:
    """Redraw a company's notices whose keys start with `begins`, while their words are kept."""
    theirs = (messages.c.company == company) & messages.c.dedupe.startswith(f"notice:{begins}")
    theirs &= messages.c.body.is_not(None)
    conn.execute(update(messages).where(theirs).values(due_at=now))


def reply_key(id: str) -> str:
    """The key of the line about a customer's reply in the thread of its case."""
    return f"reply:{id}"


def redraw_line(conn: Connection, case_id: str, key: str, now: datetime) -> None:
    """Redraw the line with this key in the thread of a case, while its words are kept."""
    line = messages.c.dedupe == f"thread:{case_id}:{key}"
    kept = messages.c.body.is_not(None)
    conn.execute(update(messages).where(line, kept).values(due_at=now, rank=FIRST))


def redraw_below(conn: Connection, company: str, key: str, now: datetime) -> None:
    """Redraw the lines with this key below a company's notices, while their words are kept."""
    theirs = (messages.c.company == company) & messages.c.below.is_not(None)
    line = theirs & messages.c.dedupe.endswith(f":{key}", autoescape=True)
    kept = messages.c.body.is_not(None)
    conn.execute(update(messages).where(line, kept).values(due_at=now, rank=FIRST))


def exists(conn: Connection, key: str) -> bool:
    """Whether a notice with this key was ever stored."""
    query = select(messages.c.id).where(messages.c.dedupe == f"notice:{key}")
    return conn.execute(query).first() is not None


def card(
    conn: Connection,
    company: str,
    channel: str,
    case_id: str,
    rank: Decimal,
    with_draft: bool,
    now: datetime,
    not_before: datetime | None = None,
) -> None:
    """The card of a case, posted once and redrawn whenever the case moves.

    With an empty `channel` it is posted nowhere, and only counted. `with_draft` says whether it
    counts for the day's cap of new cards. It is not posted before `not_before`, unless the case
    moves earlier.
    """
    row = {
        "company": company,
        "kind": "card",
        "dedupe": f"card:{case_id}",
        "case_id": case_id,
        "channel": channel,
        "with_draft": with_draft,
        "made_at": now,
        "due_at": (not_before or now) if channel else None,
        "rank": rank,
    }
    insert_or_ignore(conn, messages, row)


def cards_since(conn: Connection, company: str, since: datetime, *, shadow: bool) -> int:
    """How many cards with a draft a company has got since then: of shadow cases, or of others."""
    given = {"company": company, "since": since, "shadow": shadow}
    return int(conn.execute(_CARDS, given).scalar_one())


_CARDS = (
    select(func.count())
    .select_from(messages.join(cases, cases.c.id == messages.c.case_id))
    .where(messages.c.kind == "card", messages.c.company == bindparam("company"))
    .where(messages.c.made_at >= bindparam("since"), messages.c.with_draft)
    .where(cases.c.shadow == bindparam("shadow"))
)


def newest_card(conn: Connection, company: str) -> datetime | None:
    """When the last new card of a company came up, posted or not; None before the first."""
    theirs = (messages.c.company == company) & (messages.c.kind == "card")
    return conn.execute(select(func.max(messages.c.made_at)).where(theirs)).scalar()


def thread_place(conn: Connection, row: Row[Any]) -> Row[Any, Any] | None:
    """`channel` and `ts` of what a line of a thread hangs on: a card, or a notice."""
    if row.below is None:
        return card_place(conn, row.case_id)
    above = messages.c.id == row.below
    return conn.execute(select(messages.c.channel, messages.c.ts).where(above)).first()


def card_place(conn: Connection, case_id: str) -> Row[Any, Any] | None:
    """`channel` and `ts` of the card of a case; its `ts` is None while it is not posted."""
    card = (messages.c.case_id == case_id) & (messages.c.kind == "card")
    return conn.execute(select(messages.c.channel, messages.c.ts).where(card)).first()


@cache
def postable() -> ColumnElement[bool]:
    """Posted messages can be redrawn any time; new ones wait for their channel, lines for a card.

    They wait for a channel whose next second begins later than `work.SOON`. The first cards of a
    company wait for its first look, unless that has failed.
    """
    busy = select(channels.c.channel).where(
        channels.c.channel == messages.c.channel, channels.c.next_at > work.SOON
    )
    cards = messages.alias()
    theirs = (cards.c.case_id == messages.c.case_id) & (cards.c.kind == "card")
    parent = select(cards.c.id).where(
        theirs | (cards.c.id == messages.c.below), cards.c.ts.is_not(None)
    )
    look = select(schedule.c.id).where(
        schedule.c.company == messages.c.company,
        (schedule.c.kind == "first_look") & schedule.c.due_at.is_not(None),
        schedule.c.last_error == "",
    )
    hangs = or_(messages.c.kind != "thread", parent.exists())
    free = ~busy.exists() & hangs & or_(messages.c.kind != "card", ~look.exists())
    placed = (messages.c.channel != "") | (messages.c.person != "")
    return placed & or_(messages.c.ts.is_not(None), free)


def lock(conn: Connection, id: str) -> Row[Any]:
    """The current row of a message, which nobody else changes until the end of the transaction."""
    query = select(messages).where(messages.c.id == id)
    return conn.execute(query.with_for_update()).one()


def intend(conn: Connection, claim: Claim, now: datetime) -> bool:
    """Write the intent to post it within a lease from now.

    False if it is not ours, or if somebody has asked for another drawing since it was claimed: it
    is due then, and the intent must not put that off.
    """
    ours = (messages.c.id == claim.id) & (messages.c.token == claim.token)
    intent = {"posting": now, "due_at": now + work.LEASE}
    asked = messages.c.due_at <= now
    return conn.execute(update(messages).where(ours, ~asked).values(**intent)).rowcount == 1


def doubt(conn: Connection, company: str, now: datetime) -> None:
    """What a company has still to post may be in Slack already, and its cards may show what is no
    longer so: the former is looked for before it is posted, the latter are drawn again."""
    theirs = messages.c.company == company
    unposted = theirs & messages.c.due_at.is_not(None) & messages.c.ts.is_(None)
    unposted &= messages.c.posting.is_(None)
    conn.execute(update(messages).where(unposted).values(posting=messages.c.made_at))
    living = select(cases.c.id).where(
        cases.c.company == company, cases.c.state.in_([*OPEN, State.SENT])
    )
    cards = (messages.c.kind == "card") & messages.c.case_id.in_(living)
    conn.execute(update(messages).where(cards, messages.c.ts.is_not(None)).values(due_at=now))


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


@dataclass(frozen=True)
class ChannelLook:
    """What Slack last said about a channel, and when; `at` is None before the first time."""

    at: datetime | None = None
    shared: bool = False
    """Whether people of other organisations read it."""


def channel_look(conn: Connection, channel: str) -> ChannelLook:
    """What is known about this channel."""
    query = select(channels.c.looked_at, channels.c.shared).where(channels.c.channel == channel)
    row = conn.execute(query).first()
    return ChannelLook(row.looked_at, row.shared) if row else ChannelLook()


def looked_at(conn: Connection, channel: str, shared: bool, now: datetime) -> None:
    """Store what Slack has said about a channel."""
    insert_or_ignore(conn, channels, {"channel": channel, "next_at": now})
    ours = channels.c.channel == channel
    conn.execute(update(channels).where(ours).values(looked_at=now, shared=shared))


def close_until(conn: Connection, channel: str, until: datetime) -> None:
    """Post nothing in this channel before then, because Slack asked to wait."""
    insert_or_ignore(conn, channels, {"channel": channel, "next_at": until})
    ours = (channels.c.channel == channel) & (channels.c.next_at < until)
    conn.execute(update(channels).where(ours).values(next_at=until))
