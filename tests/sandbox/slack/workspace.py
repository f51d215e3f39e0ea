"""The state of the workspace and what changes it; every endpoint of the stand-in works on this."""

import copy
import itertools
import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.blockkit.lint import lint
from bot.blockkit.lint_blocks import Surface
from tests.sandbox.slack.kinds import (
    Channel,
    Ephemeral,
    Json,
    Message,
    RefusedError,
    Upload,
    View,
    Warned,
)
from tests.sandbox.slack.people import BOT_USER, CAST, ROBOT, Person
from tests.sandbox.world import World

TRIGGER_LIVES = timedelta(seconds=3)
RESPONSE_URL_LIVES = timedelta(minutes=30)
RESPONSE_URL_USES = 5


class Workspace:
    """Channels, messages, views and the short-lived keys to them. Hold `world.lock` to use it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.url = ""
        self.people: dict[str, Person] = {one.id: one for one in (*CAST, ROBOT)}
        self.groups: dict[str, list[str]] = {}
        self.channels: dict[str, Channel] = {}
        self.refused: set[str] = set()
        self.lint: list[str] = []
        self.messages: list[Message] = []
        self.uploads: dict[str, Upload] = {}
        self.ephemerals: list[Ephemeral] = []
        self.views: dict[str, View] = {}
        self.stacks: dict[str, list[str]] = {}
        self.homes: dict[str, View] = {}
        self.warnings: list[Warned] = []
        self.triggers: dict[str, _Trigger] = {}
        self.response_urls: dict[str, _ResponseUrl] = {}
        self._numbers = itertools.count(1)
        self._last_ts = 0

    def now(self) -> float:
        """Seconds since 1970."""
        return self.world.clock().timestamp()

    def look_over(self, what: str, payload: Json, surface: Surface) -> None:
        """Note what the product's own linter finds in what the app has sent."""
        self.lint += [f"{what}: {fault}" for fault in lint(payload, surface)]

    def new_ts(self) -> str:
        """A message id: seconds and microseconds, later than every other."""
        self._last_ts = max(int(self.now() * 1_000_000), self._last_ts + 1)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06}"

    def new_id(self, prefix: str) -> str:
        """An id as Slack's look, unique in this workspace."""
        return f"{prefix}{next(self._numbers):06X}{secrets.token_hex(2).upper()}"

    def add_channel(self, channel: Channel) -> Channel:
        """Open a channel; the bot and the home team are in it unless members are given."""
        team = {one.id for one in self.people.values() if one.id != "USTRANGER"}
        channel.members = channel.members or team
        self.channels[channel.id] = channel
        self.world.changed.bump()
        return channel

    def direct(self, user: str) -> Channel:
        """The direct message between the bot and a person, opened when first asked for."""
        if user not in self.people or user == BOT_USER:
            raise RefusedError("user_not_found")
        found = [one for one in self.channels.values() if one.user == user]
        return (
            found[0]
            if found
            else self.add_channel(
                Channel("D" + user[1:], self.people[user].name, {user, BOT_USER}, user=user)
            )
        )

    def channel(self, wanted: object) -> Channel:
        """A channel by id as the bot may know it. Raises RefusedError("channel_not_found")."""
        channel = self.channels.get(str(wanted))
        hidden = channel and channel.is_private and BOT_USER not in channel.members
        if channel is None or hidden:
            raise RefusedError("channel_not_found")
        return channel

    def message(self, channel: str, ts: object) -> Message:
        """A message that is still there. Raises RefusedError("message_not_found")."""
        for message in self.messages:
            if (message.channel, message.ts) == (channel, ts) and not message.deleted:
                return message
        raise RefusedError("message_not_found")

    def post(self, message: Message) -> Message:
        """Add a message with ids given to blocks and elements that have none."""
        message = replace(message, ts=self.new_ts(), blocks=self.named(message.blocks))
        self.messages.append(message)
        self.world.changed.bump()
        return message

    def change(self, message: Message, text: str, blocks: list[Json]) -> None:
        """Put other text and blocks into a message and remember the ones it had."""
        message.earlier.append(message.blocks)
        message.text, message.blocks = text, self.named(blocks)
        self.world.changed.bump()

    def whisper(self, private: Ephemeral) -> Ephemeral:
        """Show a message to one person only."""
        private = replace(private, ts=self.new_ts(), blocks=self.named(private.blocks))
        self.ephemerals.append(private)
        self.world.changed.bump()
        return private

    def warn(self, user: str, channel: str, ts: str, text: str) -> None:
        """Tell a person what their Slack client tells them when the app fails."""
        self.warnings.append(Warned(user, channel, ts, text))
        self.world.changed.bump()

    def forget_warnings(self, user: str, ts: str) -> None:
        """A new attempt takes away what the client said about the last one."""
        self.warnings = [one for one in self.warnings if (one.user, one.ts) != (user, ts)]

    def named(self, blocks: list[Json]) -> list[Json]:
        """A copy of the blocks in which each has a block_id and each element an action_id."""
        blocks = copy.deepcopy(blocks)
        for block in blocks:
            block.setdefault("block_id", secrets.token_urlsafe(4))
            for inside in (block.get("accessory"), block.get("element"), *_pressed(block)):
                if isinstance(inside, dict) and inside["type"] != "image":
                    inside.setdefault("action_id", secrets.token_urlsafe(4))
            if "child_blocks" in block:
                block["child_blocks"] = self.named(block["child_blocks"])
        return blocks

    def new_trigger(self, user: str) -> str:
        """A trigger_id: opens one modal within three seconds."""
        trigger = f"{next(self._numbers)}.{secrets.token_hex(4)}.{secrets.token_hex(16)}"
        self.triggers[trigger] = _Trigger(user, self.now() + TRIGGER_LIVES.total_seconds())
        return trigger

    def pull_trigger(self, trigger: object) -> str:
        """The person behind a trigger_id, which is used up by this. Raises RefusedError."""
        found = self.triggers.get(str(trigger))
        if found is None:
            raise RefusedError("invalid_trigger_id")
        if found.used:
            raise RefusedError("exchanged_trigger_id")
        if self.now() > found.until:
            raise RefusedError("expired_trigger_id")
        found.used = True
        return found.user

    def new_response_url(
        self, user: str, channel: str, source: "Message | Ephemeral | None"
    ) -> str:
        """The key of a response_url: five answers within thirty minutes."""
        key = secrets.token_urlsafe(18)
        until = self.now() + RESPONSE_URL_LIVES.total_seconds()
        self.response_urls[key] = _ResponseUrl(user, channel, source, until)
        return key

    def use_response_url(self, key: str) -> "_ResponseUrl":
        """What a response_url answers to, with one use taken. Raises RefusedError."""
        found = self.response_urls.get(key)
        if found is None or self.now() > found.until:
            raise RefusedError("expired_url")
        if found.left == 0:
            raise RefusedError("used_url")
        found.left -= 1
        return found

    def open_view(self, user: str) -> View | None:
        """The modal on top of what a person has open."""
        stack = self.stacks.get(user)
        return self.views[stack[-1]] if stack else None


class _Trigger:
    def __init__(self, user: str, until: float) -> None:
        self.user, self.until, self.used = user, until, False


class _ResponseUrl:
    def __init__(
        self, user: str, channel: str, source: Message | Ephemeral | None, until: float
    ) -> None:
        self.user, self.channel, self.source, self.until = user, channel, source, until
        self.left = RESPONSE_URL_USES


def _pressed(block: Json) -> list[Any]:
    return list(block["elements"]) if block["type"] == "actions" else []
