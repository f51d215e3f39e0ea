"""A stand-in for Zendesk: OAuth by client credentials, searches, tickets' comments.

Strict to the published API: a bearer that ends, scopes, a query language whose keywords must
exist, 100 results on a page, 1,000 in a search and then 422, requests per minute. It can only be
read.
"""

import re
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.sandbox.company import Company, moment, zone_of
from tests.sandbox.control import NotPossibleError, body_of, wanted
from tests.sandbox.world import World

CLIENT_ID, CLIENT_SECRET = "overdue_sandbox", "zd-sandbox-secret"
SCOPES = frozenset({"tickets:read", "users:read"})
STATUSES = ("new", "open", "pending", "hold", "solved", "closed")
MOST_FOUND = 1000
TERM = re.compile(r'(?P<key>[a-z_]+)(?P<op>:|<=|>=|<|>)(?:"(?P<quoted>[^"]*)"|(?P<plain>[^\s"]+))')

Body = dict[str, Any]
Query = list[tuple[str, str, str]]


class ZendeskError(Exception):
    """A refusal; `body` is what Zendesk says."""

    def __init__(self, status: int, body: Body) -> None:
        super().__init__(str(body))
        self.status, self.body = status, body


@dataclass
class Limits:
    """What an account may do; tests set these lower."""

    per_minute: int = 700
    page: int = 100
    lasts: int = 1800
    """Seconds until an access token ends."""
    lag: timedelta = timedelta(0)
    """How long a new ticket is not found."""


@dataclass
class Desk:
    """What the account holds."""

    users: dict[int, Body] = field(default_factory=dict)
    organizations: dict[str, int] = field(default_factory=dict)
    tickets: dict[int, Body] = field(default_factory=dict)
    comments: dict[int, list[Body]] = field(default_factory=dict)
    taken: int = 400

    def new_id(self) -> int:
        self.taken += 1
        return self.taken

    def user(self, email: str, role: str = "end-user", organization: str = "") -> int:
        """The id of a user, who is added if need be."""
        email = email.lower()
        for id, known in self.users.items():
            if known["email"] == email:
                return id
        firm = self.organization(organization) if organization else None
        id, name = self.new_id(), email.partition("@")[0]
        about = {"email": email, "name": name, "role": role, "organization_id": firm}
        self.users[id] = {"id": id} | about
        return id

    def organization(self, name: str) -> int:
        if name not in self.organizations:
            self.organizations[name] = self.new_id()
        return self.organizations[name]


class Zendesk:
    """The service. Mounted at `/zendesk`, so that `ZENDESK_API_URL` is `…/zendesk`."""

    name = "zendesk"

    def __init__(self, world: World) -> None:
        self.world = world
        self.client = (CLIENT_ID, CLIENT_SECRET)
        self.scopes = set(SCOPES)
        self.limits = Limits()
        self.desk = Desk()
        self.tokens: dict[str, tuple[datetime, frozenset[str]]] = {}
        """Access token → when it ends, and what it may."""
        self._requests: deque[float] = deque()

    def load(self, company: Company) -> None:
        """Take over what a company's file says of its help desk. Raises ValueError."""
        try:
            for entry in company.tickets:
                self.add(entry, zone=zone_of(company))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"an entry of tickets cannot be read: {error!r}") from error

    def add(self, entry: Body, zone: Any = UTC) -> int:
        """A ticket as in a company's file, with its comments; gives its id."""
        desk, now = self.desk, self.world.clock()
        id = int(entry.get("id") or desk.new_id())
        if id in desk.tickets:
            raise ValueError(f"the ticket {id} occurs twice")
        firm = entry.get("organization", "")
        created = moment(entry["created"], zone, now) if "created" in entry else now
        desk.tickets[id] = {
            "id": id,
            "subject": entry["subject"],
            "status": entry.get("status", "open"),
            "requester_id": desk.user(entry["requester"], organization=firm),
            "organization_id": desk.organization(firm) if firm else None,
            "created_at": created,
            "updated_at": created,
        }
        desk.comments[id] = []
        for comment in entry.get("comments", ()):
            at = moment(comment["at"], zone, now) if "at" in comment else created
            public = comment.get("public", True)
            files = comment.get("files", ())
            self.comment(id, comment["author"], comment["text"], at, public=public, files=files)
        return id

    def comment(
        self,
        id: int,
        author: str,
        text: str,
        at: datetime,
        *,
        public: bool = True,
        files: Iterable[str] = (),
    ) -> int:
        """A comment; an author who is no user with an address is one of the agents."""
        desk, ticket = self.desk, self.desk.tickets[id]
        known = {user["email"] for user in desk.users.values()}
        role = "end-user" if author.lower() in known else "agent"
        number = desk.new_id()
        said = {
            "id": number,
            "type": "Comment",
            "author_id": desk.user(author if "@" in author else f"{author}@desk.example", role),
            "body": text,
            "html_body": f"<div>{text}</div>",
            "plain_body": text,
            "public": public,
            "created_at": at,
            "attachments": [{"id": desk.new_id(), "file_name": name} for name in files],
        }
        desk.comments[id].append(said)
        ticket["updated_at"] = max(ticket["updated_at"], at)
        return number

    def end_tokens(self) -> None:
        """Every access token ends now."""
        self.tokens.clear()

    def app(self) -> Starlette:
        """The HTTP side."""
        api = "/api/v2"
        return Starlette(
            routes=[
                Route("/oauth/tokens", self._grant, methods=["POST"]),
                Route(f"{api}/search", self._served("tickets", self._search)),
                Route(f"{api}/search/count", self._served("tickets", self._total)),
                Route(f"{api}/users/search", self._served("users", self._users)),
                Route(f"{api}/users/me", self._served("users", self._me)),
                Route(f"{api}/tickets/{{id:int}}", self._served("tickets", self._ticket)),
                Route(f"{api}/tickets/{{id:int}}/comments", self._served("tickets", self._said)),
            ],
            exception_handlers={ZendeskError: _refused},
        )

    def snapshot(self) -> Body:
        """The tickets, with everything that was said."""
        with self.world.lock:
            return {"tickets": [self._shown(ticket) for ticket in self._now()]}

    def control(self) -> list[Route]:
        """What customers and agents do."""
        return [
            Route("/tickets/add", self._add, methods=["POST"]),
            Route("/tickets/comment", self._comment, methods=["POST"]),
        ]

    def refusal(self, status: int) -> Response:
        """An error in one of the two shapes of the service."""
        if status in (403, 422):
            return JSONResponse({"error": {"title": "Refused", "message": "ordered"}}, status)
        headers = {"Retry-After": "7"} if status == 429 else None
        return JSONResponse({"error": "Refused", "description": "ordered"}, status, headers)

    def _shown(self, ticket: Body) -> Body:
        desk = self.desk
        firms = {id: name for name, id in desk.organizations.items()}
        said = [
            {
                "at": _stamp(comment["created_at"]),
                "author": desk.users[comment["author_id"]]["email"],
                "public": comment["public"],
                "text": comment["body"],
            }
            for comment in desk.comments[ticket["id"]]
        ]
        return {
            "id": ticket["id"],
            "requester": desk.users[ticket["requester_id"]]["email"],
            "organization": firms.get(ticket["organization_id"], ""),
            "subject": ticket["subject"],
            "status": ticket["status"],
            "created": _stamp(ticket["created_at"]),
            "comments": said,
        }

    async def _add(self, request: Request) -> Response:
        """An entry as in a company's file."""
        body = await body_of(request)
        wanted(body, "requester"), wanted(body, "subject")
        with self.world.lock:
            try:
                id = self.add(body)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise NotPossibleError(f"this is no ticket: {error!r}") from error
        self.world.changed.bump()
        return JSONResponse({"id": id})

    async def _comment(self, request: Request) -> Response:
        """`{"id","author","public","text"}`."""
        body = await body_of(request)
        id, author, text = (wanted(body, name) for name in ("id", "author", "text"))
        with self.world.lock:
            if not id.isdigit() or int(id) not in self.desk.tickets:
                raise NotPossibleError(f"there is no ticket {id}")
            public = bool(body.get("public", True))
            said = self.comment(int(id), author, text, self.world.clock(), public=public)
        self.world.changed.bump()
        return JSONResponse({"id": said})

    # The API

    async def _grant(self, request: Request) -> Response:
        try:
            body = await request.json()
        except ValueError:
            body = dict(await request.form())
        if body.get("grant_type") != "client_credentials":
            return _oauth(400, "unsupported_grant_type")
        if (body.get("client_id"), body.get("client_secret")) != self.client:
            return _oauth(401, "invalid_client")
        asked = set(str(body.get("scope", "")).split())
        if not asked or not asked <= self.scopes:
            return _oauth(400, "invalid_scope")
        token = secrets.token_hex(16)
        ends = self.world.clock() + timedelta(seconds=self.limits.lasts)
        self.tokens[token] = (ends, frozenset(asked))
        granted = {"access_token": token, "token_type": "bearer", "scope": " ".join(sorted(asked))}
        return JSONResponse(granted | {"expires_in": self.limits.lasts})

    def _served(self, part: str, answer: Callable[[Request], Body]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            self._authorize(request, f"{part}:read")
            self._pace()
            with self.world.lock:
                return JSONResponse(answer(request))

        return endpoint

    def _authorize(self, request: Request, scope: str) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        ends, may = self.tokens.get(token, (datetime.min.replace(tzinfo=UTC), frozenset()))
        if scheme != "Bearer" or ends <= self.world.clock():
            description = "The access token provided is expired, revoked, malformed or invalid."
            raise ZendeskError(401, {"error": "invalid_token", "error_description": description})
        if scope not in may:
            message = "You do not have access to this page."
            raise ZendeskError(403, {"error": {"title": "Forbidden", "message": message}})

    def _pace(self) -> None:
        now = time.monotonic()
        while self._requests and self._requests[0] <= now - 60:
            self._requests.popleft()
        if len(self._requests) >= self.limits.per_minute:
            raise ZendeskError(429, {"error": "TooManyRequests", "description": "Rate limit"})
        self._requests.append(now)

    def _search(self, request: Request) -> Body:
        asked = _asked(request, {"query"}, {"page", "per_page", "sort_by", "sort_order"})
        query = _terms(asked["query"])
        if ("type", ":", "ticket") not in query:
            raise _unprocessable("query", "the stand-in searches for tickets only")
        return self._numbered(asked, [self._found(t) for t in self._meeting(query)], "results")

    def _total(self, request: Request) -> Body:
        asked = _asked(request, {"query"}, set())
        return {"count": len(self._meeting(_terms(asked["query"])))}

    def _users(self, request: Request) -> Body:
        asked = _asked(request, {"query"}, {"page", "per_page"})
        terms = _terms(asked["query"])
        if any((key, op) != ("email", ":") for key, op, _ in terms):
            raise _unprocessable("query", "the stand-in finds users by email only")
        emails = {value.lower() for _, _, value in terms}
        return self._numbered(
            asked, [u for u in self.desk.users.values() if u["email"] in emails], "users"
        )

    def _me(self, _: Request) -> Body:
        """The user whose OAuth client it is."""
        return {"user": self.desk.users[self.desk.user("admin@desk.example", "admin")]}

    def _ticket(self, request: Request) -> Body:
        return {"ticket": self._shape(self._one(request))}

    def _said(self, request: Request) -> Body:
        asked = _asked(request, set(), {"page[size]", "page[after]"})
        ticket, now = self._one(request), self.world.clock()
        said = [c for c in self.desk.comments[ticket["id"]] if c["created_at"] <= now]
        rows = [comment | {"created_at": _stamp(comment["created_at"])} for comment in said]
        return self._going_on(asked, rows, "comments")

    def _one(self, request: Request) -> Body:
        found = self.desk.tickets.get(request.path_params["id"])
        if found is None:
            raise ZendeskError(404, {"error": "RecordNotFound", "description": "Not found"})
        return found

    def _numbered(self, asked: Body, rows: list[Body], name: str) -> Body:
        page, size = _whole(asked, "page", 1), _whole(asked, "per_page", self.limits.page)
        size = min(size, self.limits.page)
        if size > 100 or page * size > MOST_FOUND:
            raise _unprocessable("page", "at most 100 on a page, and 1,000 in all")
        shown = rows[(page - 1) * size : page * size]
        more = page * size < min(len(rows), MOST_FOUND)
        following = f"{self.name}?page={page + 1}" if more else None
        return {name: shown, "count": len(rows), "next_page": following, "previous_page": None}

    def _going_on(self, asked: Body, rows: list[Body], name: str) -> Body:
        size = _whole(asked, "page[size]", 100)
        if size > 100:
            raise _unprocessable("page[size]", "at most 100")
        size, start = min(size, self.limits.page), _whole(asked, "page[after]", 0)
        more = start + size < len(rows)
        meta = {"has_more": more, "after_cursor": str(start + size) if more else None}
        return {name: rows[start : start + size], "meta": meta, "links": {"next": None}}

    def _now(self) -> list[Body]:
        now = self.world.clock()
        return [t for t in self.desk.tickets.values() if t["created_at"] <= now]

    def _meeting(self, query: Query) -> list[Body]:
        """The tickets that meet a query; several values of one keyword are alternatives."""
        found = []
        for ticket in self._now():
            by_key: dict[tuple[str, str], bool] = {}
            for key, op, value in query:
                meets = self._meets(ticket, key, op, value)
                by_key[key, op] = by_key.get((key, op), False) or meets
            if (
                all(by_key.values())
                and ticket["created_at"] <= self.world.clock() - self.limits.lag
            ):
                found.append(ticket)
        return found

    def _meets(self, ticket: Body, key: str, op: str, value: str) -> bool:
        if key == "type" and op == ":":
            return value == "ticket"
        if key == "status":
            return _compared(STATUSES.index(ticket["status"]), op, _status(value))
        if key == "updated" and op != ":":
            return _compared(self._updated(ticket).date(), op, _day(value))
        if key == "requester" and op == ":":
            requester = self.desk.users[ticket["requester_id"]]
            return value.lower() in (requester["email"], str(requester["id"]))
        if key == "organization" and op == ":":
            firm = ticket["organization_id"]
            return firm is not None and value in (str(firm), self._firm(firm))
        raise _unprocessable("query", f"the keyword {key}{op} is not known")

    def _firm(self, id: int) -> str:
        return next(name for name, known in self.desk.organizations.items() if known == id)

    def _updated(self, ticket: Body) -> datetime:
        """When it was last changed, as far as the clock has got."""
        now = self.world.clock()
        times: list[datetime] = [c["created_at"] for c in self.desk.comments[ticket["id"]]]
        created: datetime = ticket["created_at"]
        return max([created, *(at for at in times if at <= now)])

    def _found(self, ticket: Body) -> Body:
        return self._shape(ticket) | {"result_type": "ticket"}

    def _shape(self, ticket: Body) -> Body:
        said = self.desk.comments[ticket["id"]]
        return ticket | {
            "created_at": _stamp(ticket["created_at"]),
            "updated_at": _stamp(self._updated(ticket)),
            "description": said[0]["body"] if said else "",
            "is_public": any(comment["public"] for comment in said),
        }


def _terms(query: str) -> Query:
    """The terms of a query. Raises ZendeskError for what is none: it would be searched as text."""
    terms = [
        (found["key"], found["op"], found["plain"] if found["quoted"] is None else found["quoted"])
        for found in TERM.finditer(query)
    ]
    if not terms or TERM.sub("", query).strip():
        raise _unprocessable("query", "the stand-in does not search for words")
    return terms


def _asked(request: Request, required: set[str], beside: set[str]) -> Body:
    asked = dict(request.query_params)
    if not required <= asked.keys() <= required | beside:
        raise _unprocessable("parameters", f"needs {', '.join(sorted(required)) or 'none'}")
    return asked


def _whole(asked: Body, name: str, default: int) -> int:
    text = str(asked.get(name, default))
    if not text.isdigit() or (name in ("page", "per_page", "page[size]") and int(text) < 1):
        raise _unprocessable(name, "must be a whole number")
    return int(text)


def _status(value: str) -> int:
    if value not in STATUSES:
        raise _unprocessable("query", f"{value} is no status")
    return STATUSES.index(value)


def _day(value: str) -> date:
    try:
        return date.fromisoformat(value[:10])
    except ValueError as error:
        raise _unprocessable("query", f"{value} is no date") from error


def _compared(have: Any, op: str, value: Any) -> bool:
    order = {":": have == value, "<": have < value, ">": have > value}
    order |= {"<=": have <= value, ">=": have >= value}
    return bool(order[op])


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _unprocessable(name: str, why: str) -> ZendeskError:
    details = {name: [{"description": why, "error": "InvalidValue"}]}
    body = {"error": "RecordInvalid", "description": "Record validation errors"}
    return ZendeskError(422, body | {"details": details})


def _oauth(status: int, error: str) -> Response:
    return JSONResponse({"error": error, "error_description": "refused"}, status)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, ZendeskError)
    headers = {"Retry-After": "7"} if error.status == 429 else None
    return JSONResponse(error.body, error.status, headers)
