"""The last check, then the intent to send: check → fetch → intent. `outcome` hands the mail over.

The intent (`in_flight`) is committed before the first byte goes out. Only its own sender, and after
that a person, decides how it ended: a machine never resends a mail that may have gone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from jobs.approvals import (
    tell_approvers,
    unknown,
    void,
)
from jobs.engine.services import Services
from jobs.engine.step import Round, Step
from jobs.mail.addresses import MailTooLarge, Unsendable
from jobs.rules import changes
from jobs.rules.case import Decided, HeldUp
from jobs.rules.facts.findings import Account, Findings
from jobs.rules.facts.past import Past
from jobs.rules.letters import drafts
from jobs.rules.letters.letter import NOTHING, Without
from jobs.rules.plain import shortened
from jobs.rules.policy.business_days import next_opening, start_of
from jobs.rules.states import State
from jobs.send.last_check import PATIENCE, LastLook
from jobs.send.message import Mail, MailBuilder
from jobs.send.outcome import ACTOR, LONGEST_RETRY, RETRY, WITHOUT_FILES, Deliver
from jobs.sources import quickbooks
from jobs.sources.quickbooks import Books, CaseFile
from jobs.sources.source import Source, read_source
from jobs.store import assessments, cases, companies, crossings, log, outbox, sends, work
from jobs.store import drafts as draft_store
from jobs.store.cases import Case, Move
from jobs.store.companies import ConnectedCompany
from jobs.store.connection import outages
from jobs.store.customers import history
from jobs.store.drafts import Draft
from jobs.store.outbox import MessageKind
from jobs.store.work import LEASE, MOST_ATTEMPTS, Claim
from qbo.errors import (
    Gone,
    QuickBooksError,
    ReadOnly,
    ReauthRequired,
    Throttled,
    TokenExpired,
    Unreachable,
)

HINDRANCES = {
    HeldUp.NOT_CONNECTED: "The company was not connected to QuickBooks.",
    HeldUp.PAUSED: "Sending was paused.",
    HeldUp.SHADOW: "The company is in shadow mode.",
    HeldUp.REMINDERS: "Nobody has confirmed that QuickBooks' own reminders are off.",
}
"""What kept a message from going out when there was no error."""
FOR_EVER = 3
"""The most attempts that passing trouble can use up, so that it never makes a claim hopeless."""
PASSING = (Unreachable, TokenExpired, ReadOnly)
"""Errors that say nothing about the record itself: the same request may work later."""
IN_VAIN = "The message could not be sent"
NOT_AVAILABLE = "What the mail needs from QuickBooks is not available"
WITHOUT_LINK = "A new draft without it follows; please approve it again."
UNSURE = "Slack has not said recently who may approve, so the approvals could not be checked."
ALTERED = (
    "The text on record is not the one that was approved. Nothing was sent; a new draft follows."
)
ABANDONED = "The sender stopped while handing over the mail."
ALREADY_SENT = "A message of this case was already sent, or may have been; no other is sent."


def step(services: Services) -> Step:
    """The send step: one approved case per row, several at once."""
    return Step(
        name="send",
        table=work.CASES,
        ready=sends.approved_or_abandoned(),
        load=lambda conn, claim, now: _load(services, conn, claim, now),
        give_up=_give_up,
        width=8,
    )


def _load(services: Services, conn: Connection, claim: Claim, now: datetime) -> Round | None:
    case = cases.of_row(claim.row)
    services = services.for_company(case.company)
    if case.state is State.SENDING:
        _abandoned(conn, case, now)
        return None
    assert case.draft is not None
    draft = draft_store.draft(conn, case.draft)
    file = quickbooks.open_file(conn, case, now)
    if case.lapses_at and now >= case.lapses_at:
        held_up = file.company.held_up(shadow=case.shadow)
        why = case.last_error or (HINDRANCES[held_up] if held_up else "")
        void(conn, case, draft, f"The approval lapsed. {why}".strip(), Decided.LAPSE, now)
        return None
    if draft.letter.sha256() != draft.sha256:
        void(conn, case, draft, ALTERED, Decided.DIFFERS, now)
        return None
    opens = next_opening(now, file.company.zone, services.policy)
    if opens > now:
        work.settle(conn, claim, opens)
        return None
    known = assessments.facts_of_case(conn, case, now)
    return LastCheck(services, file, draft, quickbooks.account(conn, file, known), now)


def _abandoned(conn: Connection, case: Case, now: datetime) -> None:
    """The sender died and left `in_flight` behind: nobody can tell whether the mail went."""
    sends.abandon(conn, case.id, ABANDONED)
    assert case.draft is not None
    unknown(conn, case, draft_store.draft(conn, case.draft), now)


@dataclass(frozen=True)
class Trouble:
    """Something outside did not answer, or said no for now."""

    reason: str
    stays: bool = False
    """Retrying is unlikely to help, as with a record that cannot be read."""
    again_by: datetime | None = None
    """When to retry at the latest."""

    @classmethod
    def of(cls, words: str, error: QuickBooksError) -> Trouble:
        """`error` as a Trouble whose reason starts with `words`."""
        return cls(f"{words}: {error}", stays=not isinstance(error, PASSING))


@dataclass(frozen=True)
class UnusableLetter:
    """This letter cannot go as approved; the next one leaves out what `without` names."""

    reason: str
    without: Without = NOTHING


@dataclass(frozen=True)
class Answers:
    """What the ledger and every other source say now."""

    books: Books
    findings: dict[str, Findings]


@dataclass(frozen=True)
class LastCheck:
    """Read every source once more, the ledger last: it is the one that changes most."""

    services: Services
    file: CaseFile
    draft: Draft
    account: Account
    now: datetime

    def act(self) -> Answers | Trouble:
        """What they say now, or Trouble with the ledger: the case then stays approved.

        Raises Throttled and ReauthRequired.
        """
        findings = {source.name: self._about(source) for source in self.services.sources}
        try:
            alone = quickbooks.Alone(self.services.quickbooks(self.file.company.realm))
            return Answers(quickbooks.read(alone, self.file, self.now), findings)
        except (Throttled, ReauthRequired):
            raise  # these say what to wait for, and waiting is not an attempt
        except QuickBooksError as error:
            return Trouble.of("The last check could not be made", error)

    def _about(self, source: Source) -> Findings:
        found = read_source(source, [self.account], self.now, self.services.policy)
        return found[self.account.id]

    def settle(
        self, conn: Connection, claim: Claim, outcome: Answers | Trouble, now: datetime
    ) -> Round | None:
        """Void the approval if anything differs; cancel the case if nothing is left to ask for."""
        if isinstance(outcome, Trouble):
            _try_again(conn, claim, self.file.case, outcome, now)
            return None
        books, file = outcome.books, self.file
        quickbooks.mirror(conn, file, books, now)
        found = outages.remember(conn, file.company.realm, file.case.customer, outcome.findings)
        facts = quickbooks.facts(books, file.scope)
        case = file.case
        stated = {i.id for i in self.draft.letter.invoices}
        left = tuple(i for i in quickbooks.ended(conn, file, books) if i.id in stated)
        still = stated & {i.id for i in facts.invoices}
        if still.isdisjoint(crossings.crossed(conn, case.id)):
            early = changes.too_early(i for i in facts.invoices if i.id in still)
            why = " ".join((*changes.against(self.draft.letter, facts, left), *early))
            _paid_before_send(conn, case, self.draft, why, now)
            return None
        context = quickbooks.context(books, facts)
        context = replace(context, findings={**context.findings, **found})
        look = LastLook(self.services.policy, file, self.draft, context, left, now)
        past = look.past(conn)
        if not _may_go(conn, claim, look, past):
            return None
        thread = tuple(contact.message_id for contact in past.contacts)
        return Fetch(self.services, look, thread, now)


def _may_go(conn: Connection, claim: Claim, look: LastLook, past: Past) -> bool:
    """Whether the message may go now; if not, the case is put off or its approval ended here."""
    case, draft, now = look.file.case, look.draft, look.now
    if case.lapses_at and now >= case.lapses_at:
        _end(conn, case, f"The approval lapsed. {case.last_error}".strip(), now)
        return False
    opens = next_opening(now, look.file.company.zone, look.policy)
    if opens > now:
        work.settle(conn, claim, opens)
        return False
    gone = (ALREADY_SENT,) if sends.alive(conn, case.id) else ()
    reasons, unapproved = (*gone, *look.objections(conn, past)), look.unapproved(conn, past)
    if unapproved and not reasons and not look.approvers_are_known(conn):
        _try_again(conn, claim, case, Trouble(UNSURE), now)
        return False
    if said := (*reasons, *unapproved):
        void(conn, case, draft, " ".join(said), Decided.DIFFERS, now)
        return False
    if silent := look.silent:
        why = " ".join(f"The {name} cannot be read: {down.reason}" for name, down in silent.items())
        by = min(down.since for down in silent.values()) + PATIENCE
        _try_again(conn, claim, case, Trouble(why, again_by=by), now)
    return not silent


def _try_again(conn: Connection, claim: Claim, case: Case, trouble: Trouble, now: datetime) -> None:
    """Stay approved, say why, and retry at growing intervals until the approval lapses.

    Only lasting trouble uses up attempts; after the last one a person has to look.
    """
    tries = claim.attempts if trouble.stays else min(claim.attempts, FOR_EVER)
    if tries >= MOST_ATTEMPTS:
        _end(conn, case, f"{IN_VAIN}{work.TRIED_ENOUGH}. {trouble.reason}", now)
        return
    due = now + min(RETRY * 4 ** (claim.attempts - 1), LONGEST_RETRY)
    due = min(due, case.lapses_at or due, trouble.again_by or due)
    if work.settle(conn, claim, due, last_error=shortened(trouble.reason, 300), attempts=tries):
        cases.redraw(conn, case.id, now)


def _paid_before_send(
    conn: Connection, case: Case, draft: Draft, reason: str, now: datetime
) -> None:
    """What the last check exists for: cancel the case, tell the approvers, count it in the log."""
    move = Move(State.CANCELLED, "send.caught", ACTOR, data={"draft": draft.sha256})
    if cases.move(conn, case, move, now, end_reason=reason):
        crossings.release(conn, case.id, now)
        tell_approvers(conn, case, draft, reason, now)


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
            return UnusableLetter(
                f"It was too large: {error}. {WITHOUT_FILES}", Without(files=True)
            )
        except Unsendable as error:
            return UnusableLetter(f"The mail could not be built: {error}.")
        except (Throttled, ReauthRequired):
            raise
        except Gone as error:
            return Trouble.of(NOT_AVAILABLE, error)  # the next last check deals with it
        except QuickBooksError as error:
            if error.permanent and self.draft.letter.attachments:
                return UnusableLetter(
                    f"{NOT_AVAILABLE}: {error}. {WITHOUT_FILES}", Without(files=True)
                )
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
            _try_again(conn, claim, case, outcome, now)
            return None
        if isinstance(outcome, UnusableLetter):
            cases.do_without(conn, case, outcome.without)
            void(conn, case, self.draft, outcome.reason, Decided.DIFFERS, now)
            return None
        history.queue_up(conn, case.company, self.draft.letter.to)
        services = self.services.for_company(case.company)
        look = replace(self.look, policy=services.policy, now=now)
        if not _may_go(conn, claim, look, look.past(conn)):
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
            bytes_sha256=mail.sha256,
            attachments=mail.attachments,
        )
        sending = replace(case, state=State.SENDING, version=case.version + 1)
        return Deliver(self.services, sending, self.draft, mail, claim.token)


def _shadow_run(conn: Connection, case: Case, draft: Draft, mail: Mail, now: datetime) -> None:
    """End a shadow case: everything was done except the e-mail and the note."""
    data = {"draft": draft.sha256, "bytes": mail.sha256}
    move = Move(State.CANCELLED, "case.shadow_run", ACTOR, data=data)
    reason = "Shadow run: checked and composed; nothing was sent or written."
    ended = cases.move(conn, case, move, now, end_reason=reason)
    if ended and companies.need(conn, case.company).live:
        crossings.release(conn, case.id, now)  # the company is live by now: do them for real


def _give_up(conn: Connection, claim: Claim, now: datetime) -> None:
    """After too many broken attempts: the approval lapses with the reason.

    If a mail had begun, a person is asked whether it went.
    """
    case = cases.of_row(claim.row)
    if case.state is State.SENDING:
        _abandoned(conn, case, now)
        return
    _end(conn, case, f"{IN_VAIN}{claim.tried}. {case.last_error}", now)


def _end(conn: Connection, case: Case, reason: str, now: datetime) -> None:
    """Let the approval lapse early."""
    assert case.draft is not None
    void(conn, case, draft_store.draft(conn, case.draft), reason, Decided.LAPSE, now)
