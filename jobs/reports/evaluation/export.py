"""People's decisions → labelled cases for `make eval`, without personal data.

A message that went as drafted says that its class was right, a rewritten one too. A rejection says
what was wrong, where its reason names something that a reader of the texts could have seen. What
came to light within 30 days of a routine reminder says that it was none. Each case is whole: the
books as they were, the texts, and our own history.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from random import Random
from typing import Any, NamedTuple

from sqlalchemy import Connection

from jobs.reports.evaluation.disguise import Disguise, Unequal, moved
from jobs.reports.evaluation.texts import Cleaner, Unclean
from jobs.reports.review import counting
from jobs.rules.facts.evidence import STANCES, Document, Stance
from jobs.rules.facts.past import Past
from jobs.rules.gates import about_texts
from jobs.rules.letters.rewriting import rewriting
from jobs.rules.policy import policy as policies
from jobs.rules.policy.policy import Policy
from jobs.rules.policy.sections import MARKS
from jobs.rules.states import CaseClass, RejectReason
from jobs.store.companies import ConnectedCompany
from jobs.store.reports import decided_cases, reviewing
from jobs.store.reports.decided_cases import DecidedCase

PRUNED = "its texts have been deleted"
ABOUT = {
    RejectReason.DISPUTED: (CaseClass.LIKELY_DISPUTE, "dispute"),
    RejectReason.ALREADY_PAID: (None, "paid_claim"),
    RejectReason.WRONG_CONTACT: (None, "new_contact"),
}
"""Why a case was rejected → the class and the rule that would have been right."""
CAME = {
    "dispute": CaseClass.LIKELY_DISPUTE,
    "credit_memo": CaseClass.LIKELY_DISPUTE,
    "ticket": CaseClass.LIKELY_DISPUTE,
    "reply": CaseClass.LIKELY_DISPUTE,
    "takeover": CaseClass.HIGH_TOUCH_ESCALATION,
}
"""What came to light after a routine reminder → the class that would have been right."""
RULE_OF = {stance: rule for stance, (_, rule, _, _) in about_texts.STANCES.items()}
SHORTEST_LINE = 12
"""Characters of a quoted line that is worth looking for."""


class EvaluationCase(NamedTuple):
    """A case for a file of this name."""

    name: str
    content: dict[str, Any]


@dataclass
class Exported:
    """What came of an export: how many cases of each kind, and why others were left out."""

    cases: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)


def export(
    conn: Connection,
    company: ConnectedCompany,
    since: datetime,
    now: datetime,
    random: Random,
    done: Exported,
) -> Iterator[EvaluationCase]:
    """Every decision of this company since then as a case; `done` is counted along the way.

    `random` makes up names and numbers: one that nobody can repeat makes them irreversible.
    """
    period = (conn, company.realm, since, now)
    changed = {
        one.id: rewriting(one.before, one.after).share
        for one in _every(reviewing.rewritten, *period)
    }
    late = counting.missed_since(*period, now)
    for read in (decided_cases.sent, decided_cases.rejected):
        for one in _every(read, *period):
            label = _label(one, late.get(one.case, ""), changed.get(one.case))
            try:
                content = _content(conn, company, one, label, random)
            except (Unclean, Unequal) as error:
                done.left_out[str(error)] += 1
                continue
            done.cases[label.decision] += 1
            name = f"{label.decision.replace(' ', '-')}-{random.getrandbits(32):08x}"
            yield EvaluationCase(name, {"name": name, **content})


def _every(read: Callable[..., list[Any]], *on: Any) -> Iterator[Any]:
    after = counting.FIRST
    while some := read(*on, after):
        yield from some
        after = some[-1].id


@dataclass(frozen=True)
class Label:
    """What people's decision says about a case; None and empty are not scored."""

    decision: str
    class_: CaseClass | None = None
    rules: tuple[str, ...] | None = None
    """The rules about texts that must fire; an empty tuple says that none may."""
    draft: bool | None = None
    changed: float | None = None
    """The part of the words that a person changed."""

    def expected(self, evidence: Sequence[str]) -> dict[str, Any]:
        """As `expect` of the file."""
        found: dict[str, Any] = {"class": self.class_ or "", "decision": self.decision}
        if self.rules is not None:
            found |= {"rules": list(self.rules), "evidence": list(evidence)}
        if self.draft is not None:
            found["draft"] = self.draft
        return found if self.changed is None else {**found, "changed": round(self.changed, 2)}


def _label(one: DecidedCase, came: str, changed: float | None) -> Label:
    """`came` is what came to light after a routine reminder, or empty."""
    if one.reason:
        decision = f"rejected as {one.reason.replace('_', ' ')}"
        class_, rule = ABOUT.get(RejectReason(one.reason), (None, ""))
        # with no text, nobody could have known
        return Label(decision, class_, (rule,)) if rule and one.hashes else Label(decision)
    if came:
        return Label(f"later {came.replace('_', ' ')}", CAME.get(came))
    heard = tuple(sorted(_text_rules(one)))
    if one.edited:
        return Label("sent edited", one.class_, heard, draft=True, changed=changed)
    return Label("sent unchanged", one.class_, heard, draft=True)


def _text_rules(one: DecidedCase) -> set[str]:
    """The rules about texts that fired, for texts that were there."""
    ours = set(RULE_OF.values())
    return {
        r.rule
        for r in one.rulings
        if r.rule in ours and not one.hashes.keys().isdisjoint(r.evidence)
    }


def _content(
    conn: Connection, company: ConnectedCompany, one: DecidedCase, label: Label, random: Random
) -> dict[str, Any]:
    """The file without its name. Raises Unclean and Unequal."""
    found = decided_cases.texts(conn, one)
    if found is None:
        raise Unclean(PRUNED)
    policy = _policy(one.policy).for_company(company.realm)
    disguise = Disguise(one.facts, random)
    cleaner = Cleaner(
        names=frozenset(_names(one, policy, company.name)),
        numbers=disguise.numbers,
        amounts=disguise.amounts(),
        later=disguise.later,
        country=one.facts.company.country,
    )
    cleaned = {d: cleaner.clean(d) for d in found if not _was_settled(one, d)}
    marks = [r.rule for r in one.rulings if r.rule in MARKS]
    return {
        "today": str(disguise.today),
        "company": disguise.company_file(_memos(cleaned))
        | _sources(one, cleaned, cleaner, disguise.later),
        "customer": disguise.customer,
        "stage": int(one.stage),
        "past": _past(one.past, disguise),
        "policy": disguise.policy(policy, marks),
        "expect": label.expected(_evidence(one, cleaned)),
    }


@lru_cache(8)
def _policy(text: str) -> Policy:
    return policies.load(text)


def _names(one: DecidedCase, policy: Policy, company: str) -> Iterator[str]:
    """Every person and firm that the record knows of."""
    facts = one.facts
    for each in (facts.customer, *facts.members, *facts.relatives):
        yield from (each.name, each.contact)
        yield from (part.partition("@")[0] for part in each.email.split(","))
    yield from (company, facts.company.name, policy.sender_name)
    yield from (manager.name for manager in policy.managers)


def _was_settled(one: DecidedCase, document: Document) -> bool:
    """Whether a person had dealt with all that it says."""
    said = {r.stance for r in one.readings if r.document == document.id} - {Stance.NONE}
    return bool(said) and all((document.id, stance) in one.past.settled for stance in said)


THEM, US = "billing@firm.example", "accounts@ours.example"


def _sources(
    one: DecidedCase, cleaned: Mapping[Document, str], cleaner: Cleaner, later: timedelta
) -> dict[str, list[dict[str, Any]]]:
    """Mails, tickets and CRM notes as the file has them."""
    found: dict[str, list[dict[str, Any]]] = {"mails": [], "tickets": [], "crm": []}
    subjects = {t.id: (cleaner.line(t.subject, t.updated_at.date()), t.open) for t in one.tickets}
    for number, (document, text) in enumerate(cleaned.items(), 1):
        at = moved(document.at, later)
        if document.kind == "ticket":
            subject, is_open = subjects.get(document.id, ("", False))
            said = {"at": at, "author": THEM, "public": True, "text": text}
            whole = {"id": number, "requester": THEM, "subject": subject, "created": at}
            status = "open" if is_open else "solved"
            found["tickets"].append({**whole, "status": status, "comments": [said]})
        elif document.kind == "note":
            found["crm"].append({"email": THEM, "notes": [{"at": at, "text": text}]})
        elif document.kind != "memo":
            found["mails"].append({"from": THEM, "to": US, "subject": "", "at": at, "text": text})
    return found


def _memos(cleaned: Mapping[Document, str]) -> dict[str, str]:
    """Id of an invoice in the ledger → the text on it."""
    return {d.id.removeprefix("memo:"): text for d, text in cleaned.items() if d.kind == "memo"}


def _past(past: Past, disguise: Disguise) -> dict[str, Any]:
    contacts = [
        {
            "at": moved(contact.at, disguise.later),
            "stage": int(contact.stage),
            "invoices": [disguise.id("invoice", id) for id in contact.invoices],
        }
        for contact in past.contacts
    ]
    held = [
        {
            "kind": hold.kind.value,
            "invoice": disguise.id("invoice", hold.invoice) if hold.invoice else "",
            "until": str(hold.until + disguise.later),
        }
        for hold in past.holds
    ]
    return {"contacts": contacts, "holds": held}


def _evidence(one: DecidedCase, cleaned: Mapping[Document, str]) -> list[str]:
    """The line that the most careful reading named."""
    text = {document.id: said.split("\n") for document, said in cleaned.items()}
    heard = [r for r in one.readings if r.document in text and r.lines and r.stance != Stance.NONE]
    careful = max(heard, key=lambda reading: STANCES.index(reading.stance), default=None)
    if careful is None or careful.lines[0] > len(text[careful.document]):
        return []
    line = text[careful.document][careful.lines[0] - 1]
    return [line] if len(line) >= SHORTEST_LINE else []
