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
    ("new_contact", ("no longer works", "left the company", "new contact")),
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
    "likely_dispute": "Something about the bill seems unclear to them.",
    "payment_plan_candidate": "They pay, but late and in parts, or have asked for time.",
    "high_touch_escalation": "This customer needs a personal message, not a routine reminder.",
}
SUMMARIES = {
    "routine_reminder": (
        "The invoices are past due and nothing else stands out.",
        "Payment is late, with no sign of a problem.",
    ),
    "likely_dispute": (
        "They seem to need something before they can pay; ask what it is.",
        "Something about the bill seems unclear to them.",
    ),
    "payment_plan_candidate": (
        "They may need time; offer to agree on dates.",
        "They may not be able to pay everything at once; offer to agree on dates.",
    ),
    "high_touch_escalation": (
        "Best handled by somebody who knows them.",
        "A personal message is best here.",
    ),
    "stopped": (
        "Their message speaks against a reminder: somebody should look at it first.",
        "They have said something that needs a person first.",
    ),
}
GRAVE = ("hardship", "bank_change", "dispute", "paid_claim")

Letter = tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]
LETTERS: dict[str, Letter] = {
    "reminder": (
        ("A quick note about {invoices}", "{invoices}: a friendly reminder"),
        (
            (
                ("The following is past its due date and still open on our side: {invoice_table}"),
                "Our records show the following as still open: {invoice_table}",
                "I noticed that the following has not been paid yet: {invoice_table}",
            ),
            (
                "If the payment is already on its way, thank you, and please ignore this message.",
                "If you have paid in the meantime, thank you, and please ignore this message.",
            ),
            (
                "If anything is unclear, just reply and I will be glad to help.",
                "If you need anything from me to get it paid, a short reply is enough.",
            ),
        ),
    ),
    "follow-up": (
        ("When can we expect payment for {invoices}?", "{invoices}: when will this be paid?"),
        (
            (
                "The following is open and past due: {invoice_table}",
                "Our records show the following as past due: {invoice_table}",
            ),
            (
                "When can we expect the {total_open}?",
                "Could you tell me when we can expect the {total_open}?",
            ),
            (
                "If something is holding it up, just reply and I will sort it out.",
                (
                    "If there is a problem with the order or our paperwork, just reply and I will "
                    "look into it."
                ),
            ),
        ),
    ),
    "firm": (
        ("Payment still open: {invoices}", "{invoices}: please pay by {deadline}"),
        (
            (
                (
                    "The following is still open, although it has been due since "
                    "{oldest_due_date}: {invoice_table}"
                ),
                "The following is well past its due date and still open: {invoice_table}",
            ),
            (
                "Please arrange payment of {total_open} by {deadline}.",
                "Please make sure that {total_open} reaches us by {deadline}.",
            ),
            (
                (
                    "If something is holding up the payment, tell me what it is and we will sort "
                    "it out together."
                ),
                "If there is a reason why it has not been paid, please tell me.",
            ),
            (
                "You can reply to this message or call me on {sender_phone}.",
                "You can also call me on {sender_phone}.",
            ),
        ),
    ),
    "final": (
        ("Final reminder: {invoices}",),
        (
            (
                (
                    "I am writing to you personally about an overdue balance of {total_open} with "
                    "{company}: {invoice_table}"
                ),
            ),
            ("We wrote to you about it on {history}.",),
            ("I now have to ask you to pay {reached} by {deadline}.",),
            (
                "If there is a reason why this has not been paid, please tell me before then.",
                "If there is a problem, please let me know before then.",
            ),
            ("You can also call me on {sender_phone}.",),
        ),
    ),
    "likely_dispute": (
        ("Do you have everything you need for {invoices}?", "A question about {invoices}"),
        (
            (
                (
                    "I would like to make sure that you have everything you need from us for the "
                    "following: {invoice_table}"
                ),
                (
                    "I would like to make sure that everything is clear about the following: "
                    "{invoice_table}"
                ),
            ),
            (
                "Is anything missing or unclear on your side?",
                "Could you tell me whether something is missing or not as expected?",
            ),
            (
                "If you need a copy or a correction, just reply and I will take care of it.",
                "If you need a correction or anything else, a short reply is enough.",
            ),
        ),
    ),
    "payment_plan_candidate": (
        ("Shall we agree on dates for {invoices}?", "{invoices}: dates that work for you"),
        (
            ("The following is still open on our side: {invoice_table}",),
            (
                "If paying all of it at once is difficult, I am glad to agree on dates with you.",
                "If it helps to spread the payments, we can agree on dates that work for you.",
            ),
            (
                "Which dates would work for you?",
                "Could you tell me which dates would suit you?",
            ),
        ),
    ),
    "high_touch_escalation": (
        ("A personal word about {invoices}", "May I ask about {invoices}?"),
        (
            (
                (
                    "I wanted to write to you myself about the following, which is still open: "
                    "{invoice_table}"
                ),
                ("I wanted to write to you personally about the following: {invoice_table}"),
            ),
            (
                "Is there anything that we should put right first?",
                "Did something go wrong on our side?",
            ),
            (
                "If so, please tell me and I will take care of it myself.",
                "If there is, just reply and I will take care of it.",
            ),
        ),
    ),
}

GERMAN_LETTERS: dict[str, Letter] = {
    "reminder": (
        ("{invoices}: eine freundliche Erinnerung",),
        (
            ("Nach unseren Unterlagen ist Folgendes noch offen: {invoice_table}",),
            ("Vielleicht wurde es nur übersehen.",),
            ("Wenn Sie eine Kopie brauchen, genügt eine kurze Antwort.",),
        ),
    ),
    "follow-up": (
        ("Nachfrage zu {invoices}",),
        (
            ("Folgendes ist offen und überfällig: {invoice_table}",),
            ("Wann können wir mit {total_open} rechnen?",),
            (
                (
                    "Wenn etwas dazwischengekommen ist, antworten Sie bitte kurz, und ich kümmere "
                    "mich darum."
                ),
            ),
        ),
    ),
    "firm": (
        ("Überfällig: {invoices}",),
        (
            ("Wir haben für Folgendes keine Zahlung erhalten: {invoice_table}",),
            ("Ich bitte Sie, {total_open} bis zum {deadline} zu zahlen.",),
            ("Wenn das nicht möglich ist, melden Sie sich bitte vorher bei mir.",),
        ),
    ),
    "final": (
        ("Letzte Erinnerung: {invoices}",),
        (
            ("Folgendes ist noch immer überfällig: {invoice_table}",),
            ("Ich muss Sie bitten, insgesamt {total_open} bis zum {deadline} zu begleichen.",),
            ("Sie können mich auch unter {sender_phone} anrufen.",),
        ),
    ),
    "likely_dispute": (
        ("Klärung zu {invoices}",),
        (
            ("Ich helfe gern, das zu klären, was bei Folgendem offen ist: {invoice_table}",),
            ("Welche Angaben oder Unterlagen fehlen Ihnen?",),
            ("Ich schicke sie Ihnen gleich zu.",),
        ),
    ),
    "payment_plan_candidate": (
        ("Termine für {invoices} vereinbaren",),
        (
            ("Gern vereinbare ich mit Ihnen Termine für Folgendes: {invoice_table}",),
            ("Was schwebt Ihnen vor?",),
            ("Antworten Sie einfach mit Ihrem Vorschlag.",),
        ),
    ),
    "high_touch_escalation": (
        ("Ich helfe gern bei {invoices}",),
        (
            ("Ich habe mir Folgendes angesehen und möchte gern helfen: {invoice_table}",),
            ("Bitte sagen Sie mir, wenn auf unserer Seite etwas zu tun ist.",),
            ("Ich sorge dafür, dass es erledigt wird.",),
        ),
    ),
}
"""The same for a customer who reads German."""


def answer_to(data: dict[str, Any]) -> dict[str, Any]:
    """A good answer to the data of one of our prompts, the same for the same data."""
    return _reading(data["lines"]) if "lines" in data else _proposal(data)


def _reading(lines: dict[str, str]) -> dict[str, Any]:
    for stance, words in STANCES:
        found = [int(n) for n, line in lines.items() if any(w in line.lower() for w in words)]
        if found:
            return {"stance": stance, "lines": sorted(found)[:5]}
    return {"stance": "none", "lines": []}


def _proposal(data: dict[str, Any]) -> dict[str, Any]:
    class_, evidence = _class(data)
    seed = zlib.crc32(json.dumps(data, sort_keys=True).encode())
    subject, sentences = "", list[str]()
    grave = any(reading["stance"] in GRAVE for reading in data["readings"])
    if not data["stopped"]:
        routine = class_ == "routine_reminder"
        letters = GERMAN_LETTERS if data["language"] == "de" else LETTERS
        subjects, parts = letters[data["stage"] if routine else class_]
        subject = _pick(subjects, seed)
        sentences = [_pick(part, seed >> n) for n, part in enumerate(parts, start=1)]
        if "{history}" not in data["slots"]:
            sentences = [sentence for sentence in sentences if "{history}" not in sentence]
    return {
        "class": class_,
        "confidence": "high" if data["readings"] else "medium",
        "reasons": [{"text": REASONS.get(class_) or _oversight(data), "evidence": evidence}],
        "summary": _pick(SUMMARIES["stopped" if grave else class_], seed),
        "subject": subject,
        "sentences": sentences,
    }


def _oversight(data: dict[str, Any]) -> str:
    """Without a figure: a model may name none."""
    habit = data["habit"]
    if not habit:
        return "Looks like an oversight."
    days = habit["usual_days_late"]
    how = "on time" if days == 0 else "late" if days > 0 else "early"
    return f"Looks like an oversight: usually pays {how}."


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
