"""What `overdue doctor` found out: a row for each part, shown as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

OK, WARNING, MISSING, WRONG, UNTRIED = "ok", "warning", "missing", "wrong", "not tried"
LACKING = frozenset({MISSING, WRONG})
"""The states that keep Overdue from working; the command then fails."""


@dataclass(frozen=True)
class Finding:
    """One row: the part, one of the states above, and in words what it is and what to do."""

    part: str
    state: str
    words: str


def table(findings: Sequence[Finding]) -> str:
    """The findings as aligned lines, and how many need attention."""
    widest = max(len(finding.part) for finding in findings)
    lines = [f"{f.part:<{widest}}  {f.state:<9}  {f.words}" for f in findings]
    counted = [(state, sum(f.state == state for f in findings)) for state in (WRONG, MISSING)]
    lacking = " and ".join(f"{count} {state}" for state, count in counted if count)
    untried = sum(finding.state == UNTRIED for finding in findings)
    end = f"{lacking}: start at the top." if lacking else "Nothing is missing or wrong."
    if untried:
        end += f" {untried} not tried yet: run overdue doctor again afterwards."
    return "\n".join([*lines, "", end])
