"""What the results of recorded cases say: against what people decided. One column per reader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from jobs.reasoning.caution import CLASSES
from jobs.rules.gates import about_texts
from tests.eval.cases import NO_LETTER
from tests.eval.recorded import RecordedCase
from tests.eval.running import Found

Results = Sequence[tuple[RecordedCase, Found]]
ABOUT_TEXTS = frozenset(rule for _, rule, _, _ in about_texts.STANCES.values())
"""The rules that depend on how texts are read; all others do the same for every reader."""
MOST_SHOWN = 10


def table(columns: Sequence[tuple[str, Results]]) -> str:
    """Scores of each reader, side by side; then for each what its class was taken for."""
    names = [f"[{number}]" for number in range(1, len(columns) + 1)]
    lines = [f"{name} {reader}" for name, (reader, _) in zip(names, columns, strict=True)]
    lines += ["", _row(f"{len(columns[0][1])} decided cases", names)]
    for what in _counts(columns[0][1]):
        lines.append(_row(what, (_counts(results)[what] for _, results in columns)))
    for name, (_, results) in zip(names, columns, strict=True):
        lines += ["", *_confusion(name, results), *_refused(name, results)]
    return "\n".join(lines)


def wrong(results: Results) -> Iterator[str]:
    """A line for every case in which something was not as people had it."""
    for case, found in results:
        expected = case.expect
        faults = []
        if expected.rules is not None:
            faults += [f"missed {rule}" for rule in sorted({*expected.rules} - found.rules)]
            faults += [f"false {rule}" for rule in sorted(_false(case, found))]
        if expected.class_ and found.class_ is not expected.class_:
            faults.append(f"{found.class_}, not {expected.class_}")
        if expected.draft and found.tone == NO_LETTER:
            faults.append("no draft")
        if faults:
            yield f"{case.name} | {expected.decision} | {', '.join(faults)}"


def _counts(results: Results) -> dict[str, str]:
    ruled = [(c, f) for c, f in results if c.expect.rules is not None]
    asked = sum(len(c.expect.rules or ()) for c, _ in ruled)
    found = sum(len({*(c.expect.rules or ())} & f.rules) for c, f in ruled)
    classed = [(c, f) for c, f in results if c.expect.class_]
    quoted = [(c, f) for c, f in results if c.expect.evidence]
    drafted = [(c, f) for c, f in results if c.expect.draft]
    letters = [f for _, f in results if f.tone != NO_LETTER]
    return {
        "rules found": f"{found} of {asked}",
        "rules missed": str(asked - found),
        "false alarms": str(sum(len(_false(c, f)) for c, f in ruled)),
        "class right": f"{sum(f.class_ is c.expect.class_ for c, f in classed)} of {len(classed)}",
        "evidence line right": f"{sum(_quotes(c, f) for c, f in quoted)} of {len(quoted)}",
        "drafts where people sent one": (
            f"{sum(f.tone != NO_LETTER for _, f in drafted)} of {len(drafted)}"
        ),
        "letters in the model's words": f"{sum(f.own_letter for f in letters)} of {len(letters)}",
        "drafts refused by the cage": str(sum(bool(f.refused) for _, f in results)),
    }


def _false(case: RecordedCase, found: Found) -> frozenset[str]:
    return (found.rules & ABOUT_TEXTS) - {*(case.expect.rules or ())}


def _quotes(case: RecordedCase, found: Found) -> bool:
    return any(words in found.quote for words in case.expect.evidence)


def _confusion(name: str, results: Results) -> Iterator[str]:
    """Rows are what people decided, columns what was proposed; dots are zeros."""
    pairs = Counter((c.expect.class_, f.class_) for c, f in results if c.expect.class_)
    short = [one.replace("_", " ")[:8] for one in CLASSES]
    yield f"  {name + ' class':32}{''.join(f'{label:>9}' for label in short)}"
    for said in CLASSES:
        cells = (str(pairs[said, one] or "·") for one in CLASSES)
        yield f"  {said:32}{''.join(f'{cell:>9}' for cell in cells)}"


def _refused(name: str, results: Results) -> Iterator[str]:
    found = [(case.name, why) for case, one in results for why in one.refused]
    if found:
        yield f"  {name} not taken:"
        yield from (f"    {case}: {why}" for case, why in found[:MOST_SHOWN])


def _row(name: str, cells: Iterable[str]) -> str:
    return f"  {name:32}{''.join(f'{cell:>14}' for cell in cells)}".rstrip()
