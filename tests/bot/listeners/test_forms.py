"""From a button to its modal and on: nothing is in the way of a reader, and nothing goes unsaid."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from slack_bolt import BoltRequest, BoltResponse
from structlog.testing import capture_logs

from bot.blockkit.ids import CUSTOMER, AboutCustomerButton, Binding
from bot.listeners import views
from bot.listeners.app import build
from bot.listeners.context import Backend, Pool
from bot.listeners.deciding import told
from bot.surfaces import answers
from bot.surfaces.forms import FORMS, address_key
from jobs.companies.disconnect import Broker
from jobs.decide.access import Answer, Reply
from jobs.decide.verbs import Verb
from jobs.store import companies, drafts, marks
from jobs.store.database import engine
from tests.bot.ground import START
from tests.jobs import houses
from tests.jobs.house import House, Neighbourhood, books, customer, invoice
from tests.jobs.houses import opener
from tests.sandbox.faults import fault_from
from tests.sandbox.slack import payloads
from tests.sandbox.slack.delivery import signature
from tests.sandbox.slack.people import BOT, BOT_USER, TEAM
from tests.sandbox.slack.values import fillable, put

home_url, neighbours = houses.home_url, houses.neighbours


@dataclass
class WokenSteps:
    """A queues that nobody hears, for as long as it is `held`."""

    held: threading.Event = field(default_factory=threading.Event)
    woken: threading.Event = field(default_factory=threading.Event)

    def wake(self, step: str, id: str = "") -> None:
        self.held.wait(10)
        self.woken.set()


@pytest.fixture
def house(neighbours: Neighbourhood, tmp_path: Path) -> Iterator[House]:
    """A live house whose one card waits, so that each form applies."""
    with waiting(neighbours, neighbours.home, tmp_path) as made:
        yield made


@pytest.fixture
def either_house(neighbours: Neighbourhood, home_url: str, tmp_path: Path) -> Iterator[House]:
    """The same, once on each engine."""
    with waiting(neighbours, home_url, tmp_path) as made:
        yield made


@contextmanager
def waiting(neighbours: Neighbourhood, url: str, folder: Path) -> Iterator[House]:
    """A house on this database whose one card waits."""
    named = books(customer("1", DisplayName="Overstock.com"), invoice("71", "1", "840.00", 12))
    with ExitStack() as stack:
        made: House = opener(stack, neighbours, url, folder)(named)
        made.sweep()
        made.greet()
        yield made


def backend_in(house: House) -> Backend:
    """The backend of a web process."""
    process = house.process
    return Backend(
        database=process.database,
        ruling=process.policies,
        queues=process.queues,
        clock=lambda: house.now,
        client=process.slack,
        team=TEAM,
        app_id="",
        workspace="https://brass-fern.slack.example",
        response_hosts=frozenset({"127.0.0.1"}),
        public_url="http://127.0.0.1:9",
        channel="CFINANCE",
        broker=Broker(process.oauth, process.seal),
        pool=ThreadPoolExecutor(1),
    )


def press(house: House, backend: Backend, action: str, value: str = "") -> BoltResponse:
    """Press this button of the card as a finance lead; what the bot answers to the click.

    `value` is that of a button that is not about the case.
    """
    slack, click = house.outside.slack, house.click("ULEAD1")
    slack.space.stacks.clear()
    slack.space.ephemerals.clear()
    key = slack.space.new_response_url("ULEAD1", house.company.channel, None)
    value = value or Binding(click.case, click.draft, click.draft_hash).encode()
    payload = {
        "type": "block_actions",
        "team": {"id": TEAM},
        "user": {"id": "ULEAD1", "team_id": TEAM},
        "trigger_id": slack.space.new_trigger("ULEAD1"),
        "response_url": f"{house.outside.url}/slack/response/{key}",
        "actions": [{"type": "button", "action_id": action, "block_id": "b", "value": value}],
    }
    return send(house, backend, payload)


def submit(house: House, backend: Backend, entered: Mapping[str, str]) -> BoltResponse:
    """Fill in the form that the finance lead has open, and send it; what the bot answers."""
    space = house.outside.slack.space
    form = space.open_view("ULEAD1")
    assert form is not None
    for block, element in fillable(form.content["blocks"]):
        if (name := element["action_id"]) in entered:
            form.values[block["block_id"]][name] = put(element, entered[name])
    return send(house, backend, payloads.submitted(space, space.people["ULEAD1"], form))


def send(house: House, backend: Backend, payload: dict[str, Any]) -> BoltResponse:
    """What Slack sends when somebody has done something, signed; what the bot answers."""
    slack = house.outside.slack
    body, at = urlencode({"payload": json.dumps(payload)}), str(int(time.time()))
    signed = signature(slack.keys.signing_secret, at, body.encode())
    headers: dict[str, str | Sequence[str]] = {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": at,
        "x-slack-signature": signed,
    }
    bolt = build(backend, slack.keys.signing_secret, BOT_USER, BOT)
    return bolt.dispatch(BoltRequest(body=body, headers=headers))


def fault(house: House, match: str, **more: Any) -> None:
    """Have Slack misbehave at this method."""
    order = {"service": "slack", "match": match, "kind": "status", "status": 429} | more
    house.outside.world.faults.add(fault_from(order))


def shown(house: House) -> dict[str, Any]:
    """The modal that the finance lead sees now."""
    return dict(house.outside.slack.snapshot()["modals"].get("ULEAD1", {}))


def title(house: House) -> str:
    """How that modal is called; empty where there is none."""
    return str(shown(house).get("title", {}).get("text", ""))


def private(house: House) -> list[str]:
    """What the finance lead was told in private, oldest first."""
    return [one["text"] for one in house.outside.slack.snapshot()["ephemerals"]]


def until(house: House, condition: Callable[[], bool]) -> None:
    """Wait for the world to change until the condition holds."""
    house.outside.world.changed.until(condition)


def opened(house: House, action: str, value: str = "") -> dict[str, Any]:
    """The modal that a finance lead sees after pressing this button of the card."""
    assert press(house, backend_in(house), action, value).status == 200
    until(house, lambda: title(house) not in ("", "One moment"))
    return shown(house)


def test_what_fails_beside_a_click_is_told_to_the_log() -> None:
    """Nobody waits for it there, so it would be lost."""
    with Pool(1) as pool, capture_logs() as logs:
        pool.submit(int, "no number")
        pool.submit(int, "7")
        assert pool.settle(60)
    (line,) = logs
    assert (line["event"], type(line["exc_info"])) == ("answer.failed", ValueError)


def test_a_form_opens_while_the_record_is_busy(either_house: House) -> None:
    """Its trigger lives three seconds: nothing is written down before it, nor read."""
    house = either_house
    backend = backend_in(house)
    with house.database.writing():
        assert press(house, backend, Verb.EDIT).status == 200
        assert title(house)
        assert private(house) == []
    until(house, lambda: title(house) not in ("", "One moment"))


ENTERED = {
    Verb.REJECT: {"reason": "not_needed"},
    Verb.HOLD: {"kind": "quiet"},
    Verb.DRAFT_ANYWAY: {"comment": "I called them."},
    Verb.CONFIRM_ADDRESS: {"address": address_key("billing@customer1.example")},
}
"""What each form does not propose itself."""


@pytest.mark.parametrize("verb", FORMS)
def test_every_form_opens_and_decides(either_house: House, verb: Verb) -> None:
    """What is typed into it reaches the function of its verb, and the form closes.

    On either database: reading the case for it takes no lock, which a reader may not.
    """
    house = either_house
    assert opened(house, verb)["callback_id"] == verb
    answer = submit(house, backend_in(house), ENTERED.get(verb, {}))
    assert (answer.status, answer.body) == (200, "")
    with house.database.reading() as conn:
        (decision,) = drafts.decided(conn, house.case().id)
    assert decision.kind == (Verb.REJECT if verb is Verb.WAS_PAID else verb)


def test_what_is_special_about_a_customer_is_said_in_a_form(house: House) -> None:
    """Bound to the customer, not to a case; whoever is named has to be a full member."""
    value = AboutCustomerButton(house.realm, "1").encode()
    shown = opened(house, CUSTOMER, value)
    assert "Nobody looks after this customer yet." in json.dumps(shown)
    refused = submit(house, backend_in(house), {"person": "UGUEST"})
    assert json.loads(refused.body)["response_action"] == "errors"
    assert "cannot work on it" in refused.body
    entered = {"marks": "key_account", "person": "UMANAGER", "comment": "since May"}
    done = submit(house, backend_in(house), entered)
    assert (done.status, done.body) == (200, "")
    shown = opened(house, CUSTOMER, value)
    assert [block["block_id"].partition(":")[0] for block in shown["blocks"][1:]] == [
        *("marks", "until", "person", "release", "comment")
    ]
    assert submit(house, backend_in(house), {"marks": "", "release": "release"}).body == ""
    with house.database.reading() as conn:
        said = marks.said_about(conn, house.realm, "1")
    assert (said.marks, said.account_manager) == ((), "")


def test_a_form_opens_while_other_work_hangs(house: House) -> None:
    """A trigger lives for three seconds; private answers, wake-ups and revokes may take longer."""
    backend, free = backend_in(house), threading.Event()
    backend.pool.submit(free.wait, 30)
    try:
        assert press(house, backend, Verb.HOLD).status == 200
        assert title(house) == "One moment"
    finally:
        free.set()
    until(house, lambda: title(house) == "Hold")


@pytest.mark.parametrize(
    "trouble", [{}, {"status": 500}, {"kind": "reset"}, {"kind": "late"}], ids=str
)
def test_a_form_that_slack_did_not_take_is_filled_a_moment_later(
    house: House, monkeypatch: pytest.MonkeyPatch, trouble: dict[str, Any]
) -> None:
    """After a 429 as late as Slack says; nobody is left with "Reading the case"."""
    monkeypatch.setattr(views, "PAUSE", 0.01)
    fault(house, "views.update", **trouble)
    assert opened(house, Verb.HOLD)["title"]["text"] == "Hold"
    assert private(house) == []


def test_a_form_whose_opening_was_lost_is_filled_all_the_same(house: House) -> None:
    """Slack opened it, and its answer never came: the form is known by a name of our own."""
    fault(house, "views.open", kind="late")
    assert opened(house, Verb.HOLD)["title"]["text"] == "Hold"


@pytest.mark.parametrize("match", ["views.open", "views.update"])
@pytest.mark.parametrize("trouble", [{}, {"kind": "reset"}], ids=str)
def test_whoever_gets_no_form_is_told_what_to_do(
    house: House, monkeypatch: pytest.MonkeyPatch, match: str, trouble: dict[str, Any]
) -> None:
    """In private, after a few tries in vain; the form itself says it, too."""
    monkeypatch.setattr(views, "PAUSE", 0.01)
    fault(house, match, times=None, **trouble)
    assert press(house, backend_in(house), Verb.HOLD).status == 200
    until(house, lambda: private(house) == [answers.no_form()])
    assert "press again" in answers.no_form()
    if match == "views.update":
        assert "press the button again" in json.dumps(shown(house)["blocks"])


def test_a_form_that_slack_does_not_like_says_so(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trying the same once more would not help: a sentence takes its place."""
    broken = replace(FORMS[Verb.HOLD], draw=lambda *_: {"type": "modal"})
    monkeypatch.setitem(FORMS, Verb.HOLD, broken)
    assert answers.broken() in json.dumps(opened(house, Verb.HOLD))


def test_a_modal_that_cannot_be_made_says_so(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever nobody foresaw ends the "One moment" of the form."""

    def fails(*_: object) -> dict[str, Any]:
        raise ZeroDivisionError

    broken = replace(FORMS[Verb.HOLD], draw=fails)
    monkeypatch.setitem(FORMS, Verb.HOLD, broken)
    shown = opened(house, Verb.HOLD)
    assert shown["title"]["text"] == "Not possible"
    assert answers.broken() in json.dumps(shown)


def test_an_approval_is_told_though_the_next_card_cannot_be_read(house: House) -> None:
    """It is on record; without the record there is only no link."""
    nowhere = engine.connect("sqlite:////nowhere/overdue.sqlite3")
    answer = told(
        replace(backend_in(house), database=nowhere),
        Verb.APPROVE,
        Reply(Answer.RECORDED, house.case()),
    )
    assert answer.startswith("Approved. Sends")


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
    answer = told(backend_in(house), Verb.APPROVE, Reply(Answer.RECORDED, house.case()))
    assert answer.startswith("Approved. ")
    assert words in answer


def test_a_click_does_not_wait_for_redis(house: House) -> None:
    """Redis may hang: the answer goes out first."""
    queues = WokenSteps()
    backend = replace(backend_in(house), queues=queues)  # type: ignore[arg-type]
    backend.wake("send", "messages")
    assert not queues.woken.is_set()
    queues.held.set()
    assert queues.woken.wait(10)
