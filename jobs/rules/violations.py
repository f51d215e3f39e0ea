"""What is wrong with the text of a message, for the person who wrote it."""

from __future__ import annotations

from dataclasses import dataclass

from jobs.rules.plain import shortened

SENTENCES = {
    "address": "“{}” is not an address of this customer or of ours.",
    "another_invoice": "“{}” is not an invoice of this message.",
    "attachment": "“{}”: the message speaks of something that it does not carry.",
    "bank_details": "“{}” looks like bank details. They may only come from the policy file.",
    "digits": "“{}” is a number in another script; please write it in plain digits.",
    "encoded": "“{}” is read as code by mail programs; please write it in another way.",
    "earlier_contact": "“{}” speaks of an earlier contact, but none like it is on record.",
    "hidden": "The text contains invisible characters ({}).",
    "language": "“{}” is not in the language of this message.",
    "length": "The text is too long ({}).",
    "credit": "“{}” is not a credit of this customer.",
    "closing": "“{}” stands outside the signature: one greeting, one text, one signature.",
    "greeting": "“{}” is a second greeting.",
    "ledger_figure": "“{}” is not what the ledger says. An instalment or a date to meet goes in a "
    "sentence of its own, without an invoice number and words such as total, open, due or owe.",
    "link": "“{}” reads like a link. Only QuickBooks' own pay link may stand in a message; after a "
    "full stop goes a space.",
    "marked_wording": "“{}” is wording for which the policy asks for two people.",
    "markup": "“{}” is markup; the message is plain text.",
    "marked": "“{}” is not on record; it was marked as an instalment or a date to meet.",
    "money": "“{}” is not an amount of these invoices. If it is an instalment, mark it as one.",
    "date": "“{}” is not a date that is on record. If it is a date to meet, mark it as one.",
    "name": "“{}” is not a name that is on record for this customer.",
    "number": "“{}” is not a figure that is on record.",
    "number_words": "“{}” is a number in words; please use the figures on record.",
    "pay_link": "“{}” does not stand for an invoice of this message that can be paid online.",
    "payee": "“{}” names another payee. Money goes to us, as the policy file says.",
    "percent": "“{}” is a percentage; none is on record.",
    "phone": "“{}” is not the phone number of the policy file.",
    "reply_elsewhere": "“{}” asks for an answer somewhere else; replies have to come here.",
    "row": "“{}” does not say what the ledger says about that invoice.",
    "total": "“{}” is not the total that the ledger gives.",
    "signature": "The message has to be signed by {}.",
    "slot": "“{}” was not filled: there is nothing on record for it.",
    "mixed_script": "“{}” mixes letters of several alphabets.",
    "way_to_pay": "“{}” is a way of paying that the policy file does not offer.",
    "wording": "“{}” is wording that the policy does not allow.",
}
FIGURES = frozenset({"money", "date", "digits", "number", "number_words", "percent"})
"""Kinds of figures that are on no record. A person may mean an instalment or a date to meet."""
HARD = FIGURES | {
    *("address", "another_invoice", "bank_details", "link", "pay_link", "payee", "way_to_pay"),
    *("credit", "encoded", "ledger_figure", "row", "total"),
}
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
    return Violation(kind, shortened(" ".join(text.split()), SHOWN), kind in HARD)
