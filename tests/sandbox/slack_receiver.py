"""A small app at the other end of the signed requests, for tests of the stand-in itself."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from slack_sdk.signature import SignatureVerifier
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Reply = Callable[[dict[str, Any]], Any]


@dataclass
class Receiver:
    """Answers `POST /slack/events`: checks the signature, keeps the payload, asks `reply`.

    `reply` gives None for an empty acknowledgement, an object for a JSON one, or a status.
    """

    secret: str
    reply: Reply = lambda payload: None
    heard: list[dict[str, Any]] = field(default_factory=list)

    def app(self) -> Starlette:
        """The app to serve."""
        return Starlette(routes=[Route("/slack/events", self._hear, methods=["POST"])])

    async def _hear(self, request: Request) -> Response:
        body = await request.body()
        if not SignatureVerifier(self.secret).is_valid_request(body, dict(request.headers)):
            return Response(status_code=401)
        payload = _payload(body.decode(), request.headers["content-type"])
        self.heard.append(payload)
        answer = await run_in_threadpool(self.reply, payload)
        if isinstance(answer, int):
            return Response(status_code=answer)
        return Response() if answer is None else JSONResponse(answer)


def _payload(body: str, content_type: str) -> dict[str, Any]:
    if content_type == "application/json":
        return dict(json.loads(body))
    form = dict(parse_qsl(body, keep_blank_values=True))
    return dict(json.loads(form["payload"])) if "payload" in form else dict(form)
