"""Socket Mode: clicks, modals, commands and events over a websocket that we open to Slack.

For an installation that Slack cannot reach. https://docs.slack.dev/apis/events-api/using-socket-mode

Slack's own client is not used: it gives up for good if the first URL is refused, blocks everything
else while it waits out a 429, notices a broken connection late, and closes before it has acked.
"""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from typing import Any

import structlog
from slack_bolt import BoltResponse
from slack_bolt.request import BoltRequest
from slack_sdk import WebClient
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import ClientConnection, connect

from bot.slack import api, payloads
from bot.slack.api import RateLimited, Trouble
from bot.slack.payloads import OddPayload

Envelope = Mapping[str, Any]
slog = structlog.get_logger()

OPEN_SECONDS = 10.0
"""How long connecting, and then Slack's hello, may take."""
PING_SECONDS = 10.0
"""How often we ping, and how long the pong may take."""
CLOSE_SECONDS = 1.0
"""How long Slack may take to close its side; it often does not."""
LEAVING_SECONDS = 30.0
"""How long a socket that Slack wants replaced must be silent before we close it."""
LONGEST_PAUSE = 60.0
"""The most seconds between two attempts. Slack allows about one a minute in the long run."""
STEADY_SECONDS = 60.0
"""After a socket that lasted this long, the next one is opened without a pause."""
AT_ONCE = 32
"""Envelopes handled in parallel; each takes one of these threads until it is acked."""

REFRESH = frozenset({"warning", "refresh_requested"})
"""Disconnect reasons after which Slack keeps sending for some seconds."""
REASONS = {
    "link_disabled": "Socket Mode is switched off in the app's settings",
    "too_many_websockets": "the app has more sockets open than Slack allows (10)",
}


class Unopened(Exception):
    """No socket could be opened; the text says why. `seconds` is the wait that Slack asks for."""

    def __init__(self, why: str, seconds: int = 0) -> None:
        super().__init__(why)
        self.seconds = seconds


class Socket:
    """Keeps a socket open from `run` to `close`, and acks each envelope once it is handled.

    `client` has the app token; `dispatch` is Bolt's; `wait` sleeps for the given seconds, or less
    if the socket is to be closed. Several processes may do this with one app token: Slack sends
    each envelope to only one of their sockets.
    """

    def __init__(
        self,
        client: WebClient,
        dispatch: Callable[[BoltRequest], BoltResponse],
        now: Callable[[], datetime],
        wait: Callable[[float], object] | None = None,
    ) -> None:
        self._client, self._dispatch, self._now = client, dispatch, now
        self._closing = threading.Event()
        self._wait = wait or self._closing.wait
        self._changed = threading.Condition()
        self._lines: list[ClientConnection] = []
        self._busy, self._tries = 0, 0
        self._down_since, self._why = now(), "it has not been opened yet"
        self._workers = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="socket")

    def trouble(self) -> str:
        """Since when nothing has arrived, and why; empty while a socket is open."""
        with self._changed:
            if self._closing.is_set():
                return "closing"
            if self._lines:
                return ""
            return f"closed since {self._down_since:%Y-%m-%d %H:%M} UTC: {self._why}"

    def run(self) -> None:
        """Open a socket and take what it brings, and a new one whenever it ends, until `close`."""
        while not self._closing.is_set():
            began, seconds = time.monotonic(), 0
            try:
                self._hold_one()
            except Unopened as trouble:
                self._note("socket.not_opened", str(trouble))
                seconds = trouble.seconds
            except Exception as error:  # noqa: BLE001 - if this thread ended, nobody would notice
                slog.error("socket.failed", exc_info=error)
                self._note("socket.not_opened", type(error).__name__)
            if time.monotonic() - began > STEADY_SECONDS:
                self._tries = 0
            else:
                self._pause(seconds)

    def _hold_one(self) -> None:
        """Hold one socket until it ends or Slack wants it replaced. Raises Unopened."""
        with ExitStack() as stack:
            line = self._opened(stack)
            if self._read(line):
                # Slack keeps sending over the old one for a while: read both.
                leaving = (line, stack.pop_all())
                threading.Thread(target=self._leave, args=leaving, daemon=True).start()

    def close(self, seconds: float) -> None:
        """Take nothing more, give what was taken `seconds` to be acked, then close."""
        with self._changed:
            self._closing.set()
            done = self._changed.wait_for(lambda: self._busy == 0, seconds)
            lines = list(self._lines)
        if not done:
            slog.error("socket.closed_too_soon", unanswered=self._busy)
        for line in lines:
            line.close()
        for line in lines:
            line.wait_closed(CLOSE_SECONDS)

    def _opened(self, stack: ExitStack) -> ClientConnection:
        """A new socket that Slack has greeted. Raises Unopened."""
        url = api.socket_url(self._client)
        if isinstance(url, Trouble):
            raise Unopened(f"apps.connections.open: {api.said(url)}", _seconds(url))
        try:
            line = stack.enter_context(_connected(url))
            hello = _read_json(line.recv(OPEN_SECONDS))
        except (OSError, WebSocketException) as error:
            # its text may contain the URL, which is a secret
            raise Unopened(f"it could not be opened ({type(error).__name__})") from error
        if hello.get("type") != "hello":
            raise Unopened(_reason(hello))
        self._add(line)
        stack.callback(self._remove, line)
        return line

    def _add(self, line: ClientConnection) -> None:
        with self._changed:
            if self._closing.is_set():
                raise Unopened("this process is stopping")
            self._lines.append(line)
        slog.info("socket.open")

    def _remove(self, line: ClientConnection) -> None:
        with self._changed:
            self._lines.remove(line)
            self._down_since = self._now()

    def _note(self, event: str, why: str) -> None:
        """Log, and remember for `trouble`, why a socket was lost."""
        slog.log(logging.INFO if self._closing.is_set() else logging.WARNING, event, why=why)
        with self._changed:
            self._why = why

    def _pause(self, seconds: int = 0) -> None:
        """Wait longer each time, never less than Slack asks, with jitter between processes."""
        longest = min(LONGEST_PAUSE, 2**self._tries)
        self._tries += 1
        self._wait(max(seconds, longest * random.uniform(0.5, 1)))  # noqa: S311 - no secret

    def _read(self, line: ClientConnection, patience: float | None = None) -> bool:
        """Take what comes; True once Slack wants this socket replaced, False when it ends."""
        try:
            while True:
                message = _read_json(line.recv(patience))
                if message.get("type") != "disconnect":
                    self._take(line, message)
                elif message.get("reason") not in REFRESH:
                    self._note("socket.lost", _reason(message))
                    return False
                elif patience is None:
                    slog.info("socket.refresh", reason=message["reason"])
                    return True
        except TimeoutError:
            self._note("socket.lost", "Slack replaced it")
        except ConnectionClosed:
            self._note("socket.lost", f"the connection ended ({line.close_code})")
        return False

    def _leave(self, line: ClientConnection, stack: ExitStack) -> None:
        with stack:
            self._read(line, LEAVING_SECONDS)

    def _take(self, line: ClientConnection, envelope: Envelope) -> None:
        """Have it handled; after `close` it is left unacked, and Slack warns the person."""
        if not envelope.get("envelope_id"):
            slog.warning("socket.unreadable", type=str(envelope.get("type"))[:40])
            return
        with self._changed:
            if self._closing.is_set():
                slog.info("socket.not_taken")
                return
            self._busy += 1
        self._workers.submit(self._deal_with, line, envelope)

    def _deal_with(self, line: ClientConnection, envelope: Envelope) -> None:
        try:
            answer = self._dispatch(_request(envelope))
            if answer.status == 200:
                line.send(json.dumps(_ack(envelope, answer)))
            else:
                slog.warning("socket.not_acked", status=answer.status)
        except OddPayload as error:
            slog.warning("slack.odd_request", why=str(error))
        except ConnectionClosed:
            # It was carried out; the person sees that on the card, next to Slack's warning.
            slog.warning("socket.ack_lost")
        except Exception as error:  # noqa: BLE001 - no envelope may end the thread or the count
            slog.error("socket.failed", exc_info=error)
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()


def _request(envelope: Envelope) -> BoltRequest:
    """The request for Bolt; a retried event is marked as in HTTP headers. Raises OddPayload."""
    headers: dict[str, str] = {}
    if envelope.get("retry_attempt"):
        headers["x-slack-retry-num"] = str(envelope["retry_attempt"])
        headers["x-slack-retry-reason"] = str(envelope.get("retry_reason") or "")
    return payloads.enveloped(envelope.get("payload"), headers)


def _ack(envelope: Envelope, answer: BoltResponse) -> dict[str, Any]:
    """The ack, with the answer if this kind of envelope accepts one."""
    ack: dict[str, Any] = {"envelope_id": envelope["envelope_id"]}
    if answer.body and envelope.get("accepts_response_payload"):
        found = answer.body
        if answer.headers.get("content-type", [""])[0].startswith("application/json"):
            found = json.loads(found)
        ack["payload"] = found if isinstance(found, dict) else {"text": found}
    return ack


def _connected(url: str) -> ClientConnection:
    return connect(
        url,
        open_timeout=OPEN_SECONDS,
        ping_interval=PING_SECONDS,
        ping_timeout=PING_SECONDS,
        close_timeout=CLOSE_SECONDS,
    )


def _read_json(message: str | bytes) -> dict[str, Any]:
    try:
        found = json.loads(message)
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {}


def _reason(message: Mapping[str, Any]) -> str:
    reason = str(message.get("reason") or "Slack did not greet us")
    return REASONS.get(reason, reason[:60])


def _seconds(trouble: Trouble) -> int:
    return trouble.seconds if isinstance(trouble, RateLimited) else 0
