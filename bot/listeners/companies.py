"""Buttons about a company rather than a case: below notices and in App Home."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from slack_bolt import Ack, App
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from bot.blockkit import ids
from bot.blockkit.ids import BadValueError, HomeButton
from bot.listeners import events
from bot.listeners.context import Backend
from bot.listeners.deciding import unreadable, user_of
from bot.listeners.refusals import follow_up, turned_away
from bot.surfaces import answers
from jobs.companies import disconnect
from jobs.decide import access
from jobs.decide.access import VerbRefused
from jobs.decide.switches import Switch
from jobs.rules.policy.policy import Policy
from jobs.store import companies
from jobs.store.companies import ConnectedCompany
from jobs.store.services import model_versions

slog = structlog.get_logger()


def register(app: App, backend: Backend) -> None:
    """Every button of a company."""

    for switch in Switch:
        app.action(ids.of_any(switch))(_turning(backend, switch))

    @app.action(ids.of_any(ids.USE_MODEL))
    def using_model(ack: Ack, body: dict[str, Any]) -> None:
        _tell(backend, body, _model_used(backend, body))
        ack()

    @app.action(ids.of_any(HomeButton.DISCONNECT))
    def disconnecting(ack: Ack, body: dict[str, Any]) -> None:
        backend.pool.submit(_disconnect, backend, body)
        ack()


def _turning(backend: Backend, switch: Switch) -> Callable[..., None]:
    def handle(ack: Ack, body: dict[str, Any]) -> None:
        words, done = _turned(backend, switch, body)
        private = bool((body.get("container") or {}).get("is_ephemeral"))
        _tell(backend, body, words, instead=done and private and bool(switch.row.asks))
        ack()

    return handle


def _tell(backend: Backend, body: dict[str, Any], words: str, *, instead: bool = False) -> None:
    """Answer in private: next to the message (`instead` of a private one), or in the Home tab."""
    if body.get("response_url"):
        backend.tell(body["response_url"], words, instead=instead)
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
        words = turned_away(backend, HomeButton.DISCONNECT, user, refused, now)
    except DBAPIError as error:
        slog.warning("disconnect.not_recorded", error=type(error).__name__)
        words = answers.not_recorded()
    backend.wake("messages")
    _tell(backend, body, words)


def _model_used(backend: Backend, body: dict[str, Any]) -> str:
    user, now = user_of(body), backend.clock()
    try:
        realm, seen = ids.model(body["actions"][0].get("value"))
        with backend.database.writing() as conn:
            company = companies.get(conn, realm)
            if company is None:
                return answers.disconnected()
            access.lead(conn, policy_of(backend, company), user, now)
            accepted = model_versions.accept(conn, company, seen, user, now)
    except BadValueError as error:
        return unreadable(error)
    except VerbRefused as refused:
        return turned_away(backend, ids.USE_MODEL, user, refused, now)
    except DBAPIError as error:
        slog.warning("model.not_recorded", error=type(error).__name__)
        return answers.not_recorded()
    backend.wake("messages")
    return answers.model_used(accepted)


def _turned(backend: Backend, switch: Switch, body: dict[str, Any]) -> tuple[str, bool]:
    """What the person is told, and whether that answers the question with the button."""
    user = user_of(body)
    try:
        now = backend.clock()
        realm = ids.company(body["actions"][0].get("value"))
        with backend.database.writing() as conn:
            company = companies.get(conn, realm)
            said = turn(backend, conn, company, switch, user, now) if company else ""
    except BadValueError as error:
        return unreadable(error), True
    except VerbRefused as refused:
        follow_up(backend, user, refused.said, str(body.get("response_url") or ""))
        return turned_away(backend, switch, user, refused, now), False
    except DBAPIError as error:
        slog.warning("switch.not_recorded", error=type(error).__name__)
        return answers.not_recorded(), False
    backend.wake("sweep", "send", "messages")
    return said or answers.disconnected(), True


def turn(
    backend: Backend,
    conn: Connection,
    company: ConnectedCompany,
    switch: Switch,
    user: str,
    now: datetime,
) -> str:
    """Turn a switch of a company; returns what the person is told. Raises VerbRefused."""
    if not switch.turn(conn, policy_of(backend, company), company, user, now):
        return answers.unchanged(switch.row.already)
    return answers.turned(switch, companies.need(conn, company.realm))


def policy_of(backend: Backend, company: ConnectedCompany) -> Policy:
    """The policy of this company."""
    return backend.policy.for_company(company.realm)
