"""Every block that Slack knows, with its limits and the surfaces it may appear on.

Where Slack's pages disagree (rows of a data table, series of a chart, a table on Home), the lower
number and the stricter surface apply.
"""

from __future__ import annotations

from typing import Any, Literal

from bot.blockkit.lint_elements import (
    CLICKED,
    IMAGE,
    RICH_TEXT,
    TYPED,
    either,
    mrkdwn,
    plain,
)
from bot.blockkit.lint_shapes import (
    Check,
    Faults,
    anything,
    choice,
    every,
    flag,
    kind,
    many,
    number,
    one_of,
    thing,
    whole,
    words,
)

Surface = Literal["message", "modal", "home"]

_ID = {"block_id": words(255)}
_MORE_CLICKED = {**CLICKED, "image": IMAGE}


def _number(value: Any, at: str) -> Faults:
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield f"{at}: has to be a number"


def _text_or_fields(value: Any, at: str) -> Faults:
    if isinstance(value, dict) and not ("text" in value or "fields" in value):
        yield f"{at}: text or fields is missing"


def _collapses(value: Any, at: str) -> Faults:
    if value.get("default_collapsed") and not value.get("is_collapsible"):
        yield f"{at}: default_collapsed needs is_collapsible"


def _pictured(value: Any, at: str) -> Faults:
    if ("image_url" in value) == ("slack_file" in value):
        yield f"{at}: either image_url or slack_file"


_section = every(
    kind(
        {},
        {
            **_ID,
            "text": either(3000),
            "fields": many(either(2000), 10),
            "accessory": one_of(_MORE_CLICKED),
            "expand": flag,
        },
    ),
    _text_or_fields,
)
_image = every(
    kind(
        {"alt_text": words(2000)},
        {**_ID, "image_url": words(3000), "slack_file": anything, "title": plain(2000)},
    ),
    _pictured,
)
_small = one_of({"image": IMAGE, "plain_text": plain(3000), "mrkdwn": mrkdwn(3000)})
_input = kind(
    {"label": plain(2000), "element": one_of(TYPED)},
    {**_ID, "hint": plain(2000), "optional": flag, "dispatch_action": flag},
)
_cell = one_of(
    {
        "raw_text": kind({"text": words(3000)}),
        "raw_number": kind({"value": _number}, {"text": words(3000)}),
        "rich_text": RICH_TEXT,
    }
)
_column = thing({}, {"align": choice("left", "center", "right"), "is_wrapped": flag})
_button = one_of({"button": CLICKED["button"]})
_card = kind(
    {},
    {
        **_ID,
        "title": either(150),
        "subtitle": either(150),
        "body": either(200),
        "subtext": either(200),
        "actions": many(_button, 3),
        **dict.fromkeys(("hero_image", "icon", "slack_icon"), anything),
    },
)


def fits_its_axis(plot: Any, at: str) -> Faults:
    """Every series has exactly one point for each category, and a name of its own."""
    try:
        categories = plot["axis_config"]["categories"]
        labels = [[point["label"] for point in one["data"]] for one in plot["series"]]
        names = [one["name"] for one in plot["series"]]
    except (TypeError, KeyError):
        return  # its shape is told already
    if any(sorted(own) != sorted(categories) for own in labels):
        yield f"{at}: a series has other points than the axis has categories"
    if len(set(names)) < len(names) or len(set(categories)) < len(categories):
        yield f"{at}: a name or category is used twice"


_plain_blocks: dict[str, Check] = {
    "section": _section,
    "header": kind({"text": plain(150)}, _ID),
    "divider": kind({}, _ID),
    "image": _image,
    "context": kind({"elements": many(_small, 10)}, _ID),
    "actions": kind({"elements": many(one_of(CLICKED), 25)}, _ID),
    "input": _input,
    "rich_text": RICH_TEXT,
}
_table = kind({"rows": many(many(_cell, 20), 100)}, {**_ID, "column_settings": many(_column, 20)})
_data_table = kind(
    {"rows": many(many(_cell, 20), 101, 2), "caption": words(2000)},
    {**_ID, "page_size": whole(1, 100), "row_header_column_index": whole(0, 19)},
)
_point = thing({"label": words(20), "value": number})
_axes = thing(
    {"categories": many(words(20), 20)}, {"x_label": words(50, 0), "y_label": words(50, 0)}
)
_series = thing({"name": words(20), "data": many(_point, 20)})
# Slack's page allows six series and segments, others say twelve
_plot = every(kind({"series": many(_series, 6), "axis_config": _axes}), fits_its_axis)
_chart = kind(
    {
        "title": words(50),
        "chart": one_of(
            {
                "pie": kind({"segments": many(_point, 6)}),
                **dict.fromkeys(("bar", "area", "line"), _plot),
            }
        ),
    },
    _ID,
)
_IN_CONTAINERS = ("section", "header", "divider", "image", "context", "actions")
"""With the table, the children that both Slack's pages and its validator name."""
_children = {**{name: _plain_blocks[name] for name in _IN_CONTAINERS}, "table": _table}
_container = every(
    kind(
        {"title": plain(150), "child_blocks": many(one_of(_children), 10)},
        {
            **_ID,
            "subtitle": either(150),
            "is_collapsible": flag,
            "default_collapsed": flag,
            **dict.fromkeys(("width", "icon", "has_header_divider"), anything),
        },
    ),
    _collapses,
)
_task = kind({"task_id": words(255), "title": words(150)}, dict.fromkeys(("status",), anything))

_ON_MESSAGES: dict[str, Check] = {
    "markdown": kind({"text": words(12_000)}, _ID),
    "table": _table,
    "data_table": _data_table,
    "data_visualization": _chart,
    "card": _card,
    "carousel": kind({"elements": many(one_of({"card": _card}), 10)}, _ID),
    "container": _container,
    "task_card": _task,
    "plan": kind({"title": words(150), "tasks": many(_task, 50)}, _ID),
}
_ALERT = kind(
    {"text": either(200)},
    {**_ID, "level": choice("default", "info", "warning", "error", "success")},
)
BLOCKS: dict[Surface, dict[str, Check]] = {
    "message": {**_plain_blocks, **_ON_MESSAGES},
    "modal": {**_plain_blocks, "alert": _ALERT, "card": _card},
    "home": {
        **_plain_blocks,
        "data_table": _data_table,
        "data_visualization": _chart,
        "card": _card,
    },
}
