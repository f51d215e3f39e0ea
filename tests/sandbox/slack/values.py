"""What a person has put into a view: `state.values`, from the first moment to the submission."""

from collections.abc import Iterator
from typing import Any

from tests.sandbox.slack.blocks import blocks_of, elements_of
from tests.sandbox.slack.kinds import Json

Value = str | list[str] | None

# element type -> (field of the state, field of the element that fills it at first)
FILLED = {
    "plain_text_input": ("value", "initial_value"),
    "static_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "checkboxes": ("selected_options", "initial_options"),
    "multi_static_select": ("selected_options", "initial_options"),
    "datepicker": ("selected_date", "initial_date"),
    "users_select": ("selected_user", "initial_user"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
}


def fillable(blocks: object) -> Iterator[tuple[Json, Json]]:
    """(block, element) for everything that holds a value."""
    for block in blocks_of(blocks):
        for element in elements_of(block):
            if element["type"] in FILLED:
                yield block, element


def first_values(blocks: object) -> Json:
    """The state of a fresh view or message."""
    values: Json = {}
    for block, element in fillable(blocks):
        held, initial = FILLED[element["type"]]
        nothing: Any = [] if held == "selected_options" else None
        state = {"type": element["type"], held: element.get(initial, nothing)}
        values.setdefault(block["block_id"], {})[element["action_id"]] = state
    return values


def kept_values(blocks: object, before: Json) -> Json:
    """The state after an update: an element with the same ids keeps what was typed into it."""
    values = first_values(blocks)
    for block_id, elements in values.items():
        for action_id, fresh in elements.items():
            old = before.get(block_id, {}).get(action_id)
            if old is not None and old["type"] == fresh["type"]:
                elements[action_id] = old
    return values


def put(element: Json, value: Value) -> Json:
    """The state of an element once a person has put `value` into it.

    A string (an option's value, a date, a user id, a text), a list of option values where several
    can be chosen, or None for nothing. Raises ValueError for an option that is not offered.
    """
    held = FILLED[element["type"]][0]
    filled: object = value or None
    if held == "selected_option" and value:
        filled = _offered(element, str(value))
    elif held == "selected_options":
        chosen = value if isinstance(value, list) else [value] if value else []
        filled = [_offered(element, one) for one in chosen]
    return {"type": element["type"], held: filled}


def _offered(element: Json, value: str) -> Json:
    for option in element["options"]:
        if option["value"] == value:
            return dict(option)
    raise ValueError(f"{value} is not an option of {element['action_id']}")


def missing(blocks: object, values: Json) -> dict[str, str]:
    """What Slack's client itself refuses before it sends: block id -> words for the person."""
    errors = {}
    for block, element in fillable(blocks):
        if block["type"] == "input":
            state = values[block["block_id"]][element["action_id"]]
            complaint = _complaint(block, element, state[FILLED[element["type"]][0]])
            if complaint:
                errors[str(block["block_id"])] = complaint
    return errors


def _complaint(block: Json, element: Json, value: object) -> str:
    if not value:
        return "" if block.get("optional") else "Please complete this required field."
    if isinstance(value, str) and element["type"] == "plain_text_input":
        if len(value) < element.get("min_length", 0):
            return f"Please enter at least {element['min_length']} characters."
        longest = element.get("max_length", 3000)
        if len(value) > longest:
            return f"This is too long by {len(value) - longest} characters."
    return ""
