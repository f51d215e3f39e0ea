"""What the workspace is made of: channels, messages, private answers, views."""

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


class RefusedError(Exception):
    """The Web API says no: `ok` false with this error code and these details."""

    def __init__(self, error: str, **details: Any) -> None:
        super().__init__(error)
        self.error, self.details = error, details


@dataclass
class Channel:
    """A channel or a direct message (then `user` is the person on the other side)."""

    id: str
    name: str
    members: set[str] = field(default_factory=set)
    is_private: bool = True
    user: str = ""
    is_ext_shared: bool = False
    is_pending_ext_shared: bool = False
    is_org_shared: bool = False
    is_archived: bool = False

    @property
    def kind(self) -> str:
        """`im`, `groups` or `channels`: the word that begins the scopes for it."""
        if self.user:
            return "im"
        return "groups" if self.is_private else "channels"


@dataclass
class Message:
    """A message; `earlier` keeps the blocks it had before, for clicks that come too late."""

    channel: str
    ts: str
    user: str
    text: str
    blocks: list[Json]
    thread_ts: str | None = None
    metadata: Json | None = None
    edited: str | None = None
    deleted: bool = False
    broadcast: bool = False
    files: list[Json] = field(default_factory=list)
    earlier: list[list[Json]] = field(default_factory=list)


@dataclass
class Upload:
    """A file on its way: asked for, then sent to its address, then shared."""

    id: str
    name: str
    length: int
    content: bytes | None = None
    shared: bool = False


@dataclass
class Ephemeral:
    """A message that one person sees ("Only visible to you")."""

    user: str
    channel: str
    ts: str
    sender: str
    text: str
    blocks: list[Json]
    thread_ts: str | None = None
    deleted: bool = False


@dataclass
class View:
    """A modal or Home tab as one person has it before them.

    `values` is what the person has put in, as `state.values` carries it.
    """

    id: str
    user: str
    content: Json
    hash: str
    values: Json = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    root_id: str = ""
    previous_id: str | None = None
    warning: str = ""


@dataclass
class Warned:
    """What Slack's client tells a person when the app did not answer well."""

    user: str
    channel: str
    ts: str
    text: str
