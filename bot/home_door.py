"""The Home tab: published when somebody opens it, beside the answer that Slack waits for."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import structlog
from slack_bolt import Ack, App
from slack_sdk.errors import SlackClientError
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from bot import home
from bot.blocks import Block
from bot.desk import Desk
from bot.home import Page
from bot.ids import Switch
from bot.knocking import user_of
from bot.lint import lint
from bot.refusals import turned_away
from jobs import connect, overview
from jobs.decide import door
from jobs.decide.door import Refused
from jobs.picture import Only
from jobs.rules.rights import may_run
from jobs.rules.states import Role
from jobs.store import companies

slog = structlog.get_logger()
MOST = 8
"""Entries of a list where there are several companies, and where there is one:"""
MOST_OF_ONE = 30
NOTHING_HERE = (
    "There is nothing for you to do here: collectors, finance leads and account managers are "
    "named in the policy file. An administrator can add you."
)


def register(app: App, desk: Desk) -> None:
    """The tab itself, and the buttons that only draw it again."""

    @app.event("app_home_opened")
    def opened(event: dict[str, Any]) -> None:
        if event.get("tab") == "home":
            desk.pool.submit(publish, desk, str(event["user"]))

    @app.action(Switch.CONNECT)
    def connecting(ack: Ack, body: dict[str, Any]) -> None:
        # the browser follows the link by itself; the tab gets a fresh one
        desk.pool.submit(publish, desk, user_of(body))
        ack()

    @app.action(Switch.NEXT)
    @app.action(Switch.BACK)
    def turning(ack: Ack, body: dict[str, Any]) -> None:
        desk.pool.submit(publish, desk, user_of(body), "", _number(body))
        ack()


def _number(body: dict[str, Any]) -> int:
    value = str(body["actions"][0].get("value") or "")
    return int(value) if value.isdecimal() and len(value) < 6 else 0


def publish(desk: Desk, user: str, said: str = "", number: int = 0) -> None:
    """Show a person the present state. Never raises: it runs beside what was answered already."""
    try:
        view = _view(desk, user, said, number)
        if wrong := lint(view, "home"):
            slog.error("home.refused_by_lint", wrong=len(wrong))
            view = home.sentence("This page cannot be drawn just now; `/overdue` works.")
        desk.client.views_publish(user_id=user, view=view)
    except DBAPIError as error:
        slog.warning("home.no_record", error=type(error).__name__)
    except (SlackClientError, OSError) as error:
        slog.warning("home.lost", error=type(error).__name__)


def _view(desk: Desk, user: str, said: str, number: int) -> Block:
    now = desk.clock()
    try:
        with desk.database.reading() as conn:
            roles = door.known(conn, desk.policy, user, now)
            page = _page(desk, conn, user, roles, number, now)
    except Refused as refused:
        return home.sentence(turned_away(desk, "home", user, refused, now))
    if not roles:
        return home.sentence(said or NOTHING_HERE)
    link = _link(desk, user, now) if page.may_run else ""
    return home.home(Page(page.overviews, link, page.may_run, said, page.number, page.pages))


def _page(
    desk: Desk, conn: Connection, user: str, roles: frozenset[Role], number: int, now: datetime
) -> Page:
    known = companies.all_of_them(conn)
    pages = max(1, -(-len(known) // home.COMPANIES))
    number = min(number, pages - 1)
    first = number * home.COMPANIES
    most = MOST_OF_ONE if len(known) == 1 else MOST
    found = [
        overview.of_company(conn, each, desk.workspace, now, most, _theirs(desk, user, roles))
        for each in known[first : first + home.COMPANIES]
    ]
    return Page(found, may_run=may_run(roles), number=number, pages=pages)


def _theirs(desk: Desk, user: str, roles: frozenset[Role]) -> Only:
    """Account managers see their own customers, the others everybody."""
    if roles & {Role.COLLECTOR, Role.FINANCE_LEAD}:
        return None
    return frozenset(id for m in desk.policy.managers if m.slack == user for id in m.customers)


def _link(desk: Desk, user: str, now: datetime) -> str:
    with desk.database.writing() as conn:
        state = connect.open_door(conn, user, "", now)
    return f"{desk.public_url}/quickbooks/connect?state={state}"
