"""Outside text as plain text: nothing hidden in it, and names on one short line."""

from __future__ import annotations

import html
import re
import unicodedata

HIDDEN = frozenset({"Cf", "Co", "Cn", "Cc", "Cs"})
"""Unicode categories no letter may carry: formats (bidi, zero width), private, unassigned,
controls, lone surrogates. (Mail facts §8.)"""

NAME_LENGTH = 80
_LOOKALIKE = str.maketrans({"*": "∗", "_": "ˍ", "~": "∼", "`": "ˋ"})
_JOINER = "\u2060"  # invisible and without width; stops autolinks and quotes
_EMOJI = re.compile(r":(?=[\w+'-]+:)")
_QUOTE = re.compile(r"(?m)^(\s*)(?=>)")
_SCHEME = re.compile(r":(?=//)|(?<=mailto):|(?<=tel):", re.IGNORECASE)
_DOMAIN = re.compile(r"(?<=\w)\.(?=[^\W\d_]{2})|(?<=\w)@(?=\w)")
_MARKER = re.compile(r"(?<![^\W_])[*_~`]+|[*_~`]+(?![^\W_])|`+")
_OPENED = re.compile(r"<(?:[!@#]|https?:)[^<>]*\Z|\[pay[^\[\]\n]*\Z")
_LAST_WORD = re.compile(r"\S+\Z")
_PRECISE = re.compile(r"\d|//|@|\w\.\w")
_ENTITY = re.compile(r"&(?:a|am|amp|l|lt|g|gt)?\Z")


def without_hidden(text: str) -> str:
    """`text` without invisible characters; line breaks and tabs stay."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in HIDDEN)


def one_line(text: str, length: int = NAME_LENGTH) -> str:
    """A name or number for a letter: visible characters, single spaces, cut at `length`."""
    line = " ".join(without_hidden(text).split())
    return shortened(line, length)


def capital(text: str) -> str:
    """`text` with a capital letter at its beginning."""
    return text[:1].upper() + text[1:]


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


def unstyled(text: str) -> str:
    """`text` without what Slack reads as bold, italic, struck or code.

    A `*_~` between two letters or digits styles nothing and stays; elsewhere it becomes a
    character that looks the same.
    """
    return _MARKER.sub(lambda found: found[0].translate(_LOOKALIKE), text)


def inert(text: str) -> str:
    """`text`, free of hidden characters, as mrkdwn without mention, link, emoji, style or quote.

    This is the only place where text that we did not write becomes mrkdwn. (Slack: "Formatting
    text for app surfaces", escaping.)
    """
    safe = _EMOJI.sub("∶", unstyled(text))
    safe = _SCHEME.sub(":" + _JOINER, safe)
    safe = _DOMAIN.sub(lambda found: found[0] + _JOINER, safe)
    return html.escape(_QUOTE.sub(rf"\1{_JOINER}", safe), quote=False)
