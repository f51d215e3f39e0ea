"""Rules about the customer's figures in QuickBooks: money on account, balance, limits, length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from jobs.rules.facts.facts import Credit, Facts, Invoice
from jobs.rules.figures import Money, amount, day, listed, total
from jobs.rules.letters.slots import title
from jobs.rules.plain import capital, one_line
from jobs.rules.policy.policy import Policy
from jobs.rules.policy.sections import Limits
from jobs.rules.rulings import TWO_PEOPLE, Kind, Ruling

ON_ACCOUNT = frozenset({"possibly_paid", "covered_by_credits", "account_in_family"})
"""Rules about money that has already arrived and only has to be applied."""
MOST_NAMED = 3
"""How many ledger fields, or invoices, a reason names at most."""
MOST_INVOICES = 200
"""In one message: as many as fit on a card, where every approver has to see all of them."""


def rulings(facts: Facts, policy: Policy) -> Iterator[Ruling]:
    """Every stop and never that fires because of these figures."""
    yield from _on_account(facts)
    yield from _in_the_family(facts)
    yield from _balance(facts)
    yield from _stop_limit(facts, policy)
    yield from _too_many(facts)


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
    reason = (
        f"{customer_name(facts)} has {names} not yet applied{makes_up}, which may cover {covers}."
    )
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
        f"{customer_name(facts)}, so it may be meant for these invoices. Apply it in QuickBooks, "
        "or find out which customer it is for."
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
        what = f"{customer_name(facts)} has {amount(facts.total_overdue)} overdue"
        yield _over(what, "in total", limits.stop_total, facts)


def _over(what: str, per: str, limit: Decimal, facts: Facts) -> Ruling:
    reason = (
        f"{capital(what)}: too large to draft (from {amount(Money(limit, facts.currency))} "
        f"{per}). Handle it yourself, or ask a finance lead for a draft."
    )
    return Ruling(Kind.STOP, "above_stop_limit", reason, about_invoices(facts.invoices))


def _sized(invoice: Invoice) -> str:
    return f"{title(invoice)} has {amount(invoice.open)}"


def _too_many(facts: Facts) -> Iterator[Ruling]:
    """Nobody can approve a letter that is too long to read."""
    count = len(facts.invoices)
    if count > MOST_INVOICES:
        reason = (
            f"{customer_name(facts)} has {count:,} overdue invoices, more than the "
            f"{MOST_INVOICES} that one message can list. Please contact the customer yourself."
        )
        yield Ruling(Kind.NEVER, "too_many_invoices", reason, about_customer(facts))


def second_approver(facts: Facts, policy: Policy) -> Iterator[Ruling]:
    """The gate of an amount from which two people must approve, or of a currency without limits."""
    limits = _limits(facts, policy)
    if limits is None:
        reason = f"The policy has no limits for {facts.currency}, so two people must approve."
    elif facts.total_open.amount >= limits.second_approver:
        limit = amount(Money(limits.second_approver, facts.currency))
        owed = amount(facts.total_open)
        reason = (
            f"{customer_name(facts)} has {owed} open in all; from {limit}, two people must approve."
        )
    else:
        return
    yield Ruling(Kind.GATE, "second_approver", reason, about_customer(facts), **TWO_PEOPLE)


def _limits(facts: Facts, policy: Policy) -> Limits | None:
    return policy.limits(facts.currency, facts.company.home_currency)


def customer_name(facts: Facts) -> str:
    """The customer in a reason."""
    return one_line(facts.customer.name)


def _member(facts: Facts, customer: str) -> str:
    named = [one_line(m.name) for m in facts.members if m.id == customer]
    return named[0] if named else customer_name(facts)


def about_customer(facts: Facts) -> tuple[str, ...]:
    """The customer as evidence."""
    return (f"customer:{facts.customer.id}",)


def about_invoices(invoices: Iterable[Invoice]) -> tuple[str, ...]:
    """Invoices as evidence."""
    return tuple(f"invoice:{invoice.id}" for invoice in invoices)
