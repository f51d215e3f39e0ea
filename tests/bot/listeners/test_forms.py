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
from slack_bolt import App, BoltRequest, BoltResponse
from structlog.testing import capture_logs

from bot.blockkit.ids import (
    ALSO,
    AS_PAGE,
    CUSTOMER,
    ELSEWHERE,
    MORE,
    SEND_COPY,
    AboutCustomerButton,
    Binding,
    choice,
)
from bot.blockkit.lint import lint
from bot.listeners import views
from bot.listeners.app import build
from bot.listeners.context import Backend, Pool
from bot.listeners.deciding import told
from bot.surfaces import answers
from bot.surfaces.forms.fields import address_key
from bot.surfaces.forms.forms import FORMS
from jobs.companies.disconnect import Broker
from jobs.decide.access import Answer, Reply
from jobs.decide.verbs import Verb
from jobs.rules.facts.findings import Counterpart
from jobs.rules.states import State
from jobs.store import companies, drafts
from jobs.store.customers import marks
from jobs.store.database import engine
from tests.bot.harness import START
from tests.jobs import fixtures
from tests.jobs.fixtures import opener
from tests.jobs.harness import CompanyHarness, SharedStandIns, books, customer, invoice
from tests.jobs.sources.help_desk import HelpDesk
from tests.sandbox.faults import fault_from
from tests.sandbox.slack import payloads
from tests.sandbox.slack.delivery import signature
from tests.sandbox.slack.people import BOT, BOT_USER, TEAM
from tests.sandbox.slack.values import fillable, first_values, put

home_url, shared = fixtures.home_url, fixtures.shared


@dataclass
class WokenSteps:
    """A queues that nobody hears, for as long as it is `held`."""

    held: threading.Event = field(default_factory=threading.Event)
    woken: threading.Event = field(default_factory=threading.Event)

    def wake(self, step: str, id: str = "") -> None:
        self.held.wait(10)
        self.woken.set()


@pytest.fixture
def harness(shared: SharedStandIns, tmp_path: Path) -> Iterator[CompanyHarness]:
    """A live company whose one card waits, so that each form applies."""
    with waiting(shared, shared.home, tmp_path) as made:
        yield made


@pytest.fixture
def either_harness(
    shared: SharedStandIns, home_url: str, tmp_path: Path
) -> Iterator[CompanyHarness]:
    """The same, once on each engine."""
    with waiting(shared, home_url, tmp_path) as made:
        yield made


@contextmanager
def waiting(shared: SharedStandIns, url: str, folder: Path) -> Iterator[CompanyHarness]:
    """A company on this database whose one card waits."""
    named = books(customer("1", DisplayName="Overstock.com"), invoice("71", "1", "840.00", 12))
    with ExitStack() as stack:
        made: CompanyHarness = opener(stack, shared, url, folder)(named, swept=True)
        made.greet()
        yield made


def backend_in(harness: CompanyHarness) -> Backend:
    """The backend of a web process."""
    process = harness.process
    return Backend(
        database=process.database,
        ruling=process.policies,
        queues=process.queues,
        clock=lambda: harness.now,
        client=process.slack,
        team=TEAM,
        app_id="",
        workspace="https://brass-fern.slack.example",
        response_hosts=frozenset({"127.0.0.1"}),
        public_url="http://127.0.0.1:9",
        books="https://qbo.example",
        channel="CFINANCE",
        broker=Broker(process.oauth, process.seal),
        pool=ThreadPoolExecutor(1),
    )


def press(
    harness: CompanyHarness, backend: Backend, action: str, value: str = "", user: str = "ULEAD1"
) -> BoltResponse:
    """Press this button of the card, as a finance lead; what the bot answers to the click.

    `value` is that of a button that is not about the case.
    """
    slack = harness.outside.slack
    slack.space.stacks.clear()
    slack.space.ephemerals.clear()
    key = slack.space.new_response_url(user, harness.company.channel, None)
    if not value:
        click = harness.click(user)
        value = Binding(click.case, click.draft, click.draft_hash).encode()
    payload = {
        "type": "block_actions",
        "team": {"id": TEAM},
        "user": {"id": user, "team_id": TEAM},
        "trigger_id": slack.space.new_trigger(user),
        "response_url": f"{harness.outside.url}/slack/response/{key}",
        "actions": [{"action_id": action, "block_id": "b"} | _pressed(action, value)],
    }
    return send(harness, backend, payload)


def _pressed(action: str, value: str) -> dict[str, Any]:
    """What Slack says of a button, or of a choice in the menu behind ⋯."""
    if action == MORE:
        return {"type": "overflow", "selected_option": {"value": value}}
    return {"type": "button", "value": value}


def press_in_modal(
    harness: CompanyHarness, backend: Backend, button: dict[str, Any]
) -> BoltResponse:
    """Press a button of the modal that the finance lead has open."""
    space = harness.outside.slack.space
    view = space.open_view("ULEAD1")
    assert view is not None
    payload = {
        "type": "block_actions",
        "team": {"id": TEAM},
        "user": {"id": "ULEAD1", "team_id": TEAM},
        "trigger_id": space.new_trigger("ULEAD1"),
        "view": {"id": view.id, "type": "modal", "callback_id": "also", "private_metadata": ""},
        "actions": [{"block_id": "b", **button}],
    }
    return send(harness, backend, payload)


def submit(
    harness: CompanyHarness, backend: Backend, entered: Mapping[str, str | list[str]]
) -> BoltResponse:
    """Fill in the form that the finance lead has open, and send it; what the bot answers."""
    space = harness.outside.slack.space
    form = space.open_view("ULEAD1")
    assert form is not None
    for block, element in fillable(form.content["blocks"]):
        if (name := element["action_id"]) in entered:
            form.values[block["block_id"]][name] = put(element, entered[name])
    return send(harness, backend, payloads.submitted(space, space.people["ULEAD1"], form))


def send(harness: CompanyHarness, backend: Backend, payload: dict[str, Any]) -> BoltResponse:
    """What Slack sends when somebody has done something, signed; what the bot answers."""
    return sign_and_send(harness, backend, {"payload": json.dumps(payload)})


def sign_and_send(
    harness: CompanyHarness, backend: Backend, fields: Mapping[str, str]
) -> BoltResponse:
    """Send a form as Slack does; what the bot answers."""
    return checked(app_of(harness, backend).dispatch(signed(harness, fields)))


def checked(answer: BoltResponse) -> BoltResponse:
    """An answer in which our linter finds no fault, be it words, a message or a modal."""
    written = answer.body.startswith("{")
    found: dict[str, Any] = json.loads(answer.body) if written else {"text": answer.body}
    if "view" in found:
        assert lint(found["view"], "modal") == []
    elif found.get("text") and answer.status == 200:
        said = {"text": found["text"], "blocks": found.get("blocks", [])}
        assert lint(said, "message") == []
    return answer


def app_of(harness: CompanyHarness, backend: Backend) -> App:
    """The app as a web process builds it."""
    return build(backend, harness.outside.slack.keys.signing_secret, BOT_USER, BOT)


def signed(harness: CompanyHarness, fields: Mapping[str, str]) -> BoltRequest:
    """The request with which Slack sends a form."""
    slack = harness.outside.slack
    body, at = urlencode(fields), str(int(time.time()))
    headers: dict[str, str | Sequence[str]] = {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": at,
        "x-slack-signature": signature(slack.keys.signing_secret, at, body.encode()),
    }
    return BoltRequest(body=body, headers=headers)


def fault(harness: CompanyHarness, match: str, **more: Any) -> None:
    """Have Slack misbehave at this method."""
    order = {"service": "slack", "match": match, "kind": "status", "status": 429} | more
    harness.outside.world.faults.add(fault_from(order))


def shown(harness: CompanyHarness) -> dict[str, Any]:
    """The modal that the finance lead sees now."""
    return dict(harness.outside.slack.snapshot()["modals"].get("ULEAD1", {}))


def title(harness: CompanyHarness) -> str:
    """How that modal is called; empty where there is none."""
    return str(shown(harness).get("title", {}).get("text", ""))


def private(harness: CompanyHarness) -> list[str]:
    """What the finance lead was told in private, oldest first."""
    return [one["text"] for one in harness.outside.slack.snapshot()["ephemerals"]]


def until(harness: CompanyHarness, condition: Callable[[], bool]) -> None:
    """Wait for the world to change until the condition holds."""
    harness.outside.world.changed.until(condition)


def opened(harness: CompanyHarness, action: str, value: str = "") -> dict[str, Any]:
    """The modal that a finance lead sees after pressing this button of the card."""
    assert press(harness, backend_in(harness), action, value).status == 200
    until(harness, lambda: title(harness) not in ("", "One moment"))
    return shown(harness)


def test_what_fails_beside_a_click_is_told_to_the_log() -> None:
    """Nobody waits for it there, so it would be lost."""
    with Pool(1) as pool, capture_logs() as logs:
        pool.submit(int, "no number")
        pool.submit(int, "7")
        assert pool.settle(60)
    (line,) = logs
    assert (line["event"], type(line["exc_info"])) == ("answer.failed", ValueError)


def test_an_answer_goes_to_slack_alone(harness: CompanyHarness) -> None:
    """Whatever address a request names for it: another host hears nothing, and the log says so."""
    space = harness.outside.slack.space
    space.ephemerals.clear()
    key = space.new_response_url("ULEAD1", harness.company.channel, None)
    ours = f"{harness.outside.url}/slack/response/{key}"
    for url, heard in ((ours.replace("127.0.0.1", "localhost"), []), (ours, ["Noted."])):
        backend = backend_in(harness)
        with capture_logs() as logs:
            backend.tell(url, "Noted.")
            backend.pool.shutdown()
        assert private(harness) == heard
        assert [line["event"] for line in logs] == ([] if heard else ["answer.elsewhere"])


def test_a_form_opens_while_the_record_is_busy(either_harness: CompanyHarness) -> None:
    """Its trigger lives three seconds: nothing is written down before it, nor read."""
    harness = either_harness
    backend = backend_in(harness)
    with harness.database.writing():
        assert press(harness, backend, Verb.EDIT).status == 200
        assert title(harness)
        assert private(harness) == []
    until(harness, lambda: title(harness) not in ("", "One moment"))


ENTERED: Mapping[Verb, Mapping[str, str | list[str]]] = {
    Verb.DISPUTE: {"invoices": ["71"], "comment": "The price."},
    Verb.ASSIGN: {"person": "UCOLLECT"},
    Verb.REJECT: {"reason": "not_needed"},
    Verb.HOLD: {"kind": "quiet"},
    Verb.DRAFT_ANYWAY: {"comment": "I called them."},
    Verb.DISPUTE: {"invoices": "71", "comment": "The pallet was damaged."},
    Verb.CONFIRM_ADDRESS: {"address": address_key("billing@customer1.example")},
}
"""What each form does not propose itself."""
NOT_HERE = {Verb.WAS_WRONG, Verb.TAKE_BACK, Verb.SETTLE, Verb.HAVE_READ}
"""Nothing was sent here, and the customer wrote nothing."""


@pytest.mark.parametrize("verb", sorted(FORMS.keys() - NOT_HERE))
def test_every_form_opens_and_decides(either_harness: CompanyHarness, verb: Verb) -> None:
    """What is typed into it reaches the function of its verb, and the form closes.

    On either database: reading the case for it takes no lock, which a reader may not.
    """
    harness = either_harness
    assert opened(harness, verb)["callback_id"] == verb
    answer = submit(harness, backend_in(harness), ENTERED.get(verb, {}))
    assert (answer.status, answer.body) == (200, "")
    with harness.database.reading() as conn:
        (decision,) = drafts.decided(conn, harness.case().id)
    assert decision.kind == (Verb.REJECT if verb is Verb.WAS_PAID else verb)


def test_a_sent_message_is_called_wrong_and_its_note_taken_back(harness: CompanyHarness) -> None:
    """From the buttons of its card; the note leaves QuickBooks, and the reason is on record."""
    assert harness.approve("ULEAD1") is Answer.RECORDED
    harness.wait_out()
    assert harness.state() is State.DONE
    assert opened(harness, Verb.TAKE_BACK)["callback_id"] == Verb.TAKE_BACK
    assert submit(harness, backend_in(harness), {}).body == ""
    harness.run("write_back")
    assert [note["deleted"] for note in harness.notes] == [True]
    assert opened(harness, Verb.WAS_WRONG)["callback_id"] == Verb.WAS_WRONG
    entered = {"reason": "wrong_contact", "comment": "She has left."}
    assert submit(harness, backend_in(harness), entered).body == ""
    (line,) = harness.logged("send.was_wrong")
    assert (line["actor"], line["data"]["why"]) == ("ULEAD1", "wrong_contact")


def test_an_edit_keeps_what_was_typed_whatever_happened_meanwhile(harness: CompanyHarness) -> None:
    """Another edit shows both texts, a busy record the same form; the thread shows the change."""
    backend = backend_in(harness)
    opened(harness, Verb.EDIT)
    letter = harness.view().letter
    assert letter is not None
    mine = letter.body.replace("\n\nThank you and", "\n\nPlease let us know.\n\nThank you and")
    harness.rewrite("UCOLLECT", "Thank you for your time.")
    answer = submit(harness, backend, {"body": mine})
    again = json.loads(answer.body)["view"]
    typed = {b["block_id"]: b["element"].get("initial_value") for b in inputs(again)}
    assert mine in typed.values()
    assert "Thank you for your time." in str(again["blocks"])
    form = harness.outside.slack.space.open_view("ULEAD1")
    assert form is not None
    form.content.update(again)
    form.values = first_values(again["blocks"])
    with harness.database.writing():
        busy = json.loads(submit(harness, backend, {}).body)
    assert busy["response_action"] == "errors"
    assert submit(harness, backend, {}).body == ""
    harness.run("first_look")
    for _ in range(12):  # one message a second
        harness.time.later(seconds=2)
        harness.run("messages")
    said = [one["text"] for one in harness.outside.slack.snapshot()["messages"]]
    assert any("Removed: “Thank you for your time”" in text for text in said)


def inputs(view: dict[str, Any]) -> list[dict[str, Any]]:
    """The inputs of a modal."""
    return [block for block in view["blocks"] if block["type"] == "input"]


def test_what_is_special_about_a_customer_is_said_in_a_form(harness: CompanyHarness) -> None:
    """Bound to the customer, not to a case; whoever is named has to be a full member."""
    value = AboutCustomerButton(harness.realm, "1").encode()
    shown = opened(harness, CUSTOMER, value)
    assert "Nobody looks after this customer yet." in json.dumps(shown)
    refused = submit(harness, backend_in(harness), {"person": "UGUEST"})
    assert json.loads(refused.body)["response_action"] == "errors"
    assert "cannot work on it" in refused.body
    entered = {"marks": "key_account", "person": "UMANAGER", "comment": "since May"}
    done = submit(harness, backend_in(harness), entered)
    assert (done.status, done.body) == (200, "")
    shown = opened(harness, CUSTOMER, value)
    assert [block["block_id"].partition(":")[0] for block in shown["blocks"][1:]] == [
        *("marks", "until", "person", "release", "comment")
    ]
    assert submit(harness, backend_in(harness), {"marks": "", "release": "release"}).body == ""
    with harness.database.reading() as conn:
        said = marks.said_about(conn, harness.realm, "1")
    assert (said.marks, said.account_manager) == ((), "")


def test_who_a_customer_is_elsewhere_is_said_in_the_same_form(harness: CompanyHarness) -> None:
    """Among those that were taken for it, or by a number; what stands is kept with the rest."""
    desk = HelpDesk()
    desk.counterparts = (Counterpart("406", "Northgate <!channel>"), Counterpart("407", "Oak"))
    desk.doubtful = "Two organizations have its addresses."
    harness.add_source(desk)
    harness.refresh()
    assert "doubtful_match" in harness.rules()
    value = AboutCustomerButton(harness.realm, "1").encode()
    shown = json.dumps(opened(harness, CUSTOMER, value))
    assert "Oak" in shown
    assert "Another one in the help desk" in shown
    refused = submit(harness, backend_in(harness), {"record": "407"})
    assert "such as “help desk 12345”" in json.loads(refused.body)["errors"]["record:0"]
    named = {"known_as": "help desk:407", "record": "Help desk 9"}
    assert submit(harness, backend_in(harness), named).body == ""
    opened(harness, CUSTOMER, value)
    assert submit(harness, backend_in(harness), {"marks": "key_account"}).body == ""
    with harness.database.reading() as conn:
        known = marks.known_as(conn, harness.realm, "1")
    assert known == {("help desk", "407"), ("help desk", "9")}


def test_a_choice_of_the_menu_is_its_verb(harness: CompanyHarness) -> None:
    """It decides at once or opens a form; a link does nothing, and nonsense is told."""
    backend, click = backend_in(harness), harness.click("ULEAD1")
    bound = Binding(click.case, click.draft, click.draft_hash)
    assert opened(harness, MORE, choice(Verb.SNOOZE, bound))["callback_id"] == Verb.SNOOZE
    assert press(harness, backend, MORE, ELSEWHERE).status == 200
    assert press(harness, backend, MORE, choice("dance", bound)).status == 200
    until(harness, lambda: bool(private(harness)))
    assert harness.state() is State.WAITING
    assert press(harness, backend, MORE, choice(Verb.TAKEOVER, bound)).status == 200
    assert harness.state() is State.HELD


def test_what_does_not_fit_into_the_menu_opens_from_it(harness: CompanyHarness) -> None:
    """A copy for oneself and the form about the customer, above the modal that offers both."""
    click = harness.click("ULEAD1")
    bound = Binding(click.case, click.draft, click.draft_hash)
    more = opened(harness, MORE, choice(ALSO, bound))
    acts = [block["accessory"] for block in more["blocks"] if "accessory" in block]
    assert [one["action_id"] for one in acts] == [CUSTOMER, SEND_COPY, AS_PAGE, ELSEWHERE]
    assert acts[3]["url"].startswith("https://qbo.example/app/login?pagereq=invoice")
    assert press_in_modal(harness, backend_in(harness), acts[1]).status == 200
    until(harness, lambda: title(harness) == "Noted")
    assert "A test copy is being sent" in json.dumps(shown(harness))
    harness.run("draft_copies")
    assert [mail.recipient for mail in harness.mails] == ["lena@brassfern.example"]


def test_a_form_opens_while_other_work_hangs(harness: CompanyHarness) -> None:
    """A trigger lives for three seconds; private answers, wake-ups and revokes may take longer."""
    backend, free = backend_in(harness), threading.Event()
    backend.pool.submit(free.wait, 30)
    try:
        assert press(harness, backend, Verb.HOLD).status == 200
        assert title(harness) == "One moment"
    finally:
        free.set()
    until(harness, lambda: title(harness) == "Hold")


@pytest.mark.parametrize(
    "trouble", [{}, {"status": 500}, {"kind": "reset"}, {"kind": "late"}], ids=str
)
def test_a_form_that_slack_did_not_take_is_filled_a_moment_later(
    harness: CompanyHarness, monkeypatch: pytest.MonkeyPatch, trouble: dict[str, Any]
) -> None:
    """After a 429 as late as Slack says; nobody is left with "Reading the case"."""
    monkeypatch.setattr(views, "PAUSE", 0.01)
    fault(harness, "views.update", **trouble)
    assert opened(harness, Verb.HOLD)["title"]["text"] == "Hold"
    assert private(harness) == []


def test_a_form_whose_opening_was_lost_is_filled_all_the_same(harness: CompanyHarness) -> None:
    """Slack opened it, and its answer never came: the form is known by a name of our own."""
    fault(harness, "views.open", kind="late")
    assert opened(harness, Verb.HOLD)["title"]["text"] == "Hold"


@pytest.mark.parametrize("match", ["views.open", "views.update"])
@pytest.mark.parametrize("trouble", [{}, {"kind": "reset"}], ids=str)
def test_whoever_gets_no_form_is_told_what_to_do(
    harness: CompanyHarness, monkeypatch: pytest.MonkeyPatch, match: str, trouble: dict[str, Any]
) -> None:
    """In private, after a few tries in vain; the form itself says it, too."""
    monkeypatch.setattr(views, "PAUSE", 0.01)
    fault(harness, match, times=None, **trouble)
    assert press(harness, backend_in(harness), Verb.HOLD).status == 200
    until(harness, lambda: private(harness) == [answers.no_form()])
    assert "press again" in answers.no_form()
    if match == "views.update":
        assert "press the button again" in json.dumps(shown(harness)["blocks"])


def test_a_form_that_slack_does_not_like_says_so(
    harness: CompanyHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trying the same once more would not help: a sentence takes its place."""
    broken = replace(FORMS[Verb.HOLD], draw=lambda *_: {"type": "modal"})
    monkeypatch.setitem(FORMS, Verb.HOLD, broken)
    assert answers.broken() in json.dumps(opened(harness, Verb.HOLD))


def test_a_modal_that_cannot_be_made_says_so(
    harness: CompanyHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever nobody foresaw ends the "One moment" of the form."""

    def fails(*_: object) -> dict[str, Any]:
        raise ZeroDivisionError

    broken = replace(FORMS[Verb.HOLD], draw=fails)
    monkeypatch.setitem(FORMS, Verb.HOLD, broken)
    shown = opened(harness, Verb.HOLD)
    assert shown["title"]["text"] == "Not possible"
    assert answers.broken() in json.dumps(shown)


def test_an_approval_is_told_though_the_next_card_cannot_be_read(harness: CompanyHarness) -> None:
    """It is on record; without the record there is only no link."""
    nowhere = engine.connect("sqlite:////nowhere/overdue.sqlite3")
    answer = told(
        replace(backend_in(harness), database=nowhere),
        Verb.APPROVE,
        Reply(Answer.RECORDED, harness.case()),
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
    harness: CompanyHarness, held_up: dict[str, Any], words: str
) -> None:
    """No time is promised at which nothing will go; the way out is named."""
    with harness.database.writing() as conn:
        companies.change(conn, harness.realm, **held_up)
    answer = told(backend_in(harness), Verb.APPROVE, Reply(Answer.RECORDED, harness.case()))
    assert answer.startswith("Approved. ")
    assert words in answer


def test_a_click_does_not_wait_for_redis(harness: CompanyHarness) -> None:
    """Redis may hang: the answer goes out first."""
    queues = WokenSteps()
    backend = replace(backend_in(harness), queues=queues)  # type: ignore[arg-type]
    backend.wake("send", "messages")
    assert not queues.woken.is_set()
    queues.held.set()
    assert queues.woken.wait(10)
