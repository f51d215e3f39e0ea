"""The views.* methods: modals and the Home tab."""

import secrets

from tests.sandbox.slack.call import Call
from tests.sandbox.slack.kinds import Json, RefusedError, View
from tests.sandbox.slack.people import APP, BOT, BOT_USER, TEAM
from tests.sandbox.slack.values import first_values, kept_values
from tests.sandbox.slack.workspace import Workspace

DEEPEST = 3


def shown(view: View) -> Json:
    """A view as the Web API and the interaction payloads carry it."""
    absent: Json = {
        "callback_id": "",
        "private_metadata": "",
        "external_id": "",
        "clear_on_close": False,
        "notify_on_close": False,
        "submit": None,
        "close": None,
    }
    own = {
        "id": view.id,
        "team_id": TEAM,
        "app_id": APP,
        "app_installed_team_id": TEAM,
        "bot_id": BOT,
        "hash": view.hash,
        "state": {"values": view.values},
        "root_view_id": view.root_id or view.id,
        "previous_view_id": view.previous_id,
    }
    return absent | view.content | own


def open_view(space: Workspace, call: Call) -> Json:
    """views.open."""
    content = call.view()
    if content["type"] != "modal":
        raise RefusedError("invalid_arguments")
    user = space.pull_trigger(call.text_of("trigger_id"))
    return {"view": shown(put_on_top(space, user, content, alone=True))}


def push_view(space: Workspace, call: Call) -> Json:
    """views.push: at most three deep."""
    content = call.view()
    user = space.pull_trigger(call.text_of("trigger_id"))
    return {"view": shown(put_on_top(space, user, content, alone=False))}


def update_view(space: Workspace, call: Call) -> Json:
    """views.update by view_id or external_id; a stale hash is a conflict."""
    content = call.view()
    view = _wanted(space, call)
    if call.args.get("hash") not in (None, "", view.hash):
        raise RefusedError("hash_conflict")
    return {"view": shown(fill(space, view, content))}


def publish_view(space: Workspace, call: Call) -> Json:
    """views.publish: the Home tab of one person."""
    content = call.view()
    if content["type"] != "home":
        raise RefusedError("invalid_arguments")
    user = call.text_of("user_id", "user_not_found")
    if user not in space.people or user == BOT_USER:
        raise RefusedError("user_not_found")
    home = space.homes.get(user)
    if home and call.args.get("hash") not in (None, "", home.hash):
        raise RefusedError("hash_conflict")
    space.homes[user] = fill(space, home, content) if home else _new(space, user, content)
    return {"view": shown(space.homes[user])}


def put_on_top(space: Workspace, user: str, content: Json, *, alone: bool) -> View:
    """Show a modal to a person: instead of what is open, or above it. Raises RefusedError."""
    stack = [] if alone else list(space.stacks.get(user, []))
    if len(stack) >= DEEPEST:
        raise RefusedError("push_limit_reached")
    _refuse_second(space, str(content.get("external_id") or ""), None)
    view = _new(space, user, content)
    view.root_id = stack[0] if stack else view.id
    view.previous_id = stack[-1] if stack else None
    space.stacks[user] = [*stack, view.id]
    return view


def fill(space: Workspace, view: View, content: Json) -> View:
    """Put other content into a view; inputs with the same ids keep what was typed."""
    _refuse_second(space, str(content.get("external_id") or ""), view.id)
    view.content = content | {"blocks": space.named(content["blocks"])}
    view.values = kept_values(view.content["blocks"], view.values)
    view.hash, view.errors, view.warning = _hash(space), {}, ""
    space.world.changed.bump()
    return view


def _new(space: Workspace, user: str, content: Json) -> View:
    content = content | {"blocks": space.named(content["blocks"])}
    values = first_values(content["blocks"])
    view = View(space.new_id("V"), user, content, _hash(space), values)
    space.views[view.id] = view
    space.world.changed.bump()
    return view


def _hash(space: Workspace) -> str:
    return f"{int(space.now())}.{secrets.token_urlsafe(6)}"


def _wanted(space: Workspace, call: Call) -> View:
    view_id, external = call.args.get("view_id"), call.args.get("external_id")
    for view in _on_screen(space):
        if view_id == view.id or (external and view.content.get("external_id") == external):
            return view
    raise RefusedError("not_found")


def _on_screen(space: Workspace) -> list[View]:
    open_ids = [view_id for stack in space.stacks.values() for view_id in stack]
    return [space.views[view_id] for view_id in open_ids] + list(space.homes.values())


def _refuse_second(space: Workspace, external: str, own: str | None) -> None:
    taken = [view.id for view in _on_screen(space) if view.content.get("external_id") == external]
    if external and taken not in ([], [own]):
        raise RefusedError("duplicate_external_id")
