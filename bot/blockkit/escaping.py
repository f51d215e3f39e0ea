"""Makes outside text harmless: what Slack would read as markup stays text, and nothing is hidden.

Rich text is not parsed and needs only `clean`; `mrkdwn` is for the top-level text of a message and
for sections. (Slack: "Formatting text for app surfaces", escaping.)
"""

from __future__ import annotations

import html
import re

from jobs.rules import plain
from jobs.rules.plain import beginning, shortened

_HIDDEN = re.compile(
    "["
    r"\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, besides line breaks and tabs
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # direction
    r"\u00ad\u180e\u200b\u2060-\u2064\ufeff"  # invisible
    r"\u2028\u2029\ud800-\udfff\U000e0000-\U000e007f"  # separators, lone surrogates, tags
    "]"
)
_LOOKALIKE = str.maketrans({"*": "∗", "_": "ˍ", "~": "∼", "`": "ˋ"})
_MARKER = re.compile(r"(?<![^\W_])[*_~`]+|[*_~`]+(?![^\W_])|`+")
_JOINER = "\u2060"  # invisible and without width; stops autolinks and quotes
_EMOJI = re.compile(r":(?=[\w+'-]+:)")
_QUOTE = re.compile(r"(?m)^(\s*)(?=>)")
_SCHEME = re.compile(r":(?=//)|(?<=mailto):|(?<=tel):", re.IGNORECASE)
_ADDRESS = re.compile(r"[A-Za-z0-9.'_+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_DOMAIN = re.compile(r"(?<=\w)\.(?=[^\W\d_]{2})|(?<=\w)@(?=\w)")


def hides(text: str) -> bool:
    """Whether something in `text` is invisible but can change how the rest looks."""
    return _HIDDEN.search(text) is not None


def clean(text: str) -> str:
    """`text` without control, bidi and invisible characters; line ends become newlines."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return _HIDDEN.sub("", lines.replace("\u2028", "\n").replace("\u2029", "\n"))


def revealed(text: str) -> str:
    """`text` with every hidden character spelled out, for a text that a person has to approve."""
    return _HIDDEN.sub(lambda found: f"⟦U+{ord(found[0]):04X}⟧", text.replace("\r\n", "\n"))


def revealed_line(text: str) -> str:
    """Like `revealed`, on one line: line ends in an address or a subject are spelled out too."""
    return revealed(text).replace("\n", "⟦U+000A⟧")


def one_line(text: str) -> str:
    """`text` cleaned, each run of white space as one space: for names, subjects, labels."""
    return " ".join(clean(text).split())


def entities(text: str) -> str:
    """`text` with the three characters escaped that Slack asks for: & < >."""
    return html.escape(text, quote=False)


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


def mrkdwn(text: str) -> str:
    """Outside text for mrkdwn and top-level text: no mention, link, emoji, style or quote in it."""
    return inert(clean(text))


def escaped(text: str) -> str:
    """Outside text in a sentence of ours: one line of at most 1000 characters, as `mrkdwn`."""
    return inert(plain.one_line(text, 1000))


def address(text: str) -> str:
    """An e-mail address from the ledger, readable and copyable; what is none is as `mrkdwn`."""
    line = one_line(text)
    return entities(line) if _ADDRESS.fullmatch(line) else mrkdwn(line)


def csv_cell(text: str) -> str:
    """Outside text for a sheet: a spreadsheet takes what begins like a formula for one."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def cap(text: str, limit: int) -> str:
    """At most `limit` characters of escaped text; if cut, it ends with the full length."""
    if len(text) <= limit:
        return text
    said = f"… ({len(text)} characters in all)"
    room = limit - len(said)
    return shortened(text, limit) if room < 0 else beginning(text, room) + said
