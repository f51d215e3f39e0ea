"""What people keep changing in letters: which changes are proposed, and which never are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jobs.rules.letters.company_texts import STANDARD, CompanyTexts, OwnText, TextKind, TextName
from jobs.rules.letters.learning import LetterEdit, WordingChange, applied, proposals

FOLLOW_UP = TextName(TextKind.TEMPLATE, "en", "follow_up")
MODEL = TextName(TextKind.INSTRUCTIONS, "en", "follow_up")
HOLDING = "If something is holding it up, just reply and I will sort it out."
WHEN = "When can we expect the {total_open}?"
PAID = (
    "If you have paid in the meantime, thank you; please tell me the date and I will look for it."
)
CALL = "Please call me on {sender_phone} if anything is unclear."
NAMES = ("Ada Lovelace", "Grace Hopper", "Alan Turing", "Mary Shelley")
NUMBERS = ("1041", "1042", "1043", "1044")


def edits(
    change: tuple[str, str], *, count: int = 3, text: TextName = FOLLOW_UP, customers: int = 3
) -> list[LetterEdit]:
    """The same change by hand in so many letters, each with figures and names of its own."""
    return [_edit(n, change, text, customers) for n in range(count)]


def _edit(n: int, change: tuple[str, str], text: TextName, customers: int) -> LetterEdit:
    values = {
        "single": f"Invoice {NUMBERS[n]}",
        "total_open": f"${n + 2}00.00",
        "invoice_table": f"{NUMBERS[n]}   due Oct 2, 2026   ${n + 2}00.00",
        "contact": NAMES[n],
        "sender_phone": "+1 503 555 0142",
    }
    body = (
        f"Hello {{contact}},\n\n{{single}} is now past due:\n\n{{invoice_table}}\n\n"
        f"{WHEN} {HOLDING} {PAID}\n\nThank you and kind regards,\nCora Lindqvist"
    )
    before, after = body, body.replace(*change)
    for slot, value in values.items():
        before, after = (t.replace("{" + slot + "}", value) for t in (before, after))
    # a sentence may also name what is this case's alone
    after = after.replace("<number>", NUMBERS[n])
    asked = ("{single} is now past due: {invoice_table}", WHEN, HOLDING, PAID)
    written = asked if text == MODEL else ()
    return LetterEdit(f"4{n}", f"c{n % customers}", text, before, after, values, written)


@pytest.mark.parametrize("text", [FOLLOW_UP, MODEL])
def test_the_same_change_in_three_letters_is_proposed_with_its_evidence(text: TextName) -> None:
    """Replaced, also by two sentences, removed or added; with the slots of the text, and the phone
    of the one who signs; capitals and punctuation may differ from letter to letter."""
    call = f"{HOLDING} {CALL}"
    for change, said in (
        ((HOLDING, "Is anything holding it up?"), (HOLDING, "Is anything holding it up?", "")),
        ((f" {HOLDING}", ""), (HOLDING, "", "")),
        ((HOLDING, call), ("", CALL, HOLDING if text == FOLLOW_UP else "")),
        (
            (HOLDING, f"Tell me what is wrong. {CALL}"),
            (HOLDING, f"Tell me what is wrong.\n{CALL}", ""),
        ),
        (
            (WHEN, "Please tell me when the {total_open} will come."),
            (WHEN, "Please tell me when the {total_open} will come.", ""),
        ),
    ):
        (found,) = proposals(edits(change, text=text), STANDARD)
        assert (found.before, found.after, found.below) == said
        assert (found.text, found.cases, found.customers) == (text, ("40", "41", "42"), 3)
    loud = edits((HOLDING, "IS ANYTHING HOLDING IT UP!"), count=4)[3:]
    (found,) = proposals(
        edits((HOLDING, "Is anything holding it up?"), text=FOLLOW_UP) + loud, STANDARD
    )
    assert (found.after, len(found.cases)) == ("Is anything holding it up?", 4)


@pytest.mark.parametrize(
    "some",
    [
        edits((HOLDING, "Is anything holding it up?"), count=2),
        edits((HOLDING, "Is anything holding it up?"), customers=1),
        [edits((HOLDING, said))[n] for n, said in enumerate(("Why?", "Tell me.", "Reply."))],
        edits((HOLDING, "Please pay invoice <number> now.")),
        edits((HOLDING, "Please pay by October 2.")),
        edits((HOLDING, "Please reply, {contact}, and tell me.")),
        edits((HOLDING, "Please pay the {total_open} now.")),
        edits((f"{WHEN} ", "")),
        edits((f"{WHEN} {HOLDING} {PAID}", "Please reply soon. Thank you so much.")),
        edits(("Thank you and kind regards,", "With many kind regards,")),
        edits(("Thank you and kind regards,", "With many kind regards,"), text=MODEL),
        edits(("Hello {contact},", "Hi {contact},"), text=MODEL),
        edits((HOLDING, "Please pay. " * 30)),
    ],
)  # fmt: skip
def test_what_is_rare_unlike_or_of_one_case_is_never_proposed(some: list[LetterEdit]) -> None:
    """Two letters; one customer; three different sentences; figures and names; a slot that was not
    there, or is gone; sentences that nobody can tell apart; what no text holds, and what no model
    wrote; too long."""
    assert proposals(some, STANDARD) == []


def test_a_change_is_made_in_one_sentence_and_goes_on_from_there() -> None:
    """The rest stays to the letter; the next proposal is for the text as it then is."""
    (change,) = proposals(edits((HOLDING, f"Tell me what is wrong. {CALL}")), STANDARD)
    old = STANDARD.text(FOLLOW_UP)
    new = applied(old, change)
    assert new == old.replace(HOLDING, f"Tell me what is wrong.\n{CALL}")
    texts = CompanyTexts((OwnText(FOLLOW_UP, new),))
    assert proposals(edits((HOLDING, "Is anything wrong?")), texts) == []
    (later,) = proposals(edits((WHEN, "When will the {total_open} come?")), texts)
    assert later.base != change.base
    assert applied(applied(new, later), later) == applied(new, later)
    added = replace(change, before="", after="Thank you.", below=PAID)
    assert f"{PAID}\nThank you.\n{{attached}}" in applied(old, added)
    last = replace(added, below="{pay_links}")
    assert applied(old, last) == f"{old}\n\nThank you."


def test_instructions_are_kept_side_by_side() -> None:
    """Each is a line of its own, whatever its words."""
    first = WordingChange(MODEL, "I hope you are “well”.", "", "", "", (), 0)
    second = replace(first, before="", after="Bitte,\nund \u2028 danke.")
    text = applied(applied(STANDARD.text(MODEL), first), second)
    told = CompanyTexts((OwnText(MODEL, text),)).instructions("follow_up", "en")
    assert told == (("I hope you are “well”.", ""), ("", "Bitte,\nund \u2028 danke."))
    assert first.fingerprint != second.fingerprint
    assert first.fingerprint == replace(first, cases=("1",), customers=1).fingerprint
