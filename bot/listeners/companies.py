"""Buttons about a company rather than a case: below notices and in App Home."""

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
from bot.listeners.context import Backend
from bot.listeners.deciding import unreadable, user_of
from bot.listeners.refusals import follow_up, turned_away
from bot.surfaces import answers
from jobs.companies import disconnect
from jobs.decide import access, switches
from jobs.decide.access import VerbRefused
from jobs.store import companies
from jobs.store.companies import ConnectedCompany

slog = structlog.get_logger()


def register(app: App, backend: Backend) -> None:
    """Every button of a company."""

    @app.action(ids.of_any_company(Switch.REMINDERS_OFF))
    def reminders_off(ack: Ack, body: dict[str, Any]) -> None:
        _tell(backend, body, pressed(backend, body))
        ack()

    @app.action(ids.of_any_company(Switch.DISCONNECT))
    def disconnecting(ack: Ack, body: dict[str, Any]) -> None:
        backend.pool.submit(_disconnect, backend, body)
        ack()


def _tell(backend: Backend, body: dict[str, Any], words: str) -> None:
    """Answer in private: next to the message, or at the top of the Home tab."""
    if body.get("response_url"):
        backend.tell(body["response_url"], words)
    else:
        backend.pool.submit(events.publish, backend, user_of(body), words)


def _disconnect(backend: Backend, body: dict[str, Any]) -> None:
    """Disconnect in the background, because it calls Intuit. Never raises."""
    user = user_of(body)
    try:
        now = backend.clock()
        realm = ids.company(body["actions"][0].get("value"))
        with backend.database.reading() as conn:
            policy = backend.policy.for_company(realm)
            access.lead(conn, policy, user, now)
        words = answers.ended(
            disconnect.disconnect(backend.database, backend.broker, realm, user, now)
        )
    except BadValueError as error:
        words = unreadable(error)
    except VerbRefused as refused:
        words = turned_away(backend, Switch.DISCONNECT, user, refused, now)
    except DBAPIError as error:
        slog.warning("disconnect.not_recorded", error=type(error).__name__)
        words = answers.not_recorded()
    backend.wake("messages")
    _tell(backend, body, words)


def pressed(backend: Backend, body: dict[str, Any]) -> str:
    """Record that QuickBooks' own reminders are off; returns what the person is told."""
    user = user_of(body)
    try:
        now = backend.clock()
        realm = ids.company(body["actions"][0].get("value"))
        with backend.database.writing() as conn:
            told = _confirmed(backend, conn, realm, user, now)
    except BadValueError as error:
        return unreadable(error)
    except VerbRefused as refused:
        follow_up(backend, user, refused.said, str(body.get("response_url") or ""))
        return turned_away(backend, Switch.REMINDERS_OFF, user, refused, now)
    except DBAPIError as error:
        slog.warning("reminders.not_recorded", error=type(error).__name__)
        return answers.not_recorded()
    backend.wake("messages", "send")
    return told


def _confirmed(backend: Backend, conn: Connection, realm: str, user: str, now: datetime) -> str:
    company: ConnectedCompany | None = companies.get(conn, realm)
    if company is None:
        return answers.disconnected()
    policy = backend.policy.for_company(realm)
    done = switches.confirm_off(conn, policy, company, user, now)
    return answers.reminders_off(company) if done else answers.unchanged("confirmed")
