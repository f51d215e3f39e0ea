"""From Slack to the product: signed requests, or envelopes where the app is in Socket Mode.

Either is given up after three seconds.
"""

import hashlib
import hmac
import json
import ssl
from dataclasses import dataclass
from urllib.parse import urlencode

import httpx

from tests.sandbox.control import NotPossibleError
from tests.sandbox.slack.kinds import Json
from tests.sandbox.slack.socket_mode import Kind, Sockets
from tests.sandbox.world import World

PATIENCE = 3.0
TLS = ssl.create_default_context()  # made once: it costs more than a request on loopback
PATH = "/slack/events"


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """The X-Slack-Signature of a body (version 0 of Slack's scheme)."""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


@dataclass
class Answer:
    """What came back; status 0 when nothing did within three seconds."""

    status: int
    body: bytes = b""
    content_type: str = ""

    @property
    def ok(self) -> bool:
        """Did the app acknowledge?"""
        return 200 <= self.status < 300

    def content(self) -> Json:
        """The JSON object of the answer; plain text becomes its `text`. Empty for no content."""
        if not self.body.strip():
            return {}
        try:
            found = json.loads(self.body)
        except ValueError:
            found = None
        return found if isinstance(found, dict) else {"text": self.body.decode(errors="replace")}


class Delivery:
    """The way from Slack to one app."""

    def __init__(self, world: World, public_url: str, secret: str, sockets: Sockets) -> None:
        self.world, self.public_url, self.secret = world, public_url, secret
        self.sockets = sockets

    async def form(self, fields: dict[str, str]) -> Answer:
        """Interactivity and commands: never sent twice."""
        if self.sockets.enabled:
            if "payload" in fields:
                return await self._deliver("interactive", json.loads(fields["payload"]))
            return await self._deliver("slash_commands", dict(fields))
        body = urlencode(fields).encode()
        return await self._send(body, "application/x-www-form-urlencoded", {})

    async def event(self, envelope: Json) -> Answer:
        """An event: JSON, tried once more at once when it is not acknowledged.

        Slack's later retries (after one and five minutes) are left out.
        """
        if self.sockets.enabled:
            first = await self._deliver("events_api", envelope)
            return first if first.ok else await self._deliver("events_api", envelope, attempt=1)
        body = json.dumps(envelope).encode()
        answer = await self._send(body, "application/json", {})
        if answer.ok:
            return answer
        reason = "http_error" if answer.status else "http_timeout"
        again = {"X-Slack-Retry-Num": "1", "X-Slack-Retry-Reason": reason}
        return await self._send(body, "application/json", again)

    async def _deliver(self, kind: Kind, payload: Json, attempt: int = 0) -> Answer:
        found = await self.sockets.deliver(kind, payload, attempt)
        if found is None:
            return Answer(0)
        return Answer(200, json.dumps(found).encode() if found else b"", "application/json")

    async def _send(self, body: bytes, content_type: str, extra: dict[str, str]) -> Answer:
        if not self.public_url:
            raise NotPossibleError("no app is listening: the sandbox does not know its address")
        timestamp = str(int(self.world.clock().timestamp()))
        headers = {
            "Content-Type": content_type,
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": signature(self.secret, timestamp, body),
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        } | extra
        return await _post(self.public_url.rstrip("/") + PATH, body, headers)


async def _post(url: str, body: bytes, headers: dict[str, str]) -> Answer:
    try:
        async with httpx.AsyncClient(timeout=PATIENCE, verify=TLS, trust_env=False) as client:
            response = await client.post(url, content=body, headers=headers)
    except httpx.TransportError:
        return Answer(0)
    kind = response.headers.get("content-type", "")
    return Answer(response.status_code, response.content, kind)
