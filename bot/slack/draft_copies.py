"""Send me a copy: ask Slack for the person's address, check that no customer has it, and mail it.

asked → the address, and whether it is a customer's → the intent → the mail → the outcome
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from slack_sdk import WebClient
from sqlalchemy import Connection

from bot.slack import api
from bot.slack.api import Lost, NotOk, RateLimited, Trouble
from jobs.engine.services import Services
from jobs.engine.step import Round, Step
from jobs.mail.addresses import Unsendable, named
from jobs.mail.draft_copy import draft_copy, message_id
from jobs.mail.results import NotSent, Result, Sent
from jobs.rules.facts.addresses import is_address
from jobs.rules.facts.findings import Account, Findings, Fresh, called
from jobs.rules.plain import capital
from jobs.sources.configured import customer_registers
from jobs.sources.source import read_source
from jobs.store import cases, drafts, log, outbox, people, work
from jobs.store.cases import Case
from jobs.store.customers import search
from jobs.store.drafts import Draft
from jobs.store.outbox import DirectMessage, MessageKind
from jobs.store.work import Claim

NOBODY = "0"
"""An id that no customer has."""


def step(services: Services, client: Callable[[], WebClient]) -> Step:
    """The copies step: one test copy per row."""
    return Step(
        name="draft_copies",
        table=work.DRAFT_COPIES,
        ready=drafts.copies_asked(),
        load=lambda conn, claim, now: _load(services, client(), conn, claim, now),
        give_up=lambda conn, claim, now: _end(
            conn, claim, "not_sent", "It was tried five times.", now
        ),
    )


def _load(
    services: Services, client: WebClient, conn: Connection, claim: Claim, now: datetime
) -> Round | None:
    row, case = claim.row, cases.get(conn, claim.row.case_id)
    if row.state == "in_flight":
        told = "It may have been sent: the program was stopped meanwhile. Please look for it."
        _end(conn, claim, "unknown", told, now)
    elif case.draft != row.draft:
        _end(conn, claim, "refused", "The draft has changed. Please ask again.", now)
    elif not people.in_good_standing(conn, row.person):
        _end(conn, claim, "refused", "Only full members of the workspace get copies.", now)
    else:
        mine = services.for_company(case.company)
        return FindAddress(mine, client, row.person, case, drafts.draft(conn, row.draft), now)
    return None


def _end(conn: Connection, claim: Claim, state: str, told: str, now: datetime) -> None:
    """Settle it, log it without the address, and tell the person who asked."""
    if not work.settle(conn, claim, None, state=state, ended_at=now, last_error=told):
        return
    case = cases.get(conn, claim.row.case_id)
    log.note(conn, log.Entry(case.company, f"copy.{state}", "system:draft_copies", now, case.id))
    data = {"case": case.id, "sent": state == "sent", "reason": told}
    to = DirectMessage(case.company, claim.row.person)
    outbox.say(conn, to, MessageKind.DRAFT_COPY, f"copy:{claim.id}", data, now)


@dataclass(frozen=True)
class Addressed:
    """The address that Slack has, and what each source that knows customers says of it."""

    email: str
    found: Mapping[str, Findings] = field(default_factory=dict)


@dataclass(frozen=True)
class FindAddress:
    """Ask Slack for the person's address, and who knows customers whether it is one's."""

    services: Services
    client: WebClient
    person: str
    case: Case
    draft: Draft
    now: datetime

    def act(self) -> Addressed | Trouble:
        """Never raises for anything that Slack or a source does."""
        answer = api.call(self.client, "users.info", user=self.person)
        if isinstance(answer, Trouble):
            return answer
        email = str((answer["user"].get("profile") or {}).get("email") or "").strip().lower()
        if not is_address(email):
            return Addressed(email)
        account, policy = Account(NOBODY, "", frozenset({email})), self.services.policy
        asked = customer_registers(self.services.sources)
        found = {s.name: read_source(s, [account], self.now, policy)[NOBODY] for s in asked}
        return Addressed(email, found)

    def settle(
        self, conn: Connection, claim: Claim, outcome: Addressed | Trouble, now: datetime
    ) -> Round | None:
        """Check the address once more, now; write the intent, then mail it."""
        match outcome:
            case RateLimited(seconds):
                work.settle(conn, claim, now + timedelta(seconds=seconds))
            case Lost():
                work.back_off(conn, claim, now, outcome.error)
            case NotOk():
                _end(conn, claim, "refused", "Slack does not give your address.", now)
            case Addressed():
                return self._addressed(conn, claim, outcome, now)
        return None

    def _addressed(
        self, conn: Connection, claim: Claim, found: Addressed, now: datetime
    ) -> Round | None:
        if why := self._refused(conn, found):
            _end(conn, claim, "refused", why, now)
            return None
        letter = self.draft.letter
        id = message_id(self.draft.sha256, self.person, named(letter.sender).domain)
        try:
            built = draft_copy(letter, found.email, self.case.id, id, now)
        except Unsendable as error:
            _end(conn, claim, "refused", f"It cannot be sent: {error}.", now)
            return None
        if not drafts.begin_copy(conn, claim, found.email, id):
            return None
        return MailCopy(self.services, found.email, built)

    def _refused(self, conn: Connection, found: Addressed) -> str:
        """Why it must not go to this address, as a sentence, or empty."""
        if not is_address(found.email):
            return "Slack has no e-mail address for you."
        if self.services.mailer is None:
            return "No way to send mail is set up."
        if search.is_known(conn, found.email):
            return "Your address, or its domain, is a customer's in QuickBooks."
        for name, said in found.found.items():
            if not isinstance(said.freshness, Fresh):
                whose = "whether your address is a customer's. Please ask again."
                return f"{capital(called(name))} could not say {whose}"
            if said.known:
                return f"Your address, or its domain, is a customer's in {called(name)}."
        return ""


@dataclass(frozen=True)
class MailCopy:
    """Hand it over, once."""

    services: Services
    to: str
    built: bytes = field(repr=False)

    def act(self) -> Result:
        """Never raises for anything the mail server does."""
        assert self.services.mailer is not None, "asked before the intent"
        return self.services.mailer.send(self.services.sender, [self.to], self.built, lambda: True)

    def settle(self, conn: Connection, claim: Claim, outcome: Result, now: datetime) -> None:
        """Tell the person how it went."""
        if isinstance(outcome, Sent):
            _end(conn, claim, "sent", "", now)
        elif isinstance(outcome, NotSent):
            _end(conn, claim, "not_sent", outcome.reason, now)
        else:
            _end(conn, claim, "unknown", outcome.reason, now)
