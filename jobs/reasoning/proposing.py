"""Ledger facts and readings → a proposal: a class with reasons, a summary, sentences with slots.

The question contains no outside text, not even the customer's name; evidence is given aliases. The
answer is accepted only if every word of it stays in the cage.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from jobs.reasoning.by_rules import plain_summary, reasons_by_rules
from jobs.reasoning.cage import NOTES, Complaint, complaint, complaint_of_letter, kinds_of_letter
from jobs.reasoning.caution import careful_class, class_from_readings
from jobs.reasoning.model import Failure, ModelAnswer, QuestionRecord, Reader
from jobs.reasoning.prompting import fenced, prompt
from jobs.reasoning.wire import ClosedForm
from jobs.rules.case import Proposal, Reason
from jobs.rules.facts.evidence import Reading, Stance
from jobs.rules.facts.facts import Facts, Invoice, bucket
from jobs.rules.facts.past import Past
from jobs.rules.rulings import Ruling
from jobs.rules.states import STAGE_WORDS, CaseClass, Stage

NO_MODEL = "No model is configured."
SLOTS = frozenset(
    {
        "customer",
        "contact",
        "company",
        "invoices",
        "invoice_table",
        "total_open",
        "oldest_due_date",
        "pay_links",
        "sender_name",
        "sender_phone",
    }
)
"""Slots that always have a value, or whose sentence is left out if the policy has none."""


class ReasonForm(BaseModel):
    """One reason and the evidence it rests on."""

    model_config = ConfigDict(extra="forbid")

    text: str
    evidence: Annotated[list[str], Field(min_length=1, max_length=6)]


class ProposalForm(ClosedForm):
    """Everything a proposal may say; it has no field for a figure, date or address."""

    class_: Annotated[CaseClass, Field(alias="class")]
    confidence: Literal["low", "medium", "high"]
    reasons: Annotated[list[ReasonForm], Field(min_length=1, max_length=4)]
    summary: str
    subject: str
    sentences: Annotated[list[str], Field(max_length=5)]


@dataclass(frozen=True)
class Proposed:
    """A proposal, or a sentence that says why there is none; `record` if a model was asked.

    `reason` may also come with a proposal, if its text was not accepted. `complaint` has the words
    of the model that the cage did not take; they are for measuring, and are recorded nowhere.
    """

    proposal: Proposal | None
    reason: str = ""
    record: QuestionRecord | None = None
    complaint: Complaint | None = None


@dataclass(frozen=True)
class Question:
    """A case for which a proposal is asked; if it is `stopped`, only class and summary.

    `language` is that of the letter; reasons and summary are in English.
    """

    facts: Facts
    stage: Stage
    readings: tuple[Reading, ...]
    past: Past
    stopped: bool
    language: str = "en"
    rulings: tuple[Ruling, ...] = ()
    key_account: bool = False

    @cached_property
    def slots(self) -> frozenset[str]:
        """The slots that its sentences may use."""
        return slots_for(self.facts, self.stage, self.past)

    @cached_property
    def aliases(self) -> dict[str, str]:
        """Alias → id, because an id may contain outside text, such as a mail's id."""
        ids = evidence_ids(self.facts, self.readings)
        return {f"e{n}": id_ for n, id_ in enumerate(ids, start=1)}


def propose(question: Question, model: Reader | None) -> Proposed:
    """Ask the model for a proposal.

    The class is the more careful one of the model's and the rules'. If the rules overrule the
    model, its sentences were written for another class and are dropped. Reasons and summary that
    are not accepted cost the letter nothing: those of the rules stand in their place.
    """
    if model is None:
        return Proposed(None, NO_MODEL)
    asked = fenced(_asked(question))
    (answer,) = model.ask_all(prompt("propose", question.language), [asked], ProposalForm)
    if isinstance(answer, Failure):
        return Proposed(None, answer.reason, answer.record)
    if wrong := _wrong(answer.value, question):
        return _refused(wrong, answer)
    taken = _taken(answer, question)
    wrong = _wrong_note(answer.value)
    return _with_our_notes(taken, question, wrong) if wrong else taken


def slots_for(facts: Facts, stage: Stage, past: Past) -> frozenset[str]:
    """The slots that can be filled in a letter of this stage."""
    ids = {invoice.id for invoice in facts.invoices}
    written = any(ids.intersection(contact.invoices) for contact in past.contacts)
    more = {
        "deadline": stage >= Stage.FIRM,
        "reached": stage >= Stage.FIRM,
        "promise_date": past.promised is not None,
        "history": stage >= Stage.FIRM and written,
    }
    return SLOTS | {slot for slot, there in more.items() if there}


def evidence_ids(facts: Facts, readings: Iterable[Reading] = ()) -> tuple[str, ...]:
    """What a reason may name: `invoice:742`, `payment:88`, `credit_memo:9`, `habit`, documents."""
    ledger = [f"invoice:{invoice.id}" for invoice in facts.invoices]
    ledger += [f"{credit.kind}:{credit.id}" for credit in facts.credits]
    ledger += ["habit"] if facts.habit else []
    telling = (reading.document for reading in readings if reading.stance is not Stance.NONE)
    return tuple(dict.fromkeys([*ledger, *telling]))


def _asked(question: Question) -> dict[str, Any]:
    """The question: ages, counts and closed words; nothing that anybody else has written."""
    facts, past = question.facts, question.past
    names = {id_: alias for alias, id_ in question.aliases.items()}
    telling = [one for one in question.readings if one.stance is not Stance.NONE]
    return {
        "stage": STAGE_WORDS[question.stage],
        "invoices": [_invoice(facts, invoice, names) for invoice in facts.invoices],
        "other_open_invoices": len(facts.other_open),
        "money_on_account": [names[f"{one.kind}:{one.id}"] for one in facts.credits],
        "habit": _habit(facts, names),
        "earlier_messages": len(past.contacts),
        "days_since_last_message": _days_since(facts, past),
        "promised_before": past.promised is not None,
        "readings": [{"id": names[o.document], "stance": o.stance.value} for o in telling],
        "slots": sorted("{" + slot + "}" for slot in question.slots),
        "stopped": question.stopped,
        "key_account": question.key_account,
        "language": question.language,
    }


def _invoice(facts: Facts, invoice: Invoice, names: Mapping[str, str]) -> dict[str, Any]:
    days = invoice.days_overdue(facts.today)
    return {
        "id": names[f"invoice:{invoice.id}"],
        "days_overdue": days,
        "bucket": bucket(days),
        "partly_paid": invoice.paid_so_far.amount > 0,
    }


def _habit(facts: Facts, names: Mapping[str, str]) -> dict[str, Any] | None:
    if facts.habit is None:
        return None
    habit = facts.habit
    return {
        "id": names["habit"],
        "settled": habit.count,
        "late": habit.late,
        "usual_days_late": habit.median_days_late,
    }


def _days_since(facts: Facts, past: Past) -> int | None:
    return (facts.as_of - past.last_contact.at).days if past.last_contact else None


def _wrong(form: ProposalForm, question: Question) -> Complaint | None:
    """The first thing in an answer for which nothing of it is accepted."""
    if any(name not in question.aliases for reason in form.reasons for name in reason.evidence):
        return Complaint("evidence that does not exist")
    return None if question.stopped else _wrong_letter(form, question)


def _wrong_note(form: ProposalForm) -> Complaint | None:
    """The first thing in summary and reasons that is not allowed."""
    notes = [form.summary, *(reason.text for reason in form.reasons)]
    return next(filter(None, (complaint(note, (), NOTES) for note in notes)), None)


def _wrong_letter(form: ProposalForm, question: Question) -> Complaint | None:
    if len(form.sentences) < 2:
        return Complaint("too little text")
    allowed = set(question.slots)
    if form.class_ is not CaseClass.ROUTINE_REMINDER:
        allowed -= {"deadline", "reached", "history"}
    kinds = kinds_of_letter(form.class_, question.stage)
    return complaint_of_letter(form.subject, form.sentences, allowed, kinds, question.language)


def _refused(wrong: Complaint, answer: ModelAnswer[ProposalForm]) -> Proposed:
    reason = f"The model's text was not used because of {wrong.why}."
    return Proposed(None, reason, replace(answer.record, outcome=reason), wrong)


def _taken(answer: ModelAnswer[ProposalForm], question: Question) -> Proposed:
    form, stopped = answer.value, question.stopped
    least = class_from_readings(question.readings, key_account=question.key_account)
    class_ = careful_class(form.class_, least)
    overruled = class_ is not form.class_
    with_text = not stopped and not overruled
    proposal = Proposal(
        class_=class_,
        confidence=form.confidence,
        reasons=tuple(_reason(one, question.aliases) for one in form.reasons),
        summary=form.summary.strip(),
        subject=form.subject.strip() if with_text else "",
        sentences=tuple(one.strip() for one in form.sentences) if with_text else (),
        author=f"{answer.record.model} {answer.record.prompt}",
    )
    reason = "The rules require more care than the model." if overruled and not stopped else ""
    return Proposed(proposal, reason, answer.record)


def _with_our_notes(taken: Proposed, question: Question, wrong: Complaint) -> Proposed:
    """What was taken, with the rules' reasons and summary instead of the model's."""
    assert taken.proposal is not None
    assert taken.record is not None
    facts, key = question.facts, question.key_account
    said = f"The model's note was not used because of {wrong.why}."
    reason = " ".join(filter(None, [taken.reason, said]))
    proposal = replace(
        taken.proposal,
        reasons=reasons_by_rules(facts, question.readings, question.past, key_account=key),
        summary=plain_summary(facts, question.stage, question.rulings),
    )
    return Proposed(proposal, reason, replace(taken.record, outcome=reason), wrong)


def _reason(form: ReasonForm, aliases: Mapping[str, str]) -> Reason:
    return Reason(form.text.strip(), tuple(dict.fromkeys(aliases[name] for name in form.evidence)))
