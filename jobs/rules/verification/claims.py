"""Words that claim earlier messages: each needs as many of them on record as it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

MESSAGE = r"(?:messages?|e-?mails?|mails?|letters?|reminders?|notes?|notices?|requests?|calls?)"
WROTE = (
    r"(?:wrote|written|e-?mailed|mailed|reminded|contacted|asked|called|phoned|reached out"
    r"|followed up|notified|informed)"
)


@dataclass(frozen=True)
class ContactClaim:
    """An example sentence, the words that match it, and how many contacts it `needs`."""

    example: str
    words: str
    needs: int = 1

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(self.words.replace(" ", r"\s+"), re.IGNORECASE)


CLAIMS = (
    ContactClaim(
        "I am writing to you again.", r"(?<!happen\s)(?<!thanks\s)(?<!thank\syou\s)\bagain\b"
    ),
    ContactClaim(
        "I ask you once more.", r"\bonce more\b|\banother (?:friendly |short )?" + MESSAGE
    ),
    ContactClaim(
        "I am coming back to what is open.",
        r"\b(?:am|are|is|was|were|['’]m|['’]re|have|['’]ve) (?:now )?(?:coming|come|getting|got"
        r"|gotten|going) back (?:to|on)\b",
    ),
    ContactClaim(
        "As I wrote, this is open.",
        rf"\bas (?:(?:I|we|my colleagues?|already|previously|just|have|had) )+{WROTE}\b"
        r"|\bas (?:(?:I|we|already|previously|have|had) )*(?:said|mentioned|discussed|noted"
        r"|stated|explained|announced)\b",
    ),
    ContactClaim(
        "We have already reminded you.",
        rf"\b(?:I|we|my colleagues?)(?:['’]ve|['’]d)? "
        rf"(?:(?:have|had|already|previously|recently|just|last|also) )*{WROTE}\b"
        rf"|\byou (?:have been|were) (?:already )?{WROTE}\b",
    ),
    ContactClaim(
        "I refer to my earlier message.",
        r"\b(?:(?:my|our) (?:last )?|the )"
        r"(?:(?:earlier|previous|prior|preceding|recent|former|first"
        rf"|many|several|unanswered|friendly) )+{MESSAGE}\b|\b(?:my|our) last {MESSAGE}\b",
    ),
    ContactClaim(
        "In spite of our reminders it is open.",
        rf"\b(?:in spite of|despite|after|since|following) (?:(?:all|my|our|the) )+{MESSAGE}\b",
    ),
    ContactClaim(
        "You have not replied yet.",
        r"\b(?:have|has|had|did)(?: not|n['’]t) (?:yet )?(?:replied|answered|responded|reply|answer"
        r"|respond|heard back)\b|\b(?:no|without an?|without any) (?:reply|answer|response)\b",
    ),
    ContactClaim(
        "When we spoke, you were sure.",
        r"\b(?:when|since) we (?:last )?(?:spoke|talked|met)\b"
        r"|\b(?:my|our) (?:\w+ )?(?:conversation|phone call|telephone call)\b",
    ),
    ContactClaim("A second reminder.", rf"\b(?:second|2nd) (?:\w+ )?{MESSAGE}\b"),
    ContactClaim("This is the third reminder.", rf"\b(?:third|3rd) (?:\w+ )?{MESSAGE}\b", needs=2),
    ContactClaim("My fourth message.", rf"\b(?:fourth|4th) (?:\w+ )?{MESSAGE}\b", needs=3),
    ContactClaim("The fifth request.", rf"\b(?:fifth|sixth|5th|6th) (?:\w+ )?{MESSAGE}\b", needs=4),
    ContactClaim(
        "We asked you more than once.",
        r"\bmore than once\b|\brepeated(?:ly)?\b|\b(?:several|many|multiple|numerous) times\b"
        r"|\btime and time\b",
        needs=2,
    ),
)


def unfounded(text: str, contacts: int) -> Iterator[str]:
    """The words in `text` that claim more contacts than the `contacts` on record."""
    for claim in CLAIMS:
        if contacts < claim.needs:
            yield from (found[0] for found in claim.pattern.finditer(text))
