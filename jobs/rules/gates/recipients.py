"""Who a message goes to: one address in the ledger, or the reason why there is none."""

from __future__ import annotations

from jobs.rules.facts.addresses import LONGEST, is_address, ledger_addresses
from jobs.rules.facts.facts import Facts
from jobs.rules.facts.past import Past
from jobs.rules.figures import day
from jobs.rules.plain import one_line
from jobs.rules.rulings import Kind, Ruling


def recipient(facts: Facts, past: Past) -> str | Ruling:
    """The one address a message goes to, or the rule that forbids it.

    An address that a person confirmed wins, as long as it is in the ledger. Otherwise the ledger
    must have exactly one.
    """
    chosen = past.confirmed_address or _only(facts)
    if isinstance(chosen, Ruling):
        return chosen
    return _objection(chosen, facts, past) or chosen


def _only(facts: Facts) -> str | Ruling:
    addresses = ledger_addresses(facts)
    name = one_line(facts.customer.name)
    if not addresses:
        reason = f"QuickBooks has no e-mail address for {name}. Add one there."
        return _never("no_recipient", reason, facts)
    if len(addresses) > 1:
        reason = f"QuickBooks has several addresses for {name}: {_list(addresses)}. Pick one."
        return _never("several_recipients", reason, facts)
    return addresses[0]


def _objection(chosen: str, facts: Facts, past: Past) -> Ruling | None:
    key = chosen.lower()
    shown = one_line(chosen, LONGEST)
    if not is_address(chosen):
        reason = f"“{shown}” is not an e-mail address. Correct it in QuickBooks."
        return _never("no_recipient", reason, facts)
    if key in past.bounced | past.left:
        return _unread(key, shown, facts, past)
    if key not in {a.lower() for a in ledger_addresses(facts)}:
        reason = f"{shown} was confirmed, but QuickBooks no longer has it. Confirm another address."
        return _never("address_not_in_ledger", reason, facts)
    before = _before(key, past)
    if before and not past.confirmed_address:
        reason = f"QuickBooks now has {shown}, but {before}. Check the change by phone."
        return _never("address_changed", reason, facts)
    return None


def _unread(key: str, shown: str, facts: Facts, past: Past) -> Ruling:
    """Why nobody would read a message to this address."""
    if key in past.wrong:
        reason = (
            f"{shown} was marked as the wrong contact. Confirm another address, or ask the "
            "customer for one."
        )
        return _never("wrong_contact", reason, facts)
    if key in past.bounced:
        reason = f"Mail to {shown} came back. Ask the customer for another address."
        return _never("address_bounced", reason, facts)
    reason = (
        f"An automatic reply says that nobody reads {shown} any more. Ask the customer whom to "
        "write to, or confirm the address if somebody else reads it now."
    )
    return _never("address_left", reason, facts)


def _before(key: str, past: Past) -> str:
    """The known addresses in place of this one, or empty if nothing is wrong with it."""
    if key in past.known_addresses:
        return ""
    last = past.last_contact
    if last and last.to.lower() != key:
        return f"our message of {day(last.at.date())} went to {one_line(last.to, LONGEST)}"
    if past.known_addresses and not last:
        return f"{_list(sorted(past.known_addresses))} was known before"
    return ""


def _list(addresses: tuple[str, ...] | list[str]) -> str:
    return ", ".join(one_line(a, LONGEST) for a in addresses)


def _never(rule: str, reason: str, facts: Facts) -> Ruling:
    about = [i.id for i in facts.invoices if i.email.strip()]
    evidence = (f"customer:{facts.customer.id}", *(f"invoice:{id}" for id in about))
    return Ruling(Kind.NEVER, rule, reason, evidence)
