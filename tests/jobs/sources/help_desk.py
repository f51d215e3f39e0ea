"""A source that tests fill by hand, to show that no step knows a source by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from jobs.rules.facts.evidence import Document
from jobs.rules.facts.findings import Account, Counterpart, Down, Findings, Fresh, Owner, Ticket
from jobs.rules.policy.policy import Policy
from jobs.rules.policy.sections import Mark


class HelpDesk:
    """One ticket for each customer that has a text here."""

    name = "help desk"

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        """Customer id → what it wrote."""
        self.subject = "A question"
        self.open = True
        self.marks: tuple[Mark, ...] = ()
        self.doubtful = ""
        self.owner: Owner | None = None
        self.bounced: frozenset[str] = frozenset()
        self.counterparts: tuple[Counterpart, ...] = ()
        self.we_wrote_at: datetime | None = None
        self.away = ""
        """Why it cannot be read, as a sentence; empty: it can."""
        self.answer: Mapping[str, Findings] | Exception | None = None
        """What it does instead of answering."""
        self.readings: list[list[Account]] = []

    def read(
        self, customers: Sequence[Account], since: datetime, now: datetime, policy: Policy
    ) -> Mapping[str, Findings]:
        self.readings.append(list(customers))
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer is not None:
            return self.answer
        return {customer.id: self._about(customer.id, now) for customer in customers}

    def check(self, now: datetime, policy: Policy) -> str:
        return f"{len(self.texts)} tickets."

    def close(self) -> None:
        """It has no connection."""

    def _about(self, customer: str, now: datetime) -> Findings:
        if self.away:
            return Findings(Down(now, self.away))
        text, id = self.texts.get(customer), f"ticket:{customer}"
        documents = (Document(id, "help desk", "ticket", now, text),) if text else ()
        tickets = (Ticket(id, self.subject, self.open, now),) if text else ()
        return Findings(
            Fresh(now),
            documents=documents,
            tickets=tickets,
            marks=self.marks,
            owner=self.owner,
            bounced=self.bounced,
            counterparts=self.counterparts,
            we_wrote_at=self.we_wrote_at,
            doubtful=self.doubtful,
        )
