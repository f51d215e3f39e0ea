"""HubSpot: contacts and companies of customers, their owner, notes and marks.

Everything is read in batches, about a dozen requests for a hundred customers.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import AwareDatetime, BaseModel

from jobs.reasoning.cleaning import in_a_file, lines
from jobs.rules.facts.evidence import Document, Unreadable
from jobs.rules.facts.findings import Account, Counterpart, Down, Findings, Fresh, Owner
from jobs.rules.gates.marks import crm_marks
from jobs.rules.plain import one_line
from jobs.rules.policy.policy import Policy
from jobs.rules.policy.sections import Mark
from jobs.sources.http import Service, ServiceError
from jobs.sources.hubspot_api import (
    RATES,
    WORDING,
    Batch,
    HubSpotApi,
    HubSpotRecord,
    Links,
    Records,
)
from jobs.sources.source import SourceError

MOST_NOTES = 200
"""The newest notes of one customer that are read; more of them since a day are too many."""
ABOUT_CONTACT = ("email", "hs_additional_emails", "hubspot_owner_id")
ABOUT_COMPANY = ("name", "domain", "hubspot_owner_id")
ABOUT_NOTE = ("hs_note_body", "hs_timestamp", "hs_attachment_ids")
ATTACHED = "[attached: files {}]"
"""The last line of a note with files, with a fingerprint of their ids: another file is another
text."""
ODD = "HubSpot sent a record about this customer that cannot be read."
GONE = "A company that somebody named for it in Slack is not in the CRM."
NUMBER = re.compile(r"\d{1,20}")


class _Moment(BaseModel):
    at: AwareDatetime


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
    odd: bool = False
    """Whether a record about this customer cannot be read."""

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
            return self._reading(policy).read(customers, since, now)
        except SourceError as error:
            down = Findings(Down(now, str(error)))
            return {customer.id: down for customer in customers}

    def check(self, now: datetime, policy: Policy) -> str:
        """See `Source.check`."""
        return self._reading(policy).check()

    def _reading(self, policy: Policy) -> _HubSpotReading:
        return _HubSpotReading(HubSpotApi(self._service.reading(), self._headers), policy)


@dataclass(frozen=True)
class _HubSpotReading:
    """One reading. Every method raises SourceError."""

    api: HubSpotApi
    policy: Policy

    def read(
        self, customers: Sequence[Account], since: datetime, now: datetime
    ) -> dict[str, Findings]:
        known = self._known(customers)
        notes = self._notes(known)
        owners = self._owners(known.values())
        return {
            id: self._findings(one, notes, owners.get(one.owner_id()), since, now)
            for id, one in known.items()
        }

    # Who is who

    def _known(self, customers: Sequence[Account]) -> dict[str, _CrmIdentity]:
        contacts, companies, unsure = self._found(customers)
        linked, unlinked = self.api.links("contacts", "companies", contacts)
        wanted = {id for ids in linked.values() for id in ids}
        wanted |= {id for c in customers for id in c.named_in(HubSpot.name) if NUMBER.fullmatch(id)}
        wanted -= companies.keys()
        batch = self.api.batch("companies", wanted, self._about("companies"))
        unread = wanted - batch.found.keys() - batch.gone
        companies |= batch.found
        known = {c.id: self._match(c, contacts, companies, linked) for c in customers}
        for c in customers:
            own = known[c.id].contacts.keys()
            theirs = {id for contact in own for id in linked.get(contact, ())}
            missing = unlinked & own or unread & (theirs | c.named_in(HubSpot.name))
            known[c.id].odd = c.id in unsure or bool(missing)
        return known

    def _found(self, customers: Sequence[Account]) -> tuple[Records, Records, set[str]]:
        """Contacts and companies of all of them, and the customers whom something that cannot be
        read may be about."""
        addresses = {address for customer in customers for address in customer.addresses}
        domains = {domain for customer in customers for domain in customer.domains}
        contacts, odd = self._search("contacts", "email", addresses)
        companies, more = self._search("companies", "domain", domains)
        odd += more
        if self.policy.crm_customer_id:
            ids = {customer.id for customer in customers}
            named, more = self._search("companies", self.policy.crm_customer_id, ids)
            companies, odd = companies | named, odd + more
        return contacts, companies, self._concerned(customers, odd)

    def _concerned(self, customers: Sequence[Account], odd: Iterable[object]) -> set[str]:
        """The customers whom these records can be about. Raises SourceError if that cannot be told:
        it may be any of them."""
        found: set[str] = set()
        for raw in odd:
            about = {c.id for c in customers if self._may_be_about(c, raw)}
            if not about:
                raise self.api.reading.unreadable()
            found |= about
        return found

    def _may_be_about(self, customer: Account, raw: object) -> bool:
        properties = raw.get("properties") if isinstance(raw, dict) else None
        name = self.policy.crm_customer_id
        if name and isinstance(properties, dict) and str(properties.get(name)) == customer.id:
            return True
        text = json.dumps(raw).lower()
        return any(word in text for word in (*customer.addresses, *customer.domains))

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

    def _search(
        self, kind: str, name: str, values: Collection[str]
    ) -> tuple[Records, list[object]]:
        return self.api.search(kind, name, values, self._about(kind))

    def _about(self, kind: str) -> tuple[str, ...]:
        usual = ABOUT_CONTACT if kind == "contacts" else ABOUT_COMPANY
        own = self.policy.crm_customer_id if kind == "companies" else ""
        return (*usual, *self.policy.marked.crm_properties, *([own] if own else []))

    # What it says

    def _notes(self, known: Mapping[str, _CrmIdentity]) -> Batch:
        """The newest notes of all of them; each one's `notes` then names its own."""
        people = {id for one in known.values() for id in one.contacts}
        firms = {id for one in known.values() for id in one.companies}
        of_people, odd_people = self.api.links("contacts", "notes", people)
        of_firms, odd_firms = self.api.links("companies", "notes", firms)
        for one in known.values():
            ids = {note for id in one.contacts for note in of_people.get(id, ())}
            ids |= {note for id in one.companies for note in of_firms.get(id, ())}
            one.notes = sorted(ids, key=int, reverse=True)[:MOST_NOTES]
            one.has_more = len(ids) > MOST_NOTES
            unread = odd_people & one.contacts.keys() or odd_firms & one.companies.keys()
            one.odd = one.odd or bool(unread)
        return self.api.batch(
            "notes", {id for one in known.values() for id in one.notes}, ABOUT_NOTE
        )

    def _findings(
        self,
        known: _CrmIdentity,
        notes: Batch,
        owner: Owner | None,
        since: datetime,
        now: datetime,
    ) -> Findings:
        if known.odd:
            return Findings(Down(now, ODD))
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
        when = self.api.reading.parsed(_Moment, {"at": at or note.createdAt}).at.astimezone(UTC)
        text = note.says("hs_note_body")
        files = note.says("hs_attachment_ids")
        said = "\n".join(filter(None, (text, _attached(files))))
        about = f"note:{note.id}", "CRM", "note", when, said
        return Document(*about, author="colleague", missing=_missing(text, files))

    def _marks(self, known: _CrmIdentity) -> tuple[Mark, ...]:
        """Each once, even if several contacts have it."""
        found = (m for r in known.records() for m in crm_marks(r.properties, self.policy))
        return tuple(dict.fromkeys(found))

    def _owners(self, known: Collection[_CrmIdentity]) -> dict[str, Owner]:
        """Those owners of these customers who are active people with an address.

        Whose owner is not among those that could be read is `odd`, unless all of them could.
        """
        if not any(one.owner_id() for one in known):
            return {}
        owners, whole = self.api.owners()
        for one in known:
            one.odd = one.odd or not (whole or one.owner_id() in {"", *owners})
        return {
            id: Owner(
                one_line(f"{owner.firstName or ''} {owner.lastName or ''}"),
                (owner.email or "").strip().lower(),
            )
            for id, owner in owners.items()
            if owner.type == "PERSON" and "@" in (owner.email or "")
        }

    # For the doctor

    def check(self) -> str:
        counts = [f"{kind} ({self.api.count(kind)})" for kind in ("contacts", "companies", "notes")]
        self.api.owners_after("")
        for name in self.policy.marked.crm_properties:
            if not (self.api.has("contacts", name) or self.api.has("companies", name)):
                raise SourceError(
                    f"HubSpot has no property {name}: see [marks] in the policy file."
                )
        if (name := self.policy.crm_customer_id) and not self.api.has("companies", name):
            raise SourceError(f"HubSpot's companies have no property {name}: see [crm].")
        return f"HubSpot: can read {', '.join(counts)} and owners"


def _attached(files: str) -> str:
    return ATTACHED.format(hashlib.sha256(files.encode()).hexdigest()[:12]) if files else ""


def _missing(text: str, files: str) -> Unreadable | None:
    if not files:
        return None
    if not text:
        return Unreadable.TEXT
    return Unreadable.FILE if in_a_file("\n".join(lines(text))) else None


def _addresses(contact: HubSpotRecord) -> set[str]:
    """A contact's addresses, the additional ones included."""
    texts = f"{contact.says('email')};{contact.says('hs_additional_emails')}".lower().split(";")
    return {text.strip() for text in texts} - {""}


def _doubt(companies: Records, named: bool) -> str:
    if len(companies) < 2:
        return ""
    names = " and ".join(one_line(c.says("name")) or f"number {id}" for id, c in companies.items())
    what = "have its customer id" if named else "match its addresses"
    return f"{len(companies)} companies in the CRM {what}: {names}."
