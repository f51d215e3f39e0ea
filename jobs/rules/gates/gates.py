"""The rules: may a message be drafted and sent, by how many people, and if not, why.

never > stop > wait > gate. Each rule looks at QuickBooks facts, our own history, the readings and
the policy; amounts are compared only in the currency of the case.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import chain

from jobs.rules.facts.evidence import Reading
from jobs.rules.facts.facts import Facts
from jobs.rules.facts.findings import Context, Findings
from jobs.rules.facts.past import Past
from jobs.rules.gates import about_history, about_ledger, about_sources, about_texts
from jobs.rules.gates.marks import of_marks
from jobs.rules.gates.recipients import recipient
from jobs.rules.policy.policy import Policy
from jobs.rules.rulings import RANK, TWO_PEOPLE, Kind, Needed, Ruling, not_set_aside
from jobs.rules.states import CaseClass, Stage


def judge(
    facts: Facts,
    stage: Stage,
    past: Past,
    readings: Iterable[Reading],
    policy: Policy,
    now: datetime,
    *,
    findings: Mapping[str, Findings] | None = None,
) -> tuple[Ruling, ...]:
    """Every rule that fires, the strictest first. `findings` are those of `Context`.

    Exactly the stops that a finance lead set aside are left out, but not others of the same rule;
    a never cannot be set aside.
    """
    context, readings = Context(facts, findings or {}), tuple(readings)
    fired = chain(
        of_marks(facts, policy, (*past.marks, *context.marks)),
        _recipient(facts, past),
        about_texts.of_readings(facts, past, readings),
        about_texts.unread(facts, past, context.documents, readings),
        about_sources.rulings(facts, context.findings, policy, now),
        about_ledger.rulings(facts, policy),
        about_history.rulings(facts, past, policy, now),
        _who(facts, stage, policy),
        about_history.never_emailed(facts, past),
        about_texts.looks_like_a_test(facts),
        about_texts.of_ledger(facts, past),
    )
    kept = not_set_aside(fired, past.allowed_anyway)
    return tuple(sorted(kept, key=lambda ruling: RANK.index(ruling.kind)))


def approvals(
    rulings: Iterable[Ruling],
    facts: Facts,
    stage: Stage,
    policy: Policy,
    class_: CaseClass | None = None,
) -> Needed:
    """What the rulings and the class require; never less than amount, stage and marks require."""
    return needed_for([*rulings, *_who(facts, stage, policy), *of_marks(facts, policy)], class_)


def needed_for(gates: Iterable[Ruling], class_: CaseClass | None) -> Needed:
    """What these rulings and the class require, and nothing else."""
    gates = [*gates, _NOBODY]
    high_touch = class_ is CaseClass.HIGH_TOUCH_ESCALATION
    lead_class = high_touch or class_ is CaseClass.PAYMENT_PLAN_CANDIDATE
    return Needed(
        count=max(ruling.approvers for ruling in gates),
        lead=lead_class or any(ruling.lead for ruling in gates),
        manager_first=high_touch or any(ruling.manager_first for ruling in gates),
    )


_NOBODY = Ruling(Kind.GATE, "one_person", "One person approves.")


def _recipient(facts: Facts, past: Past) -> Iterator[Ruling]:
    found = recipient(facts, past)
    if isinstance(found, Ruling):
        yield found


def _who(facts: Facts, stage: Stage, policy: Policy) -> Iterator[Ruling]:
    """What amount and stage require."""
    yield from about_ledger.second_approver(facts, policy)
    if stage is Stage.FINAL:
        reason = "A final message needs two approvals, and the account manager sees it first."
        needs = {**TWO_PEOPLE, "manager_first": True}
        yield Ruling(Kind.GATE, "stage_four", reason, **needs)
    elif stage is Stage.FIRM:
        reason = "A firm message: the account manager sees it first."
        yield Ruling(Kind.GATE, "manager_first", reason, manager_first=True)
