"""A past judgement made again, from what was known then, with the policy and the model of then or
of now. It goes through the functions that triage uses, and writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from jobs.reasoning import reading
from jobs.reasoning.caution import CLASSES
from jobs.reasoning.cleaning import lines
from jobs.reasoning.model import Reader
from jobs.reasoning.proposing import Proposed, Question, propose, taken
from jobs.rules.case import Proposal
from jobs.rules.facts.evidence import Evidence, Reading
from jobs.rules.gates import gates
from jobs.rules.letters.letter import Letter, Without
from jobs.rules.policy import policy as policy_texts
from jobs.rules.policy.errors import PolicyError
from jobs.rules.policy.policy import Policy
from jobs.rules.rulings import RANK, RULINGS, Kind, Needed, Ruling, strictest
from jobs.sources.quickbooks import CaseFile, Scope
from jobs.store.assessments import EVIDENCE, REASONS
from jobs.store.database.engine import Database
from jobs.store.reports import replaying
from jobs.store.reports.replaying import PastAssessment
from jobs.triage.drafting import Before
from jobs.triage.judging import View, ruled
from jobs.triage.proposal import Prepared, prepare

MISSING = "it is not on record."
TOGETHER = 100
"""Assessments that are read in one transaction."""


class ModelOf(StrEnum):
    """Whose answers count: those on record, the model's as it is now, or nobody's."""

    THEN = "then"
    NOW = "now"
    NONE = "none"


class CameTo(StrEnum):
    """What a judgement came to."""

    SENT = "sent"
    DRAFT = "draft"
    STOPPED = "stopped"
    WAITS = "waits"


class CaseEffect(StrEnum):
    """What would be different for a case."""

    STOPPED = "stopped"
    WAITS = "waits"
    DRAFTED = "drafted"
    MORE_PEOPLE = "more_people"
    FEWER_PEOPLE = "fewer_people"
    SOFTER = "softer"
    FIRMER = "firmer"
    OTHER_TEXT = "other_text"
    OTHER_RULES = "other_rules"


class TextOfThen(StrEnum):
    """A text by whose hash a judgement names it."""

    POLICY = "policy"
    WORDING = "wording"


class NotOnRecord(LookupError):
    """A text of then is not on record, was changed there, or can no longer be used. `why` is a
    sentence for a person."""

    def __init__(self, text: TextOfThen, sha256: str, why: str) -> None:
        super().__init__(f"{text} {sha256}: {why}")
        self.text, self.sha256, self.why = text, sha256, why


@dataclass(frozen=True)
class Verdict:
    """What a judgement said, and the letter if there was one. While the case waits, nothing is
    proposed."""

    came_to: CameTo
    rulings: tuple[Ruling, ...]
    about_words: tuple[Ruling, ...]
    """Rulings about the words of the letter."""
    needed: Needed
    evidence: tuple[Evidence, ...]
    proposal: Proposal | None
    letter: Letter | None


@dataclass(frozen=True)
class JudgedAgain:
    """The same case judged twice."""

    past: PastAssessment
    policy: Policy
    then: Verdict
    now: Verdict
    differing: tuple[str, ...]
    """The parts that are not equal to the byte; empty too where the words of then are deleted."""
    altered: tuple[str, ...]
    """The rows on record ("assessment", "draft") that do not match their own hash."""

    @property
    def effects(self) -> tuple[CaseEffect, ...]:
        """What of it matters to people, the gravest first."""
        return tuple(dict.fromkeys(_effects(self.then, self.now)))


@dataclass
class PastPolicies:
    """The policies that were in force, each read and parsed once."""

    database: Database
    known: dict[str, Policy] = field(default_factory=dict)

    def __call__(self, past: PastAssessment) -> Policy:
        """The policy of an assessment. Raises NotOnRecord."""
        sha256 = past.policy_sha256
        if sha256 not in self.known:
            self.known[sha256] = self._load(sha256)
        return self.known[sha256]

    def _load(self, sha256: str) -> Policy:
        with self.database.reading() as conn:
            text = replaying.policy_text(conn, sha256)
        if text is None:
            raise NotOnRecord(TextOfThen.POLICY, sha256, MISSING)
        try:
            policy = policy_texts.load(text)
        except PolicyError as error:
            why = f"it can no longer be used. {error}"
            raise NotOnRecord(TextOfThen.POLICY, sha256, why) from error
        if policy.sha256 != sha256:
            why = "its text on record has been changed."
            raise NotOnRecord(TextOfThen.POLICY, sha256, why)
        return policy


@dataclass(frozen=True)
class Replay:
    """With whose policy and whose answers judgements are made again."""

    policy: Callable[[PastAssessment], Policy]
    model_of: ModelOf = ModelOf.THEN
    model: Reader | None = None
    """Asked only for ModelOf.NOW."""

    def __call__(self, past: PastAssessment) -> JudgedAgain:
        """Raises NotOnRecord."""
        if past.lost_text:
            raise NotOnRecord(TextOfThen.WORDING, past.lost_text, MISSING)
        policy = self.policy(past).for_company(past.company.realm)
        policy = Without(files=not past.basis.files).policy(policy)
        view = ruled(policy, _file(past), past.context, self._readings(past, policy), past.basis)
        view = _with_rulings_of_gone_texts(view, past)
        prepared = None
        if view.kind is not Kind.WAIT:
            prepared = prepare(policy, view, _before(past), lambda asked: self._answer(past, asked))
        then, now = _then(past), _verdict(view, prepared)
        differing = tuple(_differing(past, then, now))
        confirmed = None if "letter" in differing else now.letter
        altered = tuple(_altered(past, view, confirmed))
        return JudgedAgain(past, policy, then, now, differing, altered)

    def _readings(self, past: PastAssessment, policy: Policy) -> tuple[Reading, ...]:
        """A text that has been deleted keeps the readings that it had."""
        if self.model_of is ModelOf.THEN:
            return past.readings
        kept = tuple(r for r in past.readings if r.document in past.gone)
        texts = [d for d in past.context.documents if d.id not in past.gone]
        names = reading.names(past.context, policy)
        return (*kept, *reading.read(texts, self._asked, names).readings)

    def _answer(self, past: PastAssessment, question: Question) -> Proposed:
        if self.model_of is not ModelOf.THEN:
            return propose(question, self._asked)
        said = past.basis.answer
        return taken(said, question) if said else Proposed(None, past.failure)

    @property
    def _asked(self) -> Reader | None:
        return self.model if self.model_of is ModelOf.NOW else None


def questions(past: PastAssessment) -> int:
    """How often a model is asked about it, at most."""
    texts = (d for d in past.context.documents if d.id not in past.gone)
    return sum(bool(lines(d.text)) for d in texts) + 1


def most_questions(database: Database, ids: Sequence[str]) -> int:
    """How often a model is asked about these assessments, at most."""
    asked = 0
    for some in _batched(ids):
        with database.reading() as conn:
            asked += sum(map(questions, replaying.load(conn, some)))
    return asked


def each(
    database: Database, ids: Sequence[str], replay: Replay, say: Callable[[int], None]
) -> Iterator[tuple[PastAssessment, JudgedAgain | NotOnRecord]]:
    """Every one of these assessments judged again. `say` is told how many are done, now and then.

    No transaction is open while a judgement is made.
    """
    for n, some in enumerate(_batched(ids)):
        with database.reading() as conn:
            found = replaying.load(conn, some)
        for past in found:
            try:
                yield past, replay(past)
            except NotOnRecord as lost:
                yield past, lost
        say(n * TOGETHER + len(some))


def _batched(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(ids), TOGETHER):
        yield ids[first : first + TOGETHER]


def _file(past: PastAssessment) -> CaseFile:
    """Without what only the reading of the ledger needs."""
    case, nobody = past.case, frozenset[str]()
    scope = Scope(past.company.as_fact(), case.customer, case.currency, nobody, {})
    return CaseFile(case, past.company, nobody, nobody, scope)


def _before(past: PastAssessment) -> Before:
    follows = past.basis.follows
    if follows is None:
        return Before(None, rejected=False)
    return Before(past.before, follows.rejected, follows.others, follows.told)


def _with_rulings_of_gone_texts(view: View, past: PastAssessment) -> View:
    """What was ruled about a text that has been deleted since cannot be ruled again: it stands."""
    if not past.gone:
        return view
    rests = [r for r in past.said.rulings if past.gone.intersection(r.evidence)]
    kept = [r for r in view.rulings if r in rests or not past.gone.intersection(r.evidence)]
    both = [*kept, *(r for r in rests if r not in kept)]
    quoted = {(e.id, e.stance): e for e in past.said.evidence if e.id in past.gone}
    evidence = tuple(quoted.get((e.id, e.stance), e) for e in view.evidence)
    return replace(view, rulings=_in_order(both), evidence=evidence)


def _in_order(rulings: Iterable[Ruling]) -> tuple[Ruling, ...]:
    return tuple(sorted(rulings, key=lambda ruling: RANK.index(ruling.kind)))


def _then(past: PastAssessment) -> Verdict:
    """What is on record."""
    about_words = past.draft.rulings if past.draft else ()
    came_to = _came_to((*about_words, *past.said.rulings))
    proposal = None
    if past.said.class_ and came_to is not CameTo.WAITS:
        said = past.said.reasons, past.said.summary
        proposal = Proposal(past.said.class_, past.said.confidence, *said, "", (), past.said.author)
    return Verdict(
        CameTo.SENT if past.sent else came_to,
        past.said.rulings,
        about_words,
        gates.needed_for((*about_words, *past.said.rulings), past.said.class_),
        past.said.evidence,
        proposal,
        past.draft.letter if past.draft else None,
    )


def _verdict(view: View, prepared: Prepared | None) -> Verdict:
    written = prepared.written if prepared else None
    about_words = written.rulings if written else ()
    proposal = prepared.made.proposal if prepared else None
    both = (*about_words, *view.rulings)
    return Verdict(
        _came_to(both),
        view.rulings,
        about_words,
        gates.needed_for(both, proposal.class_ if proposal else None),
        view.evidence,
        proposal,
        written.letter if written else None,
    )


def _came_to(rulings: tuple[Ruling, ...]) -> CameTo:
    kind = strictest(rulings)
    if kind in (Kind.NEVER, Kind.STOP):
        return CameTo.STOPPED
    return CameTo.WAITS if kind is Kind.WAIT else CameTo.DRAFT


def _differing(past: PastAssessment, then: Verdict, now: Verdict) -> Iterator[str]:
    """The names of the parts whose bytes are not those on record."""
    if past.pruned_at:
        return
    there, parts = _parts(then), _parts(now)
    there |= {name: said for name, said in past.stored.items() if name in there}
    yield from (name for name in there if name in parts and there[name] != parts[name])
    if past.draft and now.letter and now.letter.sha256() != past.draft.sha256:
        yield "letter"


def _parts(verdict: Verdict) -> dict[str, Any]:
    """Each part as it would be stored."""
    parts: dict[str, Any] = {
        "rulings": RULINGS.dump_python(verdict.rulings, mode="json"),
        "rulings on the words": RULINGS.dump_python(verdict.about_words, mode="json"),
        "evidence": EVIDENCE.dump_python(verdict.evidence, mode="json"),
    }
    if said := verdict.proposal:
        parts |= {"class": said.class_, "confidence": said.confidence, "author": said.author}
        parts |= {"reasons": REASONS.dump_python(said.reasons, mode="json")}
        parts |= {"summary": said.summary}
    return parts


def _altered(past: PastAssessment, view: View, confirmed: Letter | None) -> Iterator[str]:
    """`confirmed` is known to have the draft's hash. A row whose words have been deleted cannot
    be checked any more."""
    heard = tuple(reading for text in past.basis.heard for reading in text.readings)
    as_stored = replace(
        view, stage=past.stage, rulings=past.said.rulings, readings=(*past.readings, *heard)
    )
    if past.pruned_at is None and as_stored.fingerprint() != past.said.sha256:
        yield "assessment"
    draft = past.draft
    if draft is None or draft.pruned_at or draft.letter == confirmed:
        return
    if draft.letter.sha256() != draft.sha256:
        yield "draft"


def _effects(then: Verdict, now: Verdict) -> Iterator[CaseEffect]:
    drafted = (CameTo.SENT, CameTo.DRAFT)
    if then.came_to in drafted and now.came_to in drafted:
        yield from _of_drafts(then, now)
    elif now.came_to in drafted:
        yield CaseEffect.DRAFTED
    elif now.came_to is not then.came_to:
        yield CaseEffect.STOPPED if now.came_to is CameTo.STOPPED else CaseEffect.WAITS
    elif _named(then) != _named(now):
        yield CaseEffect.OTHER_RULES


def _of_drafts(then: Verdict, now: Verdict) -> Iterator[CaseEffect]:
    if then.needed != now.needed:
        a, b = then.needed, now.needed
        more = (b.count, b.lead, b.manager_first) > (a.count, a.lead, a.manager_first)
        yield CaseEffect.MORE_PEOPLE if more else CaseEffect.FEWER_PEOPLE
    if then.proposal and now.proposal:
        care = [CLASSES.index(one.proposal.class_) for one in (then, now) if one.proposal]
        if care[0] != care[1]:
            yield CaseEffect.SOFTER if care[1] > care[0] else CaseEffect.FIRMER
    if then.letter and now.letter and then.letter != now.letter:
        yield CaseEffect.OTHER_TEXT


def _named(verdict: Verdict) -> set[tuple[Kind, str]]:
    """The rules that keep it from being drafted."""
    both = (*verdict.about_words, *verdict.rulings)
    return {(ruling.kind, ruling.rule) for ruling in both if ruling.kind is not Kind.GATE}
