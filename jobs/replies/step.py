"""New mail in the finance mailbox wakes its cases: once a minute, each mail once.

The cursor is settled together with everything that follows from the mails, so a crash only reads
them again. Nothing is marked in the mailbox.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from jobs.engine.services import Services
from jobs.engine.step import Round, Step, scheduled
from jobs.reasoning import reading
from jobs.reasoning.reading import Readings
from jobs.replies import taking
from jobs.replies.taking import Noticed
from jobs.rules.facts.evidence import Document
from jobs.rules.facts.findings import Account, Context, Down
from jobs.sources.source import Arrivals, Inbox, SourceError
from jobs.store import assessments, cases, companies, outbox, work
from jobs.store.companies import ConnectedCompany
from jobs.store.customers import replies
from jobs.store.outbox import MessageKind
from jobs.store.work import Claim

KIND = "replies"
EVERY = timedelta(minutes=1)
NOT_CONFIGURED = timedelta(hours=1)
"""How soon to look again whether there is a mailbox; a restart of the worker brings one."""
AFTER_TROUBLE = timedelta(minutes=5)
ANSWERABLE = timedelta(days=180)
"""How long after its end a case still gets the customer's mails in its thread."""
AT_FIRST = timedelta(days=7)
"""How old a mail may be that the first reading of a folder notices."""

slog = structlog.get_logger()


def step(services: Services) -> Step:
    """The mails of one company per row."""
    return scheduled(
        KIND,
        lambda conn, claim, now: _load(services, conn, claim, now),
        _give_up,
        ready=work.connected,
        width=2,
    )


def _give_up(conn: Connection, claim: Claim, now: datetime) -> None:
    """Tell the company's channel once a day and keep trying: replies may wait behind it."""
    company = companies.need(conn, claim.row.company)
    key = f"replies:{company.realm}:{now:%Y-%m-%d}"
    data = {"tried": claim.hopeless, "reason": claim.row.last_error}
    outbox.say(conn, company, MessageKind.REPLIES_FAILED, key, data, now)
    work.settle(conn, claim, now + AFTER_TROUBLE, last_error=claim.row.last_error)


def _load(services: Services, conn: Connection, claim: Claim, now: datetime) -> Round | None:
    inbox = next((one for one in services.sources if isinstance(one, Inbox)), None)
    if inbox is None:
        work.settle(conn, claim, now + NOT_CONFIGURED)
        return None
    company = companies.need(conn, claim.row.company)
    customers = replies.correspondents(conn, company.realm, now - ANSWERABLE)
    if not customers:
        work.settle(conn, claim, now + EVERY)
        return None
    cursor = (claim.row.body or {}).get("cursor")
    services = services.asking(company).for_company(company.realm)
    return FetchMails(services, inbox, company, customers, cursor, now)


@dataclass(frozen=True)
class FetchMails:
    """Fetch what is new."""

    services: Services
    inbox: Inbox
    company: ConnectedCompany
    customers: list[Account]
    cursor: Mapping[str, Any] | None
    now: datetime

    def act(self) -> Arrivals | SourceError:
        """The new mails, or why they could not be read."""
        try:
            since = self.now - AT_FIRST
            return self.inbox.arrived(self.customers, self.cursor, since, self.now)
        except SourceError as error:
            return error

    def settle(
        self, conn: Connection, claim: Claim, outcome: Arrivals | SourceError, now: datetime
    ) -> Round | None:
        """Read what is new; a mailbox that fails is asked again, and its cases say so."""
        if isinstance(outcome, SourceError):
            work.back_off(conn, claim, now, str(outcome))
            return None
        if not work.renew(conn, claim, now):
            return None
        mails = self._noticed(conn, outcome)
        round = ReadMails(self, outcome, mails, self._names(conn, mails))
        if round.unread:
            return round
        round.settle(conn, claim, Readings(()), now)
        return None

    def _noticed(self, conn: Connection, arrivals: Arrivals) -> tuple[Noticed, ...]:
        """The new mails; those whose text was read before, with its readings."""
        texts = [d for found in arrivals.findings.values() for d in found.documents]
        reader = reading.reader(self.services.model)
        known = assessments.known_readings(conn, texts, reader, reading.BESIDE)
        return tuple(
            Noticed(
                one.id,
                document,
                known.get(document.id, ()),
                found.bounced,
                frozenset(found.left),
                replies.case_for(conn, self.company.realm, one.id, document),
            )
            for one in self.customers
            if (found := arrivals.findings.get(one.id))
            for document in found.documents
        )

    def _names(self, conn: Connection, mails: Iterable[Noticed]) -> dict[str, frozenset[str]]:
        """Case → the names that it knows of; a case that was never prepared knows none yet."""
        found: dict[str, frozenset[str]] = {}
        for case in (mail.case for mail in mails if mail.case and not mail.readings):
            if facts := assessments.facts(conn, case):
                context = Context(facts, assessments.present(conn, case).findings)
                found[case.id] = reading.names(context, self.services.policy)
        return found


@dataclass(frozen=True)
class ReadMails:
    """Have each new text read on its own, as the cases will have it read."""

    fetch: FetchMails
    arrivals: Arrivals
    mails: tuple[Noticed, ...]
    names: Mapping[str, frozenset[str]]
    """Case → names that the model need not know; it is not asked about others, whose triage will
    ask it."""

    @property
    def unread(self) -> tuple[Noticed, ...]:
        return tuple(mail for mail in self.mails if not (mail.readings or mail.by_machine))

    def act(self) -> Readings:
        """Never raises for anything the model does: the phrase rules always answer.

        All mails at the same time, those of a case together: each takes the model seconds.
        """
        by_case: dict[str, list[Document]] = {}
        for mail in self.unread:
            asked = mail.case.id if mail.case and mail.case.id in self.names else ""
            by_case.setdefault(asked, []).append(mail.document)
        with ThreadPoolExecutor(len(by_case)) as pool:
            found = list(pool.map(self._read, by_case.keys(), by_case.values()))
        return Readings(
            tuple(reading for each in found for reading in each.readings),
            tuple(record for each in found for record in each.records),
            {id: why for each in found for id, why in each.failures.items()},
        )

    def _read(self, case: str, documents: list[Document]) -> Readings:
        """The model is asked on account of the case; without one, nobody sees the answer."""
        if not case:
            return reading.read(documents, None)
        model = self.fetch.services.for_case(self.fetch.company.realm, case).model
        return reading.read(documents, model, self.names[case])

    def settle(self, conn: Connection, claim: Claim, outcome: Readings, now: datetime) -> None:
        """Everything that follows from the mails, and the cursor behind them."""
        fetch = self.fetch
        if not work.settle(conn, claim, now if self.arrivals.more else now + EVERY):
            return
        asked = (mail for mail in self.unread if mail.case and mail.case.id in self.names)
        kept = outcome.known(mail.document for mail in asked)
        reader = reading.reader(fetch.services.model)
        assessments.put_readings(conn, kept, outcome.readings, reader, now)
        for mail in self.mails:
            said = (r for r in outcome.readings if r.document == mail.document.id)
            read = replace(mail, readings=mail.readings or tuple(said))
            self._take(conn, read, now)
        down = [id for id, f in self.arrivals.findings.items() if isinstance(f.freshness, Down)]
        cases.look_again(conn, fetch.company.realm, down, now)
        if self.arrivals.cursor:
            work.remember(conn, claim.id, {"cursor": self.arrivals.cursor})

    def _take(self, conn: Connection, mail: Noticed, now: datetime) -> None:
        """Each mail for itself: one that cannot be dealt with holds up no other."""
        company = self.fetch.company
        try:
            with conn.begin_nested():
                taking.take(conn, self.fetch.services.policy, company, mail, now)
        except OperationalError:
            raise  # the database is in trouble, and not the mail
        except Exception:  # noqa: BLE001 # anybody can send anything, and the cursor has to pass it
            slog.exception("reply.not_taken", company=company.realm, document=mail.document.id)
            taking.take_unread(conn, company, mail, now)
