"""Block Kit as plain dicts: the few shapes that our cards and modals consist of.

Outside text goes into rich text or plain text, which Slack does not parse; `mrkdwn` text here is
always our own words, with outside parts escaped by `bot.blockkit.escaping`. The limits are those of
Slack's block reference; `lint` checks a finished payload against all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from bot.blockkit.escaping import cap, clean, one_line
from bot.blockkit.escaping import mrkdwn as inert_mrkdwn
from bot.blockkit.lint import lint
from jobs.rules.plain import shortened

__all__ = [
    "Block",
    "actions",
    "bars",
    "bullets",
    "button",
    "channel_select",
    "chunks",
    "confirm",
    "container",
    "context",
    "data_table",
    "date",
    "divider",
    "header",
    "link",
    "lint",
    "mention",
    "mrkdwn_of",
    "option",
    "overflow",
    "paragraph",
    "person",
    "plain",
    "prose",
    "quote",
    "rich",
    "section",
    "stamp",
    "table",
    "text",
    "utc",
]

Block = dict[str, Any]

_USER = re.compile(r"[UW][A-Z0-9]{2,20}")
_CHANNEL = re.compile(r"[CGD][A-Z0-9]{1,20}")
_FORMAT = "{date_short_pretty} at {time}"
TIME_ONLY = "{time_secs}"


def plain(words: str, limit: int) -> Block:
    """A plain_text object: nothing in it is parsed, emoji names included."""
    return {"type": "plain_text", "text": shortened(one_line(words), limit) or "–", "emoji": False}


def header(words: str) -> Block:
    return {"type": "header", "text": plain(words, 150)}


def divider() -> Block:
    return {"type": "divider"}


def section(mrkdwn: str, accessory: Block | None = None) -> Block:
    """A section of our own mrkdwn, without autolinks.

    Text of more than 3000 characters is cut, and ends with its full length.
    """
    words = {"type": "mrkdwn", "text": cap(mrkdwn, 3000), "verbatim": True}
    made: Block = {"type": "section", "text": words, "expand": True}
    return made | ({"accessory": accessory} if accessory else {})


def prose(words: str) -> Block:
    """A section of outside text with its line ends, at most 3000 characters; nothing is parsed.

    Without `expand`, clients fold a long one behind "See more".
    """
    shown = {"type": "plain_text", "text": clean(words) or "–", "emoji": False}
    return {"type": "section", "text": shown}


MOST_CHILDREN = 10
"""Blocks in one container."""


def container(title: str, subtitle: str, children: Sequence[Block]) -> Block:
    """Up to ten blocks behind a title, closed at first. Messages only.

    Only sections, contexts, tables, dividers, actions, headers and images are sure to be taken.
    """
    made: Block = {"type": "container", "title": plain(title, 150)}
    made |= {"subtitle": plain(subtitle, 150)} if subtitle else {}
    folded = {"is_collapsible": True, "default_collapsed": True}
    return made | folded | {"child_blocks": list(children)}


def channel_select(action_id: str, chosen: str = "") -> Block:
    """A menu of the channels in this organisation that the reader can see."""
    made: Block = {"type": "conversations_select", "action_id": action_id}
    made["placeholder"] = plain("Choose a channel", 150)
    made["filter"] = {"include": ["public", "private"], "exclude_external_shared_channels": True}
    return made | ({"initial_conversation": chosen} if chosen else {})


def context(*mrkdwn: str) -> Block:
    """Small grey text: one to ten pieces of our own mrkdwn."""
    pieces = [{"type": "mrkdwn", "text": cap(m, 3000), "verbatim": True} for m in mrkdwn if m]
    return {"type": "context", "elements": pieces}


def actions(elements: Sequence[Block], block_id: str) -> Block:
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def button(
    action_id: str,
    label: str,
    value: str,
    *,
    style: str = "",
    says: str = "",
    confirm: Block | None = None,
) -> Block:
    """A button; `says` is for screen readers, `style` is empty, primary or danger."""
    made: Block = {"type": "button", "action_id": action_id, "value": value}
    made["text"] = plain(label, 75)
    if says:
        made["accessibility_label"] = shortened(one_line(says), 75)
    return made | ({"style": style} if style else {}) | ({"confirm": confirm} if confirm else {})


def overflow(action_id: str, options: Sequence[Block], *, confirm: Block | None = None) -> Block:
    """The menu behind ⋯: one to five of `option`."""
    made: Block = {"type": "overflow", "action_id": action_id, "options": list(options)}
    return made | ({"confirm": confirm} if confirm else {})


def menu(action_id: str, words: str, options: Sequence[Block]) -> Block:
    """A menu of one to a hundred of `option`; `words` stand in it until somebody chooses."""
    made: Block = {"type": "static_select", "action_id": action_id, "options": list(options)}
    return made | {"placeholder": plain(words, 150)}


def option(label: str, value: str, url: str = "") -> Block:
    """An entry of an overflow menu; `url` is opened in the browser, and the app is told too."""
    return {"text": plain(label, 75), "value": value} | ({"url": url} if url else {})


def confirm(title: str, words: str, yes: str, no: str) -> Block:
    """A dialog before a button acts."""
    return {
        "title": plain(title, 100),
        "text": plain(words, 300),
        "confirm": plain(yes, 30),
        "deny": plain(no, 30),
    }


def text(words: str, *, bold: bool = False, italic: bool = False, strike: bool = False) -> Block:
    """A piece of rich text; `words` are shown exactly as they are."""
    styles = (("bold", bold), ("italic", italic), ("strike", strike))
    style = {name: True for name, on in styles if on}
    return {"type": "text", "text": clean(words) or "–"} | ({"style": style} if style else {})


def person(user: str, name: str = "") -> Block:
    """A mention in rich text if `user` is a Slack id, otherwise plain words."""
    if _USER.fullmatch(user):
        return {"type": "user", "user_id": user}
    return text(one_line(name or user))


def link(url: str, words: str) -> Block:
    """A link of our own in rich text, such as a card's permalink."""
    return {"type": "link", "url": url, "text": clean(words) or "–"}


def date(at: datetime, form: str = _FORMAT) -> Block:
    """An instant in rich text, in each reader's own zone; TIME_ONLY for one that is near."""
    seconds = int(at.timestamp())
    return {"type": "date", "timestamp": seconds, "format": form, "fallback": utc(at)}


def stamp(at: datetime, form: str = _FORMAT) -> str:
    """An instant in mrkdwn, in each reader's own zone; TIME_ONLY for one that is near."""
    return f"<!date^{int(at.timestamp())}^{form}|{utc(at)}>"


def mrkdwn_of(pieces: Iterable[Block]) -> str:
    """A line of rich text (text, people, dates, links of ours) as mrkdwn, for a section."""
    return "".join(map(_mrkdwn_of, pieces))


def _mrkdwn_of(piece: Block) -> str:
    if piece["type"] == "user":
        return mention(piece["user_id"])
    if piece["type"] == "date":
        return stamp(datetime.fromtimestamp(piece["timestamp"], UTC), piece["format"])
    words = inert_mrkdwn(piece["text"])
    if piece["type"] == "link":
        return f"<{piece['url']}|{words}>"
    return f"*{words}*" if piece.get("style", {}).get("bold") and words.strip() == words else words


def utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def mention(user: str) -> str:
    """A mention in mrkdwn; empty if `user` is not a Slack id."""
    return f"<@{user}>" if _USER.fullmatch(user) else ""


def channel_link(channel: str) -> str:
    """A channel in mrkdwn; empty if `channel` is not a Slack id."""
    return f"<#{channel}>" if _CHANNEL.fullmatch(channel) else ""


def rich(*parts: Block) -> Block:
    return {"type": "rich_text", "elements": list(parts)}


def paragraph(*pieces: Block) -> Block:
    return {"type": "rich_text_section", "elements": list(pieces)}


def bullets(lines: Iterable[Sequence[Block]]) -> Block:
    items = [paragraph(*pieces) for pieces in lines]
    return {"type": "rich_text_list", "style": "bullet", "elements": items}


def quote(*pieces: Block) -> Block:
    return {"type": "rich_text_quote", "elements": list(pieces)}


def table(rows: Sequence[Sequence[str]], align: Sequence[str]) -> Block:
    """A table of plain cells; `align` is left or right per column. At most 100 rows."""
    cells = [[{"type": "raw_text", "text": one_line(cell) or "–"} for cell in row] for row in rows]
    columns = [{"align": side} for side in align]
    return {"type": "table", "rows": cells, "column_settings": columns}


def data_table(caption: str, rows: Sequence[Sequence[str]], page: int = 10) -> Block:
    """A table that App Home takes as well; `page` is how many rows are shown at once."""
    cells = [[{"type": "raw_text", "text": one_line(cell) or "–"} for cell in row] for row in rows]
    told = shortened(one_line(caption), 200)
    return {"type": "data_table", "caption": told, "rows": cells, "page_size": page}


def bars(title: str, series: Mapping[str, Sequence[Decimal]], labels: Sequence[str]) -> Block:
    """A bar chart: a bar per label and series; the title names what is counted.

    At most six series of twenty bars; names and labels have at most twenty characters.
    """
    plotted = [
        {
            "name": shortened(name, 20),
            "data": [
                {"label": label, "value": float(value)}
                for label, value in zip(labels, values, strict=True)
            ],
        }
        for name, values in series.items()
    ]
    axis = {"categories": list(labels)}
    chart = {"type": "bar", "series": plotted, "axis_config": axis}
    return {"type": "data_visualization", "title": shortened(one_line(title), 50), "chart": chart}


def chunks(words: str, size: int) -> list[str]:
    """`words` in pieces of at most `size` characters, split at line ends or else between words.

    Joining the pieces gives back `words`, except for a newline at each split.
    """
    pieces = []
    while len(words) > size:
        line = words.rfind("\n", 1, size + 1)
        cut = line if line > 0 else words.rfind(" ", 0, size) + 1 or size
        pieces.append(words[:cut])
        words = words[cut + (line > 0) :]
    return [*pieces, words]
