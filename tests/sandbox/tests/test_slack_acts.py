"""What people do in the stand-in reaches the app as signed requests, and its answers are shown."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from slack_sdk import WebClient
from starlette.applications import Starlette
from starlette.routing import Mount

from tests.sandbox.slack import Pace, Slack
from tests.sandbox.slack_receiver import Receiver
from tests.sandbox.tests.test_slack_api import BUTTON, CARD, MODAL
from tests.sandbox.world import World, serve

SELECT: dict[str, Any] = {
    "type": "static_select",
    "action_id": "reason",
    "options": [
        {"text": {"type": "plain_text", "text": "Already paid"}, "value": "paid"},
        {"text": {"type": "plain_text", "text": "Wrong tone"}, "value": "tone"},
    ],
}


class Stage:
    """A served workspace, its app, and a client of the control calls."""

    def __init__(self, slack: Slack, receiver: Receiver, control: httpx.Client) -> None:
        self.slack, self.receiver, self.control = slack, receiver, control
        self.client = WebClient(slack.keys.bot_token, base_url=f"{control.base_url}/slack/api/")

    def post(self, blocks: list[dict[str, Any]] = CARD) -> str:
        """A card in the channel; its ts."""
        posted = self.client.chat_postMessage(channel="CFINANCE", text="A card", blocks=blocks)
        return str(posted["ts"])

    def do(self, act: str, **body: Any) -> dict[str, Any]:
        """One control call."""
        return dict(self.control.post(f"/_/slack/{act}", json=body).json())

    def click(self, ts: str, user: str = "ULEAD1", action: str = "approve", **more: Any) -> Any:
        """Press a button of a card; the status of the app."""
        return self.do("click", user=user, ts=ts, action_id=action, **more)["status"]

    def open(self, view: dict[str, Any] = MODAL, user: str = "ULEAD1") -> None:
        """Have a modal open before somebody."""
        self.client.views_open(trigger_id=self.slack.space.new_trigger(user), view=view)

    def world(self) -> dict[str, Any]:
        """What the world shows."""
        return dict(self.control.get("/_/world").json())

    @property
    def heard(self) -> dict[str, Any]:
        """The last thing the app was told."""
        return self.receiver.heard[-1]


@pytest.fixture
def stage() -> Iterator[Stage]:
    """Everything served on loopback."""
    slack = Slack(World(), pace=Pace(burst=1000))
    slack.add_channel("CFINANCE", "finance")
    slack.world.add(slack)
    receiver = Receiver(slack.keys.signing_secret)
    both = Starlette(routes=[Mount("/app", receiver.app()), Mount("/", slack.world.app())])
    with serve(both) as url:
        slack.reach(f"{url}/app")
        with httpx.Client(base_url=url, timeout=10) as control:
            yield Stage(slack, receiver, control)


def test_a_click_reaches_the_app_signed(stage: Stage) -> None:
    """The payload carries who, what, where, the card and its value."""
    ts = stage.post()
    assert stage.click(ts) == 200
    heard = stage.heard
    assert (heard["type"], heard["api_app_id"], heard["team"]["id"]) == (
        "block_actions",
        "AOVERDUE",
        "TOVERDUE",
    )
    assert (heard["user"]["id"], heard["user"]["team_id"]) == ("ULEAD1", "TOVERDUE")
    assert heard["container"] == {
        "type": "message",
        "message_ts": ts,
        "channel_id": "CFINANCE",
        "is_ephemeral": False,
    }
    assert heard["actions"][0]["value"] == "412:1"
    assert heard["actions"][0]["block_id"] == "decide"
    assert heard["message"]["text"] == "A card"


def test_a_stranger_carries_their_own_team(stage: Stage) -> None:
    """`team` stays that of the app; the person's own is in `user`."""
    stage.click(stage.post(), user="USTRANGER")
    assert (stage.heard["team"]["id"], stage.heard["user"]["team_id"]) == ("TOVERDUE", "TOTHER")


def test_a_button_that_is_gone_can_still_be_clicked(stage: Stage) -> None:
    """A client that shows an older card sends what that card had."""
    ts = stage.post()
    stage.client.chat_update(channel="CFINANCE", ts=ts, text="Approved")
    assert stage.click(ts) == 200
    assert stage.heard["actions"][0]["value"] == "412:1"
    assert "blocks" not in stage.heard["message"]


def test_a_click_can_carry_another_value(stage: Stage) -> None:
    """For a button of this card, and for one it never had."""
    ts = stage.post()
    stage.click(ts, value="412:0")
    assert stage.heard["actions"][0]["value"] == "412:0"
    stage.click(ts, action="undo", value="412:9")
    assert stage.heard["actions"][0]["action_id"] == "undo"


def test_a_click_on_nothing_is_not_possible(stage: Stage) -> None:
    """Unknown action, message or person: a reason, and the app hears nothing."""
    ts = stage.post()
    assert stage.do("click", user="ULEAD1", ts=ts, action_id="launch")["error"] == (
        "nothing here has or had the action launch"
    )
    assert "no message" in stage.do("click", user="ULEAD1", ts="1.2", action_id="approve")["error"]
    assert "nobody" in stage.do("click", user="UX", ts=ts, action_id="approve")["error"]
    assert stage.receiver.heard == []


def test_an_app_that_fails_is_shown_to_the_person(stage: Stage) -> None:
    """Slack's client puts a warning beside the card."""
    stage.receiver.reply = lambda _: 500
    assert stage.click(stage.post()) == 500
    (warning,) = stage.world()["slack"]["warnings"]
    assert warning["user"] == "ULEAD1"
    assert "status code 500" in warning["text"]


def test_an_app_that_is_not_there_times_out(stage: Stage) -> None:
    """Status 0 and operation_timeout."""
    stage.slack.reach("http://127.0.0.1:9")
    assert stage.click(stage.post()) == 0
    assert "operation_timeout" in stage.world()["slack"]["warnings"][0]["text"]


def test_a_select_in_a_message_sends_what_was_chosen(stage: Stage) -> None:
    """In the action and in the state of the message."""
    ts = stage.post([{"type": "actions", "block_id": "why", "elements": [SELECT, BUTTON]}])
    stage.click(ts, action="reason", value="tone")
    chosen = SELECT["options"][1]
    assert stage.heard["actions"][0]["selected_option"] == chosen
    assert stage.heard["state"]["values"]["why"]["reason"]["selected_option"] == chosen


def test_an_answer_to_a_click_is_private(stage: Stage) -> None:
    """Posted to response_url: the person sees it, the card stays."""
    ts = stage.post()
    stage.click(ts, user="UGUEST")
    private = {"text": "Only finance may approve", "replace_original": False}
    assert httpx.post(stage.heard["response_url"], json=private).status_code == 200
    (seen,) = stage.world()["ephemerals"]
    assert (seen["user"], seen["text"]) == ("UGUEST", "Only finance may approve")


def test_an_answer_can_replace_the_card(stage: Stage) -> None:
    """replace_original changes the message the button stood in."""
    stage.click(stage.post())
    replaced = {"text": "Sending", "replace_original": True}
    httpx.post(stage.heard["response_url"], json=replaced)
    assert stage.world()["messages"][0]["text"] == "Sending"


def test_a_response_url_answers_five_times(stage: Stage) -> None:
    """The sixth use is refused."""
    stage.click(stage.post())
    answers = [httpx.post(stage.heard["response_url"], json={"text": "x"}) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [404]
    assert answers[-1].json()["error"] == "used_url"


def test_a_private_button_can_be_pressed(stage: Stage) -> None:
    """Its container says it is ephemeral, and it can be deleted."""
    stage.client.chat_postEphemeral(
        channel="CFINANCE", user="ULEAD1", text="Sure?", blocks=CARD[1:]
    )
    ts = stage.world()["ephemerals"][0]["ts"]
    stage.click(ts)
    assert stage.heard["container"]["is_ephemeral"]
    httpx.post(stage.heard["response_url"], json={"delete_original": True})
    assert stage.world()["ephemerals"][0]["deleted"]


def test_a_click_can_open_a_modal_while_it_is_answered(stage: Stage) -> None:
    """The trigger of the click is good for views.open at once."""

    def open_modal(payload: dict[str, Any]) -> None:
        stage.client.views_open(trigger_id=payload["trigger_id"], view=MODAL)

    stage.receiver.reply = open_modal
    assert stage.click(stage.post()) == 200
    assert list(stage.world()["modals"]) == ["ULEAD1"]


def test_a_submission_carries_what_was_typed(stage: Stage) -> None:
    """What was not touched keeps its initial value; an empty answer closes the modal."""
    stage.open()
    stage.do("submit", user="ULEAD1", values={})
    assert stage.heard["view"]["state"]["values"]["body_1"]["body"]["value"] == "Hello"
    stage.open()
    answer = stage.do("submit", user="ULEAD1", values={"body_1": {"body": "Dear Ann"}})
    assert stage.heard["view"]["state"]["values"]["body_1"]["body"]["value"] == "Dear Ann"
    assert answer == {"status": 200, "errors": {}, "view": None}
    assert stage.world()["modals"] == {}


def test_errors_keep_the_modal_open(stage: Stage) -> None:
    """They stand at their block and go with the next try."""
    stage.open()
    stage.receiver.reply = lambda _: {"response_action": "errors", "errors": {"body_1": "No link"}}
    answer = stage.do("submit", user="ULEAD1")
    assert (answer["errors"], answer["view"]["callback_id"]) == ({"body_1": "No link"}, "edit")
    assert stage.world()["modals"]["ULEAD1"]["errors"] == {"body_1": "No link"}
    stage.receiver.reply = lambda _: None
    assert stage.do("submit", user="ULEAD1")["errors"] == {}


def test_an_answer_can_change_push_or_clear_the_modal(stage: Stage) -> None:
    """update fills the same view, push lays one above it, clear closes all."""
    other = MODAL | {"title": {"type": "plain_text", "text": "Save anyway?"}, "callback_id": "sure"}
    stage.open()
    stage.receiver.reply = lambda _: {"response_action": "update", "view": other}
    updated = stage.do("submit", user="ULEAD1")["view"]
    stage.receiver.reply = lambda _: {"response_action": "push", "view": other}
    pushed = stage.do("submit", user="ULEAD1")["view"]
    stage.receiver.reply = lambda _: {"response_action": "clear"}
    cleared = stage.do("submit", user="ULEAD1")["view"]
    assert updated["title"]["text"] == "Save anyway?"
    assert pushed["previous_view_id"] == updated["id"]
    assert cleared is None


@pytest.mark.parametrize(
    "answer",
    [
        500,
        {"response_action": "errors", "errors": {"nowhere": "x"}},
        {"response_action": "update", "view": {"type": "modal"}},
        {"response_action": "explode"},
    ],
)
def test_an_answer_that_makes_no_sense_is_trouble(stage: Stage, answer: Any) -> None:
    """The modal stays and says that something is wrong, as Slack does."""
    stage.open()
    stage.receiver.reply = lambda _: answer
    after = stage.do("submit", user="ULEAD1")
    assert "trouble connecting" in after["errors"][""]
    assert after["view"] is not None


def test_slack_itself_refuses_an_empty_required_input(stage: Stage) -> None:
    """The app is not asked: status 0."""
    stage.open()
    answer = stage.do("submit", user="ULEAD1", values={"body_1": {"body": ""}})
    assert answer["status"] == 0
    assert answer["errors"] == {"body_1": "Please complete this required field."}
    assert stage.receiver.heard == []


def test_an_input_that_is_not_there_cannot_be_filled(stage: Stage) -> None:
    """A test with a misspelt id learns it."""
    stage.open()
    answer = stage.do("submit", user="ULEAD1", values={"body": {"body": "x"}})
    assert answer == {"error": "this modal has no input body / body"}


def test_closing_a_modal_is_told_when_the_app_asked_for_it(stage: Stage) -> None:
    """view_closed comes with notify_on_close, and only then."""
    stage.open()
    stage.do("close", user="ULEAD1")
    assert stage.receiver.heard == []
    stage.open(MODAL | {"notify_on_close": True})
    stage.do("close", user="ULEAD1")
    assert stage.heard["type"] == "view_closed"


def test_a_press_inside_a_modal_carries_the_view(stage: Stage) -> None:
    """With what was chosen in its state."""
    block = {"type": "actions", "block_id": "why", "elements": [SELECT]}
    stage.open(MODAL | {"blocks": [*MODAL["blocks"], block]})
    stage.do("press", user="ULEAD1", action_id="reason", value="paid", **{"in": "modal"})
    held = stage.heard["view"]["state"]["values"]["why"]["reason"]
    assert held["selected_option"]["value"] == "paid"
    assert stage.heard["container"]["type"] == "view"


def test_a_command_is_answered_in_private(stage: Stage) -> None:
    """The text comes back to the caller and is shown to that person only."""
    stage.receiver.reply = lambda form: {"text": f"You said {form['text']}"}
    assert stage.do("command", user="UCOLLECT", text="help") == {
        "status": 200,
        "text": "You said help",
    }
    (private,) = stage.world()["ephemerals"]
    assert (private["user"], private["channel"]) == ("UCOLLECT", "CFINANCE")


def test_a_command_escapes_what_was_typed(stage: Stage) -> None:
    """Entities, and names as tokens, as should_escape promises."""
    stage.do("command", user="UCOLLECT", text="assign @marc <b> in #finance", channel="CFINANCE")
    assert stage.heard["text"] == "assign <@UMANAGER|marc> &lt;b&gt; in <#CFINANCE|finance>"
    assert (stage.heard["command"], stage.heard["channel_id"]) == ("/overdue", "CFINANCE")


def test_a_command_that_fails_says_so(stage: Stage) -> None:
    """The words Slack uses."""
    stage.receiver.reply = lambda _: 503
    answer = stage.do("command", user="UCOLLECT", text="")
    assert answer["text"] == '/overdue failed with the error "dispatch_failed"'


def test_a_command_may_answer_the_channel(stage: Stage) -> None:
    """in_channel makes it a message for all."""
    stage.receiver.reply = lambda _: {"response_type": "in_channel", "text": "Paused"}
    stage.do("command", user="ULEAD1", text="pause")
    assert stage.world()["messages"][0]["text"] == "Paused"


def test_our_linter_reads_every_answer(stage: Stage) -> None:
    """What is said to a command, a click or a submission, and posted; what Slack refuses, too."""
    calls, hidden = {"text": "<!channel> paid"}, {"type": "plain_text", "text": "Sure\u202e?"}
    stage.receiver.reply = lambda _: calls
    stage.do("command", user="ULEAD1", text="")
    stage.receiver.reply = lambda _: None
    stage.click(stage.post())
    httpx.post(stage.heard["response_url"], json=calls)
    httpx.post(stage.heard["response_url"], json=calls | {"replace_original": True})
    httpx.post(stage.heard["response_url"], json={"text": "x", "blocks": [{"type": "alert"}]})
    stage.open()
    view = MODAL | {"title": hidden}
    following = iter([{"response_action": name, "view": view} for name in ("update", "push")])
    stage.receiver.reply = lambda _: next(following)
    stage.do("submit", user="ULEAD1")
    stage.do("submit", user="ULEAD1")
    stage.client.chat_postMessage(channel="CFINANCE", text="<!here>")
    assert [found.partition(":")[0] for found in stage.world()["lint"]] == [
        *["an answer in private"] * 4,
        *["the answer to a submission"] * 2,
        "chat.postMessage",
    ]


def test_opening_home_is_an_event(stage: Stage) -> None:
    """app_home_opened with an event id of its own."""
    stage.do("home", user="ULEAD1")
    stage.do("home", user="ULEAD1")
    first, second = stage.receiver.heard
    assert (first["event"]["type"], first["event"]["tab"]) == ("app_home_opened", "home")
    assert first["event_id"] != second["event_id"]


def test_an_app_without_a_home_tab_has_none_to_open() -> None:
    """A reason, and no event."""
    quiet = Slack(World(), home_tab=False)
    quiet.world.add(quiet)
    with serve(quiet.world.app()) as url:
        answer = httpx.post(f"{url}/_/slack/home", json={"user": "ULEAD1"})
    assert answer.json() == {"error": "the app has no Home tab"}


def test_an_event_that_fails_comes_again(stage: Stage) -> None:
    """With the same id, at once."""
    answers = [500, None]
    stage.receiver.reply = lambda _: answers.pop(0)
    assert stage.do("home", user="ULEAD1") == {"status": 200}
    first, second = stage.receiver.heard
    assert first["event_id"] == second["event_id"]


def test_a_wrong_secret_is_noticed(stage: Stage) -> None:
    """The signature is made with the workspace's secret and no other."""
    stage.slack.delivery.secret = "another"
    assert stage.click(stage.post()) == 401


def test_every_change_wakes_a_waiting_page(stage: Stage) -> None:
    """Posts, updates and private answers raise the version."""
    versions = [stage.slack.world.changed.version]
    ts = stage.post()
    versions.append(stage.slack.world.changed.version)
    stage.client.chat_update(channel="CFINANCE", ts=ts, text="Changed")
    versions.append(stage.slack.world.changed.version)
    assert versions == sorted(set(versions))


def test_two_people_can_click_at_once(stage: Stage) -> None:
    """Requests to the app do not wait for each other."""
    ts = stage.post()

    async def both() -> list[int]:
        async with httpx.AsyncClient(base_url=stage.control.base_url, timeout=10) as client:
            bodies = [
                {"user": user, "ts": ts, "action_id": "approve"} for user in ("ULEAD1", "ULEAD2")
            ]
            calls = [client.post("/_/slack/click", json=body) for body in bodies]
            return [answer.json()["status"] for answer in await asyncio.gather(*calls)]

    assert asyncio.run(both()) == [200, 200]
    assert {one["user"]["id"] for one in stage.receiver.heard} == {"ULEAD1", "ULEAD2"}
