"""The month's budget for the model, and what nobody has read: no model, no answer, no budget."""

from __future__ import annotations

from decimal import Decimal

from bot.surfaces.card.card import card
from jobs.decide import look
from jobs.decide.access import Answer
from jobs.reasoning.prompting import prompt
from jobs.rules.gates.about_texts import UNREAD, UNREADABLE
from jobs.rules.gates.heard import having_read
from jobs.rules.rulings import Kind
from jobs.rules.states import State
from jobs.store.customers import history
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import MANAGER, CompanyHarness
from tests.jobs.triage.test_sources import with_desk

PROPOSE = prompt("propose").label
NOTHING_HEARD = "The parrot sings at midnight."
MANAGED = {"account_manager": [{**MANAGER, "customers": ["1"]}]}
USED_UP = "The month's budget for the model is used up."


def about(harness: CompanyHarness) -> str:
    """What is on the card."""
    return str(card(harness.view(), harness.now, people={}).blocks)


def test_without_budget_a_template_and_a_second_look(open_harness: OpenHarness) -> None:
    """No question is asked; the card says why, and names what no model has read."""
    harness = open_harness(policy={"model": {"month_budget": 0}})
    desk = with_desk(harness)
    desk.texts["1"], desk.open = NOTHING_HEARD, False
    harness.sweep()
    view = harness.view()
    assert (view.author, view.author_reason) == ("template", USED_UP)
    assert harness.outside.model.prompts == []
    (unread,) = (r for r in view.rulings if r.rule == UNREAD)
    assert (unread.kind, unread.evidence) == (Kind.GATE, ("ticket:1",))
    assert "No model has read ticket 1" in about(harness)
    assert USED_UP in about(harness)
    assert harness.approve("UCOLLECT") is Answer.SECOND_NEEDED
    assert harness.approve("ULEAD1") is Answer.RECORDED
    harness.wait_out()
    assert harness.state() is State.DONE
    assert len(harness.mails) == 1


def test_a_budget_that_is_raised_has_the_rest_read(open_harness: OpenHarness) -> None:
    """The same card is written anew by the model; what it read costs nothing a second time."""
    harness = open_harness(policy={"model": {"month_budget": 0}})
    desk = with_desk(harness)
    desk.texts["1"], desk.open = NOTHING_HEARD, False
    harness.sweep()
    harness.change_policy(model={"month_budget": 1})
    harness.refresh()
    assert (harness.rules(), harness.view().author) == (set(), f"gpt-6.1-terra {PROPOSE}")
    asked = harness.logged("case.drafted")[-1]["data"]["asked"]
    assert (asked["questions"], asked["failed"]) == (2, 0)
    assert 0 < asked["tokens_out"] < asked["tokens_in"]
    assert 0 < Decimal(asked["cost"]) < Decimal("0.01")
    harness.refresh()
    assert len(harness.outside.model.prompts) == 2


def test_where_the_model_fails_only_that_text_is_read_again(open_harness: OpenHarness) -> None:
    """A text without an answer is a second look too, until the model answers for it."""
    harness = open_harness()
    desk = with_desk(harness)
    desk.texts["1"], desk.open = NOTHING_HEARD, False
    harness.outside.model.enqueue("refusal")
    harness.sweep()
    assert harness.rules() == {UNREAD}
    asked = len(harness.outside.model.prompts)
    harness.time.later(hours=2)
    harness.run("triage")
    assert harness.rules() == set()
    assert len(harness.outside.model.prompts) == asked + 2


def test_a_text_that_is_read_only_in_part_is_a_second_look(open_harness: OpenHarness) -> None:
    """The model answers "nothing", but what is beyond its lines nobody has read: not the first
    time, and not when the answer is known."""
    harness = open_harness()
    desk = with_desk(harness)
    desk.texts["1"], desk.open = f"{NOTHING_HEARD}\n" * 151, False
    harness.sweep()
    assert harness.rules() == {UNREADABLE}
    assert "Ticket 1 is too long to be read whole." in about(harness)
    desk.texts["1"] = f"{NOTHING_HEARD}\n" * 150
    harness.refresh()
    assert harness.rules() == set()
    desk.texts["1"] = f"{NOTHING_HEARD}\n" * 151
    harness.refresh()
    assert harness.rules() == {UNREADABLE}
    assert harness.approve("UCOLLECT") is Answer.SECOND_NEEDED


def test_who_has_read_it_says_so_once(open_harness: OpenHarness) -> None:
    """A finance lead may, of exactly the text that the form showed: it asks nobody again, not even
    after a merge, until it changes. Nothing else is settled by that. A collector could approve
    alone then, so a collector may not."""
    harness = open_harness(policy=MANAGED | {"model": {"month_budget": 0}})
    desk = with_desk(harness)
    desk.texts["1"], desk.open = f"{NOTHING_HEARD}\n" * 151, False
    harness.sweep()
    (shown,) = harness.view().to_read
    assert shown.document.text == desk.texts["1"]

    def says(user: str, seen: str = having_read((shown,))) -> Answer:
        answer: Answer = harness.go(look.have_read, user, seen).answer
        return answer

    assert says("UMANAGER") is Answer.NOT_ALLOWED
    assert says("UCOLLECT") is Answer.NOT_ALLOWED
    assert says("ULEAD1", "0" * 64) is Answer.STALE
    assert says("ULEAD1") is Answer.RECORDED
    (entry,) = harness.logged("texts.read")
    assert entry["data"]["texts"] == [["ticket:1", shown.sha256]]
    harness.run("triage")
    assert (harness.rules(), harness.view().to_read) == (set(), ())
    assert says("ULEAD1") is Answer.STALE
    with harness.database.writing() as conn:
        history.inherit(conn, harness.realm, "1", "9")
        assert history.past(conn, harness.realm, "9").read == {("ticket:1", shown.sha256)}
    desk.texts["1"] += "And more of it."
    harness.refresh()
    assert harness.rules() == {UNREADABLE}
    desk.texts["1"] = f"We dispute this bill.\n{NOTHING_HEARD}\n" * 151
    harness.refresh()
    assert harness.rules() == {UNREADABLE, "dispute"}
    assert says("ULEAD1", having_read(harness.view().to_read)) is Answer.RECORDED
    harness.run("triage")
    assert harness.rules() == {"dispute"}
