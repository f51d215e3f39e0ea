"""Which changes of a company's texts the weekly review proposes, from what people keep changing.

A proposed sentence is made of everyday words, names nobody, and holds in the very cases that it
was learned from. Nothing changes before a finance lead takes it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from jobs.engine.turns import Write, in_transaction
from jobs.reasoning.by_rules import AUTHOR
from jobs.reasoning.cage import complaint, kinds_of_letter, unusual_words
from jobs.reasoning.proposing import slots_for
from jobs.reports.review.review import WEEK
from jobs.rules.case import Proposal
from jobs.rules.drafts import compose
from jobs.rules.letters.company_texts import (
    CompanyTexts,
    OwnText,
    TextKind,
    TextName,
    standard,
    text_name,
)
from jobs.rules.letters.learning import LetterEdit, WordingChange, applied, proposals
from jobs.rules.letters.letter import Envelope
from jobs.rules.letters.slots import SLOT, values
from jobs.rules.policy.business_days import start_of
from jobs.rules.policy.policy import Policy
from jobs.rules.verification.ledger_text import presentable
from jobs.rules.verification.verify import verify
from jobs.store import wordings
from jobs.store.companies import ConnectedCompany
from jobs.store.customers import search
from jobs.store.reports import edits
from jobs.store.reports.edits import PastEdit

LOOK_BACK = timedelta(days=60)
FIRST = "0"
"""Before every id."""
TRIED = 3
"""In how many of its own cases a sentence is tried."""
MOST = 3
"""Changes proposed in one week."""


def make(
    company: ConnectedCompany, policy: Policy, week: date
) -> Generator[Write, Any, list[WordingChange]]:
    """What to propose with the review of the week that begins on this Monday: one change per text,
    so that each is for the text as it stands. A plan of short readings, see `jobs.engine.turns`.
    """
    until = start_of(week + WEEK, company.zone)
    found: dict[str, PastEdit] = {}
    after = FIRST
    while some := (
        yield in_transaction(edits.edits, company.realm, until - LOOK_BACK, until, after)
    ):
        found |= {one.id: one for one in some if one.clean}
        after = some[-1].id
    texts: CompanyTexts = yield in_transaction(wordings.texts, company.realm)
    known: set[Any] = yield in_transaction(wordings.answered, company.realm)
    chosen: dict[TextName, WordingChange] = {}
    for change in proposals((_edit(one, policy, texts) for one in found.values()), texts):
        if change.in_words in known or change.text in chosen:
            continue
        cases = [found[id] for id in change.cases]
        named = yield in_transaction(search.others_named, cases[0].facts, change.after)
        if not named and fits(change, cases, policy, texts):
            chosen[change.text] = change
    return list(chosen.values())[:MOST]


def _edit(one: PastEdit, policy: Policy, texts: CompanyTexts) -> LetterEdit:
    kind = TextKind.TEMPLATE if one.author == AUTHOR else TextKind.INSTRUCTIONS
    letter = one.ours
    name = TextName(kind, letter.language, text_name(letter.stage, one.class_))
    policy = policy.in_language(letter.language)
    about = presentable(one.facts, one.past.confirmed_names)
    filled = values(about, letter.stage, policy, one.past, one.deadline)
    first = sorted(slots_for(one.facts, letter.stage, one.past))
    if kind is TextKind.TEMPLATE:
        first = SLOT.findall(texts.text(name).partition("\n\n")[2])
    ordered = {slot: filled[slot] for slot in [*first, *filled] if slot in filled}
    return LetterEdit(one.id, one.customer, name, letter.body, one.sent.body, ordered, one.written)


def fits(
    change: WordingChange, cases: Sequence[PastEdit], policy: Policy, texts: CompanyTexts
) -> bool:
    """Whether the new sentence could stand in each of these letters, as far as we can tell."""
    if change.text.kind is TextKind.INSTRUCTIONS:
        return not any(_outside_the_cage(change, one) for one in cases)
    words = SLOT.sub(" ", change.after)
    usual = standard(change.text.name, change.text.language)
    if unusual_words(words, usual, change.text.language):
        return False
    changed = _with(texts, change)
    return all(_verifies(one, policy, changed) for one in cases[:TRIED])


def _outside_the_cage(change: WordingChange, one: PastEdit) -> bool:
    kinds = kinds_of_letter(one.class_, one.ours.stage)
    slots = slots_for(one.facts, one.ours.stage, one.past)
    said = f"{change.before}\n{change.after}".strip("\n").split("\n")
    return any(complaint(text, slots, kinds, change.text.language) for text in said)


def _with(texts: CompanyTexts, change: WordingChange) -> CompanyTexts:
    others: Iterator[OwnText] = (one for one in texts.own if one.named != change.text)
    return CompanyTexts((*others, OwnText(change.text, applied(texts.text(change.text), change))))


def _verifies(one: PastEdit, policy: Policy, texts: CompanyTexts) -> bool:
    """Whether the letter of this case, made from these texts, is true in every word."""
    ours = one.ours
    plain = Proposal(one.class_, "", (), "", "", (), AUTHOR)
    letter = compose(
        one.facts,
        ours.stage,
        one.id,
        policy,
        one.past,
        Envelope(ours.sender, ours.reply_to, ours.to, ours.cc),
        proposal=plain,
        deadline=one.deadline,
        texts=texts,
    )
    return not verify(letter, one.facts, policy, one.past, deadline=one.deadline)
