"""What `overdue doctor` found out about one part."""

from __future__ import annotations

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
