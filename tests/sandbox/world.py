"""The frame that all stand-ins share: one server, one record of requests, one set of faults."""

import asyncio
import contextlib
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.real_processes import PATIENCE
from tests.sandbox.control import NotPossibleError, body_of, control_app
from tests.sandbox.faults import (
    CuttableProtocol,
    Faults,
    Faulty,
    fault_from,
    plain_refusal,
    service_path,
)

REQUESTS_KEPT = 20_000
LONGEST_POLL = 25.0

T = TypeVar("T")


class StandIn(Protocol):
    """What the world wants of a stand-in.

    One that also has `refusal(status) -> Response` answers a `status` fault in its own shape;
    where its errors have codes it takes a `code`, too.
    """

    name: str

    def app(self) -> Starlette | None:
        """The service over HTTP; None where it speaks something else."""

    def snapshot(self) -> dict[str, Any]:
        """Its keys of `GET /_/world`."""

    def control(self) -> list[Route]:
        """Its control calls, with paths below `/_` ("/quickbooks/pay")."""


@dataclass
class Seen:
    """One request to a stand-in; status 0 while unanswered, and for ever if the line was cut."""

    service: str
    method: str
    path: str
    status: int = 0


class TooLate(AssertionError):
    """What a test waited for did not happen."""


class Changes:
    """A number that rises whenever something in the world changed, and ways to wait for it."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self.version = 0

    def bump(self) -> None:
        """Say that something changed. Call it from any thread."""
        with self._condition:
            self.version += 1
            self._condition.notify_all()

    def wait(self, after: int, seconds: float) -> int:
        """Block until the version is above `after` or time is up; answers the version."""
        with self._condition:
            self._condition.wait_for(lambda: self.version > after, seconds)
            return self.version

    def until(self, condition: Callable[[], T], seconds: float = PATIENCE) -> T:
        """The first truthy answer of `condition`, asked at each change and now and then.

        Raises TooLate after `seconds`.
        """
        deadline = time.monotonic() + seconds
        while True:
            version = self.version
            if found := condition():
                return found
            if time.monotonic() > deadline:
                raise TooLate(f"this did not happen in {seconds:.0f} s")
            self.wait(version, 0.05)

    async def later(self, after: int, seconds: float) -> int:
        """The same for the event loop."""
        deadline = time.monotonic() + seconds
        while self.version <= after and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        return self.version


def _now() -> datetime:
    return datetime.now(UTC)


class World:
    """Everything outside the product. Stand-ins are added once, then `app()` is served.

    `lock` guards what stand-ins share; `clock` answers the present as an aware UTC time.
    """

    def __init__(self, clock: Callable[[], datetime] | None = None) -> None:
        self.clock = clock or _now
        self.lock = threading.RLock()
        self.faults = Faults()
        self.changed = Changes()
        self.requests: deque[Seen] = deque(maxlen=REQUESTS_KEPT)
        # Not `lock`, which a stand-in may hold for a while: the event loop records every request.
        self._record = threading.Lock()
        self._stand_ins: dict[str, StandIn] = {}

    def add(self, stand_in: StandIn, at: str | None = None) -> None:
        """Register a stand-in at `/<name>`, or at `at`.

        What is mounted at "/" comes last and is not recorded: it is a page for people.
        """
        prefix = f"/{stand_in.name}" if at is None else at
        if prefix in self._stand_ins:
            raise ValueError(f"{prefix} is taken by {self._stand_ins[prefix].name}")
        self._stand_ins[prefix] = stand_in

    def see(self, service: str, method: str, path: str, status: int = 0) -> Seen:
        """Record a request; for stand-ins that do not speak HTTP too."""
        seen = Seen(service, method, path, status)
        with self._record:
            self.requests.append(seen)
        return seen

    def snapshot(self) -> dict[str, Any]:
        """The whole world as `GET /_/world` shows it."""
        world: dict[str, Any] = {"version": self.changed.version}
        for stand_in in self._stand_ins.values():
            world |= stand_in.snapshot()
        with self._record:
            requests = [dict(vars(seen)) for seen in self.requests]
        return world | {"requests": requests}

    def app(self) -> Starlette:
        """All stand-ins and the control calls as one ASGI app."""
        mounts = [Mount("/_", control_app(self._control_routes()))]
        for prefix in sorted(self._stand_ins, key=len, reverse=True):
            app = self._stand_ins[prefix].app()
            if app is not None:
                mounts.append(Mount(prefix.rstrip("/"), self._wrapped(prefix, app)))
        return Starlette(routes=mounts)

    def _wrapped(self, prefix: str, app: ASGIApp) -> ASGIApp:
        stand_in = self._stand_ins[prefix]
        if prefix == "/":
            return app
        refusal = getattr(stand_in, "refusal", plain_refusal)
        return _Recorded(Faulty(app, stand_in.name, self.faults, refusal), stand_in.name, self)

    def _control_routes(self) -> list[BaseRoute]:
        routes: list[BaseRoute] = [
            Route("/world", self._show_world),
            Route("/changes", self._show_changes),
            Route("/clock", self._set_clock, methods=["POST"]),
            Route("/faults", self._show_faults),
            Route("/faults", self._add_fault, methods=["POST"]),
            Route("/faults", self._clear_faults, methods=["DELETE"]),
        ]
        for stand_in in self._stand_ins.values():
            routes += stand_in.control()
        return routes

    def _show_world(self, _: Request) -> Response:
        return JSONResponse(self.snapshot())

    async def _show_changes(self, request: Request) -> Response:
        after = request.query_params.get("after", "0")
        if not after.isdigit():
            raise NotPossibleError("after must be a version number")
        return JSONResponse({"version": await self.changed.later(int(after), LONGEST_POLL)})

    async def _set_clock(self, request: Request) -> Response:
        """`{"now": "2026-11-18T15:00:00Z"}` stands still there; `""` runs with the real one."""
        wished = str((await body_of(request)).get("now", ""))
        if not wished:
            self.clock = _now
            return JSONResponse({"ok": True})
        try:
            now = datetime.fromisoformat(wished).astimezone(UTC)
        except ValueError as error:
            raise NotPossibleError("now must be a time in ISO format, or empty") from error
        self.clock = lambda: now
        return JSONResponse({"ok": True})

    def _show_faults(self, _: Request) -> Response:
        return JSONResponse({"faults": self.faults.listed()})

    async def _add_fault(self, request: Request) -> Response:
        try:
            self.faults.add(fault_from(await body_of(request)))
        except ValueError as error:
            raise NotPossibleError(str(error)) from error
        return JSONResponse({"ok": True})

    def _clear_faults(self, _: Request) -> Response:
        self.faults.clear()
        return JSONResponse({"ok": True})


class _Recorded:
    """ASGI middleware: every request to a stand-in, with the status that went back."""

    def __init__(self, app: ASGIApp, service: str, world: World) -> None:
        self.app, self.service, self.world = app, service, world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope.get("method", "WEBSOCKET")
        seen = self.world.see(self.service, method, service_path(scope))

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.status = message["status"]
            await send(message)

        await self.app(scope, receive, noting)


class _Server(uvicorn.Server):
    """uvicorn that says when it is ready and stops when told, not at its next look."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop, self._woken = asyncio.get_running_loop(), asyncio.Event()
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        ticks = 0
        while not await self.on_tick(ticks):
            ticks += 10
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), 1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Not waiting for open connections: a stalled request or a long poll would hold it up.
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()

    def stop(self) -> None:
        self.should_exit = True
        with contextlib.suppress(RuntimeError):  # it ended by itself
            self._loop.call_soon_threadsafe(self._woken.set)


@contextlib.contextmanager
def serve(app: ASGIApp, port: int = 0) -> Iterator[str]:
    """Serve an app on loopback in a thread, and stop it at the end; gives its base URL.

    Port 0 takes a free one. Raises OSError if the port is taken.
    """
    listener = socket.create_server(("127.0.0.1", port))
    # asyncio does this only for sockets it opens itself; without it each answer takes 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = uvicorn.Config(
        app,
        http=CuttableProtocol,
        ws="websockets-sansio",
        lifespan="off",
        log_config=None,
        access_log=False,
    )
    server = _Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        server.ready.wait(PATIENCE)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.stop()
        thread.join(PATIENCE)
        listener.close()
