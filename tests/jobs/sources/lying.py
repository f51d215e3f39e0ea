"""A gateway before a stand-in that answers in its place: what no honest service would send."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send


class Lying:
    """ASGI middleware; `say` puts an answer in place of every one whose path has `match` in it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._lies: dict[str, Response] = {}

    def say(
        self, match: str, body: Any, headers: Mapping[str, str] | None = None, status: int = 200
    ) -> None:
        """Answer so from now on; text and bytes go as they are, everything else as JSON."""
        content = body if isinstance(body, (str, bytes)) else json.dumps(body)
        kind = {"Content-Type": "application/json"}
        self._lies[match] = Response(content, status, {**kind, **(headers or {})})

    def unsay(self, match: str) -> None:
        """Let the honest answers through again."""
        del self._lies[match]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        lies = (lie for match, lie in self._lies.items() if match in scope.get("path", ""))
        await next(lies, self.app)(scope, receive, send)
