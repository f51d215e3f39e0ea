"""HubSpot: contacts and companies of customers, their owner, notes and marks.

Everything is read in batches, about a dozen requests for a hundred customers. The paths carry a
date as their version; the credential is a service key (Settings > Integrations > Service Keys).
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field

from jobs.rules.facts.evidence import Document
from jobs.rules.facts.findings import Account, Counterpart, Down, Findings, Fresh, Owner
from jobs.rules.gates.marks import crm_marks
from jobs.rules.plain import one_line
from jobs.rules.policy.policy import Policy
from jobs.rules.policy.sections import Mark
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

VERSION = "2026-03"
SEARCHED = 100  # the most values in one IN filter
LISTED = 200  # the most objects on one page of search results
READ = 100  # the most objects in one batch read
LINKED = 1000  # objects whose associations are read at once
SEARCH = "search"
RATES = {"": RequestRate(per_second=8, at_once=20), SEARCH: RequestRate(per_second=3, at_once=2)}
"""Within 100 requests in ten seconds, and 5 searches in one."""
MOST_NOTES = 200
"""The newest notes of one customer that are read; more of them since a day are too many."""
PRIMARY = 1
"""The type of the association between a contact and its primary company."""
COMPLETE = "COMPLETE"
"""The status of a batch that is done; others are pending, processing, canceled."""
NOTHING_THERE = "OBJECT_NOT_FOUND"
"""The category of an error that says only that there is nothing."""
ABOUT_CONTACT = ("email", "hs_additional_emails", "hubspot_owner_id")
ABOUT_COMPANY = ("name", "domain", "hubspot_owner_id")
ABOUT_NOTE = ("hs_note_body", "hs_timestamp")
GONE = "A company that somebody named for it in Slack is not in the CRM."
NUMBER = re.compile(r"\d{1,20}")
SCOPES = "crm.objects.contacts.read, crm.objects.companies.read and crm.objects.owners.read"
WORDING = Wording(
    "HubSpot",
    {
        400: "HubSpot refused the request (400): overdue doctor says whether a property of the "
        "policy file is misspelt.",
        401: "HubSpot does not accept the service key: make a new one (Settings > Integrations > "
        "Service Keys) and put it into HUBSPOT_TOKEN.",
        403: f"HubSpot refuses access: the service key needs the scopes {SCOPES}.",
        404: "HubSpot does not know this address: check HUBSPOT_API_URL.",
    },
)


def _as_text(value: object) -> str:
    """A property as text: an answer may have true where a text belongs, and it still means yes."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value)


Id = Annotated[str, BeforeValidator(str), Field(pattern=r"^\d{1,20}$")]
Text = Annotated[str, BeforeValidator(_as_text)]


class HubSpotRecord(BaseModel):
    """A contact, company or note. Its properties are outside text."""

    id: Id
    properties: dict[str, Text]
    createdAt: AwareDatetime  # noqa: N815 - HubSpot's name

    def says(self, name: str) -> str:
        return self.properties.get(name, "").strip()


class _Moment(BaseModel):
    at: AwareDatetime


class _Kind(BaseModel):
    typeId: int | None = None  # noqa: N815


class _Target(BaseModel):
    toObjectId: Id  # noqa: N815
    associationTypes: list[_Kind] = []  # noqa: N815


class _From(BaseModel):
    id: Id


class _Links(BaseModel):
    source: _From = Field(validation_alias="from")
    to: list[_Target]
    paging: Any = None


class _Owner(BaseModel):
    id: Id
    type: str
    email: str | None = None
    firstName: str | None = None  # noqa: N815
    lastName: str | None = None  # noqa: N815


class _Context(BaseModel):
    ids: list[str] = []


class _Failed(BaseModel):
    category: str
    context: _Context = _Context()


Records = dict[str, HubSpotRecord]


@dataclass
class Batch:
    """What came of the objects that were asked for by id."""

    found: Records = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    """Those that HubSpot says do not exist."""

    def complete(self, ids: Iterable[str]) -> bool:
        return all(id in self.found or id in self.gone for id in ids)


Links = dict[str, list[str]]


@dataclass
class _CrmIdentity:
    """What the CRM has about one customer."""

    contacts: Records = field(default_factory=dict)
    companies: Records = field(default_factory=dict)
    doubtful: str = ""
    notes: list[str] = field(default_factory=list)
    """Ids of the newest notes, the newest first."""
    has_more: bool = False
    """Whether there are older ones, too."""

    def owner_id(self) -> str:
        """Who owns the company, else the one owner of all its contacts; empty if in doubt."""
        for records in (self.companies, self.contacts):
            owners = {record.says("hubspot_owner_id") for record in records.values()} - {""}
            if owners:
                return owners.pop() if len(owners) == 1 and not self.doubtful else ""
        return ""

    def records(self) -> Iterator[HubSpotRecord]:
        yield from self.companies.values()
        yield from self.contacts.values()


class HubSpot:
    """A `Source`. Thread-safe; close it."""

    name = "CRM"

    def __init__(self, token: str, service: Service) -> None:
        self._service = service
        self._headers = {"Authorization": f"Bearer {token}"}

    @classmethod
    def at(cls, base_url: str, token: str) -> HubSpot:
        """The one at this address."""
        return cls(token, Service(WORDING, base_url, RATES))

    def close(self) -> None:
        self._service.close()

    def read(
        self, customers: Sequence[Account], since: datetime, now: datetime, policy: Policy
    ) -> Mapping[str, Findings]:
        """See `Source.read`."""
        try:
            return _HubSpotReading(self._service.reading(), self._headers, policy).read(
                customers, since, now
            )
        except SourceError as error:
            down = Findings(Down(now, str(error)))
            return {customer.id: down for customer in customers}

    def check(self, now: datetime, policy: Policy) -> str:
        """See `Source.check`."""
        return _HubSpotReading(self._service.reading(), self._headers, policy).check()


@dataclass(frozen=True)
class _HubSpotReading:
    """One reading. Every method raises SourceError."""

    reading: ServiceReading
    headers: Mapping[str, str]
    policy: Policy

    def read(
        self, customers: Sequence[Account], since: datetime, now: datetime
    ) -> dict[str, Findings]:
        known = self._known(customers)
        notes = self._notes(known)
        owners = self._owners({one.owner_id() for one in known.values()} - {""})
        return {
            id: self._findings(one, notes, owners.get(one.owner_id()), since, now)
            for id, one in known.items()
        }

    # Who is who

    def _known(self, customers: Sequence[Account]) -> dict[str, _CrmIdentity]:
        addresses = {address for customer in customers for address in customer.addresses}
        domains = {domain for customer in customers for domain in customer.domains}
        contacts = self._search("contacts", "email", addresses)
        companies = self._search("companies", "domain", domains)
        if self.policy.crm_customer_id:
            ids = {customer.id for customer in customers}
            companies |= self._search("companies", self.policy.crm_customer_id, ids)
        linked = self._links("contacts", "companies", contacts)
        wanted = {id for ids in linked.values() for id in ids}
        wanted |= {id for c in customers for id in c.named_in(HubSpot.name) if NUMBER.fullmatch(id)}
        batch = self._batch("companies", wanted - companies.keys(), self._about("companies"))
        if not batch.complete(wanted - companies.keys()):
            raise ServiceError("HubSpot did not send all companies that it was asked for.")
        companies |= batch.found
        return {c.id: self._match(c, contacts, companies, linked) for c in customers}

    def _match(
        self, customer: Account, contacts: Records, companies: Records, linked: Links
    ) -> _CrmIdentity:
        own = {id: c for id, c in contacts.items() if _addresses(c) & customer.addresses}
        name = self.policy.crm_customer_id
        said = customer.named_in(HubSpot.name)
        sure = said & companies.keys()
        named = {id for id, c in companies.items() if name and c.says(name) == customer.id}
        found = (
            sure
            or named
            or {
                *(id for contact in own for id in linked.get(contact, ()) if id in companies),
                *(
                    id
                    for id, c in companies.items()
                    if c.says("domain").lower() in customer.domains
                ),
            }
        )
        matched = {id: companies[id] for id in sorted(found, key=int)}
        if said != sure:
            return _CrmIdentity(own, matched, GONE)
        return _CrmIdentity(own, matched, "" if sure else _doubt(matched, bool(named)))

    # What it says

    def _notes(self, known: Mapping[str, _CrmIdentity]) -> Batch:
        """The newest notes of all of them; each one's `notes` then names its own."""
        people = {id for one in known.values() for id in one.contacts}
        firms = {id for one in known.values() for id in one.companies}
        of_people = self._links("contacts", "notes", people)
        of_firms = self._links("companies", "notes", firms)
        for one in known.values():
            ids = {note for id in one.contacts for note in of_people.get(id, ())}
            ids |= {note for id in one.companies for note in of_firms.get(id, ())}
            one.notes = sorted(ids, key=int, reverse=True)[:MOST_NOTES]
            one.has_more = len(ids) > MOST_NOTES
        return self._batch("notes", {id for one in known.values() for id in one.notes}, ABOUT_NOTE)

    def _findings(
        self,
        known: _CrmIdentity,
        notes: Batch,
        owner: Owner | None,
        since: datetime,
        now: datetime,
    ) -> Findings:
        try:
            documents = self._documents(known, notes, since)
        except SourceError as error:
            return Findings(Down(now, str(error)))
        return Findings(
            Fresh(now),
            known=bool(known.contacts or known.companies),
            people=frozenset().union(*map(_addresses, known.contacts.values())),
            documents=documents,
            owner=owner,
            marks=self._marks(known),
            counterparts=tuple(
                Counterpart(id, one_line(c.says("name")) or f"number {id}")
                for id, c in known.companies.items()
            ),
            doubtful=known.doubtful,
        )

    def _documents(
        self, known: _CrmIdentity, notes: Batch, since: datetime
    ) -> tuple[Document, ...]:
        if not notes.complete(known.notes):
            raise ServiceError("HubSpot did not send all notes about this customer.")
        found = [notes.found[id] for id in known.notes if id in notes.found]
        if known.has_more and found and found[-1].createdAt >= since:
            raise ServiceError(f"HubSpot has more than {MOST_NOTES} new notes about this customer.")
        documents = (self._document(note) for note in found)
        return tuple(d for d in documents if d.at >= since and d.text)

    def _document(self, note: HubSpotRecord) -> Document:
        at = note.says("hs_timestamp")
        when = self.reading.parsed(_Moment, {"at": at or note.createdAt}).at.astimezone(UTC)
        text = note.says("hs_note_body")
        return Document(f"note:{note.id}", "CRM", "note", when, text, author="colleague")

    def _marks(self, known: _CrmIdentity) -> tuple[Mark, ...]:
        """Each once, even if several contacts have it."""
        found = (m for r in known.records() for m in crm_marks(r.properties, self.policy))
        return tuple(dict.fromkeys(found))

    def _owners(self, wanted: Collection[str]) -> dict[str, Owner]:
        """Those of `wanted` who are active people with an address."""
        if not wanted:
            return {}
        found: dict[str, Owner] = {}
        for page in self.reading.pages(self._owners_after, self._after):
            for raw in self.reading.listed(page, "results"):
                owner = self.reading.parsed(_Owner, raw)
                if owner.id in wanted and owner.type == "PERSON" and "@" in (owner.email or ""):
                    name = one_line(f"{owner.firstName or ''} {owner.lastName or ''}")
                    found[owner.id] = Owner(name, (owner.email or "").strip().lower())
        return found

    def _owners_after(self, cursor: str) -> Raw:
        params = {"limit": str(READ)} | ({"after": cursor} if cursor else {})
        return self._ask(Request("GET", f"/crm/owners/{VERSION}", params=params))

    # For the doctor

    def check(self) -> str:
        counts = [f"{kind} ({self._count(kind)})" for kind in ("contacts", "companies", "notes")]
        self._owners_after("")
        for name in self.policy.marked.crm_properties:
            if not (self._has("contacts", name) or self._has("companies", name)):
                raise SourceError(
                    f"HubSpot has no property {name}: see [marks] in the policy file."
                )
        if (name := self.policy.crm_customer_id) and not self._has("companies", name):
            raise SourceError(f"HubSpot's companies have no property {name}: see [crm].")
        return f"HubSpot: can read {', '.join(counts)} and owners"

    def _count(self, kind: str, *filters: Raw) -> int:
        total = self._page(kind, filters, ("hs_object_id",), "0", limit=1).get("total")
        if not isinstance(total, int):
            raise self.reading.unreadable()
        return total

    def _has(self, kind: str, name: str) -> bool:
        """Whether objects of this kind have such a property; a filter by another one is refused."""
        try:
            self._count(kind, {"propertyName": name, "operator": "HAS_PROPERTY"})
        except ServiceError as error:
            if error.status != 400:
                raise
            return False
        return True

    # How it is asked

    def _about(self, kind: str) -> tuple[str, ...]:
        usual = ABOUT_CONTACT if kind == "contacts" else ABOUT_COMPANY
        own = self.policy.crm_customer_id if kind == "companies" else ""
        return (*usual, *self.policy.marked.crm_properties, *([own] if own else []))

    def _search(self, kind: str, name: str, values: Collection[str]) -> Records:
        """The objects whose property is one of these values."""
        found: Records = {}
        for some in chunks(sorted(values), SEARCHED):
            among = {"propertyName": name, "operator": "IN", "values": list(some)}
            ask = partial(self._page, kind, [among], self._about(kind))
            rows = 0
            for page in self.reading.pages(ask, self._after, first="0"):
                records = self._records(page)
                rows += len(records)
                found |= {record.id: record for record in records}
            total = page.get("total")
            if not isinstance(total, int) or rows < total:
                raise ServiceError("HubSpot left out some of what it found.")
        return found

    def _page(
        self,
        kind: str,
        filters: Sequence[Raw],
        about: Sequence[str],
        after: str,
        limit: int = LISTED,
    ) -> Raw:
        body = {
            "filterGroups": [{"filters": list(filters)}] if filters else [],
            "properties": list(about),
            "sorts": [],
            "limit": limit,
            "after": after,
        }
        path = f"/crm/objects/{VERSION}/{kind}/search"
        return self._ask(Request("POST", path, body=body, kind=SEARCH))

    def _batch(self, kind: str, ids: Collection[str], about: Sequence[str]) -> Batch:
        """The objects with these ids. One that cannot be read is neither found nor gone."""
        batch = Batch()
        for some in chunks(sorted(ids, key=int), READ):
            body = {
                "properties": list(about),
                "propertiesWithHistory": [],
                "inputs": [{"id": id} for id in some],
            }
            path = f"/crm/objects/{VERSION}/{kind}/batch/read"
            answer = self._ask(Request("POST", path, body=body))
            batch.gone |= self._gone(answer)
            for raw in self.reading.listed(answer, "results"):
                with suppress(SourceError):
                    record = self.reading.parsed(HubSpotRecord, raw)
                    batch.found[record.id] = record
        return batch

    def _links(self, kind: str, to: str, ids: Collection[str]) -> Links:
        """Id → ids of what it is linked with; of a contact's companies the primary one, if any."""
        found: dict[str, list[_Target]] = defaultdict(list)
        for some in chunks(sorted(ids, key=int), LINKED):
            first = json.dumps([{"id": id} for id in some])
            ask = partial(self._linked, kind, to)
            for page in self.reading.pages(ask, self._unfinished, first):
                for raw in self.reading.listed(page, "results"):
                    links = self.reading.parsed(_Links, raw)
                    found[links.source.id] += links.to
        return {id: _primary(targets) for id, targets in found.items()}

    def _linked(self, kind: str, to: str, inputs: str) -> Raw:
        path = f"/crm/associations/{VERSION}/{kind}/{to}/batch/read"
        answer = self._ask(Request("POST", path, body={"inputs": json.loads(inputs)}))
        self._gone(answer)
        return answer

    def _unfinished(self, page: Raw) -> str:
        """What to ask for next: the objects with more links than fitted into this answer."""
        links = (self.reading.parsed(_Links, raw) for raw in self.reading.listed(page, "results"))
        more = [(each.source.id, self._after({"paging": each.paging})) for each in links]
        inputs = [{"id": id, "after": after} for id, after in more if after]
        return json.dumps(inputs) if inputs else ""

    def _ask(self, request: Request) -> Raw:
        return self.reading.ask(request, self.headers)

    def _records(self, page: Raw) -> list[HubSpotRecord]:
        return [
            self.reading.parsed(HubSpotRecord, raw) for raw in self.reading.listed(page, "results")
        ]

    def _gone(self, answer: Raw) -> set[str]:
        """The ids that do not exist. Raises SourceError if some of it failed in another way."""
        errors = [self.reading.parsed(_Failed, raw) for raw in answer.get("errors") or ()]
        unsaid = bool(answer.get("numErrors")) and not errors
        whole = answer.get("status") == COMPLETE and not unsaid
        if not whole or any(error.category != NOTHING_THERE for error in errors):
            raise ServiceError("HubSpot answered only a part of the request.")
        return {id for error in errors for id in error.context.ids}

    def _after(self, page: Raw) -> str:
        """The cursor of the next page; empty at the end."""
        paging = page.get("paging")
        following = paging.get("next") if isinstance(paging, dict) else None
        if not paging or (isinstance(paging, dict) and not following):
            return ""
        after = following.get("after") if isinstance(following, dict) else None
        if not isinstance(after, str) or not after:
            raise self.reading.unreadable()
        return after


def _addresses(contact: HubSpotRecord) -> set[str]:
    """A contact's addresses, the additional ones included."""
    texts = f"{contact.says('email')};{contact.says('hs_additional_emails')}".lower().split(";")
    return {text.strip() for text in texts} - {""}


def _primary(targets: Sequence[_Target]) -> list[str]:
    primary = [t for t in targets if any(kind.typeId == PRIMARY for kind in t.associationTypes)]
    return list(dict.fromkeys(target.toObjectId for target in primary or targets))


def _doubt(companies: Records, named: bool) -> str:
    if len(companies) < 2:
        return ""
    names = " and ".join(one_line(c.says("name")) or f"number {id}" for id, c in companies.items())
    what = "have its customer id" if named else "match its addresses"
    return f"{len(companies)} companies in the CRM {what}: {names}."
