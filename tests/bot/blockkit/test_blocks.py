from __future__ import annotations

import re
import sys
import unicodedata
import warnings
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block as SdkBlock
from slackblocks import _limits as theirs

from bot.blockkit import blocks, escaping
from bot.blockkit.blocks import bars
from bot.blockkit.lint import lint
from bot.blockkit.lint_blocks import Surface
from bot.surfaces import wording
from jobs.rules.figures import Money
from tests.bot.views import HOSTILE, NOW
from tests.sandbox.slack.blocks import faults_in_blocks

Payload = dict[str, Any]


def x(count: int) -> str:
    return "x" * count


def text(count: int) -> Payload:
    return {"type": "plain_text", "text": x(count)}


def message(*some: Payload) -> Payload:
    return {"text": "told", "blocks": list(some)}


def modal(*some: Payload, **more: Any) -> Payload:
    return {"type": "modal", "title": text(5), "blocks": list(some), **more}


def pressed(**more: Any) -> Payload:
    element = {"type": "button", "action_id": "a", "text": text(5), **more}
    return message({"type": "actions", "elements": [element]})


def asked(**more: Any) -> Payload:
    base = {name: text(3) for name in ("title", "text", "confirm", "deny")}
    return pressed(confirm={**base, **more})


def chosen(kind: str, options: list[Payload]) -> Payload:
    element = {"type": kind, "action_id": "a", "options": options}
    return message({"type": "actions", "elements": [element]})


def options(count: int, label: int = 3) -> list[Payload]:
    return [{"text": text(label), "value": str(n)} for n in range(count)]


def entered(**more: Any) -> Payload:
    element = {"type": "plain_text_input", "action_id": "a", **more}
    block = {"type": "input", "label": text(3), "element": element}
    return modal(block, submit=text(3))


def rows(count: int, columns: int = 1) -> Payload:
    cell = {"type": "raw_text", "text": "x"}
    return message({"type": "table", "rows": [[cell] * columns] * count})


def buttons(count: int) -> Payload:
    some = [{"type": "button", "action_id": f"a{n}", "text": text(3)} for n in range(count)]
    return message({"type": "actions", "elements": some})


def cards(count: int, **more: Any) -> Payload:
    one = {"type": "card", "title": text(3), **more}
    return message({"type": "carousel", "elements": [one] * count})


def inside(count: int, **more: Any) -> Payload:
    children = [{"type": "divider"}] * count
    return message({"type": "container", "title": text(3), "child_blocks": children, **more})


LIMITS: list[tuple[str, Any]] = [
    ("SECTION_TEXT_MAX_LENGTH", lambda n: message({"type": "section", "text": text(n)})),
    (
        "SECTION_FIELDS_MAX_ITEMS",
        lambda n: message({"type": "section", "fields": [text(1)] * n}),
    ),
    (
        "SECTION_FIELDS_ITEM_MAX_LENGTH",
        lambda n: message({"type": "section", "fields": [text(n)]}),
    ),
    ("HEADER_TEXT_MAX_LENGTH", lambda n: message({"type": "header", "text": text(n)})),
    (
        "CONTEXT_ELEMENTS_MAX_ITEMS",
        lambda n: message({"type": "context", "elements": [text(1)] * n}),
    ),
    ("ACTIONS_ELEMENTS_MAX_ITEMS", buttons),
    ("MARKDOWN_TEXT_MAX_LENGTH", lambda n: message({"type": "markdown", "text": x(n)})),
    ("TABLE_ROWS_MAX_ITEMS", rows),
    ("TABLE_COLUMNS_MAX_ITEMS", lambda n: rows(1, n)),
    ("BLOCK_ID_MAX_LENGTH", lambda n: message({"type": "divider", "block_id": x(n)})),
    ("ACTION_ID_MAX_LENGTH", lambda n: pressed(action_id=x(n))),
    ("BUTTON_TEXT_MAX_LENGTH", lambda n: pressed(text=text(n))),
    ("BUTTON_VALUE_MAX_LENGTH", lambda n: pressed(value=x(n))),
    ("BUTTON_URL_MAX_LENGTH", lambda n: pressed(url=x(n))),
    ("BUTTON_ACCESSIBILITY_LABEL_MAX_LENGTH", lambda n: pressed(accessibility_label=x(n))),
    ("BUTTON_AGENT_PROMPT_MAX_LENGTH", lambda n: pressed(agent_prompt=x(n))),
    ("CONFIRMATION_TITLE_MAX_LENGTH", lambda n: asked(title=text(n))),
    ("CONFIRMATION_TEXT_MAX_LENGTH", lambda n: asked(text=text(n))),
    ("CONFIRMATION_CONFIRM_MAX_LENGTH", lambda n: asked(confirm=text(n))),
    ("CONFIRMATION_DENY_MAX_LENGTH", lambda n: asked(deny=text(n))),
    ("SELECT_OPTIONS_MAX_ITEMS", lambda n: chosen("static_select", options(n))),
    ("OVERFLOW_OPTIONS_MAX_ITEMS", lambda n: chosen("overflow", options(n))),
    ("CHECKBOXES_OPTIONS_MAX_ITEMS", lambda n: chosen("checkboxes", options(n))),
    ("RADIO_BUTTONS_OPTIONS_MAX_ITEMS", lambda n: chosen("radio_buttons", options(n))),
    ("OPTION_TEXT_MAX_LENGTH", lambda n: chosen("static_select", options(1, n))),
    (
        "OPTION_VALUE_MAX_LENGTH",
        lambda n: chosen("static_select", [{"text": text(1), "value": x(n)}]),
    ),
    (
        "OPTION_DESCRIPTION_MAX_LENGTH",
        lambda n: chosen("overflow", [{"text": text(1), "value": "x", "description": text(n)}]),
    ),
    ("PLAIN_TEXT_INPUT_MAX_LENGTH_MAX", lambda n: entered(max_length=n)),
    ("PLAIN_TEXT_INPUT_PLACEHOLDER_MAX_LENGTH", lambda n: entered(placeholder=text(n))),
    (
        "IMAGE_ALT_TEXT_MAX_LENGTH",
        lambda n: message({"type": "image", "image_url": "x", "alt_text": x(n)}),
    ),
    (
        "IMAGE_IMAGE_URL_MAX_LENGTH",
        lambda n: message({"type": "image", "image_url": x(n), "alt_text": "x"}),
    ),
    ("ALERT_TEXT_MAX_LENGTH", lambda n: modal({"type": "alert", "text": text(n)})),
    ("CARD_TITLE_MAX_LENGTH", lambda n: cards(1, title=text(n))),
    ("CARD_BODY_MAX_LENGTH", lambda n: cards(1, body=text(n))),
    ("CAROUSEL_ELEMENTS_MAX_ITEMS", cards),
    ("CONTAINER_CHILD_BLOCKS_MAX_ITEMS", inside),
    ("CONTAINER_TITLE_MAX_LENGTH", lambda n: inside(1, title=text(n))),
    ("MESSAGE_BLOCKS_MAX_ITEMS", lambda n: message(*[{"type": "divider"}] * n)),
    ("VIEW_BLOCKS_MAX_ITEMS", lambda n: modal(*[{"type": "divider"}] * n)),
    ("VIEW_TITLE_MAX_LENGTH", lambda n: modal(title=text(n))),
    ("VIEW_SUBMIT_MAX_LENGTH", lambda n: modal(submit=text(n))),
    ("VIEW_CLOSE_MAX_LENGTH", lambda n: modal(close=text(n))),
    ("VIEW_PRIVATE_METADATA_MAX_LENGTH", lambda n: modal(private_metadata=x(n))),
    ("VIEW_CALLBACK_ID_MAX_LENGTH", lambda n: modal(callback_id=x(n))),
    ("VIEW_EXTERNAL_ID_MAX_LENGTH", lambda n: modal(external_id=x(n))),
]


@pytest.mark.parametrize(("limit", "make"), LIMITS, ids=[name for name, _ in LIMITS])
def test_a_limit_is_where_the_registry_has_it(limit: str, make: Any) -> None:
    """At the published limit a payload passes, one above it does not."""
    most = getattr(theirs, limit)
    surface: Surface = "modal" if make(most).get("type") == "modal" else "message"
    assert lint(make(most), surface) == []
    assert lint(make(most + 1), surface) != []


DIVIDER = {"type": "divider"}
TABLE = rows(1)["blocks"][0]
CHART = bars("x", {"USD": [Decimal(1), Decimal("2.5")]}, ["Nov 30", "Dec 7"])
MARKDOWN = {"type": "markdown", "text": x(7000)}
INPUT = entered()["blocks"][0]


@pytest.mark.parametrize(
    ("payload", "surface", "said"),
    [
        ({"blocks": []}, "message", "text is missing"),
        ({"text": "", "blocks": []}, "message", "0 characters"),
        ({"text": x(4001), "blocks": []}, "message", "4001 characters"),
        (message({"type": "sectoin"}), "message", "has no place here"),
        (message({"text": "no type"}), "message", "has no place here"),
        (message({"type": "alert", "text": text(3)}), "message", "has no place here"),
        (modal(MARKDOWN), "modal", "has no place here"),
        (modal(TABLE), "modal", "has no place here"),
        ({"type": "home", "blocks": [TABLE]}, "home", "has no place here"),
        (message({"type": "section"}), "message", "text or fields is missing"),
        (message({"type": "header", "text": {"type": "mrkdwn", "text": "x"}}), "message", "mrkdwn"),
        (message({"type": "divider", "colour": "red"}), "message", "unknown field"),
        (message(TABLE, TABLE), "message", "only one table"),
        (message(CHART, CHART, CHART), "message", "two charts"),
        (message(bars("x", {}, ["a"])), "message", "0 items"),
        (message(bars("x", {"s": [Decimal(1)] * 2}, ["a", "a"])), "message", "used twice"),
        (message(bars("x", {"s": [Decimal(1)]}, [x(21)])), "message", "21 characters"),
        (message(MARKDOWN, MARKDOWN), "message", "12000"),
        (message(*[{**DIVIDER, "block_id": "b"}] * 2), "message", "block_id 'b'"),
        (message(*pressed()["blocks"], *pressed()["blocks"]), "message", "action_id 'a'"),
        (pressed(style="green"), "message", "'green'"),
        ({"text": "<!channel>", "blocks": []}, "message", "'<' is not escaped"),
        ({"text": "Smith & Sons", "blocks": []}, "message", "'&' is not escaped"),
        ({"text": "a\u202eb", "blocks": []}, "message", "a hidden character"),
        (message(blocks.section("<@evil>")), "message", "text.text: '<' is not escaped"),
        (message({"type": "header", "text": text(3) | {"text": "a\u200bb"}}), "message", "hidden"),
        (inside(1, child_blocks=[blocks.rich(blocks.paragraph())]), "message", "no place here"),
        (rows(1, 0), "message", "0 items"),
        (modal(INPUT), "modal", "submit is missing"),
        (modal(submit=text(3)) | {"blocks": "x"}, "modal", "has to be a list"),
        (chosen("overflow", options(1) * 2), "message", "same value"),
        (inside(1, default_collapsed=True), "message", "is_collapsible"),
        (message({"type": "image", "alt_text": "x"}), "message", "image_url or slack_file"),
        (message(*[{"type": "section", "text": text(3000)}] * 40), "message", "of JSON"),
        (modal(*[{"type": "section", "text": text(3000)}] * 90), "modal", "bytes"),
    ],
)
def test_what_slack_refuses_is_named(payload: Payload, surface: Surface, said: str) -> None:
    """Each fault comes with the rule that it breaks."""
    assert any(said in line for line in lint(payload, surface)), lint(payload, surface)


def test_our_own_markup_is_no_fault() -> None:
    """People, a channel, an instant, a link, a quote and what was escaped."""
    told = (
        f"> <@U12345> <#C1234> {blocks.stamp(NOW)} <https://x.example/a|b> Smith &amp; &lt;Sons&gt;"
    )
    assert lint({"text": told, "blocks": [blocks.section(told)]}, "message") == []


def test_a_fault_says_where_it_is() -> None:
    """The path leads to the culprit."""
    found = lint(message(DIVIDER, {"type": "header", "text": text(151)}), "message")
    assert found == ["blocks[1].text.text: 151 characters, allowed are 1 to 150"]


@pytest.mark.parametrize("payload", [message(DIVIDER), pressed(), rows(2), inside(2)])
def test_good_payloads_pass_here_and_there(payload: Payload) -> None:
    """Neither our linter nor the sandbox's finds a fault in a sound payload."""
    assert lint(payload, "message") == []
    assert faults_in_blocks(payload["blocks"], "message") == []


@pytest.mark.parametrize(
    "block",
    [
        {"type": "section", "text": {"type": "plain_text", "text": x(3001)}},
        {"type": "header", "text": text(151)},
        {"type": "markdown", "text": x(12_001)},
        pressed(text=text(76))["blocks"][0],
    ],
)
def test_what_the_sdk_rejects_we_reject(block: Payload) -> None:
    """The SDK's models check a few limits; ours are at least as strict."""
    parsed = SdkBlock.parse(block)
    assert parsed is not None
    with pytest.raises(Exception, match=r"(?i)exceed|less|maximum|cannot"):
        parsed.to_dict()
    assert lint(message(block), "message") != []


def test_what_we_build_the_sdk_understands() -> None:
    """Our dicts come out of the SDK's models as they went in."""
    made = [
        blocks.header("Acme"),
        blocks.divider(),
        blocks.section("told"),
        blocks.context("small", "print"),
        blocks.actions([blocks.button("a", "Go", "v", style="primary", says="Go on")], "b:1"),
    ]
    assert lint(message(*made), "message") == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for one in made:
            parsed = SdkBlock.parse(one)
            assert parsed is not None
            assert parsed.to_dict()["type"] == one["type"]


@pytest.mark.parametrize(
    ("raw", "safe"),
    [
        ("Smith & Sons <x>", "Smith &amp; Sons &lt;x&gt;"),
        ("*bold* _it_ ~no~ `code`", "∗bold∗ ˍitˍ ∼no∼ ˋcodeˋ"),
        ("INV_2026_1 and 3*4", "INV_2026_1 and 3*4"),
        (":fire: at 14:05", "∶fire: at 14:05"),
        ("> quoted", "\u2060&gt; quoted"),
        ("see https://evil.example/x", "see https:\u2060//evil.\u2060example/x"),
        ("mail a@evil.example", "mail a@\u2060evil.\u2060example"),
        ("$1,200.50 of 3.14", "$1,200.50 of 3.14"),
        ("a\u202eb\u0007c\u200bd", "abcd"),
        ("one\r\ntwo\u2028three", "one\ntwo\nthree"),
        ("👩‍👩‍👧 Bäckerei 東京", "👩‍👩‍👧 Bäckerei 東京"),
        ("<!channel>", "&lt;!channel&gt;"),
    ],
)
def test_markup_becomes_text(raw: str, safe: str) -> None:
    """Outside text in mrkdwn styles, links, mentions and hides nothing."""
    assert escaping.mrkdwn(raw) == safe


@given(st.text(max_size=400))
def test_no_text_gets_out_of_its_escape(raw: str) -> None:
    """No bare angle bracket, ampersand or hidden character is left of any text."""
    safe = escaping.mrkdwn(raw)
    left = safe
    for entity in ("&amp;", "&lt;", "&gt;"):
        left = left.replace(entity, "")
    assert not set("<>&`") & set(left)
    assert not escaping.hides(safe.replace("\u2060", ""))


def test_nothing_that_unicode_calls_a_control_is_shown() -> None:
    """Controls, lone surrogates and separators of every kind are left out, but for \\n and \\t."""
    every = map(chr, range(sys.maxunicode + 1))
    controls = {c for c in every if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")}
    shown = {c for c in controls if not escaping.hides(c)}
    assert shown == {"\n", "\t"}
    assert escaping.clean("".join(sorted(controls - set("\r\u2028\u2029")))) == "\t\n"


@given(st.text(max_size=600), st.integers(min_value=30, max_value=200))
def test_a_cap_holds_and_is_said(raw: str, limit: int) -> None:
    """Capped text fits, ends in no broken entity, and names the whole length."""
    safe = escaping.mrkdwn(raw)
    made = escaping.cap(safe, limit)
    assert len(made) <= limit
    if len(safe) > limit:
        assert f"({len(safe)} characters in all)" in made
        assert "&" not in made.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")


def test_an_address_stays_readable() -> None:
    """A recipient can be read and copied."""
    assert escaping.address("o'hara_1@acme.example") == "o'hara_1@acme.example"
    assert escaping.address("<x>@y.example") == "&lt;x&gt;@y.\u2060example"


def test_hidden_characters_can_be_shown() -> None:
    """Where a text is to be approved nothing in it stays unseen."""
    assert escaping.revealed("a\u202eb\r\nc") == "a⟦U+202E⟧b\nc"


@given(st.text(max_size=3000), st.integers(min_value=1, max_value=500))
def test_chunks_lose_nothing(words: str, size: int) -> None:
    """Pieces fit and hold every character but the newlines at which they part."""
    pieces = blocks.chunks(words, size)
    assert all(len(piece) <= size for piece in pieces)
    assert "".join(pieces).replace("\n", "") == words.replace("\n", "")


def test_chunks_part_at_line_ends() -> None:
    """A line is broken only where it is longer than a piece."""
    assert blocks.chunks("ab\ncd\nefghij", 6) == ["ab\ncd", "efghij"]
    assert blocks.chunks("abcdefgh", 3) == ["abc", "def", "gh"]


def test_dates_are_each_readers_own() -> None:
    """An instant carries its epoch, and UTC for whoever cannot render it."""
    assert blocks.stamp(NOW) == (
        "<!date^1793977445^{date_short_pretty} at {time}|2026-11-06 15:04 UTC>"
    )


@pytest.mark.parametrize("user", ["", "system:clock", "<!channel>", "U", "u123", "U1|x"])
def test_only_an_id_is_mentioned(user: str) -> None:
    """What is no Slack user id mentions nobody."""
    assert blocks.mention(user) == ""
    assert blocks.person(user)["type"] == "text"


def test_plain_text_shortens_in_the_open() -> None:
    """A label that is too long ends in an ellipsis, an empty one in a dash."""
    assert blocks.plain(HOSTILE, 20)["text"].endswith("…")
    assert blocks.plain("", 20)["text"] == "–"


@pytest.mark.parametrize("limit", range(30, 40))
def test_a_cap_never_halves_an_entity(limit: int) -> None:
    """Wherever the cut falls, no stray ampersand is left."""
    made = escaping.cap(escaping.mrkdwn("&<>" * 40), limit)
    assert "&" not in re.sub("&(amp|lt|gt);", "", made)
    assert "characters in all)" in made


@pytest.mark.parametrize(
    ("amount", "currency", "said"),
    [
        ("1200.5", "USD", "$1,200.50"),
        ("0.0125", "USD", "$0.0125"),
        ("-20", "EUR", "-€20.00"),
        ("120000", "JPY", "¥120,000"),
        ("45", "CHF", "CHF 45.00"),
        ("1E+3", "USD", "$1,000.00"),
    ],
)
def test_amounts_are_the_ledgers(amount: str, currency: str, said: str) -> None:
    """Grouped and with a symbol, but never rounded."""
    assert wording.money(Money(Decimal(amount), currency)) == said
