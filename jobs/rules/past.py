"""Our own record of a customer, as far as the rules need it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

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
    """The latest of our messages to one address, whomever it was about."""

    at: datetime
    to: str
    customer: str
    """The name of whom it was about, or empty where that is nobody of this company."""


class HoldKind(StrEnum):
    """Why something is left out for a while."""

    DISPUTE = "dispute"
    PROMISE = "promise"
    PLAN = "plan"
    QUIET = "quiet"


@dataclass(frozen=True)
class Hold:
    """A hold on one invoice, or on the whole customer where `invoice` is empty."""

    id: str
    kind: HoldKind
    invoice: str
    until: date
    set_by: str
    reason: str = ""


@dataclass(frozen=True)
class Past:
    """What happened before between us and this customer, over all currencies."""

    contacts: tuple[Contact, ...] = ()
    """Oldest first."""
    holds: tuple[Hold, ...] = ()
    """Those that nobody has lifted, whether or not their date has come, of what is still open."""
    known_addresses: frozenset[str] = frozenset()
    """In the ledger at connection, or confirmed by a person; lower case. Empty: none known."""
    confirmed_address: str = ""
    """The one a person picked for this customer, or empty."""
    bounced: frozenset[str] = frozenset()
    """Addresses not to be used: a mail server refused them, or a person said they are wrong."""
    wrong: frozenset[str] = frozenset()
    """Those of them that a person rejected."""
    last_contact_to_address: AddressContact | None = None
    """With the present address, which several customers may share."""
    allowed_anyway: tuple[Ruling, ...] = ()
    """The stops that a finance lead set aside for the present draft ("Draft anyway")."""
    confirmed_names: frozenset[str] = frozenset()
    """Fingerprints of names that look like a web address and that a finance lead confirmed."""
    promised: date | None = None
    """The date a person confirmed as promised, kept or broken; the letter may name it."""

    @property
    def last_contact(self) -> Contact | None:
        return self.contacts[-1] if self.contacts else None
