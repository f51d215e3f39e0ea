from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.blockkit import ids
from bot.blockkit.ids import BadValueError, Binding, Field, Opened

HASH = "0123456789abcdef" * 4
GOOD = Binding("412", "88", HASH)


@pytest.mark.parametrize("one", [GOOD, Binding("412"), Binding("a-B_9", "z", HASH)])
def test_a_binding_survives_the_way_to_slack_and_back(one: Binding) -> None:
    """What a button carries is read back as what was written."""
    assert ids.binding(one.encode()) == one
    assert len(one.encode()) <= 2000


@pytest.mark.parametrize("seen", ["", HASH])
def test_a_modal_remembers_what_it_was_opened_for(seen: str) -> None:
    """Private metadata holds the binding and the fingerprint of a text already judged."""
    one = Opened(GOOD, seen)
    assert ids.opened(one.encode()) == one
    assert len(one.encode()) <= 3000


@pytest.mark.parametrize(
    "value",
    [
        None,
        412,
        "",
        "412",
        "null",
        "[]",
        "{",
        "[" * 100_000,
        '{"case":"412"}',
        '{"case":412,"draft":"","hash":""}',
        '{"case":"412","draft":"","hash":"","more":""}',
        '{"case":"","draft":"","hash":""}',
        '{"case":"4 12","draft":"","hash":""}',
        '{"case":"412\\n","draft":"","hash":""}',
        json.dumps({"case": "4" * 65, "draft": "", "hash": ""}),
        json.dumps({"case": "412", "draft": "88", "hash": ""}),
        json.dumps({"case": "412", "draft": "", "hash": HASH}),
        json.dumps({"case": "412", "draft": "88", "hash": HASH.upper()}),
        json.dumps({"case": "412", "draft": "88", "hash": HASH + "0"}),
        GOOD.encode() + " " * 2000,
    ],
)
def test_a_value_of_somebody_else_is_refused(value: object) -> None:
    """Anything that the program does not write itself is a clear error."""
    with pytest.raises(BadValueError):
        ids.binding(value)
    with pytest.raises(BadValueError):
        ids.opened(value)


def test_a_wrong_fingerprint_is_refused() -> None:
    """Private metadata is read as strictly as a button."""
    with pytest.raises(BadValueError):
        ids.opened(json.dumps({"for": GOOD.encode(), "seen": "yes"}))


@given(st.text(max_size=3000))
def test_no_text_breaks_the_reader(value: str) -> None:
    """Whatever arrives, it is a binding or a BadValueError."""
    try:
        found = ids.binding(value)
    except BadValueError:
        return
    assert ids.binding(found.encode()) == found


def test_a_block_id_carries_the_version() -> None:
    """The field is found again whatever the version was."""
    assert ids.block_id(Field.BODY, 7) == "body:7"
    assert ids.field_of("body:7") == Field.BODY
