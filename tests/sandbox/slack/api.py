"""The Web API: token, scope, pace, then the method; every answer in Slack's envelope."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.sandbox.slack import chat, files, lookups, views
from tests.sandbox.slack.call import Call, call_from, origin_of
from tests.sandbox.slack.kinds import Json, RefusedError
from tests.sandbox.slack.pace import Pace, TooFastError
from tests.sandbox.slack.socket_mode import Sockets
from tests.sandbox.slack.workspace import Workspace

SCOPES = (
    "channels:history",
    "channels:read",
    "chat:write",
    "commands",
    "files:write",
    "groups:history",
    "groups:read",
    "im:history",
    "im:write",
    "usergroups:read",
    "users:read",
    "users:read.email",
)


@dataclass(frozen=True)
class Method:
    """A method and its scope; `{kind}` in it stands for im, groups or channels."""

    run: Callable[[Workspace, Call], Json]
    scope: str = ""


def validate(_: Workspace, call: Call) -> Json:
    """blocks.validate: whether a message with these blocks would be taken."""
    call.blocks()
    return {}


METHODS = {
    "auth.test": Method(lookups.auth_test),
    "blocks.validate": Method(validate),
    "chat.postMessage": Method(chat.post, "chat:write"),
    "chat.update": Method(chat.update, "chat:write"),
    "chat.postEphemeral": Method(chat.post_ephemeral, "chat:write"),
    "chat.getPermalink": Method(chat.permalink),
    "views.open": Method(views.open_view),
    "views.push": Method(views.push_view),
    "views.update": Method(views.update_view),
    "views.publish": Method(views.publish_view),
    "bots.info": Method(lookups.bot_info, "users:read"),
    "users.info": Method(lookups.user_info, "users:read"),
    "users.lookupByEmail": Method(lookups.user_at_address, "users:read.email"),
    "usergroups.users.list": Method(lookups.group_users, "usergroups:read"),
    "conversations.info": Method(lookups.conversation_info, "{kind}:read"),
    "conversations.history": Method(lookups.history, "{kind}:history"),
    "conversations.replies": Method(lookups.replies, "{kind}:history"),
    "conversations.open": Method(lookups.open_conversation, "im:write"),
    "files.getUploadURLExternal": Method(files.upload_url, "files:write"),
    "files.completeUploadExternal": Method(files.complete, "files:write"),
}


class WebApi:
    """Answers `POST` and `GET /api/<method>` for one bot token."""

    def __init__(self, space: Workspace, token: str, scopes: tuple[str, ...], pace: Pace) -> None:
        self.space, self.token, self.scopes, self.pace = space, token, scopes, pace

    async def answer(self, request: Request) -> Response:
        """Run one method."""
        try:
            call = await call_from(request)
            with self.space.world.lock:
                body: Json = {"ok": True} | self._run(request.path_params["method"], call)
        except TooFastError as error:
            wait = {"Retry-After": str(error.seconds)}
            return JSONResponse({"ok": False, "error": error.error}, 429, wait)
        except RefusedError as refused:
            body = {"ok": False, "error": refused.error} | refused.details
        return JSONResponse(body, headers={"X-OAuth-Scopes": ",".join(self.scopes)})

    def _run(self, name: str, call: Call) -> Json:
        self._authorize(call)
        method = METHODS.get(name)
        if method is None:
            raise RefusedError("unknown_method", req_method=name)
        self._check_scope(method.scope, call)
        self._check_kinds(call)
        if name == "chat.postMessage":
            self.pace.spend(str(call.args.get("channel")), self.space.now())
        answer = method.run(self.space, call)
        self._look_over(name, call)
        return answer

    def _look_over(self, name: str, call: Call) -> None:
        if name.startswith("views."):
            view = call.parsed("view")
            self.space.look_over(name, view, view["type"])
        elif "text" in call.args:
            said = {"text": call.args["text"], "blocks": call.parsed("blocks") or []}
            self.space.look_over(name, said, "message")

    def _authorize(self, call: Call) -> None:
        if not call.token:
            raise RefusedError("not_authed")
        if call.token != self.token:
            raise RefusedError("invalid_auth")

    def _check_kinds(self, call: Call) -> None:
        """As a Slack that does not know these kinds of blocks yet."""
        given = call.parsed("blocks")
        kinds = {one.get("type") for one in given or () if isinstance(one, dict)}
        if unknown := kinds & self.space.refused:
            raise RefusedError("invalid_blocks", errors=[f"unsupported type: {unknown}"])

    def _check_scope(self, scope: str, call: Call) -> None:
        if "{kind}" in scope:
            channel = self.space.channels.get(str(call.args.get("channel")))
            scope = scope.format(kind=channel.kind if channel else "channels")
        if scope and scope not in self.scopes:
            raise RefusedError("missing_scope", needed=scope, provided=",".join(self.scopes))


class AppApi:
    """apps.connections.open: the one method that takes the app's token, and only in a header."""

    def __init__(self, token: str, sockets: Sockets) -> None:
        self.token, self.sockets = token, sockets

    async def open_socket(self, request: Request) -> Response:
        """The address of one new socket."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not given:
            return JSONResponse({"ok": False, "error": "not_authed"})
        if given.startswith("xoxb-"):
            return JSONResponse({"ok": False, "error": "not_allowed_token_type"})
        if given != self.token:
            return JSONResponse({"ok": False, "error": "invalid_auth"})
        return JSONResponse({"ok": True, "url": self.sockets.address(origin_of(request))})
