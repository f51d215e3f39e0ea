"""The methods that only look: users, user groups, conversations."""

from tests.sandbox.slack import chat
from tests.sandbox.slack.call import Call
from tests.sandbox.slack.kinds import Channel, Json, Message, RefusedError
from tests.sandbox.slack.people import (
    APP,
    BOT,
    BOT_NAME,
    BOT_USER,
    OTHER_TEAM,
    TEAM,
    TEAM_NAME,
    as_user,
)
from tests.sandbox.slack.workspace import Workspace


def auth_test(_: Workspace, call: Call) -> Json:
    """auth.test."""
    return {
        "url": f"{call.origin}/",
        "team": TEAM_NAME,
        "user": BOT_NAME,
        "team_id": TEAM,
        "user_id": BOT_USER,
        "bot_id": BOT,
        "is_enterprise_install": False,
    }


def bot_info(_: Workspace, call: Call) -> Json:
    """bots.info."""
    if call.text_of("bot", "bot_not_found") != BOT:
        raise RefusedError("bot_not_found")
    return {"bot": {"id": BOT, "app_id": APP, "user_id": BOT_USER, "name": BOT_NAME}}


def user_info(space: Workspace, call: Call) -> Json:
    """users.info."""
    person = space.people.get(call.text_of("user", "user_not_found"))
    if person is None:
        raise RefusedError("user_not_found")
    user = as_user(person, with_locale=call.flag("include_locale"))
    return {"user": user | {"profile": user["profile"] | {"email": person.email}}}


def user_at_address(space: Workspace, call: Call) -> Json:
    """users.lookupByEmail: only whoever has an account now, and no robots."""
    email = call.text_of("email", "users_not_found").lower()
    for person in space.people.values():
        if person.email == email and not (person.is_deactivated or person.is_bot):
            user = as_user(person)
            return {"user": user | {"profile": user["profile"] | {"email": person.email}}}
    raise RefusedError("users_not_found")


def group_users(space: Workspace, call: Call) -> Json:
    """usergroups.users.list."""
    group = call.text_of("usergroup", "no_such_subteam")
    if group not in space.groups:
        raise RefusedError("no_such_subteam")
    return {"users": list(space.groups[group])}


def conversation_info(space: Workspace, call: Call) -> Json:
    """conversations.info."""
    channel = space.channel(call.text_of("channel", "channel_not_found"))
    return {"channel": as_conversation(channel)}


def as_conversation(channel: Channel) -> Json:
    """A channel as conversations.info describes it."""
    body: Json = {
        "id": channel.id,
        "is_im": bool(channel.user),
        "is_channel": channel.kind == "channels",
        "is_group": channel.kind == "groups",
        "is_private": channel.is_private,
        "is_archived": channel.is_archived,
        "is_member": BOT_USER in channel.members,
        "is_shared": channel.is_ext_shared or channel.is_org_shared,
        "is_ext_shared": channel.is_ext_shared,
        "is_pending_ext_shared": channel.is_pending_ext_shared,
        "is_org_shared": channel.is_org_shared,
        "context_team_id": TEAM,
        "shared_team_ids": [TEAM, OTHER_TEAM] if channel.is_ext_shared else [TEAM],
        "num_members": len(channel.members),
        "created": 1_764_000_000,
    }
    return body | ({"user": channel.user} if channel.user else {"name": channel.name})


def open_conversation(space: Workspace, call: Call) -> Json:
    """conversations.open with one person: the direct message's own id."""
    channel = space.direct(call.text_of("users", "users_list_not_supplied"))
    return {"channel": {"id": channel.id}}


def history(space: Workspace, call: Call) -> Json:
    """conversations.history: newest first, without what stands only in threads."""
    channel = _readable(space, call)
    shown_there = [
        one
        for one in space.messages
        if one.channel == channel.id and (one.broadcast or not one.thread_ts)
    ]
    return _page(space, call, [one for one in reversed(shown_there) if not one.deleted])


def replies(space: Workspace, call: Call) -> Json:
    """conversations.replies: the parent, then its thread, oldest first."""
    channel = _readable(space, call)
    try:
        parent = space.message(channel.id, call.text_of("ts", "thread_not_found"))
    except RefusedError as refused:
        raise RefusedError("thread_not_found") from refused
    return _page(space, call, [parent, *chat.replies_to(space, parent)])


def _readable(space: Workspace, call: Call) -> Channel:
    channel = space.channel(call.text_of("channel", "channel_not_found"))
    if BOT_USER not in channel.members:
        raise RefusedError("not_in_channel")
    return channel


def _page(space: Workspace, call: Call, found: list[Message]) -> Json:
    oldest, latest = float(call.args.get("oldest") or 0), float(call.args.get("latest") or "inf")
    inside = [one for one in found if _between(one, oldest, latest, call.flag("inclusive"))]
    start = call.number("cursor", 0) if call.args.get("cursor") else 0
    end = start + min(max(call.number("limit", 100), 1), 999)
    metadata = call.flag("include_all_metadata")
    return {
        "messages": [chat.shown(space, m, with_metadata=metadata) for m in inside[start:end]],
        "has_more": end < len(inside),
        "response_metadata": {"next_cursor": str(end) if end < len(inside) else ""},
    }


def _between(message: Message, oldest: float, latest: float, inclusive: bool) -> bool:
    ts = float(message.ts)
    return oldest <= ts <= latest if inclusive else oldest < ts < latest
