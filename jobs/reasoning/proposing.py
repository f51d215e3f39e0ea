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
from jobs.rules.letters.company_texts import STANDARD, CompanyTexts, text_name
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
    said: Proposal | None = None
    """What the model itself proposed, if it was taken."""


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
    texts: CompanyTexts = STANDARD
    """What the company has of its own; the model is given the instructions among it."""

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
    """Ask the model for a proposal; see `taken` for what becomes of it.

    Reasons and summary that are not accepted cost the letter nothing: those of the rules stand in
    their place.
    """
    if model is None:
        return Proposed(None, NO_MODEL)
    asked = fenced(_asked(question))
    instructions = prompt("propose", question.language)
    if style := house_style(question):
        instructions = instructions.extended("house_style", style)
    (answer,) = model.ask_all(instructions, [asked], ProposalForm)
    if isinstance(answer, Failure):
        return Proposed(None, answer.reason, answer.record)
    if wrong := _wrong(answer.value, question):
        return _refused(wrong, answer)
    wrong = _wrong_note(answer.value)
    note = f"The model's note was not used because of {wrong.why}." if wrong else ""
    found = taken(_said(answer, question, bool(wrong)), question, note)
    record = replace(answer.record, outcome=found.reason) if wrong else answer.record
    return replace(found, record=record, complaint=wrong)


def house_style(question: Question) -> list[dict[str, str]]:
    """What the company wants said otherwise in a letter that this case may get, or left out.

    Each sentence is in the cage, as if the model had written it: nothing else is passed on.
    """
    told, language = [], question.language
    for class_ in CaseClass:
        kinds = kinds_of_letter(class_, question.stage)
        for one in question.texts.instructions(text_name(question.stage, class_), language):
            said = "\n".join(filter(None, one)).split("\n")
            if not any(complaint(text, question.slots, kinds, language) for text in said):
                named = {"leave_out": one.leave_out, "write": one.write}
                told.append({"class": class_.value} | {k: v for k, v in named.items() if v})
    return told


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


def _said(answer: ModelAnswer[ProposalForm], question: Question, wrong: bool) -> Proposal:
    """The proposal of the model itself, without reasons and summary if they are not accepted."""
    form = answer.value
    reasons = () if wrong else tuple(_reason(one, question.aliases) for one in form.reasons)
    return Proposal(
        class_=form.class_,
        confidence=form.confidence,
        reasons=reasons,
        summary="" if wrong else form.summary.strip(),
        subject="" if question.stopped else form.subject.strip(),
        sentences=() if question.stopped else tuple(one.strip() for one in form.sentences),
        author=f"{answer.record.model} {answer.record.prompt}",
    )


def taken(said: Proposal, question: Question, reason: str = "") -> Proposed:
    """What is proposed where the model, now or in the past, has said this.

    The class is the more careful one of the model's and the rules'. If the rules overrule the
    model, its sentences were written for another class and are dropped. Where it has no reasons,
    those of the rules stand with their summary; `reason` says why.
    """
    key, readings = question.key_account, question.readings
    class_ = careful_class(said.class_, class_from_readings(readings, key_account=key))
    found, why = replace(said, class_=class_), ""
    if class_ is not said.class_ or question.stopped:
        found = replace(found, subject="", sentences=())
    if class_ is not said.class_ and not question.stopped:
        why = "The rules require more care than the model."
    if not said.reasons:
        reasons = reasons_by_rules(question.facts, readings, question.past, key_account=key)
        summary = plain_summary(question.facts, question.stage, question.rulings)
        found = replace(found, reasons=reasons, summary=summary)
    return Proposed(found, " ".join(filter(None, [why, reason])), said=said)


def _reason(form: ReasonForm, aliases: Mapping[str, str]) -> Reason:
    return Reason(form.text.strip(), tuple(dict.fromkeys(aliases[name] for name in form.evidence)))
