"""Fetch the PDFs and pay links, build the mail, and commit the intent to send it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from jobs.approvals import void
from jobs.engine.services import Services
from jobs.engine.step import Round
from jobs.mail.addresses import MailTooLarge, Unsendable
from jobs.rules import drafts
from jobs.rules.case import Decided
from jobs.rules.gates.cc import addressees
from jobs.rules.letters.letter import NOTHING, Without
from jobs.rules.policy.business_days import start_of
from jobs.rules.states import State
from jobs.send.last_check import LastLook, Trouble, may_go, try_again
from jobs.send.message import Mail, MailBuilder
from jobs.send.outcome import ACTOR, WITHOUT_FILES, Deliver
from jobs.store import cases, companies, crossings, log, outbox, sends, work
from jobs.store.cases import Case, Move
from jobs.store.companies import ConnectedCompany
from jobs.store.customers import history
from jobs.store.drafts import Draft
from jobs.store.outbox import MessageKind
from jobs.store.work import LEASE, Claim
from qbo.errors import Gone, QuickBooksError, ReauthRequired, Throttled

NOT_AVAILABLE = "What the mail needs from QuickBooks is not available"
WITHOUT_LINK = "A new draft without it follows; please approve it again."


@dataclass(frozen=True)
class UnusableLetter:
    """This letter cannot go as approved; the next one leaves out what `without` names."""

    reason: str
    without: Without = NOTHING


@dataclass(frozen=True)
class Fetch:
    """Fetch the PDFs and pay links and build the bytes, once."""

    services: Services
    look: LastLook
    """The last check; it is repeated when the intent is committed."""
    thread: tuple[str, ...]
    """Message-IDs of our earlier messages to this customer, oldest first."""
    now: datetime

    @property
    def draft(self) -> Draft:
        """The draft that was approved."""
        return self.look.draft

    def act(self) -> Mail | Trouble | UnusableLetter:
        """The finished mail, or why there is none. Raises Throttled and ReauthRequired.

        A missing PDF delays the mail; it never goes without what the card promised.
        """
        try:
            return self._builder().build()
        except drafts.PayLinkError as error:
            links = self._builder().invoices_of(error.keys)
            return UnusableLetter(f"{error} {WITHOUT_LINK}", Without(links=links))
        except MailTooLarge as error:
            return _without_files(f"It was too large: {error}")
        except Unsendable as error:
            return UnusableLetter(f"The mail could not be built: {error}.")
        except (Throttled, ReauthRequired):
            raise
        except QuickBooksError as error:
            # the next last check deals with what is gone
            lasting = error.permanent and not isinstance(error, Gone)
            if lasting and self.draft.letter.attachments:
                return _without_files(f"{NOT_AVAILABLE}: {error}")
            return Trouble.of(NOT_AVAILABLE, error)

    def _builder(self) -> MailBuilder:
        ledger = self.services.quickbooks(self.look.file.company.realm)
        return MailBuilder(ledger, self.look.file.case.id, self.draft, self.thread, self.now)

    def settle(
        self,
        conn: Connection,
        claim: Claim,
        outcome: Mail | Trouble | UnusableLetter,
        now: datetime,
    ) -> Round | None:
        """Commit the intent, in the transaction that checks that nothing has changed.

        Fetching may have taken minutes, and others may have written to this address meanwhile, so
        gap, holds, lapse, caps, mode, rights and policy are checked again, one sender at a time.
        """
        case = self.look.file.case
        if isinstance(outcome, Trouble):
            try_again(conn, claim, case, outcome, now)
            return None
        if isinstance(outcome, UnusableLetter):
            cases.do_without(conn, case, outcome.without)
            void(conn, case, self.draft, outcome.reason, Decided.DIFFERS, now)
            return None
        history.queue_up(conn, case.company, addressees(self.draft.letter))
        services = self.services.for_company(case.company)
        look = replace(self.look, policy=services.policy, now=now)
        if not may_go(conn, claim, look, look.past(conn)):
            return None
        if case.shadow:
            _shadow_run(conn, case, self.draft, outcome, now)
            return None
        company = companies.need(conn, case.company)
        if not company.sends or _day_is_full(services, conn, company, now):
            work.settle(conn, claim, now)
            return None
        return self._intend(conn, claim, outcome, now)

    def _intend(self, conn: Connection, claim: Claim, mail: Mail, now: datetime) -> Round | None:
        case = self.look.file.case
        begun = {"draft": self.draft.sha256, "bytes": mail.sha256, "id": mail.message_id}
        move = Move(State.SENDING, "send.begun", ACTOR, now + LEASE, begun)
        if not cases.move(conn, case, move, now, token=claim.token):
            return None
        sends.begin(
            conn,
            case.id,
            self.draft.id,
            claim.token,
            now,
            message_id=mail.message_id,
            recipient=self.draft.letter.to.lower(),
            cc=self.draft.letter.cc,
            bytes_sha256=mail.sha256,
            attachments=mail.attachments,
        )
        if self.services.sent_folder:
            sends.keep_message(conn, case.id, claim.token, mail.message)
            work.by(conn, case.company, sends.FILING, now + sends.FILED_WITHIN)
        sending = replace(case, state=State.SENDING, version=case.version + 1)
        return Deliver(self.services, sending, self.draft, mail, claim.token)


def _without_files(why: str) -> UnusableLetter:
    return UnusableLetter(f"{why}. {WITHOUT_FILES}", Without(files=True))


def _day_is_full(
    services: Services, conn: Connection, company: ConnectedCompany, now: datetime
) -> bool:
    """Whether the day's cap is reached: sending then pauses and says so, once a day.

    Nothing approved is dropped.
    """
    today = company.today(now)
    sent = history.sent_since(conn, company.realm, start_of(today, company.zone))
    key = f"cap:{company.realm}:{today}"
    if sent < services.policy.messages_per_day or outbox.exists(conn, key):
        return False  # it has paused today already, so somebody has resumed sending since
    companies.change(conn, company.realm, paused_at=now, paused_by=ACTOR)
    outbox.say(conn, company, MessageKind.DAY_FULL, key, {"sent": sent}, now)
    log.note(conn, log.Entry(company.realm, "company.paused", ACTOR, now, data={"sent": sent}))
    return True


def _shadow_run(conn: Connection, case: Case, draft: Draft, mail: Mail, now: datetime) -> None:
    """End a shadow case: everything was done except the e-mail and the note."""
    data = {"draft": draft.sha256, "bytes": mail.sha256}
    move = Move(State.CANCELLED, "case.shadow_run", ACTOR, data=data)
    reason = "Shadow run: checked and composed; nothing was sent or written."
    ended = cases.move(conn, case, move, now, end_reason=reason)
    if ended and companies.need(conn, case.company).live:
        crossings.release(conn, case.id, now)  # the company is live by now: do them for real
