"""What the results say: scores by difficulty, what was missed, and confusion tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from jobs.reasoning.caution import CLASSES
from jobs.rules.facts.evidence import STANCES, Stance
from tests.eval.cases import LEVELS, NO_LETTER, Case
from tests.eval.readers import Results
from tests.eval.running import Found

GRAVE = (Stance.DISPUTE, Stance.HARDSHIP, Stance.PAID_CLAIM)
"""What must not be missed: a reminder would go to somebody who has said so."""
Right = Callable[[Case, Found], bool]

ASPECTS: dict[str, tuple[Right, Right]] = {
    "stance": (
        lambda case, found: bool(case.text),
        lambda case, found: found.stance is case.stance,
    ),
    "evidence line": (
        lambda case, found: bool(case.line),
        lambda case, found: case.line in found.quote,
    ),
    "rules": (lambda case, found: True, lambda case, found: case.expected_rules <= found.rules),
    "outcome": (
        lambda case, found: True,
        lambda case, found: case.expected_outcome == found.outcome,
    ),
    "class": (
        lambda case, found: case.expected_class is not None,
        lambda case, found: case.expected_class is found.class_,
    ),
    "tone": (lambda case, found: True, lambda case, found: case.expected_tone == found.tone),
}
"""What is compared, in which cases, and when it is right."""


def missed(results: Results, level: str) -> tuple[list[Case], int]:
    """The cases in which a dispute, hardship or a paid claim was not heard, and how many have
    one."""
    grave = [(case, found) for case, found in results if _is_grave(case) and case.level == level]
    silent = [case for case, found in grave if not _heard(case, found)]
    return silent, len(grave)


def alarms(results: Results, level: str) -> tuple[list[Case], int]:
    """The texts that say nothing and were read as if they did, and how many there are."""
    quiet = [(c, f) for c, f in results if c.text and not c.says and c.level == level]
    return [case for case, found in quiet if found.stance is not Stance.NONE], len(quiet)


def own_letters(results: Results, level: str) -> tuple[int, int]:
    """How many letters are in the model's own words, and how many letters there are."""
    letters = [f for case, f in results if case.level == level and f.tone != NO_LETTER]
    return sum(found.own_letter for found in letters), len(letters)


def right(results: Results, level: str, aspect: str) -> tuple[int, int]:
    """In how many cases this was right, and of how many."""
    applies, good = ASPECTS[aspect]
    asked = [(c, f) for c, f in results if c.level == level and applies(c, f)]
    return sum(good(case, found) for case, found in asked), len(asked)


def wrong(results: Results) -> Iterator[str]:
    """A line for every case in which something was not right."""
    for case, found in results:
        aspects = [
            name
            for name, (applies, good) in ASPECTS.items()
            if applies(case, found) and not good(case, found)
        ]
        if aspects:
            said, heard = case.stance.value, found.stance.value
            yield f"{case.level:6}{case.name} | {said}, read as {heard} | {', '.join(aspects)}"


def of_reader(name: str, results: Results) -> str:
    """Scores and confusion tables of one reader."""
    lines = [f"{name}: {len(results)} cases", _row("", LEVELS)]
    lines += [
        _row(f"{aspect} right", (_of(right(results, level, aspect)) for level in LEVELS))
        for aspect in ASPECTS
    ]
    for what, count in (("dispute, hardship, paid missed", missed), ("false alarms", alarms)):
        cells = [count(results, level) for level in LEVELS]
        lines.append(_row(what, (_of((len(cases), total)) for cases, total in cells)))
    if any(found.by_model for _, found in results):
        own = [own_letters(results, level) for level in LEVELS]
        lines.append(_row("letters in the model's words", map(_of, own)))
    texts = [(case, found) for case, found in results if case.text]
    letters = [(c.expected_class, f.class_) for c, f in results if c.expected_class]
    stances = [(case.stance, found.stance) for case, found in texts]
    lines += ["", _table("stance, most careful", STANCES[::-1], stances)]
    lines += ["", _table("class", CLASSES, [(one, two) for one, two in letters if one])]
    return "\n".join(lines)


def of_model_alone(name: str, results: Results) -> str:
    """What a model read without the phrases beside it."""
    stances = [(case.stance, found.by_model) for case, found in results if found.by_model]
    agree = sum(said is heard for said, heard in stances)
    lines = [f"{name} alone: stance right in {agree} of {len(stances)} texts", ""]
    return "\n".join([*lines, _table("stance", STANCES[::-1], [(s, h) for s, h in stances if h])])


def _is_grave(case: Case) -> bool:
    return any(stance in GRAVE for stance in case.says)


def _heard(case: Case, found: Found) -> bool:
    return all(stance in found.stances for stance in case.says if stance in GRAVE)


def _of(counted: tuple[int, int]) -> str:
    return f"{counted[0]} of {counted[1]}"


def _row(name: str, cells: Iterable[str]) -> str:
    return f"  {name:32}{''.join(f'{cell:>14}' for cell in cells)}".rstrip()


def _table(name: str, labels: Sequence[str], pairs: Iterable[tuple[str, str]]) -> str:
    """Rows are what was written, columns what was read; dots are zeros."""
    counted = Counter(pairs)
    short = [label.replace("_", " ")[:8] for label in labels]
    lines = [f"  {name:26}{''.join(f'{label:>9}' for label in short)}"]
    for said in labels:
        cells = (str(counted[said, heard] or "·") for heard in labels)
        lines.append(f"  {said:26}{''.join(f'{cell:>9}' for cell in cells)}")
    return "\n".join(lines)
