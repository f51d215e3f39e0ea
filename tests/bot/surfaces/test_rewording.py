"""What an edit has changed, word by word."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bot.blockkit.lint import lint
from bot.surfaces.notices.given import Given
from bot.surfaces.notices.notices import notice
from bot.surfaces.rewording import Fate, Words, changed_blocks, changed_said, rewording
from jobs.store.outbox import MessageKind
from tests.bot.views import BODY, HOSTILE, PEOPLE, letter
from tests.sandbox.slack.blocks import faults_in_blocks

TEXTS = st.text(alphabet="ab. \n", max_size=60)


@given(TEXTS, TEXTS)
def test_both_texts_are_in_it(before: str, after: str) -> None:
    """Without what was added it is the old text, without what was removed the new one."""
    found = rewording(before, after)
    assert "".join(one.words for one in found if one.fate is not Fate.ADDED) == before
    assert "".join(one.words for one in found if one.fate is not Fate.REMOVED) == after


def test_words_change_not_lines() -> None:
    """One word of a paragraph is one change."""
    found = rewording("Please pay by Friday.\nThanks", "Please pay by Monday.\nThanks")
    changed = [one for one in found if one.fate is not Fate.KEPT]
    assert changed == [Words(Fate.REMOVED, "Friday"), Words(Fate.ADDED, "Monday")]


def test_the_thread_shows_what_changed_and_leaves_out_what_did_not() -> None:
    """Struck out and bold in the blocks, in words in the text; an ellipsis far from a change."""
    new = letter(f"{BODY.replace('ignore', 'disregard')}", subject="Two invoices")
    told = Given({"by": "UCOLLECT"}, PEOPLE, letters=(letter(), new))
    made = notice(MessageKind.REWORDED, told)
    assert lint({"text": made.text, "blocks": made.blocks}, "message") == []
    assert made.text.startswith("Cora Lector edited the message.")
    assert "Removed: “Invoices 1037 and 1041”; “ignore”" in made.text
    assert "“disregard”" in made.text
    pieces = made.blocks[1]["elements"][1]["elements"]
    struck = [one["text"] for one in pieces if one.get("style", {}).get("strike")]
    assert struck == ["ignore"]
    assert pieces[0]["text"].startswith("…")
    assert pieces[0]["text"].endswith("please ")


def test_a_message_that_was_written_anew_still_fits() -> None:
    """However long and hostile both are; an unchanged part is left out."""
    for body in (HOSTILE * 20, "\n".join(f"Line {n} of it" for n in range(1500)), "x" * 9000, ""):
        blocks = changed_blocks(letter(), letter(body))
        assert faults_in_blocks(blocks, "message") == []
        assert lint({"text": "x", "blocks": blocks}, "message") == []
        assert "Subject" not in str(blocks)
    assert changed_blocks(letter(), replace(letter())) == []
    assert changed_said(letter(), letter()) == ""
