"""Rules about our own history with a customer: holds, the last contact, invoices never e-mailed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from jobs.rules.facts.facts import Facts
from jobs.rules.facts.past import AddressContact, Contact, Hold, HoldKind, Past
from jobs.rules.figures import amount, day, listed
from jobs.rules.gates.about_ledger import (
    MOST_NAMED,
    about_customer,
    about_invoices,
    customer_name,
)
from jobs.rules.letters.slots import title
from jobs.rules.plain import capital, one_line
from jobs.rules.policy.business_days import start_of
from jobs.rules.policy.policy import Policy
from jobs.rules.rulings import HOLD, Kind, Ruling

NEVER_EMAILED = "never_emailed"
"""The gate until QuickBooks or we have e-mailed the invoice; the approver confirms it."""


def rulings(facts: Facts, past: Past, policy: Policy, now: datetime) -> Iterator[Ruling]:
    """Every rule that fires because of a hold or a recent message."""
    yield from _holds(facts, past, now)
    yield from _broken_promise(facts, past)
    yield from _dispute_elsewhere(facts, past)
    yield from _gap(facts, past, policy, now)


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


def _held_what(facts: Facts, hold: Hold) -> str:
    named = [title(i) for i in facts.invoices if i.id == hold.invoice]
    return capital(named[0]) if named else customer_name(facts)


def _broken_promise(facts: Facts, past: Past) -> Iterator[Ruling]:
    """Until the customer has been written to about it."""
    spoken = {invoice.id for invoice in facts.invoices}
    last = past.last_contact
    for one in past.broken:
        if spoken.isdisjoint(one.invoices) or (last and last.at > one.broken_at):
            continue
        reason = (
            f"{customer_name(facts)} was to pay {amount(one.amount)} by {day(one.due)}, which "
            "somebody here had confirmed, and it has not arrived."
        )
        about = (one.document,) if one.document else ()
        evidence = (*about, *(f"invoice:{id}" for id in sorted(one.invoices & spoken)))
        yield Ruling(Kind.GATE, "broken_promise", reason, evidence)


def _dispute_elsewhere(facts: Facts, past: Past) -> Iterator[Ruling]:
    """A customer who disputes one invoice is asked for others only with the account manager."""
    spoken = {invoice.id for invoice in facts.invoices}
    for hold in past.holds:
        if hold.kind is not HoldKind.DISPUTE or not hold.invoice or hold.invoice in spoken:
            continue
        named = [title(i) for i in facts.other_open if i.id == hold.invoice]
        what = capital(named[0]) if named else "Another invoice of this customer"
        reason = (
            f"{what} is disputed{_because(hold)} and left out: "
            "the account manager sees this message first."
        )
        evidence = (f"invoice:{hold.invoice}", f"{HOLD}{hold.id}")
        yield Ruling(Kind.GATE, "dispute_elsewhere", reason, evidence, manager_first=True)


def _because(hold: Hold) -> str:
    return f" ({one_line(hold.reason)})" if hold.reason else ""


def _hold_evidence(facts: Facts, hold: Hold) -> tuple[str, ...]:
    about = (f"invoice:{hold.invoice}",) if hold.invoice else about_customer(facts)
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
    yield Ruling(Kind.WAIT, "too_soon", reason, about_customer(facts), until)


def _written(facts: Facts, last: Contact | AddressContact) -> str:
    """We wrote to the customer itself, or only to an address that it shares with others."""
    if isinstance(last, Contact):
        return f"{customer_name(facts)} was last contacted"
    about = one_line(last.customer) or "another customer"
    return f"{one_line(last.to)} was contacted about {about}"


def never_emailed(facts: Facts, past: Past) -> Iterator[Ruling]:
    """Customers are not reminded of invoices they may never have got, unless a person confirms it.

    Many companies send invoices in other ways, so this requires no additional approver.
    """
    named = {id for contact in past.contacts for id in contact.invoices}
    found = [i for i in facts.invoices if i.emailed is False and i.id not in named]
    if not found:
        return
    names = [title(i) for i in found[:MOST_NAMED]]
    names += [f"{len(found) - MOST_NAMED} more"] if len(found) > MOST_NAMED else []
    has, it = ("has", "it") if len(found) == 1 else ("have", "them")
    reason = (
        f"{capital(listed(names))} {has} never been e-mailed from QuickBooks, and no message of "
        f"ours has named {it} yet. Make sure the customer has received {it}."
    )
    yield Ruling(Kind.GATE, NEVER_EMAILED, reason, about_invoices(found))
