"""The mail is handed over, and what became of it is written: sent, not sent, or unknown.

The outcome is written to the attempt's own row, no matter who holds the case by then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection

from jobs.approvals import (
    accepted_late,
    sent,
    tell_all,
    tell_approvers,
    unknown,
    void,
)
from jobs.engine.services import Services
from jobs.engine.step import Round
from jobs.mail.addresses import named
from jobs.mail.results import NotSent, Result, Sent, Unknown
from jobs.rules.case import Decided, Decision
from jobs.rules.letters.letter import Without
from jobs.rules.plain import shortened
from jobs.rules.policy.business_days import refresh_at
from jobs.rules.states import MOVES, State
from jobs.send.message import Mail
from jobs.sources.source import SourceError
from jobs.store import cases, companies, log, sends
from jobs.store import drafts as draft_store
from jobs.store.cases import Case, Move
from jobs.store.customers import history
from jobs.store.drafts import Draft
from jobs.store.outbox import MessageKind
from jobs.store.sends import Unfiled
from jobs.store.work import Claim

if TYPE_CHECKING:
    from jobs.sources.sent_folder import SentFolder  # loads IMAP, which only `act` needs

ACTOR = "system:send"
RETRY = timedelta(seconds=60)
"""How soon to retry a send that could not be checked or was refused for now."""
LONGEST_RETRY = timedelta(minutes=30)
"""The longest pause between retries, which grow while the other side keeps saying "later"."""
WITHOUT_FILES = "A new draft without them follows; please approve it again."
TOO_LARGE = 552
"""The reply code for a mail that is too large for the server (RFC 1870, 6.3)."""


@dataclass(frozen=True)
class Deliver:
    """Hand the mail over."""

    services: Services
    case: Case
    draft: Draft
    mail: Mail
    token: str

    def act(self) -> Result:
        """Hand the mail to the server. Never raises for anything the server does."""
        letter = self.draft.letter
        if self.services.mailer is None:
            return NotSent(
                "No way to send mail is configured (SMTP_URL, RESEND_API_KEY or MAIL_FOLDER).",
                False,
            )
        sender = named(letter.sender).addr_spec
        return self.services.mailer.send(
            sender, (letter.to, *letter.cc), self.mail.message, self._fence
        )

    def _fence(self) -> bool:
        return self.services.still_ours(self.case.id, self.token)

    def settle(
        self, conn: Connection, claim: Claim, outcome: Result, now: datetime
    ) -> Round | None:
        """Write the outcome to its own send row, no matter who holds the case by now.

        What was sent is then filed in our own mailbox.
        """
        match outcome:
            case Sent():
                state, detail = "sent", outcome.detail
            case Unknown():
                state, detail = "unknown", outcome.reason
            case NotSent():
                state, detail = "not_sent", outcome.reason
        before = sends.conclude(conn, self.case.id, self.token, state, detail, now)
        case = cases.get(conn, self.case.id)
        if before in sends.OPEN:
            self._first_word(conn, case, outcome, now)
        elif (before, state) == ("not_sent", "sent"):
            accepted_late(conn, case, self.draft, now)
        elif (before, state) == ("sent", "not_sent"):
            tell_all(conn, case, self.draft, MessageKind.NOT_GONE, now)
        folder = self.services.sent_folder
        if folder is None or not isinstance(outcome, Sent):
            return None
        copy = Unfiled(self.case.id, self.token, self.mail.message_id, self.mail.message)
        return FileCopy(folder, self.case.company, copy)

    def _first_word(self, conn: Connection, case: Case, outcome: Result, now: datetime) -> None:
        """The first outcome of this attempt; an earlier attempt may have ended the case."""
        match outcome:
            case Sent() if State.SENT in MOVES[case.state]:
                sent(conn, case, self.draft, ACTOR, now)
            case Sent():
                tell_all(conn, case, self.draft, MessageKind.SENT_TWICE, now)
            case Unknown():
                unknown(conn, self.case, self.draft, now)
            case NotSent() if case.state is State.UNKNOWN:
                void(conn, case, self.draft, outcome.reason, Decided.DIFFERS, now)
            case NotSent():
                self._not_sent(conn, outcome, now)

    def _not_sent(self, conn: Connection, outcome: NotSent, now: datetime) -> None:
        data = {"code": outcome.code, "permanent": outcome.permanent}
        if outcome.code == TOO_LARGE and self.draft.letter.attachments and not outcome.address:
            cases.do_without(conn, self.case, Without(files=True))
            reason = f"{outcome.reason}. {WITHOUT_FILES}"
            void(conn, self.case, self.draft, reason, Decided.DIFFERS, now)
        elif outcome.permanent:
            self._refused(conn, outcome, data, now)
        else:
            again = Move(State.APPROVED, "send.put_off", ACTOR, now + self._pause(conn), data)
            cases.move(conn, self.case, again, now, last_error=shortened(outcome.reason, 300))

    def _refused(
        self, conn: Connection, outcome: NotSent, data: dict[str, Any], now: datetime
    ) -> None:
        """A permanently refused address is not used again; the case is looked at again."""
        company, customer = companies.need(conn, self.case.company), self.case.customer
        due = refresh_at(now, company.zone, self.services.policy)
        if outcome.address:
            history.bounced(conn, company.realm, customer, outcome.address, ACTOR, now)
            due = now
        fresh = draft_store.rewrite_draft(conn, self.draft, now)
        back = Move(State.WAITING, "send.refused", ACTOR, due, data)
        said = f"Nothing was sent: {outcome.reason}"
        columns: dict[str, Any] = {"draft": fresh.id, "end_reason": said}
        columns |= {"lapses_at": None, "undo_until": None}
        if cases.move(conn, self.case, back, now, **columns):
            decision = Decision(Decided.REFUSED, ACTOR, now, said)
            draft_store.record(conn, self.case, decision, self.draft, "")
            tell_approvers(conn, self.case, self.draft, outcome.reason, now)

    def _pause(self, conn: Connection) -> timedelta:
        """Twice as long after each refusal of this draft."""
        times = sends.refusals(conn, self.draft.id)
        return min(RETRY * (1 << min(times - 1, 10)), LONGEST_RETRY)


class Filed(NamedTuple):
    """Whether there is a copy, as far as anybody can tell, and what became of it."""

    there: bool
    told: str


@dataclass(frozen=True)
class FileCopy:
    """Put a copy of what was sent into our own mailbox. Nothing depends on it.

    If that fails, or this process dies before, the copy is filed later (`jobs.send.filing`).
    """

    folder: SentFolder
    company: str
    copy: Unfiled

    def act(self) -> Filed:
        """What became of it. Never raises for anything the mailbox does."""
        return file_copy(self.folder, self.copy.message, self.copy.message_id)

    def settle(self, conn: Connection, _claim: Claim, outcome: Filed, now: datetime) -> None:
        """The case has gone on by now."""
        filed(conn, self.company, self.copy, outcome, now)
        if outcome.there:
            sends.forget_message(conn, self.copy)


def file_copy(folder: SentFolder, message: bytes, message_id: str) -> Filed:
    """Put it there, unless it is there already."""
    try:
        return Filed(True, folder.file(message, message_id))
    except SourceError as error:
        return Filed(False, f"No copy in Sent: {error}")


def filed(conn: Connection, company: str, copy: Unfiled, said: Filed, now: datetime) -> None:
    """A line on the attempt's own row and in the log."""
    sends.filed(conn, copy.case, copy.token, said.told)
    data = {"message": copy.message_id, "copy": said.there}
    log.note(conn, log.Entry(company, "send.filed", ACTOR, now, copy.case, data))
