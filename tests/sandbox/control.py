"""The control calls at `/_`: look at the world, and change it as its people would."""

from collections.abc import Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute


class NotPossibleError(Exception):
    """A control call asks for something the world cannot do; its text is the answer (400)."""


async def body_of(request: Request) -> dict[str, Any]:
    """The JSON object of a control call. Raises NotPossibleError for anything else."""
    try:
        body = await request.json()
    except ValueError as error:
        raise NotPossibleError("the body must be JSON") from error
    if not isinstance(body, dict):
        raise NotPossibleError("the body must be a JSON object")
    return body


def wanted(body: dict[str, Any], name: str) -> str:
    """A field that must be there, as text. Raises NotPossibleError."""
    value = body.get(name)
    if value is None or isinstance(value, (dict, list, bool)) or str(value) == "":
        raise NotPossibleError(f"{name} is missing")
    return str(value)


def control_app(routes: Sequence[BaseRoute]) -> Starlette:
    """The control calls as one app; what is not possible is answered 400 with the reason."""
    return Starlette(routes=routes, exception_handlers={NotPossibleError: _not_possible})


async def _not_possible(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)
