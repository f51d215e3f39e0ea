"""The frame of the sandbox: requests, faults, changes and the control calls."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.sandbox.control import NotPossibleError, body_of, wanted
from tests.sandbox.faults import Fault
from tests.sandbox.world import World, serve


class Bakery:
    """A stand-in of one call that counts what it baked."""

    name = "bakery"

    def __init__(self) -> None:
        self.baked = 0

    def app(self) -> Starlette:
        """POST /loaves bakes one."""
        return Starlette(routes=[Route("/loaves", self._bake, methods=["GET", "POST"])])

    def snapshot(self) -> dict[str, Any]:
        """How many were baked."""
        return {"loaves": self.baked}

    def control(self) -> list[Route]:
        """A call that needs a number."""
        return [Route("/bakery/bake", self._order, methods=["POST"])]

    def refusal(self, status: int) -> Response:
        """An error in the bakery's own words."""
        return JSONResponse({"sorry": status}, status)

    async def _bake(self, request: Request) -> Response:
        self.baked += 1
        return JSONResponse({"loaf": (await request.body()).decode()})

    async def _order(self, request: Request) -> Response:
        count = wanted(await body_of(request), "count")
        if not count.isdigit():
            raise NotPossibleError("count must be a number")
        self.baked += int(count)
        return JSONResponse({"ok": True})


@pytest.fixture
def world() -> World:
    """A world with nothing but a bakery."""
    return World()


@pytest.fixture
def bakery(world: World) -> Bakery:
    """The bakery in that world."""
    bakery = Bakery()
    world.add(bakery)
    return bakery


@pytest.fixture
def client(world: World, bakery: Bakery) -> Iterator[httpx.Client]:
    """A client of the served world."""
    with serve(world.app()) as url, httpx.Client(base_url=url, timeout=5, verify=False) as client:
        yield client


def order(client: httpx.Client, **fault: Any) -> None:
    """Ask for a fault of the bakery through the control call."""
    answer = client.post("/_/faults", json={"service": "bakery", "match": "POST /loaves"} | fault)
    assert answer.json() == {"ok": True}


def statuses(client: httpx.Client) -> list[int]:
    """The statuses of the recorded requests."""
    return [seen["status"] for seen in client.get("/_/world").json()["requests"]]


def test_every_request_to_a_stand_in_is_recorded(client: httpx.Client) -> None:
    """Service, method, the service's own path, and the status that went back."""
    client.post("/bakery/loaves?kind=rye")
    assert client.get("/_/world").json()["requests"] == [
        {"service": "bakery", "method": "POST", "path": "/loaves", "status": 200}
    ]


def test_the_world_shows_what_its_stand_ins_show(client: httpx.Client) -> None:
    """A stand-in's snapshot is part of the world."""
    client.post("/_/bakery/bake", json={"count": 3})
    assert client.get("/_/world").json()["loaves"] == 3


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "the body must be JSON"),
        (b"[]", "the body must be a JSON object"),
        (b"{}", "count is missing"),
        (b'{"count":{}}', "count is missing"),
        (b'{"count":"many"}', "count must be a number"),
    ],
)
def test_a_control_call_that_makes_no_sense_says_why(
    client: httpx.Client, content: bytes, reason: str
) -> None:
    """It is answered 400 with the reason in words."""
    answer = client.post("/_/bakery/bake", content=content)
    assert (answer.status_code, answer.json()) == (400, {"error": reason})


@pytest.mark.parametrize("kind", ["refuse", "reset"])
def test_a_cut_connection_brings_no_answer_and_does_no_work(
    client: httpx.Client, bakery: Bakery, kind: str
) -> None:
    """The caller sees the line go dead; nothing was baked; the next request is served."""
    order(client, kind=kind)
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        client.post("/bakery/loaves", content=b"x" * 500_000)
    assert bakery.baked == 0
    assert client.post("/bakery/loaves").status_code == 200
    assert statuses(client) == [0, 200]


def test_a_reset_is_a_real_reset(client: httpx.Client) -> None:
    """Not a polite end of the stream: the socket reports it."""
    order(client, kind="reset")
    with pytest.raises(httpx.ReadError, match="reset"):
        client.post("/bakery/loaves")


def test_late_does_the_work_and_loses_the_answer(client: httpx.Client, bakery: Bakery) -> None:
    """The outcome is unknown to the caller, and yet it happened."""
    order(client, kind="late")
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        client.post("/bakery/loaves")
    assert bakery.baked == 1
    assert statuses(client) == [0]


def test_a_stalled_request_is_answered_once_released(
    client: httpx.Client, world: World, bakery: Bakery
) -> None:
    """Nothing happens while it hangs; after the release it is served as it was sent."""
    order(client, kind="stall", times=None)
    answers: list[str] = []
    caller = threading.Thread(
        target=lambda: answers.append(
            httpx.post(f"{client.base_url}/bakery/loaves", content=b"rye", timeout=5).text
        )
    )
    caller.start()
    deadline = time.monotonic() + 5
    while not statuses(client) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (statuses(client), bakery.baked) == ([0], 0)
    client.delete("/_/faults")
    caller.join(5)
    assert (answers, bakery.baked) == (['{"loaf":"rye"}'], 1)


def test_a_caller_who_gives_up_on_a_stalled_request_gets_no_work_done(
    client: httpx.Client, bakery: Bakery
) -> None:
    """Releasing it afterwards bakes nothing."""
    order(client, kind="stall")
    with pytest.raises(httpx.ReadTimeout):
        client.post("/bakery/loaves", timeout=0.05)
    client.delete("/_/faults")
    client.get("/bakery/loaves")
    assert bakery.baked == 1


def test_a_status_is_answered_in_the_words_of_the_service(
    client: httpx.Client, bakery: Bakery
) -> None:
    """A stand-in's own error shape, and no work."""
    order(client, kind="status", status=503)
    answer = client.post("/bakery/loaves")
    assert (answer.status_code, answer.json(), bakery.baked) == (503, {"sorry": 503}, 0)


def test_a_gateway_answers_with_a_page(client: httpx.Client) -> None:
    """HTML where JSON was expected, with a gateway's status."""
    order(client, kind="html")
    answer = client.post("/bakery/loaves")
    assert (answer.status_code, answer.headers["content-type"][:9]) == (502, "text/html")


def test_garbage_is_half_a_document(client: httpx.Client) -> None:
    """Status 200, and JSON that does not parse."""
    order(client, kind="garbage")
    answer = client.post("/bakery/loaves")
    assert answer.status_code == 200
    with pytest.raises(ValueError, match="Unterminated"):
        answer.json()


def test_a_fault_meets_only_what_it_names_and_only_so_often(client: httpx.Client) -> None:
    """Two times, the matching requests of the service; others pass."""
    order(client, kind="status", status=500, times=2)
    assert client.get("/bakery/loaves").status_code == 200
    assert [client.post("/bakery/loaves").status_code for _ in range(3)] == [500, 500, 200]


def test_a_fault_can_name_a_piece_of_the_query(client: httpx.Client) -> None:
    """The query is decoded before it is compared."""
    order(client, kind="status", status=500, match="kind=rye bread")
    assert client.get("/bakery/loaves?kind=white").status_code == 200
    assert client.get("/bakery/loaves?kind=rye%20bread").status_code == 500


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "explode"},
        {"kind": "status", "status": 302},
        {"kind": "reset", "times": 0},
        {"kind": "reset", "service": ""},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(
    client: httpx.Client, fault: dict[str, Any]
) -> None:
    """400 with a reason, and nothing is ordered."""
    answer = client.post("/_/faults", json={"service": "bakery", "match": ""} | fault)
    assert answer.status_code == 400
    assert client.get("/_/faults").json() == {"faults": []}


def test_stand_ins_without_http_take_faults_too(world: World) -> None:
    """An order is used up by whoever asks with a matching line."""
    world.faults.add(Fault("mail", "DATA", "reset"))
    assert world.faults.take("mail", "SMTP HELO") is None
    assert world.faults.take("mail", "SMTP DATA") is not None
    assert world.faults.take("mail", "SMTP DATA") is None


def test_a_waiting_page_is_told_when_something_changes(client: httpx.Client, world: World) -> None:
    """The long poll ends with the next version."""
    versions: list[int] = []
    poll = threading.Thread(
        target=lambda: versions.append(
            httpx.get(f"{client.base_url}/_/changes?after=0", timeout=5).json()["version"]
        )
    )
    poll.start()
    world.changed.bump()
    poll.join(5)
    assert versions == [1] == [world.changed.wait(after=0, seconds=1)]


def test_a_taken_port_is_an_error_at_once(client: httpx.Client) -> None:
    """The caller of serve learns it, not a log line."""
    port = client.base_url.port
    assert port is not None
    with pytest.raises(OSError, match="in use"), serve(Starlette(), port):
        pass


def test_two_stand_ins_cannot_share_a_place(world: World, bakery: Bakery) -> None:
    """The second registration is refused."""
    with pytest.raises(ValueError, match="taken by bakery"):
        world.add(Bakery())
