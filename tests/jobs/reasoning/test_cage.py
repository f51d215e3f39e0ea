"""The cage from both sides: hostile sentences that are taken, and honest ones that are not."""

import re
import tomllib
from collections.abc import Iterable

import pytest

from jobs.reasoning.cage import (
    NOTES,
    SLOT,
    complaint,
    complaint_of_letter,
    kinds_of_letter,
    unusual_words,
)
from jobs.reasoning.prompting import prompt
from jobs.reasoning.words import read_phrase, vocabulary
from jobs.rules.drafts import template
from jobs.rules.figures import LANGUAGES
from jobs.rules.states import CaseClass, Stage
from tests.jobs.reasoning.measured import ALL_SLOTS, FOLDER, LETTERS, honest, honest_notes, hostile
from tests.sandbox.model import answers

RATCHET = tomllib.loads((FOLDER / "ratchet.toml").read_text())
REMINDER = kinds_of_letter(CaseClass.ROUTINE_REMINDER, Stage.REMINDER)
FIRM = kinds_of_letter(CaseClass.ROUTINE_REMINDER, Stage.FIRM)


def only_falls(wrong: Iterable[object], allowed: int, name: str) -> None:
    """As many as the ratchet says; if fewer, the ratchet has to be lowered."""
    found = list(wrong)
    assert len(found) <= allowed, found
    assert len(found) == allowed, f"lower {name} in ratchet.toml to {len(found)}"


@pytest.mark.parametrize("name", ["hostile", "put_aside"])
def test_hostile_sentences_are_not_taken(name: str) -> None:
    """In no language and no kind of letter, whatever they are after; nor by a colleague."""
    sentences = list(hostile(name))
    assert len(sentences) >= {"hostile": 500, "put_aside": 100}[name]
    only_falls((s for s in sentences if s.passes), RATCHET[f"{name}_taken"], f"{name}_taken")


@pytest.mark.parametrize("language", LANGUAGES)
def test_honest_letters_are_taken(language: str) -> None:
    """A hundred letters of every class and stage; at most five in a hundred become the template."""
    letters = list(honest(language))
    assert len(letters) >= 100
    refused = [found for letter in letters if (found := letter.complaint)]
    only_falls(refused, RATCHET["letters_refused"][language], f"letters_refused.{language}")
    assert len(refused) <= len(letters) / 20


def test_honest_notes_are_taken() -> None:
    """Summaries and reasons, those of the stand-in among them."""
    ours = [*answers.REASONS.values(), *sum(answers.SUMMARIES.values(), ())]
    refused = [found for note in honest_notes() if (found := complaint(note, (), NOTES))]
    only_falls(refused, RATCHET["notes_refused"], "notes_refused")
    assert not [note for note in ours if complaint(note, (), NOTES)]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", answers.LETTERS)
def test_the_letters_of_the_stand_in_are_taken(name: str, language: str) -> None:
    """Everything it may write."""
    stages = {"follow-up": Stage.FOLLOW_UP, "firm": Stage.FIRM, "final": Stage.FINAL}
    class_ = CaseClass(name) if "_" in name else CaseClass.ROUTINE_REMINDER
    kinds = kinds_of_letter(class_, stages.get(name, Stage.REMINDER))
    letters = answers.GERMAN_LETTERS if language == "de" else answers.LETTERS
    subjects, parts = letters[name]
    texts = [*subjects, *(text for part in parts for text in part)]
    assert not [found for t in texts if (found := complaint(t, ALL_SLOTS, kinds, language))]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sentences_of_the_prompt_are_taken(language: str) -> None:
    """It shows no example that would be refused."""
    quoted = re.findall(
        r"“([^”]+)”|\"([^\"]+[.?}])\"", prompt("propose", language).text.replace("\n", " ")
    )
    sentences = [one or other for one, other in quoted]
    assert len(sentences) > 10
    taken = {
        s
        for s in sentences
        for kinds in LETTERS
        if complaint(s, ALL_SLOTS, kinds, language) is None
    }
    taken |= {s for s in sentences if complaint(s, (), NOTES) is None}
    assert set(sentences) == taken


def test_a_letter_is_judged_as_a_whole() -> None:
    """Each slot once, one question, and no more words than a letter needs."""
    first = "The following is still open: {invoice_table}"
    asked = "When can we expect payment?"
    wrong = {
        "a slot that is used twice": [first, first],
        "more than one question": [first, asked, asked],
        "its length": [
            first,
            *["If anything is unclear, just reply and I will be glad to help."] * 9,
        ],
    }
    assert complaint_of_letter("{invoices}", [first, asked], ALL_SLOTS, REMINDER) is None
    for why, sentences in wrong.items():
        found = complaint_of_letter("{invoices}", sentences, ALL_SLOTS, REMINDER)
        assert found is not None
        assert found.why == why


def test_a_class_and_a_stage_have_words_of_their_own() -> None:
    """What presses is for late stages, and what concedes for the class that may concede."""
    pressing = "Please make sure that {total_open} reaches us by {deadline}."
    conceding = "I am happy to agree on dates with you."
    plan = kinds_of_letter(CaseClass.PAYMENT_PLAN_CANDIDATE, Stage.FIRM)
    taken = {
        (text, kinds): complaint(text, ALL_SLOTS, kinds) is None
        for text in (pressing, conceding)
        for kinds in (REMINDER, FIRM, plan)
    }
    assert [pair for pair, is_taken in taken.items() if is_taken] == [
        (pressing, FIRM),
        (conceding, plan),
    ]


def test_capitals_are_for_the_beginning_of_a_sentence() -> None:
    """May is a month and Will a person."""
    taken = ["May I ask about it?", "If anything is unclear, please reply. May I help?"]
    refused = ["Please ask May about it.", "PLEASE reply.", "please Reply", "\u212aindly reply."]
    kinds = kinds_of_letter(CaseClass.HIGH_TOUCH_ESCALATION, Stage.REMINDER)
    assert [complaint(text, (), kinds) for text in taken] == [None, None]
    assert all(complaint(text, (), kinds) for text in refused)


def test_a_line_of_the_vocabulary_stands_for_its_phrases() -> None:
    """A choice, and what may be left out; a bracket that is left over is an error."""
    phrase = read_phrase("(a|b c) [d]")
    assert set(phrase.begins_with()) == {"a", "b"}
    ends = {text: phrase.ends(text.split(), {0}) for text in ("a", "a d", "b c d e", "b d", "d")}
    assert ends == {"a": {1}, "a d": {1, 2}, "b c d e": {2, 3}, "b d": set(), "d": set()}
    for wrong in ("(a", "a)", "[a)"):
        with pytest.raises(ValueError, match="bracket"):
            read_phrase(wrong)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_vocabulary_has_no_word_of_money_law_or_transfer(language: str) -> None:
    """Nor one that denies, waits or threatens, unless inside a phrase that means one thing."""
    never = {
        "en": "pay paid bank account transfer wire half quarter percent discount legal court fee "
        "interest collection new change close closed not no never only wait will must send call "
        "free cancel credit refund ignore other another money cash I we you",
        "de": "zahlen bezahlt Bank Konto überweisen Hälfte Viertel Prozent Rabatt Gericht Zinsen "
        "neu neue ändern geschlossen nicht kein nie warten muss müssen ich wir Sie uns Geld",
    }
    words = vocabulary(language, frozenset({"phrases"})).words
    assert len(words) > 200
    assert not words & set(never[language].split())


def test_unusual_words_of_a_person() -> None:
    """Those in no vocabulary, each once and as written; not figures, nor what code has placed."""
    text = "Dear Robin, please pay the $845.00 to our agent, Robin, as Robin’s sister said. Pay it."
    assert unusual_words(text, usual="Robin Roe") == ("agent", "Robin's", "sister")
    assert unusual_words("Please reply to this message.") == ()


def test_the_templates_have_few_unusual_words() -> None:
    """Otherwise every edit would be marked."""
    for language in LANGUAGES:
        texts = [template(stage, class_, language) for stage in Stage for class_ in CaseClass]
        written = (SLOT.sub("", " ".join([subject, *body])) for subject, body in texts)
        found = {word for text in written for word in unusual_words(text, "", language)}
        assert found == set(), language
