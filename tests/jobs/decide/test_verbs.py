"""The table of verbs: each row has all that the program reads in it, and is within reach."""

from __future__ import annotations

import ast
from inspect import signature
from pathlib import Path

import pytest

from bot.listeners.forms import FORMS
from bot.surfaces.card.buttons import buttons
from jobs import decide
from jobs.decide.verbs import DECISIONS, Verb
from jobs.pipeline import STEPS
from tests.bot.views import NOW, VIEWS

(FOLDER,) = decide.__path__


@pytest.mark.parametrize("verb", Verb)
def test_every_verb_is_whole(verb: Verb) -> None:
    """It has its words, a function that takes what its form builds, and a step that exists."""
    row = verb.row
    assert all((row.button, row.did, row.was))
    given = list(signature(verb.function).parameters)
    assert (given[:3], given[-1]) == (["conn", "policy", "click"], "now")
    assert len(given) == (5 if verb in FORMS else 4)
    assert row.wakes in {"", *STEPS}
    assert verb in FORMS or not row.leads_only


def test_every_verb_has_a_button_and_every_button_a_verb() -> None:
    """Some card offers each of them; a label that promises more to enter is that of a form."""
    offered = [one for view in VIEWS.values() for one in buttons(view(), NOW)]
    assert {one["action_id"] for one in offered} == set(Verb)
    for one in offered:
        assert not one["text"]["text"].endswith("…") or one["action_id"] in FORMS


def test_every_decision_of_a_person_has_words() -> None:
    """Whatever kind a function records, the thread of the card can say it."""
    kinds = {kind for path in Path(FOLDER).glob("*.py") for kind in _recorded(path)}
    assert kinds == {kind for kind, words in DECISIONS.items() if words.did} - {Verb.WAS_PAID}


def _recorded(path: Path) -> set[object]:
    """The kinds of decision that a module gives to `access.decide`, which is its fourth."""
    calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    return {
        call.args[3].value
        for call in calls
        if ast.unparse(call.func) == "access.decide" and isinstance(call.args[3], ast.Constant)
    }


def test_action_ids_are_plain_verbs() -> None:
    """Their names are what logs, tests and the sandbox call them."""
    plain = "approve edit reject undo snooze hold takeover fine went did_not_go"
    assert set(plain.split()) <= set(Verb)
