"""Texts that are too long end between two words."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.blockkit.blocks import chunks
from bot.blockkit.escaping import cap
from jobs.rules.plain import beginning, one_line, shortened
from jobs.rules.verification.violations import violation

PIECES = st.sampled_from(
    [
        "of",
        "$12,300.00",
        "BF-2797",
        "https://pay.example/a?b=1",
        "Müller",
        "AT&amp;T",
        "Oct 2, 2026",
    ]
)
TEXTS = st.lists(PIECES, min_size=1, max_size=60).map(" ".join)


@given(TEXTS, st.integers(min_value=40, max_value=120))
def test_no_cut_falls_inside_a_word_a_figure_or_a_link(text: str, length: int) -> None:
    """Every function that shortens a text for people keeps whole words of it, and its limit."""
    cuts = [shortened(text, length), one_line(text, length), cap(text, length)]
    cuts += [violation("row", text).text, beginning(text, length)]
    for cut in cuts:
        kept = re.sub(r"… \(\d+ characters in all\)\Z|…\Z", "", cut)
        assert text.startswith(kept)
        assert kept in ("", text) or text[len(kept)] == " "
    assert all(len(cut) <= length for cut in cuts[:3])
    assert set(" ".join(chunks(text, length)).split()) <= set(text.split())


@pytest.mark.parametrize(
    ("text", "length", "cut"),
    [
        ("Your invoice of $12,300.00 is due", 22, "Your invoice of…"),
        ("Pay here: [pay link 1037] now", 20, "Pay here:…"),
        ("Since <!date^17^{date} at {time}|noon> it waits", 30, "Since…"),
        ("https://pay.example/a/very/long/way", 12, "…"),
        ("12345678901234567890", 12, "…"),
        ("Donaudampfschifffahrt", 12, "Donaudampfs…"),
        ("short", 5, "short"),
    ],
)
def test_a_cut_ends_before_what_does_not_fit(text: str, length: int, cut: str) -> None:
    """A word that is too long by itself is cut, a figure or a link is left out."""
    assert shortened(text, length) == cut
