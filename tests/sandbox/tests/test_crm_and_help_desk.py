"""The sandbox's HubSpot and Zendesk over HTTP: what they refuse, and what people do in them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.sandbox.company import build
from tests.sandbox.hubspot import HubSpot
from tests.sandbox.world import World, serve
from tests.sandbox.zendesk import Zendesk

START = datetime(2026, 11, 20, 18, tzinfo=UTC)
FILE: dict[str, Any] = {
    "company": {"DefaultTimeZone": "America/New_York"},
    "crm": [
        {
            "email": "Ann@one.example",
            "name": "Ann Lee",
            "company": "One",
            "owner": {"name": "Marc Oduya", "email": "marc@x.example"},
            "notes": [{"at": "today-3T14:05", "text": "Hello."}, {"at": "today", "text": "Now."}],
            "properties": {"vip": "true"},
        }
    ],
    "tickets": [
        {
            "id": 88,
            "requester": "ann@one.example",
            "organization": "One",
            "subject": "A pallet",
            "status": "pending",
            "created": "today-2T08:00",
            "comments": [
                {"at": "today-2T08:00", "author": "ann@one.example", "public": True, "text": "?"},
                {"at": "today-1T08:00", "author": "ann", "public": False, "text": "Hm."},
            ],
        }
    ],
}


@dataclass
class Served:
    """Both, and a client that has their keys."""

    world: World
    hubspot: HubSpot
    zendesk: Zendesk
    client: httpx.Client

    def crm(self, path: str, body: Any = None, **more: Any) -> httpx.Response:
        key = {"Authorization": f"Bearer {self.hubspot.token}"}
        method = "GET" if body is None else "POST"
        return self.client.request(method, f"/hubspot{path}", json=body, headers=key | more)

    def desk(self, path: str, **params: str) -> httpx.Response:
        id, secret = self.zendesk.client
        asked = {"grant_type": "client_credentials", "scope": "tickets:read users:read"}
        grant = asked | {"client_id": id, "client_secret": secret}
        token = self.client.post("/zendesk/oauth/tokens", json=grant).json()["access_token"]
        key = {"Authorization": f"Bearer {token}"}
        return self.client.get(f"/zendesk/api/v2/{path}", params=params, headers=key)

    def control(self, path: str, **body: Any) -> httpx.Response:
        return self.client.post(f"/_/{path}", json=body)


@pytest.fixture
def served() -> Iterator[Served]:
    """Both with what a company's file says."""
    world = World(clock=lambda: START)
    hubspot, zendesk = HubSpot(world), Zendesk(world)
    company = build(FILE, START)
    for each in (hubspot, zendesk):
        each.load(company)
        world.add(each)
    with serve(world.app()) as url, httpx.Client(base_url=url, trust_env=False) as client:
        yield Served(world, hubspot, zendesk, client)


def test_a_file_fills_both_in_the_companys_zone(served: Served) -> None:
    """Times of the file are local, none is in the future, and the world shows them."""
    shown = served.client.get("/_/world").json()
    assert shown["crm"] == [
        {
            "email": "ann@one.example",
            "name": "Ann Lee",
            "company": "One",
            "owner": "Marc Oduya",
            "notes": [
                {"at": "2026-11-17T19:05:00Z", "text": "Hello."},
                {"at": "2026-11-20T14:00:00Z", "text": "Now."},
            ],
        }
    ]
    (ticket,) = shown["tickets"]
    assert (ticket["created"], ticket["status"]) == ("2026-11-18T13:00:00Z", "pending")
    assert [comment["author"] for comment in ticket["comments"]] == [
        "ann@one.example",
        "ann@desk.example",
    ]


def test_people_add_to_both(served: Served) -> None:
    """A note, a ticket and a comment, which the page hears of; nonsense is refused in words."""
    before = served.world.changed.version
    assert served.control("crm/note", email="ANN@one.example", text="Called.").status_code == 200
    added = served.control("tickets/add", requester="b@one.example", subject="New").json()["id"]
    said = served.control("tickets/comment", id=added, author="b@one.example", text="Well?")
    assert said.status_code == 200
    assert served.world.changed.version == before + 3
    assert served.desk(f"tickets/{added}/comments").json()["comments"][0]["body"] == "Well?"
    refused = (
        served.control("crm/note", email="x@one.example", text="?"),
        served.control("tickets/comment", id=7, author="a", text="?"),
        served.control("tickets/add", id=88, requester="a@b.example", subject="Twice"),
    )
    assert [(r.status_code, bool(r.json()["error"])) for r in refused] == [(400, True)] * 3


GOOD: dict[str, Any] = {
    "filterGroups": [{"filters": [{"propertyName": "email", "operator": "EQ", "value": "x"}]}],
    "properties": ["email"],
    "sorts": [],
    "limit": 5,
    "after": "0",
}


def among(*values: str, operator: str = "IN", name: str = "email") -> dict[str, Any]:
    """A search with one filter."""
    by = {"propertyName": name, "operator": operator, "values": list(values)}
    return GOOD | {"filterGroups": [{"filters": [by]}]}


SEARCH, BATCH = "/crm/objects/2026-03/contacts/search", "/crm/objects/2026-03/notes/batch/read"
LINKS = "/crm/associations/2026-03/contacts/notes/batch/read"
NOT_FOR_HUBSPOT: dict[str, tuple[str, Any, int]] = {
    **{
        f"a search without {name}": (SEARCH, {k: v for k, v in GOOD.items() if k != name}, 400)
        for name in GOOD
    },
    "an unknown field": (SEARCH, GOOD | {"archived": False}, 400),
    "a page of 201": (SEARCH, GOOD | {"limit": 201}, 400),
    "a number as a cursor": (SEARCH, GOOD | {"after": 0}, 400),
    "beyond 10,000": (SEARCH, GOOD | {"after": "9999"}, 400),
    "an unknown operator": (SEARCH, among("x", operator="LIKE"), 400),
    "an unknown property": (SEARCH, among("x", name="mail"), 400),
    "101 values": (SEARCH, among(*map(str, range(101))), 400),
    "capitals in IN": (SEARCH, among("Ann@one.example"), 400),
    "an old version": (SEARCH.replace("2026-03", "v3"), GOOD, 404),
    "another kind of object": (SEARCH.replace("contacts", "deals"), GOOD, 404),
    "101 objects": (BATCH, {"properties": [], "inputs": [{"id": str(n)} for n in range(101)]}, 400),
    "a batch without properties": (BATCH, {"inputs": [{"id": "1"}]}, 400),
    "an id that is a number": (BATCH, {"properties": [], "inputs": [{"id": 1}]}, 400),
    "1,001 objects with links": (LINKS, {"inputs": [{"id": str(n)} for n in range(1001)]}, 400),
    "a body that is a list": (LINKS, [], 400),
    "owners by an unknown parameter": ("/crm/owners/2026-03?name=x", None, 400),
    "a write": ("/crm/objects/2026-03/notes", {"properties": {}}, 404),
}


@pytest.mark.parametrize("asked", NOT_FOR_HUBSPOT.values(), ids=NOT_FOR_HUBSPOT)
def test_hubspot_refuses(served: Served, asked: tuple[str, Any, int]) -> None:
    """What the published API does not permit, in its own shape."""
    path, body, status = asked
    assert served.crm(SEARCH, GOOD).status_code == 200
    answer = served.crm(path, body)
    assert answer.status_code == status
    if "/notes" not in path or "batch" in path:
        assert {"category", "correlationId", "message"} <= answer.json().keys()


def test_hubspot_tells_keys_scopes_and_limits_apart(served: Served) -> None:
    """401 without the key, 403 without the scope, 429 above the limit, then it goes on."""
    assert served.crm(SEARCH, GOOD, Authorization="Bearer x").status_code == 401
    served.hubspot.scopes.remove("crm.objects.contacts.read")
    assert served.crm(SEARCH, GOOD).status_code == 403
    served.hubspot.scopes.add("crm.objects.contacts.read")
    served.hubspot.limits.searches_per_second = 1
    served.hubspot.limits.retry_after = True
    answers = [served.crm(SEARCH, GOOD) for _ in range(8)]
    late = next(answer for answer in answers if answer.status_code == 429)
    assert (late.json()["category"], late.headers["Retry-After"]) == ("RATE_LIMITS", "1")
    missing = served.crm(BATCH, {"properties": [], "inputs": [{"id": "9"}]})
    assert (missing.status_code, missing.json()["errors"][0]["context"]) == (207, {"ids": ["9"]})


NOT_FOR_ZENDESK: dict[str, tuple[str, dict[str, str], int]] = {
    "no query": ("search", {}, 422),
    "an unknown parameter": ("search", {"query": "type:ticket", "limit": "5"}, 422),
    "words": ("search", {"query": "type:ticket pallet"}, 422),
    "a quote that is not closed": ("search", {"query": 'type:ticket requester:"a'}, 422),
    "an unknown keyword": ("search", {"query": "type:ticket mail:a"}, 422),
    "an unknown status": ("search", {"query": "type:ticket status:lost"}, 422),
    "a page beyond 1,000": ("search", {"query": "type:ticket", "page": "11"}, 422),
    "a page that is no number": ("search", {"query": "type:ticket", "page": "x"}, 422),
    "users by a name": ("users/search", {"query": "name:ann"}, 422),
    "a ticket that is not there": ("tickets/7/comments", {}, 404),
    "too large a page": ("tickets/88/comments", {"page[size]": "101"}, 422),
}


@pytest.mark.parametrize("asked", NOT_FOR_ZENDESK.values(), ids=NOT_FOR_ZENDESK)
def test_zendesk_refuses(served: Served, asked: tuple[str, dict[str, str], int]) -> None:
    """What the published API does not permit, in its own shape."""
    path, params, status = asked
    answer = served.desk(path, **params)
    assert answer.status_code == status
    assert answer.json()["error"]


def test_zendesk_gives_tokens_that_end(served: Served) -> None:
    """To its client alone, for the scopes it has; they end, and new tickets take a while."""
    id, secret = served.zendesk.client
    good = {"grant_type": "client_credentials", "scope": "tickets:read"}
    good |= {"client_id": id, "client_secret": secret}
    for wrong, status in (
        ({"client_secret": "x"}, 401),
        ({"grant_type": "password"}, 400),
        ({"scope": "tickets:write"}, 400),
    ):
        answer = served.client.post("/zendesk/oauth/tokens", json=good | wrong)
        assert (answer.status_code, "error" in answer.json()) == (status, True)
    granted = served.client.post("/zendesk/oauth/tokens", json=good).json()
    key = {"Authorization": f"Bearer {granted['access_token']}"}

    def asked(path: str) -> int:
        return served.client.get(f"/zendesk/api/v2/{path}", headers=key).status_code

    assert (asked("tickets/88"), asked("users/search?query=email:a")) == (200, 403)
    served.world.clock = lambda: START + timedelta(seconds=granted["expires_in"])
    assert asked("tickets/88") == 401
    served.zendesk.limits.lag = timedelta(minutes=5)
    served.control("tickets/add", requester="b@one.example", subject="New")
    assert served.desk("search/count", query="type:ticket").json() == {"count": 1}
