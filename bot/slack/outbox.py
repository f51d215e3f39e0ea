"""Everything posted in Slack besides answers: cards, lines in their threads, notices. Each once.

    a posted card           draw → chat.update
    anything new            draw → take the channel's second, write the intent → post → store its ts
    an intent without ts    look for our metadata before posting again

A card is a projection: it is drawn from the database each time, and again if the case has moved
while it was being drawn.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from slack_sdk import WebClient
from sqlalchemy import Connection

from bot.blockkit.blocks import container, prose
from bot.blockkit.lint import lint
from bot.slack import api, channels
from bot.slack.api import Lost, Message, NotOk, Posted, RateLimited, Trouble, Upload
from bot.slack.channels import Channel
from bot.surfaces import handover as handover_page
from bot.surfaces.card.buttons import opens_later
from bot.surfaces.card.card import Card, card, plain
from bot.surfaces.direct import direct as direct_message
from bot.surfaces.notices.given import Given
from bot.surfaces.notices.notices import notice
from bot.surfaces.review import as_csv
from jobs.engine.step import Load, ReadFirst, Round, Step
from jobs.reports import picture, worklist
from jobs.reports.audit import handover
from jobs.reports.review import review
from jobs.reports.review.review import Review
from jobs.rules.case import CaseView
from jobs.rules.policy.policy import Policy
from jobs.rules.states import Role
from jobs.store import cases, companies, direct, drafts, outbox, people, wordings, work
from jobs.store.customers import replies
from jobs.store.outbox import DirectMessage, MessageKind
from jobs.store.work import Claim
from qbo.pacing import boot_time

slog = structlog.get_logger()

AGAIN = timedelta(seconds=5)
"""When to check whether a post went through, or to retry an update."""
LATER = timedelta(minutes=1)
"""When to retry if Slack refuses for a reason outside the message, such as a missing invitation."""
MUCH_LATER = timedelta(minutes=10)
LOOKED = timedelta(minutes=15)
"""How long it is believed that nobody outside reads a channel."""
SHARED = "The channel is shared with other organisations."
AROUND = timedelta(minutes=5)
"""How long before its intent to begin looking for a lost post, since clocks differ."""

UNDRAWABLE = frozenset(
    {
        *("invalid_blocks", "invalid_blocks_format", "invalid_attachments", "invalid_arguments"),
        *("msg_blocks_too_long", "msg_too_long", "no_text", "block_mismatch"),
        *("only_one_table_allowed", "invalid_metadata_format", "metadata_too_large"),
    }
)
"""Errors about the message's content; another drawing may be accepted."""
NO_LONGER = frozenset({"cant_update_message", "edit_window_closed"})
NO_PARENT = frozenset({"cannot_reply_to_message", "thread_not_found", "message_not_found"})


@dataclass(frozen=True)
class Drawing:
    """What cards are drawn with, besides their case."""

    folds: Callable[[], bool] = lambda: False
    """Whether Slack takes containers; see `Containers`."""
    books: str = ""
    """The base URL of QuickBooks' own pages."""


class Containers:
    """Whether Slack takes containers in messages: asked once, and remembered from its answer on."""

    def __init__(self, client: Callable[[], WebClient]) -> None:
        self._client = client
        self._taken: bool | None = None

    def __call__(self) -> bool:
        """Before Slack has answered, False: cards are drawn without containers, and it is asked
        again."""
        if self._taken is None:
            sample = container("Message", "Subject", [prose("Text")])
            self._taken = api.takes(api.hasty(self._client()), [sample])
        return bool(self._taken)


def step(
    ruling: Callable[[], Policy], client: Callable[[], WebClient], drawing: Drawing = Drawing()
) -> Step:
    """The messages step: post or redraw one message per row."""
    return Step(
        name="messages",
        table=work.MESSAGES,
        ready=outbox.postable(),
        load=ReadFirst(lambda *on: _read(ruling(), client(), drawing, *on)),
        give_up=_give_up,
        width=4,
    )


def _read(
    policy: Policy,
    client: WebClient,
    drawing: Drawing,
    conn: Connection,
    claim: Claim,
    now: datetime,
) -> Load:
    """Draw it; the rest is quick."""
    if claim.row.person and not claim.row.channel:
        return lambda *_: OpenDirect(client, claim.row.person)
    return partial(_load, policy, client, _drawn(policy, drawing, conn, claim, now))


def _load(
    policy: Policy,
    client: WebClient,
    drawn: Drawn,
    conn: Connection,
    claim: Claim,
    now: datetime,
) -> Round | None:
    seen = outbox.channel_look(conn, drawn.message.channel)
    fresh = seen.at is not None and now - seen.at < (LATER if seen.shared else LOOKED)
    if fresh and seen.shared:
        work.settle(conn, claim, now + LATER, last_error=SHARED)
        return None
    if fresh or claim.row.person:
        return _first(client, drawn, conn, claim, now)
    return LookAtChannel(policy, client, drawn)


def _first(
    client: WebClient, drawn: Drawn, conn: Connection, claim: Claim, now: datetime
) -> Round | None:
    """The first round of a message whose channel may get it."""
    row = claim.row
    if row.ts is not None and drawn.message.file:
        work.settle(conn, claim, None)
        return None
    if row.ts is not None:
        return Update(client, drawn, row.ts)
    if row.posting is not None:
        return Find(client, drawn, row.posting)
    mine, begins = outbox.reserve(conn, row.channel, now, work.AHEAD)
    if not mine:
        work.settle(conn, claim, begins, last_error=row.last_error, attempts=row.attempts - 1)
        return None
    if not outbox.intend(conn, claim, now):
        work.settle(conn, claim, now, last_error=row.last_error, attempts=row.attempts - 1)
        return None
    return Post(client, drawn, boot_time(), (begins - now).total_seconds())


def _give_up(conn: Connection, claim: Claim, now: datetime) -> None:
    """After five failures a card becomes plain text; a message already plain waits longer."""
    row = claim.row
    if row.kind == "card" and not _is_plain(claim):
        slog.error("card.plain", message=claim.id, case=row.case_id, why=row.last_error)
        version = cases.version(conn, row.case_id)
        work.settle(conn, claim, now, body={"plain": version}, last_error=row.last_error)
    else:
        work.settle(conn, claim, now + MUCH_LATER, last_error=row.last_error)


@dataclass(frozen=True)
class Drawn:
    """A message ready to go, and the version of its case that it shows."""

    message: Message
    version: int = 0
    again: datetime | None = None
    """When it will look different without anything having happened."""
    at: float = field(default_factory=boot_time)
    """When it was drawn, by `boot_time`."""


def _drawn(
    policy: Policy, drawing: Drawing, conn: Connection, claim: Claim, now: datetime
) -> Drawn:
    row = claim.row
    message = Message(row.channel, claim.id, "")
    names = people.names(conn)
    if row.kind == "card":
        view = picture.case_view(conn, policy.for_company(row.company), row.case_id, now)
        if _is_plain(claim, view.version):
            return Drawn(_filled(message, plain(view, now, people=names)), view.version)
        return _card(message, view, names, now, _usable(drawing, claim))
    if row.kind == direct.KIND:
        return _to_person(message, policy, conn, claim, names, now)
    if row.kind == "thread":
        above = outbox.thread_place(conn, row)
        assert above is not None, "a line of a thread is ready only where its card is"
        # the card's own channel: the company may have moved to another one since
        message = replace(message, thread=above.ts, channel=above.channel)
    kind, text = MessageKind(row.body["kind"]), ""
    if kind is MessageKind.CARD_FROZEN:
        view = picture.case_view(conn, policy.for_company(row.company), row.case_id, now)
        text = card(view, now, people=names).text
    data = row.body["data"]
    reply = replies.find(conn, data["reply"]) if kind is MessageKind.REPLY else None
    given = Given(data, names, companies.get(conn, row.company), reply, text)
    if kind is MessageKind.REWORDED:
        before, after = (drafts.draft(conn, data[one]) for one in ("before", "after"))
        given = replace(given, letters=(before.letter, after.letter))
    if kind in (MessageKind.REVIEW_WORDING, MessageKind.WORDING_CHANGED):
        change = wordings.proposal(conn, row.company, data["proposal"])
        given = replace(given, wording=change)
    if kind in REVIEWS:
        given = replace(given, reviews=review.shown(conn, row.company, data["week"]))
    if kind is MessageKind.REVIEW_CASES and given.reviews:
        message = replace(message, file=_cases_file(conn, given.reviews))
    if kind is MessageKind.CASE_PAGE:
        message = replace(message, file=_page_file(conn, policy, row.case_id, now))
    return Drawn(_filled(message, notice(kind, given)))


REVIEWS = (MessageKind.REVIEW, MessageKind.REVIEW_DETAILS, MessageKind.REVIEW_CASES)


def _cases_file(conn: Connection, reviews: Sequence[Review]) -> Upload:
    """The table of all cases of a review."""
    this = reviews[-1]
    names, closed = review.customers(conn, this, review.every_case(this))
    return Upload(f"overdue-review-{this.week}.csv", as_csv(this, names, closed))


def _page_file(conn: Connection, policy: Policy, case: str, now: datetime) -> Upload:
    """The whole case, as somebody reads it who takes it over."""
    made = handover_page.page(f"Case {case}", handover.of_case(conn, policy, case, now))
    return Upload(f"overdue-case-{case}.html", "".join(made).encode())


def _filled(message: Message, made: Card) -> Message:
    return replace(message, text=made.text, blocks=made.blocks)


def _usable(drawing: Drawing, claim: Claim) -> Drawing:
    """Without containers once Slack has refused the last drawing, whatever it said of them."""
    refused = claim.row.last_error in UNDRAWABLE
    return replace(drawing, folds=lambda: False) if refused else drawing


def _to_person(
    message: Message,
    policy: Policy,
    conn: Connection,
    claim: Claim,
    names: Mapping[str, str],
    now: datetime,
) -> Drawn:
    """A direct message; drawn again when approval opens for one of its cases."""
    person, views, approves = claim.row.person, list[CaseView](), set[str]()
    for case in direct.cases_in(conn, claim.id):
        theirs = policy.for_company(case.company)
        views.append(picture.case_view(conn, theirs, case.id, now))
        approves |= {case.id} if worklist.may_decide(conn, theirs, case, person, now) else set()
    made = direct_message(views, person, now, names, approves)
    if wrong := lint({"text": made.text, "blocks": made.blocks}, "message"):
        slog.error("direct.refused_by_lint", message=claim.id, wrong=len(wrong))
        made = Card(made.text, [])
    opens = [view.approvals.opens_at for view in views if view.approvals and opens_later(view, now)]
    return Drawn(_filled(message, made), again=min(filter(None, opens), default=None))


def _is_plain(claim: Claim, version: int | None = None) -> bool:
    """Whether this card must be plain text: for this version of its case, or for any."""
    asked = (claim.row.body or {}).get("plain")
    return asked is not None and version in (None, asked)


def _card(
    message: Message, view: CaseView, names: Mapping[str, str], now: datetime, drawing: Drawing
) -> Drawn:
    made = card(view, now, people=names, folds=drawing.folds(), books=drawing.books)
    if wrong := lint({"text": made.text, "blocks": made.blocks}, "message"):
        slog.error("card.refused_by_lint", case=view.id, version=view.version, wrong=len(wrong))
        made = plain(view, now, people=names)
    opens = view.approvals.opens_at if view.approvals and opens_later(view, now) else None
    return Drawn(_filled(message, made), view.version, opens)


def _done(conn: Connection, claim: Claim, drawn: Drawn, now: datetime, **columns: object) -> None:
    """It was posted. Due again if meanwhile the case has moved or somebody asked for a redraw."""
    # locked first: whoever moves the case now has asked for a redraw before we look, or asks after
    row = outbox.lock(conn, claim.id)
    asked = row.due_at is not None and row.due_at <= now
    moved = row.kind == "card" and cases.version(conn, row.case_id) != drawn.version
    again = now if asked or moved or row.rendered_version == outbox.COVERED else drawn.again
    if not work.settle(conn, claim, again, rendered_version=drawn.version, **columns):
        outbox.cover(conn, claim.id, now)


def _held_up(since: float) -> bool:
    """Whether a lease has passed since then, so that another process may have the message now."""
    return boot_time() - since >= work.LEASE.total_seconds()


@dataclass(frozen=True)
class LookAtChannel:
    """Ask Slack whether people of other organisations read a channel: nothing goes there then."""

    policy: Policy
    client: WebClient
    drawn: Drawn

    def act(self) -> Channel:
        """Never raises for anything Slack does."""
        return channels.look(self.client, self.drawn.message.channel)

    def settle(
        self, conn: Connection, claim: Claim, outcome: Channel, now: datetime
    ) -> Round | None:
        """Post or redraw the message, or keep it back and tell the finance leads."""
        if isinstance(outcome.unseen, RateLimited | Lost):
            seen = outcome.unseen
            pause = timedelta(seconds=seen.seconds) if isinstance(seen, RateLimited) else AGAIN
            work.settle(conn, claim, now + pause, last_error=api.said(seen))
            return None
        channel = self.drawn.message.channel
        outbox.looked_at(conn, channel, outcome.shared, now)
        if not outcome.shared:
            return _first(self.client, self.drawn, conn, claim, now)
        slog.error("channel.shared", channel=channel)
        _tell_leads(self.policy, conn, claim, now)
        work.settle(conn, claim, now + LATER, last_error=SHARED)
        return None


def _tell_leads(policy: Policy, conn: Connection, claim: Claim, now: datetime) -> None:
    """Once a day, in a direct message: the channel itself is read by others."""
    company, groups = claim.row.company, people.groups(conn, now)
    policy = policy.for_company(company)
    data = {"channel": claim.row.channel}
    key = f"shared:{claim.row.channel}:{now:%Y-%m-%d}"
    for user in people.names(conn):
        if Role.FINANCE_LEAD in policy.roles(user, groups) and people.in_good_standing(conn, user):
            to = DirectMessage(company, user)
            outbox.say(conn, to, MessageKind.CHANNEL_SHARED, key, data, now)


@dataclass(frozen=True)
class OpenDirect:
    """Ask Slack for the channel that reaches a person. Asking again gives the same one."""

    client: WebClient
    person: str

    def act(self) -> Mapping[str, Any] | Trouble:
        """Never raises for anything Slack does."""
        return api.call(self.client, "conversations.open", users=self.person)

    def settle(
        self, conn: Connection, claim: Claim, outcome: Mapping[str, Any] | Trouble, now: datetime
    ) -> None:
        """Store the channel; the message is posted next."""
        match outcome:
            case RateLimited(seconds):
                until = now + timedelta(seconds=seconds)
                work.settle(conn, claim, until, last_error="ratelimited")
            case NotOk() | Lost():
                slog.warning("direct.not_opened", message=claim.id, error=outcome.error)
                pause = MUCH_LATER if isinstance(outcome, NotOk) else AGAIN
                work.settle(conn, claim, now + pause, last_error=outcome.error)
            case _:
                channel = str(outcome["channel"]["id"])
                work.settle(conn, claim, now, channel=channel)


@dataclass(frozen=True)
class Post:
    """Post it, once, when the channel's second begins."""

    client: WebClient
    drawn: Drawn
    intended: float
    """When the intent was written, by `boot_time`."""
    begins_in: float = 0
    """Seconds from then on: a fraction of one."""

    def act(self) -> Posted | Trouble:
        """Never raises for anything Slack does.

        A process that was suspended for a lease since its intent may have been overtaken by
        another: it posts nothing, and the message is looked for as if it were lost.
        """
        time.sleep(max(self.begins_in, 0))
        if _held_up(self.intended):
            return Lost("held_up")
        return api.post(self.client, self.drawn.message)

    def settle(
        self, conn: Connection, claim: Claim, outcome: Posted | Trouble, now: datetime
    ) -> None:
        """Store its ts; after a definite refusal withdraw the intent, otherwise keep it."""
        match outcome:
            case Posted():
                _done(conn, claim, self.drawn, now, ts=outcome.ts, posting=None)
            case RateLimited():
                until = now + timedelta(seconds=outcome.seconds)
                outbox.close_until(conn, self.drawn.message.channel, until)
                work.settle(conn, claim, until, posting=None, last_error="ratelimited")
            case NotOk():
                _refused(conn, claim, outcome.error, now)
            case Lost():
                slog.warning("post.lost", message=claim.id, error=outcome.error)
                work.settle(conn, claim, now + AGAIN, last_error=outcome.error)


def _refused(conn: Connection, claim: Claim, error: str, now: datetime) -> None:
    """Slack refused it for certain: this drawing, this place, or this thread for good."""
    slog.warning("post.refused", message=claim.id, error=error)
    outbox.withdraw(conn, claim.id)
    if error in UNDRAWABLE:
        work.back_off(conn, claim, now, error)
    elif error in NO_PARENT and claim.row.kind == "thread":
        work.settle(conn, claim, None, last_error=error)
    else:
        work.settle(conn, claim, now + LATER, last_error=error)


@dataclass(frozen=True)
class Find:
    """An intent without an outcome: find out whether the message was posted."""

    client: WebClient
    drawn: Drawn
    intent: datetime

    def act(self) -> Posted | Trouble | None:
        """Never raises for what Slack does."""
        return api.find(self.client, self.drawn.message, self.intent - AROUND)

    def settle(
        self, conn: Connection, claim: Claim, outcome: Posted | Trouble | None, now: datetime
    ) -> None:
        """If found, store its ts and redraw it; if not, it may be posted."""
        match outcome:
            case Posted():
                due = now if claim.row.kind == "card" else None
                work.settle(conn, claim, due, ts=outcome.ts, posting=None)
            case None:
                work.settle(conn, claim, now, posting=None)
            case RateLimited():
                until = now + timedelta(seconds=outcome.seconds)
                work.settle(conn, claim, until, last_error="ratelimited")
            case NotOk() if outcome.error in NO_PARENT and claim.row.kind == "thread":
                work.settle(conn, claim, None, last_error=outcome.error)
            case NotOk() | Lost():
                slog.warning("post.not_found_out", message=claim.id, error=outcome.error)
                pause = LATER if isinstance(outcome, NotOk) else AGAIN
                work.settle(conn, claim, now + pause, last_error=outcome.error)


@dataclass(frozen=True)
class Update:
    """Redraw a posted card in place. Not paced, because somebody is looking at it."""

    client: WebClient
    drawn: Drawn
    ts: str

    def act(self) -> Posted | Trouble:
        """Never raises for anything Slack does. An old drawing must not overwrite a newer one."""
        if _held_up(self.drawn.at):
            return Lost("held_up")
        return api.update(self.client, self.drawn.message, self.ts)

    def settle(
        self, conn: Connection, claim: Claim, outcome: Posted | Trouble, now: datetime
    ) -> None:
        """Retry what may be retried; if Slack no longer allows updates, say it in the thread."""
        match outcome:
            case Posted():
                _done(conn, claim, self.drawn, now)
            case RateLimited():
                until = now + timedelta(seconds=outcome.seconds)
                work.settle(conn, claim, until, last_error="ratelimited")
            case Lost():
                work.settle(conn, claim, now + AGAIN, last_error=outcome.error)
            case NotOk() if outcome.error == "message_not_found":
                self._vanished(conn, claim, now)
            case NotOk() if outcome.error in NO_LONGER:
                _say_in_thread(conn, claim, self.drawn, now)
            case NotOk():
                _refused(conn, claim, outcome.error, now)

    def _vanished(self, conn: Connection, claim: Claim, now: datetime) -> None:
        """Somebody deleted the card: an open case gets a new one, or nobody could act on it."""
        is_open = cases.is_open(conn, claim.row.case_id)
        error = "The card was deleted in Slack."
        work.settle(conn, claim, now if is_open else None, ts=None, last_error=error)


def _say_in_thread(conn: Connection, claim: Claim, drawn: Drawn, now: datetime) -> None:
    """The card can no longer be changed, so say in its thread where the case stands."""
    row = claim.row
    if row.case_id is None:
        work.settle(conn, claim, None, last_error="The notice can no longer be changed.")
        return
    case, key = cases.get(conn, row.case_id), f"unchanged:{drawn.version}"
    outbox.say(conn, case, MessageKind.CARD_FROZEN, key, {}, now)
    _done(conn, claim, drawn, now)
