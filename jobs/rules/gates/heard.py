"""What a text said counts until a person has settled it, also when the text is no longer there.

Mail is filed away, tickets are merged, a source is taken out of the settings, and texts grow older
than what the sources return. None of that settles a dispute or an insolvency.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace

from jobs.rules.facts.evidence import (
    ABOUT_BILLS,
    GRAVE,
    Evidence,
    HeardText,
    Reading,
    TextToRead,
)
from jobs.rules.facts.facts import Facts
from jobs.rules.gates.about_texts import STANCES, TO_READ
from jobs.rules.rulings import Ruling

MOST_TO_READ = 10
GONE = "the text is no longer there"


def still_counts(
    facts: Facts, heard: Iterable[HeardText], readings: Iterable[Reading]
) -> tuple[HeardText, ...]:
    """What earlier texts said, and the present readings do not say again.

    What was said of bills counts as long as one of them is open that the writer could mean.
    """
    said = {(reading.document, reading.stance) for reading in readings}
    oldest = min((i.txn_date for i in (*facts.invoices, *facts.other_open)), default=None)
    found = []
    for text in heard:
        on = text.document.at.astimezone(facts.company.zone).date()
        about_open = oldest is not None and oldest <= on
        kept = tuple(
            r
            for r in text.readings
            if (r.document, r.stance) not in said and (about_open or r.stance not in ABOUT_BILLS)
        )
        if kept:
            found.append(replace(text, readings=kept))
    return tuple(found)


def to_settle(rulings: Iterable[Ruling], evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """The grave findings behind these rulings that a finance lead can settle.

    A memo is not among them: whoever wrote it can change it in QuickBooks.
    """
    ruled = {(ruling.rule, id) for ruling in rulings for id in ruling.evidence}
    grave = (e for e in evidence if e.stance in GRAVE and not e.id.startswith("memo:"))
    return tuple(e for e in grave if (STANCES[e.stance][1], e.id) in ruled)


def settling(found: Iterable[Evidence]) -> str:
    """A hash (64 hex digits) of exactly what a person reads before settling it."""
    return _hash(sorted([e.id, str(e.stance), e.quote] for e in found))


def to_read(rulings: Iterable[Ruling]) -> tuple[str, ...]:
    """The ids of the texts that these rulings ask a person to read, as many as a form can show.

    The others are asked for once these are read.
    """
    asked = (ruling.evidence for ruling in rulings if ruling.rule in TO_READ)
    return tuple(dict.fromkeys(id for evidence in asked for id in evidence))[:MOST_TO_READ]


def having_read(found: Iterable[TextToRead]) -> str:
    """A hash (64 hex digits) of exactly the texts that a person says they have read."""
    return _hash(sorted([one.document.id, one.sha256] for one in found))


def _hash(told: list[list[str]]) -> str:
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
