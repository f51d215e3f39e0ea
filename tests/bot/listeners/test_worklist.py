"""Working through the cases: one after the other in a modal, each decision the card's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from bot.blockkit.ids import of_company
from bot.blockkit.lint import lint
from bot.listeners.context import Backend
from jobs.decide.access import Answer
from jobs.rules.states import State
from tests.bot.listeners.test_forms import backend_in, send
from tests.jobs import fixtures
from tests.jobs.harness import CompanyHarness, books, customer, invoice
from tests.sandbox.slack import payloads
from tests.sandbox.slack.kinds import View
from tests.sandbox.slack.payloads import Press
from tests.sandbox.slack.values import fillable, put

shared, open_harness = fixtures.shared, fixtures.open_harness

FOUR = books(
    *(customer(id, DisplayName=f"Customer {id}") for id in "1234"),
    *(invoice(f"7{id}", id, f"{900 - 100 * int(id)}.00", 12) for id in "1234"),
)
"""Four routine cases, the largest first."""


@dataclass
class Walk:
    """A person with the worklist open."""

    harness: CompanyHarness
    backend: Backend
    user: str = "ULEAD1"

    def start(self) -> Walk:
        """Press Start, as App Home offers it."""
        value = of_company(self.harness.realm)
        self._press({"type": "button", "action_id": "start", "block_id": "b", "value": value}, None)
        self._until(lambda: self.title != "One moment")
        return self

    @property
    def view(self) -> View:
        found = self.harness.outside.slack.space.open_view(self.user)
        assert found is not None
        return found

    @property
    def title(self) -> str:
        return str(self.view.content["title"]["text"])

    @property
    def words(self) -> str:
        return json.dumps(self.view.content["blocks"], ensure_ascii=False)

    def press(self, name: str) -> None:
        """Press a button of the modal and wait for what follows."""
        before = self.view.hash, self.view.id
        self.press_on(self.view, name)
        self._until(lambda: (self.view.hash, self.view.id) != before and self.title != "One moment")
        assert lint(self.view.content, "modal") == []

    def press_on(self, view: View, name: str) -> None:
        """Press a button on the view as it was once drawn."""
        found = [
            e for b in view.content["blocks"] for e in _elements(b) if e.get("action_id") == name
        ]
        self._press(found[0] | {"block_id": "b"}, view)

    def submit(self, **entered: Any) -> None:
        """Fill in the form on top and send it; wait for what follows below it."""
        form, space = self.view, self.harness.outside.slack.space
        below = space.views[str(form.previous_id)]
        before = below.hash
        for block, element in fillable(form.content["blocks"]):
            if (name := element["action_id"]) in entered:
                form.values[block["block_id"]][name] = put(element, entered[name])
        answer = send(
            self.harness, self.backend, payloads.submitted(space, space.people[self.user], form)
        )
        assert not answer.body, answer.body
        space.stacks[self.user].remove(form.id)
        self._until(lambda: below.hash != before)

    def _press(self, element: dict[str, Any], view: View | None) -> None:
        space = self.harness.outside.slack.space
        space.world.clock = self.harness.time
        press = Press(space.people[self.user], {"block_id": "b"}, element, {})
        shown = view or View("V0", self.user, {"type": "home", "callback_id": "", "blocks": []}, "")
        payload = payloads.pressed_in_view(space, press, shown)
        assert send(self.harness, self.backend, payload).status == 200

    def _until(self, condition: Callable[[], bool]) -> None:
        self.harness.outside.world.changed.until(condition)


def _elements(block: dict[str, Any]) -> list[dict[str, Any]]:
    return [*block.get("elements", []), *([block["accessory"]] if "accessory" in block else [])]


@pytest.fixture
def walk(open_harness: fixtures.OpenHarness) -> Walk:
    harness = open_harness(FOUR, swept=True)
    harness.greet()
    return Walk(harness, backend_in(harness))


def test_somebody_works_through_their_cases(walk: Walk) -> None:
    """Each decision leads to the next case; Undo leads back; nobody's work is shown twice."""
    harness = walk.start().harness
    assert walk.title == "1 of 4"
    assert "Customer 1" in walk.words
    assert "$800.00" in walk.words
    letter = harness.view(harness.case("1")).letter
    assert letter is not None
    assert letter.subject in walk.words

    walk.press("approve")
    assert walk.title == "2 of 4"
    assert harness.case("1").state is State.APPROVED
    walk.press("undo")
    assert walk.title == "1 of 4"
    assert harness.case("1").state is State.WAITING
    walk.press("approve")

    walk.press("edit")
    assert walk.title == "Edit the message"
    letter = harness.view(harness.case("2")).letter
    assert letter
    walk.submit(body=letter.body.replace("Thank you", "Many thanks", 1))
    assert walk.title == "2 of 4"
    assert "Please read it once more" in walk.words
    assert "Many thanks" in walk.words
    walk.press("skip")
    assert walk.title == "3 of 4"
    assert harness.case("2").state is State.WAITING

    assert harness.approve(harness.click("UCOLLECT", harness.case("4"))) is Answer.RECORDED
    walk.press("reject")
    walk.submit(reason="not_needed")
    assert harness.case("3").state is State.REJECTED
    assert walk.title == "All done"
    assert "Customer 4" in walk.words
    assert "Already approved by <@UCOLLECT>" in walk.words

    assert walk.start().title == "1 of 1"
    assert "Customer 2" in walk.words


def test_a_second_press_says_nothing_and_skips_nothing(walk: Walk) -> None:
    """A double click decides once; the second answer shows the same next case."""
    walk.start()
    old = View("V1", walk.user, dict(walk.view.content), "")
    walk.press("approve")
    shown = walk.view
    old.id = shown.id
    before = shown.hash
    walk.press_on(old, "approve")
    walk._until(lambda: shown.hash != before)
    assert walk.title == "2 of 4"
    assert "Already" not in walk.words
    assert [line["case"] for line in walk.harness.logged("approval.given")] == ["1"]


@pytest.mark.parametrize(
    ("button", "changed"),
    [
        ("skip", {"private_metadata": "no place"}),
        ("approve", {"private_metadata": "no place"}),
        ("approve", {"value": "no case"}),
    ],
)
def test_a_click_that_says_nothing_readable_is_answered(
    walk: Walk, button: str, changed: dict[str, str]
) -> None:
    """Whatever is malformed, the modal says so, and nothing is decided."""
    walk.start()
    content = json.loads(json.dumps(walk.view.content)) | changed
    for element in (e for b in content["blocks"] for e in _elements(b)):
        if element.get("action_id") == button:
            element["value"] = changed.get("value", element["value"])
    walk.press_on(replace(walk.view, content=content), button)
    walk._until(lambda: walk.title == "Not possible")
    assert "could not be read" in walk.words
    assert not walk.harness.logged("approval.given")


def test_a_collector_is_shown_only_what_they_may_approve(
    open_harness: fixtures.OpenHarness,
) -> None:
    """What needs a finance lead is in the lead's worklist alone; strangers have none."""
    large = books(customer("1"), invoice("71", "1", "12000.00", 12))
    harness = open_harness(large, swept=True)
    harness.greet()
    backend = backend_in(harness)
    assert Walk(harness, backend).start().title == "1 of 1"
    first = Walk(harness, backend, "UCOLLECT").start()
    assert first.title == "1 of 1"
    first.press("approve")
    assert first.title == "All done"
    assert "Still needed: a finance lead" in first.words
    assert Walk(harness, backend, "UCOLLECT").start().title == "Not possible"
    assert Walk(harness, backend, "UGUEST").start().title == "Not possible"


def test_an_account_manager_calls_drafts_good_and_approval_opens(
    open_harness: fixtures.OpenHarness,
) -> None:
    """Their worklist has what waits for their look; then it waits for those who approve."""
    policy = {
        "account_manager": [{"slack": "UMANAGER", "name": "Marc Oduya", "customers": ["1"]}],
        "customer": [{"id": "1", "key_account": True}],
    }
    harness = open_harness(FOUR, policy)
    harness.sweep()
    harness.greet()
    backend = backend_in(harness)
    assert Walk(harness, backend).start().title == "1 of 3"
    manager = Walk(harness, backend, "UMANAGER").start()
    assert manager.title == "1 of 1"
    assert "Customer 1" in manager.words
    manager.press("fine")
    assert manager.title == "All done"
    assert "Finance can approve it now" in manager.words
    assert Walk(harness, backend).start().title == "1 of 4"
