"""Clicks, modals and commands, signed by Slack or over a socket, handed to the Bolt app."""

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

from bot.listeners import events, payloads
from bot.listeners.app import build
from bot.listeners.context import Backend, Pool
from bot.listeners.payloads import Odd
from bot.process import Kit, Now
from bot.slack import api as slack
from bot.slack.api import Trouble
from bot.slack.socket_mode import Socket
from bot.web.pages import TooLarge, body_of
from jobs.companies.disconnect import Broker
from qbo.pacing import utc_now

LARGEST = 1_000_000
"""Bytes; Slack's own payloads stay far below."""
SECONDS = re.compile(r"[0-9]{1,12}")
WINDOW = 300
"""Seconds; what is older may be a replay."""
SLACK_ANSWERS = "hooks.slack.com"
ANSWERERS = 4
RETRY_SECONDS = 5.0
OURSELVES = frozenset({"team_id", "url", "user_id"})
"""What an answer to auth.test says at least."""

slog = structlog.get_logger()


class SlackUnknown(Exception):
    """Slack did not say who we are, so nobody's request can be checked."""


class SlackRoutes:
    """Checks size, signature and shape, then lets Bolt work in a thread of its own.

    `wall` is the clock that Slack's is compared with: no request may wait for the database here.
    """

    def __init__(self, kit: Kit, wall: Now = utc_now) -> None:
        self._wall, self._kit, self._lock = wall, kit, threading.Lock()
        self._pool = Pool(ANSWERERS, thread_name_prefix="answers")
        self._secret = kit.settings.slack_signing_secret.get_secret_value()
        token = kit.settings.slack_app_token.get_secret_value()
        self.socket = self._of_app(token) if token else None
        """There in Socket Mode."""

    def routes(self) -> list[Route]:
        """None in Socket Mode without a signing secret: then nobody can sign."""
        if not self._secret:
            return []
        return [Route("/slack/events", self._events, methods=["POST"])]

    async def _events(self, request: Request) -> Response:
        try:
            body = await body_of(request, LARGEST)
        except TooLarge:
            return PlainTextResponse("too large", 413)
        if not self._genuine(body, request):
            return PlainTextResponse("the signature is missing, wrong or old", 401)
        try:
            read = payloads.request(body, request.headers)
        except Odd as error:
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
        """Before Bolt does: it fails on times that are no numbers, and bodies that are no text."""
        at = request.headers.get("x-slack-request-timestamp", "")
        if not SECONDS.fullmatch(at) or abs(self._wall().timestamp() - int(at)) > WINDOW:
            return False
        given = request.headers.get("x-slack-signature", "").encode("utf-8", "replace")
        return hmac.compare_digest(signed(self._secret, at, body), given)

    def open(self, wait: Callable[[float], object] = time.sleep) -> None:
        """Be ready before the first click, as soon as Slack answers.

        With SLACK_APP_TOKEN the clicks come through a socket that we open (Socket Mode), and this
        returns only when it is closed.
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
        client = slack.client(token, self._kit.settings.slack_api_url)
        return Socket(client, self._dispatch, self._wall)

    def _dispatch(self, request: BoltRequest) -> BoltResponse:
        """What came over the socket, which only Slack can write to."""
        return self._app().dispatch(request)

    def close(self, seconds: float) -> None:
        """Take no more from the socket; what it has brought is acked within `seconds`."""
        if self.socket:
            self.socket.close(seconds)

    def finish(self, seconds: float) -> None:
        """Let within `seconds` end what acked clicks have left to be done beside them: private
        answers, forms that are being filled, a disconnection. No click may come any more."""
        if not self._pool.settle(seconds):
            slog.warning("answers.unfinished")

    def redraw_home(self, person: str) -> None:
        """Show a person the present state in their Home tab, soon, if Slack was ever there."""
        if "_desk" in self.__dict__:
            self._desk.pool.submit(events.publish, self._desk, person)

    def _app(self) -> App:
        with self._lock:
            return self._built

    @cached_property
    def _built(self) -> App:
        found = self._ourselves
        secret = self._kit.settings.slack_signing_secret.get_secret_value()
        return build(self._desk, secret, str(found["user_id"]), str(found.get("bot_id") or ""))

    @cached_property
    def _ourselves(self) -> Mapping[str, Any]:
        """Who Slack says we are. Raises SlackUnknown."""
        found = slack.call(self._kit.slack, "auth.test")
        if isinstance(found, Trouble) or not found.keys() >= OURSELVES:
            slog.warning("slack.unknown", answer=type(found).__name__)
            raise SlackUnknown
        return found

    @cached_property
    def _desk(self) -> Backend:
        kit, found = self._kit, self._ourselves
        api = urlsplit(kit.settings.slack_api_url).hostname or ""
        return Backend(
            database=kit.database,
            ruling=kit.policies,
            queues=kit.queues,
            clock=kit.now,
            client=kit.slack,
            team=str(found["team_id"]),
            app_id=str(found.get("app_id") or ""),
            workspace=str(found["url"]),
            response_hosts=frozenset({SLACK_ANSWERS} if api == "slack.com" else {api}),
            public_url=kit.settings.public_url,
            channel=kit.settings.slack_channel,
            broker=Broker(kit.oauth, kit.seal),
            pool=self._pool,
        )


def signed(secret: str, at: str, body: bytes) -> bytes:
    """The signature of a body that Slack sent at `at`."""
    text = b"v0:" + at.encode() + b":" + body
    return b"v0=" + hmac.new(secret.encode(), text, hashlib.sha256).hexdigest().encode()
