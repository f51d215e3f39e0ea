"""Facts, outside texts and our own history → what the rules say, and who may be written to."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from jobs.reasoning.reading import quote
from jobs.rules.basis import CaseBasis
from jobs.rules.changes import ledger_evidence
from jobs.rules.facts.evidence import Document, Evidence, HeardText, Reading, Stance
from jobs.rules.facts.facts import Facts
from jobs.rules.facts.findings import Context, owner
from jobs.rules.facts.past import Past
from jobs.rules.figures import day
from jobs.rules.gates import gates, recipients
from jobs.rules.gates.cc import CarbonCopies, carbon_copies, of_customer
from jobs.rules.gates.heard import GONE, still_counts
from jobs.rules.policy.policy import Policy
from jobs.rules.rulings import Kind, Ruling, strictest
from jobs.rules.states import HIGHEST_START, Stage
from jobs.sources.quickbooks import CaseFile
from jobs.store import assessments, wordings
from jobs.store.assessments import Judgement
from jobs.store.cases import Case
from jobs.store.customers import heard, history


@dataclass(frozen=True)
class View:
    """Everything known about a case once the rules have been applied."""

    file: CaseFile
    context: Context
    stage: Stage
    basis: CaseBasis
    to: str
    """The recipient's address, or empty if the rules found none."""
    cc: CarbonCopies
    readings: tuple[Reading, ...]
    evidence: tuple[Evidence, ...]
    rulings: tuple[Ruling, ...]

    @property
    def facts(self) -> Facts:
        """What the ledger says."""
        return self.context.facts

    @property
    def past(self) -> Past:
        """Our own history with the customer."""
        return self.basis.past

    @property
    def kind(self) -> Kind | None:
        return strictest(self.rulings)

    @property
    def stopped(self) -> bool:
        return self.kind in (Kind.STOP, Kind.NEVER)

    @property
    def ruled_alone(self) -> bool:
        """Whether facts and policy alone stop the case, so that no model need be asked."""
        documents = {r.document for r in self.readings}
        stops = [r for r in self.rulings if r.kind in (Kind.STOP, Kind.NEVER)]
        return self.stopped and not any(documents & set(r.evidence) for r in stops)

    def fingerprint(self) -> str:
        """A hash that changes with the facts and the evidence, never with time alone."""
        parts = [assessments.fingerprint(self.facts), str(sorted(map(_said, self.rulings)))]
        parts += sorted(f"{r.document}:{r.stance}" for r in self.readings)
        named = owner(self.context.findings)
        parts.append(named[1].email if named else "")
        parts += [self.to, *self.cc.to, str(int(self.stage))]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def judgement(self, policy: Policy) -> Judgement:
        """What is stored of it; whoever proposes something adds that."""
        return Judgement(
            stage=self.stage,
            rulings=self.rulings,
            sha256=self.fingerprint(),
            policy_sha256=policy.sha256,
            context=self.context,
            basis=self.basis,
            readings=self.readings,
            evidence=self.evidence,
        )


def _said(ruling: Ruling) -> str:
    return ruling.fingerprint if ruling.kind is Kind.STOP else ruling.rule


def judge(
    conn: Connection,
    policy: Policy,
    file: CaseFile,
    context: Context,
    readings: tuple[Reading, ...],
    now: datetime,
    *,
    sender: str,
    reply_to: str = "",
) -> View:
    """What the rules say about a case, given its context, readings and our own history.

    `sender` is the bare address that messages come from. What earlier texts said counts too.
    """
    case, facts, documents = file.case, context.facts, context.documents
    before = still_counts(facts, heard.of(conn, case.company, case.customer), readings)
    allowed = _still_allowed(conn, case, facts, documents)
    ours = history.past(conn, case.company, case.customer, allowed_anyway=allowed)
    past = context.completed(ours)
    to, cc = _addressed(facts, past, sender)
    last = history.last_to(conn, case.company, of_customer(to, cc.to, sender))
    past = replace(past, last_contact_to_address=last)
    texts, files = wordings.texts(conn, case.company), not case.without.files
    basis = CaseBasis(now, past, sender, reply_to, before, files=files, texts=texts)
    return ruled(policy, file, context, readings, basis)


def ruled(
    policy: Policy,
    file: CaseFile,
    context: Context,
    readings: tuple[Reading, ...],
    basis: CaseBasis,
) -> View:
    """The same from what is on record alone: it gives the same answer at any time."""
    facts, past = context.facts, basis.past
    to, cc = _addressed(facts, past, basis.sender)
    stage = _stage(facts, past)
    readings += tuple(reading for text in basis.heard for reading in text.readings)
    findings = context.findings
    rulings = gates.judge(facts, stage, past, readings, policy, basis.at, findings=findings)
    evidence = (*ledger_evidence(facts), *_quotes(context, basis.heard, readings))
    return View(file, context, stage, basis, to, cc, readings, evidence, rulings)


def _addressed(facts: Facts, past: Past, sender: str) -> tuple[str, CarbonCopies]:
    """The recipient's address, or empty, and those who get copies."""
    found = recipients.recipient(facts, past)
    to = found if isinstance(found, str) else ""
    return to, carbon_copies(facts, past, to, sender)


def _stage(facts: Facts, past: Past) -> Stage:
    """The highest stage of its invoices, at most one above the last message about them."""
    ids = {invoice.id for invoice in facts.invoices}
    told = [contact.stage for contact in past.contacts if ids.intersection(contact.invoices)]
    next_one = Stage(min(max(told) + 1, Stage.FINAL)) if told else HIGHEST_START
    return min(max(facts.stages.values()), max(HIGHEST_START, next_one))


def _still_allowed(
    conn: Connection, case: Case, facts: Facts, documents: tuple[Document, ...]
) -> tuple[Ruling, ...]:
    """Stops set aside stay so for one draft: once facts or texts change, they count again."""
    if not case.allowed_anyway or assessments.new_documents(conn, case, documents):
        return ()
    before = assessments.facts(conn, case)
    if case.draft is None or case.reassess or before is None:
        return case.allowed_anyway
    same = assessments.fingerprint(before) == assessments.fingerprint(facts)
    return case.allowed_anyway if same else ()


def _quotes(
    context: Context, before: tuple[HeardText, ...], readings: tuple[Reading, ...]
) -> list[Evidence]:
    """The lines in which a reading found a stance, word for word from our own copy.

    Of a text that its source no longer returns, the label says so, and from when it is.
    """
    texts = {document.id: document for document in context.documents}
    old = {(r.document, r.stance): text.document for text in before for r in text.readings}
    found = []
    for r in (r for r in readings if r.stance is not Stance.NONE):
        document = old.get((r.document, r.stance)) or texts[r.document]
        gone = r.document not in texts and document.source not in context.down
        on = day(document.at.astimezone(context.facts.company.zone).date())
        label = f"{on}; {GONE}" if gone else ""
        found.append(Evidence(r.document, document.kind, label, quote(document, r), r.stance))
    return found
