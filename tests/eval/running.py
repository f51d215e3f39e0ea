"""A case through the product's own code: cleaned, read, judged, proposed, written and verified."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache

from jobs.reasoning import reading
from jobs.reasoning.by_rules import proposal_by_rules
from jobs.reasoning.model import Model, ModelAnswer
from jobs.reasoning.proposing import Question, propose
from jobs.reasoning.replies import own_words
from jobs.rules import drafts
from jobs.rules.case import Proposal
from jobs.rules.facts.evidence import STANCES, Document, Reading, Stance
from jobs.rules.facts.facts import Customer, Facts, Habit
from jobs.rules.facts.findings import Context, Down, Findings, Fresh, Ticket
from jobs.rules.facts.past import Hold, HoldKind, Past
from jobs.rules.gates import gates
from jobs.rules.gates.about_texts import UNREAD
from jobs.rules.letters.letter import Envelope, Letter
from jobs.rules.policy.policy import Policy
from jobs.rules.rulings import Kind, Ruling, strictest
from jobs.rules.states import FIRST_DAY, STAGE_WORDS, CaseClass, Stage
from jobs.rules.verification.verify import verify
from tests.eval.cases import NO_LETTER, NO_PRESSURE, PRESSURE, Case, Known
from tests.jobs.rules.world import NOW, contact, credit, facts, invoice, policy, usd

OURS = ("Harbor Supply", "Dana Reyes", "ar@harbor.example", "harbor.example")
OUR_ADDRESS = "Harbor Supply <ar@harbor.example>"
WHERE = {"mail": "mailbox", "ticket": "help desk", "note": "CRM", "memo": "QuickBooks"}
IDS = {"mail": "mail:1", "ticket": "ticket:88", "note": "note:5", "memo": "memo:71037"}
INVOICE, OTHER = "71037", "71038"
USUAL_DAYS = {stage: first + 2 for stage, first in FIRST_DAY.items()}


@dataclass(frozen=True)
class Situation:
    """Everything that is known when a case is judged."""

    facts: Facts
    stage: Stage
    past: Past
    policy: Policy
    findings: dict[str, Findings]
    now: datetime = NOW
    key_account: bool = False

    @property
    def documents(self) -> tuple[Document, ...]:
        """The texts to be read."""
        return Context(self.facts, self.findings).documents


@dataclass(frozen=True)
class Found:
    """What came out of a case."""

    readings: tuple[Reading, ...]
    by_model: Stance | None
    """What a model alone read, or None if none was asked or it gave no answer."""
    quote: str
    rulings: tuple[Ruling, ...]
    class_: CaseClass
    tone: str
    own_letter: bool = False
    """Whether the letter is in a model's words, not those of a template."""
    failures: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    """Why the letter that a model wrote was not taken, with the sentence."""

    @property
    def stances(self) -> frozenset[Stance]:
        return frozenset(one.stance for one in self.readings)

    @property
    def stance(self) -> Stance:
        """The most careful thing read."""
        return max(self.stances, key=STANCES.index, default=Stance.NONE)

    @property
    def rules(self) -> frozenset[str]:
        return frozenset(ruling.rule for ruling in self.rulings)

    @property
    def outcome(self) -> str:
        kind = strictest(self.rulings)
        return kind.value if kind else "draft"


def run(case: Case, model: Model | None) -> Found:
    """Put a written case through the code that triage runs; without a model, by rules alone."""
    document, known = _document(case), case.known
    findings = _findings(case, document)
    situation = Situation(
        facts=_facts(known),
        stage=known.stage,
        past=_past(known),
        policy=_policy(known),
        findings=findings,
        key_account=known.key_account,
    )
    return judge(situation, model)


def judge(given: Situation, model: Model | None) -> Found:
    """Read, judge, propose and write, as triage does; without a model, by rules alone."""
    texts, ledger = given.documents, given.facts
    read = reading.read(texts, model, [ledger.customer.name])
    past = Context(ledger, given.findings).completed(given.past)
    judged = gates.judge(
        ledger, given.stage, past, read.readings, given.policy, given.now, findings=given.findings
    )
    # that no model read a text says nothing about how well it was read
    rulings = tuple(ruling for ruling in judged if ruling.rule != UNREAD)
    stopped = strictest(rulings) in (Kind.STOP, Kind.NEVER)
    waits = strictest(rulings) is Kind.WAIT
    view = _View(replace(given, past=past), read.readings, stopped)
    # as in triage, nobody is asked where the rules decide alone; nor before the text was read
    decided = waits or (stopped and not texts)
    proposal, failure, refused = _propose(view, None if read.failures or decided else model)
    letter = None if stopped or waits else _letter(view, proposal)
    written = _written(view, proposal) if letter else None
    return Found(
        readings=read.readings,
        by_model=_alone(texts, model, ledger),
        quote=_quote(texts, read.readings),
        rulings=rulings,
        class_=proposal.class_,
        tone=_tone(letter, proposal.class_, _deadline(view, proposal)) if letter else NO_LETTER,
        own_letter=written is not None,
        failures=(*read.failures.values(), *failure),
        refused=refused,
    )


@dataclass(frozen=True)
class _View:
    """What a proposal is made from."""

    given: Situation
    readings: tuple[Reading, ...]
    stopped: bool

    @property
    def facts(self) -> Facts:
        return self.given.facts

    @property
    def past(self) -> Past:
        return self.given.past

    @property
    def policy(self) -> Policy:
        return self.given.policy


def _propose(view: _View, model: Model | None) -> tuple[Proposal, tuple[str, ...], tuple[str, ...]]:
    """The proposal, why the model gave none, and what of its text the cage did not take."""
    key, stage = view.given.key_account, view.given.stage
    question = Question(view.facts, stage, view.readings, view.past, view.stopped, key_account=key)
    answer = propose(question, model)
    wrong = answer.complaint
    refused = (f"{wrong.why}: {wrong.sentence}",) if wrong else ()
    if answer.proposal:
        return answer.proposal, (), refused
    made = proposal_by_rules(view.facts, stage, view.readings, view.past, key_account=key)
    return made, (answer.reason,) if model else (), refused


def _letter(view: _View, proposal: Proposal) -> Letter:
    """The model's letter if it verifies, otherwise the plain template."""
    return _written(view, proposal) or _composed(view, replace(proposal, subject="", sentences=()))


def _written(view: _View, proposal: Proposal) -> Letter | None:
    """The model's letter, or None if there is none or it breaks a rule."""
    if not proposal.sentences:
        return None
    letter = _composed(view, proposal)
    deadline = _deadline(view, proposal)
    broken = verify(letter, view.facts, view.policy, view.past, deadline=deadline)
    return None if broken else letter


def _deadline(view: _View, proposal: Proposal) -> date | None:
    return drafts.deadline_for(
        view.given.stage, proposal.class_, view.facts.today, None, view.policy
    )


def _composed(view: _View, proposal: Proposal) -> Letter:
    return drafts.compose(
        view.facts,
        view.given.stage,
        "412",
        view.policy,
        view.past,
        Envelope(OUR_ADDRESS, "", "ap@cooper.example"),
        proposal=proposal,
        deadline=_deadline(view, proposal),
    )


def _tone(letter: Letter, class_: CaseClass, deadline: date | None) -> str:
    """How the finished letter speaks: as its stage does, or without pressure."""
    if class_ is CaseClass.ROUTINE_REMINDER:
        dated = deadline is None or f"{deadline:%B} {deadline.day}" in letter.body
        return STAGE_WORDS[letter.stage] if dated else "no date"
    pressing = re.search(r"\bplease (?:pay|settle)\b|\bdeadline\b", letter.body, re.IGNORECASE)
    return PRESSURE if pressing else NO_PRESSURE


def _alone(texts: tuple[Document, ...], model: Model | None, ledger: Facts) -> Stance | None:
    """The most careful thing that the model read; every reader here answers a question once."""
    if not texts or not model:
        return None
    answers = reading.ask(texts, model, [ledger.customer.name]).values()
    read = [answer.value.stance for answer in answers if isinstance(answer, ModelAnswer)]
    return max(read, key=STANCES.index) if len(read) == len(texts) else None


def _quote(texts: tuple[Document, ...], readings: tuple[Reading, ...]) -> str:
    """The line named by the most careful reading of a text that is there."""
    by_id = {document.id: document for document in texts}
    ours = [one for one in readings if one.document in by_id]
    careful = max(ours, key=lambda one: STANCES.index(one.stance), default=None)
    return reading.quote(by_id[careful.document], careful) if careful else ""


def _document(case: Case) -> Document | None:
    """The text as its source hands it over: of a mail only what its writer says."""
    if not case.text:
        return None
    text = own_words(case.text, OURS, answers_us=case.answers_us)
    return Document(
        IDS[case.kind], WHERE[case.kind], case.kind, NOW, text if case.kind == "mail" else case.text
    )


def _findings(case: Case, document: Document | None) -> dict[str, Findings]:
    """What the sources say, by name."""
    known = case.known
    source = WHERE[case.kind] if document else "mailbox"
    down = known.mailbox_down_hours
    since = NOW - timedelta(hours=down)
    wrote = known.colleague_wrote_days_ago
    found = Findings(
        Down(since, "it does not answer.") if down else Fresh(NOW),
        documents=(document,) if document else (),
        tickets=_tickets(known),
        bounced=frozenset({known.addresses}) if known.bounced else frozenset(),
        we_wrote_at=NOW - timedelta(days=wrote) if wrote else None,
        doubtful="two customers have this address." if known.doubtful else "",
    )
    return {source: found}


def _tickets(known: Known) -> tuple[Ticket, ...]:
    return (Ticket(IDS["ticket"], known.open_ticket, True, NOW),) if known.open_ticket else ()


def _facts(known: Known) -> Facts:
    days = USUAL_DAYS[known.stage]
    due = NOW.date() - timedelta(days=days)
    owed = Decimal(known.open)
    customer = Customer("58", "Cooper & Sons", known.addresses, usd(known.open))
    ledger = facts(
        invoice(open_=known.open, due=due, email=known.addresses),
        stage=known.stage,
        customer=customer,
        habit=Habit(11, 9, 18) if known.often_late else Habit(11, 2, 1),
        credits=(credit(known.on_account, known.credit),) if known.on_account else (),
        other_open=(invoice("1038", "210.00", id=OTHER),) if known.disputed_elsewhere else (),
    )
    if not known.partly_paid:
        return ledger
    (one,) = ledger.invoices
    whole = replace(one.total, amount=owed * 2)
    return replace(ledger, invoices=(replace(one, total=whole),))


def _past(known: Known) -> Past:
    """Stage 3 and 4 follow messages on record."""
    wrote = [known.wrote_days_ago] if known.wrote_days_ago else []
    if known.stage >= Stage.FIRM and not wrote:
        wrote = [12]
    told = max(int(known.stage) - 1, 1)
    return Past(
        contacts=tuple(contact(days, INVOICE, stage=told) for days in wrote),
        holds=tuple(_holds(known)),
    )


def _holds(known: Known) -> list[Hold]:
    today = NOW.date()
    found = []
    if days := known.on_hold_for_days:
        found.append(Hold("1", HoldKind.PROMISE, INVOICE, today + timedelta(days=days), "U1"))
    if known.disputed_elsewhere:
        found.append(Hold("2", HoldKind.DISPUTE, OTHER, today + timedelta(days=14), "U1"))
    return found


def _policy(known: Known) -> Policy:
    names = ("key_account", "do_not_chase", "consumer")
    marks = tuple(name for name in names if getattr(known, name))
    return _marked(marks)


@cache
def _marked(marks: tuple[str, ...]) -> Policy:
    lines = "".join(f"{name} = true\n" for name in marks)
    return policy(f'[[customer]]\nid = "58"\n{lines}' if marks else "")
