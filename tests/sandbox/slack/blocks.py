"""Every block on the surface where Slack accepts it, and what holds for a payload as a whole."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Literal

from tests.sandbox.slack import elements, rich_text
from tests.sandbox.slack.shape import (
    Check,
    all_of,
    boolean,
    by_type,
    fields,
    integer,
    items,
    number,
    one_of,
    string,
    typed,
    wrong,
)
from tests.sandbox.slack.text import mrkdwn, plain, text

Surface = Literal["message", "modal", "home"]

BLOCK_ID = {"block_id": string(255)}
MOST_BLOCKS: dict[Surface, int] = {"message": 50, "modal": 100, "home": 100}
LARGEST_VIEW = 250_000  # bytes of JSON


def has_one_of(*names: str) -> Check:
    """At least one of these fields is there."""

    def check(value: object, at: str) -> Iterator[str]:
        if isinstance(value, dict) and not any(name in value for name in names):
            yield wrong(f"missing required field: {' or '.join(names)}", at)

    return check


def collapses_only_when_collapsible(value: object, at: str) -> Iterator[str]:
    """default_collapsed needs is_collapsible."""
    collapsed = isinstance(value, dict) and value.get("default_collapsed")
    if collapsed and isinstance(value, dict) and not value.get("is_collapsible"):
        yield wrong("default_collapsed requires is_collapsible", at)


section = all_of(
    typed(
        "section",
        {},
        {
            **BLOCK_ID,
            "text": text(3000),
            "fields": items(text(2000), 1, 10),
            "accessory": by_type(elements.ACCESSORIES),
            "expand": boolean,
        },
    ),
    has_one_of("text", "fields"),
)
header = typed("header", {"text": plain(150)}, BLOCK_ID)
divider = typed("divider", {}, BLOCK_ID)
image = typed(
    "image",
    {"image_url": string(3000), "alt_text": string(2000)},
    {**BLOCK_ID, "title": plain(2000)},
)
context = typed(
    "context",
    {
        "elements": items(
            by_type({"image": elements.image, "plain_text": plain(3000), "mrkdwn": mrkdwn(3000)}),
            1,
            10,
        )
    },
    BLOCK_ID,
)
actions = typed("actions", {"elements": items(by_type(elements.PRESSED), 1, 25)}, BLOCK_ID)
input_block = typed(
    "input",
    {"label": plain(2000), "element": by_type(elements.INPUTS)},
    {**BLOCK_ID, "hint": plain(2000), "optional": boolean, "dispatch_action": boolean},
)
rich = typed("rich_text", {"elements": rich_text.parts}, BLOCK_ID)
markdown = typed("markdown", {"text": string(12_000)}, BLOCK_ID)
raw_text = typed("raw_text", {"text": string(3000)})
raw_number = typed("raw_number", {"value": number}, {"text": string(3000)})
cell = by_type({"raw_text": raw_text, "raw_number": raw_number, "rich_text": rich})
column = fields({}, {"align": one_of("left", "center", "right"), "is_wrapped": boolean})
table = typed(
    "table",
    {"rows": items(items(cell, 1, 20), 1, 100)},
    {**BLOCK_ID, "column_settings": items(column, 1, 20)},
)
data_table = typed(
    "data_table",
    {"rows": items(items(cell, 1, 20), 2, 101), "caption": string(2000)},
    {
        **BLOCK_ID,
        "page_size": integer(1, 100),
        "row_header_column_index": integer(0, 19),
    },
)
point = fields({"label": string(20), "value": number})
series = fields({"name": string(20), "data": items(point, 1, 20)})
axes = fields(
    {"categories": items(string(20), 1, 20)}, {"x_label": string(50), "y_label": string(50)}
)


def fits_its_axis(plot: object, at: str) -> Iterator[str]:
    """Each series has exactly one point for every category."""
    if not isinstance(plot, dict):
        return
    wanted = sorted(map(str, plot.get("axis_config", {}).get("categories", [])))
    for index, one in enumerate(plot.get("series", [])):
        if sorted(str(each.get("label")) for each in one.get("data", [])) != wanted:
            yield wrong("must have one point per category", f"{at}/series/{index}")


def plot(kind: str) -> Check:
    """A chart with axes."""
    return all_of(typed(kind, {"series": items(series, 1, 6), "axis_config": axes}), fits_its_axis)


chart = typed(
    "data_visualization",
    {
        "title": string(50),
        "chart": by_type(
            {
                "pie": typed("pie", {"segments": items(point, 1, 6)}),
                **{kind: plot(kind) for kind in ("bar", "area", "line")},
            }
        ),
    },
    BLOCK_ID,
)
alert = typed(
    "alert",
    {"text": text(200)},
    {**BLOCK_ID, "level": one_of("default", "info", "warning", "error", "success")},
)
INSIDE_CONTAINER: dict[str, Check] = {
    "actions": actions,
    "context": context,
    "divider": divider,
    "header": header,
    "image": image,
    "section": section,
    "table": table,
}
"""What Slack's pages and its validator both name; they differ about input, rich_text and file."""
container = all_of(
    typed(
        "container",
        {"child_blocks": items(by_type(INSIDE_CONTAINER), 1, 10)},
        {
            **BLOCK_ID,
            "title": plain(150),
            "rich_text_title": rich,
            "subtitle": text(150),
            "width": one_of("narrow", "standard", "wide", "full"),
            "icon": elements.image,
            "is_collapsible": boolean,
            "default_collapsed": boolean,
            "has_header_divider": boolean,
        },
    ),
    has_one_of("title", "rich_text_title"),
    collapses_only_when_collapsible,
)
EVERYWHERE: dict[str, Check] = {
    "section": section,
    "header": header,
    "divider": divider,
    "image": image,
    "context": context,
    "actions": actions,
    "input": input_block,
    "rich_text": rich,
}
# Where Slack's pages and the validators disagree (table, container at home) the stricter one holds.
SURFACES: dict[Surface, dict[str, Check]] = {
    "message": {
        **EVERYWHERE,
        "markdown": markdown,
        "table": table,
        "data_table": data_table,
        "data_visualization": chart,
        "container": container,
    },
    "modal": {**EVERYWHERE, "alert": alert},
    "home": {**EVERYWHERE, "data_table": data_table, "data_visualization": chart},
}


def faults_in_blocks(blocks: object, surface: Surface) -> list[str]:
    """What Slack would refuse about these blocks, empty when nothing."""
    shape = items(by_type(SURFACES[surface]), 0, MOST_BLOCKS[surface])
    found = list(shape(blocks, "/blocks"))
    return found or list(_faults_across(blocks_of(blocks)))


def faults_in_view(view: object) -> list[str]:
    """What Slack would refuse about a modal or a Home tab, empty when nothing."""
    kind = view.get("type") if isinstance(view, dict) else None
    if not isinstance(view, dict) or kind not in ("modal", "home"):
        return [wrong("unsupported type of view", "/view/type")]
    found = list(_modal(view, "/view") if kind == "modal" else _home(view, "/view"))
    found += faults_in_blocks(view.get("blocks"), kind)
    if not found and kind == "modal":
        found += _submit_is_there(view)
    return found


def blocks_of(blocks: object) -> list[dict[str, object]]:
    """The blocks, each container followed by the blocks inside it."""
    flat: list[dict[str, object]] = []
    for block in blocks if isinstance(blocks, list) else []:
        flat.append(block)
        flat += blocks_of(block.get("child_blocks", []))
    return flat


def elements_of(block: dict[str, object]) -> list[dict[str, object]]:
    """The interactive elements of one block."""
    inside = [block.get("accessory"), block.get("element")]
    if block["type"] == "actions":
        listed = block.get("elements")
        inside += listed if isinstance(listed, list) else []
    return [one for one in inside if isinstance(one, dict) and one.get("type") != "image"]


def _faults_across(flat: list[dict[str, object]]) -> Iterator[str]:
    yield from _repeated("block_id", flat)
    yield from _repeated("action_id", [one for block in flat for one in elements_of(block)])
    if sum(block["type"] in ("table", "data_table") for block in flat) > 1:
        yield wrong("only_one_table_allowed", "/blocks")
    if sum(block["type"] == "data_visualization" for block in flat) > 2:
        yield wrong("no more than 2 data_visualization blocks allowed", "/blocks")
    prose = [str(block["text"]) for block in flat if block["type"] == "markdown"]
    if sum(map(len, prose)) > 12_000:
        yield wrong("markdown blocks must be less than 12001 characters together", "/blocks")


def _repeated(name: str, things: list[dict[str, object]]) -> Iterator[str]:
    seen = Counter(str(thing[name]) for thing in things if name in thing)
    for value, times in seen.items():
        if times > 1:
            yield wrong(f"{name} must be unique: {value}", "/blocks")


def _anything(value: object, at: str) -> Iterator[str]:
    yield from ()


_shared: dict[str, Check] = {
    "private_metadata": string(3000, shortest=0),
    "callback_id": string(255),
    "external_id": string(255),
}
_modal = fields(
    {"type": one_of("modal"), "title": plain(24), "blocks": _anything},
    {
        **_shared,
        "submit": plain(24),
        "close": plain(24),
        "clear_on_close": boolean,
        "notify_on_close": boolean,
        "submit_disabled": boolean,
    },
)
_home = fields({"type": one_of("home"), "blocks": _anything}, _shared)


def _submit_is_there(view: dict[str, object]) -> list[str]:
    kinds = [block["type"] for block in blocks_of(view["blocks"])]
    if "input" in kinds and "submit" not in view:
        return [wrong("missing required field: submit (the view has an input)", "/view")]
    return []


def too_large(view: object) -> bool:
    """Whether the view is above Slack's 250 KB."""
    return len(json.dumps(view).encode()) > LARGEST_VIEW
