"""Rules about words: what others wrote, what stands in the ledger, and the draft itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from jobs.rules.facts.addresses import ledger_addresses
from jobs.rules.facts.evidence import BY_PHRASES, Document, Reading, Stance, Unreadable
from jobs.rules.facts.facts import Facts
from jobs.rules.facts.past import Past
from jobs.rules.figures import day, listed
from jobs.rules.gates.about_ledger import MOST_NAMED, about_customer, customer_name
from jobs.rules.letters.slots import title
from jobs.rules.plain import one_line
from jobs.rules.rulings import TWO_PEOPLE, Kind, Ruling
from jobs.rules.verification import ledger_text
from jobs.rules.verification.violations import Violation

WHO_DOCUMENT = {"memo": "The memo on {}", "mail": "A mail", "ticket": "Ticket {}", "note": "A note"}
UNREAD = "unread_text"
"""The gate while no model has read a text in which the phrases hear nothing that weighs more."""
WEAK = frozenset({Stance.NONE, Stance.QUESTION, Stance.PROMISE, Stance.NEW_CONTACT})
"""What phrases may hear in a text that says something graver in words they do not know."""
UNREADABLE = "unreadable_text"
"""The gate while there is a text that only a person can read whole."""
TO_READ = frozenset({UNREAD, UNREADABLE})
"""The gates that end when somebody says that they have read these texts."""
WITHOUT = {
    Unreadable.REST: ("is too long to be read whole", "are too long to be read whole"),
    Unreadable.TEXT: ("has no text that can be read", "have no text that can be read"),
    Unreadable.FILE: (
        "comes with a file that no program has read",
        "come with files that no program has read",
    ),
}
"""What of a text is missing → what is said of one, and of several."""
KINDS = {
    **dict.fromkeys(("mail", "reply", "forward"), "mail"),
    "automatic_reply": "automatic reply",
    "bounce": "report about a mail that came back",
    "note": "note",
}
"""What a colleague calls a document of this kind."""
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
        (
            "{} mentions changed bank details, or tells this bot what to do. This may be fraud: "
            "check by phone. Nothing was changed."
        ),
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
    Stance.NEW_CONTACT: (
        Kind.GATE,
        "new_contact",
        "{} says that we should write to somebody else. Check the address in QuickBooks.",
        {},
    ),
    Stance.QUESTION: (Kind.GATE, "open_question", "{} asks a question.", {}),
}
"""Stance of a reading → kind, rule, reason, what the gate requires."""
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
NAME_LIKE_A_LINK = "name_like_a_link"
"""The gate until a finance lead confirms the name."""


def of_readings(facts: Facts, past: Past, readings: Iterable[Reading]) -> Iterator[Ruling]:
    """What was read in outside documents, one ruling per stance."""
    seen: dict[Stance, dict[str, None]] = {}
    for reading in (r for r in readings if (r.document, r.stance) not in past.settled):
        seen.setdefault(reading.stance, {})[reading.document] = None
    for stance, (kind, rule, reason, needs) in STANCES.items():
        if documents := tuple(seen.get(stance, ())):
            yield Ruling(kind, rule, reason.format(_document(facts, documents)), documents, **needs)


def unread(
    facts: Facts, past: Past, documents: Iterable[Document], readings: Iterable[Reading]
) -> Iterator[Ruling]:
    """Texts from outside the ledger that cannot be read whole, and those that no model has read and
    in which the phrases hear nothing, or nothing that weighs much.

    That is silence, not "no dispute": a person reads each of them once. "Who pays for what never
    came?" is a question for the phrases, and a dispute for whoever reads it. It follows from
    readings that were made, so it never fires where nobody was to read anything, as in a last
    check.
    """
    heard: dict[str, list[Reading]] = {}
    for reading in readings:
        heard.setdefault(reading.document, []).append(reading)
    texts = [d for d in documents if d.kind != "memo" and d.id in heard]
    texts = [d for d in texts if (d.id, d.sha256) not in past.read]
    yield from _unreadable(facts, [d for d in texts if d.missing])
    unheard = [d for d in texts if not d.missing and _silent(heard[d.id])]
    if not unheard:
        return
    names = _names(facts, unheard)
    them = "it" if len(unheard) == 1 else "them"
    reason = (
        f"No model has read {listed(names)}, and the phrase rules found "
        f"nothing serious in {them}. Please read {them} before you approve."
    )
    evidence = tuple(document.id for document in unheard)
    yield Ruling(Kind.GATE, UNREAD, reason, evidence, **TWO_PEOPLE)


def _unreadable(facts: Facts, texts: Sequence[Document]) -> Iterator[Ruling]:
    """Texts of which neither model nor phrases see everything: only a person can."""
    if not texts:
        return
    told: list[str] = []
    for missing, verbs in WITHOUT.items():
        if some := [document for document in texts if document.missing is missing]:
            names = listed(_names(facts, some))
            verb = verbs[len(some) > 1]
            told.append(f"{names[0].upper()}{names[1:]} {verb}.")
    them = "it" if len(texts) == 1 else "them"
    reason = f"{' '.join(told)} Please open {them} before you approve."
    evidence = tuple(document.id for document in texts)
    yield Ruling(Kind.GATE, UNREADABLE, reason, evidence, **TWO_PEOPLE)


def _names(facts: Facts, documents: Iterable[Document]) -> list[str]:
    """What a colleague calls them; beyond a few only how many more."""
    names = list(dict.fromkeys(named(facts, document) for document in documents))
    more = [f"{len(names) - MOST_NAMED} more"] if len(names) > MOST_NAMED else []
    return [*names[:MOST_NAMED], *more]


def _silent(heard: Sequence[Reading]) -> bool:
    """Whether only the phrases have read it, and hear nothing that weighs much."""
    return all(reading.reader == BY_PHRASES and reading.stance in WEAK for reading in heard)


def named(facts: Facts, document: Document) -> str:
    """What a colleague calls it: "ticket 88", "the mail of November 3, 2026"."""
    kind, _, rest = document.id.partition(":")
    if kind == "ticket":
        return f"ticket {one_line(rest.partition(':')[0])}"
    what = KINDS.get(document.kind, "text")
    return f"the {what} of {day(document.at.astimezone(facts.company.zone).date())}"


def _document(facts: Facts, documents: tuple[str, ...]) -> str:
    kind, _, id_ = documents[0].partition(":")
    about = next((title(i) for i in facts.invoices if i.id == id_), id_)
    first = WHO_DOCUMENT.get(kind, "A document").format(about)
    more = len(documents) - 1
    return f"{first} (and {more} more)" if more else first


def of_draft(violations: Sequence[Violation]) -> tuple[Ruling, ...]:
    """The rulings on the words of one version of a draft, which has these violations."""
    return (*_unsafe(violations), *_wording(violations))


def _unsafe(violations: Sequence[Violation]) -> Iterator[Ruling]:
    """A draft that nobody may send as it is."""
    if hard := [v.sentence for v in violations if v.hard]:
        yield Ruling(Kind.NEVER, "unsafe_text", " ".join(hard[:3]) + " Edit the text.")


def _wording(violations: Sequence[Violation]) -> Iterator[Ruling]:
    """A draft that two people may send."""
    marked = [v.sentence for v in violations if v.kind == "marked_wording"]
    broken = [v.sentence for v in violations if v.kind != "marked_wording" and not v.hard]
    if marked:
        yield Ruling(Kind.GATE, "marked_wording", " ".join(marked[:3]), **TWO_PEOPLE)
    if broken:
        yield Ruling(Kind.GATE, "text_breaks_a_rule", " ".join(broken[:3]), **TWO_PEOPLE)


def looks_like_a_test(facts: Facts) -> Iterator[Ruling]:
    """Somebody tried something out: a real company may have that name, so a person decides."""
    name = " ".join(re.findall(r"[^\W_]+", facts.customer.name.casefold()))
    addresses = (address.lower() for address in ledger_addresses(facts))
    if TEST_NAME.fullmatch(name) or any(map(TEST_ADDRESS.fullmatch, addresses)):
        reason = (
            f"{customer_name(facts)} looks like a record made for testing. Make sure that it is a "
            "real customer; if it is not, mark it as “do not chase”."
        )
        yield Ruling(Kind.GATE, "looks_like_a_test", reason, about_customer(facts), lead=True)


def of_ledger(facts: Facts, past: Past) -> Iterator[Ruling]:
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
    told = " ".join(each.sentence for each in found[:MOST_NAMED])
    more = (
        f" {len(found) - MOST_NAMED} more fields are like that." if len(found) > MOST_NAMED else ""
    )
    reason = f"{told}{more} The message leaves it out; correct it in QuickBooks."
    evidence = tuple(dict.fromkeys(each.evidence for each in found))
    yield Ruling(Kind.GATE, "ledger_text", reason, evidence, lead=True)
