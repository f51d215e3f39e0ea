"""What a judgement rests on besides facts, findings and readings: kept with it, so that the same
judgement can be made again later, when our own history has moved on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import TypeAdapter

from jobs.rules.case import Proposal
from jobs.rules.facts.evidence import Document, HeardText
from jobs.rules.facts.past import Past
from jobs.rules.letters.company_texts import STANDARD, CompanyTexts


@dataclass(frozen=True)
class Follows:
    """The version of the letter that the next one follows, and how it ended."""

    draft: str
    """Its id."""
    rejected: bool
    told: bool
    others: tuple[str, ...] = ()
    """See `drafting.Before`."""


@dataclass(frozen=True)
class CaseBasis:
    """Whatever of a judgement is in no other column of its row. Texts are empty in it."""

    at: datetime
    """When it was judged (UTC); it is stored some time later."""
    past: Past
    """With what the sources say of addresses."""
    sender: str
    """The bare address that messages come from."""
    reply_to: str = ""
    heard: tuple[HeardText, ...] = ()
    """What earlier texts said that counted, too; their readings come last in those of the row."""
    files: bool = True
    """False where a letter attaches nothing, because the files are too large for a mail."""
    documents: tuple[tuple[str, tuple[Document, ...]], ...] = ()
    """(source, its documents) in the order of the findings; the row has the hashes."""
    follows: Follows | None = None
    texts: CompanyTexts = STANDARD
    """What the company has of its own; kept as hashes, see `CompanyTexts.hashed`."""
    answer: Proposal | None = None
    """What the model proposed, before the rules required more care; None if none was taken."""

    def wordless(self) -> CaseBasis:
        """Without what people wrote and the names of others; it is left of a case long closed."""
        contacts = tuple(replace(one, subject="") for one in self.past.contacts)
        holds = tuple(replace(one, reason="") for one in self.past.holds)
        last = self.past.last_contact_to_address
        last = replace(last, customer="") if last else None
        follows = replace(self.follows, others=()) if self.follows else None
        return replace(
            self,
            past=replace(self.past, contacts=contacts, holds=holds, last_contact_to_address=last),
            documents=tuple((source, tuple(map(_bare, d))) for source, d in self.documents),
            follows=follows,
            answer=None,
        )


def _bare(document: Document) -> Document:
    return replace(document, sender="", doubt="")


BASIS: TypeAdapter[CaseBasis] = TypeAdapter(CaseBasis)
