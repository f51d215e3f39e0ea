"""The month's budget for the model, and what nobody has read: no model, no answer, no budget."""

from __future__ import annotations

from decimal import Decimal

from bot.surfaces.card.card import card
from jobs.decide.access import Answer
from jobs.rules.gates.about_texts import UNREAD
from jobs.rules.rulings import Kind
from jobs.rules.states import State
from tests.jobs.house import House
from tests.jobs.houses import OpenHouse
from tests.jobs.triage.test_sources import with_desk

NOTHING_HEARD = "The parrot sings at midnight."
USED_UP = "The month's budget for the model is used up."


def about(house: House) -> str:
    """What is on the card."""
    return str(card(house.view(), house.now, people={}).blocks)


def test_without_budget_a_template_and_a_second_look(open_house: OpenHouse) -> None:
    """No question is asked; the card says why, and names what no model has read."""
    house = open_house(policy={"model": {"month_budget": 0}})
    desk = with_desk(house)
    desk.texts["1"], desk.open = NOTHING_HEARD, False
    house.sweep()
    view = house.view()
    assert (view.author, view.author_reason) == ("template", USED_UP)
    assert house.outside.model.prompts == []
    (unread,) = (r for r in view.rulings if r.rule == UNREAD)
    assert (unread.kind, unread.evidence) == (Kind.GATE, ("ticket:1",))
    assert "No model has read ticket 1" in about(house)
    assert USED_UP in about(house)
    assert house.approve("UCOLLECT") is Answer.SECOND_NEEDED
    assert house.approve("ULEAD1") is Answer.RECORDED
    house.wait_out()
    assert house.state() is State.DONE
    assert len(house.mails) == 1


def test_a_budget_that_is_raised_has_the_rest_read(open_house: OpenHouse) -> None:
    """The same card is written anew by the model; what it read costs nothing a second time."""
    house = open_house(policy={"model": {"month_budget": 0}})
    desk = with_desk(house)
    desk.texts["1"], desk.open = NOTHING_HEARD, False
    house.sweep()
    house.change_policy(model={"month_budget": 1})
    house.refresh()
    assert (house.rules(), house.view().author) == (set(), "gpt-6.1-terra propose/2")
    asked = house.logged("case.drafted")[-1]["data"]["asked"]
    assert (asked["questions"], asked["failed"], asked["cache_share"]) == (2, 0, "0.00")
    assert Decimal(asked["cost"]) > Decimal("0.001")
    house.refresh()
    assert len(house.outside.model.prompts) == 2


def test_where_the_model_fails_only_that_text_is_read_again(open_house: OpenHouse) -> None:
    """A text without an answer is a second look too, until the model answers for it."""
    house = open_house()
    desk = with_desk(house)
    desk.texts["1"], desk.open = NOTHING_HEARD, False
    house.outside.model.enqueue("refusal")
    house.sweep()
    assert house.rules() == {UNREAD}
    asked = len(house.outside.model.prompts)
    house.refresh()
    assert house.rules() == set()
    assert len(house.outside.model.prompts) == asked + 2
