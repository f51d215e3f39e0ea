"""Reasons not to send an approved message, once the ledger has been read again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from jobs import approvals
from jobs.rules import changes
from jobs.rules.case import Decided
from jobs.rules.facts.facts import Facts, Invoice
from jobs.rules.facts.findings import Context, Down
from jobs.rules.facts.past import Past
from jobs.rules.figures import amount
from jobs.rules.gates import gates, recipients
from jobs.rules.letters.letter import Letter
from jobs.rules.policy.policy import Policy
from jobs.rules.rulings import Kind, Ruling
from jobs.rules.verification.verify import verify
from jobs.sources.quickbooks import CaseFile
from jobs.store import assessments, people, work
from jobs.store import drafts as draft_store
from jobs.store.customers import history
from jobs.store.drafts import Draft

PATIENCE = timedelta(minutes=30)
"""How long an approved message waits for a source that does not answer."""


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
        case, to = self.file.case, self.draft.letter.to
        found = history.past(conn, case.company, case.customer, to, case.allowed_anyway)
        return self.context.completed(found)

    def objections(self, conn: Connection, past: Past) -> tuple[str, ...]:
        """Whatever differs from what was approved, each as a sentence for a person."""
        letter, facts = self.draft.letter, self.facts
        stops = [r.reason for r in self._rulings(past) if r.kind is not Kind.GATE]
        causes = (
            *changes.after_approval(letter, facts, self.left),
            *stops,
            *_credited(assessments.facts_of_case(conn, self.file.case, self.now), facts),
            *_readdressed(letter, recipients.recipient(facts, past)),
            *self._unread(conn),
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

    def unapproved(self, conn: Connection, past: Past) -> tuple[str, ...]:
        """Why the recorded approvals are not enough; empty when they are."""
        new = self._rulings(past)
        case, draft = self.file.case, self.draft.id
        stand = approvals.standing(conn, self.policy, case, draft, self.facts, self.now, new)
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
