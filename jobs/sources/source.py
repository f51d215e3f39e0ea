"""The protocol that each source besides the ledger fills: one file in this folder, one setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from jobs.rules.findings import Account, Findings
from jobs.rules.policy import Policy


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


class SourceError(Exception):
    """A source refused or failed; the message is a sentence for a person, without secrets."""
