"""The written cases: what is known about a customer, and what a careful person makes of it.

One TOML file per subject in `cases/`, with `[[plain]]` cases that anybody would read the same way
and `[[sly]]` ones that have to be read between the lines. A case is its text and what follows from
it (or `texts`, several from each of which the same follows); everything else is optional and is
explained at its field below.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from textwrap import shorten
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from jobs.rules.facts.evidence import Stance
from jobs.rules.rulings import Kind
from jobs.rules.states import STAGE_WORDS, CaseClass, Stage

FOLDER = Path(__file__).parent / "cases"
LEVELS = ("plain", "sly")

RULES: dict[Stance, tuple[Kind, str]] = {
    Stance.HARDSHIP: (Kind.NEVER, "hardship_wording"),
    Stance.BANK_CHANGE: (Kind.STOP, "bank_details_mentioned"),
    Stance.DISPUTE: (Kind.STOP, "dispute"),
    Stance.PAID_CLAIM: (Kind.STOP, "paid_claim"),
    Stance.PLAN_REQUEST: (Kind.GATE, "plan_request"),
    Stance.UNHAPPY: (Kind.GATE, "unhappy_customer"),
    Stance.UNCLEAR: (Kind.GATE, "likely_dispute"),
    Stance.NEW_CONTACT: (Kind.GATE, "new_contact"),
    Stance.PROMISE: (Kind.GATE, "promise_mentioned"),
    Stance.QUESTION: (Kind.GATE, "open_question"),
}
"""What must follow from each stance, written down a second time on purpose."""
CLASSES: tuple[tuple[frozenset[Stance], CaseClass], ...] = (
    (frozenset({Stance.UNHAPPY}), CaseClass.HIGH_TOUCH_ESCALATION),
    (frozenset({Stance.PLAN_REQUEST}), CaseClass.PAYMENT_PLAN_CANDIDATE),
    (frozenset({Stance.DISPUTE, Stance.UNCLEAR}), CaseClass.LIKELY_DISPUTE),
)
"""The class that must follow, the one with most people first."""
NO_PRESSURE, PRESSURE, NO_LETTER = "no pressure", "pressure", "no letter"


class Known(BaseModel):
    """What is known besides the text. By default: one invoice of $845, 12 days late, no history."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stage: Stage = Stage.FOLLOW_UP
    open: str = "845.00"
    partly_paid: bool = False
    often_late: bool = False
    on_account: str = ""
    """An amount of unapplied money."""
    credit: Literal["payment", "credit_memo"] = "payment"
    key_account: bool = False
    do_not_chase: bool = False
    consumer: bool = False
    addresses: str = "ap@cooper.example"
    bounced: bool = False
    """Mail to the address came back."""
    wrote_days_ago: int = 0
    """When our last message went, about the same invoice."""
    colleague_wrote_days_ago: int = 0
    on_hold_for_days: int = 0
    disputed_elsewhere: bool = False
    """A person has put another invoice on hold as disputed."""
    open_ticket: str = ""
    """The subject of an open ticket; its text is that of the case."""
    mailbox_down_hours: int = 0
    doubtful: bool = False
    """It is not certain that the mailbox's texts are about this customer."""


class Case(BaseModel):
    """One case. `says` is everything its text says, in any order; `line` is a piece of the line
    that shows the most careful of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    level: Literal["plain", "sly"]
    text: str = ""
    kind: Literal["mail", "memo", "note", "ticket"] = "mail"
    answers_us: bool = False
    """The mail answers one of ours, so what it quotes may be our own words."""
    says: tuple[Stance, ...] = ()
    line: str = ""
    known: Known = Known()
    rules: tuple[str, ...] = ()
    """Rules that must fire besides those that follow from what the text says."""
    outcome: Literal["never", "stop", "wait", "gate", "draft"] | None = None
    """What happens, if it does not follow from what the text says."""
    class_: Annotated[CaseClass | None, Field(alias="class")] = None
    """The class, if it does not follow from what the text says."""

    @property
    def stance(self) -> Stance:
        """The most careful thing said."""
        return next((stance for stance in RULES if stance in self.says), Stance.NONE)

    @property
    def expected_rules(self) -> frozenset[str]:
        return frozenset({*self.rules, *(RULES[stance][1] for stance in self.says)})

    @property
    def expected_outcome(self) -> str:
        return self.outcome or (RULES[self.stance][0].value if self.says else "draft")

    @property
    def expected_class(self) -> CaseClass | None:
        """None where there is no letter, and nothing but a dispute decides what a card says."""
        if self.expected_outcome not in ("gate", "draft") and Stance.DISPUTE not in self.says:
            return None
        follows = (class_ for stances, class_ in CLASSES if stances.intersection(self.says))
        return self.class_ or next(follows, CaseClass.ROUTINE_REMINDER)

    @property
    def expected_tone(self) -> str:
        """That of the stage for a routine reminder; everything else is asked without pressure."""
        if self.expected_outcome not in ("gate", "draft"):
            return NO_LETTER
        routine = self.expected_class is CaseClass.ROUTINE_REMINDER
        return STAGE_WORDS[self.known.stage] if routine else NO_PRESSURE


@cache
def cases() -> tuple[Case, ...]:
    """All cases, file by file."""
    return tuple(case for path in sorted(FOLDER.glob("*.toml")) for case in _in_file(path))


def _in_file(path: Path) -> Iterator[Case]:
    with path.open("rb") as file:
        tables: dict[str, list[dict[str, Any]]] = tomllib.load(file)
    for level, entries in tables.items():
        for entry in entries:
            for text in entry.pop("texts", [entry.get("text", "")]):
                one = {**entry, "text": text, "level": level}
                yield Case.model_validate({**one, "name": _named(path, one)})


def _named(path: Path, entry: dict[str, Any]) -> str:
    """Its name, or else how its text begins."""
    return f"{path.stem}: {entry.get('name') or shorten(entry['text'], 50, placeholder=' …')}"
