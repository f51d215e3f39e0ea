"""Buttons that are about a company and no case: they stand below notices and in App Home."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import structlog
from slack_bolt import Ack, App
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from bot import answers, ids, people
from bot.desk import Desk
from bot.ids import BadValueError, Switch
from bot.knocking import unreadable, user_of
from bot.replies import reply
from jobs.decide import door, reminders
from jobs.decide.door import Answer, Knock, Refused
from jobs.store import companies
from jobs.store.companies import Company

slog = structlog.get_logger()


def register(app: App, desk: Desk) -> None:
    """Every button of a company."""

    @app.action(Switch.REMINDERS_OFF)
    def reminders_off(ack: Ack, body: dict[str, Any]) -> None:
        desk.tell(body["response_url"], pressed(desk, body))
        ack()


def pressed(desk: Desk, body: dict[str, Any]) -> str:
    """Put down that QuickBooks' own reminders are off; what the person is told."""
    user, now = user_of(body), desk.clock()
    try:
        realm = ids.company(body["actions"][0].get("value"))
        with desk.database.writing() as conn:
            told = _confirmed(desk, conn, realm, user, now)
    except BadValueError as error:
        return unreadable(error)
    except Refused as refused:
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
    done = reminders.confirm_off(conn, desk.policy, company, user, now)
    return answers.reminders_off() if done else answers.unchanged("confirmed")


def turned_away(desk: Desk, verb: str, user: str, refused: Refused, now: datetime) -> str:
    """Log the refusal, ask for a look-up where that helps, and find the words."""
    with desk.database.writing() as conn:
        door.refused(conn, Knock(user, ""), refused.said, verb, now)
        if refused.said.answer is Answer.LOOKING_UP:
            people.ask(conn, user, now)
    if refused.said.answer is Answer.LOOKING_UP:
        desk.ring("people")
    return reply(refused.said, verb)
