"""The Home tab: published when somebody opens it, beside the answer that Slack waits for."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
from jobs.store import companies, people
from jobs.store.companies import Company

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
            general = door.known(conn, desk.policy, user, now)
            mine = _theirs(desk, conn, user, now)
            page = _page(desk, conn, mine, number, now)
    except Refused as refused:
        return home.sentence(turned_away(desk, "home", user, refused, now))
    leads = may_run(general) or page.runs
    if not general and not mine:
        return home.sentence(said or NOTHING_HERE)
    return home.home(replace(page, said=said, connect_url=_link(desk, user, now) if leads else ""))


@dataclass(frozen=True)
class Theirs:
    """A company in which somebody has a role. Account managers see their own customers only."""

    company: Company
    runs: bool
    only: Only


def _theirs(desk: Desk, conn: Connection, user: str, now: datetime) -> list[Theirs]:
    groups, found = people.groups(conn, now), []
    for company in companies.all_of_them(conn):
        policy = desk.policy.for_company(company.realm)
        if roles := policy.roles(user, groups):
            own = frozenset(id for m in policy.managers if m.slack == user for id in m.customers)
            sees_all = roles & {Role.COLLECTOR, Role.FINANCE_LEAD}
            found.append(Theirs(company, may_run(roles), None if sees_all else own))
    return found


def _page(desk: Desk, conn: Connection, mine: list[Theirs], number: int, now: datetime) -> Page:
    pages = max(1, -(-len(mine) // home.COMPANIES))
    number = min(number, pages - 1)
    first = number * home.COMPANIES
    most = MOST_OF_ONE if len(mine) == 1 else MOST
    found = [
        overview.of_company(conn, each.company, desk.workspace, now, most, each.only)
        for each in mine[first : first + home.COMPANIES]
    ]
    runs = frozenset(each.company.realm for each in mine if each.runs)
    return Page(found, runs=runs, number=number, pages=pages)


def _link(desk: Desk, user: str, now: datetime) -> str:
    with desk.database.writing() as conn:
        state = connect.open_door(conn, user, "", now)
    return f"{desk.public_url}/quickbooks/connect?state={state}"
