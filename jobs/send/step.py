"""Sending: check → fetch → intent → mail. `fetch` commits the intent, `outcome` hands it over.

The intent (`in_flight`) is committed before the first byte goes out. Only its own sender, and after
that a person, decides how it ended: a machine never resends a mail that may have gone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from jobs.approvals import tell_approvers, unknown, void
from jobs.engine.services import Services
from jobs.engine.step import Round, Step
from jobs.rules import changes
from jobs.rules.case import Decided, HeldUp
from jobs.rules.facts.findings import Account, Findings
from jobs.rules.policy.business_days import next_opening
from jobs.rules.states import State
from jobs.send.fetch import Fetch
from jobs.send.last_check import IN_VAIN, LastLook, Trouble, end_approval, may_go, try_again
from jobs.send.outcome import ACTOR
from jobs.sources import quickbooks
from jobs.sources.quickbooks import Books, CaseFile
from jobs.sources.source import Source, read_source
from jobs.store import assessments, cases, crossings, sends, work
from jobs.store import drafts as draft_store
from jobs.store.cases import Case, Move
from jobs.store.drafts import Draft
from jobs.store.services import outages
from jobs.store.work import Claim
from qbo.errors import QuickBooksError, ReauthRequired, Throttled

HINDRANCES = {
    HeldUp.NOT_CONNECTED: "The company was not connected to QuickBooks.",
    HeldUp.PAUSED: "Sending was paused.",
    HeldUp.SHADOW: "The company is in shadow mode.",
    HeldUp.REMINDERS: "Nobody has confirmed that QuickBooks' own reminders are off.",
}
"""What kept a message from going out when there was no error."""
ALTERED = (
    "The text on record is not the one that was approved. Nothing was sent; a new draft follows."
)
ABANDONED = "The sender stopped while handing over the mail."


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
            try_again(conn, claim, self.file.case, outcome, now)
            return None
        quickbooks.mirror(conn, self.file, outcome.books, now)
        look = self._look(conn, outcome, now)
        if (why := _nothing_left(conn, look)) is not None:
            _paid_before_send(conn, self.file.case, self.draft, why, now)
            return None
        past = look.past(conn)
        if not may_go(conn, claim, look, past):
            return None
        thread = tuple(contact.message_id for contact in past.contacts)
        return Fetch(self.services, look, thread, now)

    def _look(self, conn: Connection, said: Answers, now: datetime) -> LastLook:
        """What was approved next to what everybody says now."""
        file, books = self.file, said.books
        found = outages.remember(conn, file.company.realm, file.case.customer, said.findings)
        context = quickbooks.context(books, quickbooks.facts(books, file.scope))
        context = replace(context, findings={**context.findings, **found})
        stated = {invoice.id for invoice in self.draft.letter.invoices}
        left = tuple(i for i in quickbooks.ended(conn, file, books) if i.id in stated)
        return LastLook(self.services.policy, file, self.draft, context, left, now)


def _nothing_left(conn: Connection, look: LastLook) -> str | None:
    """Why none of the letter's invoices that have crossed is open any more; None if one is."""
    letter = look.draft.letter
    stated = {invoice.id for invoice in letter.invoices}
    still = [invoice for invoice in look.facts.invoices if invoice.id in stated]
    if not crossings.crossed(conn, look.file.case.id).keys().isdisjoint(i.id for i in still):
        return None
    early = changes.too_early(still)
    return " ".join((*changes.against(letter, look.facts, look.left), *early))


def _paid_before_send(
    conn: Connection, case: Case, draft: Draft, reason: str, now: datetime
) -> None:
    """What the last check exists for: cancel the case, tell the approvers, count it in the log."""
    move = Move(State.CANCELLED, "send.caught", ACTOR, data={"draft": draft.sha256})
    if cases.move(conn, case, move, now, end_reason=reason, undo_until=None, lapses_at=None):
        crossings.release(conn, case.id, now)
        tell_approvers(conn, case, draft, reason, now)


def _give_up(conn: Connection, claim: Claim, now: datetime) -> None:
    """After too many broken attempts: the approval lapses with the reason.

    If a mail had begun, a person is asked whether it went.
    """
    case = cases.of_row(claim.row)
    if case.state is State.SENDING:
        _abandoned(conn, case, now)
        return
    end_approval(conn, case, f"{IN_VAIN}{claim.tried}. {case.last_error}", now)
