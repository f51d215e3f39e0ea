"""Buttons that are about a company and no case: they stand below notices and in App Home."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import structlog
from slack_bolt import Ack, App
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from bot.blockkit import ids
from bot.blockkit.ids import BadValueError, Switch
from bot.listeners import events
from bot.listeners.context import Desk
from bot.listeners.deciding import unreadable, user_of
from bot.listeners.refusals import follow_up, turned_away
from bot.surfaces import answers
from jobs.companies import disconnect
from jobs.decide import reminders
from jobs.decide.door import Refused
from jobs.store import companies
from jobs.store.companies import Company

slog = structlog.get_logger()


def register(app: App, desk: Desk) -> None:
    """Every button of a company."""

    @app.action(ids.of_any_company(Switch.REMINDERS_OFF))
    def reminders_off(ack: Ack, body: dict[str, Any]) -> None:
        _tell(desk, body, pressed(desk, body))
        ack()

    @app.action(ids.of_any_company(Switch.DISCONNECT))
    def disconnecting(ack: Ack, body: dict[str, Any]) -> None:
        desk.pool.submit(_disconnect, desk, body)
        ack()


def _tell(desk: Desk, body: dict[str, Any], words: str) -> None:
    """In private: beside the message, or at the top of the Home tab, which has no such place."""
    if body.get("response_url"):
        desk.tell(body["response_url"], words)
    else:
        desk.pool.submit(events.publish, desk, user_of(body), words)


def _disconnect(desk: Desk, body: dict[str, Any]) -> None:
    """Beside the click: Intuit is asked. Never raises."""
    user = user_of(body)
    try:
        now = desk.clock()
        realm = ids.company(body["actions"][0].get("value"))
        with desk.database.reading() as conn:
            policy = desk.policy.for_company(realm)
            disconnect.may_disconnect(conn, policy, user, now)
        words = answers.ended(disconnect.disconnect(desk.database, desk.broker, realm, user, now))
    except BadValueError as error:
        words = unreadable(error)
    except Refused as refused:
        words = turned_away(desk, Switch.DISCONNECT, user, refused, now)
    except DBAPIError as error:
        slog.warning("disconnect.not_recorded", error=type(error).__name__)
        words = answers.not_recorded()
    desk.ring("messages")
    _tell(desk, body, words)


def pressed(desk: Desk, body: dict[str, Any]) -> str:
    """Put down that QuickBooks' own reminders are off; what the person is told."""
    user = user_of(body)
    try:
        now = desk.clock()
        realm = ids.company(body["actions"][0].get("value"))
        with desk.database.writing() as conn:
            told = _confirmed(desk, conn, realm, user, now)
    except BadValueError as error:
        return unreadable(error)
    except Refused as refused:
        follow_up(desk, user, refused.said, str(body.get("response_url") or ""))
        return turned_away(desk, Switch.REMINDERS_OFF, user, refused, now)
    except DBAPIError as error:
        slog.warning("reminders.not_recorded", error=type(error).__name__)
        return answers.not_recorded()
    desk.ring("messages", "send")
    return told


def _confirmed(desk: Desk, conn: Connection, realm: str, user: str, now: datetime) -> str:
    company: Company | None = companies.get(conn, realm)
    if company is None:
        return answers.disconnected()
    policy = desk.policy.for_company(realm)
    done = reminders.confirm_off(conn, policy, company, user, now)
    return answers.reminders_off(company) if done else answers.unchanged("confirmed")
