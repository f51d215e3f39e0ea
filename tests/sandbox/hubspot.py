"""A stand-in for HubSpot's CRM: the few calls that read contacts, companies, notes and owners.

Strict to the published API of 2026-03: all five fields of a search, no unknown field, the limits
of values, pages and batches, associations in pages, a multi-status where something of a batch does
not exist, searches per second. It can only be read.
"""

import re
import time
import uuid
from collections import deque
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.sandbox.company import Company, moment, zone_of
from tests.sandbox.control import NotPossibleError, body_of, wanted
from tests.sandbox.world import World

TOKEN = "pat-na1-sandbox"
VERSIONS = ("2026-03", "2026-09")
SCOPES = frozenset(
    {"crm.objects.contacts.read", "crm.objects.companies.read", "crm.objects.owners.read"}
)
SCOPE_OF = {"contacts": "contacts", "companies": "companies", "notes": "contacts"}
KINDS = tuple(SCOPE_OF)
SEARCH = {"filterGroups", "properties", "sorts", "limit", "after"}
"""What a search must have; `query` it may have."""
FILTER = {"propertyName", "operator", "value", "values", "highValue"}
OPERATORS = {
    *("EQ", "NEQ", "LT", "LTE", "GT", "GTE", "BETWEEN", "IN", "NOT_IN", "HAS_PROPERTY"),
    *("NOT_HAS_PROPERTY", "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"),
}
OFFERED = {"EQ", "IN", "HAS_PROPERTY"}
"""The operators that this stand-in carries out."""
STANDARD = {
    "contacts": {"email", "firstname", "lastname", "hs_additional_emails", "hubspot_owner_id"},
    "companies": {"name", "domain", "hubspot_owner_id"},
    "notes": {"hs_note_body", "hs_timestamp", "hubspot_owner_id"},
}
FREE = ("gmail.com", "outlook.com")
FIRST_ID = {"contacts": 151, "companies": 9001, "notes": 70001, "owners": 501}

Body = dict[str, Any]
Key = tuple[str, str]


class HubSpotError(Exception):
    """A refusal in HubSpot's words."""

    def __init__(self, status: int, category: str, message: str) -> None:
        super().__init__(message)
        self.status, self.category = status, category


@dataclass
class Limits:
    """What an account may do; tests set these lower."""

    searches_per_second: int = 5
    requests_per_ten_seconds: int = 100
    links_per_page: int = 500
    retry_after: bool = False
    """Whether a refusal says how long to wait."""


@dataclass
class Crm:
    """What the account holds: objects by kind and id, links both ways, owners."""

    objects: dict[Key, Body] = field(default_factory=dict)
    links: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)
    owners: list[Body] = field(default_factory=list)
    properties: dict[str, set[str]] = field(
        default_factory=lambda: {kind: set(names) for kind, names in STANDARD.items()}
    )
    taken: dict[str, int] = field(default_factory=dict)

    def add(self, kind: str, properties: Body, at: datetime) -> str:
        """Put an object into the account; gives its id."""
        id = self.new_id(kind)
        self.properties[kind] |= properties.keys()
        known = properties | {"hs_object_id": id}
        self.objects[kind, id] = {"id": id, "properties": known, "at": at}
        return id

    def new_id(self, kind: str) -> str:
        self.taken[kind] = self.taken.get(kind, FIRST_ID[kind]) + 1
        return str(self.taken[kind])

    def link(self, one: Key, other: Key) -> None:
        """Associate two objects."""
        for (kind, id), (to, target) in ((one, other), (other, one)):
            self.links.setdefault((kind, id, to), []).append(target)

    def of(self, kind: str) -> list[Body]:
        return [found for (k, _), found in self.objects.items() if k == kind]

    def owner(self, name: str, email: str) -> str:
        """The id of the owner with this address, who is added if need be."""
        for known in self.owners:
            if known["email"] == email:
                return str(known["id"])
        first, _, last = name.rpartition(" ")
        owner = {"id": self.new_id("owners"), "email": email, "type": "PERSON", "archived": False}
        stamp = {"createdAt": "2024-02-01T09:00:00Z", "updatedAt": "2024-02-01T09:00:00Z"}
        self.owners.append(owner | stamp | {"firstName": first, "lastName": last, "userId": 7})
        return str(owner["id"])


class HubSpot:
    """The service. Mounted at `/hubspot`, so that `HUBSPOT_API_URL` is `…/hubspot`."""

    name = "hubspot"

    def __init__(self, world: World, token: str = TOKEN) -> None:
        self.world, self.token = world, token
        self.scopes = set(SCOPES)
        self.limits = Limits()
        self.crm = Crm()
        self._searches: deque[float] = deque()
        self._requests: deque[float] = deque()

    def load(self, company: Company) -> None:
        """Take over what a company's file says of its CRM. Raises ValueError."""
        try:
            for entry in company.crm:
                self.add(entry, zone=zone_of(company))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"an entry of crm cannot be read: {error!r}") from error

    def add(self, entry: Body, zone: Any = UTC) -> str:
        """A contact as in a company's file, with its company, owner and notes; gives its id."""
        crm, now = self.crm, self.world.clock()
        owner = entry.get("owner")
        owned = {"hubspot_owner_id": crm.owner(owner["name"], owner["email"])} if owner else {}
        own = dict(entry.get("properties", {}))
        first, _, last = entry.get("name", "").rpartition(" ")
        person = {"email": entry["email"].lower(), "firstname": first, "lastname": last}
        firm = entry.get("company", "")
        contact = crm.add("contacts", person | owned | ({} if firm else own), now)
        if firm:
            company = self._company(firm, entry["email"], owned | own)
            crm.link(("contacts", contact), ("companies", company))
        for note in entry.get("notes", ()):
            self.note(contact, note["text"], moment(note["at"], zone, now))
        return contact

    def _company(self, name: str, email: str, properties: Body) -> str:
        for known in self.crm.of("companies"):
            if known["properties"]["name"] == name:
                known["properties"] |= properties
                self.crm.properties["companies"] |= properties.keys()
                return str(known["id"])
        domain = email.partition("@")[2].lower()
        named = {"name": name} | ({} if domain in FREE else {"domain": domain})
        return self.crm.add("companies", named | properties, self.world.clock())

    def note(self, contact: str, text: str, at: datetime) -> str:
        """A note on a contact and on its companies."""
        stamp = at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        note = self.crm.add("notes", {"hs_note_body": text, "hs_timestamp": stamp}, at)
        self.crm.link(("contacts", contact), ("notes", note))
        for company in self.crm.links.get(("contacts", contact, "companies"), ()):
            self.crm.link(("companies", company), ("notes", note))
        return note

    def app(self) -> Starlette:
        """The HTTP side."""
        objects, links = "/crm/objects/{version}/{kind}", "/crm/associations/{version}"
        return Starlette(
            routes=[
                Route(f"{objects}/search", self._served(self._search), methods=["POST"]),
                Route(f"{objects}/batch/read", self._served(self._batch), methods=["POST"]),
                Route(
                    f"{links}/{{kind}}/{{to}}/batch/read",
                    self._served(self._associations),
                    methods=["POST"],
                ),
                Route("/crm/owners/{version}", self._served(self._owners)),
            ],
            exception_handlers={HubSpotError: self._refused},
        )

    def snapshot(self) -> Body:
        """Who is in the CRM, and the notes about them."""
        with self.world.lock:
            return {"crm": [self._shown(contact) for contact in self.crm.of("contacts")]}

    def control(self) -> list[Route]:
        """What people do in the CRM."""
        return [Route("/crm/note", self._add_note, methods=["POST"])]

    def refusal(self, status: int) -> Response:
        """An error in the shape of the service."""
        category = {401: "INVALID_AUTHENTICATION", 403: "MISSING_SCOPES", 429: "RATE_LIMITS"}
        return _error(status, category.get(status, "VALIDATION_ERROR"), "ordered by the sandbox")

    def _shown(self, contact: Body) -> Body:
        about = contact["properties"]
        firms = self.crm.links.get(("contacts", contact["id"], "companies"), ())
        owner = next((o for o in self.crm.owners if o["id"] == about.get("hubspot_owner_id")), None)
        notes = self.crm.links.get(("contacts", contact["id"], "notes"), ())
        return {
            "email": about["email"],
            "name": f"{about['firstname']} {about['lastname']}".strip(),
            "company": ", ".join(self._name(firm) for firm in firms),
            "owner": f"{owner['firstName']} {owner['lastName']}".strip() if owner else "",
            "notes": [
                {"at": note["hs_timestamp"], "text": note["hs_note_body"]}
                for note in (self.crm.objects["notes", id]["properties"] for id in notes)
            ],
        }

    def _name(self, company: str) -> str:
        return str(self.crm.objects["companies", company]["properties"]["name"])

    async def _add_note(self, request: Request) -> Response:
        """`{"email","text"}`: somebody writes a note about this contact."""
        body = await body_of(request)
        email, text = wanted(body, "email").lower(), wanted(body, "text")
        with self.world.lock:
            contacts = self.crm.of("contacts")
            found = [c["id"] for c in contacts if c["properties"]["email"] == email]
            if not found:
                raise NotPossibleError(f"the CRM has no contact {email}")
            note = self.note(found[0], text, self.world.clock())
        self.world.changed.bump()
        return JSONResponse({"id": note})

    # The API

    def _served(self, answer: Callable[[Request, Body], Response]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            self._authorize(request)
            body = await _body(request) if request.method == "POST" else {}
            with self.world.lock:
                return answer(request, body)

        return endpoint

    def _authorize(self, request: Request) -> None:
        if request.headers.get("authorization") != f"Bearer {self.token}":
            raise HubSpotError(
                401, "INVALID_AUTHENTICATION", "Authentication credentials not found"
            )
        path = request.path_params
        kinds = [path[name] for name in ("kind", "to") if name in path]
        if path["version"] not in VERSIONS or not set(kinds) <= set(KINDS):
            raise HubSpotError(404, "OBJECT_NOT_FOUND", "resource not found")
        needed = {f"crm.objects.{SCOPE_OF[kind]}.read" for kind in kinds}
        if not (needed or {"crm.objects.owners.read"}) <= self.scopes:
            raise HubSpotError(403, "MISSING_SCOPES", "This app hasn't been granted all scopes")

    def _search(self, request: Request, body: Body) -> Response:
        self._pace(self._searches, self.limits.searches_per_second, 1, "SECONDLY")
        kind = request.path_params["kind"]
        _require(body, SEARCH, {"query"})
        limit, after = body["limit"], body["after"]
        if type(limit) is not int or not 1 <= limit <= 200:
            raise _invalid("limit must be from 1 to 200")
        if not (isinstance(after, str) and after.isdigit()) or int(after) + limit > 10_000:
            raise _invalid("after must be a cursor, and at most 10,000 results can be paged")
        groups = _list(body, "filterGroups")
        self._meets(
            kind, {"properties": {}}, groups
        )  # refuses what is wrong even if nothing is there
        found = [o for o in self._now(kind) if self._meets(kind, o, groups)]
        page = found[int(after) : int(after) + limit]
        answer: Body = {"total": len(found), "results": [_show(o, body) for o in page]}
        if int(after) + limit < len(found):
            answer["paging"] = {"next": {"after": str(int(after) + limit), "link": "https://…"}}
        return JSONResponse(answer)

    def _now(self, kind: str) -> list[Body]:
        """Objects of a kind; a note of tomorrow is not written yet."""
        now = self.world.clock()
        return [o for o in self.crm.of(kind) if kind != "notes" or o["at"] <= now]

    def _meets(self, kind: str, found: Body, groups: list[Body]) -> bool:
        if len(groups) > 5 or sum(len(_list(group, "filters")) for group in groups) > 18:
            raise _invalid("too many filters")
        checked = [[self._passes(kind, found, f) for f in _list(g, "filters")] for g in groups]
        return not checked or any(all(each) for each in checked)

    def _passes(self, kind: str, found: Body, by: Body) -> bool:
        _require(by, {"propertyName", "operator"}, FILTER)
        name, operator = by["propertyName"], by["operator"]
        if operator not in OPERATORS:
            raise _invalid(f"{operator} is no operator")
        if name not in self.crm.properties[kind] | {"hs_object_id"}:
            raise _invalid(f"There was a problem with the request: property {name} does not exist")
        if operator not in OFFERED:
            raise _invalid(f"the stand-in does not offer {operator}")
        has = found["properties"].get(name)
        if operator == "HAS_PROPERTY":
            return has not in (None, "")
        values = [str(v) for v in ([by.get("value")] if operator == "EQ" else _list(by, "values"))]
        if not 0 < len(values) <= 100:
            raise _invalid("values must be 1 to 100 texts")
        if operator == "IN" and any(value != value.lower() for value in values):
            raise _invalid("values of IN must be lowercase")
        return str(has or "").lower() in values

    def _batch(self, request: Request, body: Body) -> Response:
        self._pace(self._requests, self.limits.requests_per_ten_seconds, 10, "TEN_SECONDLY_ROLLING")
        _require(body, {"inputs", "properties"}, {"propertiesWithHistory", "idProperty"})
        if "idProperty" in body:
            raise _invalid("the stand-in reads by id only")
        kind, ids = request.path_params["kind"], _inputs(body, 100, {"id"})
        objects = {o["id"]: o for o in self._now(kind)}
        gone = [each["id"] for each in ids if each["id"] not in objects]
        answer = _done([_show(objects[e["id"]], body) for e in ids if e["id"] in objects])
        if gone:
            message = f"Could not get some {kind} objects, they may be deleted or not exist."
            answer |= _errors([{"message": message, "context": {"ids": gone}}])
        return JSONResponse(answer, 207 if gone else 200)

    def _associations(self, request: Request, body: Body) -> Response:
        _require(body, {"inputs"}, set())
        kind, to = request.path_params["kind"], request.path_params["to"]
        inputs = _inputs(body, 1000, {"id", "after"})
        there = {o["id"] for o in self._now(to)}
        results = [self._linked(kind, to, e["id"], e.get("after", "0"), there) for e in inputs]
        none = [e["id"] for e, found in zip(inputs, results, strict=True) if not found["to"]]
        answer = _done([found for found in results if found["to"]])
        if none:
            answer |= _errors(
                {
                    "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
                    "message": f"No {to} is associated with {kind} {id}.",
                    "context": {"fromObjectId": [id], "fromObjectType": [kind]},
                }
                for id in none
            )
        return JSONResponse(answer, 207 if none else 200)

    def _linked(self, kind: str, to: str, id: str, after: str, there: Container[str]) -> Body:
        targets = [t for t in self.crm.links.get((kind, id, to), ()) if t in there]
        start, size = int(after), self.limits.links_per_page
        found: Body = {"from": {"id": id}, "to": []}
        for number, target in enumerate(targets[start : start + size], start):
            types = [{"category": "HUBSPOT_DEFINED", "typeId": 279, "label": None}]
            if (kind, to) == ("contacts", "companies") and number == 0:
                types.append({"category": "HUBSPOT_DEFINED", "typeId": 1, "label": "Primary"})
            found["to"].append({"toObjectId": target, "associationTypes": types})
        if start + size < len(targets):
            found["paging"] = {"next": {"after": str(start + size), "link": "https://…"}}
        return found

    def _owners(self, request: Request, _: Body) -> Response:
        self._pace(self._requests, self.limits.requests_per_ten_seconds, 10, "TEN_SECONDLY_ROLLING")
        asked = dict(request.query_params)
        if not asked.keys() <= {"limit", "after", "email", "archived"}:
            raise _invalid("unknown parameter")
        limit, after = int(asked.get("limit", 100)), int(asked.get("after", 0))
        if not 1 <= limit <= 500:
            raise _invalid("limit must be from 1 to 500")
        active = [o for o in self.crm.owners if not o["archived"]]
        answer: Body = {"results": active[after : after + limit]}
        if after + limit < len(active):
            answer["paging"] = {"next": {"after": str(after + limit)}}
        return JSONResponse(answer)

    def _pace(self, times: deque[float], most: int, seconds: float, policy: str) -> None:
        now = time.monotonic()
        while times and times[0] <= now - seconds:
            times.popleft()
        if len(times) >= most:
            raise HubSpotError(429, "RATE_LIMITS", f"You have reached your {policy.lower()} limit.")
        times.append(now)

    async def _refused(self, _: Request, error: Exception) -> Response:
        assert isinstance(error, HubSpotError)
        answer = _error(error.status, error.category, str(error))
        if error.status == 429 and self.limits.retry_after:
            answer.headers["Retry-After"] = "1"
        return answer


async def _body(request: Request) -> Body:
    try:
        body = await request.json()
    except ValueError as error:
        raise _invalid("Invalid input JSON") from error
    if not isinstance(body, dict):
        raise _invalid("Invalid input JSON")
    return body


def _require(body: Any, required: set[str], beside: set[str]) -> None:
    """Refuse an object that lacks a field, or has one that HubSpot does not know."""
    if not isinstance(body, dict) or not required <= body.keys() <= required | beside:
        raise _invalid(f"expected an object with {', '.join(sorted(required))}")


def _list(body: Body, name: str) -> list[Any]:
    found = body.get(name)
    if not isinstance(found, list):
        raise _invalid(f"{name} must be a list")
    return found


def _inputs(body: Body, most: int, fields: set[str]) -> list[Body]:
    inputs = _list(body, "inputs")
    if not 0 < len(inputs) <= most:
        raise _invalid(f"expected 1 to {most} inputs")
    for each in inputs:
        _require(each, {"id"}, fields)
        if not re.fullmatch(r"\d+", str(each["id"])) or not isinstance(each["id"], str):
            raise _invalid("an id must be a number in a text")
    return inputs


def _show(found: Body, body: Body) -> Body:
    """An object with the properties that were asked for; unknown ones are left out in silence."""
    names = ["hs_object_id", *_list(body, "properties")]
    own, at = found["properties"], found["at"].astimezone(UTC).isoformat()
    properties = {name: own.get(name) for name in names}
    stamp = {"createdAt": at, "updatedAt": at, "archived": False}
    return {"id": found["id"], "properties": properties, **stamp}


def _done(results: Sequence[Body]) -> Body:
    now = datetime.now(UTC).isoformat()
    return {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}


def _errors(errors: Any) -> Body:
    listed = [{"status": "error", "category": "OBJECT_NOT_FOUND", **error} for error in errors]
    return {"numErrors": len(listed), "errors": listed}


def _invalid(message: str) -> HubSpotError:
    return HubSpotError(400, "VALIDATION_ERROR", message)


def _error(status: int, category: str, message: str) -> Response:
    body = {"status": "error", "message": message, "category": category}
    return JSONResponse(body | {"correlationId": str(uuid.uuid4())}, status)
