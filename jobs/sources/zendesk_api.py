"""Zendesk's API: users and tickets by a query, the comments of a ticket, and the access token.

Access is by OAuth with client credentials. That grant has no refresh token: when an access token
ends, the client asks for another one, so there is no pair of tokens to lose between processes and
nothing to store.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field

from jobs.reasoning.cleaning import in_a_file
from jobs.rules.plain import one_line
from jobs.sources.http import (
    Raw,
    Request,
    RequestRate,
    ServiceError,
    ServiceReading,
    Wording,
)
from jobs.sources.source import SourceError

RATES = {"": RequestRate(per_second=60, at_once=80)}
"""Plans permit from 200 to 2,500 requests a minute; a 429 says how long to wait."""
MOST_FILES = 10  # named of one comment
LISTED = 100  # the most results on one page
FOUND = 1000
"""The most results that a search returns; a query that finds more has to be divided."""
EARLY = 60.0
"""Seconds before its end in which an access token is not used any more."""
SHORTEST = 300.0
"""Seconds that a token is used if Zendesk does not say how long it lasts."""
SCOPES = "tickets:read users:read"
CLOSED = frozenset({"solved", "closed"})
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


class ZendeskUser(BaseModel):
    """An end user or a member of staff."""

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
        """Whether its description is all there is, and it is known who may see it.

        A search does not say whether a file came with it.
        """
        alone = self.updated_at == self.created_at and self.is_public is not None
        return alone and self.description is not None and not in_a_file(self.description)


class _File(BaseModel):
    file_name: str | None = None
    inline: bool | None = None


class ZendeskComment(BaseModel):
    """A comment on a ticket. `body` and the names of its files are outside text."""

    author_id: Id | None = None
    body: str | None = None
    plain_body: str | None = None
    public: bool | None = None
    created_at: AwareDatetime
    attachments: list[_File] | None = None

    @property
    def text(self) -> str:
        """Its words, and a line for each file that is no picture inside them."""
        files = [file for file in self.attachments or () if not file.inline][:MOST_FILES]
        names = (f"[attached: {one_line(file.file_name or '') or 'a file'}]" for file in files)
        return "\n".join([*filter(None, [self.words]), *names])

    @property
    def words(self) -> str:
        return (self.plain_body or self.body or "").strip()

    @property
    def in_a_file(self) -> bool:
        """Whether it leaves to a file what there is to say."""
        return self.text != self.words and in_a_file(self.words)


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


Comments = list[ZendeskComment]


@dataclass(frozen=True)
class FoundTickets:
    """What a search finds; `crowded` are the terms that find more than a search gives."""

    tickets: list[ZendeskTicket] = field(default_factory=list)
    odd: list[object] = field(default_factory=list)
    """Tickets that cannot be read, as they came."""
    crowded: set[str] = field(default_factory=set)

    def joined(self, other: FoundTickets) -> FoundTickets:
        """What both have found."""
        tickets, odd = self.tickets + other.tickets, self.odd + other.odd
        return FoundTickets(tickets, odd, self.crowded | other.crowded)


@dataclass(frozen=True)
class ZendeskApi:
    """The calls of one reading. Every method raises SourceError."""

    reading: ServiceReading
    token: AccessToken

    def open_tickets(self) -> int:
        """How many tickets are open."""
        query = {"query": "type:ticket status<solved"}
        return self._count(self._get("/api/v2/search/count", query))

    def finds_any_of_several(self) -> bool:
        """Whether a query with two addresses finds the user of one: every reading relies on it."""
        user = self._get("/api/v2/users/me", {}).get("user")
        me = self.reading.parsed(ZendeskUser, user)
        query = f'email:"{me.email}" email:"nobody@nowhere.example"'
        found = self.reading.listed(self._get("/api/v2/users/search", {"query": query}), "users")
        return any(self.reading.parsed(ZendeskUser, raw).id == me.id for raw in found)

    def users(self, addresses: Sequence[str]) -> tuple[list[ZendeskUser], list[object]]:
        """The users with any of these addresses, and those that cannot be read."""
        query = " ".join(f'email:"{address}"' for address in addresses)
        raws = self._pages("/api/v2/users/search", query, "users")
        return self.reading.rows(ZendeskUser, raws)

    def tickets(self, state: str, terms: Sequence[str]) -> FoundTickets:
        """The tickets by any of these terms."""
        query = f"type:ticket {state} {' '.join(terms)}"
        first = self._page("/api/v2/search", query, "1")
        if self._count(first) <= FOUND:
            rows = self._pages("/api/v2/search", query, "results", first)
            return FoundTickets(*self.reading.rows(ZendeskTicket, rows))
        if len(terms) == 1:
            return FoundTickets(crowded=set(terms))
        half = len(terms) // 2
        some, others = (self.tickets(state, part) for part in (terms[:half], terms[half:]))
        return some.joined(others)

    def comments(self, ticket: ZendeskTicket) -> Comments | SourceError | None:
        """The comments of this ticket, or why they cannot be read; None if the ticket is gone."""
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
