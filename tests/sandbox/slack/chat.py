"""The chat.* methods."""

from tests.sandbox.slack.call import Call
from tests.sandbox.slack.kinds import Channel, Ephemeral, Json, Message, RefusedError
from tests.sandbox.slack.people import APP, BOT, BOT_NAME, BOT_USER, TEAM
from tests.sandbox.slack.workspace import Workspace

LONGEST_POST = 40_000
LONGEST_UPDATE = 4000


def shown(space: Workspace, message: Message, *, with_metadata: bool = False) -> Json:
    """A message as the Web API and the interaction payloads carry it."""
    body: Json = {"type": "message", "user": message.user, "ts": message.ts, "text": message.text}
    if message.user == BOT_USER:
        body |= {"bot_id": BOT, "app_id": APP, "team": TEAM}
        body["bot_profile"] = {"id": BOT, "app_id": APP, "name": BOT_NAME, "team_id": TEAM}
    if message.blocks:
        body["blocks"] = message.blocks
    if message.thread_ts:
        body["thread_ts"] = message.thread_ts
    if message.files:
        body["files"] = message.files
    if message.edited:
        body["edited"] = {"user": message.user, "ts": message.edited}
    if with_metadata and message.metadata:
        body["metadata"] = message.metadata
    return body | _replies(space, message)


def post(space: Workspace, call: Call) -> Json:
    """chat.postMessage."""
    channel = writable(space, call)
    draft = Message(
        channel=channel.id,
        ts="",
        user=BOT_USER,
        text=call.message_text()[:LONGEST_POST],
        blocks=call.blocks(),
        thread_ts=thread_of(space, channel, call),
        metadata=call.metadata(),
        broadcast=call.flag("reply_broadcast"),
    )
    message = space.post(draft)
    answer = shown(space, message, with_metadata=True)
    return {"channel": channel.id, "ts": message.ts, "message": answer}


def update(space: Workspace, call: Call) -> Json:
    """chat.update: own messages only; text without blocks removes the blocks."""
    channel = space.channel(call.text_of("channel", "channel_not_found"))
    message = space.message(channel.id, call.text_of("ts", "message_not_found"))
    if message.user != BOT_USER:
        raise RefusedError("cant_update_message")
    text = call.message_text()
    if len(text) > LONGEST_UPDATE:
        raise RefusedError("msg_too_long")
    blocks, metadata = call.blocks(), call.metadata()
    space.change(message, text, blocks)
    message.edited = None if blocks else space.new_ts()
    message.metadata = metadata or message.metadata
    answer = shown(space, message, with_metadata=True)
    return {"channel": channel.id, "ts": message.ts, "text": text, "message": answer}


def post_ephemeral(space: Workspace, call: Call) -> Json:
    """chat.postEphemeral: the person must be in the channel."""
    channel = writable(space, call)
    user = call.text_of("user", "user_not_found")
    if user not in channel.members:
        raise RefusedError("user_not_in_channel")
    draft = Ephemeral(
        user=user,
        channel=channel.id,
        ts="",
        sender=BOT_USER,
        text=call.message_text(),
        blocks=call.blocks(),
        thread_ts=thread_of(space, channel, call),
    )
    return {"message_ts": space.whisper(draft).ts}


def permalink(space: Workspace, call: Call) -> Json:
    """chat.getPermalink: an address that the sandbox page follows to the message."""
    channel = space.channel(call.text_of("channel", "channel_not_found"))
    message = space.message(channel.id, call.text_of("message_ts", "message_not_found"))
    link = f"{space.url or call.origin}/#/archives/{channel.id}/p{message.ts.replace('.', '')}"
    return {"channel": channel.id, "permalink": link}


def writable(space: Workspace, call: Call) -> Channel:
    wanted = call.text_of("channel", "channel_not_found")
    channel = space.direct(wanted) if wanted in space.people else space.channel(wanted)
    if BOT_USER not in channel.members:
        raise RefusedError("not_in_channel")
    if channel.is_archived:
        raise RefusedError("is_archived")
    return channel


def thread_of(space: Workspace, channel: Channel, call: Call) -> str | None:
    thread_ts = call.args.get("thread_ts")
    if thread_ts in (None, ""):
        return None
    try:
        parent = space.message(channel.id, thread_ts)
    except RefusedError as refused:
        raise RefusedError("cannot_reply_to_message") from refused
    return parent.thread_ts or parent.ts


def _replies(space: Workspace, message: Message) -> Json:
    replies = replies_to(space, message)
    if not replies:
        return {}
    return {
        "thread_ts": message.ts,
        "reply_count": len(replies),
        "latest_reply": replies[-1].ts,
    }


def replies_to(space: Workspace, message: Message) -> list[Message]:
    """What stands in a message's thread, oldest first."""
    return [
        one
        for one in space.messages
        if (one.channel, one.thread_ts) == (message.channel, message.ts) and not one.deleted
    ]
