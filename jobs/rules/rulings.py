"""What a rule says: wait, gate, stop or never, with a stable name and a reason for people."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter


class Kind(StrEnum):
    """In order of strictness: never, stop, wait, gate."""

    NEVER = "never"
    STOP = "stop"
    WAIT = "wait"
    GATE = "gate"


RANK = (Kind.NEVER, Kind.STOP, Kind.WAIT, Kind.GATE)


@dataclass(frozen=True)
class Ruling:
    """One rule that fired.

    `rule` is its stable name ("no_recipient"), `reason` a sentence for a person, `evidence` the ids
    of what it is based on, `until` (UTC) only for a wait. A gate says how many `approvers` it needs
    and whether the account manager must have seen the draft.
    """

    kind: Kind
    rule: str
    reason: str
    evidence: tuple[str, ...] = ()
    until: datetime | None = None
    approvers: int = 1
    lead: bool = False
    """One of the approvers must be a finance lead."""
    manager_first: bool = False

    @property
    def fingerprint(self) -> str:
        """A hash (64 hex digits) of what it says and is based on, to tell stops apart."""
        said = json.dumps([self.kind, self.rule, self.reason, sorted(self.evidence)])
        return hashlib.sha256(said.encode()).hexdigest()


@dataclass(frozen=True)
class Needed:
    """Whose approval a draft needs: `count` different people, one of them a finance lead if
    `lead`, after the account manager has seen it if `manager_first`."""

    count: int
    lead: bool
    manager_first: bool


def strictest(rulings: tuple[Ruling, ...]) -> Kind | None:
    """The kind that decides what happens, or None if no rule fired."""
    return next((kind for kind in RANK if any(r.kind is kind for r in rulings)), None)


def stops_seen(rulings: Iterable[Ruling]) -> str:
    """A fingerprint (64 hex digits) of the stops that a person reads before setting them aside."""
    told = sorted(r.fingerprint for r in rulings if r.kind is Kind.STOP)
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def not_set_aside(found: Iterable[Ruling], set_aside: Iterable[Ruling]) -> tuple[Ruling, ...]:
    """The rulings without those set aside: exactly the same ones, by reason and evidence."""
    waived = {r.fingerprint for r in set_aside}
    return tuple(r for r in found if r.kind is not Kind.STOP or r.fingerprint not in waived)


def disputing_holds(rulings: Iterable[Ruling]) -> frozenset[str]:
    """The ids of the holds behind a dispute, which a person has set and may lift."""
    disputes = (r for r in rulings if r.rule == "dispute" and r.kind is Kind.STOP)
    return frozenset(
        id.removeprefix(HOLD) for r in disputes for id in r.evidence if id.startswith(HOLD)
    )


TWO_PEOPLE: dict[str, Any] = {"approvers": 2, "lead": True}
"""What a gate needs that only two people together may open."""
HOLD = "hold:"
"""The prefix of a hold's id when it is evidence."""
RULINGS: TypeAdapter[tuple[Ruling, ...]] = TypeAdapter(tuple[Ruling, ...])
"""Rulings as JSON and back."""
