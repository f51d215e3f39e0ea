"""The same letter as simple HTML: paragraphs, the table, and a *Pay* button for each pay link.

It is made from the body alone, so reading the body is reading all of it: without tags, its text is
the body but for white space, with "Pay" in the language of the letter in place of each link.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser

from jobs.rules.letters.words import letter_words

PAY_LINK = re.compile(r"\[pay link ([^\[\]\n]+)\]")
COLUMNS = re.compile(r" {2,}|\t")
PAGE = '<div lang="{}" style="font:15px/1.5 Arial,Helvetica,sans-serif;color:#1d1c1d">{}</div>'
TABLE = '<table style="border-collapse:collapse;margin:0 0 1em;font:inherit">{}</table>'
CELL = '<td style="padding:4px 24px 4px 0;border-bottom:1px solid #ddd;{}">{}</td>'
TO_THE_RIGHT = "text-align:right;white-space:nowrap"
ON_ONE_LINE = "white-space:nowrap"
AMOUNT = re.compile(r"[-−]?[^\d\s()]{0,4}\s?\d[\d.,'’\s]*[^\d\s()]{0,4}")
BUTTON = (
    '<a href="{}" style="display:inline-block;margin:2px 0;padding:4px 16px;border-radius:4px;'
    'background:#23395b;color:#ffffff;text-decoration:none">{}</a>'
)


def html_part(body: str, language: str, links: Mapping[str, str] | None = None) -> str:
    """The body as HTML, all of its text escaped. `language` is the letter's ("en").

    `links` (invoice number or "#id" → URL) fills the pay links; without it each button leads to
    its unfilled `[pay link 1037]`, which is the form that a person approves.
    """
    blocks = (block.split("\n") for block in re.split(r"\n{2,}", body.strip("\n")))
    buttons = Buttons(letter_words(language).pay, links or {})
    return PAGE.format(language, "\n".join(_block(lines, buttons) for lines in blocks)) + "\n"


@dataclass(frozen=True)
class Buttons:
    """What the buttons say, and where those that are filled lead."""

    pay: str
    links: Mapping[str, str]

    def button(self, key: str) -> str:
        return BUTTON.format(escape(self.links.get(key, f"[pay link {key}]")), escape(self.pay))


def _block(lines: list[str], buttons: Buttons) -> str:
    """A table if every line has columns, otherwise a paragraph."""
    rows = [COLUMNS.split(line.strip()) for line in lines]
    if min(map(len, rows)) > 1:
        widest = max(map(len, rows))
        rows = [_aligned(row, widest) for row in rows]
        return TABLE.format("".join(f"<tr>{_cells(row, buttons)}</tr>\n" for row in rows))
    told = "<br>\n".join(_line(line, buttons) for line in lines)
    return f"<p>{told}</p>"


def _aligned(row: list[str], widest: int) -> list[str]:
    """As many cells as the widest row: a total has no date, and most rows have no remark."""
    name, *rest = row
    gap = [""] if len(row) == 2 and widest > 2 else []
    return [*(cells := [name, *gap, *rest]), *[""] * (widest - len(cells))]


def _cells(row: list[str], buttons: Buttons) -> str:
    return " ".join(
        CELL.format(_style(n, cell), _line(cell, buttons)) for n, cell in enumerate(row)
    )


def _style(column: int, cell: str) -> str:
    if column and AMOUNT.fullmatch(cell):
        return TO_THE_RIGHT
    return ON_ONE_LINE if column < 2 else ""


def _line(line: str, buttons: Buttons) -> str:
    return "".join(_pieces(line, buttons))


def _pieces(line: str, buttons: Buttons) -> Iterator[str]:
    for place, piece in enumerate(PAY_LINK.split(line)):
        if place % 2:  # the key of a pay link stands between two pieces of text
            yield buttons.button(piece)
        else:
            yield escape(piece)


class HtmlText(HTMLParser):
    """What a mail program shows of such a part: its text, and where its links lead."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.hrefs: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hrefs += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag in ("p", "br", "tr", "td"):
            self.words.append(" ")

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        """All words, with one space between them."""
        return " ".join("".join(self.words).split())


def as_shown(body: str, language: str) -> str:
    """What `HtmlText.text` gives for the HTML of this body, whose pay links need not be filled."""
    return " ".join(PAY_LINK.sub(letter_words(language).pay, body).split())
