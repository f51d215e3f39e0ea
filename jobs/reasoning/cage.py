"""What a sentence of the model may contain: a list of what is allowed; anything else is refused.

The rules verify the finished letter again. Here, nothing passes that needs a figure, a name, a link
or a threat: either code fills those in, or nobody does.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable
from functools import cache
from importlib.resources import files

LONGEST = 320
PUNCTUATION = frozenset(" .,;:!?'’\"“”()–—-")
SLOT = re.compile(r"\{([a-z_]+)\}")

_ADDRESS = re.compile(
    r"\w\.\w|\bwww\b|\bhttps?\b|\bhxxp|\bdot\s+(?:com|co|net|org|io|info|biz|example)\b|\bat\s+sign\b",
    re.IGNORECASE,
)
_NUMBER_WORDS = re.compile(
    r"\b(?:zero|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|"
    r"eigh|nine)teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|hundred|thousand|million|half|"
    r"percent|dollars?|cents?|euros?|pounds?|francs?|pesos?|usd|eur|gbp|cad)\b",
    re.IGNORECASE,
)
_DATES = re.compile(
    r"\b(?:january|february|april|june|july|august|september|october|november|december|"
    r"monday|tuesday|wednesday|thursday|friday|saturday|sunday|tomorrow|tonight)\b",
    re.IGNORECASE,
)
_BANK = re.compile(
    r"\b(?:bank\w*|iban|bic|swift|routing|sort code|account (?:number|details)|remittance|wire|qr|"
    r"wallet|crypto\w*|bitcoin|gift cards?|paypal|venmo|zelle|card number|scan|"
    r"new (?:account|details))\b",
    re.IGNORECASE,
)
_THREAT = re.compile(
    r"\b(?:legal\w*|law|lawyers?|lawsuit|attorneys?|solicitors?|courts?|su(?:e|ing)|police|"
    r"prosecut\w+|collections?|collection agency|debt collectors?|"
    r"credit (?:bureau|rating|score|hold|limit|report)|interest|late fees?|"
    r"penalt\w+|surcharges?|fines?|or else|consequences|immediately|suspend\w*|"
    r"terminat\w+|seiz\w+|enforce\w*|discount\w*|waive\w*|write[- ]?off|refund\w*|settlement|"
    r"forgiv\w+|free of charge|threat\w*|blacklist\w*)\b",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(
    r"\b(?:attach\w*|enclos\w*|whatsapp|telegram|signal|text me|sms|click|link|website|log ?in|"
    r"password|download|gmail|e-?mail address|write to (?!you)|reply to (?!this)|"
    r"contact (?!me|us)|instead to|different address|instructions?)\b",
    re.IGNORECASE,
)
_TURNED = (
    r"(?:not|no|never|none|nothing|without|except|instead|than|less|minus|plus|only|half|double"
    r"|twice|times|each|every)"
)
_BESIDE_A_SLOT = re.compile(
    rf"\b{_TURNED}\s+(?:\w+\s+)?\{{|\}}\s+(?:\w+\s+)?{_TURNED}\b", re.IGNORECASE
)
"""Words that turn a fact into another one: "not {total_open}", "{total_open} each"."""
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")

RULES = (
    ("an address or a link", _ADDRESS),
    ("a number in words", _NUMBER_WORDS),
    ("a date", _DATES),
    ("bank details", _BANK),
    ("a threat, a promise or legal wording", _THREAT),
    ("another way to answer", _ELSEWHERE),
)


def complaint(text: str, slots: Collection[str] = (), longest: int = LONGEST) -> str:
    """What is wrong with a text of the model, in a few words, or empty.

    It may contain Latin letters, plain punctuation and the given slots, on one line.
    """
    if not 0 < len(text.strip()) <= 4 * longest or len(text) > longest:
        return "its length"
    if unknown := [slot for slot in SLOT.findall(text) if slot not in slots]:
        return f"the slot {unknown[0][:30]}"
    bare = SLOT.sub("", text)
    if not all(map(_is_plain, bare)):
        return "a digit, a sign or a foreign letter"
    return next((what for what, pattern in RULES if pattern.search(bare)), "")


def complaint_of_letter(sentences: Iterable[str]) -> str:
    """What is wrong with the words of a letter, in a few words, or empty.

    They must be on a list of everyday business words; each slot appears once, unmodified.
    """
    text = "\n".join(sentences)
    if twice := [slot for slot, count in Counter(SLOT.findall(text)).items() if count > 1]:
        return f"the slot {twice[0][:30]} twice"
    if _BESIDE_A_SLOT.search(text):
        return "a word that turns the meaning of a slot"
    said = (word.replace("’", "'").casefold() for word in _WORD.findall(SLOT.sub(" ", text)))
    return "a word that is not in the vocabulary" if set(said) - vocabulary() else ""


@cache
def vocabulary(language: str = "en") -> frozenset[str]:
    """The words allowed in a letter: none about money, law or transfers, and no names."""
    file = files("jobs.reasoning").joinpath("vocabulary", f"{language}.txt")
    return frozenset(file.read_text(encoding="utf-8").split())


def _is_plain(letter: str) -> bool:
    if letter in PUNCTUATION:
        return True
    # Letters that only look Latin, and digits of any script, have other Unicode names.
    return (
        letter.isalpha() and _is_latin(letter) and letter == unicodedata.normalize("NFKC", letter)
    )


def _is_latin(letter: str) -> bool:
    return unicodedata.name(letter, "").startswith("LATIN ")
