"""The stand-in refuses the blocks that Slack would refuse, and no others."""

from typing import Any

import pytest

from tests.sandbox.slack.blocks import Surface, faults_in_blocks, faults_in_view, too_large


def plain(text: str = "x") -> dict[str, Any]:
    """A plain_text object."""
    return {"type": "plain_text", "text": text}


def section(text: str = "x", **more: Any) -> dict[str, Any]:
    """A section of mrkdwn."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


def button(**more: Any) -> dict[str, Any]:
    """A button."""
    return {"type": "button", "text": plain("Approve"), "action_id": "approve", **more}


def actions(*elements: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An actions block."""
    return {"type": "actions", "elements": list(elements), **more}


def options(count: int) -> list[dict[str, Any]]:
    """That many different options."""
    return [{"text": plain(str(number)), "value": str(number)} for number in range(count)]


def select(count: int, **more: Any) -> dict[str, Any]:
    """A static_select."""
    return {"type": "static_select", "action_id": "reason", "options": options(count), **more}


def input_of(element: dict[str, Any]) -> dict[str, Any]:
    """An input block."""
    return {"type": "input", "label": plain("Reason"), "element": element}


def table(rows: int, columns: int, text: str = "x") -> dict[str, Any]:
    """A table of raw text."""
    cell = {"type": "raw_text", "text": text}
    return {"type": "table", "rows": [[cell] * columns for _ in range(rows)]}


def quote(text: str) -> dict[str, Any]:
    """Rich text with a quote."""
    inside = {"type": "rich_text_quote", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "elements": [inside]}


def container(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A container."""
    return {"type": "container", "title": plain("History"), "child_blocks": list(blocks), **more}


def text_input(**more: Any) -> dict[str, Any]:
    """A text field."""
    return {"type": "plain_text_input", "action_id": "body", **more}


CONFIRM = {"title": plain(), "text": plain(), "confirm": plain(), "deny": plain()}

GOOD: list[tuple[Surface, list[dict[str, Any]]]] = [
    ("message", [section("x" * 3000)]),
    ("message", [section(fields=[plain("x" * 2000)] * 10)]),
    ("message", [{"type": "header", "text": plain("x" * 150)}, {"type": "divider"}]),
    ("message", [actions(*[button(action_id=str(n)) for n in range(25)])]),
    ("message", [actions(button(style="danger", confirm=CONFIRM, value="v" * 2000))]),
    ("message", [section()] * 50),
    ("message", [table(100, 20)]),
    ("message", [quote("<!channel> is only text here")]),
    ("message", [container(section(), table(1, 1), is_collapsible=True, default_collapsed=True)]),
    ("message", [{"type": "markdown", "text": "x" * 12_000}]),
    ("message", [section(accessory=select(100))]),
    ("modal", [input_of(text_input(multiline=True, initial_value="x" * 5000, max_length=3000))]),
    ("modal", [{"type": "alert", "text": plain("Look again"), "level": "warning"}]),
    ("modal", [input_of({"type": "datepicker", "initial_date": "2026-11-22"})]),
    ("home", [section()] * 100),
]

BAD: list[tuple[Surface, list[dict[str, Any]], str]] = [
    ("message", [section("x" * 3001)], "less than 3001"),
    ("message", [section("")], "more than 0"),
    ("message", [{"type": "section"}], "text or fields"),
    ("message", [section(fields=[plain("x" * 2001)])], "less than 2001"),
    ("message", [section(fields=[plain()] * 11)], "no more than 10"),
    ("message", [section(colour="red")], "unexpected field: colour"),
    ("message", [{"type": "header", "text": plain("x" * 151)}], "less than 151"),
    ("message", [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}], "one of plain_text"),
    ("message", [actions(button(text=plain("x" * 76)))], "less than 76"),
    ("message", [actions(button(value="v" * 2001))], "less than 2001"),
    ("message", [actions(button(style="green"))], "primary, danger"),
    ("message", [actions(button(confirm=CONFIRM | {"title": plain("x" * 101)}))], "less than 101"),
    ("message", [actions(button(confirm=CONFIRM | {"text": plain("x" * 301)}))], "less than 301"),
    ("message", [actions(*[button(action_id=str(n)) for n in range(26)])], "no more than 25"),
    ("message", [actions()], "no less than 1"),
    ("message", [actions(button(), button())], "action_id must be unique"),
    ("message", [actions(button()), container(actions(button()))], "action_id must be unique"),
    ("message", [section(block_id="a"), section(block_id="a")], "block_id must be unique"),
    ("message", [section()] * 51, "no more than 50"),
    ("message", [table(1, 1), table(1, 1)], "only_one_table_allowed"),
    ("message", [table(1, 1), container(table(1, 1))], "only_one_table_allowed"),
    ("message", [table(101, 1)], "no more than 100"),
    ("message", [table(1, 21)], "no more than 20"),
    ("message", [table(1, 1, "")], "more than 0"),
    ("message", [{"type": "markdown", "text": "x" * 7000}] * 2, "less than 12001"),
    ("message", [{"type": "alert", "text": plain()}], "unsupported type: alert"),
    ("message", [container(*[section()] * 11)], "no more than 10"),
    ("message", [container(container(section()))], "unsupported type: container"),
    ("message", [container(quote("x"))], "unsupported type: rich_text"),
    ("message", [container(section(), default_collapsed=True)], "requires is_collapsible"),
    ("message", [{"type": "sparkle"}], "unsupported type: sparkle"),
    ("message", [actions(text_input())], "unsupported type: plain_text_input"),
    ("message", [actions(select(101))], "no more than 100"),
    ("message", [actions({"type": "overflow", "options": options(6)})], "no more than 5"),
    ("message", [actions(select(2, initial_option=options(3)[2]))], "not among the options"),
    ("message", [actions(select(1) | {"options": options(1) * 2})], "values must be unique"),
    ("message", [{"type": "context", "elements": [plain()] * 11}], "no more than 10"),
    ("message", [{"type": "context", "elements": [button()]}], "unsupported type: button"),
    ("message", [{"type": "rich_text", "elements": []}], "no less than 1"),
    ("modal", [{"type": "markdown", "text": "x"}], "unsupported type: markdown"),
    ("modal", [table(1, 1)], "unsupported type: table"),
    ("modal", [container(section())], "unsupported type: container"),
    ("modal", [input_of(text_input(max_length=3001))], "between 1 and 3000"),
    ("modal", [input_of(text_input(min_length=9, max_length=3))], "min_length"),
    ("modal", [input_of({"type": "datepicker", "initial_date": "22.11.2026"})], "YYYY-MM-DD"),
    ("modal", [section()] * 101, "no more than 100"),
    ("home", [{"type": "alert", "text": plain()}], "unsupported type: alert"),
]


@pytest.mark.parametrize(("surface", "blocks"), GOOD)
def test_blocks_within_the_limits_pass(surface: Surface, blocks: list[dict[str, Any]]) -> None:
    """At the very limit too."""
    assert faults_in_blocks(blocks, surface) == []


@pytest.mark.parametrize(("surface", "blocks", "reason"), BAD)
def test_blocks_beyond_the_limits_are_refused(
    surface: Surface, blocks: list[dict[str, Any]], reason: str
) -> None:
    """One step further, with the reason and where."""
    faults = faults_in_blocks(blocks, surface)
    assert any(reason in fault for fault in faults), faults
    assert "json-pointer:/blocks" in faults[0]


@pytest.mark.parametrize("blocks", [None, {}, "[]", [None], ["x"], [{}], [{"type": 7}]])
def test_what_are_no_blocks_is_refused(blocks: Any) -> None:
    """Whatever its shape, it is an answer and not a crash."""
    assert faults_in_blocks(blocks, "message")


def test_a_modal_with_an_input_needs_submit() -> None:
    """And without one it does not."""
    view = {"type": "modal", "title": plain("Edit"), "blocks": [input_of(text_input())]}
    assert "submit" in faults_in_view(view)[0]
    assert faults_in_view(view | {"submit": plain("Save")}) == []
    assert faults_in_view(view | {"blocks": [section()]}) == []


@pytest.mark.parametrize(
    "more",
    [
        {"title": plain("x" * 25)},
        {"submit": plain("x" * 25)},
        {"close": plain("x" * 25)},
        {"private_metadata": "x" * 3001},
        {"callback_id": "x" * 256},
        {"type": "drawer"},
        {"colour": "red"},
    ],
)
def test_a_view_beyond_its_limits_is_refused(more: dict[str, Any]) -> None:
    """Titles and buttons of 24, metadata of 3000, ids of 255 characters."""
    view: dict[str, Any] = {"type": "modal", "title": plain("Edit"), "blocks": [section()]}
    assert faults_in_view(view) == []
    assert faults_in_view(view | more)


def test_a_view_above_250_kilobytes_is_too_large() -> None:
    """Although each block is within its limits."""
    assert too_large({"type": "home", "blocks": [section("x" * 3000)] * 90})
    assert not too_large({"type": "home", "blocks": [section("x" * 3000)] * 80})
