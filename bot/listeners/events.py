"""The Home tab: published in the background when somebody opens it, after Slack has its answer."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog
from slack_bolt import Ack, App
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from bot.blockkit import ids
from bot.blockkit.blocks import Block
from bot.blockkit.ids import HomeButton
from bot.blockkit.lint import lint
from bot.listeners.context import Backend
from bot.listeners.deciding import user_of
from bot.listeners.refusals import once_known, turned_away
from bot.slack import api, channels
from bot.slack.api import Lost, RateLimited, Trouble
from bot.surfaces import answers, home
from bot.surfaces.home import Page
from jobs.companies import connect
from jobs.decide import access
from jobs.decide.access import Answer, VerbRefused
from jobs.reports import overview, worklist
from jobs.reports.picture import Only
from jobs.rules.policy.rights import may_run, sees
from jobs.store import companies, people
from jobs.store.companies import ConnectedCompany
from jobs.store.customers import managers

slog = structlog.get_logger()
MOST = 3
"""Entries of a list if there are several companies; below, if there is one."""
MOST_OF_ONE = 8
TRIES = 5
PAUSE = 5.0
"""Seconds before a page is drawn again, if Slack does not say how long to wait."""
CHANNEL = re.compile(r"[CG][A-Z0-9]{2,20}")
NOTHING_HERE = (
    "There is nothing for you to do here: collectors, finance leads and account managers are "
    "named in the policy file. An administrator can add you."
)


def register(app: App, backend: Backend) -> None:
    """Register the tab itself, and the buttons that only redraw it."""

    @app.event("app_home_opened")
    def opened(event: dict[str, Any]) -> None:
        if event.get("tab") == "home":
            backend.pool.submit(publish, backend, str(event["user"]))

    @app.action(HomeButton.CONNECT)
    @app.action(ids.of_any(HomeButton.RECONNECT))
    def connecting(ack: Ack, body: dict[str, Any]) -> None:
        # the browser opens the link by itself; the tab gets a fresh one
        backend.pool.submit(publish, backend, user_of(body))
        ack()

    @app.action(HomeButton.CHANNEL)
    def choosing(ack: Ack, body: dict[str, Any]) -> None:
        backend.pool.submit(_chosen, backend, body)
        ack()

    @app.action(HomeButton.NEXT)
    @app.action(HomeButton.BACK)
    def turning(ack: Ack, body: dict[str, Any]) -> None:
        backend.pool.submit(publish, backend, user_of(body), "", _number(body))
        ack()


def _number(body: dict[str, Any]) -> int:
    value = str(body["actions"][0].get("value") or "")
    return int(value) if value.isdecimal() and len(value) < 6 else 0


def _chosen(backend: Backend, body: dict[str, Any]) -> None:
    """A channel was chosen for the next company: show the link to connect it, or what is wrong."""
    channel = str(body["actions"][0].get("selected_conversation") or "")
    try:
        trouble = _unfit(backend, channel)
    except DBAPIError as error:
        slog.warning("home.no_record", error=type(error).__name__)
        trouble = answers.not_recorded()
    publish(backend, user_of(body), choice=Choice("" if trouble else channel, trouble))


def _unfit(backend: Backend, channel: str) -> str:
    """Why a new company's cards cannot go to this channel, as a sentence, or empty."""
    if not CHANNEL.fullmatch(channel):
        return answers.unreadable()
    with backend.database.reading() as conn:
        if companies.in_channel(conn, channel):
            return answers.channel_taken(channel)
    trouble = channels.look(backend.client, channel).trouble
    return answers.channel_unfit(channel, trouble) if trouble else ""


@dataclass(frozen=True)
class Choice:
    """The channel that somebody chose for the next company, or why it cannot be used."""

    channel: str = ""
    trouble: str = ""


def publish(
    backend: Backend,
    user: str,
    said: str = "",
    number: int = 0,
    choice: Choice = Choice(),
    tries: int = TRIES,
) -> None:
    """Show a person the current state, a moment later if Slack or the database is busy.

    Never raises: it runs in the background, after the answer.
    """
    turn = backend.drawing[user] = object()
    if (pause := _published(backend, user, said, number, choice)) is None or tries == 1:
        return

    def again() -> None:
        if backend.drawing.get(user) is turn:  # no newer drawing for them was begun meanwhile
            publish(backend, user, said, number, choice, tries - 1)

    backend.later(pause, again)


def _published(backend: Backend, user: str, said: str, number: int, choice: Choice) -> float | None:
    """Seconds to wait before trying again, or None if it was done or retrying would not help."""
    try:
        view = _view(backend, user, said, number, choice)
    except DBAPIError as error:
        slog.warning("home.no_record", error=type(error).__name__)
        return PAUSE
    if wrong := lint(view, "home"):
        slog.error("home.refused_by_lint", wrong=len(wrong))
        view = home.sentence("This page cannot be shown just now; `/overdue` still works.")
    answer = api.call(backend.client, "views.publish", user_id=user, view=view)
    if isinstance(answer, Trouble):
        slog.warning("home.lost", trouble=repr(answer))
    match answer:
        case RateLimited(seconds):
            return seconds
        case Lost():
            return PAUSE
        case _:
            return None


def _view(backend: Backend, user: str, said: str, number: int, choice: Choice) -> Block:
    now = backend.clock()
    try:
        with backend.database.reading() as conn:
            general = access.known(conn, backend.policy, user, now)
            mine = _theirs(backend, conn, user, now)
            page = _page(backend, conn, mine, user, number, now)
            asks = not backend.channel or companies.in_channel(conn, backend.channel) is not None
    except VerbRefused as refused:
        return home.sentence(_shut(backend, user, refused, now))
    if not general and not mine:
        return home.sentence(said or NOTHING_HERE)
    if may_run(general) or page.runs:
        channel = choice.channel if asks else backend.channel
        page = replace(page, asks_channel=asks, channel=channel, trouble=choice.trouble)
        page = replace(_with_links(backend, page, user, now), closed=_closed(backend, page))
    return home.home(replace(page, said=said), now)


def _shut(backend: Backend, user: str, refused: VerbRefused, now: datetime) -> str:
    """Why there is no page; for somebody who is being looked up it is drawn again later."""
    words = turned_away(backend, "home", user, refused, now)
    if refused.said.answer is not Answer.LOOKING_UP:
        return words.removesuffix(answers.NOTHING).rstrip()
    once_known(backend, user, lambda _: publish(backend, user))
    return answers.home_follows()


def _closed(backend: Backend, page: Page) -> dict[str, str]:
    """Channels of this person's companies that cards cannot be posted to, and why."""
    ours = [one.company for one in page.overviews if one.company.realm in page.runs]
    looked = ((one, channels.look(backend.client, one.channel).trouble) for one in ours)
    return {one.realm: answers.channel_closed(one.channel, why) for one, why in looked if why}


def _with_links(backend: Backend, page: Page, user: str, now: datetime) -> Page:
    """Add the person's own links: for a new company once its channel is known, and for old ones."""
    new = "" if page.asks_channel and not page.channel else _link(backend, user, _wanted(page), now)
    ended = any(home.needs_connecting(one) for one in page.overviews)
    again = _link(backend, user, "", now) if ended else ""
    return replace(page, connect_url=new, again_url=again)


def _wanted(page: Page) -> str:
    """The channel for a new link: only a chosen one, or a company with a channel would be moved."""
    return page.channel if page.asks_channel else ""


@dataclass(frozen=True)
class Theirs:
    """A company in which somebody has a role. Account managers see only their own customers."""

    company: ConnectedCompany
    runs: bool
    only: Only


def _theirs(backend: Backend, conn: Connection, user: str, now: datetime) -> list[Theirs]:
    groups, found = people.groups(conn, now), []
    for company in companies.all_of_them(conn):
        policy = backend.policy.for_company(company.realm)
        roles = policy.roles(user, groups)
        owned = managers.owned(conn, company.realm, policy, user, now)
        if roles or owned:
            found.append(Theirs(company, may_run(roles), sees(roles, owned)))
    return found


def _page(
    backend: Backend, conn: Connection, mine: list[Theirs], user: str, number: int, now: datetime
) -> Page:
    pages = max(1, -(-len(mine) // home.COMPANIES))
    number = min(number, pages - 1)
    first = number * home.COMPANIES
    most = MOST_OF_ONE if len(mine) == 1 else MOST
    found = []
    for each in mine[first : first + home.COMPANIES]:
        policy = backend.policy.for_company(each.company.realm)
        on = conn, policy, each.company, user, backend.workspace, now
        theirs = worklist.mine(*on)
        shown = overview.of_company(
            conn, policy, each.company, theirs, backend.workspace, now, most, each.only
        )
        found.append(shown)
    runs = frozenset(each.company.realm for each in mine if each.runs)
    return Page(found, runs=runs, number=number, pages=pages)


def _link(backend: Backend, user: str, channel: str, now: datetime) -> str:
    with backend.database.writing() as conn:
        state = connect.open_link(conn, user, channel, now)
    return f"{backend.public_url}/quickbooks/connect?state={state}"
