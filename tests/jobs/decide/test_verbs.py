"""The table of verbs: each row has all that the program reads in it, and is within reach."""

from __future__ import annotations

from dataclasses import replace
from inspect import getmodule, getsource, signature

import pytest

from bot.blockkit.ids import ALSO, AS_PAGE, CUSTOMER, ELSEWHERE
from bot.surfaces.card.buttons import buttons, ways_out
from bot.surfaces.customer_replies import OFFERED
from bot.surfaces.forms.forms import FORMS
from jobs.decide.promise import SETTLES
from jobs.decide.verbs import DECISIONS, Verb
from jobs.pipeline import STEPS
from jobs.rules.case import Decided
from jobs.rules.facts.evidence import Evidence, Stance
from jobs.rules.rulings import Kind, Ruling
from tests.bot.views import NOW, VIEWS

BOOKS = "https://qbo.example"


@pytest.mark.parametrize("verb", Verb)
def test_every_verb_is_whole(verb: Verb) -> None:
    """It has its words, a function that takes what its form builds, and a step that exists.

    The form of TAKE_BACK only asks to confirm.
    """
    row = verb.row
    assert all((row.button, row.did, row.was))
    given = list(signature(verb.function).parameters)
    assert (given[:3], given[-1]) == (["conn", "policy", "click"], "now")
    assert len(given) == (5 if verb in FORMS and verb is not Verb.TAKE_BACK else 4)
    assert row.wakes in {"", *STEPS}
    assert verb in FORMS or not row.needs_reason


def test_every_verb_has_a_button_and_every_button_a_verb() -> None:
    """Some card, or a line about a customer's reply, offers each of them.

    A label that promises more to enter is that of a form.
    """
    labels: dict[str, str] = {}
    mail = Evidence("mail:1", "mail", "", "We have filed.", Stance.HARDSHIP)
    never = Ruling(Kind.NEVER, "hardship_wording", "A mail mentions it.", ("mail:1",))
    insolvent = replace(VIEWS["never"](), rulings=(never,), evidence=(mail,))
    for view in (insolvent, *(made() for made in VIEWS.values())):
        for one in [*ways_out(view).values(), *buttons(view, NOW, BOOKS)]:
            labels |= {one["action_id"]: one["text"]["text"]} if "text" in one else {}
            labels |= {o["value"].split(" ")[0]: o["text"]["text"] for o in one.get("options", ())}
    below_replies: dict[str, str] = {
        verb: verb.row.button for verbs in OFFERED.values() for verb in verbs
    }
    assert below_replies.keys() == SETTLES.keys() - {Verb.HOLD}, "a hold is set on the card"
    labels |= below_replies | {Verb.WITHDRAW: Verb.WITHDRAW.row.button}
    assert labels.keys() == {*Verb, CUSTOMER, ALSO, AS_PAGE, ELSEWHERE}
    opens = {*FORMS, CUSTOMER, ALSO}
    assert all(verb in opens for verb, label in labels.items() if label.endswith("…"))


def test_every_decision_has_words_and_every_verb_its_own() -> None:
    """Whatever kind is recorded, the thread of the card can say it; WAS_PAID is a rejection."""
    assert DECISIONS.keys() == {*Verb, *Decided}
    for verb in set(Verb) - {Verb.WAS_PAID}:
        assert f"Verb.{verb.name}, click" in getsource(getmodule(verb.function) or verb.function)


def test_action_ids_are_plain_verbs() -> None:
    """Their names are what logs, tests and the sandbox call them."""
    plain = "approve edit reject undo snooze hold takeover fine went did_not_go"
    assert set(plain.split()) <= set(Verb)
