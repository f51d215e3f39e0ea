"""HubSpot's API: objects by a property or by their ids, what they are linked with, and owners.

The paths carry a date as their version; the credential is a service key (Settings > Integrations >
Service Keys).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field

from jobs.sources.http import (
    Raw,
    Request,
    RequestRate,
    ServiceError,
    ServiceReading,
    Wording,
    chunks,
)

VERSION = "2026-03"
SEARCHED = 100  # the most values in one IN filter
LISTED = 200  # the most objects on one page of search results
READ = 100  # the most objects in one batch read
LINKED = 1000  # objects whose associations are read at once
SEARCH = "search"
RATES = {"": RequestRate(per_second=8, at_once=20), SEARCH: RequestRate(per_second=3, at_once=2)}
"""Within 100 requests in ten seconds, and 5 searches in one."""
PRIMARY = 1
"""The type of the association between a contact and its primary company."""
COMPLETE = "COMPLETE"
"""The status of a batch that is done; others are pending, processing, canceled."""
NOTHING_THERE = "OBJECT_NOT_FOUND"
"""The category of an error that says only that there is nothing."""
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


class _Kind(BaseModel):
    typeId: int | None = None  # noqa: N815


class _Target(BaseModel):
    toObjectId: Id  # noqa: N815
    associationTypes: list[_Kind] = []  # noqa: N815


class _From(BaseModel):
    id: Id


class _Source(BaseModel):
    source: _From = Field(validation_alias="from")


class _Links(_Source):
    to: list[_Target]
    paging: Any = None


class HubSpotOwner(BaseModel):
    """A person who can own contacts and companies, or a queue of them."""

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


@dataclass(frozen=True)
class HubSpotApi:
    """The calls of one reading. Every method raises SourceError."""

    reading: ServiceReading
    headers: Mapping[str, str]

    def search(
        self, kind: str, name: str, values: Collection[str], about: Sequence[str]
    ) -> tuple[Records, list[object]]:
        """The objects whose property is one of these values, and those that cannot be read."""
        found: Records = {}
        odd: list[object] = []
        for some in chunks(sorted(values), SEARCHED):
            among = {"propertyName": name, "operator": "IN", "values": list(some)}
            ask = partial(self._page, kind, [among], about)
            rows = 0
            for page in self.reading.pages(ask, self._after, first="0"):
                listed = self.reading.listed(page, "results")
                rows += len(listed)
                records, unreadable = self.reading.rows(HubSpotRecord, listed)
                found |= {record.id: record for record in records}
                odd += unreadable
            total = page.get("total")
            if not isinstance(total, int) or rows < total:
                raise ServiceError("HubSpot left out some of what it found.")
        return found, odd

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

    def batch(self, kind: str, ids: Collection[str], about: Sequence[str]) -> Batch:
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
            records, _ = self.reading.rows(HubSpotRecord, self.reading.listed(answer, "results"))
            batch.found |= {record.id: record for record in records}
        return batch

    def links(self, kind: str, to: str, ids: Collection[str]) -> tuple[Links, set[str]]:
        """Id → ids of what it is linked with; of a contact's companies the primary one, if any.
        And the ids of those whose links cannot be read."""
        found: dict[str, list[_Target]] = defaultdict(list)
        odd: set[str] = set()
        for some in chunks(sorted(ids, key=int), LINKED):
            first = json.dumps([{"id": id} for id in some])
            ask = partial(self._linked, kind, to)
            for page in self.reading.pages(ask, self._unfinished, first):
                rows, unreadable = self._links(page)
                odd |= {self.reading.parsed(_Source, raw).source.id for raw in unreadable}
                for links in rows:
                    found[links.source.id] += links.to
        return {id: _primary(targets) for id, targets in found.items()}, odd

    def _links(self, page: Raw) -> tuple[list[_Links], list[object]]:
        return self.reading.rows(_Links, self.reading.listed(page, "results"))

    def _linked(self, kind: str, to: str, inputs: str) -> Raw:
        path = f"/crm/associations/{VERSION}/{kind}/{to}/batch/read"
        answer = self._ask(Request("POST", path, body={"inputs": json.loads(inputs)}))
        self._gone(answer)
        return answer

    def _unfinished(self, page: Raw) -> str:
        """What to ask for next: the objects with more links than fitted into this answer."""
        links, _ = self._links(page)
        more = [(each.source.id, self._after({"paging": each.paging})) for each in links]
        inputs = [{"id": id, "after": after} for id, after in more if after]
        return json.dumps(inputs) if inputs else ""

    def _ask(self, request: Request) -> Raw:
        return self.reading.ask(request, self.headers)

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

    def owners(self) -> tuple[dict[str, HubSpotOwner], bool]:
        """Everybody who can own something, by id, and whether all of them could be read."""
        found: dict[str, HubSpotOwner] = {}
        whole = True
        for page in self.reading.pages(self.owners_after, self._after):
            owners, odd = self.reading.rows(HubSpotOwner, self.reading.listed(page, "results"))
            found |= {owner.id: owner for owner in owners}
            whole = whole and not odd
        return found, whole

    def owners_after(self, cursor: str) -> Raw:
        """The page of owners after this cursor; empty is the first."""
        params = {"limit": str(READ)} | ({"after": cursor} if cursor else {})
        return self._ask(Request("GET", f"/crm/owners/{VERSION}", params=params))

    def count(self, kind: str, *filters: Raw) -> int:
        """How many objects of this kind there are."""
        total = self._page(kind, filters, ("hs_object_id",), "0", limit=1).get("total")
        if not isinstance(total, int):
            raise self.reading.unreadable()
        return total

    def has(self, kind: str, name: str) -> bool:
        """Whether objects of this kind have such a property; a filter by another one is refused."""
        try:
            self.count(kind, {"propertyName": name, "operator": "HAS_PROPERTY"})
        except ServiceError as error:
            if error.status != 400:
                raise
            return False
        return True


def _primary(targets: Sequence[_Target]) -> list[str]:
    primary = [t for t in targets if any(kind.typeId == PRIMARY for kind in t.associationTypes)]
    return list(dict.fromkeys(target.toObjectId for target in primary or targets))
