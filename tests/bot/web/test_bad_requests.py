"""Forged, old, foreign, misleading and copied requests of each kind: no effect, and a line."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
import structlog
from sqlalchemy import func, select

from bot.blockkit.ids import LOG_CALL, AboutCustomerButton, Field, block_id, of_company
from bot.surfaces import answers
from jobs.decide.switches import Switch
from jobs.store import companies, log
from jobs.store.database.tables import phone_calls
from qbo.pacing import utc_now
from tests.bot.harness import CHANNEL, REALM, add_company
from tests.bot.web.test_slack import known
from tests.bot.web_process import WebProcess, place, web_process
from tests.sandbox.slack import api, lookups, payloads, views
from tests.sandbox.slack.call import Call
from tests.sandbox.slack.kinds import Json, Message
from tests.sandbox.slack.payloads import Press
from tests.sandbox.slack.workspace import Workspace

LEAD = "ULEAD1"


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WebProcess]:
    """A web process with a company, and a finance lead whom it knows."""
    with place(tmp_path) as outside, web_process(outside) as found:
        add_company(found.process.database)
        known(found, LEAD)
        yield found


def real(web: WebProcess) -> Mapping[str, Json]:
    """A request of each kind by the finance lead, as Slack sends it; each has an effect."""
    space = web.place.outside.slack.space
    person, channel = space.people[LEAD], space.channel(CHANNEL)
    text = {"type": "plain_text", "text": "They are off"}
    button = {"type": "button", "action_id": Switch.REMINDERS_OFF, "text": text}
    button["value"] = of_company(REALM)
    block = {"type": "actions", "block_id": "b", "elements": [button]}
    notice = space.post(Message(CHANNEL, "", "UOVERDUE", "Connected.", [block]))
    key = space.new_response_url(LEAD, CHANNEL, None)
    space.response_urls[key].left = 100
    url = f"{web.place.outside.url}/slack/response/{key}"
    title = {"type": "plain_text", "text": "Log a call"}
    about = AboutCustomerButton(REALM, "58").encode()
    modal: Json = {"type": "modal", "callback_id": LOG_CALL, "title": title, "blocks": []}
    form = views.put_on_top(space, LEAD, modal | {"private_metadata": about}, alone=True)
    form.values = {
        block_id(Field.COMMENT, 0): {Field.COMMENT: {"type": "plain_text_input", "value": "Paid."}},
        block_id(Field.KIND, 0): {Field.KIND: {"selected_option": {"value": "again"}}},
    }
    press = Press(person, block, button, {})
    return {
        "button": payloads.pressed_in_message(space, press, notice, url),
        "modal": payloads.submitted(space, person, form),
        "command": dict(payloads.command_form(space, person, channel, "pause")),
        "event": payloads.home_opened(space, person),
    }


def effect(web: WebProcess) -> object:
    """What these requests bring about."""
    with web.process.database.reading() as conn:
        company = companies.need(conn, REALM)
        calls = conn.scalar(select(func.count()).select_from(phone_calls))
    drawn = web.place.outside.slack.space.homes.keys()
    return company.reminders_off_at, calls, company.paused_at, LEAD in drawn


def refusals(web: WebProcess) -> list[str]:
    """What the decision log says was refused, by the name of what was pressed."""
    with web.process.database.reading() as conn:
        refused = (line.fields for line in log.lines(conn))
        return [one["data"]["verb"] for one in refused if one["action"] == "click.refused"]


def send(web: WebProcess, kind: str, body: Json, **how: str) -> httpx.Response:
    """Post it the way Slack posts this kind."""
    if kind == "event":
        how["content-type"] = "application/json"
        return web.slack(json.dumps(body).encode(), **how)
    fields = body if kind == "command" else {"payload": json.dumps(body)}
    return web.slack(urlencode(fields).encode(), **how)


def old() -> str:
    """Ten minutes ago, in seconds since 1970."""
    return str(int(utc_now().timestamp()) - 600)


def test_what_slack_did_not_send_is_refused(web: WebProcess) -> None:
    """A forged or an old signature is a 401 and a line; nothing is read of the request."""
    before = effect(web)
    for kind, body in real(web).items():
        for how in ({"signed": "v0=0"}, {"at": old()}):
            with structlog.testing.capture_logs() as lines:
                assert send(web, kind, body, **how).status_code == 401
            assert [line["event"] for line in lines] == ["slack.not_genuine"]
    assert effect(web) == before


FOREIGN: dict[str, Json] = {
    "another app": {"api_app_id": "AOTHER"},
    "another workspace": {"team": {"id": "TOTHER"}, "team_id": "TOTHER"},
    "another person": {"user": {"id": LEAD, "team_id": "TOTHER"}},
}


def test_what_belongs_to_others_is_explained_and_on_record(web: WebProcess) -> None:
    """Another app, workspace or organisation: told in private, no effect, a line in the log."""
    before, space = effect(web), web.place.outside.slack.space
    for trouble, change in FOREIGN.items():
        for kind, body in real(web).items():
            if trouble == "another person" and kind in ("command", "event"):
                continue  # they name no workspace of a person beside their own
            told, logged = len(space.ephemerals), len(refusals(web))
            with structlog.testing.capture_logs() as lines:
                answer = send(web, kind, body | change)
            assert answer.status_code == 200
            assert {"event": "request.foreign", "trouble": trouble, "log_level": "warning"} in lines
            if kind == "button":
                web.place.outside.world.changed.until(lambda: len(space.ephemerals) > told)  # noqa: B023
            elif kind != "event":
                assert "Only members of this organisation" in answer.text
            assert len(refusals(web)) == logged + (kind != "event")
    assert set(refusals(web)) == {Switch.REMINDERS_OFF, LOG_CALL, "command"}
    assert effect(web) == before


def test_a_person_may_carry_the_id_of_our_organisation(
    web: WebProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Enterprise Grid, where Slack says to which one our workspace belongs; not another's."""

    def ours(space: Workspace, call: Call) -> Json:
        return lookups.auth_test(space, call) | {"enterprise_id": "E1"}

    monkeypatch.setitem(api.METHODS, "auth.test", api.Method(ours))
    button, before = real(web)["button"], effect(web)
    assert send(web, "button", button | {"user": {"id": LEAD, "team_id": "E2"}}).status_code == 200
    assert effect(web) == before
    assert send(web, "button", button | {"user": {"id": LEAD, "team_id": "E1"}}).status_code == 200
    assert effect(web) != before


MISLEADING: dict[str, Callable[[Json], object]] = {
    "button": lambda body: body["actions"][0].update(value='{"company":"../1"}'),
    "modal": lambda body: body["view"].update(private_metadata='{"for":"all"}'),
    "command": lambda body: body.update(text="pause everything"),
    "event": lambda body: body["event"].update(tab="messages"),
}


def test_what_this_program_never_wrote_changes_nothing(web: WebProcess) -> None:
    """A value, metadata or words of another's: an explanation; then the real one has its effect.

    A copy of that one is refused where it could act again.
    """
    kinds, space = real(web), web.place.outside.slack.space
    for kind, body in kinds.items():
        before, told = effect(web), len(space.ephemerals)
        misleading = copy.deepcopy(body)
        MISLEADING[kind](misleading)
        answer = send(web, kind, misleading)
        assert answer.status_code == 200
        if kind == "button":
            web.place.outside.world.changed.until(lambda: len(space.ephemerals) > told)  # noqa: B023
            assert space.ephemerals[-1].text == answers.unreadable()
        words = {"modal": "could not be read", "command": "No customer, invoice or case matches"}
        assert words.get(kind, "") in answer.text
        assert effect(web) == before
        at = str(int(utc_now().timestamp()))
        assert send(web, kind, body, at=at).status_code == 200
        web.place.outside.world.changed.until(lambda: effect(web) != before)  # noqa: B023
        after = effect(web)
        assert send(web, kind, body, at=at).status_code == (200 if kind == "event" else 409)
        assert effect(web) == after
