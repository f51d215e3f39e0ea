"""The stand-in's Web API, driven by the real client."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from tests.sandbox.slack import Keys, Pace, Slack
from tests.sandbox.slack.kinds import Channel
from tests.sandbox.world import World, serve

BUTTON = {
    "type": "button",
    "action_id": "approve",
    "text": {"type": "plain_text", "text": "Approve & send"},
    "value": "412:1",
}
CARD: list[dict[str, Any]] = [
    {"type": "header", "text": {"type": "plain_text", "text": "Acme owes 1,200.00"}},
    {"type": "actions", "block_id": "decide", "elements": [BUTTON]},
]
MODAL: dict[str, Any] = {
    "type": "modal",
    "callback_id": "edit",
    "title": {"type": "plain_text", "text": "Edit draft"},
    "submit": {"type": "plain_text", "text": "Save"},
    "blocks": [
        {
            "type": "input",
            "block_id": "body_1",
            "label": {"type": "plain_text", "text": "Message"},
            "element": {"type": "plain_text_input", "action_id": "body", "initial_value": "Hello"},
        }
    ],
}


class Watch:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The present."""
        return self.now

    def turn(self, **delta: float) -> None:
        """Let time pass."""
        self.now += timedelta(**delta)


@pytest.fixture
def watch() -> Watch:
    """The clock of the world."""
    return Watch()


@pytest.fixture
def slack(watch: Watch) -> Slack:
    """A workspace with a finance channel, its pace wide open."""
    slack = Slack(World(watch), pace=Pace(burst=1000))
    slack.add_channel("CFINANCE", "finance")
    return slack


@pytest.fixture
def url(slack: Slack) -> Iterator[str]:
    """Where the world is served."""
    slack.world.add(slack)
    with serve(slack.world.app()) as url:
        yield url


@pytest.fixture
def client(url: str, slack: Slack) -> WebClient:
    """The app's own client."""
    return WebClient(slack.keys.bot_token, base_url=f"{url}/slack/api/")


def error_of(call: Any, **arguments: Any) -> str:
    """The error code with which the Web API refuses a call."""
    with pytest.raises(SlackApiError) as caught:
        call(**arguments)
    return str(caught.value.response["error"])


def test_the_token_says_who_the_app_is(client: WebClient) -> None:
    """auth.test names team, user and bot, and the header lists the scopes."""
    answer = client.auth_test()
    assert (answer["team_id"], answer["user_id"], answer["bot_id"]) == (
        "TOVERDUE",
        "UOVERDUE",
        "BOVERDUE",
    )
    assert "chat:write" in str(answer.headers["x-oauth-scopes"])


def test_a_wrong_token_is_refused(client: WebClient) -> None:
    """invalid_auth, as for a revoked token; not_authed where there is none."""
    client.token = "xoxb-wrong"
    assert error_of(client.auth_test) == "invalid_auth"
    client.token = None
    assert error_of(client.auth_test) == "not_authed"


def test_a_method_without_its_scope_is_refused(slack: Slack, client: WebClient) -> None:
    """missing_scope says which one is needed and which were given."""
    slack.web_api.scopes = ("chat:write",)
    with pytest.raises(SlackApiError) as caught:
        client.users_info(user="ULEAD1")
    assert caught.value.response["needed"] == "users:read"
    assert caught.value.response["provided"] == "chat:write"


def test_a_posted_message_can_be_read_back(slack: Slack, client: WebClient) -> None:
    """Text and blocks as posted, and ids for what had none."""
    posted = client.chat_postMessage(channel="CFINANCE", text="Acme owes 1,200.00", blocks=CARD)
    (message,) = client.conversations_history(channel="CFINANCE")["messages"]
    assert (message["ts"], message["text"]) == (posted["ts"], "Acme owes 1,200.00")
    assert message["blocks"][0]["block_id"]
    assert slack.snapshot()["messages"][0]["ts"] == posted["ts"]


def test_metadata_is_shown_only_when_asked_for(client: WebClient) -> None:
    """history returns it with include_all_metadata alone."""
    metadata = {"event_type": "card", "event_payload": {"card_id": "412"}}
    client.chat_postMessage(channel="CFINANCE", text="A card", metadata=metadata)
    plain = client.conversations_history(channel="CFINANCE")["messages"][0]
    full = client.conversations_history(channel="CFINANCE", include_all_metadata=True)
    assert "metadata" not in plain
    assert full["messages"][0]["metadata"] == metadata


def test_an_update_keeps_the_earlier_blocks_for_late_clicks(
    slack: Slack, client: WebClient
) -> None:
    """New blocks replace the old ones, text without blocks removes them."""
    ts = client.chat_postMessage(channel="CFINANCE", text="A card", blocks=CARD)["ts"]
    client.chat_update(channel="CFINANCE", ts=ts, text="Approved")
    message = slack.space.messages[0]
    assert (message.text, message.blocks) == ("Approved", [])
    assert message.earlier[0][1]["block_id"] == "decide"


@pytest.mark.parametrize(
    ("channel", "ts", "text", "error"),
    [
        ("CFINANCE", "1.2", "x", "message_not_found"),
        ("CNOWHERE", None, "x", "channel_not_found"),
        ("ULEAD1", None, "x", "channel_not_found"),
        ("CFINANCE", None, "x" * 4001, "msg_too_long"),
    ],
)
def test_an_update_that_slack_would_refuse(
    client: WebClient, channel: str, ts: str | None, text: str, error: str
) -> None:
    """Unknown places, a user in place of a channel, and a text above 4000 characters."""
    posted = client.chat_postMessage(channel="CFINANCE", text="A card")["ts"]
    assert error_of(client.chat_update, channel=channel, ts=ts or posted, text=text) == error


def test_a_message_without_text_is_refused(url: str, slack: Slack) -> None:
    """Blocks alone leave a screen reader with nothing."""
    answer = httpx.post(
        f"{url}/slack/api/chat.postMessage",
        json={"channel": "CFINANCE", "blocks": CARD},
        headers={"Authorization": f"Bearer {slack.keys.bot_token}"},
    )
    assert answer.json()["error"] == "no_text"


def test_the_bot_posts_only_where_it_was_invited(slack: Slack, client: WebClient) -> None:
    """A public channel says not_in_channel, a private one does not exist for it."""
    slack.add_channel("COPEN", "open", is_private=False, members={"ULEAD1"})
    slack.add_channel("CSECRET", "secret", members={"ULEAD1"})
    assert error_of(client.chat_postMessage, channel="COPEN", text="x") == "not_in_channel"
    assert error_of(client.chat_postMessage, channel="CSECRET", text="x") == "channel_not_found"


def test_a_message_to_a_person_lands_in_their_direct_message(
    slack: Slack, client: WebClient
) -> None:
    """The answer names the channel, which is what updates need."""
    opened = client.conversations_open(users="UMANAGER")["channel"]["id"]
    posted = client.chat_postMessage(channel="UMANAGER", text="A draft for you")
    assert posted["channel"] == opened == "DMANAGER"


def test_replies_stand_in_the_thread(client: WebClient) -> None:
    """history leaves them out, replies lists parent and thread."""
    ts = client.chat_postMessage(channel="CFINANCE", text="A card")["ts"]
    client.chat_postMessage(channel="CFINANCE", text="Sent", thread_ts=ts)
    (parent,) = client.conversations_history(channel="CFINANCE")["messages"]
    thread = client.conversations_replies(channel="CFINANCE", ts=ts)["messages"]
    assert parent["reply_count"] == 1
    assert [one["text"] for one in thread] == ["A card", "Sent"]


def test_history_comes_in_pages(client: WebClient) -> None:
    """Newest first, with a cursor to the next page."""
    for number in range(5):
        client.chat_postMessage(channel="CFINANCE", text=str(number))
    pages = client.conversations_history(channel="CFINANCE", limit=2)
    assert [m["text"] for page in pages for m in page["messages"]] == ["4", "3", "2", "1", "0"]


def test_history_after_a_moment(client: WebClient) -> None:
    """`oldest` leaves out what came before, itself included."""
    first = client.chat_postMessage(channel="CFINANCE", text="before")["ts"]
    client.chat_postMessage(channel="CFINANCE", text="after")
    found = client.conversations_history(channel="CFINANCE", oldest=first)["messages"]
    assert [one["text"] for one in found] == ["after"]


def test_a_private_answer_is_for_one_person(slack: Slack, client: WebClient) -> None:
    """It is no message of the channel, and needs a person who is in it."""
    client.chat_postEphemeral(channel="CFINANCE", user="UGUEST", text="Only finance may approve")
    (private,) = slack.snapshot()["ephemerals"]
    assert (private["user"], private["text"]) == ("UGUEST", "Only finance may approve")
    assert slack.snapshot()["messages"] == []
    outside = {"channel": "CFINANCE", "user": "USTRANGER", "text": "x"}
    assert error_of(client.chat_postEphemeral, **outside) == "user_not_in_channel"


def test_more_than_a_message_a_second_is_too_fast(slack: Slack, client: WebClient) -> None:
    """429 with Retry-After, per channel; it passes once the second is over."""
    watch, slack.web_api.pace = slack.world.clock, Pace(burst=2)
    slack.add_channel("COTHER", "other")
    for _ in range(2):
        client.chat_postMessage(channel="CFINANCE", text="x")
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel="CFINANCE", text="x")
    assert caught.value.response.status_code == 429
    assert caught.value.response.headers["Retry-After"] == "1"
    client.chat_postMessage(channel="COTHER", text="x")
    assert isinstance(watch, Watch)
    watch.turn(seconds=1)
    client.chat_postMessage(channel="CFINANCE", text="x")


def test_users_show_who_may_be_trusted(client: WebClient) -> None:
    """Guests, strangers of another team and bots are marked."""
    facts = {
        user: client.users_info(user=user)["user"]
        for user in ("UCOLLECT", "UGUEST", "USTRANGER", "UOVERDUE")
    }
    assert not facts["UCOLLECT"]["is_restricted"]
    assert facts["UGUEST"]["is_restricted"]
    assert (facts["USTRANGER"]["is_stranger"], facts["USTRANGER"]["team_id"]) == (True, "TOTHER")
    assert facts["UOVERDUE"]["is_bot"]
    assert error_of(client.users_info, user="UNOBODY") == "user_not_found"


def test_an_address_finds_whoever_has_an_account(slack: Slack, client: WebClient) -> None:
    """In any spelling; a guest is found, but no leaver, no robot and no unknown address."""
    found = client.users_lookupByEmail(email="Gus@brassfern.example")["user"]
    assert (found["id"], found["is_restricted"]) == ("UGUEST", True)
    assert found["profile"]["email"] == "gus@brassfern.example"
    slack.space.people["ULEAD1"] = replace(slack.space.people["ULEAD1"], is_deactivated=True)
    for name in ("lena", "overdue", "nobody"):
        said = error_of(client.users_lookupByEmail, email=f"{name}@brassfern.example")
        assert said == "users_not_found"
    slack.web_api.scopes = ("users:read",)
    said = error_of(client.users_lookupByEmail, email="gus@brassfern.example")
    assert said == "missing_scope"


def test_user_groups_list_their_members(slack: Slack, client: WebClient) -> None:
    """A group that does not exist is an error, not an empty list."""
    slack.set_group("SLEADS", ["ULEAD1", "ULEAD2"])
    assert client.usergroups_users_list(usergroup="SLEADS")["users"] == ["ULEAD1", "ULEAD2"]
    assert error_of(client.usergroups_users_list, usergroup="SNONE") == "no_such_subteam"


def test_a_shared_channel_says_so(slack: Slack, client: WebClient) -> None:
    """conversations.info shows what a careful app looks at before it posts."""
    slack.add_channel("CSHARED", "shared", is_ext_shared=True)
    assert client.conversations_info(channel="CSHARED")["channel"]["is_ext_shared"]
    assert not client.conversations_info(channel="CFINANCE")["channel"]["is_ext_shared"]


def test_a_modal_opens_once_within_three_seconds(
    slack: Slack, client: WebClient, watch: Watch
) -> None:
    """A trigger_id is used up by the first call and dead after three seconds."""
    trigger = slack.space.new_trigger("ULEAD1")
    client.views_open(trigger_id=trigger, view=MODAL)
    assert slack.snapshot()["modals"]["ULEAD1"]["callback_id"] == "edit"
    assert error_of(client.views_open, trigger_id=trigger, view=MODAL) == "exchanged_trigger_id"
    late = slack.space.new_trigger("ULEAD1")
    watch.turn(seconds=3.1)
    assert error_of(client.views_open, trigger_id=late, view=MODAL) == "expired_trigger_id"


def test_an_updated_input_with_the_same_ids_keeps_what_was_typed(
    slack: Slack, client: WebClient
) -> None:
    """A new initial value is seen only under a new block_id."""
    opened = client.views_open(trigger_id=slack.space.new_trigger("ULEAD1"), view=MODAL)["view"]
    changed = {**MODAL, "blocks": [dict(MODAL["blocks"][0])]}
    changed["blocks"][0]["element"] = MODAL["blocks"][0]["element"] | {"initial_value": "New"}
    same = client.views_update(view_id=opened["id"], hash=opened["hash"], view=changed)["view"]
    assert same["state"]["values"]["body_1"]["body"]["value"] == "Hello"
    changed["blocks"][0]["block_id"] = "body_2"
    fresh = client.views_update(view_id=opened["id"], view=changed)["view"]
    assert fresh["state"]["values"]["body_2"]["body"]["value"] == "New"


def test_a_stale_hash_is_a_conflict(slack: Slack, client: WebClient) -> None:
    """Of two updates made from the same state, the second is refused."""
    opened = client.views_open(trigger_id=slack.space.new_trigger("ULEAD1"), view=MODAL)["view"]
    update = {"view_id": opened["id"], "hash": opened["hash"], "view": MODAL}
    client.views_update(**update)
    assert error_of(client.views_update, **update) == "hash_conflict"


def test_a_home_tab_belongs_to_one_person(slack: Slack, client: WebClient) -> None:
    """It is published for a user and guarded by its hash."""
    home = {"type": "home", "blocks": CARD[:1]}
    first = client.views_publish(user_id="ULEAD1", view=home)["view"]
    client.views_publish(user_id="ULEAD1", view=home, hash=first["hash"])
    assert list(slack.snapshot()["homes"]) == ["ULEAD1"]
    again = {"user_id": "ULEAD1", "view": home, "hash": first["hash"]}
    assert error_of(client.views_publish, **again) == "hash_conflict"


def test_refused_blocks_say_what_is_wrong(client: WebClient) -> None:
    """invalid_blocks carries a line with a pointer for every fault."""
    long = [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}]
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel="CFINANCE", text="x", blocks=long)
    assert caught.value.response["errors"] == [
        "must be less than 151 characters [json-pointer:/blocks/0/text/text]"
    ]


def test_a_permalink_leads_to_the_page(url: str, client: WebClient) -> None:
    """The sandbox page opens the message it names."""
    ts = client.chat_postMessage(channel="CFINANCE", text="x")["ts"]
    link = client.chat_getPermalink(channel="CFINANCE", message_ts=ts)["permalink"]
    assert link == f"{url}/#/archives/CFINANCE/p{ts.replace('.', '')}"


def test_a_method_that_is_not_there_is_named(client: WebClient) -> None:
    """Nothing answers ok by accident."""
    assert error_of(client.chat_delete, channel="CFINANCE", ts="1.2") == "unknown_method"


def test_a_body_of_another_kind_is_refused(url: str) -> None:
    """Only JSON objects and forms are read."""
    api = f"{url}/slack/api/chat.postMessage"
    token = {"Authorization": f"Bearer {Keys().bot_token}"}
    broken = httpx.post(api, content=b"{", headers={**token, "Content-Type": "application/json"})
    plain = httpx.post(api, content=b"x", headers={**token, "Content-Type": "text/plain"})
    assert (broken.json()["error"], plain.json()["error"]) == ("invalid_json", "invalid_post_type")


def test_a_channel_knows_its_kind() -> None:
    """The scope for reading depends on it."""
    kinds = [
        Channel("C1", "a", is_private=False).kind,
        Channel("C2", "b").kind,
        Channel("D1", "c", user="ULEAD1").kind,
    ]
    assert kinds == ["channels", "groups", "im"]
