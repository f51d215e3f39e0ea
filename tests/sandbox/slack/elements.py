"""The interactive elements of Block Kit, with Slack's limits for each."""

import re
from collections.abc import Iterator

from tests.sandbox.slack.shape import (
    Check,
    all_of,
    boolean,
    fields,
    integer,
    items,
    one_of,
    string,
    typed,
    wrong,
)
from tests.sandbox.slack.text import confirm, option, options, plain, text

ACTION_ID = {"action_id": string(255)}


def iso_date(value: object, at: str) -> Iterator[str]:
    """A date like 2026-11-22."""
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        yield wrong("must be a date in the format YYYY-MM-DD", at)


def initial_is_offered(value: object, at: str) -> Iterator[str]:
    """What is chosen at first must be, field by field, one of the options."""
    if not isinstance(value, dict) or not isinstance(value.get("options"), list):
        return
    chosen = value.get("initial_options") or [value.get("initial_option")]
    for one in chosen if isinstance(chosen, list) else []:
        if one is not None and one not in value["options"]:
            yield wrong("initial option is not among the options", at)


def not_longer_than_allowed(value: object, at: str) -> Iterator[str]:
    """A lower length limit above the upper one can never be met."""
    if isinstance(value, dict):
        shortest, longest = value.get("min_length", 0), value.get("max_length", 3000)
        if isinstance(shortest, int) and isinstance(longest, int) and shortest > longest:
            yield wrong("min_length must not be above max_length", at)


button = typed(
    "button",
    {"text": plain(75)},
    {
        **ACTION_ID,
        "value": string(2000),
        "url": string(3000),
        "style": one_of("primary", "danger"),
        "confirm": confirm,
        "accessibility_label": string(75),
    },
)
overflow = typed(
    "overflow",
    {"options": options(5, plain(75), url=string(3000))},
    {**ACTION_ID, "confirm": confirm},
)
SELECT = {
    **ACTION_ID,
    "placeholder": plain(150),
    "confirm": confirm,
    "focus_on_load": boolean,
}
static_select = all_of(
    typed(
        "static_select",
        {"options": options(100, plain(75))},
        {**SELECT, "initial_option": option(plain(75))},
    ),
    initial_is_offered,
)
multi_static_select = all_of(
    typed(
        "multi_static_select",
        {"options": options(100, plain(75))},
        {
            **SELECT,
            "initial_options": items(option(plain(75)), 1, 100),
            "max_selected_items": integer(1, 100),
        },
    ),
    initial_is_offered,
)
CHOICE = {**ACTION_ID, "confirm": confirm, "focus_on_load": boolean}
radio_buttons = all_of(
    typed(
        "radio_buttons",
        {"options": options(10, text(75))},
        {**CHOICE, "initial_option": option(text(75))},
    ),
    initial_is_offered,
)
checkboxes = all_of(
    typed(
        "checkboxes",
        {"options": options(10, text(75))},
        {**CHOICE, "initial_options": items(option(text(75)), 1, 10)},
    ),
    initial_is_offered,
)
datepicker = typed("datepicker", {}, {**SELECT, "initial_date": iso_date})
users_select = typed("users_select", {}, {**SELECT, "initial_user": string(20)})
conversations_select = typed(
    "conversations_select",
    {},
    {
        **SELECT,
        "initial_conversation": string(20),
        "default_to_current_conversation": boolean,
        "filter": fields(
            {},
            {
                "include": items(one_of("im", "mpim", "private", "public"), 1, 4),
                "exclude_external_shared_channels": boolean,
                "exclude_bot_users": boolean,
            },
        ),
    },
)
plain_text_input = all_of(
    typed(
        "plain_text_input",
        {},
        {
            **ACTION_ID,
            # a text may start longer than a person may make it: only max_length is capped at 3000
            "initial_value": string(250_000, shortest=0),
            "multiline": boolean,
            "min_length": integer(0, 3000),
            "max_length": integer(1, 3000),
            "placeholder": plain(150),
            "focus_on_load": boolean,
            "dispatch_action_config": fields(
                {
                    "trigger_actions_on": items(
                        one_of("on_enter_pressed", "on_character_entered"), 1, 2
                    )
                }
            ),
        },
    ),
    not_longer_than_allowed,
)
image = typed("image", {"image_url": string(3000), "alt_text": string(2000)})

PRESSED: dict[str, Check] = {
    "button": button,
    "overflow": overflow,
    "static_select": static_select,
    "radio_buttons": radio_buttons,
    "checkboxes": checkboxes,
    "datepicker": datepicker,
    "users_select": users_select,
    "conversations_select": conversations_select,
}
ACCESSORIES: dict[str, Check] = {
    **PRESSED,
    "multi_static_select": multi_static_select,
    "image": image,
}
INPUTS: dict[str, Check] = {
    "plain_text_input": plain_text_input,
    "static_select": static_select,
    "multi_static_select": multi_static_select,
    "radio_buttons": radio_buttons,
    "checkboxes": checkboxes,
    "datepicker": datepicker,
    "users_select": users_select,
    "conversations_select": conversations_select,
}
