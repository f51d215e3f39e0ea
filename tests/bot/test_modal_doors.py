"""From a button to its modal and on: nothing is in the way of a reader, and nothing goes unsaid."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from bot import answers, modal_doors
from bot.desk import Desk
from bot.ids import Action, Binding
from bot.knocking import told
from jobs.decide.disconnect import Broker
from jobs.decide.door import Answer, Said
from jobs.store import companies, engine
from tests.bot.ground import START
from tests.jobs import houses
from tests.jobs.house import House, Neighbourhood, books, customer, invoice
from tests.jobs.houses import opener
from tests.sandbox.slack.people import TEAM

neighbours = houses.neighbours


@dataclass
class Bell:
    """A doorbell that nobody hears, for as long as it is `held`."""

    held: threading.Event = field(default_factory=threading.Event)
    rung: threading.Event = field(default_factory=threading.Event)

    def ring(self, step: str, id: str = "") -> None:
        self.held.wait(10)
        self.rung.set()


@pytest.fixture
def house(neighbours: Neighbourhood, engine_url: str, tmp_path: Path) -> Iterator[House]:
    """A live house whose one card waits, so that each form applies; once on each engine."""
    named = books(customer("1", DisplayName="Overstock.com"), invoice("71", "1", "840.00", 12))
    with ExitStack() as stack:
        made: House = opener(stack, neighbours, engine_url, tmp_path)(named)
        made.sweep()
        made.greet()
        yield made


def desk_in(house: House) -> Desk:
    """The desk of a web process."""
    kit = house.kit
    return Desk(
        database=kit.database,
        policy=kit.policy,
        doorbell=kit.doorbell,
        clock=lambda: house.now,
        client=kit.slack,
        team=TEAM,
        app_id="",
        workspace="https://brass-fern.slack.example",
        response_hosts=frozenset(),
        public_url="http://127.0.0.1:9",
        channel="CFINANCE",
        broker=Broker(kit.oauth, kit.seal),
        pool=ThreadPoolExecutor(1),
    )


def opened(house: House, action: Action) -> dict[str, Any]:
    """The modal that a finance lead sees after pressing this button of the card."""
    slack, knock = house.outside.slack, house.knock("ULEAD1")
    body = {
        "trigger_id": slack.space.new_trigger("ULEAD1"),
        "user": {"id": "ULEAD1"},
        "actions": [{"value": Binding(knock.case, knock.draft, knock.draft_hash).encode()}],
        "response_url": "http://127.0.0.1:9/private",
    }
    modal_doors.open_modal(desk_in(house), action, body)
    return dict(slack.snapshot()["modals"]["ULEAD1"])


@pytest.mark.parametrize("action", modal_doors.OPENS)
def test_every_modal_opens(house: House, action: Action) -> None:
    """On either database: reading the case for it takes no lock, which a reader may not."""
    assert opened(house, action)["title"]["text"] not in ("Not possible", "One moment")


def test_a_modal_that_cannot_be_made_says_so(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever nobody foresaw ends the "One moment" of the form."""

    def fails(*_: object) -> dict[str, Any]:
        raise ZeroDivisionError

    monkeypatch.setitem(modal_doors.OPENS, Action.HOLD, fails)
    shown = opened(house, Action.HOLD)
    assert shown["title"]["text"] == "Not possible"
    assert answers.broken() in json.dumps(shown)


def test_an_approval_is_told_though_the_next_card_cannot_be_read(house: House) -> None:
    """It is on record; without the record there is only no link."""
    nowhere = engine.connect("sqlite:////nowhere/overdue.sqlite3")
    answer = told(
        replace(desk_in(house), database=nowhere), "approve", Said(Answer.RECORDED, house.case())
    )
    assert answer.startswith("Approved. It goes")


@pytest.mark.parametrize(
    ("held_up", "words"),
    [
        ({"status": "reauth_required"}, "QuickBooks has to be connected again first"),
        ({"paused_at": START, "paused_by": "ULEAD1"}, "until a finance lead resumes"),
        ({"mode": "shadow"}, "back in shadow mode"),
        ({"reminders_off_at": None}, "Nobody has confirmed that QuickBooks' own reminders are off"),
    ],
)
def test_an_approval_that_waits_is_told_so(
    house: House, held_up: dict[str, Any], words: str
) -> None:
    """No time is promised at which nothing will go; the way out is named."""
    with house.database.writing() as conn:
        companies.change(conn, house.realm, **held_up)
    answer = told(desk_in(house), "approve", Said(Answer.RECORDED, house.case()))
    assert answer.startswith("Approved. ")
    assert words in answer


def test_a_click_does_not_wait_for_the_bell(house: House) -> None:
    """Redis may hang: the answer goes out first."""
    bell = Bell()
    desk = replace(desk_in(house), doorbell=bell)  # type: ignore[arg-type]
    desk.ring("send", "messages")
    assert not bell.rung.is_set()
    bell.held.set()
    assert bell.rung.wait(10)
