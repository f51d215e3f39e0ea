"""Zendesk: the open and recent tickets of customers and of their organizations, with comments.

Access is by OAuth with client credentials. That grant has no refresh token: when an access token
ends, the client asks for another one, so there is no pair of tokens to lose between processes and
nothing to store. Comments that customers cannot see stay apart, in a document of their own.
"""

from __future__ import annotations

import re
import threading
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field

from jobs.rules.facts.evidence import Document
from jobs.rules.facts.findings import Account, Counterpart, Down, Findings, Fresh, Ticket
from jobs.rules.policy.policy import Policy
from jobs.sources.http import (
    Raw,
    Request,
    RequestRate,
    Service,
    ServiceError,
    ServiceReading,
    Wording,
    chunks,
)
from jobs.sources.source import SourceError

RATES = {"": RequestRate(per_second=60, at_once=80)}
"""Plans permit from 200 to 2,500 requests a minute; a 429 says how long to wait."""
TOGETHER = 30
"""The most addresses or organizations in one query: values of one keyword are alternatives."""
LISTED = 100  # the most results on one page
FOUND = 1000
"""The most results that a search returns; a query that finds more has to be divided."""
AT_ONCE = 12  # the most requests at the same time
MOST_TICKETS = 40
"""Tickets of one customer that are read; more are too many to say what they are about."""
INDEXED = timedelta(minutes=5)
"""How long it can take until a new ticket is found, so what is read is as of that long ago."""
EARLY = 60.0
"""Seconds before its end in which an access token is not used any more."""
SHORTEST = 300.0
"""Seconds that a token is used if Zendesk does not say how long it lasts."""
SCOPES = "tickets:read users:read"
TOO_MANY = f"Zendesk has more than {MOST_TICKETS} open or recent tickets about it."
REQUESTER, ORGANIZATION = "requester:", "organization:"
CLOSED = frozenset({"solved", "closed"})
NUMBER = re.compile(r"\d{1,20}")
STAFF = frozenset({"agent", "admin"})
SEARCHABLE = re.compile(r"[^\s\"\\\x00-\x1f]+@[^\s\"\\\x00-\x1f]+")
"""An address that can stand in quotes in a query and is nothing but an address there."""
WORDING = Wording(
    "Zendesk",
    {
        400: f"Zendesk refuses access: the OAuth client must be confidential, with {SCOPES}.",
        401: "Zendesk does not accept the OAuth client: check ZENDESK_CLIENT_ID and "
        "ZENDESK_CLIENT_SECRET (Admin Center > Apps and integrations > APIs > OAuth clients).",
        403: f"Zendesk refuses access: the OAuth client needs the scopes {SCOPES}.",
        404: "Zendesk does not know this address: check ZENDESK_SUBDOMAIN.",
    },
)

Id = Annotated[str, BeforeValidator(str), Field(pattern=r"^\d{1,20}$")]


class _Token(BaseModel):
    access_token: str = Field(min_length=1, pattern=r"^[\x21-\x7e]+$")
    expires_in: float | None = None


class _User(BaseModel):
    id: Id
    email: str | None = None
    role: str | None = None
    organization_id: Id | None = None


class ZendeskTicket(BaseModel):
    """A ticket as a search gives it. Its texts are outside text."""

    id: Id
    subject: str | None = None
    description: str | None = None
    status: str | None = None
    requester_id: Id | None = None
    organization_id: Id | None = None
    is_public: bool | None = None
    created_at: AwareDatetime
    updated_at: AwareDatetime

    @property
    def open(self) -> bool:
        """Whether somebody still waits; a status that nobody knows counts as open."""
        return self.status not in CLOSED

    @property
    def of_one_text(self) -> bool:
        """Whether its description is all there is, and it is known who may see it."""
        return self.updated_at == self.created_at and None not in (self.description, self.is_public)


class ZendeskComment(BaseModel):
    """A comment on a ticket. `body` is outside text."""

    author_id: Id | None = None
    body: str | None = None
    plain_body: str | None = None
    public: bool | None = None
    created_at: AwareDatetime

    @property
    def text(self) -> str:
        return (self.plain_body or self.body or "").strip()


class AccessToken:
    """The access token that all threads share. Thread-safe."""

    def __init__(self, client_id: str, client_secret: str) -> None:
        self._client = {"client_id": client_id, "client_secret": client_secret}
        self._lock = threading.Lock()
        self._value, self._ends = "", 0.0

    def get(self, reading: ServiceReading, refused: str = "") -> str:
        """The token; a new one if it ends soon, or is the one that was `refused`."""
        with self._lock:
            if self._value == refused or time.monotonic() > self._ends - EARLY:
                asked = {"grant_type": "client_credentials", "scope": SCOPES, **self._client}
                answer = reading.ask(Request("POST", "/oauth/tokens", body=asked), {})
                token = reading.parsed(_Token, answer)
                self._value = token.access_token
                self._ends = time.monotonic() + (token.expires_in or SHORTEST)
            return self._value


@dataclass(frozen=True)
class _DeskIdentity:
    """Who a customer is in Zendesk."""

    users: frozenset[str]
    organizations: Mapping[str, str]
    """The id of each → an address of the customer that belongs to it, or empty."""
    terms: frozenset[str]
    """What its tickets are searched by."""
    doubtful: str = ""

    def has(self, ticket: ZendeskTicket) -> bool:
        return ticket.requester_id in self.users or ticket.organization_id in self.organizations


Comments = list[ZendeskComment]


class Zendesk:
    """A `Source`. Thread-safe; close it."""

    name = "help desk"

    def __init__(self, client_id: str, client_secret: str, service: Service) -> None:
        self._service, self._token = service, AccessToken(client_id, client_secret)

    @classmethod
    def at(cls, base_url: str, client_id: str, client_secret: str) -> Zendesk:
        """The one at this address."""
        return cls(client_id, client_secret, Service(WORDING, base_url, RATES))

    def close(self) -> None:
        self._service.close()

    def read(
        self, customers: Sequence[Account], since: datetime, now: datetime, policy: Policy
    ) -> Mapping[str, Findings]:
        """See `Source.read`."""
        try:
            return _ZendeskReading(self._service.reading(), self._token, since, now).read(customers)
        except SourceError as error:
            down = Findings(Down(now, str(error)))
            return {customer.id: down for customer in customers}

    def check(self, now: datetime, policy: Policy) -> str:
        """See `Source.check`."""
        return _ZendeskReading(self._service.reading(), self._token, now, now).check()


@dataclass(frozen=True)
class _ZendeskReading:
    """One reading. Every method raises SourceError."""

    reading: ServiceReading
    token: AccessToken
    since: datetime
    now: datetime

    def read(self, customers: Sequence[Account]) -> dict[str, Findings]:
        odd = {c.id for c in customers if not all(map(SEARCHABLE.fullmatch, c.addresses))}
        known = self._known([c for c in customers if c.id not in odd])
        found, crowded = self._tickets({term for who in known.values() for term in who.terms})
        theirs = {id: [t for t in found.values() if who.has(t)] for id, who in known.items()}
        comments = self._comments({t.id: t for few in theirs.values() if _few(few) for t in few})
        unasked = Findings(
            Down(self.now, "One of its addresses cannot be searched for in Zendesk.")
        )
        return dict.fromkeys(odd, unasked) | {
            id: self._findings(who, theirs[id], comments)
            if _few(theirs[id]) and not who.terms & crowded
            else Findings(Down(self.now, TOO_MANY))
            for id, who in known.items()
        }

    def check(self) -> str:
        query = {"query": "type:ticket status<solved"}
        count = self._get("/api/v2/search/count", query).get("count")
        if not self._finds_any_of_several():
            raise SourceError("Zendesk did not find the OAuth client's own user by its address.")
        if not isinstance(count, int):
            raise self.reading.unreadable()
        return f"Zendesk: can read open tickets ({count}), their comments and users"

    def _finds_any_of_several(self) -> bool:
        """Whether a query with two addresses finds the user of one: every reading relies on it."""
        user = self._get("/api/v2/users/me", {}).get("user")
        me = self.reading.parsed(_User, user)
        query = f'email:"{me.email}" email:"nobody@nowhere.example"'
        found = self.reading.listed(self._get("/api/v2/users/search", {"query": query}), "users")
        return any(self.reading.parsed(_User, raw).id == me.id for raw in found)

    # Who is who

    def _known(self, customers: Sequence[Account]) -> dict[str, _DeskIdentity]:
        addresses = {address for customer in customers for address in customer.addresses}
        users: dict[str, list[_User]] = defaultdict(list)
        for some in chunks(sorted(addresses), TOGETHER):
            query = " ".join(f'email:"{address}"' for address in some)
            for raw in self._pages("/api/v2/users/search", query, "users"):
                user = self.reading.parsed(_User, raw)
                if user.role not in STAFF:
                    users[(user.email or "").lower()].append(user)
        return {
            c.id: _who(c, [u for a in c.addresses for u in users.get(a, ())]) for c in customers
        }

    def _tickets(self, terms: Collection[str]) -> tuple[dict[str, ZendeskTicket], set[str]]:
        """What is open, and what was closed since then; and the terms with too many to be read."""
        states = ("status<solved", f"status>=solved updated>={self.since:%Y-%m-%d}")
        kinds = [sorted(t for t in terms if t.startswith(key)) for key in (REQUESTER, ORGANIZATION)]
        asked = [(s, some) for kind in kinds for some in chunks(kind, TOGETHER) for s in states]
        found: dict[str, ZendeskTicket] = {}
        crowded: set[str] = set()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for rows, many in pool.map(lambda each: self._search(*each), asked):
                crowded |= many
                for raw in rows:
                    ticket = self.reading.parsed(ZendeskTicket, raw)
                    if ticket.open or ticket.updated_at >= self.since:
                        found[ticket.id] = ticket
        return found, crowded

    def _search(self, state: str, terms: Sequence[str]) -> tuple[list[Any], set[str]]:
        """The tickets by any of these terms, and the terms that find more than a search gives."""
        query = f"type:ticket {state} {' '.join(terms)}"
        first = self._page("/api/v2/search", query, "1")
        if self._count(first) <= FOUND:
            return list(self._pages("/api/v2/search", query, "results", first)), set()
        if len(terms) == 1:
            return [], set(terms)
        half = len(terms) // 2
        (some, one), (others, other) = (
            self._search(state, part) for part in (terms[:half], terms[half:])
        )
        return some + others, one | other

    # What they say

    def _comments(
        self, tickets: Mapping[str, ZendeskTicket]
    ) -> dict[str, Comments | SourceError | None]:
        """Ticket → its comments, or why they could not be read; None if the ticket is gone."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return dict(zip(tickets, pool.map(self._of, tickets.values()), strict=True))

    def _of(self, ticket: ZendeskTicket) -> Comments | SourceError | None:
        if ticket.of_one_text:
            return [
                ZendeskComment(
                    author_id=ticket.requester_id,
                    body=ticket.description,
                    public=ticket.is_public,
                    created_at=ticket.created_at,
                )
            ]
        ask = partial(self._after, f"/api/v2/tickets/{ticket.id}/comments", {})
        try:
            return [
                self.reading.parsed(ZendeskComment, raw)
                for page in self.reading.pages(ask, self._next)
                for raw in self.reading.listed(page, "comments")
            ]
        except ServiceError as error:
            return None if error.status == 404 else error

    def _findings(
        self,
        known: _DeskIdentity,
        tickets: Sequence[ZendeskTicket],
        comments: Mapping[str, Comments | SourceError | None],
    ) -> Findings:
        there = [ticket for ticket in tickets if comments[ticket.id] is not None]
        documents: list[Document] = []
        for ticket in there:
            said = comments[ticket.id]
            if isinstance(said, SourceError):
                return Findings(Down(self.now, str(said)))
            documents += self._documents(ticket, said or [])
        return Findings(
            Fresh(self.now - INDEXED),
            known=bool(known.users or known.organizations),
            documents=tuple(documents),
            tickets=tuple(_ticket(ticket) for ticket in there),
            counterparts=tuple(
                Counterpart(id, f"organization of {address}" if address else f"organization {id}")
                for id, address in known.organizations.items()
            ),
            doubtful=known.doubtful,
        )

    def _documents(self, ticket: ZendeskTicket, comments: Comments) -> Iterator[Document]:
        """What both sides can see, under the subject; and apart from it what only agents see."""
        lately = [c for c in comments if ticket.open or c.created_at >= self.since]
        shown = [comment for comment in lately if comment.public and comment.text]
        hidden = [comment for comment in lately if not comment.public and comment.text]
        at = max((comment.created_at for comment in shown), default=ticket.updated_at)
        text = "\n\n".join([(ticket.subject or "").strip(), *(_said(ticket, c) for c in shown)])
        if text:
            yield Document(f"ticket:{ticket.id}", "help desk", "ticket", at.astimezone(UTC), text)
        if hidden:
            at = max(comment.created_at for comment in hidden).astimezone(UTC)
            text = "\n\n".join(comment.text for comment in hidden)
            yield Document(
                f"ticket:{ticket.id}:notes", "help desk", "note", at, text, author="agent"
            )

    # How it is asked

    def _pages(self, path: str, query: str, name: str, first: Raw | None = None) -> Iterator[Any]:
        """The rows of every numbered page."""
        rows = 0
        for number in range(1, FOUND // LISTED + 1):
            page = first if first and number == 1 else self._page(path, query, str(number))
            listed = self.reading.listed(page, name)
            yield from listed
            rows += len(listed)
            if rows >= self._count(page):
                return
            if not listed:
                break
        raise ServiceError("Zendesk left out some of what it found.")

    def _page(self, path: str, query: str, number: str) -> Raw:
        return self._get(path, {"query": query, "per_page": str(LISTED), "page": number})

    def _after(self, path: str, asked: Mapping[str, str], cursor: str) -> Raw:
        """One page of a list that goes on from a cursor."""
        after = {"page[after]": cursor} if cursor else {}
        return self._get(path, {**asked, "page[size]": str(LISTED), **after})

    def _next(self, page: Raw) -> str:
        """The cursor of the next page; empty at the end."""
        meta = page.get("meta")
        if not isinstance(meta, dict) or not isinstance(meta.get("has_more"), bool):
            raise self.reading.unreadable()
        cursor = meta.get("after_cursor")
        if meta["has_more"] and not (isinstance(cursor, str) and cursor):
            raise self.reading.unreadable()
        return cursor if meta["has_more"] and isinstance(cursor, str) else ""

    def _get(self, path: str, params: Mapping[str, str]) -> Raw:
        """The answer; with a new token if the one we have is not accepted any more."""
        token = self.token.get(self.reading)
        request = Request("GET", path, params=params)
        try:
            return self.reading.ask(request, {"Authorization": f"Bearer {token}"})
        except ServiceError as error:
            if error.status != 401:
                raise
        token = self.token.get(self.reading, refused=token)
        return self.reading.ask(request, {"Authorization": f"Bearer {token}"})

    def _count(self, page: Raw) -> int:
        count = page.get("count")
        if not isinstance(count, int):
            raise self.reading.unreadable()
        return count


def _who(customer: Account, users: Collection[_User]) -> _DeskIdentity:
    """What a person said can settle a doubt between those that match, and add to them.

    Zendesk does not say whether an organization exists, so one that matches nothing replaces none.
    """
    said = {id for id in customer.named_in(Zendesk.name) if NUMBER.fullmatch(id)}
    firms = {user.organization_id: user.email or "" for user in users if user.organization_id}
    settled = bool(said & firms.keys())
    doubtful = "" if settled else _doubt(firms)
    firms = {id: firms.get(id, "") for id in sorted(said if settled else said | firms.keys())}
    terms = {f'{REQUESTER}"{address}"' for address in customer.addresses}
    terms |= {f"{ORGANIZATION}{id}" for id in firms}
    ids = frozenset(user.id for user in users)
    return _DeskIdentity(ids, firms, frozenset(terms), doubtful)


def _few(tickets: Collection[ZendeskTicket]) -> bool:
    """Whether one customer's tickets can all be read."""
    return len(tickets) <= MOST_TICKETS


def _doubt(organizations: Collection[str]) -> str:
    if len(organizations) < 2:
        return ""
    return f"Its addresses belong to {len(organizations)} organizations in Zendesk."


def _ticket(ticket: ZendeskTicket) -> Ticket:
    subject, at = (ticket.subject or "").strip(), ticket.updated_at.astimezone(UTC)
    return Ticket(f"ticket:{ticket.id}", subject, ticket.open, at)


def _said(ticket: ZendeskTicket, comment: ZendeskComment) -> str:
    """A comment under a line that says whose it is, without a name or a date of ours."""
    who = "The requester" if comment.author_id == ticket.requester_id else "Somebody else"
    return f"{who} wrote:\n{comment.text}"
