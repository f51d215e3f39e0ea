"""The buttons below a proposed change of a text: use it, not this one, take it back, its cases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from slack_bolt import Ack, App
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from bot.blockkit import ids
from bot.blockkit.ids import BadValueError, WordingButton
from bot.listeners.companies import policy_of
from bot.listeners.context import Backend
from bot.listeners.deciding import unreadable, user_of
from bot.listeners.refusals import follow_up, turned_away
from bot.surfaces import answers, learning
from bot.surfaces.review import MOST_LISTED, CaseLine
from jobs.decide import access
from jobs.decide.access import VerbRefused
from jobs.decide.wording import WordingClick, decline, take, take_back
from jobs.reports import picture
from jobs.store import companies, wordings
from jobs.store.reports import reviewing

slog = structlog.get_logger()

Act = Callable[[Backend, Connection, WordingClick, datetime], str]


def register(app: App, backend: Backend) -> None:
    """Each of the four buttons."""
    for button, act in ACTS.items():
        app.action(button)(_pressed(backend, button, act))


def _pressed(backend: Backend, button: WordingButton, act: Act) -> Callable[..., None]:
    def handle(ack: Ack, body: dict[str, Any]) -> None:
        backend.tell(body["response_url"], _said(backend, button, act, body))
        ack()

    return handle


def _said(backend: Backend, button: WordingButton, act: Act, body: dict[str, Any]) -> str:
    user, now = user_of(body), backend.clock()
    try:
        named = ids.wording(body["actions"][0].get("value"))
        with backend.database.writing() as conn:
            company = companies.get(conn, named.company)
            if company is None:
                return answers.disconnected()
            told = act(backend, conn, WordingClick(company, user, named.proposal), now)
    except BadValueError as error:
        return unreadable(error)
    except VerbRefused as refused:
        follow_up(backend, user, refused.said, str(body["response_url"]))
        return turned_away(backend, button, user, refused, now)
    except DBAPIError as error:
        slog.warning("wording.not_recorded", error=type(error).__name__)
        return answers.not_recorded()
    backend.wake("messages")
    return told


def _deciding(verb: Callable[..., Any]) -> Act:
    def act(backend: Backend, conn: Connection, click: WordingClick, now: datetime) -> str:
        return learning.reply(verb(conn, policy_of(backend, click.company), click, now))

    return act


def _cases(backend: Backend, conn: Connection, click: WordingClick, now: datetime) -> str:
    """Raises VerbRefused for somebody who does not see all customers."""
    realm = click.company.realm
    if access.sees(conn, policy_of(backend, click.company), realm, click.user, now) is not None:
        raise VerbRefused(access.NOT_THEIRS)
    one = wordings.proposal(conn, realm, click.fingerprint)
    if one is None:
        return learning.GONE
    names, _ = reviewing.customers_of(conn, realm, one.change.cases[:MOST_LISTED])
    links = {id: picture.card_link(conn, id, backend.workspace) for id in names}
    lines = [CaseLine(id, names.get(id, ""), links.get(id, "")) for id in one.change.cases]
    return learning.cases(one, lines)


ACTS: dict[WordingButton, Act] = {
    WordingButton.USE: _deciding(take),
    WordingButton.DECLINE: _deciding(decline),
    WordingButton.TAKE_BACK: _deciding(take_back),
    WordingButton.CASES: _cases,
}
"""What each button does; the answer goes to the one who pressed it."""
