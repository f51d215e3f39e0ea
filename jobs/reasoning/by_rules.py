"""The substitute for the model: class, summary and reasons made by rules alone."""

from __future__ import annotations

from collections.abc import Iterable

from jobs.reasoning.caution import CLASS_OF, class_from_readings
from jobs.rules.case import Proposal, Reason
from jobs.rules.facts.evidence import Reading, Stance
from jobs.rules.facts.facts import Facts
from jobs.rules.facts.past import Past
from jobs.rules.figures import amount, how_late
from jobs.rules.rulings import Ruling, strictest
from jobs.rules.states import STAGE_WORDS, Stage

AUTHOR = "template"
SAYS = {
    Stance.QUESTION: "The customer asks a question",
    Stance.PROMISE: "Payment was promised",
    Stance.NEW_CONTACT: "Somebody else seems to handle this now",
    Stance.UNCLEAR: "Something seems to be missing or unclear",
    Stance.UNHAPPY: "The customer sounds unhappy",
    Stance.PLAN_REQUEST: "The customer asks for time or instalments",
    Stance.PAID_CLAIM: "The customer says it is paid",
    Stance.DISPUTE: "The bill seems to be disputed",
    Stance.BANK_CHANGE: "Mentions changed bank details or instructions to us: possible fraud",
    Stance.HARDSHIP: "Mentions hardship, insolvency or legal steps",
}


def proposal_by_rules(
    facts: Facts,
    stage: Stage,
    readings: Iterable[Reading],
    past: Past,
    rulings: tuple[Ruling, ...] = (),
    *,
    key_account: bool = False,
) -> Proposal:
    """A proposal without a text of its own, so that the template of its class is used."""
    readings = tuple(readings)
    class_ = class_from_readings(readings, key_account=key_account)
    return Proposal(
        class_=class_,
        confidence="high" if any(one.stance in CLASS_OF for one in readings) else "medium",
        reasons=reasons_by_rules(facts, readings, past, key_account=key_account),
        summary=plain_summary(facts, stage, rulings),
        subject="",
        sentences=(),
        author=AUTHOR,
    )


def reasons_by_rules(
    facts: Facts, readings: Iterable[Reading], past: Past, *, key_account: bool = False
) -> tuple[Reason, ...]:
    """What documents say, or that they say nothing, and how many times we have written."""
    found = [
        Reason(f"{SAYS[one.stance]}.", (one.document,)) for one in readings if one.stance in SAYS
    ]
    if key_account:
        found.append(Reason("This is a key account.", ()))
    oldest = max(facts.invoices, key=lambda one: one.days_overdue(facts.today), default=None)
    if not found and oldest:
        usual = f": usually pays {how_late(facts.habit.median_days_late)}" if facts.habit else ""
        found.append(Reason(f"Looks like an oversight{usual}.", (f"invoice:{oldest.id}",)))
    if facts.habit and facts.habit.late * 2 > facts.habit.count and not past.contacts:
        found.append(Reason("This customer often pays late.", ("habit",)))
    return tuple(found)


def plain_summary(facts: Facts, stage: Stage, rulings: tuple[Ruling, ...] = ()) -> str:
    """One or two sentences for a card if no model has written any."""
    count = len(facts.invoices)
    what = "1 invoice is overdue" if count == 1 else f"{count} invoices are overdue"
    since = f"{facts.days_overdue} day{'' if facts.days_overdue == 1 else 's'} past due"
    oldest = since if count == 1 else f"the oldest {since}"
    lead = f"{what}, {amount(facts.asked)} due, {oldest}; stage: {STAGE_WORDS[stage]}."
    kind = strictest(rulings)
    return " ".join([lead, *(one.reason for one in rulings if one.kind is kind)])
