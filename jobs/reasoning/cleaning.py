"""Makes outside text plain: what a reader would see, as numbered lines, also without names.

Line numbers are the only thing that a reading may take from a document, so the model, the phrase
rules and the quote on the card all use the lines made here.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Collection
from functools import lru_cache
from html.parser import HTMLParser
from typing import NamedTuple

from jobs.rules.plain import without_hidden

LONGEST_LINE = 200
MOST_LINES = 2000
"""A hard limit beyond what anybody would read; phrase rules see all of these lines."""
LONGEST_TEXT = 60_000
"""How many characters are read; markup may be four times as long."""
DEEPEST = 100
"""Levels of nested elements; deeper ones count as part of the last."""
KEPT = 512
"""Texts whose lines are kept: each is read by model and phrases, and quoted."""
MODEL_LINES = 150
"""How many lines go to the model."""

FEW_WORDS = 8
"""Hardly more than a greeting and a name."""

_IN_A_FILE = re.compile(
    r"\b(?:attach(?:ed|ing|ments?)?|enclos(?:ed|ing|ures?)|anbei|anh[aä]ng(?:e|en|end|s)?|angehängt"
    r"|angefügt|beigefügt|beiliegend|anlagen?|im pdf|(?:see|siehe) (?:\w+ )?(?:pdf|file|datei))"
    r"(?:e[mnrs]?)?\b",
    re.IGNORECASE,
)
_HTML = re.compile(r"<(?:html|body|div|p|br|table|span|a|!doctype)[\s/>]", re.IGNORECASE)
_HIDING = re.compile(
    r"display:none|visibility:hidden|font-size:0(?![.\d]*[1-9])|opacity:0(?![.\d]*[1-9])|max-height:0"
    r"|mso-hide:all|(?:text-indent|left|top):-\d{3,}"
)
_PALE = re.compile(r"(?<![-\w])color:(?:white|transparent|#fff(?:fff)?\b|rgba?\(255,255,255)")
"""On a page that is white itself nobody sees it."""
_LONE_OPENING = re.compile(r"<(?![^<>]*>)")
_ENDLESS_NUMBER = re.compile(r"&#\d{1000,};?")
"""No character has it, and Python refuses to convert it."""
_SILENT = frozenset({"script", "style", "head", "title", "template"})
_VOID = frozenset({"area", "br", "col", "hr", "img", "input", "link", "meta", "wbr"})
_BLOCKS = frozenset({"p", "div", "br", "tr", "li", "table", "h1", "h2", "h3", "blockquote", "hr"})
_QUOTE_CLASSES = ("gmail_quote", "yahoo_quoted", "protonmail_quote")

_SUSPICIOUS = re.compile(r"[@\d]|//|www", re.IGNORECASE)
"""Found in whatever is one of the secrets below."""
_SECRETS = (
    ("[address]", re.compile(r"[\w.+-]+\s?@\s?[\w-]+(\.[\w-]+)+")),
    ("[link]", re.compile(r"(?:\w+://|www\.)\S+", re.IGNORECASE)),
    ("[account]", re.compile(r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{2,4}){3,8}\b")),
    ("[number]", re.compile(r"\+?(?:\(\d{1,4}\)|\d)(?:[ ./()-]{0,2}\d){6,}")),
)


@lru_cache(KEPT)
def lines(text: str) -> tuple[str, ...]:
    """The visible text as lines of at most 200 characters, without the empty ones.

    NFKC, without control, invisible or direction-changing characters, and without HTML markup.
    """
    text = text[: 4 * LONGEST_TEXT]
    if _HTML.search(text):
        text = visible(text)
    cut: list[str] = []
    for line in filter(None, (" ".join(line.split()) for line in plain(text).split("\n"))):
        # hardly any line is so long, and wrapping takes a hundred times as long as looking
        cut += textwrap.wrap(line, LONGEST_LINE) if len(line) > LONGEST_LINE else [line]
    return tuple(cut[:MOST_LINES])


def too_long(text: str) -> bool:
    """Whether the model or the phrase rules see only a part of it."""
    return len(text) > LONGEST_TEXT or len(lines(text)) > MODEL_LINES


def in_a_file(text: str) -> bool:
    """Whether a text that came with a file leaves to it what there is to say."""
    return len(text.split()) <= FEW_WORDS or _IN_A_FILE.search(text) is not None


def plain(text: str) -> str:
    """Text without control, invisible or direction-changing characters, in NFKC and with `\\n` as
    its only line break; no more than anybody would read."""
    seen = without_hidden(unicodedata.normalize("NFKC", without_hidden(text[:LONGEST_TEXT])))
    return re.sub(r"[\u2028\u2029]", "\n", seen)


def visible(html: str) -> str:
    """What a reader sees of HTML. What mail programs mark as quoted begins with `>`."""
    parser = _Visible()
    html = _ENDLESS_NUMBER.sub("\ufffd", _without_comments(html[: 4 * LONGEST_TEXT]))
    # A tag that is never closed makes the parser start over at every letter.
    parser.feed(_LONE_OPENING.sub("&lt;", html))
    parser.close()
    return "".join(parser.text)


def pseudonymised(line: str, names: Collection[str] = ()) -> str:
    """One line without addresses, links, account, card and telephone numbers, and known names."""
    if _SUSPICIOUS.search(line):
        for token, pattern in _SECRETS:
            line = pattern.sub(token, line)
    for whole in _known(frozenset(names)):
        line = whole.sub("[name]", line)
    return line


@lru_cache(KEPT)
def _known(names: frozenset[str]) -> tuple[re.Pattern[str], ...]:
    """What finds each of these names as whole words, the longest first."""
    spaced = (" ".join(name.split()) for name in sorted(names, key=len, reverse=True))
    return tuple(
        # the first letter comes first: at most places nothing else is looked at
        re.compile(
            rf"{re.escape(name[0])}(?<!\w.){re.escape(name[1:])}(?!\w)", re.IGNORECASE | re.DOTALL
        )
        for name in spaced
        if name
    )


def _without_comments(html: str) -> str:
    """In one pass, even over thousands of openings; an unclosed one hides nothing."""
    first, *rest = html.split("<!--")
    return first + "".join(part.partition("-->")[2] if "-->" in part else part for part in rest)


class _Element(NamedTuple):
    """An open element, and what holds inside it."""

    tag: str
    hidden: bool
    coloured: bool
    quotes: int


class _Visible(HTMLParser):
    """Collects the text outside elements that are hidden or never shown."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self._open: list[_Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember whether what follows can be seen, and whether it is quoted."""
        if tag not in _VOID and len(self._open) < DEEPEST:
            self._open.append(self._element(tag, {name: value or "" for name, value in attrs}))
        if tag in _BLOCKS:
            self._break()

    def handle_endtag(self, tag: str) -> None:
        """Close the element and what was left open in it."""
        names = [element.tag for element in self._open]
        if tag in names:
            del self._open[len(names) - 1 - names[::-1].index(tag) :]
        if tag in _BLOCKS:
            self._break()

    def handle_data(self, data: str) -> None:
        """Keep what can be seen."""
        if not self._inside.hidden:
            self.text.append(" ".join(data.split("\n")))

    def parse_marked_section(self, i: int, report: int = 1) -> int:
        """Skip its opening, as browsers do; the parser itself fails at words it does not know."""
        return self.rawdata.find(">", i) + 1 or -1

    @property
    def _inside(self) -> _Element:
        return self._open[-1] if self._open else _Element("", False, False, 0)

    def _element(self, tag: str, attributes: dict[str, str]) -> _Element:
        within = self._inside
        style = re.sub(r"\s", "", attributes.get("style", "")).lower()
        coloured = within.coloured or "background" in style or "bgcolor" in attributes
        pale = f"color:{attributes.get('color', '').lower()};{style}"
        hidden = "hidden" in attributes or bool(_HIDING.search(style)) or tag in _SILENT
        hidden = hidden or (not coloured and bool(_PALE.search(pale)))
        quoted = tag == "blockquote" and _is_quote(attributes)
        return _Element(tag, within.hidden or hidden, coloured, within.quotes + quoted)

    def _break(self) -> None:
        self.text.append("\n" + "> " * self._inside.quotes)


def _is_quote(attributes: dict[str, str]) -> bool:
    """Whether a mail program made it. People indent with blockquotes, too."""
    classes = attributes.get("class", "")
    return attributes.get("type") == "cite" or any(name in classes for name in _QUOTE_CLASSES)
