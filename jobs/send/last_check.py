"""Reasons not to send an approved message, once the ledger has been read again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from jobs import approvals
from jobs.approvals import void
from jobs.rules import changes
from jobs.rules.case import Decided
from jobs.rules.facts.facts import Facts, Invoice
from jobs.rules.facts.findings import Context, Down, called
from jobs.rules.facts.past import Past
from jobs.rules.figures import amount
from jobs.rules.gates import gates, recipients
from jobs.rules.gates.cc import CarbonCopies, addressees, carbon_copies
from jobs.rules.gates.heard import still_counts
from jobs.rules.letters.letter import Letter
from jobs.rules.plain import capital, shortened
from jobs.rules.policy.business_days import next_opening
from jobs.rules.policy.policy import Policy
from jobs.rules.rulings import Kind, Ruling
from jobs.rules.verification.verify import verify
from jobs.send.outcome import LONGEST_RETRY, RETRY
from jobs.sources.quickbooks import CaseFile
from jobs.store import assessments, cases, people, sends, work
from jobs.store import drafts as draft_store
from jobs.store.cases import Case
from jobs.store.customers import heard as texts
from jobs.store.customers import history
from jobs.store.drafts import Draft
from jobs.store.work import MOST_ATTEMPTS, Claim
from qbo.errors import QuickBooksError, ReadOnly, TokenExpired, Unreachable

PATIENCE = timedelta(minutes=30)
"""How long an approved message waits for a source that does not answer."""
FOR_EVER = 3
"""The most attempts that passing trouble can use up, so that it never makes a claim hopeless."""
PASSING = (Unreachable, TokenExpired, ReadOnly)
"""Errors that say nothing about the record itself: the same request may work later."""
IN_VAIN = "The message could not be sent"
UNSURE = "Slack has not said recently who may approve, so the approvals could not be checked."
ALREADY_SENT = "A message of this case was already sent, or may have been; no other is sent."


@dataclass(frozen=True)
class LastLook:
    """An approved message next to the current facts."""

    policy: Policy
    file: CaseFile
    draft: Draft
    context: Context
    left: tuple[Invoice, ...]
    """Invoices that the message mentions and that are no longer open."""
    now: datetime

    @property
    def facts(self) -> Facts:
        """What the ledger says now."""
        return self.context.facts

    @property
    def silent(self) -> dict[str, Down]:
        """The sources that may answer soon enough for this approval, by name."""
        down = self.context.down.items()
        return {name: state for name, state in down if self.now - state.since < PATIENCE}

    def past(self, conn: Connection) -> Past:
        """Our own history with this customer, read again now."""
        case, to = self.file.case, addressees(self.draft.letter)
        found = history.past(conn, case.company, case.customer, to, case.allowed_anyway)
        return self.context.completed(found)

    def objections(self, conn: Connection, past: Past) -> tuple[str, ...]:
        """Whatever differs from what was approved, each as a sentence for a person."""
        letter, facts = self.draft.letter, self.facts
        stops = [r.reason for r in self._rulings(past) if r.kind is not Kind.GATE]
        copied = carbon_copies(facts, past, letter.to, letter.sender_address)
        causes = (
            *changes.after_approval(letter, facts, self.left),
            *stops,
            *_credited(assessments.facts_of_case(conn, self.file.case, self.now), facts),
            *_readdressed(letter, recipients.recipient(facts, past)),
            *_copied_otherwise(letter, copied),
            *self._unread(conn),
            *self._unheard(conn, past),
        )
        # If the ledger has moved, whatever is now wrong in the text is only a consequence.
        return causes or self._untrue(conn, past)

    def _rulings(self, past: Past) -> tuple[Ruling, ...]:
        stage, silent = self.draft.letter.stage, self.silent
        found = {n: said for n, said in self.context.findings.items() if n not in silent}
        return gates.judge(self.facts, stage, past, (), self.policy, self.now, findings=found)

    def _untrue(self, conn: Connection, past: Past) -> tuple[str, ...]:
        """What the text states without support in the facts, unless a person insisted on it."""
        letter, draft, facts = self.draft.letter, self.draft, self.facts
        policy = self.file.case.without.policy(self.policy)
        found = verify(letter, facts, policy, past, deadline=draft.deadline, marked=draft.marked)
        late = draft.deadline is not None and draft.deadline <= facts.today
        over = ("The deadline in the text has been reached.",) if late else ()
        return (*(v.sentence for v in found if v.sentence not in draft.violations), *over)

    def _unread(self, conn: Connection) -> tuple[str, ...]:
        """Sends the case back to be read when there is a text that nobody has read yet."""
        new = assessments.new_documents(conn, self.file.case, self.context.documents)
        where = ", ".join(self.context.sources_of(new))
        return (f"A new text about this case has to be read first ({where}).",) if new else ()

    def _unheard(self, conn: Connection, past: Past) -> tuple[str, ...]:
        """Sends the case back when somebody has noticed a grave text that it was not made from,
        even if that text is gone by now."""
        case = self.file.case
        quoted = {(one.id, one.stance) for one in assessments.present(conn, case).evidence}
        heard = still_counts(self.facts, texts.of(conn, case.company, case.customer), ())
        said = {(r.document, r.stance): text.document for text in heard for r in text.readings}
        new = said.keys() - quoted - past.settled
        where = ", ".join(sorted({said[one].source for one in new}))
        told = f"What the customer wrote has to be looked at first ({where})."
        return (told,) if new else ()

    def unapproved(self, conn: Connection, past: Past) -> tuple[str, ...]:
        """Why the recorded approvals are not enough; empty when they are."""
        new = self._rulings(past)
        case, draft = self.file.case, self.draft.id
        by = approvals.grounds(conn, self.policy, case, self.facts, self.now)
        stand = approvals.standing(conn, self.policy, case, draft, by, self.now, new)
        if stand.missing == 0:
            return ()
        return ("The approvals are no longer enough: a right was taken away, or more are needed.",)

    def approvers_are_known(self, conn: Connection) -> bool:
        """Whether Slack's data on the approvers is fresh; if not, asks for it.

        Only fresh data may take an approval away.
        """
        users = {d.actor for d in draft_store.decided_on(conn, self.draft.id, Decided.APPROVE)}
        if people.known(conn, users, self.policy.named_groups(), self.now):
            return True
        people.want(conn, users, "user", self.now)
        work.hurry(conn, work.EVERYBODY, "people", self.now)
        return False


def _credited(before: Facts, now: Facts) -> tuple[str, ...]:
    if before.on_account == now.on_account:
        return ()
    was, present = (amount(f.on_account) for f in (before, now))
    return (f"{present} is on account now, {was} before.",)


def _readdressed(letter: Letter, found: str | Ruling) -> tuple[str, ...]:
    if found == letter.to or isinstance(found, Ruling):
        return ()  # the stops already include this ruling
    return (f"QuickBooks now has the address {found}; the message was for {letter.to}.",)


def _copied_otherwise(letter: Letter, now: CarbonCopies) -> tuple[str, ...]:
    if now.to == letter.cc:
        return ()
    return now.left_out or ("Somebody changed who gets a copy.",)


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


def may_go(conn: Connection, claim: Claim, look: LastLook, past: Past) -> bool:
    """Whether the message may go now; if not, the case is put off or its approval ended here."""
    case, draft, now = look.file.case, look.draft, look.now
    if case.lapses_at and now >= case.lapses_at:
        end_approval(conn, case, f"The approval lapsed. {case.last_error}".strip(), now)
        return False
    opens = next_opening(now, look.file.company.zone, look.policy)
    if opens > now:
        work.settle(conn, claim, opens)
        return False
    gone = (ALREADY_SENT,) if sends.alive(conn, case.id) else ()
    reasons, unapproved = (*gone, *look.objections(conn, past)), look.unapproved(conn, past)
    if unapproved and not reasons and not look.approvers_are_known(conn):
        try_again(conn, claim, case, Trouble(UNSURE), now)
        return False
    if said := (*reasons, *unapproved):
        void(conn, case, draft, " ".join(said), Decided.DIFFERS, now)
        return False
    if silent := look.silent:
        told = (f"{called(name)} cannot be read: {down.reason}" for name, down in silent.items())
        why = " ".join(map(capital, told))
        by = min(down.since for down in silent.values()) + PATIENCE
        try_again(conn, claim, case, Trouble(why, again_by=by), now)
    return not silent


def try_again(conn: Connection, claim: Claim, case: Case, trouble: Trouble, now: datetime) -> None:
    """Stay approved, say why, and retry at growing intervals until the approval lapses.

    Only lasting trouble uses up attempts; after the last one a person has to look.
    """
    tries = claim.attempts if trouble.stays else min(claim.attempts, FOR_EVER)
    if tries >= MOST_ATTEMPTS:
        end_approval(conn, case, f"{IN_VAIN}{work.TRIED_ENOUGH}. {trouble.reason}", now)
        return
    due = now + min(RETRY * 4 ** (claim.attempts - 1), LONGEST_RETRY)
    due = min(due, case.lapses_at or due, trouble.again_by or due)
    if work.settle(conn, claim, due, last_error=shortened(trouble.reason, 300), attempts=tries):
        cases.redraw(conn, case.id, now)


def end_approval(conn: Connection, case: Case, reason: str, now: datetime) -> None:
    """Let the approval lapse early."""
    assert case.draft is not None
    void(conn, case, draft_store.draft(conn, case.draft), reason, Decided.LAPSE, now)
