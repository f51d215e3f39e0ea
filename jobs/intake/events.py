"""Events → a refreshed mirror → crossings → cases.

An event only says which object to read again: what it claims about the object is never used.
Events due at the same time are read together where possible: a bulk edit of thousands takes a few
readings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from jobs.engine.services import Services
from jobs.engine.step import Round, Step
from jobs.intake import crossing
from jobs.intake.crossing import News
from jobs.intake.ledger_reader import LedgerReader, evidence_id
from jobs.rules.facts.facts import Invoice
from jobs.rules.plain import shortened
from jobs.sources import records
from jobs.store import companies, log, outbox, work
from jobs.store.companies import ConnectedCompany
from jobs.store.intake import events, ledger
from jobs.store.outbox import MessageKind, OtherChannel
from jobs.store.work import Claim
from qbo.errors import Gone, PoisonedPage

READ = frozenset({"Invoice", "Payment", "CreditMemo", "Customer"})
"""What we subscribe to; a notification about anything else is recorded and reported."""
PROFILE = "Preferences"
"""It holds the closing date: a change brings the daily reading of it forward."""
AT_ONCE = 80
"""The most events in one reading, whose results are written in one transaction."""


def step(services: Services) -> Step:
    """The detect step: one event per row, and with it others that the same reading covers."""
    return Step(
        name="detect",
        table=work.EVENTS,
        ready=events.answerable(),
        load=lambda conn, claim, now: _load(services, conn, claim, now),
        give_up=lambda conn, claim, now: _give_up(services, conn, claim, now),
        width=4,
    )


def _load(services: Services, conn: Connection, claim: Claim, now: datetime) -> Round | None:
    if not work.renew(conn, claim, now):
        return None  # another event's reading already covers it
    company = companies.get(conn, claim.row.company)
    trouble = _trouble(claim, company)
    if company is None or trouble:
        _alarm(services, conn, claim, company, trouble, now)
        work.settle(conn, claim, None, last_error=trouble)
        return None
    if claim.row.entity == PROFILE:
        work.hurry(conn, company.realm, "upkeep", now)
        work.settle(conn, claim, None)
        return None
    services = services.for_company(company.realm)
    along = events.take_along(conn, claim, now, AT_ONCE - 1)
    ids = sorted({c.row.entity_id for c in (claim, *along)})
    return Look(services, company, claim.row, _known(conn, claim.row, ids), now, ids, along)


def _known(conn: Connection, event: Any, ids: list[str]) -> dict[str, Invoice]:
    """The invoices in the mirror: those named, or those of a customer that was merged away."""
    if event.entity == "Invoice":
        found = ledger.mirrored(conn, event.company, ids)
        return {id: m.invoice for id, m in found.items()}
    gone = [event.deleted_id] if event.deleted_id else []
    return {m.invoice.id: m.invoice for m in ledger.open_of(conn, event.company, gone)}


def _trouble(claim: Claim, company: ConnectedCompany | None) -> str:
    if claim.row.entity == "malformed":
        return "content that could not be read"
    if company is None:
        return "a company that is not connected here"
    if claim.row.entity not in READ | {PROFILE}:
        return f"a kind of record that we do not read ({claim.row.entity})"
    return ""


@dataclass(frozen=True)
class Outcome:
    """What a reading found, and which ids must be read alone, and why."""

    news: News
    apart: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Look:
    """Read the object that an event names, and everything it affects."""

    services: Services
    company: ConnectedCompany
    event: Any
    known: dict[str, Invoice]
    as_of: datetime
    ids: list[str]
    """The ids of this event and of those `along`, all of one kind."""
    along: list[Claim]

    def act(self) -> Outcome:
        """Read it. Raises QuickBooksError: the event then stays due and is tried again."""
        try:
            return self._read()
        except PoisonedPage as error:
            if len(self.ids) == 1:
                raise
            return Outcome(News(self.as_of), dict.fromkeys(self.ids, str(error)))

    def _read(self) -> Outcome:
        reader, apart = LedgerReader.of(self.services, self.company), dict[str, str]()
        news = self._news(reader, apart)
        customers = reader.family(news.about | {i.customer for i in news.invoices})
        return Outcome(replace(news, customers=customers), apart)

    def _news(self, reader: LedgerReader, apart: dict[str, str]) -> News:
        match self.event.entity:
            case "Invoice":
                return News(self.as_of, self._invoices(reader, apart))
            case "Payment" | "CreditMemo":
                return self._money(reader)
            case _:
                return self._customer(reader)

    def _invoices(self, reader: LedgerReader, apart: dict[str, str]) -> list[Invoice]:
        if len(self.ids) == 1:
            found = reader.invoice(self.ids[0])
            return [found] if found else self._gone(self.ids)
        fates = reader.fates(self.ids, trust_list=False)
        apart |= fates.unread
        return [*fates.found, *self._gone(fates.gone)]

    def _gone(self, ids: list[str]) -> list[Invoice]:
        return [records.gone(self.known[id]) for id in ids if id in self.known]

    def _money(self, reader: LedgerReader) -> News:
        entity, id = self.event.entity, self.event.entity_id
        quickbooks = reader.quickbooks
        try:
            found = quickbooks.payment(id) if entity == "Payment" else quickbooks.credit_memo(id)
        except Gone:
            return News(self.as_of, deleted=frozenset({evidence_id(entity, id)}))
        return News(self.as_of, reader.paid_by([found]), about=frozenset({found.customer_id}))

    def _customer(self, reader: LedgerReader) -> News:
        """A merge counts only if the merged customer can no longer be found."""
        survivor, loser = self.event.entity_id, self.event.deleted_id
        about = frozenset({*self.ids, loser} - {""})
        if not loser or any(c.active for c in reader.quickbooks.customers([loser])):
            return News(self.as_of, about=about)
        moved = reader.invoices_by_id(self.known)
        return News(self.as_of, moved, about=about, merged={loser: survivor})

    def settle(self, conn: Connection, claim: Claim, outcome: Outcome, now: datetime) -> None:
        """Mirror what was read, refresh the waiting cases, let overdue invoices cross."""
        if not self._settle(conn, claim, outcome, now):
            return
        for each in self.along:
            self._settle(conn, each, outcome, now)
        trigger = f"event:{claim.row.id}"
        crossing.learn(conn, self.services.policy, self.company, outcome.news, trigger, now)

    def _settle(self, conn: Connection, each: Claim, outcome: Outcome, now: datetime) -> bool:
        """Whether the claim was still ours. What must be read alone becomes due again at once."""
        if (why := outcome.apart.get(each.row.entity_id)) is None:
            return work.settle(conn, each, None)
        return work.settle(conn, each, now, last_error=shortened(why, 300), attempts=each.attempts)


def _alarm(
    services: Services,
    conn: Connection,
    claim: Claim,
    company: ConnectedCompany | None,
    trouble: str,
    now: datetime,
) -> None:
    """Report, once per day and kind, that QuickBooks sends something we cannot use."""
    realm = company.realm if company else ""
    key = f"event:{claim.row.entity[:20]}:{claim.row.company[:20]}:{now:%Y-%m-%d}"
    to = company or OtherChannel(realm, services.channel)
    data = {"reason": trouble, "event": claim.id}
    outbox.say(conn, to, MessageKind.EVENT_IGNORED, key, data, now)
    entry = log.Entry(realm, "event.unusable", "system:detect", now, data={"event": claim.id})
    log.note(conn, entry)


def _give_up(services: Services, conn: Connection, claim: Claim, now: datetime) -> None:
    """Stop trying and tell a person, once an hour; the sweep finds what was missed."""
    row = claim.row
    key = f"events:{row.company[:20]}:failed:{now:%Y-%m-%dT%H}"
    to = companies.get(conn, row.company) or OtherChannel(row.company, services.channel)
    data = {"entity": row.entity, "id": row.entity_id}
    data |= {"reason": row.last_error, "tried": claim.hopeless}
    outbox.say(conn, to, MessageKind.EVENT_FAILED, key, data, now)
    work.settle(conn, claim, None, last_error=claim.row.last_error)
