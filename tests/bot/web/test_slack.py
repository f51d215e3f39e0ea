"""Slack's routes: size, signature and shape are checked before anything is understood."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest

from bot.blockkit.ids import Binding, Opened
from bot.slack import people
from bot.surfaces.answers import broken, not_recorded
from jobs.engine import loop
from jobs.engine.policy_file import PolicyFile
from jobs.store import companies, log, work
from qbo.pacing import utc_now
from tests.bot.harness import CHANNEL, REALM, add_company
from tests.bot.web_process import WebProcess, place, web_process
from tests.sandbox.faults import fault_from
from tests.sandbox.slack import api
from tests.sandbox.slack.people import APP, TEAM


def command(text: str, user: str = "ULEAD1") -> bytes:
    """The body of `/overdue TEXT`."""
    fields = {
        "command": "/overdue",
        "text": text,
        "user_id": user,
        "team_id": TEAM,
        "channel_id": CHANNEL,
        "api_app_id": APP,
        "trigger_id": "1.2.3",
        "response_url": "http://127.0.0.1:9/response",
    }
    return urlencode(fields).encode()


COMMAND = command("help", "UCOLLECT")


def submission() -> bytes:
    """The body of a form that somebody sends."""
    view = {"type": "modal", "callback_id": "reject"}
    view["private_metadata"] = Opened(Binding("1", "1", "a" * 64)).encode()
    payload = {
        "type": "view_submission",
        "team": {"id": TEAM},
        "user": {"id": "UCOLLECT", "team_id": TEAM},
        "api_app_id": APP,
        "view": view,  # its `state` is missing, which Slack never leaves out
    }
    return urlencode({"payload": json.dumps(payload)}).encode()


def click(value: str = "x") -> bytes:
    """The body of a press on a button with this value."""
    payload = {
        "type": "block_actions",
        "team": {"id": TEAM},
        "user": {"id": "UCOLLECT", "team_id": TEAM},
        "api_app_id": APP,
        "trigger_id": "1.2.3",
        "response_url": "http://127.0.0.1:9/response",
        "container": {"type": "message", "message_ts": "1.2", "channel_id": CHANNEL},
        "channel": {"id": CHANNEL},
        "actions": [{"type": "button", "action_id": "approve", "block_id": "b", "value": value}],
    }
    return urlencode({"payload": json.dumps(payload)}).encode()


def known(web: WebProcess, user: str) -> None:
    """Have Slack say who somebody is, as the act worker does."""
    process = web.process
    with process.database.writing() as conn:
        work.ensure(conn, work.EVERYBODY, "people", process.now())
        people.ask(conn, user, process.now())
    loop.run(process.database, [people.step(process.policies, lambda: process.slack)], process.now)


def paused(web: WebProcess) -> bool:
    """Whether sending is paused."""
    with web.process.database.reading() as conn:
        return companies.need(conn, REALM).paused_at is not None


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WebProcess]:
    """A web process without a Redis."""
    with place(tmp_path) as outside, web_process(outside) as found:
        yield found


def test_a_command_is_answered(web: WebProcess) -> None:
    """A signed command reaches the app and comes back with words."""
    answer = web.slack(COMMAND)
    assert answer.status_code == 200
    assert "/overdue" in answer.text


def test_a_copy_of_a_request_is_not_taken(tmp_path: Path) -> None:
    """Neither by the process that took it nor by another; what is new is taken as always.

    A refused click, too, stands in the log once.
    """
    at = str(int(utc_now().timestamp()))
    with place(tmp_path) as outside, web_process(outside) as first, web_process(outside) as second:
        for body in (COMMAND, click(), click(Binding("1", "1", "a" * 64).encode())):
            assert first.slack(body, at=at).status_code == 200
            copies = [web.slack(body, at=at) for web in (first, second)]
            assert [each.status_code for each in copies] == [409, 409]
            assert second.slack(body, at=str(int(at) - 1)).status_code == 200
        with first.process.database.reading() as conn:
            assert [line.fields["action"] for line in log.lines(conn)] == ["click.refused"] * 2


def test_a_policy_that_changes_counts_at_the_next_command(web: WebProcess) -> None:
    """Whoever is named in the file anew may act, although the web process goes on."""
    file = web.place.folder / "policy.toml"
    web.process.policies = PolicyFile(file, lambda: utc_now() + timedelta(hours=1))
    add_company(web.process.database)
    known(web, "UCOLLECT")
    web.slack(command("pause", "UCOLLECT"))
    assert not paused(web)
    named = file.read_text().replace("finance_leads = [", 'finance_leads = ["UCOLLECT", ')
    file.write_text(named)
    web.slack(command("pause ", "UCOLLECT"))
    assert paused(web)


def test_a_command_is_carried_out_once(tmp_path: Path) -> None:
    """A pause that was lifted does not come back with a copy of the command."""
    at = str(int(utc_now().timestamp()))
    pause = command("pause")
    with place(tmp_path) as outside, web_process(outside) as web:
        add_company(web.process.database)
        known(web, "ULEAD1")
        web.slack(pause, at=at)
        assert paused(web)
        web.slack(command("resume confirm"))
        assert not paused(web)
        assert web.slack(pause, at=at).status_code == 409
        assert not paused(web)


def test_an_event_that_slack_repeats_is_taken_again(web: WebProcess) -> None:
    """Slack repeats what was not answered, in the same second even with the same signature."""
    at = str(int(utc_now().timestamp()))
    event = {"type": "app_home_opened", "user": "UCOLLECT", "tab": "home", "channel": "D1"}
    body: dict[str, object] = {"type": "event_callback", "team_id": TEAM, "event": event}
    body |= {"api_app_id": APP, "event_id": "Ev1", "event_time": int(at), "token": "x"}
    for retry in ("", "1"):
        headers = {"content-type": "application/json", "x-slack-retry-num": retry}
        answer = web.slack(json.dumps(body).encode(), at=at, **headers)
        assert answer.status_code == 200


def test_without_a_record_nothing_is_taken(tmp_path: Path) -> None:
    """Whether it is a copy nobody could tell; the person is told that nothing was recorded."""
    empty = f"sqlite:///{tmp_path}/empty.sqlite3"
    (tmp_path / "empty.sqlite3").touch()
    with place(tmp_path) as outside, web_process(outside, DATABASE_URL=empty) as web:
        assert web.slack(COMMAND).json()["text"] == not_recorded()
        form = web.slack(submission()).json()
    assert (form["response_action"], not_recorded() in json.dumps(form)) == ("update", True)


def test_slack_is_asked_once_who_we_are(web: WebProcess) -> None:
    """auth.test is called once per process, not per click."""
    for _ in range(3):
        web.slack(COMMAND)
    seen = web.place.outside.world.requests
    assert sum("auth.test" in one.path for one in seen) == 1


@pytest.mark.parametrize("at", ["yesterday", "", "1e9", "-1", "²", "9" * 400, "12 34"])
def test_a_time_that_is_no_number_is_refused(web: WebProcess, at: str) -> None:
    """401 without a traceback."""
    answer = web.client.post(
        "/slack/events",
        content=COMMAND,
        headers=[(b"x-slack-request-timestamp", at.encode()), (b"x-slack-signature", b"v0=1")],
    )
    assert answer.status_code == 401


def test_headers_that_are_missing(web: WebProcess) -> None:
    """401."""
    assert web.client.post("/slack/events", content=COMMAND).status_code == 401


def test_a_bad_signature_is_refused_and_not_repeated(
    web: WebProcess, caplog: pytest.LogCaptureFixture
) -> None:
    """401; neither the signature nor the body stands in the log."""
    with caplog.at_level(logging.DEBUG):
        assert web.slack(COMMAND, signed="v0=" + "0" * 64).status_code == 401
    assert "UCOLLECT" not in caplog.text


@pytest.mark.parametrize("seconds", [-301, 330])
def test_an_old_request_is_refused(web: WebProcess, seconds: int) -> None:
    """Five minutes either way, though the signature is right."""
    at = str(int(utc_now().timestamp()) + seconds)
    assert web.slack(COMMAND, at=at).status_code == 401


@pytest.mark.parametrize(
    "body", [b"", b"payload={", b"payload=7", b"{", b"[]", b"\xff\xfe", b"payload=" + b"[" * 5000]
)
def test_what_cannot_be_read_is_refused(web: WebProcess, body: bytes) -> None:
    """Rightly signed nonsense: 400."""
    assert web.slack(body).status_code == 400


def test_json_that_is_no_object(web: WebProcess) -> None:
    """An event is an object."""
    answer = web.slack(json.dumps(["a"]).encode(), **{"content-type": "application/json"})
    assert answer.status_code == 400


def test_too_large_is_refused(web: WebProcess) -> None:
    """More than a megabyte: 413 before the signature is looked at."""
    assert web.slack(b"a=" + b"x" * 1_000_001).status_code == 413


def test_a_megabyte_is_not_too_large(web: WebProcess) -> None:
    """A body of exactly the limit is taken."""
    body = COMMAND + b"&more=" + b"x" * (1_000_000 - len(COMMAND) - 6)
    assert web.slack(body).status_code == 200


def test_slack_is_away_when_the_first_request_comes(web: WebProcess) -> None:
    """503 until Slack has said who we are; then as always."""
    fault = {"service": "slack", "match": "auth.test", "kind": "refuse"}
    web.place.outside.world.faults.add(fault_from(fault))
    assert web.slack(COMMAND).status_code == 503
    assert web.slack(COMMAND).status_code == 200


def test_an_answer_that_does_not_say_who_we_are_is_none(
    web: WebProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands in for Slack may say less: it is asked again, and no click ends in an error."""
    monkeypatch.setitem(api.METHODS, "auth.test", api.Method(lambda *_: {"user": "overdue"}))
    assert web.slack(COMMAND).status_code == 503
    monkeypatch.undo()
    assert web.slack(COMMAND).status_code == 200


def test_it_opens_as_soon_as_slack_answers(web: WebProcess) -> None:
    """At start it keeps asking who we are, with a pause, and then no click has to wait for it."""
    from bot.web.slack import RETRY_SECONDS, SlackRoutes

    fault = {"service": "slack", "match": "auth.test", "kind": "refuse", "times": 2}
    web.place.outside.world.faults.add(fault_from(fault))
    waited: list[float] = []
    SlackRoutes(web.process).open(waited.append)
    assert waited == [RETRY_SECONDS] * 2


def test_socket_mode_needs_no_route(tmp_path: Path) -> None:
    """Without a signing secret nobody could sign, so the route is not there."""
    with place(tmp_path) as outside, web_process(outside, SLACK_SIGNING_SECRET="") as web:
        assert web.client.post("/slack/events", content=COMMAND).status_code == 404


def test_an_unforeseen_error_keeps_the_form_open(web: WebProcess) -> None:
    """An empty answer would close it as if it had been saved; a sentence takes its place."""
    answer = web.slack(submission()).json()
    assert answer["response_action"] == "update"
    assert broken() in json.dumps(answer["view"])


def test_bolt_is_only_quiet_about_the_token_it_is_not_to_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever exports SLACK_BOT_TOKEN did nothing wrong; other warnings are still heard."""
    with place(tmp_path) as outside, web_process(outside) as web:
        monkeypatch.setenv("SLACK_BOT_TOKEN", outside.values["SLACK_BOT_TOKEN"])
        with caplog.at_level(logging.WARNING, "slack_bolt.App"):
            web.slack(COMMAND)
            assert not [each for each in caplog.records if each.name == "slack_bolt.App"]
            web.slack(COMMAND.replace(b"overdue", b"nobodys"))
    assert "Unhandled request" in caplog.text
