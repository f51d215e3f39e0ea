"""A letter is what a person approves: exactly this text, recipient, note, invoices and amounts."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import date
from decimal import Decimal
from email.utils import parseaddr
from typing import Any

from jobs.rules.facts.facts import Facts
from jobs.rules.figures import Money
from jobs.rules.letters.html import html_part
from jobs.rules.policy.policy import Policy
from jobs.rules.states import Stage


@dataclass(frozen=True)
class Attachment:
    """A file that is fetched just before sending. `kind` is "invoice_pdf"."""

    kind: str
    invoice: str
    file_name: str


@dataclass(frozen=True)
class LetterInvoice:
    """An invoice as the letter states it."""

    id: str
    number: str
    open: Money
    due: date


@dataclass(frozen=True)
class Envelope:
    """Between whom a letter goes. `sender` may be an address with a name, the others are bare."""

    sender: str
    reply_to: str
    to: str
    cc: tuple[str, ...] = ()


def sent_by(policy: Policy, address: str) -> str:
    """The From header: the policy's sender name with the finance mailbox's address."""
    name = "".join(c for c in policy.sender_name if c not in '<>"').strip()
    return f"{name} <{address}>" if name else address


@dataclass(frozen=True)
class Letter:
    """Nothing in it changes with time alone: no days overdue, no bucket, no current date.

    Pay links are written as `[pay link 1037]`; the sender fills them from a fresh read.
    """

    sender: str
    reply_to: str
    to: str
    subject: str
    body: str
    note: str
    stage: Stage
    invoices: tuple[LetterInvoice, ...]
    attachments: tuple[Attachment, ...] = ()
    language: str = "en"
    """What it is written in, one of `figures.LANGUAGES`."""
    cc: tuple[str, ...] = ()
    """Who gets a copy, as everybody can see."""

    @property
    def sender_address(self) -> str:
        """The address of the sender, without a name."""
        return parseaddr(self.sender)[1]

    def canonical(self) -> bytes:
        """The bytes that are hashed: JSON with sorted keys, no spaces, UTF-8.

        The HTML part follows from the body, and is hashed as well: it is read by the customer.
        """
        text = json.dumps(
            asdict(self) | {"html": html_part(self.body, self.language)},
            default=_plain,
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
        )
        return text.encode()

    def sha256(self) -> str:
        """The hash in a button, an approval and a send row (64 hex digits)."""
        return hashlib.sha256(self.canonical()).hexdigest()


def from_json(data: dict[str, Any]) -> Letter:
    """The letter whose canonical JSON was parsed into `data`."""
    return Letter(
        **{
            **{name: value for name, value in data.items() if name != "html"},
            "stage": Stage(data["stage"]),
            "attachments": tuple(Attachment(**a) for a in data["attachments"]),
            "cc": tuple(data.get("cc", ())),
            "invoices": tuple(_invoice(i) for i in data["invoices"]),
        }
    )


def _invoice(data: dict[str, Any]) -> LetterInvoice:
    amount = Money(Decimal(data["open"]["amount"]), data["open"]["currency"])
    return LetterInvoice(data["id"], data["number"], amount, date.fromisoformat(data["due"]))


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:.4f}"
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"a letter cannot carry {type(value).__name__}")


@dataclass(frozen=True)
class Without:
    """`links`: ids of invoices without a pay link; `files`: the PDFs are too large for a mail."""

    links: frozenset[str] = frozenset()
    files: bool = False

    def __or__(self, other: Without) -> Without:
        return Without(self.links | other.links, self.files or other.files)

    def facts(self, facts: Facts) -> Facts:
        """The same facts, in which these invoices cannot be paid online."""
        told = (replace(i, online=i.online and i.id not in self.links) for i in facts.invoices)
        return replace(facts, invoices=tuple(told))

    def policy(self, policy: Policy) -> Policy:
        """The same policy, attaching nothing if the files are too large."""
        return policy.model_copy(update={"attach_pdf": False}) if self.files else policy


NOTHING = Without()
