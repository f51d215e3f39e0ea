"""Zendesk: the open and recent tickets of customers and of their organizations, with comments.

Comments that customers cannot see stay apart, in a document of their own.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from jobs.rules.facts.evidence import Document, Unreadable
from jobs.rules.facts.findings import Account, Counterpart, Down, Findings, Fresh, Ticket
from jobs.rules.policy.policy import Policy
from jobs.sources.http import (
    Service,
    chunks,
)
from jobs.sources.source import SourceError
from jobs.sources.zendesk_api import (
    RATES,
    WORDING,
    AccessToken,
    Comments,
    FoundTickets,
    ZendeskApi,
    ZendeskComment,
    ZendeskTicket,
    ZendeskUser,
)

TOGETHER = 30
"""The most addresses or organizations in one query: values of one keyword are alternatives."""
AT_ONCE = 12  # the most requests at the same time
MOST_TICKETS = 40
"""Tickets of one customer that are read; more are too many to say what they are about."""
INDEXED = timedelta(minutes=5)
"""How long it can take until a new ticket is found, so what is read is as of that long ago."""
TOO_MANY = f"Zendesk has more than {MOST_TICKETS} open or recent tickets about it."
UNASKED = "One of its addresses cannot be searched for in Zendesk."
ODD = "Zendesk sent a record about this customer that cannot be read."
REQUESTER, ORGANIZATION = "requester:", "organization:"
NUMBER = re.compile(r"\d{1,20}")
STAFF = frozenset({"agent", "admin"})
SEARCHABLE = re.compile(r"[^\s\"\\\x00-\x1f]+@[^\s\"\\\x00-\x1f]+")
"""An address that can stand in quotes in a query and is nothing but an address there."""


@dataclass(frozen=True)
class _DeskIdentity:
    """Who a customer is in Zendesk."""

    users: frozenset[str]
    organizations: Mapping[str, str]
    """The id of each → an address of the customer that belongs to it, or empty."""
    terms: frozenset[str]
    """What its tickets are searched by."""
    doubtful: str = ""
    odd: bool = False
    """Whether a user that may be this customer cannot be read."""

    def has(self, ticket: ZendeskTicket) -> bool:
        return ticket.requester_id in self.users or ticket.organization_id in self.organizations

    def may_have(self, raw: object) -> bool:
        """Whether a ticket that cannot be read names this customer."""
        named = raw if isinstance(raw, dict) else {}
        ids = str(named.get("requester_id")), str(named.get("organization_id"))
        return ids[0] in self.users or ids[1] in self.organizations


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
            return self._reading(since, now).read(customers)
        except SourceError as error:
            down = Findings(Down(now, str(error)))
            return {customer.id: down for customer in customers}

    def check(self, now: datetime, policy: Policy) -> str:
        """See `Source.check`."""
        return self._reading(now, now).check()

    def _reading(self, since: datetime, now: datetime) -> _ZendeskReading:
        return _ZendeskReading(ZendeskApi(self._service.reading(), self._token), since, now)


@dataclass(frozen=True)
class _ZendeskReading:
    """One reading. Every method raises SourceError."""

    api: ZendeskApi
    since: datetime
    now: datetime

    def read(self, customers: Sequence[Account]) -> dict[str, Findings]:
        unasked = {c.id for c in customers if not all(map(SEARCHABLE.fullmatch, c.addresses))}
        known = self._known([c for c in customers if c.id not in unasked])
        found = self._tickets({term for who in known.values() for term in who.terms})
        theirs = {id: [t for t in found.tickets if who.has(t)] for id, who in known.items()}
        unread = self._unread(known, found, theirs)
        read = {id: tickets for id, tickets in theirs.items() if id not in unread}
        comments = self._comments({t.id: t for tickets in read.values() for t in tickets})
        down = dict.fromkeys(unasked, UNASKED) | unread
        return {id: Findings(Down(self.now, why)) for id, why in down.items()} | {
            id: self._findings(known[id], tickets, comments) for id, tickets in read.items()
        }

    def _unread(
        self,
        known: Mapping[str, _DeskIdentity],
        found: FoundTickets,
        theirs: Mapping[str, Sequence[ZendeskTicket]],
    ) -> dict[str, str]:
        """Customer → why not everything about it could be read. Raises SourceError if a ticket that
        cannot be read may be anybody's."""
        why = {id: ODD for id, who in known.items() if who.odd}
        for raw in found.odd:
            about = {id: ODD for id, who in known.items() if who.may_have(raw)}
            if not about:
                raise self.api.reading.unreadable()
            why |= about
        for id, who in known.items():
            if len(theirs[id]) > MOST_TICKETS or who.terms & found.crowded:
                why[id] = TOO_MANY
        return why

    def check(self) -> str:
        count = self.api.open_tickets()
        if not self.api.finds_any_of_several():
            raise SourceError("Zendesk did not find the OAuth client's own user by its address.")
        return f"Zendesk: can read open tickets ({count}), their comments and users"

    # Who is who

    def _known(self, customers: Sequence[Account]) -> dict[str, _DeskIdentity]:
        addresses = {address for customer in customers for address in customer.addresses}
        users: dict[str, list[ZendeskUser]] = defaultdict(list)
        odd: list[str] = []
        for some in chunks(sorted(addresses), TOGETHER):
            found, unreadable = self.api.users(some)
            odd += (json.dumps(raw).lower() for raw in unreadable)
            for user in (user for user in found if user.role not in STAFF):
                users[(user.email or "").lower()].append(user)
        if not all(any(address in raw for address in addresses) for raw in odd):
            raise self.api.reading.unreadable()  # nobody can tell who it is
        known = {
            c.id: _who(c, [u for a in c.addresses for u in users.get(a, ())]) for c in customers
        }
        unsure = {c.id for c in customers for raw in odd if any(a in raw for a in c.addresses)}
        return known | {id: replace(known[id], odd=True) for id in unsure}

    def _tickets(self, terms: Collection[str]) -> FoundTickets:
        """What is open, and what was closed since then, each once."""
        states = ("status<solved", f"status>=solved updated>={self.since:%Y-%m-%d}")
        kinds = [sorted(t for t in terms if t.startswith(key)) for key in (REQUESTER, ORGANIZATION)]
        asked = [(s, some) for kind in kinds for some in chunks(kind, TOGETHER) for s in states]
        found = FoundTickets()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for some in pool.map(lambda each: self.api.tickets(*each), asked):
                found = found.joined(some)
        tickets = {t.id: t for t in found.tickets if t.open or t.updated_at >= self.since}
        return replace(found, tickets=list(tickets.values()))

    # What they say

    def _comments(
        self, tickets: Mapping[str, ZendeskTicket]
    ) -> dict[str, Comments | SourceError | None]:
        """Ticket → its comments, or why they could not be read; None if the ticket is gone."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return dict(zip(tickets, pool.map(self.api.comments, tickets.values()), strict=True))

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
        """What both sides can see, under the subject; and apart from it what only agents see.

        The newest comes first: what is beyond the length that is read is the oldest.
        """
        lately = [c for c in comments if ticket.open or c.created_at >= self.since]
        lately.sort(key=lambda comment: comment.created_at, reverse=True)
        shown = [comment for comment in lately if comment.public and comment.text]
        hidden = [comment for comment in lately if not comment.public and comment.text]
        at = max((comment.created_at for comment in shown), default=ticket.updated_at)
        text = "\n\n".join([(ticket.subject or "").strip(), *(_said(ticket, c) for c in shown)])
        if text:
            about = f"ticket:{ticket.id}", "help desk", "ticket", at.astimezone(UTC), text
            yield Document(*about, missing=_missing(shown))
        if hidden:
            at = max(comment.created_at for comment in hidden).astimezone(UTC)
            text = "\n\n".join(comment.text for comment in hidden)
            about = f"ticket:{ticket.id}:notes", "help desk", "note", at, text
            yield Document(*about, author="agent", missing=_missing(hidden))


def _who(customer: Account, users: Collection[ZendeskUser]) -> _DeskIdentity:
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


def _missing(comments: Comments) -> Unreadable | None:
    return Unreadable.FILE if any(comment.in_a_file for comment in comments) else None


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
