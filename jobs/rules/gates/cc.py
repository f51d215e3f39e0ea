"""Who gets a copy of a message: addresses that a person chose once, as long as they may be used.

A copy goes to people of the customer or to colleagues of ours, and to nobody else, whatever a mail
or a note says. What is no longer right is left out and said; it never keeps a message from going.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import parseaddr

from jobs.rules.facts.addresses import LONGEST, entries_in, is_address, own_domain
from jobs.rules.facts.facts import Facts
from jobs.rules.facts.findings import Findings
from jobs.rules.facts.past import Past
from jobs.rules.letters.letter import Letter
from jobs.rules.plain import one_line

MOST_CC = 3


@dataclass(frozen=True)
class CarbonCopies:
    """The addresses of the copies, and a sentence for each that was chosen and is left out."""

    to: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def carbon_copies(facts: Facts, past: Past, to: str, sender: str) -> CarbonCopies:
    """Those of the chosen addresses that may be used now, for a message to `to` from `sender`.

    `past` is complete: it has what the sources say of mail that came back.
    """
    chosen = [one for one in past.cc if one != to.lower()]
    wrong = {one: why for one in chosen if (why := _objection(one, facts, past, sender))}
    said = (f"{one_line(one, LONGEST)} gets no copy: {why}" for one, why in wrong.items())
    return CarbonCopies(tuple(one for one in chosen if one not in wrong), tuple(said))


def known_people(facts: Facts, findings: Mapping[str, Findings], to: str) -> tuple[str, ...]:
    """The addresses of the customer that somebody may choose from, in lower case and in order.

    They are those of the ledger, and those at the customer's own domains that a source knows.
    """
    domains = _domains(facts)
    seen = frozenset().union(*(found.people for found in findings.values()))
    theirs = {one for one in seen if own_domain(one) in domains} | _of_ledger(facts)
    return tuple(sorted(filter(is_address, theirs - {to.lower()})))


def of_customer(to: str, cc: Iterable[str], sender: str) -> tuple[str, ...]:
    """The addresses of the customer that a message from `sender` goes to, in lower case: each is
    not to be written to again too soon. Colleagues may get as many copies as there are."""
    others = (one for one in cc if not is_colleague(one, sender))
    return tuple(one.lower() for one in (to, *others) if one)


def addressees(letter: Letter) -> tuple[str, ...]:
    """The same of a letter."""
    return of_customer(letter.to, letter.cc, parseaddr(letter.sender)[1])


def is_colleague(address: str, sender: str) -> bool:
    """Whether an address is at our own domain, which is that of the finance mailbox."""
    domain = own_domain(address)
    return is_address(address) and bool(domain) and domain == own_domain(sender)


def _objection(address: str, facts: Facts, past: Past, sender: str) -> str:
    """Why a chosen address is not used, or empty."""
    if address in past.wrong:
        return "it was marked as the wrong contact."
    if address in past.bounced:
        return "mail to it came back."
    if address in past.left:
        return "an automatic reply says that nobody reads it any more."
    theirs = address in _of_ledger(facts) or own_domain(address) in _domains(facts)
    if not theirs and not is_colleague(address, sender):
        return "it is no longer an address of this customer."
    return ""


def _of_ledger(facts: Facts) -> frozenset[str]:
    fields = [one.email for one in (facts.customer, *facts.members)]
    fields += [one.email for one in (*facts.invoices, *facts.other_open)]
    return frozenset(entry.lower() for field in fields for entry in entries_in(field))


def _domains(facts: Facts) -> frozenset[str]:
    return frozenset(filter(None, map(own_domain, _of_ledger(facts))))
