"""A proposal → the next version of the letter, verified, or the plain template instead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Connection

from jobs.reasoning.by_rules import AUTHOR
from jobs.reasoning.model import QuestionRecord
from jobs.rules import changes, drafts
from jobs.rules.basis import Follows
from jobs.rules.case import Decided, Proposal
from jobs.rules.facts.facts import Facts
from jobs.rules.figures import listed
from jobs.rules.gates import about_texts
from jobs.rules.letters.company_texts import STANDARD, CompanyTexts, text_name
from jobs.rules.letters.letter import Envelope, Letter, sent_by
from jobs.rules.policy.policy import Policy
from jobs.rules.rulings import Ruling
from jobs.rules.states import CaseClass, RejectReason
from jobs.rules.verification.verify import verify
from jobs.rules.verification.violations import Violation
from jobs.store import drafts as draft_store
from jobs.store.customers import search
from jobs.triage.judging import View

UNFIT = "The edited text no longer fits, so a new draft was written."


@dataclass(frozen=True)
class Made:
    """A proposal, by the model or by the rules, and why the model's text was not used."""

    proposal: Proposal
    reason: str
    record: QuestionRecord | None


@dataclass(frozen=True)
class Before:
    """The latest version of the letter, if there is one, and how it ended."""

    draft: draft_store.Draft | None
    rejected: bool
    """Somebody rejected it for its tone."""
    others: tuple[str, ...] = ()
    """Names of other customers that may stand in it, if a person wrote it."""
    told: bool = False
    """The last check has already said what differs, so the card need not repeat it."""

    @property
    def recorded(self) -> Follows | None:
        """What of it is kept."""
        old = self.draft
        return Follows(old.id, self.rejected, self.told, self.others) if old else None


@dataclass(frozen=True)
class Written:
    """The next version of the letter, what the rules say about its words, and what changed."""

    letter: Letter
    columns: dict[str, Any]
    """Columns stored with the draft: author, deadline, violations."""
    rulings: tuple[Ruling, ...]
    changed: tuple[str, ...]
    unfit: str = ""
    """The user whose edited text was dropped because it is no longer true, or empty."""


def before(conn: Connection, case_id: str, facts: Facts) -> Before:
    """The version that the next one, about these facts, follows."""
    old = draft_store.latest(conn, case_id)
    if old is None:
        return Before(None, rejected=False)
    rejected = draft_store.decided_on(conn, old.id, Decided.REJECT)
    wrong_tone = any(decision.reason == RejectReason.WRONG_TONE for decision in rejected)
    text = f"{old.letter.subject}\n{old.letter.body}" if old.edited_by else ""
    others = search.others_named(conn, facts, text)
    told = bool(draft_store.decided_on(conn, old.id, Decided.DIFFERS))
    return Before(old, wrong_tone, others, told)


def write(policy: Policy, view: View, made: Made, before: Before) -> Written:
    """The proposal's letter, or a person's text while it is still true. Slow for a long text."""
    old = before.draft
    kept = old.deadline if old else None
    today = view.facts.today
    deadline = drafts.deadline_for(view.stage, made.proposal.class_, today, kept, policy)
    composed = _letter(policy, view, made, deadline)
    letter, broken = composed.letter, composed.broken
    changed = changes.since(old.letter, view.facts) if old and not before.told else ()
    changed = (*changed, *_copied(old.letter if old else None, letter), *view.cc.left_out)
    columns: dict[str, Any] = {"author": composed.author, "author_reason": composed.reason}
    columns |= {"deadline": deadline, "wording": composed.wording}
    theirs, unfit = old if old and old.edited_by and not before.rejected else None, ""
    if theirs and (mine := _still_true(policy, view, before, letter, deadline)):
        letter, broken = mine
        columns |= {"author": theirs.edited_by, "edited_by": theirs.edited_by, "author_reason": ""}
        columns["wording"] = ""
        columns["marked"] = theirs.marked
    elif theirs:
        changed, unfit = (*changed, UNFIT), theirs.edited_by
    columns["violations"] = [violation.sentence for violation in broken]
    return Written(letter, columns, about_texts.of_draft(broken), changed, unfit)


def _copied(old: Letter | None, new: Letter) -> tuple[str, ...]:
    if old is None or old.cc == new.cc:
        return ()
    return (f"A copy now goes to {listed(new.cc)}.",) if new.cc else ("Nobody gets a copy now.",)


def after_rejection(before: Before, made: Made) -> Made:
    """The proposal, made softer if somebody rejected the tone of the previous version."""
    if before.draft is None or not before.rejected:
        return made
    softer = _softer(made, before.draft)
    return replace(made, proposal=softer, reason="The previous tone was not right.")


def _softer(made: Made, old: draft_store.Draft) -> Proposal:
    """After "wrong tone": the plain template, or the personal note if it was the template."""
    plain = replace(made.proposal, subject="", sentences=())
    if old.author != AUTHOR:
        return plain
    return replace(plain, class_=CaseClass.HIGH_TOUCH_ESCALATION)


@dataclass(frozen=True)
class Composed:
    """A letter of ours: who wrote it, why no other text was used, and what it breaks.

    `wording` is the hash of the company's own text that it was made from, if it was.
    """

    letter: Letter
    author: str
    reason: str
    broken: tuple[Violation, ...] = ()
    wording: str = ""


def _letter(policy: Policy, view: View, made: Made, deadline: date | None) -> Composed:
    """The model's letter if it verifies, otherwise the company's own text if that does, otherwise
    the standard one with what it breaks."""
    compose, proposal, texts = _composer(policy, view, deadline), made.proposal, view.basis.texts
    reason = made.reason
    if proposal.sentences:
        letter = compose(proposal, STANDARD)
        if not _broken(policy, view, letter, deadline):
            return Composed(letter, proposal.author, "")
        reason = "The model's text broke a rule."
    bare = replace(proposal, subject="", sentences=())
    plain = compose(bare, STANDARD)
    if wording := texts.own_template(text_name(view.stage, proposal.class_), plain.language):
        own = compose(bare, texts)
        if not _broken(policy, view, own, deadline):
            return Composed(own, AUTHOR, reason, wording=wording)
        reason = "The company's own wording broke a rule in this case."
    return Composed(plain, AUTHOR, reason, _broken(policy, view, plain, deadline))


def _broken(
    policy: Policy,
    view: View,
    letter: Letter,
    deadline: date | None,
    marked: bool = False,
    others: tuple[str, ...] = (),
) -> tuple[Violation, ...]:
    return verify(
        letter,
        view.facts,
        policy,
        view.past,
        deadline=deadline,
        marked=marked,
        others=others,
    )


def _composer(
    policy: Policy, view: View, deadline: date | None
) -> Callable[[Proposal, CompanyTexts], Letter]:
    def compose(proposal: Proposal, texts: CompanyTexts) -> Letter:
        return drafts.compose(
            view.facts,
            view.stage,
            view.file.case.id,
            policy,
            view.past,
            Envelope(sent_by(policy, view.basis.sender), view.basis.reply_to, view.to, view.cc.to),
            proposal=proposal,
            deadline=deadline,
            texts=texts,
        )

    return compose


def _still_true(
    policy: Policy, view: View, before: Before, fresh: Letter, deadline: date | None
) -> tuple[Letter, tuple[Violation, ...]] | None:
    """A person's text, with what it breaks. It stays as long as the invoices are the same and it
    breaks no rule except those that the person insisted on breaking."""
    theirs = before.draft
    assert theirs is not None
    edited = theirs.letter
    about = [(one.invoices, one.stage, one.language) for one in (edited, fresh)]
    if about[0] != about[1]:
        return None
    letter = replace(fresh, subject=edited.subject, body=edited.body)
    broken = _broken(policy, view, letter, deadline, theirs.marked, before.others)
    return None if any(v.sentence not in theirs.violations for v in broken) else (letter, broken)
