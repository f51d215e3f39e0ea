"""Text objects, rich text and interactive elements, with the limits of Slack's block reference."""

from __future__ import annotations

import re
from typing import Any

from bot.blockkit.lint_shapes import (
    Check,
    Faults,
    anything,
    choice,
    every,
    flag,
    kind,
    many,
    one_of,
    thing,
    whole,
    words,
)


def plain(most: int) -> Check:
    return one_of({"plain_text": kind({"text": words(most)}, {"emoji": flag})})


def mrkdwn(most: int) -> Check:
    return one_of({"mrkdwn": kind({"text": words(most)}, {"verbatim": flag})})


def either(most: int) -> Check:
    return one_of({"plain_text": plain(most), "mrkdwn": mrkdwn(most)})


ACTION = {"action_id": words(255)}
CONFIRM = thing(
    {"title": plain(100), "text": plain(300), "confirm": plain(30), "deny": plain(30)},
    {"style": choice("primary", "danger")},
)
PRESSED = {**ACTION, "confirm": CONFIRM}
IMAGE = kind({"alt_text": words(2000)}, {"image_url": words(3000), "slack_file": anything})


def _option(label: Check) -> Check:
    return thing({"text": label, "value": words(150)}, {"description": either(75)})


def _options(most: int, label: Check) -> Check:
    return every(many(_option(label), most), _values_differ)


def _values_differ(value: Any, at: str) -> Faults:
    found = (
        [o.get("value") for o in value if isinstance(o, dict)] if isinstance(value, list) else []
    )
    if len(found) != len(set(map(str, found))):
        yield f"{at}: two options have the same value"


def _select(chosen: str, chosen_check: Check, most: int, label: Check) -> Check:
    return every(
        kind(
            {"options": _options(most, label)},
            {**PRESSED, "placeholder": plain(150), "focus_on_load": flag, chosen: chosen_check},
        ),
        _chosen_is_offered,
    )


def _chosen_is_offered(value: Any, at: str) -> Faults:
    if not isinstance(value, dict) or not isinstance(value.get("options"), list):
        return
    first = value.get("initial_option")
    chosen = value.get("initial_options") or ([first] if first is not None else [])
    if isinstance(chosen, list) and any(one not in value["options"] for one in chosen):
        yield f"{at}: what is chosen at first is not among the options"


def _day(value: Any, at: str) -> Faults:
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        yield f"{at}: has to be a date such as 2026-11-22"


_SHORT, _LABEL = plain(75), either(75)
_CHOICE = {**PRESSED, "focus_on_load": flag}
BUTTON = kind(
    {"text": _SHORT},
    {
        **PRESSED,
        "value": words(2000, 0),
        "url": words(3000),
        "style": choice("primary", "danger"),
        "accessibility_label": words(75),
        "agent_prompt": words(4000),
    },
)
_ENTRY = thing(
    {"text": _SHORT, "value": words(150)}, {"description": either(75), "url": words(3000)}
)
OVERFLOW = kind({"options": every(many(_ENTRY, 5), _values_differ)}, PRESSED)
SELECT = _select("initial_option", _option(_SHORT), 100, _SHORT)
MULTI_SELECT = every(
    kind(
        {"options": _options(100, _SHORT)},
        {
            **_CHOICE,
            "placeholder": plain(150),
            "initial_options": many(_option(_SHORT), 100),
            "max_selected_items": whole(1, 100),
        },
    ),
    _chosen_is_offered,
)
RADIO = _select("initial_option", _option(_LABEL), 10, _LABEL)
CHECKBOXES = _select("initial_options", many(_option(_LABEL), 10), 10, _LABEL)
DATEPICKER = kind({}, {**_CHOICE, "placeholder": plain(150), "initial_date": _day})
USERS = kind({}, {**_CHOICE, "placeholder": plain(150), "initial_user": words(20)})
_FILTER = thing(
    {},
    {
        "include": many(choice("im", "mpim", "private", "public"), 4),
        "exclude_external_shared_channels": flag,
        "exclude_bot_users": flag,
    },
)
CONVERSATIONS = kind(
    {},
    {
        **_CHOICE,
        "placeholder": plain(150),
        "initial_conversation": words(20),
        "default_to_current_conversation": flag,
        "filter": _FILTER,
    },
)
# initial_value may be longer than 3000 characters, max_length may not (node-slack-sdk 940)
TEXT_INPUT = kind(
    {},
    {
        **ACTION,
        "initial_value": words(100_000, 0),
        "multiline": flag,
        "min_length": whole(0, 3000),
        "max_length": whole(1, 3000),
        "placeholder": plain(150),
        "focus_on_load": flag,
        "dispatch_action_config": anything,
    },
)
RICH_INPUT = kind({}, {**ACTION, "placeholder": plain(150), "focus_on_load": flag})

CLICKED: dict[str, Check] = {
    "button": BUTTON,
    "overflow": OVERFLOW,
    "static_select": SELECT,
    "multi_static_select": MULTI_SELECT,
    "users_select": USERS,
    "conversations_select": CONVERSATIONS,
    "datepicker": DATEPICKER,
    "radio_buttons": RADIO,
    "checkboxes": CHECKBOXES,
}
TYPED: dict[str, Check] = {
    "plain_text_input": TEXT_INPUT,
    "rich_text_input": RICH_INPUT,
    **{name: check for name, check in CLICKED.items() if name not in ("button", "overflow")},
}

_STYLE = {"style": thing({}, dict.fromkeys(("bold", "italic", "strike", "code"), flag))}
_PIECE = one_of(
    {
        "text": kind({"text": words(40_000)}, _STYLE),
        "link": kind({"url": words(3000)}, {**_STYLE, "text": words(40_000), "unsafe": flag}),
        "emoji": kind({"name": words(100)}, {**_STYLE, "unicode": words(100)}),
        "user": kind({"user_id": words(20)}, _STYLE),
        "usergroup": kind({"usergroup_id": words(20)}, _STYLE),
        "channel": kind({"channel_id": words(20)}, _STYLE),
        "date": kind(
            {"timestamp": whole(0, 2**40), "format": words(200)},
            {**_STYLE, "url": words(3000), "fallback": words(200)},
        ),
    }
)
_PIECES = {"elements": many(_PIECE, 1000, 0)}
_BORDER = {"border": whole(0, 1)}
_LINE = kind(_PIECES)
RICH_TEXT = kind(
    {
        "elements": many(
            one_of(
                {
                    "rich_text_section": _LINE,
                    "rich_text_preformatted": kind(_PIECES, _BORDER),
                    "rich_text_quote": kind(_PIECES, _BORDER),
                    "rich_text_list": kind(
                        {
                            "elements": many(one_of({"rich_text_section": _LINE}), 1000),
                            "style": choice("bullet", "ordered"),
                        },
                        {"indent": whole(0, 8), "offset": whole(0, 10_000), **_BORDER},
                    ),
                }
            ),
            1000,
        )
    },
    {"block_id": words(255)},
)
