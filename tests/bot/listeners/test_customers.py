"""`/overdue` with a name or a number: who is found, what is shown, and a case opened on demand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.blockkit.ids import LOG_CALL, OPEN_CASE, SHOW_CUSTOMER, AboutCustomerButton
from jobs.decide.access import Answer
from jobs.decide.assign import Assignment, assign
from jobs.decide.reject import Rejection
from jobs.decide.verbs import Verb
from jobs.rules.states import RejectReason, Stage, State
from tests.bot.listeners.test_forms import (
    backend_in,
    opened,
    press,
    private,
    sign_and_send,
    submit,
    until,
)
from tests.jobs import fixtures
from tests.jobs.fixtures import opener
from tests.jobs.harness import CompanyHarness, SharedStandIns, books, customer, invoice
from tests.sandbox.slack.payloads import command_form

home_url, shared = fixtures.home_url, fixtures.shared
PEREGRINES = books(
    customer("1", DisplayName="Peregrine Logistics"),
    customer("2", DisplayName="Peregrine Air & Sea"),
    customer("3", DisplayName="Müller GmbH"),
    invoice("71", "1", "840.00", 12, DocNumber="1037"),
    invoice("72", "2", "90.00", -20, DocNumber="1"),
    invoice("73", "3", "70.00", -20, DocNumber="1039"),
)


@pytest.fixture
def harness(shared: SharedStandIns, home_url: str, tmp_path: Path) -> Iterator[CompanyHarness]:
    """A live company with one case, of the first customer; once on each engine."""
    with ExitStack() as stack:
        made: CompanyHarness = opener(stack, shared, home_url, tmp_path)(PEREGRINES)
        made.sweep()
        made.greet()
        yield made


def typed(harness: CompanyHarness, words: str, user: str = "UCOLLECT") -> dict[str, Any]:
    """The answer to `/overdue words` in the finance channel."""
    space = harness.outside.slack.space
    channel = space.channels[harness.company.channel]
    fields = command_form(space, space.people[user], channel, words)
    body = sign_and_send(harness, backend_in(harness), fields).body
    answer = json.loads(body) if body.startswith("{") else {"text": body}
    return dict(answer)


def buttons(answer: dict[str, Any]) -> list[str]:
    rows = [b["elements"] for b in answer.get("blocks", []) if b["type"] == "actions"]
    return [one["text"]["text"] for row in rows for one in row]


def test_a_customer_is_found_and_shown(harness: CompanyHarness) -> None:
    """By part of the name, mistyped, by invoice, by case; several are a choice; nobody is said."""
    for words in ("peregrine log", "Logistics  PEREGRINE", "Peregrin Logistcs", "1037", "#1037"):
        shown = typed(harness, words)
        assert shown["text"].startswith("Peregrine Logistics.")
        assert "Overdue: $840.00, oldest 12 days late." in shown["text"]
        assert "Overdue has not written to them yet." in shown["text"]
        assert "Case 1 is waiting for approval." in shown["text"]
        assert "not connected" in shown["text"]
    assert typed(harness, "müller")["text"].startswith(["Müller", "GmbH.", "Open:", "$70.00."][0])
    assert buttons(typed(harness, "peregrine")) == ["Peregrine Logistics", "Peregrine Air & Sea"]
    both = typed(harness, "1")
    assert buttons(both) == ["Case 1: Peregrine Logistics", "Invoice 1: Peregrine Air & Sea"]
    assert typed(harness, "case 1")["text"].startswith("Case 1, Peregrine Logistics.")
    assert typed(harness, "<b>")["text"].startswith("No customer, invoice or case matches “&lt;b")
    assert typed(harness, "peregrine log", "UGUEST")["text"].startswith("Guests can read")
    assert typed(harness, "peregrine log", "UMANAGER")["text"].startswith("This needs a collector")
    assert "About the customer…" in buttons(typed(harness, "peregrine log", "ULEAD1"))
    assert buttons(typed(harness, "peregrine log")) == ["Refresh"]
    value = AboutCustomerButton(harness.realm, "2").encode()
    assert press(harness, backend_in(harness), f"{SHOW_CUSTOMER}:1", value).status == 200
    until(harness, lambda: bool(private(harness)))
    assert private(harness)[0].startswith("Peregrine Air &amp; Sea.")


def test_a_dry_run_says_what_a_run_would_do(harness: CompanyHarness) -> None:
    """From the mirror, for whoever may run it; nothing crosses, and no case is opened."""
    assert "no invoice would reach a new stage" in typed(harness, "run dry")["text"]
    harness.time.later(days=25)
    harness.greet()
    told = typed(harness, "run dry")["text"]
    assert "2 invoices of 2 customers would reach a stage: 2 at reminder." in told
    assert len(harness.cases()) == 1
    assert typed(harness, "run dry", "UMANAGER")["text"].startswith("This needs a collector")


def test_a_case_is_opened_on_demand(harness: CompanyHarness) -> None:
    """Once: an open case is not doubled, and nothing is opened where nothing may be asked for."""
    value = AboutCustomerButton(harness.realm, "1").encode()

    def told(asked: str) -> str:
        assert press(harness, backend_in(harness), OPEN_CASE, asked).status == 200
        until(harness, lambda: bool(private(harness)))
        return private(harness)[-1]

    assert told(value).startswith("This case is now waiting for approval")
    assert harness.reject("UCOLLECT", Rejection(RejectReason.NOT_NEEDED)) is Answer.RECORDED
    assert buttons(typed(harness, "peregrine log")) == ["Open a case now"]
    assert told(value).startswith("Case 2 is open.")
    harness.run("triage")
    assert (harness.case().id, harness.state()) == ("2", State.WAITING)
    assert [line["actor"] for line in harness.logged("case.asked")] == ["ULEAD1"]
    nothing = AboutCustomerButton(harness.realm, "2").encode()
    assert told(nothing).startswith("There is nothing to open a case about")
    gone = AboutCustomerButton(harness.realm, "99").encode()
    assert told(gone).startswith("This customer is not in QuickBooks any more.")


def test_what_waits_is_listed(harness: CompanyHarness) -> None:
    """For oneself, and in the company; whoever has no role reads nothing; health names the cure."""
    assert "*For you to approve*" in typed(harness, "mine")["text"]
    assert (
        "Peregrine Logistics · $840.00 · waiting for approval · case 1"
        in typed(harness, "mine")["text"]
    )
    assigned = Assignment("ULEAD1", "")
    assert harness.go(assign, "UCOLLECT", assigned).answer is Answer.RECORDED
    mine = typed(harness, "mine", "ULEAD1")["text"]
    assert mine.startswith("*Assigned to you*")
    assert mine.count("case 1") == 1
    assert typed(harness, "waiting")["text"].startswith("Nothing waits for a date")
    until = harness.today + timedelta(days=3)
    assert harness.snooze("UCOLLECT", until) is Answer.RECORDED
    assert "*Waiting for a date* (1)" in typed(harness, "waiting")["text"]
    assert typed(harness, "mine")["text"] == "Nothing waits for you just now."
    assert "Live: approved messages are sent." in typed(harness, "health")["text"]
    harness.time.later(minutes=10)
    harness.greet()
    assert "an administrator should check" in typed(harness, "health")["text"]
    for words in ("mine", "waiting", "health"):
        assert typed(harness, words, "UMANAGER")["text"].startswith("This needs a collector")


def test_whoever_takes_a_case_over_is_told_how_its_customer_stands(harness: CompanyHarness) -> None:
    """The risk summary, in private; the case is held in their name whether or not it is told."""
    assert press(harness, backend_in(harness), Verb.TAKEOVER).status == 200
    until(harness, lambda: bool(private(harness)))
    (told,) = private(harness)
    assert told.startswith("The customer is yours now; nothing is sent meanwhile.")
    assert "Peregrine Logistics." in told
    assert "Overdue: $840.00, oldest 12 days late." in told
    assert "Overdue has not written to them yet." in told
    assert harness.state() is State.HELD
    assert press(harness, backend_in(harness), Verb.TAKEOVER).status == 200
    until(harness, lambda: bool(private(harness)))
    assert private(harness)[0].startswith("Already taken over by <@ULEAD1>")


def test_the_call_list_follows_the_final_message(shared: SharedStandIns, tmp_path: Path) -> None:
    """Phone, what is owed, what was said; a logged call comes back after 14 days."""
    phone: dict[str, Any] = {"PrimaryPhone": {"FreeFormNumber": "+1 503 555 0199"}}
    ledger = books(customer("1", **phone), invoice("71", "1", "840.00", 12))
    with ExitStack() as stack:
        harness: CompanyHarness = opener(stack, shared, shared.home, tmp_path)(ledger)
        harness.sweep()
        for days in (20, 25, 14):
            harness.fine("ULEAD1")
            for user in ("UCOLLECT", "ULEAD2"):
                harness.approve(user)
            harness.wait_out()
            assert harness.state() is State.DONE
            harness.time.later(days=days)
            harness.sweep()
        assert harness.case().stage is Stage.FINAL
        harness.greet()
        shown = typed(harness, "calls")
        assert "+1 503 555 0199" in shown["text"]
        assert "$840.00 overdue, oldest 71 days late" in shown["text"]
        value = AboutCustomerButton(harness.realm, "1").encode()
        assert opened(harness, LOG_CALL, value)["title"]["text"] == "Log a call"
        done = submit(harness, backend_in(harness), {"comment": "Pays on Friday.", "kind": "again"})
        assert (done.status, done.body) == (200, "")
        assert typed(harness, "calls")["text"].startswith("Nobody has to be called")
        harness.time.later(days=14)
        harness.greet()
        assert "Ulead1 called" in typed(harness, "calls")["text"]
        assert "Pays on Friday." in typed(harness, "calls")["text"]
        assert "Friday" not in str(harness.logged("call.logged"))
        harness.sweep()
        harness.run("habits", "outlook")
        harness.time.later(minutes=15)
        harness.run("digest")
        morning = harness.said("notice")[-1]
        assert "To call after the final message: Customer B · +1 503 555 0199 · due" in morning
