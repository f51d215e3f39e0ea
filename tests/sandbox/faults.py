"""Faults on demand: what goes wrong between the product and a stand-in, and how often.

A fault names a service, a piece of text to look for in `METHOD path?query`, and a kind:

    refuse   the connection is closed at once, nothing is done
    reset    the connection is cut hard (RST), nothing is done
    stall    no answer until the fault is released, the caller goes away, or two minutes pass
    late     the work is done, then the connection is cut: the answer is lost
    status   the service's own error of that status, and of that code where it has codes,
             nothing is done
    html     a gateway's page instead of an answer, nothing is done
    garbage  status 200 and half a JSON document, nothing is done
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, get_args
from typing import Literal as OneOf
from urllib.parse import unquote_plus

from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

Kind = OneOf["refuse", "reset", "stall", "late", "status", "html", "garbage"]
KINDS: tuple[str, ...] = get_args(Kind)
STALL_SECONDS = 120.0


@dataclass
class Fault:
    """One order to misbehave. `times` is how many more requests it meets; None means all."""

    service: str
    match: str
    kind: Kind
    times: int | None = 1
    status: int | None = None
    code: str = ""
    released: threading.Event = field(default_factory=threading.Event, repr=False, compare=False)

    def meets(self, service: str, line: str) -> bool:
        """Does it concern this request?"""
        return self.times != 0 and self.service == service and self.match in line


def fault_from(body: dict[str, Any]) -> Fault:
    """A fault from the JSON of a control call. Raises ValueError in words for the caller."""
    kind, times, status = body.get("kind"), body.get("times", 1), body.get("status")
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}")
    if not (times is None or (isinstance(times, int) and times > 0)):
        raise ValueError("times must be a positive number, or null for every time")
    if not (status in (None, 200) or (isinstance(status, int) and 400 <= status <= 599)):
        raise ValueError("status must be 200 or a number from 400 to 599")
    if not body.get("service"):
        raise ValueError("service must name a stand-in")
    service, match = str(body["service"]), str(body.get("match", ""))
    return Fault(service, match, kind, times, status, str(body.get("code", "")))


class Faults:
    """The open orders, oldest first. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: list[Fault] = []
        self._stalling: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Put an order at the end of the list."""
        with self._lock:
            self._orders.append(fault)
        return fault

    def take(self, service: str, line: str) -> Fault | None:
        """The first order that concerns this request, counted as used; None if there is none.

        Stand-ins that do not speak HTTP ask here too, with a line of their own ("SMTP DATA").
        """
        with self._lock:
            fault = next((order for order in self._orders if order.meets(service, line)), None)
            if fault is not None:
                self._use(fault)
            return fault

    def _use(self, fault: Fault) -> None:
        if fault.times is not None:
            fault.times -= 1
        if fault.kind == "stall":
            self._stalling.append(fault)
        self._orders = [order for order in self._orders if order.times != 0]

    def clear(self) -> None:
        """Forget every order and let go of whatever is stalled."""
        with self._lock:
            for fault in self._orders + self._stalling:
                fault.released.set()
            self._orders, self._stalling = [], []

    def listed(self) -> list[dict[str, Any]]:
        """The open orders as a control call shows them."""
        with self._lock:
            return [
                {"service": f.service, "match": f.match, "times": f.times, "kind": f.kind}
                | ({"status": f.status} if f.status else {})
                | ({"code": f.code} if f.code else {})
                for f in self._orders
            ]


# A connection by its two ends, so that a fault can cut below HTTP: ASGI itself cannot.
_transports: dict[tuple[Any, Any], asyncio.Transport] = {}


class CuttableProtocol(H11Protocol):
    """uvicorn's HTTP, remembering its transports for `cut`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the connection by its two addresses."""
        super().connection_made(transport)
        self._ends = (transport.get_extra_info("peername"), transport.get_extra_info("sockname"))
        _transports[self._ends] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it again."""
        _transports.pop(self._ends, None)
        super().connection_lost(exc)


def cut(scope: Scope, *, hard: bool) -> None:
    """Close the connection of a request without an answer; `hard` makes it a reset.

    Raises ConnectionResetError where there is no socket below (an in-memory transport).
    """
    transport = _transports.get((tuple(scope["client"] or ()), tuple(scope["server"] or ())))
    if transport is None:
        raise ConnectionResetError("the stand-in was told to cut this connection")
    if hard:
        linger = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()


def plain_refusal(status: int) -> Response:
    """What a service without an error shape of its own answers."""
    return PlainTextResponse("the stand-in was told to refuse\n", status)


def gateway_page(status: int) -> Response:
    """The page of a gateway that stands before a service."""
    title = f"{status} Bad Gateway" if status == 502 else f"{status} Service Unavailable"
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return HTMLResponse(page, status)


class Faulty:
    """ASGI middleware around one stand-in: obeys the faults that concern it."""

    def __init__(
        self,
        app: ASGIApp,
        service: str,
        faults: Faults,
        refusal: Callable[..., Response] = plain_refusal,
    ) -> None:
        self.app, self.service, self.faults, self.refusal = app, service, faults, refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request, or misbehave as told. A websocket is let through."""
        http = scope["type"] == "http"
        fault = self.faults.take(self.service, request_line(scope)) if http else None
        if fault is None:
            await self.app(scope, receive, send)
        else:
            await self._misbehave(fault, scope, receive, send)

    async def _misbehave(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.kind in ("refuse", "reset"):
            await _cut_and_wait(scope, receive, hard=fault.kind == "reset")
        elif fault.kind == "stall":
            await self._stall(fault, scope, receive, send)
        elif fault.kind == "late":
            await self.app(scope, receive, _swallow)
            await _cut_and_wait(scope, receive, hard=True)
        else:
            await self._wrong_answer(fault)(scope, receive, send)

    def _wrong_answer(self, fault: Fault) -> Response:
        if fault.kind == "status":
            known = partial(self.refusal, code=fault.code) if fault.code else self.refusal
            return known(fault.status or 500)
        if fault.kind == "html":
            return gateway_page(fault.status or 502)
        return Response(
            '{"QueryResponse":{"Invoice":[{"Id":"74', 200, media_type="application/json"
        )

    async def _stall(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _whole_body(receive)
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            released = await _until_released(fault, gone)
        finally:
            gone.cancel()
        if released:
            await self.app(scope, _replayed(body, receive), send)
        elif not gone.done():
            cut(scope, hard=False)


def request_line(scope: Scope) -> str:
    """`METHOD path?query` as the service sees it: without its mount, the query decoded."""
    query = unquote_plus(scope["query_string"].decode("latin-1"))
    line = f"{scope['method']} {service_path(scope)}"
    return f"{line}?{query}" if query else line


def service_path(scope: Scope) -> str:
    """The path as the real service has it, without the prefix it is mounted at here."""
    return str(scope["path"]).removeprefix(scope.get("root_path", "")) or "/"


async def _cut_and_wait(scope: Scope, receive: Receive, *, hard: bool) -> None:
    cut(scope, hard=hard)
    # uvicorn writes a 500 if we return before it knows that the connection is gone.
    await _disconnected(receive)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _swallow(message: Message) -> None:
    """Take an answer that nobody will see."""


async def _whole_body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return body


async def _until_released(fault: Fault, gone: "asyncio.Future[None]") -> bool:
    deadline = asyncio.get_running_loop().time() + STALL_SECONDS
    while not gone.done() and asyncio.get_running_loop().time() < deadline:
        if fault.released.is_set():
            return True
        await asyncio.wait([gone], timeout=0.02)
    return False


def _replayed(body: bytes, receive: Receive) -> Receive:
    pending = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return pending.pop() if pending else await receive()

    return again
