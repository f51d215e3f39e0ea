"""The Bolt app: who may click at all, which handler answers, and what people see if one fails."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import structlog
from slack_bolt import App, BoltContext, BoltResponse
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.logger import get_bolt_logger
from slack_bolt.logger.messages import (
    warning_client_prioritized_and_token_skipped,
    warning_token_skipped,
)
from slack_bolt.request import BoltRequest
from sqlalchemy.exc import SQLAlchemyError

from bot.blockkit import ids
from bot.blockkit.ids import CUSTOMER, BadValueError, WorklistButton
from bot.listeners import actions, commands, companies, customers, events, review, views, wording
from bot.listeners.actions import NOT_YET_TAKEN, VERBS
from bot.listeners.context import Backend
from bot.listeners.refusals import Replayed, refused
from bot.surfaces import answers
from bot.surfaces.forms import forms, modal
from jobs.decide.access import Answer, Click, Reply
from jobs.store.intake.events import first_time

slog = structlog.get_logger()
EXPECTED = frozenset({warning_client_prioritized_and_token_skipped(), warning_token_skipped()})
"""Bolt reads SLACK_BOT_TOKEN from the environment by itself, then warns that it ignores it."""


def build(backend: Backend, signing_secret: str, bot_user: str, bot_id: str) -> App:
    """The app for one workspace. Neither this nor any answer waits for a call to Slack."""
    get_bolt_logger(App).addFilter(_unexpected)
    app = App(
        client=backend.client,
        signing_secret=signing_secret,
        authorize=_authorized(backend, bot_user, bot_id),
        # A handler acks as its last line, so it runs in the thread that brought the click. Bolt
        # would pass it to another one, and look every 10 ms whether the ack is there.
        process_before_response=True,
        token_verification_enabled=False,
    )
    app.use(_only_ours(backend))
    app.use(_once(backend))
    actions.register(app, backend)
    views.register(app, backend)
    commands.register(app, backend)
    companies.register(app, backend)
    customers.register(app, backend)
    review.register(app, backend)
    wording.register(app, backend)
    events.register(app, backend)
    app.error(_failed(backend))
    return app


def _unexpected(record: logging.LogRecord) -> bool:
    return record.getMessage() not in EXPECTED


def _authorized(backend: Backend, bot_user: str, bot_id: str) -> Callable[..., AuthorizeResult]:
    def authorize() -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=None,
            team_id=backend.team,
            bot_user_id=bot_user,
            bot_id=bot_id,
            bot_token=backend.client.token,
        )

    return authorize


def _only_ours(backend: Backend) -> Callable[..., BoltResponse]:
    """Refuse strangers: a valid signature says "from Slack, for this app", not from whom."""

    def only_ours(body: dict[str, Any], next_: Callable[[], BoltResponse]) -> BoltResponse:
        if trouble := foreign(body, backend):
            slog.warning("request.foreign", trouble=trouble)
            return _told(backend, body, _log_stranger(backend, body))
        return next_()

    return only_ours


def _log_stranger(backend: Backend, body: dict[str, Any]) -> str:
    """What a stranger is told; it is on record like any refused click. Opening a tab is not."""
    user = body.get("user_id") or (body.get("user") or {}).get("id")
    if not user:
        return answers.outsider("stranger")
    said = Reply(Answer.NOT_A_MEMBER, detail="stranger")
    pressed = [ids.verb_in(one) for one in body.get("actions", ())]
    verb = next(iter(pressed), (body.get("view") or {}).get("callback_id") or "command")
    return refused(backend, verb[:40], Click(str(user), ""), said, backend.clock())


def _once(backend: Backend) -> Callable[..., BoltResponse]:
    """Refuse replays: a copy of a request could be sent for as long as its signature is valid.

    A request is recorded, for all processes, before it is acted on: after a power cut between the
    two, Slack tells the person that there was no answer, and they click again. A press on a button
    that decides is recorded with its decision or refusal, in one transaction. Events pass: Slack
    repeats them until they are answered, and they only draw a Home tab. So do clicks that open a
    form: they have three seconds, which a busy database must not use up, and Slack opens only one
    form per click.
    """

    def once(
        body: dict[str, Any],
        request: BoltRequest,
        context: BoltContext,
        next_: Callable[[], BoltResponse],
    ) -> BoltResponse:
        if request.mode == "socket_mode" or "event" in body or _opens_a_form(body):
            return next_()
        signature = request.headers["x-slack-signature"][0]
        if _decides(body):
            context[NOT_YET_TAKEN] = signature
            return next_()
        try:
            now = backend.clock()
            with backend.database.writing() as conn:
                first = first_time(conn, signature, now)
        except SQLAlchemyError as error:
            slog.warning("request.not_taken", error=type(error).__name__)
            return _told(backend, body, answers.not_recorded())
        return next_() if first else _replayed(body)

    return once


def _replayed(body: dict[str, Any]) -> BoltResponse:
    slog.warning("request.replayed", kind=body.get("type", "command"))
    return BoltResponse(status=409, body="this request was taken already")


def _decides(body: dict[str, Any]) -> bool:
    """Whether it presses a button that decides at once, and can be read."""
    try:
        verbs = [ids.pressed(one)[0] for one in body.get("actions", ())]
    except BadValueError:
        return False
    return len(verbs) == 1 and verbs[0] in VERBS


def _opens_a_form(body: dict[str, Any]) -> bool:
    pressed = {ids.verb_in(one) for one in body.get("actions", ())}
    opening = {*forms.FORMS, CUSTOMER, ids.ALSO, ids.LOG_CALL, WorklistButton.START}
    return bool(pressed) and pressed <= opening


def foreign(body: dict[str, Any], backend: Backend) -> str:
    """Why a request is not ours: its app, its workspace or its person; empty if it is.

    For interactive payloads Bolt takes the actor's team from `team.id`; that a person in a shared
    channel is from another organisation shows only in `user.team_id`. On Enterprise Grid that may
    be the id of the organisation instead of the workspace's.
    """
    if backend.app_id and body.get("api_app_id") not in (None, backend.app_id):
        return "another app"
    if (body.get("team_id") or (body.get("team") or {}).get("id")) not in (None, backend.team):
        return "another workspace"
    user = body.get("user")
    home = user.get("team_id") if isinstance(user, dict) else None
    ours = {backend.team, *filter(None, [backend.enterprise])}
    return "" if home is None or home in ours else "another person"


def _told(backend: Backend, body: dict[str, Any], words: str) -> BoltResponse:
    """A private answer in whatever form this request accepts; a modal stays open."""
    if body.get("type") == "view_submission":  # an empty answer would close it as if it were saved
        return BoltResponse(status=200, body=modal.not_taken(body["view"], words))
    if "command" in body:
        return BoltResponse(status=200, body={"response_type": "ephemeral", "text": words})
    if body.get("response_url"):
        backend.tell(body["response_url"], words)
    return BoltResponse(status=200, body="")


def _failed(backend: Backend) -> Callable[..., BoltResponse]:
    """The only error handler: a copy of a click that was taken, or an unforeseen error, which
    becomes a sentence and a line in the log."""

    def failed(error: Exception, body: dict[str, Any], request: BoltRequest) -> BoltResponse:
        if isinstance(error, Replayed):
            return _replayed(body)
        slog.error("click.failed", exc_info=error, mode=request.mode)
        return _told(backend, body, answers.broken())

    return failed
