"""Slack's end of Socket Mode: the websockets that an app has opened, and envelopes over them."""

import asyncio
import contextlib
import json
import secrets
from dataclasses import dataclass, field
from itertools import count
from typing import Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.sandbox.control import NotPossibleError, body_of
from tests.sandbox.faults import cut
from tests.sandbox.slack.kinds import Json
from tests.sandbox.world import World

MOST = 10
"""So many sockets one app may have open."""
PATIENCE = 3.0
"""Seconds that an envelope waits for its ack."""
Kind = Literal["interactive", "slash_commands", "events_api"]
WITH_ANSWER = frozenset({"view_submission", "view_closed", "block_suggestion"})
"""The interactive payloads whose ack may carry an answer; a command's may too."""


@dataclass
class Line:
    """One open socket, and what was sent over it and is not acked yet."""

    socket: WebSocket
    number: int
    leaving: bool = False
    """It was told to go: nothing new is sent over it."""
    waiting: dict[str, "asyncio.Future[Json]"] = field(default_factory=dict)


@dataclass
class Ended:
    """How a socket ended: the close code that the app sent, or 1006 where it just vanished."""

    number: int
    code: int
    unacked: int


class Sockets:
    """All sockets of one app. Each envelope goes over one of them, in turn.

    `enabled` is the switch in the app's settings: with it on, nothing is sent over HTTP.
    """

    def __init__(self, world: World) -> None:
        self.world, self.enabled = world, False
        self.lines: list[Line] = []
        self.ended: list[Ended] = []
        self.sent: list[tuple[str, int]] = []
        """Each envelope with the number of its socket."""
        self.next_address = ""
        """What apps.connections.open answers once instead of an address of ours."""
        self._tickets: set[str] = set()
        self._numbers, self._turns = count(1), count()

    def routes(self) -> list[WebSocketRoute]:
        """`/link`, where the address of apps.connections.open leads."""
        return [WebSocketRoute("/link", self._link)]

    def control(self) -> list[Route]:
        """`POST /slack/sockets`: see `_order`."""
        return [Route("/slack/sockets", self._order, methods=["POST"])]

    def address(self, origin: str) -> str:
        """A new address for one socket."""
        if odd := self.next_address:
            self.next_address = ""
            return odd
        ticket = secrets.token_urlsafe(12)
        self._tickets.add(ticket)
        scheme, _, host = origin.partition("://")
        return f"{'wss' if scheme == 'https' else 'ws'}://{host}/slack/link?ticket={ticket}"

    async def deliver(self, kind: Kind, payload: Json, attempt: int = 0) -> Json | None:
        """The answer in the ack of one envelope; None where none came within three seconds.

        Raises ValueError for an ack with an answer that Slack does not take.
        """
        open_ones = [line for line in self.lines if not line.leaving]
        if not open_ones:
            return None
        line = open_ones[next(self._turns) % len(open_ones)]
        envelope, answering = self._envelope(kind, payload, attempt)
        acked: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        line.waiting[envelope["envelope_id"]] = acked
        self.sent.append((envelope["envelope_id"], line.number))
        await line.socket.send_text(json.dumps(envelope))
        try:
            answer = await asyncio.wait_for(acked, PATIENCE)
        except (TimeoutError, asyncio.CancelledError):
            return None
        finally:
            line.waiting.pop(envelope["envelope_id"], None)
        if "payload" in answer and not answering:
            raise ValueError(f"an ack of {kind} carries an answer that it may not have")
        return dict(answer.get("payload") or {})

    @staticmethod
    def _envelope(kind: Kind, payload: Json, attempt: int) -> tuple[Json, bool]:
        answering = kind == "slash_commands" or payload.get("type") in WITH_ANSWER
        envelope: Json = {"envelope_id": secrets.token_hex(16), "type": kind, "payload": payload}
        envelope["accepts_response_payload"] = answering
        if kind == "events_api":
            envelope["retry_attempt"] = attempt
            envelope["retry_reason"] = "timeout" if attempt else ""
        return envelope, answering

    async def _link(self, socket: WebSocket) -> None:
        ticket = socket.query_params.get("ticket", "")
        if ticket not in self._tickets:
            await socket.close()  # before it is accepted: 403
            return
        self._tickets.discard(ticket)
        await socket.accept()
        if reason := self._unwelcome():
            await socket.send_json(_goodbye(reason))
            await socket.close()
            return
        line = Line(socket, next(self._numbers))
        await socket.send_json(
            {"type": "hello", "num_connections": len(self.lines) + 1, "debug_info": {}}
        )
        self.lines.append(line)
        self.world.changed.bump()
        await self._read(line)

    def _unwelcome(self) -> str:
        if not self.enabled:
            return "link_disabled"
        return "too_many_websockets" if len(self.lines) >= MOST else ""

    async def _read(self, line: Line) -> None:
        code = 1006
        try:
            while True:
                self._acked(line, json.loads(await line.socket.receive_text()))
        except WebSocketDisconnect as gone:
            code = gone.code
        finally:
            self.lines.remove(line)
            self.ended.append(Ended(line.number, code, len(line.waiting)))
            for waiting in line.waiting.values():
                waiting.cancel()
            self.world.changed.bump()

    def _acked(self, line: Line, ack: Json) -> None:
        """Acks are taken on the socket that the envelope came by, once, and nothing else is."""
        waiting = line.waiting.pop(str(ack.get("envelope_id")), None)
        if waiting is not None and not waiting.done():
            waiting.set_result(ack)

    async def _order(self, request: Request) -> Response:
        """`{"say": REASON}` tells every open socket to go; `{"end": "close" | "cut"}` ends all.

        `{"raw": TEXT}` is sent as it is. `"leaving": true` concerns only those told to go before.
        """
        body = await body_of(request)
        reason, end = body.get("say", ""), body.get("end", "")
        if end not in ("", "close", "cut"):
            raise NotPossibleError("end must be close or cut")
        for line in [one for one in self.lines if one.leaving or not body.get("leaving")]:
            if "raw" in body:
                await line.socket.send_text(str(body["raw"]))
            if reason:
                line.leaving = True
                await line.socket.send_json(_goodbye(str(reason)))
            if end == "cut":
                cut(line.socket.scope, hard=False)
            elif end == "close":
                with contextlib.suppress(RuntimeError):  # it has gone meanwhile
                    await line.socket.close()
        return JSONResponse({"sockets": len(self.lines)})


def _goodbye(reason: str) -> Json:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": "wss-sandbox"}}
