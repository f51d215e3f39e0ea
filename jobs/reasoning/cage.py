"""What a text of the model may contain: only what is allowed; anything else is refused.

Its words come from the vocabulary, its facts from slots that code fills; the rules verify the
finished letter besides. Whatever a captured model wants to say, it has these words to say it in.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from jobs.reasoning.words import PUNCTUATION, known_words, vocabulary
from jobs.rules.states import STAGE_WORDS, CaseClass, Stage

LONGEST = 320
LONGEST_SUBJECT = 90
MOST_WORDS = 36
MOST_WORDS_IN_ALL = 110
NOTES = frozenset({"phrases", "notes"})
"""The kind of text that a colleague reads on the card: reasons and summary."""

SLOT = re.compile(r"\{([a-z_]+)\}")
_WORD = r"[^\W\d_]+(?:['’-][^\W\d_]+)*"
_ITEM = rf"(?:{_WORD}|\{{[a-z_]+\}})[,.;:?]?"
_LINE = re.compile(rf"{_ITEM}(?: (?:– )?{_ITEM})*")
"""Words, slots and plain punctuation with single spaces: no digit, no sign, no "help.me"."""
_TOKEN = re.compile(rf"{_WORD}|\{{[a-z_]+\}}|[,.;:?–]")


@dataclass(frozen=True)
class Complaint:
    """Why a text is not taken, in a few words of ours, and the word and sentence of the model."""

    why: str
    sentence: str = ""
    word: str = ""


def complaint_of_letter(
    subject: str,
    sentences: Sequence[str],
    slots: Collection[str],
    kinds: frozenset[str],
    language: str = "en",
) -> Complaint | None:
    """The first thing in a model's letter that is not allowed. `kinds`: see `kinds_of_letter`."""
    if len(subject) > LONGEST_SUBJECT:
        return Complaint("its length", subject)
    in_subject = set(slots) - {"invoice_table", "pay_links"}
    texts = [(subject, in_subject), *((sentence, slots) for sentence in sentences)]
    wrongs = (complaint(text, allowed, kinds, language) for text, allowed in texts)
    whole = _complaint_of_whole([subject]) or _complaint_of_whole(sentences)
    return next(filter(None, wrongs), None) or whole


def complaint(
    text: str, slots: Collection[str], kinds: frozenset[str], language: str = "en"
) -> Complaint | None:
    """The first thing in one sentence, or a short line of them, that is not allowed."""
    text = text.strip()
    if not 0 < len(text) <= LONGEST:
        return Complaint("its length", text)
    if not _LINE.fullmatch(text):
        return Complaint("a digit, a sign or an unusual space", text)
    tokens = _TOKEN.findall(text.replace("’", "'"))
    if _words(tokens) > MOST_WORDS:
        return Complaint("its length", text)
    if unknown := [slot for slot in SLOT.findall(text) if slot not in slots]:
        return Complaint("a slot that has no value here", text, unknown[0])
    place = vocabulary(language, kinds).outside(tokens)
    return None if place is None else _outside(text, tokens[place])


def _outside(text: str, token: str) -> Complaint:
    what = "slot" if token.startswith("{") else "word"
    return Complaint(f"a {what} that is not in the vocabulary in this place", text, token)


def _complaint_of_whole(sentences: Sequence[str]) -> Complaint | None:
    """Each slot at most once, one question, and no more words than a letter needs."""
    text = " ".join(sentences)
    if twice := [slot for slot, count in Counter(SLOT.findall(text)).items() if count > 1]:
        return Complaint("a slot that is used twice", text, twice[0])
    if text.count("?") > 1:
        return Complaint("more than one question", text)
    if _words(_TOKEN.findall(text)) > MOST_WORDS_IN_ALL:
        return Complaint("its length", text)
    return None


def _words(tokens: Sequence[str]) -> int:
    return sum(token not in PUNCTUATION for token in tokens)


def kinds_of_letter(class_: CaseClass, stage: Stage) -> frozenset[str]:
    """The sections of the vocabulary for a letter: a later stage may say what earlier ones say.

    Only the letter of a class says what concedes something, and only a late stage what presses.
    """
    if class_ is not CaseClass.ROUTINE_REMINDER:
        return frozenset({"phrases", class_.value})
    return frozenset({"phrases", *(STAGE_WORDS[one] for one in Stage if one <= stage)})


def unusual_words(text: str, usual: str = "", language: str = "en") -> tuple[str, ...]:
    """The words of a person's text that are in no vocabulary and not in `usual`, each once.

    They are no fault: an approver may want to look at them.
    """
    known = known_words(language) | {word.casefold() for word in _words_of(usual)}
    found: dict[str, str] = {}
    for word in _words_of(text):
        if word.casefold() not in known:
            found.setdefault(word.casefold(), word)
    return tuple(found.values())


def _words_of(text: str) -> Iterator[str]:
    return (word.replace("’", "'") for word in re.findall(_WORD, text))
