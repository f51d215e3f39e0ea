"""What a source besides the ledger says about one customer, and how fresh that is.

Silence is never "clean": a source that is not configured is absent by choice, one that is
configured and fails is down, and only a fresh one can say that there is nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from jobs.rules.facts.addresses import is_address, own_domain
from jobs.rules.facts.evidence import CHANGES_NOTHING, Document
from jobs.rules.facts.facts import Facts
from jobs.rules.facts.past import Past
from jobs.rules.policy.sections import Mark

LEDGER = "QuickBooks"
"""The name of the source that carries the facts; its documents are the memos."""


def called(source: str) -> str:
    """A source in a sentence: "the help desk", but "QuickBooks", which is a name."""
    return source if source == LEDGER else f"the {source}"


@dataclass(frozen=True)
class Account:
    """A billed customer as another system may know it: by its e-mail addresses, or a property."""

    id: str
    """The customer's id in QuickBooks."""
    name: str
    addresses: frozenset[str]
    """Lower-case bare addresses from QuickBooks: of the customer and of its open invoices."""
    sent: frozenset[str] = frozenset()
    """The Message-IDs of what we sent to it, or tried to, in angle brackets: an answer to one of
    them is about this customer, whoever writes it."""
    copied: frozenset[str] = frozenset()
    """Addresses that people chose for copies of our messages, in lower case: mail to them may come
    back. They identify nobody."""
    known_as: frozenset[tuple[str, str]] = frozenset()
    """What a person said: the name of a source, and the id of this customer's record there."""

    def named_in(self, source: str) -> frozenset[str]:
        """The ids of the records that a person said are this customer."""
        return frozenset(id for name, id in self.known_as if name == source)

    @property
    def domains(self) -> frozenset[str]:
        """The domains of its addresses that are its own, without those of free mail."""
        return frozenset(filter(None, map(own_domain, self.addresses)))


@dataclass(frozen=True)
class Fresh:
    """Everything asked for was read at this time (UTC)."""

    as_of: datetime


@dataclass(frozen=True)
class Absent:
    """Not configured, by choice."""


@dataclass(frozen=True)
class Down:
    """It could not be read, or not completely. `reason` is a sentence for a person."""

    since: datetime
    """When this was first found (UTC); a source itself gives the time of its own reading."""
    reason: str


Freshness = Fresh | Absent | Down


@dataclass(frozen=True)
class Ticket:
    """A request at the help desk. Its texts are documents; `id` is "ticket:88"."""

    id: str
    subject: str
    open: bool
    updated_at: datetime


@dataclass(frozen=True)
class Owner:
    """Who looks after this customer according to the CRM."""

    name: str
    email: str
    """In lower case."""


@dataclass(frozen=True)
class Counterpart:
    """A company or organization of another system that was taken for this customer. `name` is what
    a person knows it by, outside text."""

    id: str
    name: str


@dataclass(frozen=True)
class Findings:
    """What one source knows about one customer. All texts in it are outside text."""

    freshness: Freshness
    known: bool = True
    """Whether the other system knows this customer at all; where it does not, it says nothing."""
    documents: tuple[Document, ...] = ()
    tickets: tuple[Ticket, ...] = ()
    owner: Owner | None = None
    marks: tuple[Mark, ...] = ()
    people: frozenset[str] = frozenset()
    """Addresses at this customer's own domains that the other system has, in lower case: somebody
    may choose one of them for copies."""
    bounced: frozenset[str] = frozenset()
    """Addresses, in lower case, from which mail came back as undeliverable for good."""
    left: Mapping[str, datetime] = field(default_factory=dict)
    """Address, in lower case → when its automatic reply said that nobody reads it any more (UTC).
    Only an automatic reply of the address itself counts."""
    counterparts: tuple[Counterpart, ...] | None = None
    """Whom the source took for this customer; None where it keeps no such records."""
    we_wrote_at: datetime | None = None
    """When one of us last wrote to the customer by hand (UTC), as far as this source shows."""
    doubtful: str = ""
    """Why it is not certain that this is about the customer, as a sentence; empty: it is. What is
    doubtful is shown, and can only make a message more careful."""


def owner(findings: Mapping[str, Findings]) -> tuple[str, Owner] | None:
    """Whom these sources name as the one who looks after the customer, and the source's name.

    None if no source says so for certain, or if two of them differ.
    """
    sure = (
        (source, found.owner)
        for source, found in findings.items()
        if found.owner and isinstance(found.freshness, Fresh) and not found.doubtful
    )
    named = [(source, one) for source, one in sure if is_address(one.email)]
    return named[0] if len({one.email for _, one in named}) == 1 else None


@dataclass(frozen=True)
class Context:
    """Everything outside that is known about a case: the ledger's facts, and what each source
    says, by its name. Nothing that works with it knows a source by name."""

    facts: Facts
    findings: Mapping[str, Findings] = field(default_factory=dict)

    @property
    def documents(self) -> tuple[Document, ...]:
        """The texts of all sources. What several texts say under one id counts as one text.

        That somebody is away, or a message late, is no reason to read a case again, or to void an
        approval.
        """
        joined: dict[str, Document] = {}
        for found in self.findings.values():
            for document in (d for d in found.documents if d.kind not in CHANGES_NOTHING):
                before = joined.setdefault(document.id, document)
                if document.text not in before.text:
                    text, missing = f"{before.text}\n{document.text}", document.missing
                    both = replace(before, text=text, missing=before.missing or missing)
                    joined[document.id] = both
        return tuple(joined.values())

    @property
    def solved(self) -> frozenset[str]:
        """The ids of the tickets that are solved: their texts are no longer held against anyone
        once they are gone."""
        tickets = (ticket for found in self.findings.values() for ticket in found.tickets)
        return frozenset(ticket.id for ticket in tickets if not ticket.open)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The marks of all sources."""
        return tuple(mark for found in self.findings.values() for mark in found.marks)

    @property
    def down(self) -> dict[str, Down]:
        """The sources that could not be read, by name."""
        found = {name: one.freshness for name, one in self.findings.items()}
        return {name: state for name, state in found.items() if isinstance(state, Down)}

    def completed(self, past: Past) -> Past:
        """Our own history, with the addresses from which the sources saw mail come back, and those
        that nobody reads any more."""
        seen = frozenset().union(*(found.bounced for found in self.findings.values()))
        said = (each for found in self.findings.values() for each in found.left.items())
        left = frozenset(address for address, at in said if not past.confirmed(address, at))
        return replace(past, bounced=past.bounced | seen, left=left)

    def sources_of(self, documents: tuple[Document, ...]) -> tuple[str, ...]:
        """The names of the sources that these texts came from."""
        ids = {document.id for document in documents}
        return tuple(
            name
            for name, found in self.findings.items()
            if ids.intersection(document.id for document in found.documents)
        )
