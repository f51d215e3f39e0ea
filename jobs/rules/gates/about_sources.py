"""Rules about the sources besides the ledger: what they say, and that they say nothing.

Whatever is doubtful only makes a message more careful.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from jobs.rules.facts.evidence import Document
from jobs.rules.facts.facts import Facts
from jobs.rules.facts.findings import Down, Findings, Ticket, called
from jobs.rules.figures import day
from jobs.rules.plain import capital, one_line
from jobs.rules.policy.policy import Policy
from jobs.rules.rulings import Kind, Ruling

SHORT_OUTAGE = timedelta(hours=4)
"""How long a case waits for a source before a person is asked."""
RETRY = timedelta(minutes=15)
"""How soon a source that was down is read again."""
AWAY, DOWN = "source_away", "source_down"
LONGEST_REASON = 200
LONGEST_SUBJECT = 80
SHORTEST_NUMBER = 3
"""Shorter invoice numbers stand in texts that have nothing to do with them."""
ABOUT_A_BILL = re.compile(
    r"\b(invoic\w*|bill(s|ed|ing)?|charge[ds]?|overdue|payments?|refunds?|credit (note|memo)s?"
    r"|rechnung\w*|mahnung\w*|zahlung\w*|gutschrift\w*)\b",
    re.IGNORECASE,
)


def rulings(
    facts: Facts, findings: Mapping[str, Findings], policy: Policy, now: datetime
) -> Iterator[Ruling]:
    """Every rule that fires because of these findings, by the name of their source."""
    for name, found in findings.items():
        if isinstance(found.freshness, Down):
            yield _unread(facts, name, found.freshness, now)
        if found.doubtful:
            yield _doubtful(facts, name, found.doubtful)
        yield from _open_tickets(facts, found)
        yield from _just_written(facts, name, found.we_wrote_at, policy, now)


def _unread(facts: Facts, name: str, down: Down, now: datetime) -> Ruling:
    """No answer is not "nothing there": wait for a while, then ask a person.

    The words stay the same as long as the outage lasts, or it could not be set aside.
    """
    why = one_line(down.reason, LONGEST_REASON)
    if now - down.since < SHORT_OUTAGE:
        reason = f"{capital(called(name))} cannot be read right now: {why}"
        until = min(down.since + SHORT_OUTAGE, now + RETRY)
        return Ruling(Kind.WAIT, AWAY, reason, until=until)
    since = day(down.since.astimezone(facts.company.zone).date())
    reason = f"{capital(called(name))} has not been readable since {since}: {why}"
    return Ruling(Kind.STOP, DOWN, reason)


def _doubtful(facts: Facts, name: str, doubt: str) -> Ruling:
    customer = one_line(facts.customer.name)
    reason = (
        f"It is not certain that what {called(name)} has is about {customer}: "
        f"{one_line(doubt, LONGEST_REASON)} A finance lead can say who it is, under “About this "
        "customer”."
    )
    return Ruling(Kind.GATE, "doubtful_match", reason)


def _open_tickets(facts: Facts, found: Findings) -> Iterator[Ruling]:
    """An open ticket about the bill is answered first."""
    for ticket in found.tickets:
        texts = [d for d in found.documents if _belongs(d, ticket)]
        said = [ticket.subject, *(document.text for document in texts)]
        if ticket.open and any(_about_the_bill(text, facts) for text in said):
            number, subject = ticket.id.partition(":")[2], one_line(ticket.subject, LONGEST_SUBJECT)
            reason = f"Ticket {number} (“{subject}”) is open and is about the bill."
            yield Ruling(Kind.STOP, "open_ticket", reason, tuple(d.id for d in texts))


def _belongs(document: Document, ticket: Ticket) -> bool:
    """Its own text ("ticket:88") or one of its comments ("ticket:88:2")."""
    rest = document.id.removeprefix(ticket.id)
    return rest != document.id and not rest[:1].isalnum()


def _about_the_bill(text: str, facts: Facts) -> bool:
    numbers = {i.number for i in (*facts.invoices, *facts.other_open)}
    named = (n for n in numbers if len(n) >= SHORTEST_NUMBER)
    return ABOUT_A_BILL.search(text) is not None or any(
        re.search(rf"(?<!\w){re.escape(number)}(?!\w)", text, re.IGNORECASE) for number in named
    )


def _just_written(
    facts: Facts, name: str, at: datetime | None, policy: Policy, now: datetime
) -> Iterator[Ruling]:
    """One of us has written by hand: the minimum gap counts from then."""
    until = at + timedelta(days=policy.gap_days) if at else now
    if at and until > now:
        on, then = (day(when.astimezone(facts.company.zone).date()) for when in (at, until))
        reason = (
            f"According to {called(name)}, one of us wrote to {one_line(facts.customer.name)} on "
            f"{on}. The next message can go on {then}."
        )
        yield Ruling(Kind.WAIT, "too_soon", reason, (f"customer:{facts.customer.id}",), until)
