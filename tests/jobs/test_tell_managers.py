"""Account managers get a direct message with what their customers are about to read."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from bot.blockkit import ids
from jobs.decide import approve
from jobs.decide.access import Answer, Click
from jobs.decide.hold import Holding
from jobs.rules.facts.past import HoldKind
from jobs.store.database.tables import messages
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import MANAGER, CompanyHarness, books, customer, invoice

THREE = books(
    customer("1"),
    customer("2"),
    customer("3"),
    invoice("71", "1", "840.00", 12),
    invoice("72", "2", "90.00", 12),
    invoice("73", "3", "500.00", -20),
)
THEIRS = {
    "account_manager": [{**MANAGER, "customers": ["1", "2", "3"]}],
    "customer": [{"id": "1", "key_account": True}],
}


def told(harness: CompanyHarness) -> list[dict[str, Any]]:
    """What stands in the account manager's direct messages once everything due was posted."""
    harness.time.later(minutes=2)
    harness.run("tell_managers")
    for _ in range(6):  # a channel takes one message a second
        harness.run("messages")
        harness.time.later(seconds=2)
    found = harness.outside.slack.snapshot()["messages"]
    return [one for one in found if one["channel"] == "DMANAGER" and not one["deleted"]]


def buttons(message: dict[str, Any]) -> list[str]:
    rows = [block["elements"] for block in message["blocks"] if block["type"] == "actions"]
    return [button["text"]["text"] for row in rows for button in row]


def test_one_message_a_day_with_the_drafts(open_harness: OpenHarness) -> None:
    """The cases of a morning are one message, kept up to date; a new day's first case is another.

    It needs no access to the channel: text, buttons and what is decided are in the message itself.
    """
    harness = open_harness(THREE, THEIRS)
    harness.outside.slack.space.messages.clear()
    harness.sweep()
    (message,) = told(harness)
    assert "*2 messages* to your customers: nothing is sent" in message["text"]
    assert buttons(message) == ["Looks good", "Edit", "Hold…"] * 2
    assert "once you press *Looks good*" in message["text"]
    assert "how to pay" not in message["text"]
    key = harness.case("1")
    assert harness.fine(harness.click("UMANAGER", key)) is Answer.RECORDED
    holding = Holding(HoldKind.QUIET, harness.today + timedelta(days=20), "he is ill")
    assert harness.hold(harness.click("UMANAGER", harness.case("2")), holding) is Answer.RECORDED
    (message,) = told(harness)
    assert buttons(message) == ["Edit", "Hold…"]
    assert "You have said that it looks good." in message["text"]
    assert "Customer C ($90.00): on hold" in message["text"]
    harness.time.later(days=23)
    harness.sweep()
    old, new = told(harness)
    assert buttons(old) == []
    assert "Nothing waits for you here any more." in old["text"]
    assert "Customer D" in new["text"]
    assert len(harness.rows(select(messages).where(messages.c.kind == "asks"))) == 2


def test_a_manager_approves_in_the_message_where_the_policy_says_so(
    open_harness: OpenHarness,
) -> None:
    """Their own customers up to the limit; what needs more people still asks for their look."""
    policy = {**THEIRS, "people": {"managers_approve": True}}
    harness = open_harness(THREE, policy)
    harness.outside.slack.space.messages.clear()
    harness.sweep()
    (message,) = told(harness)
    assert buttons(message) == ["Looks good", "Edit", "Hold…", "Approve & send", "Edit", "Hold…"]
    assert "You can approve it yourself." in message["text"]
    small, key = harness.case("2"), harness.case("1")
    pressed = pressed_in(message, "approve:" + small.id)
    assert harness.go(approve.approve, Click("UMANAGER", *pressed)).answer is Answer.RECORDED
    assert harness.fine(harness.click("UMANAGER", key)) is Answer.RECORDED
    assert harness.approve(harness.click("UMANAGER", key)) is Answer.NOT_ALLOWED
    (message,) = told(harness)
    assert buttons(message) == ["Edit", "Hold…"]


def pressed_in(message: dict[str, Any], action: str) -> tuple[str, str, str]:
    """The case and the draft that this button is bound to."""
    rows = [block["elements"] for block in message["blocks"] if block["type"] == "actions"]
    (value,) = [one["value"] for row in rows for one in row if one["action_id"] == action]
    bound = ids.binding(value)
    return bound.case_id, bound.draft_id, bound.draft_hash


def test_nobody_is_told_of_a_rehearsal_or_without_standing(open_harness: OpenHarness) -> None:
    """A shadow case goes to nobody's customer; a guest who is named in the policy hears nothing."""
    harness = open_harness(THREE, THEIRS, live=False)
    harness.sweep()
    told(harness)
    harness.go_live()
    harness.change_policy(account_manager=[{**MANAGER, "slack": "UGUEST", "customers": ["1"]}])
    harness.sweep()
    told(harness)
    assert not harness.rows(select(messages).where(messages.c.kind == "asks"))
