"""Outside text as plain text: nothing hidden in it, and names on one short line."""

from __future__ import annotations

import re
import unicodedata

HIDDEN = frozenset({"Cf", "Co", "Cn", "Cc", "Cs"})
"""Unicode categories no letter may carry: formats (bidi, zero width), private, unassigned,
controls, lone surrogates."""

NAME_LENGTH = 80
_OPENED = re.compile(r"<(?:[!@#]|https?:)[^<>]*\Z|\[pay[^\[\]\n]*\Z")
_LAST_WORD = re.compile(r"\S+\Z")
_PRECISE = re.compile(r"\d|//|@|\w\.\w")
_ENTITY = re.compile(r"&(?:a|am|amp|l|lt|g|gt)?\Z")


def without_hidden(text: str) -> str:
    """`text` without invisible characters; line breaks and tabs stay."""
    if text.replace("\n", "").replace("\t", "").isprintable():
        return text  # most texts, at once: nothing in it is of these categories
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.translate({ord(c): None for c in set(text) if _is_hidden(c)})


def _is_hidden(char: str) -> bool:
    return char not in "\n\t" and unicodedata.category(char) in HIDDEN


def one_line(text: str, length: int = NAME_LENGTH) -> str:
    """A name or number for a letter: visible characters, single spaces, cut at `length`."""
    line = " ".join(without_hidden(text).split())
    return shortened(line, length)


def capital(text: str) -> str:
    """`text` with a capital letter at its beginning."""
    return text[:1].upper() + text[1:]


def lower_first(text: str) -> str:
    """`text` with a small letter at its beginning, for the middle of a sentence."""
    return text[:1].lower() + text[1:]


def shortened(text: str, length: int) -> str:
    """At most `length` characters, ending in "…" if something is left out."""
    return text if len(text) <= length else beginning(text, length - 1) + "…"


def beginning(text: str, length: int) -> str:
    """At most the first `length` characters of `text`, cut between two words.

    So no figure, name or link, no `[pay link 1037]` and no Slack token is cut in the middle. A
    single word that is too long is cut, or left out if it is a figure or a link.
    """
    if len(text) <= length:
        return text
    kept = _OPENED.sub("", text[: max(length, 0)])
    if len(kept) == length and not text[length].isspace():
        words = _LAST_WORD.sub("", kept)
        kept = words if words.strip() or _PRECISE.search(text.split()[0]) else kept
    return _ENTITY.sub("", kept).rstrip()
