"""A judgement of then beside the same one made again, in the words of a terminal. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from functools import partial
from textwrap import wrap
from typing import Any

from bot.blockkit.escaping import clean, one_line
from bot.surfaces.rewording import Fate, rewording
from bot.surfaces.wording import CLASS_WORDS, customer, money, rule
from jobs.reports.replay import CameTo, CaseEffect, JudgedAgain, NotOnRecord, TextOfThen, Verdict
from jobs.rules.figures import Money, listed
from jobs.rules.letters.letter import Letter
from jobs.rules.rulings import RULINGS, Kind, Needed, Ruling
from jobs.store.assessments import EVIDENCE
from jobs.store.reports.replaying import PastAssessment

LABEL, SIDE = 10, 54
"""Characters of the first column, and of each of the two beside it."""
MARKS = {Fate.KEPT: "{}", Fate.REMOVED: "[-{}-]", Fate.ADDED: "{{+{}+}}"}
"""As `git diff --word-diff` writes them."""
EFFECTS = {
    CaseEffect.STOPPED: "would be stopped",
    CaseEffect.WAITS: "would wait",
    CaseEffect.DRAFTED: "would get a draft",
    CaseEffect.MORE_PEOPLE: "would need more people",
    CaseEffect.FEWER_PEOPLE: "would need fewer people",
    CaseEffect.SOFTER: "would be treated more softly",
    CaseEffect.FIRMER: "would be treated less softly",
    CaseEffect.OTHER_TEXT: "would get another text",
    CaseEffect.OTHER_RULES: "would be held by other rules",
}
Told = Callable[[Verdict], Sequence[str]]
HOLDS = {CaseEffect.STOPPED: "held", CaseEffect.WAITS: "held", CaseEffect.DRAFTED: "released"}


def heading(one: JudgedAgain, nth: int, of: int) -> str:
    """Whose case it is, when it was judged, and by which policy then and now."""
    past = one.past
    facts, at = past.context.facts, past.basis.at
    name, judged = clean(customer(facts.customer.name)), f"{at:%Y-%m-%d %H:%M} UTC"
    policy = f"Policy then {past.policy_sha256[:12]}, now {one.policy.sha256[:12]}."
    which = f"Judgement {nth} of {of}, {judged}. {policy}"
    return f"Case {past.case.id}: {name}, {money(facts.asked)} due. {which}"


def troubles(one: JudgedAgain, *, as_then: bool) -> Iterator[str]:
    """What is wrong, a sentence each; `as_then` where nothing may differ from the record."""
    for row in one.altered:
        yield f"ALTERED: the {row} on record does not match its own fingerprint."
    if as_then and one.differing:
        yield (
            f"REPLAYED OTHERWISE: {listed(one.differing)}. Either a rule or a template of the "
            "program has changed since, or there is a mistake in it."
        )


def lost(past: PastAssessment, missing: NotOnRecord) -> str:
    """Why an assessment cannot be made again as it was, and what to do."""
    said = f"{missing.sha256[:12]}, cannot be used: {clean(missing.why)}"
    if missing.text is TextOfThen.WORDING:
        return f"Case {past.case.id}: the company's own text of then, {said}"
    also = "Replay it with --policy now or a file."
    return f"Case {past.case.id}: the policy of then, {said} {also}"


def unreadable(case: str) -> str:
    """That a row cannot even be read, and what to do."""
    return (
        f"Case {case}: ALTERED: a judgement on record is not as this program writes it, so nothing "
        "was judged again. Compare the row with a backup; `overdue log verify` says what else was "
        "changed."
    )


def of_case(one: JudgedAgain) -> Iterator[str]:
    """Both judgements side by side, then the text with its changes."""
    yield from _deleted(one.past)
    yield from _row("", "then", "now")
    for label, told in PARTS.items():
        yield from _both(one, label, told)
    yield from _text(one.then.letter, one.now.letter)


def _deleted(past: PastAssessment) -> Iterator[str]:
    if past.pruned_at:
        yield (
            f"Words deleted on {past.pruned_at:%Y-%m-%d}: what the sources said is gone. What the "
            "ledger, our history and the readings say is judged again; reasons cannot be compared."
        )
    elif past.gone:
        ids = ", ".join(map(one_line, sorted(past.gone)))
        yield f"Texts deleted: {ids}. What was read and ruled about them then still counts."


def _both(one: JudgedAgain, label: str, told: Told) -> Iterator[str]:
    """A row for each line that either has; nothing if neither has one."""
    then, now = list(told(one.then)), list(told(one.now))
    for n in range(max(len(then), len(now))):
        sides = (side[n] if n < len(side) else "" for side in (then, now))
        yield from _row(label if n == 0 else "", *sides)


def _row(label: str, *sides: str) -> Iterator[str]:
    cells = [wrap(clean(one_line(side)), SIDE) for side in sides]
    for n in range(max(map(len, cells), default=0)):
        line = (f"{(cell[n] if n < len(cell) else ''):<{SIDE}}" for cell in cells)
        yield f"{label if n == 0 else '':<{LABEL}}  {'  '.join(line)}".rstrip()


def _rulings(kinds: tuple[Kind, ...], verdict: Verdict) -> list[str]:
    return [f"{r.rule}: {r.reason}" for r in _all(verdict) if r.kind in kinds]


def _people(verdict: Verdict) -> list[str]:
    drafted = verdict.came_to in (CameTo.DRAFT, CameTo.SENT)
    return [needs(verdict.needed)] if drafted else []


def needs(needed: Needed) -> str:
    """ "2 people, one a finance lead, after the account manager"."""
    lead = ", a finance lead" if needed.count == 1 else ", one a finance lead"
    return "".join(
        [
            "1 person" if needed.count == 1 else f"{needed.count} people",
            lead if needed.lead else "",
            ", after the account manager" if needed.manager_first else "",
        ]
    )


def _class(verdict: Verdict) -> list[str]:
    said = verdict.proposal
    return [f"{CLASS_WORDS[said.class_]} ({said.confidence}), by {said.author}"] if said else []


def _reasons(verdict: Verdict) -> list[str]:
    said = verdict.proposal.reasons if verdict.proposal else ()
    return [" ".join([reason.text, *(f"[{id}]" for id in reason.evidence)]) for reason in said]


def _summary(verdict: Verdict) -> list[str]:
    return [verdict.proposal.summary] if verdict.proposal else []


def _evidence(verdict: Verdict) -> list[str]:
    quoted = ((e, f" “{e.quote}”" if e.quote else "") for e in verdict.evidence)
    return [f"{e.id} {e.label}{quote}" for e, quote in quoted]


KINDS = {
    "stops": (Kind.NEVER, Kind.STOP),
    "waits": (Kind.WAIT,),
    "gates": (Kind.GATE,),
}
PARTS: dict[str, Told] = {
    "came to": lambda verdict: [verdict.came_to.value],
    "needs": _people,
    **{label: partial(_rulings, kinds) for label, kinds in KINDS.items()},
    "class": _class,
    "reasons": _reasons,
    "summary": _summary,
    "evidence": _evidence,
}


def _text(then: Letter | None, now: Letter | None) -> Iterator[str]:
    """The letter with what went in [-…-] and what came in {+…+}."""
    if then and now and then == now:
        yield "The letter is the same, to the byte."
    elif then and not now:
        yield "There is no letter now."
    elif now:
        yield "The letter, [-then-] {+now+}:"
        for line in _changed(_shown(then), _shown(now)).split("\n"):
            yield f"  {line}".rstrip()


def _shown(letter: Letter | None) -> str:
    if letter is None:
        return ""
    copies = f"\nCopy to: {', '.join(letter.cc)}" if letter.cc else ""
    return clean(f"To: {letter.to}{copies}\nSubject: {letter.subject}\n\n{letter.body}\n")


def _changed(before: str, after: str) -> str:
    return "".join(MARKS[one.fate].format(one.words) for one in rewording(before, after))


def as_json(one: JudgedAgain) -> dict[str, Any]:
    """The same for a program."""
    past = one.past
    return {
        "case": past.case.id,
        "assessment": past.said.id,
        "made_at": past.basis.at.isoformat(),
        "policy": {"then": past.policy_sha256, "now": one.policy.sha256},
        "then": _verdict(one.then),
        "now": _verdict(one.now),
        "differs": list(one.differing),
        "altered": list(one.altered),
        "texts_deleted": sorted(past.gone),
        "words_deleted_at": past.pruned_at.isoformat() if past.pruned_at else None,
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    said, letter, needed = verdict.proposal, verdict.letter, verdict.needed
    return {
        "came_to": verdict.came_to,
        "rulings": RULINGS.dump_python(_all(verdict), mode="json"),
        "approvers": needed.count,
        "finance_lead": needed.lead,
        "account_manager_first": needed.manager_first,
        "class": said.class_ if said else None,
        "confidence": said.confidence if said else None,
        "reasons": [r.text for r in said.reasons] if said else [],
        "summary": said.summary if said else None,
        "evidence": EVIDENCE.dump_python(verdict.evidence, mode="json"),
        "subject": letter.subject if letter else None,
        "body": letter.body if letter else None,
    }


def of_many(found: Iterable[JudgedAgain], count: int) -> Iterator[str]:
    """A line for each of `count` cases that would end otherwise; then how many, and how much."""
    counts: Counter[CaseEffect] = Counter()
    sums: defaultdict[tuple[CaseEffect, str], Decimal] = defaultdict(Decimal)
    changed = 0
    for one in (one for one in found if one.effects):
        asked = one.past.context.facts.asked
        changed += 1
        for effect in one.effects:
            counts[effect] += 1
            sums[effect, asked.currency] += asked.amount
        yield _line(one)
    yield f"{count:,} cases judged again; {changed:,} would end otherwise."
    for effect in (effect for effect in CaseEffect if counts[effect]):
        amounts = (Money(a, c) for (of, c), a in sorted(sums.items()) if of is effect)
        value = f"{', '.join(map(money, amounts))} {HOLDS.get(effect, '')}".strip()
        yield f"{counts[effect]:>6,}  {EFFECTS[effect]:<30}  {value}"


COLUMNS = (
    *("company", "case", "customer", "currency", "asked", "then", "now", "effects"),
    *("rules_then", "rules_now"),
)


def as_row(one: JudgedAgain) -> dict[str, str]:
    """The same case for a table."""
    past, facts = one.past, one.past.context.facts
    sides = (one.then, one.now)
    rules = (" ".join(dict.fromkeys(r.rule for r in _all(side))) for side in sides)
    told = (short(one.then, one.now), short(one.now, one.then))
    effects = ", ".join(EFFECTS[effect] for effect in one.effects)
    name, amount = facts.customer.name, str(facts.asked.amount)
    head = (past.case.company, past.case.id, name, facts.asked.currency, amount)
    return dict(zip(COLUMNS, (*head, *told, effects, *rules), strict=True))


def _all(verdict: Verdict) -> tuple[Ruling, ...]:
    return (*verdict.about_words, *verdict.rulings)


def _line(one: JudgedAgain) -> str:
    facts = one.past.context.facts
    name = clean(customer(facts.customer.name, 28))
    head = f"{one.past.case.id:>6}  {name:<28} {money(facts.asked):>14}"
    return f"{head}  {short(one.then, one.now)} → {short(one.now, one.then)}"


def short(verdict: Verdict, other: Verdict) -> str:
    """What it came to, with as much as tells it from the other."""
    kinds = KINDS["waits"] if verdict.came_to is CameTo.WAITS else KINDS["stops"]
    if verdict.came_to in (CameTo.WAITS, CameTo.STOPPED):
        names = dict.fromkeys(r.rule for r in _all(verdict) if r.kind in kinds)
        return f"{verdict.came_to}: {', '.join(map(rule, names))}"
    parts = [str(verdict.came_to)]
    if verdict.needed != other.needed and other.came_to in (CameTo.DRAFT, CameTo.SENT):
        parts.append(needs(verdict.needed))
    said, beside = verdict.proposal, other.proposal
    if said and beside and said.class_ is not beside.class_:
        parts.append(CLASS_WORDS[said.class_].lower())
    return ", ".join(parts)
