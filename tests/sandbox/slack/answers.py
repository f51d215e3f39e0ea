"""What Slack makes of the app's answers: to a submission, to a command, to a response_url."""

from tests.sandbox.slack import views
from tests.sandbox.slack.blocks import blocks_of
from tests.sandbox.slack.call import checked_blocks, checked_view
from tests.sandbox.slack.delivery import Answer
from tests.sandbox.slack.kinds import Ephemeral, Json, Message, RefusedError, View
from tests.sandbox.slack.people import BOT_USER
from tests.sandbox.slack.workspace import Workspace

TROUBLE = "We had some trouble connecting. Try again?"


def after_submission(space: Workspace, view: View, answer: Answer) -> None:
    """Close, change or keep the modal, as the acknowledgement says."""
    space.world.changed.bump()
    try:
        _obey(space, view, answer)
    except RefusedError as refused:
        view.warning = f"{TROUBLE} ({refused.error}: {refused.details.get('errors', '')})"


def _obey(space: Workspace, view: View, answer: Answer) -> None:
    if not answer.ok:
        raise RefusedError("operation_timeout" if answer.status == 0 else "dispatch_failed")
    content = answer.content()
    action = content.get("response_action")
    if action == "errors":
        view.errors = _errors(view, content)
    elif action == "update":
        views.fill(space, view, _view(space, content))
    elif action == "push":
        views.put_on_top(space, view.user, _view(space, content), alone=False)
    elif action == "clear":
        space.stacks[view.user] = []
    elif content:
        raise RefusedError("invalid_response_action", errors=[str(content)[:200]])
    else:
        space.stacks[view.user] = [one for one in space.stacks[view.user] if one != view.id]


def _view(space: Workspace, content: Json) -> Json:
    found = content.get("view")
    if isinstance(found, dict):
        space.look_over("the answer to a submission", found, "modal")
    return checked_view(found)


def _errors(view: View, content: Json) -> dict[str, str]:
    errors = content.get("errors")
    inputs = [
        one["block_id"] for one in blocks_of(view.content["blocks"]) if one["type"] == "input"
    ]
    if not isinstance(errors, dict) or not errors:
        raise RefusedError("invalid_errors", errors=["errors must name at least one block"])
    strangers = [block_id for block_id in errors if block_id not in inputs]
    if strangers:
        raise RefusedError("invalid_errors", errors=[f"no input block: {one}" for one in strangers])
    return {str(block_id): str(text) for block_id, text in errors.items()}


def after_command(space: Workspace, user: str, channel: str, answer: Answer) -> Json:
    """Show the acknowledgement of a command; `text` is what the person reads."""
    if not answer.ok:
        error = "operation_timeout" if answer.status == 0 else "dispatch_failed"
        text = f'/overdue failed with the error "{error}"'
        space.whisper(Ephemeral(user, channel, "", "USLACKBOT", text, []))
        return {"status": answer.status, "text": text}
    content = answer.content()
    try:
        if content:
            say(space, user, channel, content, None)
    except RefusedError as refused:
        reasons = [refused.error, *refused.details.get("errors", [])]
        return {"status": answer.status, "text": "", "errors": reasons}
    return {"status": answer.status, "text": str(content.get("text", ""))}


def say(space: Workspace, user: str, channel: str, content: Json, thread: str | None) -> None:
    """Show an answer: to the channel when it says `in_channel`, otherwise to one person."""
    text, blocks = _text_and_blocks(space, content)
    thread = content.get("thread_ts", thread)
    if content.get("response_type") == "in_channel":
        space.post(Message(channel, "", BOT_USER, text, blocks, thread_ts=thread))
    else:
        space.whisper(Ephemeral(user, channel, "", BOT_USER, text, blocks, thread_ts=thread))


def answer_response_url(space: Workspace, key: str, content: Json) -> None:
    """Obey what was posted to a response_url. Raises RefusedError."""
    found = space.use_response_url(key)
    source = found.source
    if source and content.get("delete_original"):
        source.deleted = True
        space.world.changed.bump()
    elif source and content.get("replace_original"):
        _replace(space, source, content)
    else:
        say(space, found.user, found.channel, content, source.thread_ts if source else None)


def _replace(space: Workspace, source: Message | Ephemeral, content: Json) -> None:
    text, blocks = _text_and_blocks(space, content)
    if isinstance(source, Message):
        space.change(source, text, blocks)
    else:
        source.text, source.blocks = text, space.named(blocks)
        space.world.changed.bump()


def _text_and_blocks(space: Workspace, content: Json) -> tuple[str, list[Json]]:
    text, blocks = content.get("text"), content.get("blocks") or []
    if not isinstance(text, str) or not text:
        raise RefusedError("no_text")
    space.look_over("an answer in private", {"text": text, "blocks": blocks}, "message")
    return text, checked_blocks(blocks)
