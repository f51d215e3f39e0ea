"""What the parts of a card are made of: blocks, and the line of text that says the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from bot.blockkit.blocks import (
    MOST_CHILDREN,
    TIME_ONLY,
    Block,
    bullets,
    container,
    context,
    mrkdwn_of,
    paragraph,
    rich,
    text,
)
from bot.blockkit.escaping import cap, mrkdwn, one_line
from bot.surfaces import wording
from jobs.rules.case import CaseView
from jobs.rules.facts.evidence import Evidence, Stance

Line = list[Block]
"""Pieces of rich text."""
MOST_LINES = 8
MOST_PIECES = 2


@dataclass(frozen=True)
class Part:
    """`said` is escaped text; empty if the part adds nothing to the story."""

    blocks: tuple[Block, ...]
    said: str = ""


@dataclass(frozen=True)
class ShownTo:
    """Where a card is shown and to whom."""

    people: Mapping[str, str]
    """Display names by Slack user id: cards name people without notifying them."""
    zone: ZoneInfo
    """The company's, for the text that is read aloud."""
    folds: bool = False
    """Whether Slack takes containers here."""
    books: str = ""
    """The base URL of QuickBooks' own pages; empty: no links to them."""

    def name(self, user: str) -> str:
        return one_line(self.people.get(user, user))

    def line(self, line: Iterable[Block]) -> Line:
        """The line with names in place of mentions; who has none is mentioned."""
        return [self._named(piece) for piece in line]

    def spoken(self, line: Iterable[Block]) -> str:
        """The line as escaped words."""
        return "".join(self._said(piece) for piece in line)

    def when(self, at: datetime) -> str:
        """An instant as words, for text that cannot show each reader's own time."""
        return wording.instant(at, self.zone)

    def _named(self, piece: Block) -> Block:
        if piece["type"] == "user" and (known := self.people.get(piece["user_id"])):
            return text(one_line(known))
        return piece

    def _said(self, piece: Block) -> str:
        if piece["type"] == "user":
            return mrkdwn(self.name(piece["user_id"]))
        if piece["type"] == "date":
            at = datetime.fromtimestamp(piece["timestamp"], UTC)
            spoken = wording.clock if piece["format"] == TIME_ONLY else wording.instant
            return spoken(at, self.zone)
        return mrkdwn(piece["text"])


def dotted(pieces: Iterable[Line]) -> Line:
    """Short lines in a row, parted by " · "."""
    joined = [piece for line in pieces if line for piece in (text(" · "), *line)]
    return joined[1:]


def below(lines: Iterable[Line]) -> Line:
    """Lines below each other in one paragraph."""
    return [piece for line in lines if line for piece in (*line, text("\n"))][:-1]


def short(words: str) -> str:
    return cap(one_line(words), 300)


def some(lines: list[Line], what: str) -> list[Line]:
    """The first few lines, and how many more there are."""
    rest = len(lines) - MOST_LINES
    return lines[:MOST_LINES] + ([[text(f"and {rest} more {what}")]] if rest > 0 else [])


def listing(title: str, lines: list[Line], reader: ShownTo) -> Part:
    """A title with bullets."""
    block = rich(paragraph(text(title, bold=True)), bullets(map(reader.line, lines)))
    said = "; ".join(reader.spoken(line).rstrip(".") for line in lines)
    return Part((block,), f"{title}: {said}.")


def with_evidence(
    view: CaseView, line: Line, ids: Sequence[str], told: set[str], *, quoted: bool
) -> Line:
    """The line and what it rests on; `quoted`: only what is quoted word for word.

    `told` is what the lines before it have quoted: nothing is quoted twice.
    """
    known = [one for one in view.evidence if one.id in ids and _tells_more(one, quoted)]
    fresh = {one.quote or one.label: one for one in known if (one.quote or one.label) not in told}
    told.update(fresh)
    for one in list(fresh.values())[:MOST_PIECES]:
        line = [*line, text(f" — {short(one.label)}", italic=True)]
        if one.quote:
            line.append(text(f"{': ' if one.label else ''}“{short(one.quote)}”"))
    rest = len(fresh) - MOST_PIECES
    return [*line, text(f" and {rest} more")] if rest > 0 else line


def _tells_more(one: Evidence, quoted: bool) -> bool:
    """An invoice stands on the card anyway."""
    remembered = bool(one.label) and one.stance is not Stance.NONE
    return bool(one.quote) or remembered or not (quoted or one.kind == "invoice")


def folded(title: str, subtitle: str, children: Sequence[Block], reader: ShownTo) -> list[Block]:
    """Sections behind a title, closed at first.

    Where Slack takes no containers they stand below it; clients fold those that are long.
    """
    if not reader.folds:
        top = dotted([[text(title, bold=True)], [text(subtitle)] if subtitle else []])
        return [context(mrkdwn_of(top)), *children]
    groups = [children[n : n + MOST_CHILDREN] for n in range(0, len(children), MOST_CHILDREN)]
    titles = [title, *[f"{title}, continued"] * len(groups)]
    return [container(name, subtitle, group) for name, group in zip(titles, groups, strict=False)]
