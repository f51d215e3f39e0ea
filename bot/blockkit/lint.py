"""Finds what Slack would refuse in a payload before it is sent.

No published validator of dict payloads covers limits and surfaces, so this one does; the numbers
are from Slack's references for blocks, views and messages.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.blockkit.escaping import hides
from bot.blockkit.lint_blocks import BLOCKS, Surface
from bot.blockkit.lint_elements import plain
from bot.blockkit.lint_shapes import Check, Faults, anything, flag, many, one_of, thing, words

MOST_TEXT = 4000
"""The limit of chat.update; chat.postMessage would cut at 40,000."""
MOST_BLOCKS: dict[Surface, int] = {"message": 50, "modal": 100, "home": 100}
LARGEST_MESSAGE = 100_000  # characters of JSON that blocks.validate takes
LARGEST_VIEW = 250_000  # bytes
_TABLES = ("table", "data_table")
_CHARTS = "data_visualization"

_SHARED = {"private_metadata": words(3000, 0), "callback_id": words(255), "external_id": words(255)}
_FRAME: dict[str, Check] = {
    "message": thing({"text": words(MOST_TEXT), "blocks": anything}, {}),
    "modal": thing(
        {"type": anything, "title": plain(24), "blocks": anything},
        {
            **_SHARED,
            "submit": plain(24),
            "close": plain(24),
            "clear_on_close": flag,
            "notify_on_close": flag,
            "submit_disabled": flag,
        },
    ),
    "home": thing({"type": anything, "blocks": anything}, _SHARED),
}


def lint(payload: Mapping[str, Any], surface: Surface) -> list[str]:
    """What is wrong with a message (`text` and `blocks`) or a view; empty if nothing is.

    Each line starts with the path of the fault. It also requires what Slack does not: a message
    needs a top-level text, short enough for chat.update, because screen readers read nothing else.
    """
    found = list(_FRAME[surface](dict(payload), surface))
    found += many(one_of(BLOCKS[surface]), MOST_BLOCKS[surface], 0)(payload.get("blocks"), "blocks")
    if found:
        return found
    return [
        *_across(payload["blocks"]),
        *_of_the_whole(payload, surface),
        *_unescaped(str(payload.get("text", "")), "text"),
        *_readable(payload["blocks"], "blocks"),
        *_readable([payload.get(name) for name in ("title", "submit", "close")], surface),
    ]


def _across(blocks: Sequence[dict[str, Any]]) -> Faults:
    flat = list(_flat(blocks))
    yield from _repeated("block_id", flat)
    yield from _repeated("action_id", [one for block in flat for one in _elements(block)])
    kinds = Counter(block["type"] for block in flat)
    if sum(kinds[name] for name in _TABLES) > 1:
        yield "blocks: only one table per message"
    if kinds[_CHARTS] > 2:
        yield "blocks: at most two charts per message"
    if sum(len(b["text"]) for b in flat if b["type"] == "markdown") > 12_000:
        yield "blocks: more than 12000 characters of markdown together"
    yield from _data_tables_fit(flat)


def _data_tables_fit(flat: Sequence[dict[str, Any]]) -> Faults:
    for block in flat:
        if block["type"] == "data_table" and len(json.dumps(block["rows"])) > 20_000:
            yield "blocks: a data table holds more than 20000 characters"


def _of_the_whole(payload: Mapping[str, Any], surface: Surface) -> Faults:
    written = json.dumps(dict(payload), ensure_ascii=False)
    size = len(written.encode("utf-8", "surrogatepass"))
    if surface == "message" and len(written) > LARGEST_MESSAGE:
        yield f"message: {len(written)} characters of JSON, at most {LARGEST_MESSAGE}"
    if surface != "message" and size > LARGEST_VIEW:
        yield f"{surface}: {size} bytes, at most {LARGEST_VIEW}"
    asks = any(block["type"] == "input" for block in payload["blocks"])
    if surface == "modal" and asks and "submit" not in payload:
        yield "modal: submit is missing although there is an input"


def _flat(blocks: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for block in blocks:
        yield block
        yield from _flat(block.get("child_blocks", []))


def _elements(block: dict[str, Any]) -> list[dict[str, Any]]:
    listed = block["elements"] if block["type"] == "actions" else []
    return [*listed, *(block[name] for name in ("accessory", "element") if name in block)]


def _repeated(name: str, things: Sequence[dict[str, Any]]) -> Faults:
    seen = Counter(one[name] for one in things if name in one)
    yield from (f"blocks: {name} {value!r} is used {n} times" for value, n in seen.items() if n > 1)


_JOINER = "\u2060"
"""Our own escaping puts it into links and quotes, which it makes inert."""
_TOKEN = re.compile(
    r"<(?:@[UW][A-Z0-9]+|#[CGD][A-Z0-9]+|!subteam\^S[A-Z0-9]+|!date\^[0-9]+\^[^<>|]+\|[^<>|]+"
    r"|https?://[^<>|\s]+(?:\|[^<>|]+)?)>|^> ",
    re.MULTILINE,
)
"""What our own words may say in Slack's markup: people, a channel, an instant, a link, a quote."""
_BARE = re.compile(r"[<>]|&(?!(?:amp|lt|gt);)")


def _unescaped(words: str, at: str) -> Faults:
    """Whatever is left beside our own tokens was not escaped, or calls a whole channel."""
    if found := _BARE.search(_TOKEN.sub("", words)):
        yield f"{at}: {found[0]!r} is not escaped"
    yield from _unseen(words, at)


def _unseen(words: str, at: str) -> Faults:
    if hides(words.replace(_JOINER, "")):
        yield f"{at}: a hidden character"


def _readable(part: Any, at: str) -> Faults:
    """Texts without markup of others and without hidden characters, wherever they stand."""
    if isinstance(part, list):
        for number, each in enumerate(part):
            yield from _readable(each, f"{at}[{number}]")
    elif isinstance(part, dict):
        parsed = part.get("type") == "mrkdwn"
        for name, each in part.items():
            look = _unescaped if parsed and name == "text" else _readable
            yield from look(each, f"{at}.{name}")
    elif isinstance(part, str) and not at.endswith("initial_value"):
        yield from _unseen(part, at)
