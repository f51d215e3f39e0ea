"""The page a person sees: plain files, and the state of the world they draw."""

from collections.abc import Callable
from mimetypes import guess_type
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.sandbox.world import World

FILES = Path(__file__).parent / "page"
REQUESTS_SHOWN = 200
# Nothing from elsewhere may run or be fetched, whatever a customer writes into a name; images
# that a message names are the exception that Slack makes too.
POLICY = "default-src 'self'; img-src 'self' data: https:; object-src 'none'; base-uri 'none'"
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


class Page:
    """Mount it at "/". `product` tells of each of the product's companies how it is run there."""

    name = "page"

    def __init__(self, world: World) -> None:
        self.world = world
        self.product: Callable[[], list[dict[str, str]]] = list

    def app(self) -> Starlette:
        """`/`, its files, and `/state`: the world with only the latest requests."""
        return Starlette(
            routes=[
                Route("/", self._index),
                Route("/state", self._state),
                Route("/archives/{channel}/{message}", self._message),
                Route("/{name}", self._file),
            ]
        )

    def snapshot(self) -> dict[str, Any]:
        """It has no state of its own."""
        return {}

    def control(self) -> list[Route]:
        """It uses the control calls of the others."""
        return []

    def _index(self, _: Request) -> Response:
        return _whole(FILES / "index.html")

    def _state(self, _: Request) -> Response:
        state = self.world.snapshot()
        state["requests"] = state["requests"][-REQUESTS_SHOWN:]
        state["product"] = self.product()
        return JSONResponse(state, headers=HEADERS)

    def _message(self, request: Request) -> Response:
        """A permalink: the page finds the message by itself."""
        return RedirectResponse(f"/#{request.url.path}")

    def _file(self, request: Request) -> Response:
        wanted = request.path_params["name"]
        if wanted not in {file.name for file in FILES.iterdir()}:
            return Response("There is no such file.\n", 404)
        return _whole(FILES / wanted)


def _whole(file: Path) -> Response:
    """At once: a browser that leaves in the middle of a file would leave it open."""
    kind, _ = guess_type(file.name)
    return Response(file.read_bytes(), media_type=kind, headers=HEADERS)
