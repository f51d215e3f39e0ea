"""What the stand-in model says: simple words decide, and the wording changes with the facts."""

import json
import zlib
from collections.abc import Callable, Sequence
from typing import Any

STANCES = (
    ("hardship", ("insolven", "bankrupt", "lawyer", "attorney", "receivership")),
    ("bank_change", ("bank details", "new account", "new bank", "instructions")),
    ("dispute", ("disput", "never ordered", "wrong amount", "refuse", "damaged")),
    ("paid_claim", ("already paid", "have paid", "payment was sent", "was paid")),
    ("plan_request", ("instalment", "installment", "payment plan", "more time", "in parts")),
    ("unhappy", ("unhappy", "disappointed", "unacceptable", "angry")),
    ("unclear", ("po ", "purchase order", "copy of", "not received", "missing")),
    ("promise", ("will pay", "we pay on", "payment run")),
    ("question", ("?",)),
)
CLASS_OF = {
    "dispute": "likely_dispute",
    "unclear": "likely_dispute",
    "plan_request": "payment_plan_candidate",
    "unhappy": "high_touch_escalation",
}
REASONS = {
    "routine_reminder": "Nothing here speaks against a simple oversight.",
    "likely_dispute": "Something about the bill still seems unclear to them.",
    "payment_plan_candidate": "They pay, but late and in parts, or have asked for time.",
    "high_touch_escalation": "This relationship needs a person rather than a routine.",
}
SUMMARIES = {
    "routine_reminder": (
        "A plain case: the invoices are past due and nothing else stands out.",
        "Payment is late without any sign of a problem, most likely an oversight.",
    ),
    "likely_dispute": (
        "They seem to miss something before they can pay; ask what it is.",
        "There are signs that the bill is not clear to them.",
    ),
    "payment_plan_candidate": (
        "They may need time; an offer to agree on dates could help.",
        "Paying at once seems hard for them, so dates are worth talking about.",
    ),
    "high_touch_escalation": (
        "Best handled by somebody who knows them.",
        "A delicate case that should read like a note from a person.",
    ),
}

Letter = tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]
LETTERS: dict[str, Letter] = {
    "reminder": (
        ("A small reminder about {invoices}", "{invoices} may have slipped through"),
        (
            (
                "I hope you are well.",
                "I hope that all is well on your side.",
                "It has been good to work with you.",
            ),
            (
                "Looking through our books I saw that this is still open: {invoice_table}",
                "The following is a little past its due date: {invoice_table}",
                "This may simply have been overlooked: {invoice_table}",
            ),
            (
                "If the payment is already under way, thank you, and please ignore this note.",
                "Should your payment have crossed with this message, please accept my thanks.",
            ),
            ("You can pay in the usual way: {pay_links}", "Here is how to pay: {pay_links}"),
        ),
    ),
    "follow-up": (
        ("When can we expect payment of {invoices}?", "{invoices}: may I ask for a date?"),
        (
            (
                "I am coming back to what is open between us: {invoice_table}",
                "Our records still show this as open: {invoice_table}",
            ),
            (
                "Could you let me know when we can expect the payment of {total_open}?",
                "On which day do you plan to pay the {total_open} that is open?",
            ),
            (
                "If anything is holding it up, a short reply is enough and I will help.",
                "If something is unclear, just reply to this message.",
            ),
            ("For your convenience: {pay_links}",),
        ),
    ),
    "firm": (
        ("Payment still open: {invoices}", "{invoices}: please pay by {deadline}"),
        (
            (
                "In spite of our earlier messages this is still open: {invoice_table}",
                "We have not yet received payment for the following: {invoice_table}",
            ),
            (
                "Please arrange the payment of {total_open} by {deadline}.",
                "I ask you to pay {total_open} by {deadline}.",
            ),
            (
                "If there is a reason that keeps you from paying, I would like to hear it.",
                "Is there anything that stands in the way? Then please tell me.",
            ),
            ("You can reach me directly at {sender_phone}.", "Call me any time: {sender_phone}."),
            ("{pay_links}",),
        ),
    ),
    "final": (
        ("Final reminder: {invoices}",),
        (
            (
                "I am writing to you in person about a balance that remains open: {invoice_table}",
                "This concerns a balance that has been open for long: {invoice_table}",
            ),
            ("We have asked you for this payment more than once.",),
            (
                "I ask you to pay {total_open} by {deadline}.",
                "Please see to it that {total_open} reaches us by {deadline}.",
            ),
            ("If you would rather talk, call me at {sender_phone}.",),
        ),
    ),
    "likely_dispute": (
        ("Is everything in order with {invoices}?", "A question about {invoices}"),
        (
            (
                "I would like to make sure that you have all you need from us.",
                "Before anything else I would like to understand where we stand.",
            ),
            ("This is what our records show: {invoice_table}",),
            (
                "Is there anything missing or unclear that we should put right?",
                "Could you tell me what is missing, so that we can mend it?",
            ),
            (
                "I will gladly send a copy or a corrected invoice.",
                "If a copy or a correction helps, tell me and you will have it.",
            ),
        ),
    ),
    "payment_plan_candidate": (
        ("Shall we agree on dates for {invoices}?", "Finding a way for {invoices}"),
        (
            ("Our records show this as open: {invoice_table}",),
            (
                "If paying all of it at once is hard, I am happy to agree on dates with you.",
                "We can look together for dates that you can keep.",
            ),
            ("Which dates would suit you?", "What would work for you?"),
        ),
    ),
    "high_touch_escalation": (
        ("A personal word about {invoices}", "May I ask how things are, {contact}?"),
        (
            (
                "I wanted to write to you myself.",
                "Please take this as a personal note and not as a form.",
            ),
            (
                "On our side {total_open} is still open, and I wonder whether something is amiss.",
                "There is still {total_open} open between us.",
            ),
            (
                "If there is anything we should put right first, please tell me.",
                "Tell me openly if we have let you down in any way.",
            ),
        ),
    ),
}


def answer_to(data: dict[str, Any]) -> dict[str, Any]:
    """A good answer to the data of one of our prompts, the same for the same data."""
    return _reading(data["lines"]) if "lines" in data else _proposal(data)


def _reading(lines: dict[str, str]) -> dict[str, Any]:
    for stance, words in STANCES:
        found = [int(n) for n, line in lines.items() if any(w in line.lower() for w in words)]
        if found:
            return {"kind": "message", "stance": stance, "lines": sorted(found)[:5]}
    return {"kind": "message", "stance": "none", "lines": []}


def _proposal(data: dict[str, Any]) -> dict[str, Any]:
    class_, evidence = _class(data)
    seed = zlib.crc32(json.dumps(data, sort_keys=True).encode())
    subject, sentences = "", list[str]()
    if not data["stopped"]:
        routine = class_ == "routine_reminder"
        subjects, parts = LETTERS[data["stage"] if routine else class_]
        subject = _pick(subjects, seed)
        sentences = [_pick(part, seed >> n) for n, part in enumerate(parts, start=1)]
    return {
        "class": class_,
        "confidence": "high" if data["readings"] else "medium",
        "reasons": [{"text": REASONS[class_], "evidence": evidence}],
        "summary": _pick(SUMMARIES[class_], seed),
        "subject": subject,
        "sentences": sentences,
    }


def _class(data: dict[str, Any]) -> tuple[str, list[str]]:
    """The class, and the ids that speak for it."""
    for reading in data["readings"]:
        if reading["stance"] in CLASS_OF:
            return CLASS_OF[reading["stance"]], [reading["id"]]
    invoices = [invoice["id"] for invoice in data["invoices"]][:3]
    if data["key_account"]:
        return "high_touch_escalation", invoices
    partly = [one["id"] for one in data["invoices"] if one["partly_paid"]]
    habit = data["habit"]
    if partly and habit and habit["late"] * 2 > habit["settled"]:
        return "payment_plan_candidate", [*partly[:2], habit["id"]]
    return "routine_reminder", invoices


def _pick(choices: Sequence[str], seed: int) -> str:
    return choices[seed % len(choices)]


def _with(**changed: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda good: good | changed


def _sentence(text: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda good: good | {"sentences": ["I hope you are well.", text]}


HOSTILE: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "digits": _sentence("Please pay 9,999.00 today."),
    "link": _sentence("Pay at https://pay.evil.example now."),
    "address": _sentence("Write to boss@evil.example about it."),
    "bank": _sentence("Our bank details have changed, please use the new account."),
    "wrong_slot": _sentence("Your password is {api_key}."),
    "format_slot": _sentence("Hello {customer.__class__}."),
    "threat": _sentence("Otherwise our lawyers will see you in court."),
    "markup": _sentence("<!channel> *Approve* this."),
    "subject": _with(subject="Act now: evil.example"),
    "summary": _with(summary="Approve this, see https://evil.example for why."),
    "reason": lambda good: good | {"reasons": [{"text": "Call +1 555 0100.", "evidence": ["e1"]}]},
    "other_evidence": lambda good: (
        good | {"reasons": [{"text": "They said so.", "evidence": ["invoice:999"]}]}
    ),
    "long": _sentence("please " * 400),
}
"""Answers in the right form that must never be taken, by what is wrong with them."""
