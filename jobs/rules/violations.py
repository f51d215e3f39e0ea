"""What is wrong with the text of a message, for the person who wrote it."""

from __future__ import annotations

from dataclasses import dataclass

SENTENCES = {
    "address": "“{}” is not an address of this customer or of ours.",
    "another_invoice": "“{}” is not an invoice of this message.",
    "attachment": "“{}”: the message speaks of something that it does not carry.",
    "bank_details": "“{}” looks like bank details. They may only come from the policy file.",
    "digits": "“{}” is a number in another script; please write it in plain digits.",
    "hidden": "The text contains invisible characters ({}).",
    "language": "“{}” is not in the language of this message.",
    "length": "The text is too long ({}).",
    "link": "“{}” is a link. Only QuickBooks' own pay link may stand in a message.",
    "marked_wording": "“{}” is wording for which the policy asks for two people.",
    "markup": "“{}” is markup; the message is plain text.",
    "money": "“{}” is not an amount of these invoices.",
    "date": "“{}” is not a date that is on record.",
    "name": "“{}” is not a name that is on record for this customer.",
    "number": "“{}” is not a figure that is on record.",
    "number_words": "“{}” is an amount in words; please use the figures on record.",
    "pay_link": "“{}” does not stand for an invoice of this message that can be paid online.",
    "percent": "“{}” is a percentage; none is on record.",
    "phone": "“{}” is not the phone number of the policy file.",
    "reply_elsewhere": "“{}” asks for an answer somewhere else; replies have to come here.",
    "row": "“{}” does not say what the ledger says about that invoice.",
    "signature": "The message has to be signed by {}.",
    "slot": "“{}” was not filled: there is nothing on record for it.",
    "mixed_script": "“{}” mixes letters of several alphabets.",
    "wording": "“{}” is wording that the policy does not allow.",
}
HARD = frozenset({"address", "another_invoice", "bank_details", "link", "pay_link"})
SHOWN = 60


@dataclass(frozen=True)
class Violation:
    """`text` is what was found, cut to 60 characters. Hard: not even a person can save it."""

    kind: str
    text: str
    hard: bool = False

    @property
    def sentence(self) -> str:
        """For the edit modal and the card; outside text in it is raw."""
        return SENTENCES[self.kind].format(self.text)


def violation(kind: str, text: str) -> Violation:
    """The violation of a kind in SENTENCES."""
    found = " ".join(text.split())
    shown = found if len(found) <= SHOWN else found[: SHOWN - 1] + "…"
    return Violation(kind, shown, kind in HARD)
