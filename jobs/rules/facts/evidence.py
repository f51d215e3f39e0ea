"""What was read besides the ledger: outside documents, their readings, and evidence.

Outside text is data. A reading names lines of our own copy; it never has words of its own.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

BY_PHRASES = "phrases"
"""The reader of what no model has read."""


class Stance(StrEnum):
    """What the writer wants from us, as a closed list. Everything here can only raise caution."""

    NONE = "none"
    QUESTION = "question"
    PROMISE = "promise"
    NEW_CONTACT = "new_contact"  # somebody else is to be written to
    PAID_CLAIM = "paid_claim"
    UNCLEAR = "unclear"  # something is missing: PO, goods, price, a copy
    DISPUTE = "dispute"
    HARDSHIP = "hardship"  # insolvency, hardship, legal wording
    PLAN_REQUEST = "plan_request"
    BANK_CHANGE = "bank_change"  # "our bank details have changed", possible fraud
    UNHAPPY = "unhappy"


STANCES = (
    Stance.NONE,
    Stance.QUESTION,
    Stance.PROMISE,
    Stance.NEW_CONTACT,
    Stance.UNCLEAR,
    Stance.UNHAPPY,
    Stance.PLAN_REQUEST,
    Stance.PAID_CLAIM,
    Stance.DISPUTE,
    Stance.BANK_CHANGE,
    Stance.HARDSHIP,
)
"""From the least to the most careful: what never stops, what sets a class, what stops."""

ABOUT_BILLS = frozenset({Stance.DISPUTE, Stance.PAID_CLAIM, Stance.UNCLEAR})
"""Said of the bills that existed then; they mean nothing for those that came later."""
GRAVE = ABOUT_BILLS | {Stance.HARDSHIP, Stance.BANK_CHANGE, Stance.NEW_CONTACT}
"""What counts until a person has settled it, even when its text is no longer there."""
AUTOMATIC, BOUNCE, DELAY = "automatic_reply", "bounce", "delay"
"""Kinds of mail that no person wrote: somebody is away, our message came back, or it is delayed."""
CHANGES_NOTHING = frozenset({AUTOMATIC, DELAY})
"""Of those, what is no reason to read a case again."""


class Unreadable(StrEnum):
    """Why a text cannot be read whole by anybody but a person, as a closed list."""

    REST = "rest"  # it is too long
    TEXT = "text"  # it is only a picture or a file, or encrypted
    FILE = "file"  # it leaves what it has to say to a file


@dataclass(frozen=True)
class Document:
    """One text that we did not write. `id` is unique in the case: "memo:742", "ticket:88"."""

    id: str
    source: str  # "quickbooks", or as the table of sources has it: "CRM", "help desk"
    kind: str  # "memo", "ticket", "mail", "note"
    at: datetime
    text: str
    sender: str = ""
    """The bare address of who wrote it, in lower case; empty if it is not a mail."""
    answers: frozenset[str] = frozenset()
    """The Message-IDs that a mail answers, or returns as undeliverable."""
    doubt: str = ""
    """Why it is not certain that this mail is about the customer, as a sentence."""
    author: str = ""
    """Who wrote it, as far as the source knows: "customer", "colleague", "agent"."""
    missing: Unreadable | None = None
    """What of it `text` does not have, or has beyond what is read."""

    @property
    def sha256(self) -> str:
        """The fingerprint of its text, and the key of both the text and its readings."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True)
class Reading:
    """What one reader (the model, or our phrase rules) found in one document.

    `lines` are 1-based line numbers of the cleaned text; `reader` names the model and prompt
    version, or is BY_PHRASES, or empty where there is nothing to read.
    """

    document: str
    stance: Stance
    lines: tuple[int, ...]
    reader: str


@dataclass(frozen=True)
class HeardText:
    """A text of this customer that said something grave when it was last read.

    `document` is as it was then; its text is empty once that has been deleted.
    """

    document: Document
    readings: tuple[Reading, ...]
    """Only those with a grave stance."""
    sha256: str
    settled: frozenset[Stance] = frozenset()
    """What a finance lead has settled of exactly this text."""


@dataclass(frozen=True)
class TextToRead:
    """A text that somebody has to read, because no program has, or could read all of it.

    The text of `document` is empty once it has been deleted; `sha256` still says which it was.
    """

    document: Document
    sha256: str


@dataclass(frozen=True)
class Evidence:
    """A reason a person can check: a ledger record or a line quoted word for word from our copy."""

    id: str
    kind: str  # "invoice", "payment", "credit_memo", "memo", "mail", "ticket", "note"
    label: str
    quote: str = ""
    stance: Stance = Stance.NONE
