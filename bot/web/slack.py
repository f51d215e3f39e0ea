"""Clicks, modals and commands, signed by Slack or received over a socket, passed to Bolt."""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import structlog
from slack_bolt import App, BoltResponse
from slack_bolt.adapter.starlette.handler import to_starlette_response
from slack_bolt.request import BoltRequest
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.listeners import events
from bot.listeners.app import build
from bot.listeners.context import Backend, Pool
from bot.process import Now, Process
from bot.slack import api as slack
from bot.slack import payloads
from bot.slack.api import Trouble
from bot.slack.payloads import OddPayload
from bot.slack.socket_mode import Socket
from bot.web.pages import BodyTooLarge, body_of
from jobs.companies.disconnect import Broker
from qbo.pacing import utc_now

LARGEST = 1_000_000
"""Bytes. Slack's own payloads are far smaller."""
SECONDS = re.compile(r"[0-9]{1,12}")
WINDOW = 300
"""Seconds. Anything older may be a replay."""
SLACK_ANSWERS = "hooks.slack.com"
ANSWERERS = 4
RETRY_SECONDS = 5.0
OURSELVES = frozenset({"team_id", "url", "user_id"})
"""The fields that an answer to auth.test must have."""

slog = structlog.get_logger()


class SlackUnknown(Exception):
    """Slack did not say who we are, so nobody's request can be checked."""


class SlackRoutes:
    """Checks size, signature and shape, then runs Bolt in a thread of its own.

    `wall` is the clock for checking Slack's timestamps: no request may wait for the database here.
    """

    def __init__(self, process: Process, wall: Now = utc_now) -> None:
        self._wall, self._process, self._lock = wall, process, threading.Lock()
        self._pool = Pool(ANSWERERS, thread_name_prefix="answers")
        self._secret = process.settings.slack_signing_secret.get_secret_value()
        token = process.settings.slack_app_token.get_secret_value()
        self.socket = self._of_app(token) if token else None
        """The socket, in Socket Mode only."""

    def routes(self) -> list[Route]:
        """Empty in Socket Mode without a signing secret, since then nothing can be signed."""
        if not self._secret:
            return []
        return [Route("/slack/events", self._events, methods=["POST"])]

    async def _events(self, request: Request) -> Response:
        try:
            body = await body_of(request, LARGEST)
        except BodyTooLarge:
            slog.warning("slack.too_large", most=LARGEST)
            return PlainTextResponse("too large", 413)
        if not self._genuine(body, request):
            slog.warning("slack.not_genuine", bytes=len(body))
            return PlainTextResponse("the signature is missing, wrong or old", 401)
        try:
            read = payloads.request(body, request.headers)
        except OddPayload as error:
            slog.warning("slack.odd_request", why=str(error), bytes=len(body))
            return PlainTextResponse("this is no request of Slack", 400)
        try:
            bolt = await run_in_threadpool(self._app)
        except SlackUnknown:
            return PlainTextResponse("not ready", 503)
        # Bolt's own handler would block the event loop while it waits for a listener.
        answer = await run_in_threadpool(bolt.dispatch, read)
        return to_starlette_response(answer)

    def _genuine(self, body: bytes, request: Request) -> bool:
        """Check before Bolt does, which fails on timestamps and bodies that are not text."""
        at = request.headers.get("x-slack-request-timestamp", "")
        if not SECONDS.fullmatch(at) or abs(self._wall().timestamp() - int(at)) > WINDOW:
            return False
        given = request.headers.get("x-slack-signature", "").encode("utf-8", "replace")
        return hmac.compare_digest(signed(self._secret, at, body), given)

    def open(self, wait: Callable[[float], object] = time.sleep) -> None:
        """Build the app as soon as Slack answers, before the first click.

        With SLACK_APP_TOKEN clicks come over a socket that we open (Socket Mode), and this returns
        only when it is closed.
        """
        while True:
            try:
                self._app()
                break
            except SlackUnknown:
                wait(RETRY_SECONDS)
        if self.socket:
            self.socket.run()

    def _of_app(self, token: str) -> Socket:
        client = slack.client(token, self._process.settings.slack_api_url)
        return Socket(client, self._dispatch, self._wall)

    def _dispatch(self, request: BoltRequest) -> BoltResponse:
        """Handle a request from the socket, which only Slack can write to."""
        return self._app().dispatch(request)

    def close(self, seconds: float) -> None:
        """Take no more from the socket; give what it brought `seconds` to be acked."""
        if self.socket:
            self.socket.close(seconds)

    def finish(self, seconds: float) -> None:
        """Give the background work of acked clicks (private answers, filling forms, disconnecting)
        `seconds` to end. No more clicks may come."""
        if not self._pool.settle(seconds):
            slog.warning("answers.unfinished")

    def redraw_home(self, person: str) -> None:
        """Show a person the current state in their Home tab, soon, if Slack was ever reached."""
        if "_backend" in self.__dict__:
            self._backend.pool.submit(events.publish, self._backend, person)

    def _app(self) -> App:
        with self._lock:
            return self._built

    @cached_property
    def _built(self) -> App:
        found = self._ourselves
        secret = self._process.settings.slack_signing_secret.get_secret_value()
        return build(self._backend, secret, str(found["user_id"]), str(found.get("bot_id") or ""))

    @cached_property
    def _ourselves(self) -> Mapping[str, Any]:
        """Who Slack says we are. Raises SlackUnknown."""
        found = slack.call(self._process.slack, "auth.test")
        if isinstance(found, Trouble) or not found.keys() >= OURSELVES:
            slog.warning("slack.unknown", answer=type(found).__name__)
            raise SlackUnknown
        return {**found, "app_id": self._app_id(str(found.get("bot_id") or ""))}

    def _app_id(self, bot: str) -> str:
        """Our app's id, which auth.test does not tell a bot; empty if Slack does not say it.

        Without it requests still need the signature of our app, so nobody has to wait for it.
        https://docs.slack.dev/reference/methods/bots.info
        """
        found = slack.call(self._process.slack, "bots.info", bot=bot)
        if isinstance(found, Trouble):
            slog.warning("slack.app_unknown", why=slack.said(found))
            return ""
        return str((found.get("bot") or {}).get("app_id") or "")

    @cached_property
    def _backend(self) -> Backend:
        process, found = self._process, self._ourselves
        api = urlsplit(process.settings.slack_api_url).hostname or ""
        return Backend(
            database=process.database,
            ruling=process.policies,
            queues=process.queues,
            clock=process.now,
            client=process.slack,
            team=str(found["team_id"]),
            app_id=str(found["app_id"]),
            enterprise=str(found.get("enterprise_id") or ""),
            workspace=str(found["url"]),
            response_hosts=frozenset({SLACK_ANSWERS} if api == "slack.com" else {api}),
            public_url=process.settings.public_url,
            books=process.settings.qbo_app_url,
            channel=process.settings.slack_channel,
            broker=Broker(process.oauth, process.seal),
            pool=self._pool,
        )


def signed(secret: str, at: str, body: bytes) -> bytes:
    """The signature of a body that Slack sent at `at`."""
    text = b"v0:" + at.encode() + b":" + body
    return b"v0=" + hmac.new(secret.encode(), text, hashlib.sha256).hexdigest().encode()
