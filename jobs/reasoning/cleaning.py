"""Makes outside text plain: what a reader would see, as numbered lines, also without names.

Line numbers are the only thing that a reading may take from a document, so the model, the phrase
rules and the quote on the card all use the lines made here.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Collection
from html.parser import HTMLParser

from jobs.rules.plain import without_hidden

LONGEST_LINE = 200
MOST_LINES = 2000
"""A hard limit beyond what anybody would read; phrase rules see all of these lines."""
LONGEST_TEXT = 60_000
"""How many characters are read; markup may be four times as long."""
DEEPEST = 100
"""Levels of nested elements; deeper ones count as part of the last."""
MODEL_LINES = 150
"""How many lines go to the model."""

_HTML = re.compile(r"<(?:html|body|div|p|br|table|span|a|!doctype)[\s/>]", re.IGNORECASE)
_HIDING = re.compile(
    r"display:none|visibility:hidden|font-size:0(?![.\d]*[1-9])|opacity:0(?![.\d]*[1-9])|max-height:0"
)
_LONE_OPENING = re.compile(r"<(?![^<>]*>)")
_SILENT = frozenset({"script", "style", "head", "title", "template"})
_VOID = frozenset({"area", "br", "col", "hr", "img", "input", "link", "meta", "wbr"})
_BLOCKS = frozenset({"p", "div", "br", "tr", "li", "table", "h1", "h2", "h3", "blockquote", "hr"})

_SECRETS = (
    ("[address]", re.compile(r"[\w.+-]+\s?@\s?[\w-]+(\.[\w-]+)+")),
    ("[link]", re.compile(r"(?:\w+://|www\.)\S+", re.IGNORECASE)),
    ("[account]", re.compile(r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{2,4}){3,8}\b")),
    ("[number]", re.compile(r"\+?(?:\(\d{1,4}\)|\d)(?:[ ./()-]{0,2}\d){6,}")),
)


def lines(text: str) -> tuple[str, ...]:
    """The visible text as lines of at most 200 characters, without the empty ones.

    NFKC, without control, invisible or direction-changing characters, and without HTML markup.
    """
    text = text[: 4 * LONGEST_TEXT]
    if _HTML.search(text):
        text = _visible(text)
    plain = without_hidden(unicodedata.normalize("NFKC", without_hidden(text[:LONGEST_TEXT])))
    cut: list[str] = []
    for line in re.split(r"[\n\u2028\u2029]", plain):
        cut += textwrap.wrap(" ".join(line.split()), LONGEST_LINE)
    return tuple(cut[:MOST_LINES])


def pseudonymised(line: str, names: Collection[str] = ()) -> str:
    """One line without addresses, links, account, card and telephone numbers, and known names."""
    for token, pattern in _SECRETS:
        line = pattern.sub(token, line)
    for name in sorted(filter(str.strip, names), key=len, reverse=True):
        whole = rf"(?<!\w){re.escape(' '.join(name.split()))}(?!\w)"
        line = re.sub(whole, "[name]", line, flags=re.IGNORECASE)
    return line


def _visible(html: str) -> str:
    parser = _Visible()
    # A tag that is never closed makes the parser start over at every letter.
    parser.feed(_LONE_OPENING.sub("&lt;", _without_comments(html)))
    parser.close()
    return "".join(parser.text)


def _without_comments(html: str) -> str:
    """In one pass, even over thousands of openings; an unclosed one hides nothing."""
    first, *rest = html.split("<!--")
    return first + "".join(part.partition("-->")[2] if "-->" in part else part for part in rest)


class _Visible(HTMLParser):
    """Collects the text outside elements that are hidden or never shown."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember whether what follows can be seen."""
        if tag in _BLOCKS:
            self.text.append("\n")
        if tag not in _VOID and len(self._open) < DEEPEST:
            self._open.append((tag, self._is_hidden or tag in _SILENT or _hides(dict(attrs))))

    def handle_endtag(self, tag: str) -> None:
        """Close the element and what was left open in it."""
        names = [name for name, _ in self._open]
        if tag in names:
            del self._open[len(names) - 1 - names[::-1].index(tag) :]
        if tag in _BLOCKS:
            self.text.append("\n")

    def handle_data(self, data: str) -> None:
        """Keep what can be seen."""
        if not self._is_hidden:
            self.text.append(" ".join(data.split("\n")))

    @property
    def _is_hidden(self) -> bool:
        return bool(self._open) and self._open[-1][1]


def _hides(attributes: dict[str, str | None]) -> bool:
    style = re.sub(r"\s", "", attributes.get("style") or "").lower()
    return "hidden" in attributes or bool(_HIDING.search(style))
