"""Files: an address to send the bytes to, then the share that makes a file visible.

https://docs.slack.dev/messaging/working-with-files
"""

from tests.sandbox.slack import chat
from tests.sandbox.slack.call import Call
from tests.sandbox.slack.kinds import Json, Message, RefusedError, Upload
from tests.sandbox.slack.people import BOT_USER
from tests.sandbox.slack.workspace import Workspace


def upload_url(space: Workspace, call: Call) -> Json:
    """files.getUploadURLExternal."""
    name, length = call.text_of("filename"), call.number("length", 0)
    if length <= 0:
        raise RefusedError("invalid_arguments")
    id = space.new_id("F")
    space.uploads[id] = Upload(id, name, length)
    return {"upload_url": f"{call.origin}/slack/upload/{id}", "file_id": id}


def take(space: Workspace, id: str, content: bytes) -> bool:
    """The bytes of a file; False if nobody asked for this address, or they are not as many."""
    found = space.uploads.get(id)
    if found is None or found.content is not None or len(content) != found.length:
        return False
    found.content = content
    return True


def complete(space: Workspace, call: Call) -> Json:
    """files.completeUploadExternal: a message with the files, in a channel or a thread."""
    shared = [(_uploaded(space, one), one) for one in call.parsed("files") or ()]
    if not shared:
        raise RefusedError("invalid_arguments")
    told = [
        {"id": one.id, "name": one.name, "title": given.get("title", one.name), "size": one.length}
        for one, given in shared
    ]
    if call.args.get("channel_id"):
        call.args["channel"] = call.args["channel_id"]
        channel = chat.writable(space, call)
        text = str(call.args.get("initial_comment") or "")
        thread = chat.thread_of(space, channel, call)
        space.post(Message(channel.id, "", BOT_USER, text, [], thread_ts=thread, files=told))
    for one, _ in shared:
        one.shared = True
    return {"files": told}


def _uploaded(space: Workspace, given: object) -> Upload:
    id = given.get("id") if isinstance(given, dict) else None
    found = space.uploads.get(str(id))
    if found is None or found.content is None or found.shared:
        raise RefusedError("file_not_found")
    return found
