"""The rules: may a message be drafted and sent, by how many people, and if not, why.

never > stop > wait > gate. Each rule looks at QuickBooks facts, our own history, the readings and
the policy; amounts are compared only in the currency of the case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import chain
from typing import Any

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
from jobs.rules.states import CaseClass, Stage
from jobs.rules.verification import ledger_text
from jobs.rules.verification.violations import Violation

WHO_DOCUMENT = {"memo": "The memo on {}", "mail": "A mail", "ticket": "Ticket {}", "note": "A note"}

STANCES: dict[Stance, tuple[Kind, str, str, dict[str, Any]]] = {
    Stance.HARDSHIP: (
        Kind.NEVER,
        "hardship_wording",
        "{} mentions insolvency, hardship or legal steps. All mail to this customer stops.",
        {},
    ),
    Stance.DISPUTE: (Kind.STOP, "dispute", "{} disputes the bill.", {}),
    Stance.PAID_CLAIM: (Kind.STOP, "paid_claim", "{} says it has been paid.", {}),
    Stance.BANK_CHANGE: (
        Kind.STOP,
        "bank_details_mentioned",
        "{} mentions changed bank details. This may be fraud: check by phone. Nothing was changed.",
        {},
    ),
    Stance.UNCLEAR: (
        Kind.GATE,
        "likely_dispute",
        "{} says something is missing or unclear.",
        {},
    ),
    Stance.UNHAPPY: (
        Kind.GATE,
        "unhappy_customer",
        "{} sounds unhappy.",
        {"lead": True, "manager_first": True},
    ),
    Stance.PLAN_REQUEST: (Kind.GATE, "plan_request", "{} asks for more time.", {"lead": True}),
    Stance.PROMISE: (
        Kind.GATE,
        "promise_mentioned",
        "{} announces a payment. Confirm the date, or put the invoice on hold.",
        {},
    ),
    Stance.QUESTION: (Kind.GATE, "open_question", "{} asks a question.", {}),
}
"""Stance of a reading → kind, rule, reason, what the gate requires."""

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

ON_ACCOUNT = frozenset({"possibly_paid", "covered_by_credits", "account_in_family"})
"""Rules about money that has already arrived and only has to be applied."""
MOST_ODD = 3
"""How many ledger fields, or invoices, a reason names at most."""
MOST_INVOICES = 200
"""In one message: as many as fit on a card, where every approver has to see all of them."""
HERE = "en_US"
"""How amounts and dates are written for the people in Slack."""

TWO_PEOPLE: dict[str, Any] = {"approvers": 2, "lead": True}
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
        _readings(facts, readings),
        about_sources.rulings(facts, context.findings, policy, now),
        _unsafe(draft_violations),
        _on_account(facts),
        _in_the_family(facts),
        _balance(facts),
        _stop_limit(facts, policy),
        _too_many(facts),
        _holds(facts, past, now),
        _dispute_elsewhere(facts, past),
        _gap(facts, past, policy, now),
        _who(facts, stage, policy),
        _never_emailed(facts, past),
        _looks_like_a_test(facts),
        _ledger_text(facts, past),
        _wording(draft_violations),
    )
    kept = not_set_aside(fired, past.allowed_anyway)
    return tuple(sorted(kept, key=lambda ruling: RANK.index(ruling.kind)))


@dataclass(frozen=True)
class Needed:
    """Whose approval a draft needs: `count` different people, one of them a finance lead if
    `lead`, after the account manager has seen it if `manager_first`."""

    count: int
    lead: bool
    manager_first: bool


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
        text = reason.format(_name(facts), f"{same[0].source}{more}")
        on = tuple(f"invoice:{mark.invoice}" for mark in same if mark.invoice)
        yield Ruling(kind, rule, text, (*_customer(facts), *on), **NEEDS.get(of_kind, {}))


def _recipient(facts: Facts, past: Past) -> Iterator[Ruling]:
    found = recipient(facts, past)
    if isinstance(found, Ruling):
        yield found


def _readings(facts: Facts, readings: Iterable[Reading]) -> Iterator[Ruling]:
    seen: dict[Stance, dict[str, None]] = {}
    for reading in readings:
        seen.setdefault(reading.stance, {})[reading.document] = None
    for stance, (kind, rule, reason, needs) in STANCES.items():
        if documents := tuple(seen.get(stance, ())):
            yield Ruling(kind, rule, reason.format(_document(facts, documents)), documents, **needs)


def _document(facts: Facts, documents: tuple[str, ...]) -> str:
    kind, _, id_ = documents[0].partition(":")
    about = next((title(i, HERE) for i in facts.invoices if i.id == id_), id_)
    first = WHO_DOCUMENT.get(kind, "A document").format(about)
    more = len(documents) - 1
    return f"{first} (and {more} more)" if more else first


def about_text(violations: Sequence[Violation]) -> tuple[Ruling, ...]:
    """The rulings on the words of one version of a draft, which has these violations."""
    return (*_unsafe(violations), *_wording(violations))


def _unsafe(violations: Sequence[Violation]) -> Iterator[Ruling]:
    if hard := [v.sentence for v in violations if v.hard]:
        yield Ruling(Kind.NEVER, "unsafe_text", " ".join(hard[:3]) + " Edit the text.")


def _on_account(facts: Facts) -> Iterator[Ruling]:
    """Money on account that could pay at least one of these invoices must be applied first."""
    if not facts.invoices or facts.on_account < min(i.open for i in facts.invoices):
        return
    payments = [c for c in facts.credits if c.kind == "payment"]
    memos = [c for c in facts.credits if c.kind != "payment"]
    if payments:
        yield _held(facts, "possibly_paid", payments)
    if memos:
        yield _held(facts, "covered_by_credits", memos)


def _held(facts: Facts, rule: str, found: list[Credit]) -> Ruling:
    """What credits of one kind may cover: by themselves, or else together with the other kind."""
    names = listed([_credit(credit) for credit in found])
    makes = total((credit.open for credit in found), facts.currency)
    makes_up = f", {amount(makes)} in all" if len(found) > 1 else ""
    if makes < min(i.open for i in facts.invoices):
        makes = facts.on_account
        makes_up = f". With the other money on account that makes {amount(makes)}"
    whole = facts.total_overdue <= makes
    covers = f"all of {amount(facts.total_overdue)}" if whole else "at least one of these invoices"
    reason = f"{_name(facts)} has {names} not yet applied{makes_up}, which may cover {covers}."
    return Ruling(Kind.STOP, rule, reason, tuple(f"{c.kind}:{c.id}" for c in found))


def _in_the_family(facts: Facts) -> Iterator[Ruling]:
    """Relatives' money: QuickBooks allows applying it here, so it may be meant for these."""
    if not facts.invoices or not facts.family_credits:
        return
    names = {relative.id: one_line(relative.name) for relative in facts.relatives}
    owners = dict.fromkeys(credit.customer for credit in facts.family_credits)
    held = [
        f"{names[owner]} has "
        + listed([_credit(credit) for credit in facts.family_credits if credit.customer == owner])
        for owner in owners
    ]
    reason = (
        f"{listed(held)} not yet applied. It belongs to a parent or sub-customer related to "
        f"{_name(facts)}, so it may be meant for these invoices. Apply it in QuickBooks, or find "
        "out which customer it is for."
    )
    evidence = tuple(f"{c.kind}:{c.id}" for c in facts.family_credits)
    yield Ruling(Kind.STOP, "account_in_family", reason, evidence)


def _credit(credit: Credit) -> str:
    what = "a payment" if credit.kind == "payment" else "a credit memo"
    number = one_line(credit.number)
    named = f" ({number})" if number else ""
    return f"{what}{named} of {amount(credit.open)} from {day(credit.on)}"


def _balance(facts: Facts) -> Iterator[Ruling]:
    for gap in facts.gaps:
        stated = f"{amount(gap.stated)} for {_member(facts, gap.customer)}"
        reason = (
            f"QuickBooks shows a balance of {stated}, "
            f"but the invoices and credits add up to {amount(gap.computed)}. Find the difference "
            "there (often a journal entry or a deposit), then look again."
        )
        yield Ruling(Kind.STOP, "balance_does_not_add_up", reason, (f"customer:{gap.customer}",))


def _stop_limit(facts: Facts, policy: Policy) -> Iterator[Ruling]:
    limits = _limits(facts, policy)
    if limits is None:
        return
    large = [i for i in facts.invoices if i.open.amount >= limits.stop_invoice]
    if large:
        what = f"{listed([_sized(i) for i in large])} open"
        yield _over(what, "for one invoice", limits.stop_invoice, facts)
    elif facts.total_overdue.amount >= limits.stop_total:
        what = f"{_name(facts)} has {amount(facts.total_overdue)} overdue"
        yield _over(what, "in total", limits.stop_total, facts)


def _too_many(facts: Facts) -> Iterator[Ruling]:
    """Nobody can approve a letter that is too long to read."""
    count = len(facts.invoices)
    if count > MOST_INVOICES:
        reason = (
            f"{_name(facts)} has {count:,} overdue invoices, more than the {MOST_INVOICES} that "
            "one message can list. Please contact the customer yourself."
        )
        yield Ruling(Kind.NEVER, "too_many_invoices", reason, _customer(facts))


def _over(what: str, per: str, limit: Decimal, facts: Facts) -> Ruling:
    reason = (
        f"{capital(what)}: too large to draft (from {amount(Money(limit, facts.currency))} "
        f"{per}). Handle it yourself, or ask a finance lead for a draft."
    )
    return Ruling(Kind.STOP, "above_stop_limit", reason, _invoices(facts.invoices))


def _sized(invoice: Invoice) -> str:
    return f"{title(invoice, HERE)} has {amount(invoice.open)}"


def _holds(facts: Facts, past: Past, now: datetime) -> Iterator[Ruling]:
    ids = {invoice.id for invoice in facts.invoices}
    today = now.astimezone(facts.company.zone).date()
    for hold in past.holds:
        if hold.invoice and hold.invoice not in ids:
            continue
        if hold.kind is HoldKind.DISPUTE:
            reason = f"{_held_what(facts, hold)} is disputed{_because(hold)}."
            yield Ruling(Kind.STOP, "dispute", reason, _hold_evidence(facts, hold))
        elif hold.until > today:
            reason = (
                f"{_held_what(facts, hold)} is on hold until {day(hold.until)}{_because(hold)}."
            )
            until = start_of(hold.until, facts.company.zone)
            yield Ruling(Kind.WAIT, "on_hold", reason, _hold_evidence(facts, hold), until)


def _dispute_elsewhere(facts: Facts, past: Past) -> Iterator[Ruling]:
    """A customer who disputes one invoice is asked for others only with the account manager."""
    spoken = {invoice.id for invoice in facts.invoices}
    for hold in past.holds:
        if hold.kind is not HoldKind.DISPUTE or not hold.invoice or hold.invoice in spoken:
            continue
        named = [title(i, HERE) for i in facts.other_open if i.id == hold.invoice]
        what = capital(named[0]) if named else "Another invoice of this customer"
        reason = (
            f"{what} is disputed{_because(hold)} and left out: "
            "the account manager sees this message first."
        )
        evidence = (f"invoice:{hold.invoice}", f"{HOLD}{hold.id}")
        yield Ruling(Kind.GATE, "dispute_elsewhere", reason, evidence, manager_first=True)


def _held_what(facts: Facts, hold: Hold) -> str:
    named = [title(i, HERE) for i in facts.invoices if i.id == hold.invoice]
    return capital(named[0]) if named else _name(facts)


def _because(hold: Hold) -> str:
    return f" ({one_line(hold.reason)})" if hold.reason else ""


def _hold_evidence(facts: Facts, hold: Hold) -> tuple[str, ...]:
    about = (f"invoice:{hold.invoice}",) if hold.invoice else _customer(facts)
    return (*about, f"{HOLD}{hold.id}")


def _gap(facts: Facts, past: Past, policy: Policy, now: datetime) -> Iterator[Ruling]:
    mail = [contact for contact in (past.last_contact, past.last_contact_to_address) if contact]
    if not mail:
        return
    last = max(mail, key=lambda contact: contact.at)  # of two at the same time, the first
    until = last.at + timedelta(days=policy.gap_days)
    if until <= now:
        return
    zone = facts.company.zone
    on, then = (day(at.astimezone(zone).date()) for at in (last.at, until))
    reason = f"{_written(facts, last)} on {on}. The next message can go on {then}."
    yield Ruling(Kind.WAIT, "too_soon", reason, _customer(facts), until)


def _written(facts: Facts, last: Contact | AddressContact) -> str:
    """We wrote to the customer itself, or only to an address that it shares with others."""
    if isinstance(last, Contact):
        return f"{_name(facts)} was last contacted"
    about = one_line(last.customer) or "another customer"
    return f"{one_line(last.to)} was contacted about {about}"


def _who(facts: Facts, stage: Stage, policy: Policy) -> Iterator[Ruling]:
    """What amount and stage require."""
    yield from _second_approver(facts, policy)
    if stage is Stage.FINAL:
        reason = "A final message needs two approvals, and the account manager sees it first."
        needs = {**TWO_PEOPLE, "manager_first": True}
        yield Ruling(Kind.GATE, "stage_four", reason, **needs)
    elif stage is Stage.FIRM:
        reason = "A firm message: the account manager sees it first."
        yield Ruling(Kind.GATE, "manager_first", reason, manager_first=True)


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
