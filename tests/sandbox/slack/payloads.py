"""The interaction payloads, command forms and events that Slack sends."""

from dataclasses import dataclass

from tests.sandbox.slack import chat, views
from tests.sandbox.slack.kinds import Channel, Ephemeral, Json, Message, View
from tests.sandbox.slack.people import APP, BOT_USER, OTHER_TEAM, TEAM, TEAM_DOMAIN, Person
from tests.sandbox.slack.values import FILLED, first_values
from tests.sandbox.slack.workspace import Workspace

VERIFICATION_TOKEN = "deprecated-verification-token"
COPIED = ("type", "action_id", "text", "value", "style", "confirm", "placeholder")


@dataclass
class Press:
    """A person used an element; `state` is what it holds now where it holds something."""

    person: Person
    block: Json
    element: Json
    state: Json

    def action(self, ts: str) -> Json:
        """The entry of `actions`."""
        copied = {name: self.element[name] for name in COPIED if name in self.element}
        return copied | self.state | {"block_id": self.block["block_id"], "action_ts": ts}


def _common(kind: str, person: Person) -> Json:
    # In a shared channel `team` is the home of the app; the person's own is in `user`.
    user = {
        "id": person.id,
        "username": person.name,
        "name": person.name,
        "team_id": person.team,
    }
    return {
        "type": kind,
        "user": user,
        "api_app_id": APP,
        "token": VERIFICATION_TOKEN,
        "team": {"id": TEAM, "domain": TEAM_DOMAIN},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def pressed_in_message(
    space: Workspace, press: Press, source: Message | Ephemeral, response_url: str
) -> Json:
    """block_actions from a message; an ephemeral one does not carry its own content."""
    private = isinstance(source, Ephemeral)
    channel = space.channels[source.channel]
    container: Json = {
        "type": "message",
        "message_ts": source.ts,
        "channel_id": channel.id,
        "is_ephemeral": private,
    }
    if source.thread_ts:
        container["thread_ts"] = source.thread_ts
    payload = _common("block_actions", press.person) | {
        "container": container,
        "trigger_id": space.new_trigger(press.person.id),
        "channel": {"id": channel.id, "name": _channel_name(channel)},
        "state": {"values": _state_of(source, press)},
        "response_url": response_url,
        "actions": [press.action(space.new_ts())],
    }
    if isinstance(source, Message):
        payload["message"] = chat.shown(space, source)
    return payload


def pressed_in_view(space: Workspace, press: Press, view: View) -> Json:
    """block_actions from a modal or the Home tab: no channel and no response_url."""
    return _common("block_actions", press.person) | {
        "container": {"type": "view", "view_id": view.id},
        "trigger_id": space.new_trigger(press.person.id),
        "view": views.shown(view),
        "actions": [press.action(space.new_ts())],
    }


def submitted(space: Workspace, person: Person, view: View) -> Json:
    """view_submission."""
    return _common("view_submission", person) | {
        "trigger_id": space.new_trigger(person.id),
        "view": views.shown(view),
        "response_urls": [],
    }


def closed(person: Person, view: View, *, cleared: bool) -> Json:
    """view_closed."""
    return _common("view_closed", person) | {"view": views.shown(view), "is_cleared": cleared}


def command_form(space: Workspace, person: Person, channel: Channel, text: str) -> dict[str, str]:
    """The fields of a slash command, its response_url left out."""
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": TEAM if person.team == TEAM else OTHER_TEAM,
        "team_domain": TEAM_DOMAIN,
        "channel_id": channel.id,
        "channel_name": _channel_name(channel),
        "user_id": person.id,
        "user_name": person.name,
        "command": "/overdue",
        "text": text,
        "api_app_id": APP,
        "is_enterprise_install": "false",
        "trigger_id": space.new_trigger(person.id),
    }


def home_opened(space: Workspace, person: Person) -> Json:
    """The app_home_opened event in its envelope."""
    home = space.homes.get(person.id)
    event: Json = {
        "type": "app_home_opened",
        "user": person.id,
        "channel": space.direct(person.id).id,
        "tab": "home",
        "event_ts": space.new_ts(),
    }
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": TEAM,
        "api_app_id": APP,
        "event": event | ({"view": views.shown(home)} if home else {}),
        "type": "event_callback",
        "event_id": space.new_id("Ev"),
        "event_time": int(space.now()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": TEAM,
                "user_id": BOT_USER,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
    }


def _channel_name(channel: Channel) -> str:
    if channel.user:
        return "directmessage"
    return "privategroup" if channel.is_private else channel.name


def _state_of(source: Message | Ephemeral, press: Press) -> Json:
    values = first_values(source.blocks)
    ids = press.block["block_id"], press.element["action_id"]
    if press.element["type"] in FILLED and ids[1] in values.get(ids[0], {}):
        values[ids[0]][ids[1]] = {"type": press.element["type"], **press.state}
    return values
