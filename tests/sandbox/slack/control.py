"""The control calls below `/_/slack`: people act, channels open."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.sandbox.control import NotPossibleError, body_of, wanted
from tests.sandbox.slack.acts import Acts
from tests.sandbox.slack.call import origin_of
from tests.sandbox.slack.kinds import Channel
from tests.sandbox.slack.workspace import Workspace


class Control:
    """The routes by which the page and the tests drive the people."""

    def __init__(self, space: Workspace, acts: Acts, *, home_tab: bool) -> None:
        self.space, self.acts, self.home_tab = space, acts, home_tab

    def routes(self) -> list[Route]:
        """All of them, as `StandIn.control` wants them."""
        calls = {
            "click": self._click,
            "press": self._press,
            "submit": self._submit,
            "close": self._close,
            "command": self._command,
            "home": self._home,
            "channel": self._channel,
            "group": self._group,
            "refuse": self._refuse,
        }
        return [Route(f"/slack/{name}", call, methods=["POST"]) for name, call in calls.items()]

    async def _click(self, request: Request) -> Response:
        body = await body_of(request)
        if body.get("place"):
            return await self._in_view(body, str(body["place"]))
        answer = await self.acts.click(
            wanted(body, "user"),
            wanted(body, "ts"),
            wanted(body, "action_id"),
            origin_of(request),
            body.get("value"),
        )
        return JSONResponse({"status": answer.status})

    async def _press(self, request: Request) -> Response:
        body = await body_of(request)
        return await self._in_view(body, wanted(body, "in"))

    async def _in_view(self, body: dict[str, Any], place: str) -> Response:
        if place not in ("modal", "home"):
            raise NotPossibleError("the place must be modal or home")
        user, action_id = wanted(body, "user"), wanted(body, "action_id")
        answer = await self.acts.press_in_view(user, place, action_id, body.get("value"))
        return JSONResponse({"status": answer.status})

    async def _submit(self, request: Request) -> Response:
        body = await body_of(request)
        return JSONResponse(await self.acts.submit(wanted(body, "user"), _values(body)))

    async def _close(self, request: Request) -> Response:
        await self.acts.close(wanted(await body_of(request), "user"))
        return JSONResponse({"ok": True})

    async def _command(self, request: Request) -> Response:
        body = await body_of(request)
        text, channel = str(body.get("text", "")), str(body.get("channel", ""))
        user = wanted(body, "user")
        return JSONResponse(await self.acts.command(user, text, channel, origin_of(request)))

    async def _home(self, request: Request) -> Response:
        if not self.home_tab:
            raise NotPossibleError("the app has no Home tab")
        answer = await self.acts.open_home(wanted(await body_of(request), "user"))
        return JSONResponse({"status": answer.status})

    async def _channel(self, request: Request) -> Response:
        body = await body_of(request)
        channel = Channel(
            wanted(body, "id"),
            wanted(body, "name"),
            members=set(body.get("members", [])),
            is_private=bool(body.get("is_private", True)),
            is_ext_shared=bool(body.get("is_ext_shared", False)),
        )
        with self.space.world.lock:
            self.space.add_channel(channel)
        return JSONResponse({"ok": True})

    async def _refuse(self, request: Request) -> Response:
        """From now on these kinds of blocks are not known here: `{"blocks": ["container"]}`."""
        body = await body_of(request)
        with self.space.world.lock:
            self.space.refused = {str(kind) for kind in body.get("blocks", [])}
        return JSONResponse({"ok": True})

    async def _group(self, request: Request) -> Response:
        body = await body_of(request)
        with self.space.world.lock:
            self.space.groups[wanted(body, "id")] = [str(one) for one in body.get("users", [])]
        return JSONResponse({"ok": True})


def _values(body: dict[str, Any]) -> dict[str, dict[str, Any]]:
    values = body.get("values", {})
    if not isinstance(values, dict) or not all(isinstance(v, dict) for v in values.values()):
        raise NotPossibleError("values must be {block_id: {action_id: value}}")
    return values
