"""The protocol that each source besides the ledger fills: one file in this folder, one setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol, runtime_checkable

from jobs.reasoning.cleaning import too_long
from jobs.rules.facts.evidence import Unreadable
from jobs.rules.facts.findings import Account, Down, Findings
from jobs.rules.policy.policy import Policy

HISTORY = timedelta(days=90)
"""How far back texts and closed tickets are read; our own copies are kept no longer."""


class Source(Protocol):
    """A CRM, a help desk or a mailbox. Read only; it never writes to the other system."""

    @property
    def name(self) -> str:
        """What a card calls it: "CRM", "help desk" or "mailbox"."""
        ...

    def read(
        self, customers: Sequence[Account], since: datetime, now: datetime, policy: Policy
    ) -> Mapping[str, Findings]:
        """What it says about each of these customers (of one company), by customer id.

        `since` (UTC) bounds texts and closed tickets; open tickets count whatever their age.
        `policy` is that company's, and says which names in the other system mean something. Every
        customer gets an answer. Never raises for anything the other side does: whoever could not
        be read completely is `Down`, with the reason.
        """
        ...

    def check(self, now: datetime, policy: Policy) -> str:
        """What it can read, in a sentence for `overdue doctor`. Raises SourceError with the cause
        and what to do about it."""
        ...

    def close(self) -> None:
        """End its connections."""
        ...


@dataclass(frozen=True)
class Arrivals:
    """New mail by customer, and how far it has been read with it."""

    findings: Mapping[str, Findings]
    cursor: Mapping[str, Any] | None
    """For the next reading, as JSON; whoever keeps it does not look into it."""
    more: bool = False
    """Whether there is more to read after the cursor right now."""


@runtime_checkable
class Inbox(Source, Protocol):
    """A source that customers write to: it also says what is new in it."""

    def arrived(
        self,
        customers: Sequence[Account],
        after: Mapping[str, Any] | None,
        since: datetime,
        now: datetime,
    ) -> Arrivals:
        """What came in `after` the last reading, however long that is ago, or else `since` then
        (UTC); some of it, if it is a lot. Raises SourceError."""
        ...


class SourceError(Exception):
    """A source refused or failed; the message is a sentence for a person, without secrets."""


def read_source(
    source: Source, customers: Sequence[Account], now: datetime, policy: Policy
) -> dict[str, Findings]:
    """What it says about each of these customers, whatever it does: an error, or no answer about
    one of them, is `Down`. A text too long to be read whole is marked, whichever source has it."""
    why = "It gave no answer about this customer."
    found: Mapping[str, Findings] = {}
    try:
        found = source.read(customers, now - HISTORY, now, policy)
    except Exception as error:  # noqa: BLE001
        # Its author's mistake; neither other sources nor other cases may suffer from it.
        why = f"Reading it failed ({type(error).__name__})."
    return {c.id: _marked(found.get(c.id) or unread(why, now), now) for c in customers}


def _marked(found: Findings, now: datetime) -> Findings:
    try:
        documents = tuple(
            replace(d, missing=Unreadable.REST) if d.missing is None and too_long(d.text) else d
            for d in found.documents
        )
    except Exception as error:  # noqa: BLE001
        # Anybody can write a text that we fail at; other customers may not suffer from it.
        return unread(f"Reading a text of this customer failed ({type(error).__name__}).", now)
    return replace(found, documents=documents)


def unread(why: str, now: datetime) -> Findings:
    """The findings of a source that could not be read."""
    return Findings(Down(now, why))
