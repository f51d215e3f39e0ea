"""Why a card is as it is: its class, what speaks for care, and what stops it with the way out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bot.blockkit.blocks import (
    Block,
    bullets,
    date,
    mrkdwn_of,
    paragraph,
    person,
    rich,
    section,
    text,
)
from bot.blockkit.escaping import cap, one_line
from bot.surfaces import wording
from bot.surfaces.card.buttons import blocked
from bot.surfaces.card.parts import (
    Line,
    Part,
    ShownTo,
    dotted,
    listing,
    short,
    some,
    with_evidence,
)
from jobs.decide.verbs import Verb
from jobs.rules.case import CaseView, Reason
from jobs.rules.figures import listed
from jobs.rules.gates.about_texts import NAME_LIKE_A_LINK
from jobs.rules.plain import capital
from jobs.rules.rulings import Kind, Ruling
from jobs.rules.states import CaseClass

BY_RULES = "template"
"""The author of what no model has written."""


def changes(view: CaseView, reader: ShownTo) -> Part | None:
    """What differs from the previous version."""
    if not view.changed:
        return None
    lines = some([[text(short(told))] for told in view.changed], "changes")
    return listing("Changed since the last version", lines, reader)


def why(view: CaseView, reader: ShownTo) -> Part | None:
    """One line of class and summary, then what speaks for care, each with its evidence."""
    told: set[str] = set()
    top, lines = _class(view), [*_reasons(view, told), *_gates(view, told)]
    if not top and not lines:
        return None
    lines = some(lines, "reasons")
    parts = [paragraph(*top)] if top else []
    parts += [bullets(lines)] if lines else []
    said = [reader.spoken(line) for line in [top, *lines] if line]
    return Part((rich(*parts),), " ".join(map(wording.sentence, said)))


def _class(view: CaseView) -> Line:
    """A stop tells by itself that nothing is routine about the case."""
    routine = view.class_ is CaseClass.ROUTINE_REMINDER
    if view.class_ is None or (routine and blocked(view)):
        return [] if view.class_ or view.rulings or view.judged_by else [_RULES_ALONE]
    line: Line = [text(wording.CLASS_WORDS[view.class_], bold=True)]
    if view.summary and view.judged_by != BY_RULES:
        line.append(text(f" · AI summary: {cap(one_line(view.summary), 1000)}"))
    elif routine and not _gates(view, set()):
        line.append(text(" · looks like an oversight"))
    return line


_RULES_ALONE = text("Decided by rules alone; no model was asked.", italic=True)


def _reasons(view: CaseView, told: set[str]) -> list[Line]:
    """What speaks for the class and no rule says of the same evidence.

    Those of a routine reminder are no reason for care; see `background`.
    """
    if view.class_ in (None, CaseClass.ROUTINE_REMINDER):
        return []
    ruled = {id for ruling in view.rulings for id in ruling.evidence}
    kept = [one for one in view.reasons if not one.evidence or not ruled.issuperset(one.evidence)]
    return reasons(view, kept, told)


def reasons(view: CaseView, some: Iterable[Reason], told: set[str]) -> list[Line]:
    """Why the class was chosen, with the evidence."""
    return [
        with_evidence(view, [text(short(one.text))], one.evidence, told, quoted=False)
        for one in some
    ]


def _gates(view: CaseView, told: set[str]) -> list[Line]:
    """What needs more or other people. Beside a stop they would only take up room."""
    if blocked(view):
        return []
    return [_ruling(view, r, told) for r in view.rulings if not _stands_alone(r)]


def _ruling(view: CaseView, ruling: Ruling, told: set[str]) -> Line:
    name = capital(wording.rule(ruling.rule))
    line = [text(name, bold=True), text(" · "), text(short(ruling.reason))]
    if ruling.rule == view.class_:  # the line above has that name already
        line = line[2:]
    return with_evidence(view, line, ruling.evidence, told, quoted=True)


def stops(view: CaseView, ways_out: Mapping[str, Block], reader: ShownTo) -> Part | None:
    """Each rule that stops the case, with the button that resolves it beside the first."""
    found = [r for r in view.rulings if _stands_alone(r)]
    told: set[str] = set()
    lines = [_ruling(view, ruling, told) for ruling in found]
    blocks = [
        section(mrkdwn_of(line), ways_out.get(ruling.fingerprint))
        for ruling, line in zip(found, lines, strict=True)
    ]
    said = [wording.sentence(reader.spoken(line)) for line in lines]
    return Part(tuple(blocks), " ".join(said)) if found else None


def _stands_alone(ruling: Ruling) -> bool:
    """What stops a case, and the one gate that a button opens."""
    return ruling.kind in (Kind.NEVER, Kind.STOP) or ruling.rule == NAME_LIKE_A_LINK


def set_aside(view: CaseView, reader: ShownTo) -> Part | None:
    """Which stops were set aside for this draft, by whom, when and why."""
    made = next((d for d in reversed(view.decisions) if d.kind == Verb.DRAFT_ANYWAY), None)
    if made is None or not view.allowed_anyway:
        return None
    rules = listed(sorted({wording.rule(r.rule) for r in view.allowed_anyway}))
    line = [text("Set aside for this draft", bold=True), text(f": {rules} · by ")]
    line += [person(made.actor), text(", "), date(made.at)]
    line = dotted([line, [text(wording.sentence(short(made.reason)))] if made.reason else []])
    said = wording.sentence(reader.spoken(line))
    return Part((rich(paragraph(*reader.line(line))),), said)
