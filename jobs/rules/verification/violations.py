"""What is wrong with the text of a message, for the person who wrote it."""

from __future__ import annotations

from dataclasses import dataclass

from jobs.rules.plain import shortened

SENTENCES = {
    "address": "“{}” is not an address of this customer or of ours.",
    "another_invoice": "“{}” is not an invoice of this message.",
    "another_customer": "“{}” is another customer; a message names none.",
    "like_another_customer": "“{}” is also the name of another customer.",
    "attachment": "“{}” mentions something that is not attached to this message.",
    "bank_details": "“{}” looks like bank details. They may only come from the policy file.",
    "digits": "“{}” is a number in another script; please write it in plain digits.",
    "encoded": "“{}” is read as code by mail programs; please write it differently.",
    "earlier_contact": "“{}” mentions an earlier contact that is not on record.",
    "hidden": "The text contains invisible characters ({}).",
    "language": "“{}” is not in the language of this message.",
    "length": "The text is too long ({}).",
    "copy": "{}",
    "credit": "“{}” is not a credit of this customer.",
    "closing": "“{}” is outside the signature: one greeting, one text, one signature.",
    "greeting": "“{}” is a second greeting.",
    "ledger_figure": "“{}” does not match QuickBooks. Put an instalment or a payment date in its "
    "own sentence, without an invoice number or words such as total, open, due or owe.",
    "link": "“{}” looks like a link. Only QuickBooks' own pay link can be in a message; if it is "
    "no link, put a space after the full stop.",
    "marked_wording": "“{}” is wording for which the policy requires two approvals.",
    "markup": "“{}” is markup; the message is plain text.",
    "marked": "“{}” is not on record; it was marked as an instalment or a payment date.",
    "money": "“{}” is not an amount of these invoices. If it is an instalment, mark it as one.",
    "date": "“{}” is not a date on record. If it is a payment date that you offer, mark it as one.",
    "name": "“{}” is not a name on record for this customer.",
    "number": "“{}” is not a figure on record.",
    "number_words": "“{}” is a number in words; please use the figures on record.",
    "pay_link": "“{}” is not the pay link of an invoice in this message that can be paid online.",
    "payee": "“{}” names another payee. Money goes to us, as the policy file says.",
    "percent": "“{}” is a percentage; none is on record.",
    "phone": "“{}” is not the phone number of the policy file.",
    "reply_elsewhere": "“{}” asks for a reply somewhere else; replies must come to this mailbox.",
    "row": "“{}” does not match QuickBooks for that invoice.",
    "total": "“{}” is not the total in QuickBooks.",
    "signature": "The message must be signed by {}.",
    "slot": "“{}” could not be filled in: nothing is on record for it.",
    "mixed_script": "“{}” mixes letters of several alphabets.",
    "way_to_pay": "“{}” is a way of paying that the policy file does not offer.",
    "wording": "“{}” is wording that the policy does not allow.",
}
FIGURES = frozenset({"money", "date", "digits", "number", "number_words", "percent"})
"""Kinds of figures that are on no record. A person may mean an instalment or a date to meet."""
HARD = FIGURES | {
    *("address", "another_invoice", "bank_details", "link", "pay_link", "payee", "way_to_pay"),
    *("another_customer", "credit", "encoded", "ledger_figure", "row", "total"),
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
