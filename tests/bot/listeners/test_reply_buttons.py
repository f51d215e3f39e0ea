"""What stands below a customer's reply in the thread of a card, from its line to its forms."""

from __future__ import annotations

import json
from typing import Any

from bot.blockkit.lint import lint
from tests.bot.listeners.test_forms import (  # noqa: F401 - fixtures
    backend_in,
    harness,
    home_url,
    opened,
    press,
    private,
    shared,
    submit,
    until,
)
from tests.jobs.harness import CompanyHarness
from tests.jobs.replies.test_noticing import DANA, poll, with_mailbox


def posted(harness: CompanyHarness) -> list[dict[str, Any]]:  # noqa: F811
    """What stands in threads, once everything that is to be said has been posted."""
    harness.run("first_look")  # the first cards wait for it
    for _ in range(12):
        harness.time.later(seconds=2)
        harness.run("messages")
    messages = harness.outside.slack.snapshot()["messages"]
    return [one for one in messages if one.get("thread_ts") and not one["deleted"]]


def buttons(message: dict[str, Any]) -> dict[str, str]:
    """The labels of its buttons, and what they are bound to."""
    rows = [block for block in message["blocks"] if block["type"] == "actions"]
    return {one["text"]["text"]: one["value"] for row in rows for one in row["elements"]}


def test_a_reply_is_settled_from_its_line_in_the_thread(
    harness: CompanyHarness,  # noqa: F811
) -> None:
    """The card is sent and closed; its thread offers what the mail asks for, until it is done."""
    inbox = with_mailbox(harness, "buttons")
    assert harness.approve("ULEAD1")
    harness.wait_out()
    harness.run("send", "write_back")
    text = "We dispute part of it.\nThe rest, $400.00, we will pay on December 4."
    inbox.receive({"from": DANA, "text": text})
    poll(harness)
    (line,) = [one for one in posted(harness) if "disputes the bill" in one["text"]]
    assert lint({"text": line["text"], "blocks": line["blocks"]}, "message") == []
    found = buttons(line)
    assert list(found) == [
        *("Hold disputed invoices…", "Confirm: $400.00 on Dec 4, 2026"),
        *("Enter a promise…", "Dealt with"),
    ]
    form = opened(harness, "promise", found["Enter a promise…"])
    assert "2026-12-04" in json.dumps(form["blocks"])
    assert "400.00" in json.dumps(form["blocks"])
    refused = json.loads(submit(harness, backend_in(harness), {"amount": "a lot"}).body)
    assert "is not an amount" in json.dumps(refused["errors"])
    assert submit(harness, backend_in(harness), {"amount": "400"}).body == ""
    (line,) = [one for one in posted(harness) if "disputes the bill" in one["text"]]
    assert list(buttons(line)) == ["Hold disputed invoices…", "Take it back"]
    opened(harness, "dispute", buttons(line)["Hold disputed invoices…"])
    entered = {"invoices": "71", "comment": "short delivery"}
    assert submit(harness, backend_in(harness), entered).body == ""
    (line,) = [one for one in posted(harness) if "disputes the bill" in one["text"]]
    assert (list(buttons(line)), "Dealt with by" in line["text"]) == (["Take it back"], True)
    assert press(harness, backend_in(harness), "dealt_with", found["Dealt with"]).status == 200
    until(harness, lambda: bool(private(harness)))
    assert "This card has changed since you saw it" in private(harness)[-1]
