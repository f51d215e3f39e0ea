"""The rules: may a message be drafted and sent, by how many people, and if not, why.

never > stop > wait > gate. Each rule looks at QuickBooks facts, our own history, the readings and
the policy; amounts are compared only in the currency of the case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain

<<<<<<< HEAD
from jobs.rules import about_sources
from jobs.rules.business_days import start_of
from jobs.rules.evidence import Reading, Stance
from jobs.rules.facts import Credit, Facts, Invoice
from jobs.rules.figures import amount, day, listed
from jobs.rules.findings import Context, Findings
from jobs.rules.letters.slots import title
from jobs.rules.marks import UNKNOWN, marks
from jobs.rules.money import Money, total
from jobs.rules.past import AddressContact, Contact, Hold, HoldKind, Past
from jobs.rules.plain import capital, one_line
from jobs.rules.policy import Limits, Mark, Policy
from jobs.rules.recipients import ledger_addresses
from jobs.rules.recipients import recipient as recipient
from jobs.rules.rulings import HOLD, RANK, Kind, Ruling, not_set_aside
=======
from jobs.rules.facts.evidence import Reading
from jobs.rules.facts.facts import Facts
from jobs.rules.facts.findings import Context, Findings
from jobs.rules.facts.past import Past
from jobs.rules.gates import about_history, about_ledger, about_sources, about_texts
from jobs.rules.gates.about_ledger import about_customer, customer_name
from jobs.rules.gates.marks import UNKNOWN, marks
from jobs.rules.gates.recipients import recipient
from jobs.rules.policy.policy import Mark, Policy
from jobs.rules.rulings import RANK, TWO_PEOPLE, Kind, Needed, Ruling, not_set_aside
>>>>>>> 2987a8d (Follow the moves in every import, and cut the gates by what they look at)
from jobs.rules.states import CaseClass, Stage
from jobs.rules.verification.violations import Violation

MARKS = {
    "do_not_chase": (Kind.NEVER, "do_not_chase", "{} must not be chased, according to {}."),
    "consumer": (Kind.NEVER, "consumer", "{} is a private person, according to {}."),
    "disputed": (Kind.STOP, "dispute", "{} disputes the bill, according to {}."),
    "key_account": (
        Kind.GATE,
        "key_account",
        (
            "{} is a key account, according to {}: its account manager sees this first, and two "
            "people must approve."
        ),
    ),
    UNKNOWN: (
        Kind.GATE,
        "unknown_mark",
        "{} has a mark that the policy does not know: {}. A finance lead decides.",
    ),
}
"""Mark of a customer → kind, rule, reason."""


NEEDS = {"key_account": {**TWO_PEOPLE, "manager_first": True}, UNKNOWN: {"lead": True}}
"""What a mark that is a gate requires."""


def judge(
    facts: Facts,
    stage: Stage,
    past: Past,
    readings: Iterable[Reading],
    policy: Policy,
    now: datetime,
    *,
    findings: Mapping[str, Findings] | None = None,
    draft_violations: Sequence[Violation] = (),
) -> tuple[Ruling, ...]:
    """Every rule that fires, the strictest first. `findings` are those of `Context`.

    Exactly the stops that a finance lead set aside are left out, but not others of the same rule;
    a never cannot be set aside.
    """
    context = Context(facts, findings or {})
    fired = chain(
        _marks(facts, policy, (*past.marks, *context.marks)),
        _recipient(facts, past),
        about_texts.of_readings(facts, readings),
        about_sources.rulings(facts, context.findings, policy, now),
        about_texts.unsafe(draft_violations),
        about_ledger.rulings(facts, policy),
        about_history.rulings(facts, past, policy, now),
        _who(facts, stage, policy),
<<<<<<< HEAD
        _never_emailed(facts, past),
        _looks_like_a_test(facts),
        _ledger_text(facts, past),
        _wording(draft_violations),
=======
        about_history.never_emailed(facts, past),
        about_texts.of_ledger(facts, past),
        about_texts.wording(draft_violations),
>>>>>>> 2987a8d (Follow the moves in every import, and cut the gates by what they look at)
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
    gates = [*rulings, *_who(facts, stage, policy), *_marks(facts, policy)]
    high_touch = class_ is CaseClass.HIGH_TOUCH_ESCALATION
    lead_class = high_touch or class_ is CaseClass.PAYMENT_PLAN_CANDIDATE
    return Needed(
        count=max(ruling.approvers for ruling in [*gates, _NOBODY]),
        lead=lead_class or any(ruling.lead for ruling in gates),
        manager_first=high_touch or any(ruling.manager_first for ruling in gates),
    )


_NOBODY = Ruling(Kind.GATE, "one_person", "One person approves.")


def _marks(facts: Facts, policy: Policy, elsewhere: Iterable[Mark] = ()) -> Iterator[Ruling]:
    found: dict[str, list[Mark]] = {}
    for mark in marks(facts, policy, elsewhere):
        found.setdefault(mark.kind, []).append(mark)
    for of_kind, same in found.items():
        kind, rule, reason = MARKS[of_kind]
        more = f" (and {len(same) - 1} more)" if len(same) > 1 else ""
        text = reason.format(customer_name(facts), f"{same[0].source}{more}")
        on = tuple(f"invoice:{mark.invoice}" for mark in same if mark.invoice)
        yield Ruling(kind, rule, text, (*about_customer(facts), *on), **NEEDS.get(of_kind, {}))


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
<<<<<<< HEAD


def _second_approver(facts: Facts, policy: Policy) -> Iterator[Ruling]:
    limits = _limits(facts, policy)
    if limits is None:
        reason = f"The policy has no limits for {facts.currency}, so two people must approve."
    elif facts.total_open.amount >= limits.second_approver:
        limit = amount(Money(limits.second_approver, facts.currency))
        owed = amount(facts.total_open)
        reason = f"{_name(facts)} has {owed} open in all; from {limit}, two people must approve."
    else:
        return
    yield Ruling(Kind.GATE, "second_approver", reason, _customer(facts), **TWO_PEOPLE)


NEVER_EMAILED = "never_emailed"
"""The gate until QuickBooks or we have e-mailed the invoice; the approver confirms it."""


def _never_emailed(facts: Facts, past: Past) -> Iterator[Ruling]:
    """Customers are not reminded of invoices they may never have got, unless a person confirms it.

    Many companies send invoices in other ways, so this requires no additional approver.
    """
    named = {id for contact in past.contacts for id in contact.invoices}
    found = [i for i in facts.invoices if i.emailed is False and i.id not in named]
    if not found:
        return
    names = [title(i, HERE) for i in found[:MOST_ODD]]
    names += [f"{len(found) - MOST_ODD} more"] if len(found) > MOST_ODD else []
    has, it = ("has", "it") if len(found) == 1 else ("have", "them")
    reason = (
        f"{capital(listed(names))} {has} never been e-mailed from QuickBooks, and no message of "
        f"ours has named {it} yet. Make sure the customer has received {it}."
    )
    yield Ruling(Kind.GATE, NEVER_EMAILED, reason, _invoices(found))


_TESTING = "test(?:ing|s)?|dummy|demo|sample|fake|example"
_WHO = r"customer|client|account|company|co|inc|llc|ltd|gmbh|kunde|firma|user|person|\d+"
TEST_NAME = re.compile(
    rf"(?:z+ )?(?:{_TESTING})(?: (?:{_WHO}))*|(?:{_WHO}) (?:{_TESTING})(?: \d+)?"
    "|testkunde|(?:max|erika) mustermann|(?:john|jane) doe|do not use"
)
"""Whole names, in small letters and without signs; "Speed Test Labs" is a customer."""
TEST_ADDRESS = re.compile(
    r"test\d*@.*|.*@(?:example\.(?:com|net|org)|(?:[\w-]+\.)*(?:test|invalid|localhost))"
)
"""Nobody can have an address in domains reserved for examples and tests (RFC 2606)."""


def _looks_like_a_test(facts: Facts) -> Iterator[Ruling]:
    """Somebody tried something out: a real company may have that name, so a person decides."""
    name = " ".join(re.findall(r"[^\W_]+", facts.customer.name.casefold()))
    addresses = (address.lower() for address in ledger_addresses(facts))
    if TEST_NAME.fullmatch(name) or any(map(TEST_ADDRESS.fullmatch, addresses)):
        reason = (
            f"{_name(facts)} looks like a record made for testing. Make sure that it is a real "
            "customer; if it is not, mark it as “do not chase”."
        )
        yield Ruling(Kind.GATE, "looks_like_a_test", reason, _customer(facts), lead=True)


NAME_LIKE_A_LINK = "name_like_a_link"
"""The gate until a finance lead confirms the name."""


def _ledger_text(facts: Facts, past: Past) -> Iterator[Ruling]:
    """What somebody typed into the ledger and no letter may contain."""
    found = tuple(ledger_text.odd(facts, past.confirmed_names))
    if not found:
        return
    if ledger_text.to_confirm(facts) and found[0].looks_like == ledger_text.WEB_ADDRESS:
        reason = f"{found[0].sentence} The message leaves it out until a finance lead confirms it."
        yield Ruling(Kind.GATE, NAME_LIKE_A_LINK, reason, (found[0].evidence,), lead=True)
        found = found[1:]
    if not found:
        return
    told = " ".join(each.sentence for each in found[:MOST_ODD])
    more = f" {len(found) - MOST_ODD} more fields are like that." if len(found) > MOST_ODD else ""
    reason = f"{told}{more} The message leaves it out; correct it in QuickBooks."
    evidence = tuple(dict.fromkeys(each.evidence for each in found))
    yield Ruling(Kind.GATE, "ledger_text", reason, evidence, lead=True)


def _wording(violations: Sequence[Violation]) -> Iterator[Ruling]:
    marked = [v.sentence for v in violations if v.kind == "marked_wording"]
    broken = [v.sentence for v in violations if v.kind != "marked_wording" and not v.hard]
    if marked:
        yield Ruling(Kind.GATE, "marked_wording", " ".join(marked[:3]), **TWO_PEOPLE)
    if broken:
        yield Ruling(Kind.GATE, "text_breaks_a_rule", " ".join(broken[:3]), **TWO_PEOPLE)


def _limits(facts: Facts, policy: Policy) -> Limits | None:
    return policy.limits(facts.currency, facts.company.home_currency)


def _name(facts: Facts) -> str:
    return one_line(facts.customer.name)


def _member(facts: Facts, customer: str) -> str:
    named = [one_line(m.name) for m in facts.members if m.id == customer]
    return named[0] if named else _name(facts)


def _customer(facts: Facts) -> tuple[str, ...]:
    return (f"customer:{facts.customer.id}",)


def _invoices(invoices: Iterable[Invoice]) -> tuple[str, ...]:
    return tuple(f"invoice:{invoice.id}" for invoice in invoices)
=======
>>>>>>> 2987a8d (Follow the moves in every import, and cut the gates by what they look at)
