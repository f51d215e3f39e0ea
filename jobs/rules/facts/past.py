"""Our own history with a customer, as far as the rules need it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from jobs.rules.facts.evidence import Stance
from jobs.rules.figures import Money
from jobs.rules.policy.sections import Mark
from jobs.rules.rulings import Ruling
from jobs.rules.states import Stage


@dataclass(frozen=True)
class Contact:
    """One message of ours that a mail server accepted, or that may have gone (unknown)."""

    at: datetime
    stage: Stage
    to: str
    invoices: tuple[str, ...]
    subject: str
    message_id: str


@dataclass(frozen=True)
class AddressContact:
    """Our last message to one address, or a copy of it, whichever customer it was about."""

    at: datetime
    to: str
    customer: str
    """The name of the customer it was about, or empty if it was for another company."""


class HoldKind(StrEnum):
    """Why something is on hold."""

    DISPUTE = "dispute"
    PROMISE = "promise"
    PLAN = "plan"
    QUIET = "quiet"


@dataclass(frozen=True)
class Hold:
    """A hold on one invoice, or on the whole customer if `invoice` is empty."""

    id: str
    kind: HoldKind
    invoice: str
    until: date
    set_by: str
    reason: str = ""


@dataclass(frozen=True)
class BrokenPromise:
    """A payment that was promised, confirmed by a person, and did not arrive."""

    due: date
    amount: Money
    invoices: frozenset[str]
    """The ids of its invoices that are still open in the round that followed."""
    broken_at: datetime
    document: str = ""
    """The id of the mail that promised it; empty if a person entered it."""


@dataclass(frozen=True)
class Past:
    """Our history with this customer, in all currencies."""

    contacts: tuple[Contact, ...] = ()
    """Oldest first."""
    holds: tuple[Hold, ...] = ()
    """Holds on open invoices that nobody has lifted, whether or not they have expired."""
    known_addresses: frozenset[str] = frozenset()
    """In the ledger when it was connected, or confirmed by a person; in lower case."""
    confirmed_address: str = ""
    """The address that a person picked for this customer, or empty."""
    confirmed_at: datetime | None = None
    """When they picked it (UTC)."""
    cc: tuple[str, ...] = ()
    """The addresses that a person chose for copies of messages to this customer, in lower case."""
    bounced: frozenset[str] = frozenset()
    """Addresses not to be used: a mail server refused them, or a person said they are wrong."""
    wrong: frozenset[str] = frozenset()
    """The bounced addresses that a person rejected."""
    left: frozenset[str] = frozenset()
    """Addresses whose own automatic reply says that nobody reads them any more, unless a person
    has confirmed the address since then; in lower case."""
    last_contact_to_address: AddressContact | None = None
    """The last message to one of the addresses that this one goes to: several customers may share
    them."""
    allowed_anyway: tuple[Ruling, ...] = ()
    """The stops that a finance lead set aside for the current draft ("Draft anyway")."""
    confirmed_names: frozenset[str] = frozenset()
    """Fingerprints of names that look like a web address and that a finance lead confirmed."""
    marks: tuple[Mark, ...] = ()
    """What finance leads said in Slack about this customer."""
    account_manager: str = ""
    """Whom a finance lead named in Slack to look after this customer (user id), or empty."""
    settled: frozenset[tuple[str, Stance]] = frozenset()
    """(document, stance) of everything in customers' texts that a person has dealt with."""
    read: frozenset[tuple[str, str]] = frozenset()
    """(document, fingerprint) of texts that a person has read, because no program could."""
    broken: tuple[BrokenPromise, ...] = ()
    """Promises that were broken and not answered by a payment since, the latest last."""

    def confirmed(self, address: str, since: datetime) -> bool:
        """Whether a person picked this address after that time."""
        picked = address == self.confirmed_address.lower()
        return picked and self.confirmed_at is not None and self.confirmed_at > since

    @property
    def promised(self) -> date | None:
        """The day of the promise that was broken last; the letter may name it."""
        return self.broken[-1].due if self.broken else None

    @property
    def last_contact(self) -> Contact | None:
        return self.contacts[-1] if self.contacts else None
