"""The parts of Slack's Web API that Overdue uses to post and look up, and what its answers mean.

A call is made once: the client has no retries of its own. The answer says whether it may be tried
again: after `NotOk` and `RateLimited` nothing was done, after `Lost` nobody can tell.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from http.client import HTTPException
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

TIMEOUT = 10
"""Seconds for one call."""
HASTE = 2
"""Seconds for one call while a click is waiting, for which Slack allows three."""
EVENT = "overdue_message"
A_WORD = re.compile(r"[a-z][a-z0-9_]{0,59}")
"""The form of Slack's error codes."""
DEFAULT_WAIT = 30
"""Seconds, if a 429 does not say how long."""
PAGE = 200
"""How many messages of a channel's history one call asks for."""

AMBIGUOUS = frozenset({"internal_error", "fatal_error", "request_timeout", "service_unavailable"})
"""Errors that do not say whether the call was carried out."""


@dataclass(frozen=True)
class Posted:
    """It was posted."""

    channel: str
    ts: str


@dataclass(frozen=True)
class RateLimited:
    """Slack asks to wait; nothing was done."""

    seconds: int


@dataclass(frozen=True)
class NotOk:
    """Slack refused, with an error code; nothing was done."""

    error: str


@dataclass(frozen=True)
class Lost:
    """No answer, or none that says whether it was done."""

    error: str


Trouble = RateLimited | NotOk | Lost


@dataclass(frozen=True)
class Upload:
    """A file that people download; its name ends with its kind."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Message:
    """A message to post. `key` finds it again; `thread` is the ts of the message it replies to.

    With a `file` it is uploaded into a thread, with `text` above it, and never changes again.
    """

    channel: str
    key: str
    text: str
    blocks: Sequence[Mapping[str, Any]] = ()
    thread: str = ""
    file: Upload | None = None

    @property
    def title(self) -> str:
        """What the file is called in Slack: files carry no metadata, so the key stands in it."""
        assert self.file is not None
        return f"{self.file.name} (message {self.key})"


@cache
def certificates() -> ssl.SSLContext:
    """The TLS context for calls to Slack.

    Without one the library makes one for each call, and reading all certificates takes longer than
    the call does.
    """
    return ssl.create_default_context()


def client(token: str, url: str) -> WebClient:
    """A Web API client that makes each call once. `url` is SLACK_API_URL."""
    return _client(token, f"{url}/", TIMEOUT)


def hasty(client: WebClient) -> WebClient:
    """The same client with a short timeout, for the one call made before a click is answered."""
    return _client(str(client.token), client.base_url, HASTE)


def _client(token: str, url: str, seconds: int) -> WebClient:
    return WebClient(token, base_url=url, timeout=seconds, ssl=certificates(), retry_handlers=[])


def post(client: WebClient, message: Message) -> Posted | Trouble:
    """Post it, findable by its key. Of a file, the id takes the place of the ts."""
    if message.file:
        return _upload(client, message, message.file)
    metadata = {"event_type": EVENT, "event_payload": {"card_id": message.key}}
    answer = call(
        client,
        "chat.postMessage",
        **_content(message),
        metadata=metadata,
        unfurl_links=False,
        unfurl_media=False,
        **({"thread_ts": message.thread} if message.thread else {}),
    )
    return answer if isinstance(answer, Trouble) else Posted(answer["channel"], answer["ts"])


def _upload(client: WebClient, message: Message, file: Upload) -> Posted | Trouble:
    """Three calls: an address, the bytes, and the share, which alone makes it visible.

    https://docs.slack.dev/messaging/working-with-files#upload
    """
    try:
        answer = client.files_upload_v2(
            content=file.content,
            filename=file.name,
            title=message.title,
            channel=message.channel,
            thread_ts=message.thread,
            initial_comment=message.text,
        )
    except SlackApiError as error:
        return _trouble(error)
    except (OSError, HTTPException, SlackClientError, ValueError) as error:
        return Lost(type(error).__name__)
    return Posted(message.channel, str(answer["files"][0]["id"]))


def update(client: WebClient, message: Message, ts: str) -> Posted | Trouble:
    """Replace text and blocks of our message at `ts`."""
    answer = call(client, "chat.update", **_content(message), ts=ts)
    return answer if isinstance(answer, Trouble) else Posted(answer["channel"], answer["ts"])


def find(client: WebClient, message: Message, since: datetime) -> Posted | Trouble | None:
    """The message with this key among those posted since then; None if there is none.

    Slack returns a history in pages (https://docs.slack.dev/apis/web-api/pagination), so only the
    last page proves that it is not there.
    """
    where: dict[str, Any] = {
        "channel": message.channel,
        "limit": PAGE,
        "include_all_metadata": True,
    }
    where |= {"oldest": f"{since.timestamp():.6f}"}
    method = "conversations.replies" if message.thread else "conversations.history"
    where |= {"ts": message.thread} if message.thread else {}
    while True:
        answer = call(client, method, **where)
        if isinstance(answer, Trouble):
            return answer
        if ts := next(filter(None, (_found(one, message) for one in answer["messages"])), ""):
            return Posted(message.channel, ts)
        where["cursor"] = (answer.get("response_metadata") or {}).get("next_cursor") or ""
        if not where["cursor"]:
            return Lost("no cursor") if answer.get("has_more") else None


def takes(client: WebClient, blocks: Sequence[Mapping[str, Any]]) -> bool | None:
    """Whether Slack would take these blocks in a message; None if it does not say now.

    Nothing is posted. https://docs.slack.dev/reference/methods/blocks.validate
    """
    answer = call(client, "blocks.validate", blocks=list(blocks))
    if isinstance(answer, RateLimited | Lost):
        return None
    return not isinstance(answer, NotOk) and not answer.get("errors")


def socket_url(client: WebClient) -> str | Trouble:
    """A new address for one socket of Socket Mode; `client` carries the app token.

    It works once, for a short while, and is a secret: never log it. Asking opens no connection.
    https://docs.slack.dev/reference/methods/apps.connections.open
    """
    answer = call(client, "apps.connections.open")
    if isinstance(answer, Trouble):
        return answer
    return str(answer["url"]) if answer.get("url") else Lost("no address")


def said(trouble: Trouble) -> str:
    """Why a call was not carried out, in a few words."""
    return "Slack asks to wait" if isinstance(trouble, RateLimited) else trouble.error


def call(client: WebClient, method: str, **arguments: Any) -> Mapping[str, Any] | Trouble:
    """Make one call of the Web API. Never raises for anything Slack does."""
    return call_with_headers(client, method, **arguments)[0]


def call_with_headers(
    client: WebClient, method: str, **arguments: Any
) -> tuple[Mapping[str, Any] | Trouble, Mapping[str, str]]:
    """Like `call`, with the answer's headers, which list the scopes we were granted."""
    written = method.startswith(
        ("chat.", "views.", "blocks.")
    )  # reading methods take a form, not JSON
    try:
        answer = (
            client.api_call(method, json=arguments)
            if written
            else client.api_call(method, params=arguments)
        )
    except SlackApiError as error:
        return _trouble(error), {}
    except (OSError, HTTPException, SlackClientError, ValueError) as error:
        # ValueError: half a JSON document
        return Lost(type(error).__name__), {}
    found = answer.data
    return (found if isinstance(found, dict) else Lost("no JSON")), answer.headers


def _content(message: Message) -> dict[str, Any]:
    return {"channel": message.channel, "text": message.text, "blocks": list(message.blocks)}


def _found(there: Mapping[str, Any], message: Message) -> str:
    """The ts, or the id of the file, if what is there is this message; else empty."""
    if message.file:
        ours = (one["id"] for one in there.get("files", ()) if one.get("title") == message.title)
        return str(next(ours, ""))
    payload = (there.get("metadata") or {}).get("event_payload") or {}
    return str(there["ts"]) if payload.get("card_id") == message.key else ""


def _trouble(error: SlackApiError) -> Trouble:
    answer = error.response
    word = str(answer.get("error", "")) if isinstance(answer.data, dict) else ""
    if answer.status_code == 429 or word in ("ratelimited", "rate_limited"):
        return RateLimited(_seconds(answer.headers.get("Retry-After")))
    if not A_WORD.fullmatch(word):  # for a non-JSON answer, Slack's library puts the page here
        return Lost(f"no JSON, status {answer.status_code}")
    if answer.status_code >= 500 or word in AMBIGUOUS:
        return Lost(word)
    return NotOk(word)


def _seconds(header: str | None) -> int:
    return min(int(header), 600) if header and header.isdigit() else DEFAULT_WAIT
