"""The shapes of Slack's requests; a signed request of any other shape is refused.

Only what Bolt and our handlers rely on is required; anything else that Slack adds passes. The
shapes are Slack's (docs: interaction payloads, slash commands, Events API).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from slack_bolt import BoltRequest

Id = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s\[\]]+$")]
Flag = bool | Literal["true", "false"]
"""Slack uses both forms."""
Object = dict[str, Any]
BODIES = frozenset({"application/json", "application/x-www-form-urlencoded"})


class OddPayload(ValueError):
    """Not a request that Slack makes; the message says why, without quoting it."""


class _Shape(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class _Named(_Shape):
    id: Id


class _Person(_Named):
    team_id: Id | None = None


class _Acting(_Shape):
    """What a person does with a card, a form or a page."""

    user: _Person
    team: _Named | None
    """null if the app is installed for a whole organisation."""
    api_app_id: Id | None = None
    enterprise: _Named | None = None
    is_enterprise_install: Flag | None = None
    channel: _Named | None = None
    response_url: Url | None = None
    response_urls: list[Object] = []


class _Pressed(_Shape):
    type: str
    action_id: str
    block_id: str
    value: str | None = None


class _View(_Shape):
    type: str
    callback_id: str
    private_metadata: str | None = None
    app_installed_team_id: Id | None = None
    state: Object | None = None


class _Click(_Acting):
    actions: Annotated[list[_Pressed], Field(min_length=1)]
    trigger_id: Id
    view: _View | None = None


class _Form(_Acting):
    view: _View


class _Happened(_Shape):
    type: str
    user: Id | Object | None = None
    channel: Id | Object | None = None


class _Authorization(_Shape):
    enterprise_id: Id | None = None
    team_id: Id | None = None
    user_id: Id | None = None
    is_enterprise_install: Flag | None = None


class _Event(_Shape):
    team_id: Id
    api_app_id: Id | None = None
    event: _Happened
    authorizations: list[_Authorization] | None = None
    is_ext_shared_channel: bool | None = None


class _Verification(_Shape):
    challenge: str


class _Command(_Shape):
    """A form: all of its fields are text."""

    command: str
    text: str = ""
    user_id: Id
    team_id: Id
    channel_id: Id
    api_app_id: Id | None = None
    response_url: Url | None = None


class _Check(_Shape):
    ssl_check: str


SHAPES: Mapping[str, type[_Shape]] = {
    "block_actions": _Click,
    "view_submission": _Form,
    "view_closed": _Form,
    "event_callback": _Event,
    "url_verification": _Verification,
}
"""Payload `type` → shape; forms without a type are a command or a check of our certificate."""


def request(body: bytes, headers: Mapping[str, str]) -> BoltRequest:
    """The request as Bolt reads it. Raises OddPayload if it is not one of Slack's."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in BODIES:
        raise OddPayload("it is neither JSON nor a form")
    try:
        read = BoltRequest(body=body.decode(), headers=dict(headers))
    except Exception as error:  # noqa: BLE001 - Bolt stumbles over odd bodies in many ways
        raise OddPayload(f"it cannot be read ({type(error).__name__})") from None
    _checked(read.body)
    return read


def enveloped(payload: object, headers: Mapping[str, str]) -> BoltRequest:
    """Like `request`, for a payload from a socket, which is decoded already. Raises OddPayload."""
    body = _checked(payload)
    return BoltRequest(mode="socket_mode", body=body, headers=dict(headers))


def _checked(body: object) -> Object:
    if not isinstance(body, dict):
        raise OddPayload("it is no object")
    if not _plain(body):
        raise OddPayload("it holds text that no person can type")
    try:
        _shape_of(body).model_validate(body)
    except ValidationError as error:
        raise OddPayload(
            "these do not fit: " + ", ".join(sorted(map(_place, error.errors())))
        ) from None
    return body


def _shape_of(body: Object) -> type[_Shape]:
    if "type" not in body:
        return _Check if "ssl_check" in body else _Command
    kind = body["type"]
    if not isinstance(kind, str) or kind not in SHAPES:
        raise OddPayload("it is of a type that is not handled")
    return SHAPES[kind]


def _place(error: Mapping[str, Any]) -> str:
    """Where a validation error is, using the names of our own shapes only."""
    return ".".join(str(part) for part in error["loc"])


def _plain(value: object) -> bool:
    """Whether it is free of NUL and lone surrogates, which no database can store."""
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, str) and ("\0" in one or not _whole(one)):
            return False
        if isinstance(one, dict):
            left += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            left += one
    return True


def _whole(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)
