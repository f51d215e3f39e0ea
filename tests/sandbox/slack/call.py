"""One call of the Web API: who is asking, and with which arguments."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from tests.sandbox.slack.blocks import Surface, faults_in_blocks, faults_in_view, too_large
from tests.sandbox.slack.kinds import Json, RefusedError


@dataclass
class Call:
    """Arguments as Slack reads them: JSON bodies with types, forms and queries with strings."""

    args: Json
    token: str
    origin: str

    def text_of(self, name: str, error: str = "invalid_arguments") -> str:
        """An argument that must be a non-empty string. Raises RefusedError(error)."""
        value = self.args.get(name)
        if not isinstance(value, str) or not value:
            raise RefusedError(error, **_explained(f"missing required field: {name}"))
        return value

    def flag(self, name: str) -> bool:
        """A boolean argument; forms say `1` and `true`."""
        return self.args.get(name) in (True, "1", "true", "True")

    def number(self, name: str, default: int) -> int:
        """A whole number. Raises RefusedError("invalid_arguments")."""
        try:
            return int(self.args.get(name, default))
        except (TypeError, ValueError) as error:
            raise RefusedError(
                "invalid_arguments", **_explained(f"{name} must be an integer")
            ) from error

    def parsed(self, name: str) -> Any:
        """An argument that is JSON, also where a form carries it as a string."""
        value = self.args.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError as error:
            raise RefusedError("invalid_arguments", **_explained(f"{name} is not JSON")) from error

    def message_text(self) -> str:
        """The top-level text, which screen readers and notifications depend on."""
        return self.text_of("text", "no_text")

    def blocks(self, surface: Surface = "message") -> list[Json]:
        """The blocks, checked. Raises RefusedError("invalid_blocks") with every fault."""
        return checked_blocks(self.parsed("blocks") or [], surface)

    def view(self) -> Json:
        """The view, checked. Raises RefusedError."""
        return checked_view(self.parsed("view"))

    def metadata(self) -> Json | None:
        """Message metadata: an event type and a flat object of opaque ids. Raises RefusedError."""
        found = self.parsed("metadata")
        if not found:
            return None
        payload = found.get("event_payload") if isinstance(found, dict) else None
        if not isinstance(payload, dict) or not isinstance(found.get("event_type"), str):
            raise RefusedError("invalid_metadata_format")
        if len(json.dumps(found)) > LARGEST_METADATA:
            raise RefusedError("metadata_too_large")
        return {"event_type": found["event_type"], "event_payload": payload}


LARGEST_METADATA = 4000  # Slack publishes no number; ids fit many times over


def checked_blocks(blocks: object, surface: Surface = "message") -> list[Json]:
    """Blocks that Slack would take. Raises RefusedError("invalid_blocks")."""
    faults = faults_in_blocks(blocks, surface)
    if faults:
        raise RefusedError("invalid_blocks", errors=faults, **_explained(*faults))
    assert isinstance(blocks, list)
    return blocks


def checked_view(view: object) -> Json:
    """A view that Slack would take. Raises RefusedError."""
    faults = faults_in_view(view)
    if faults:
        raise RefusedError("invalid_arguments", errors=faults, **_explained(*faults))
    if too_large(view):
        raise RefusedError("view_too_large")
    assert isinstance(view, dict)
    return view


def _explained(*faults: str) -> Json:
    return {"response_metadata": {"messages": [f"[ERROR] {fault}" for fault in faults]}}


async def call_from(request: Request) -> Call:
    """Read a request of any of the three encodings. Raises RefusedError for a broken body."""
    args: Json = dict(request.query_params)
    args |= _body(await request.body(), request.headers.get("content-type", ""))
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    token = bearer if scheme == "Bearer" else str(args.pop("token", ""))
    return Call(args, token, origin_of(request))


def origin_of(request: Request) -> str:
    """Scheme, host and port under which the caller reached us."""
    return f"{request.url.scheme}://{request.url.netloc}"


def _body(body: bytes, content_type: str) -> Json:
    kind = content_type.partition(";")[0].strip()
    if not body:
        return {}
    if kind == "application/json":
        return _json_object(body)
    if kind == "application/x-www-form-urlencoded":
        return dict(parse_qsl(body.decode(), keep_blank_values=True))
    raise RefusedError("invalid_post_type")


def _json_object(body: bytes) -> Json:
    try:
        found = json.loads(body)
    except ValueError as error:
        raise RefusedError("invalid_json") from error
    if not isinstance(found, dict):
        raise RefusedError("json_not_object")
    return found
