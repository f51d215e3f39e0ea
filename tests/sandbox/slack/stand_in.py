"""Slack as a stand-in of the world: its Web API, its people, what it shows."""

from dataclasses import asdict, dataclass, field
from mimetypes import guess_type
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.sandbox.slack import files, views
from tests.sandbox.slack.acts import Acts
from tests.sandbox.slack.answers import answer_response_url
from tests.sandbox.slack.api import SCOPES, AppApi, WebApi
from tests.sandbox.slack.control import Control
from tests.sandbox.slack.delivery import Delivery
from tests.sandbox.slack.kinds import Channel, Ephemeral, Json, Message, RefusedError
from tests.sandbox.slack.pace import Pace
from tests.sandbox.slack.people import APP, BOT_USER, TEAM, TEAM_NAME
from tests.sandbox.slack.socket_mode import Sockets
from tests.sandbox.slack.workspace import Workspace
from tests.sandbox.world import World


@dataclass(frozen=True)
class Keys:
    """What the product must know to be this workspace's app."""

    bot_token: str = "xoxb-sandbox-7d41c0"
    signing_secret: str = "5f0c6a3be1d24b7c9a8e30d7b2c4f619"
    app_token: str = "xapp-1-sandbox-2e95b1"


@dataclass
class Slack:
    """The stand-in. Mount it as `slack`; set `public_url` before anybody acts.

    `pace` limits chat.postMessage per channel; `scopes` are those the app was given; `home_tab`
    says whether its manifest has the Home tab and with it the event app_home_opened.
    """

    world: World
    public_url: str = ""
    keys: Keys = field(default_factory=Keys)
    scopes: tuple[str, ...] = SCOPES
    pace: Pace = field(default_factory=Pace)
    home_tab: bool = True
    name: str = "slack"

    def __post_init__(self) -> None:
        self.space = Workspace(self.world)
        self.sockets = Sockets(self.world)
        secret = self.keys.signing_secret
        self.delivery = Delivery(self.world, self.public_url, secret, self.sockets)
        self.acts = Acts(self.space, self.delivery)
        self.web_api = WebApi(self.space, self.keys.bot_token, self.scopes, self.pace)
        self.app_api = AppApi(self.keys.app_token, self.sockets)

    def reach(self, public_url: str, own_url: str = "") -> None:
        """Say where the product listens (its PUBLIC_URL).

        `own_url` is the sandbox's one address for response_urls and permalinks, by whichever
        name a browser has opened it; without it, they carry the address of the request.
        """
        self.public_url = self.delivery.public_url = public_url
        self.space.url = own_url

    def add_channel(self, channel_id: str, name: str, **facts: Any) -> Channel:
        """Open a channel with the home team and the bot in it; `facts` are fields of Channel."""
        with self.world.lock:
            return self.space.add_channel(Channel(channel_id, name, **facts))

    def set_group(self, group_id: str, users: list[str]) -> None:
        """Make a user group, or give it other members."""
        with self.world.lock:
            self.space.groups[group_id] = users

    def app(self) -> Starlette:
        """`/api/<method>`, `/response/<key>`, and `/link` for Socket Mode."""
        methods = ["GET", "POST"]
        return Starlette(
            routes=[
                Route("/api/apps.connections.open", self.app_api.open_socket, methods=methods),
                Route("/api/{method}", self.web_api.answer, methods=methods),
                Route("/response/{key}", self._response, methods=["POST"]),
                Route("/upload/{id}", self._upload, methods=["POST"]),
                Route("/files/{id}", self._download),
                *self.sockets.routes(),
            ]
        )

    def refusal(self, status: int) -> Response:
        """A failure in Slack's words; 429 with a Retry-After of one second."""
        error = "ratelimited" if status == 429 else "internal_error"
        wait = {"Retry-After": "1"} if status == 429 else None
        return JSONResponse({"ok": False, "error": error}, status, wait)

    def control(self) -> list[Route]:
        """`POST /_/slack/…`."""
        people = Control(self.space, self.acts, home_tab=self.home_tab).routes()
        return [*people, *self.sockets.control()]

    def snapshot(self) -> dict[str, Any]:
        """Messages, private answers, modals and Home tabs; `slack` holds what the page needs."""
        with self.world.lock:
            space = self.space
            return {
                "messages": [_shallow(one, "earlier") for one in space.messages],
                "ephemerals": [_shallow(one) for one in space.ephemerals],
                "modals": self._modals(),
                "homes": {user: views.shown(home) for user, home in space.homes.items()},
                "slack": self._surroundings(),
                "lint": list(space.lint),
            }

    def _modals(self) -> Json:
        on_top = {user: self.space.open_view(user) for user in self.space.stacks}
        return {
            user: views.shown(view) | {"errors": view.errors, "warning": view.warning}
            for user, view in on_top.items()
            if view
        }

    def _surroundings(self) -> Json:
        space = self.space
        return {
            "team": {"id": TEAM, "name": TEAM_NAME},
            "app": {"id": APP, "user": BOT_USER, "home_tab": self.home_tab},
            "people": [asdict(one) for one in space.people.values()],
            "channels": [
                asdict(one) | {"members": sorted(one.members)} for one in space.channels.values()
            ],
            "groups": space.groups,
            "warnings": [asdict(one) for one in space.warnings],
        }

    async def _upload(self, request: Request) -> Response:
        """Where the bytes of a file go; the address needs no token."""
        content = await request.body()
        with self.world.lock:
            taken = files.take(self.space, request.path_params["id"], content)
        return PlainTextResponse("OK" if taken else "invalid upload", 200 if taken else 400)

    def _download(self, request: Request) -> Response:
        """What a person who presses on a file gets; only the page asks for it."""
        with self.world.lock:
            found = self.space.uploads.get(request.path_params["id"])
        if found is None or found.content is None or not found.shared:
            return PlainTextResponse("file_not_found", 404)
        kind, _ = guess_type(found.name)
        there = {"Content-Disposition": f'attachment; filename="{found.name}"'}
        return Response(found.content, media_type=kind, headers=there)

    async def _response(self, request: Request) -> Response:
        try:
            content = await request.json()
        except ValueError:
            return PlainTextResponse("invalid_payload", 400)
        try:
            with self.world.lock:
                answer_response_url(self.space, request.path_params["key"], content)
        except RefusedError as refused:
            gone = refused.error in ("expired_url", "used_url")
            body = {"ok": False, "error": refused.error} | refused.details
            return JSONResponse(body, 404 if gone else 400)
        return PlainTextResponse("ok")


def _shallow(thing: Message | Ephemeral, *left_out: str) -> Json:
    # Blocks are replaced, never changed in place: no deep copy is needed to show them.
    return {name: value for name, value in vars(thing).items() if name not in left_out}
