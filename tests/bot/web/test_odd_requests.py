"""Rightly signed requests of an odd shape: refused with a 4xx and a line, never with a 500."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.blockkit.ids import Binding, Field, HomeButton, Opened, block_id
from jobs.decide.verbs import Verb
from tests.bot.web_process import WebProcess, place, web_process
from tests.sandbox.slack import payloads, views
from tests.sandbox.slack.kinds import Json, Message
from tests.sandbox.slack.payloads import Press
from tests.sandbox.slack.people import CAST

BINDING = Binding("1", "1", "a" * 64)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebProcess]:
    """A web process without a Redis."""
    with place(tmp_path_factory.mktemp("odd")) as outside, web_process(outside) as found:
        yield found


@pytest.fixture(scope="module")
def real(web: WebProcess) -> dict[str, Json]:
    """One request of each kind, as Slack sends it."""
    space, person = (
        web.place.outside.slack.space,
        next(one for one in CAST if one.id == "UCOLLECT"),
    )
    button = {
        "type": "button",
        "action_id": Verb.APPROVE,
        "text": {"type": "plain_text", "text": "Approve & send"},
        "value": BINDING.encode(),
    }
    block = {"type": "actions", "block_id": "b", "elements": [button]}
    card = Message("CFINANCE", space.new_ts(), "UBOT", "a card", [block])
    form = {
        "type": "modal",
        "callback_id": Verb.REJECT,
        "private_metadata": Opened(BINDING).encode(),
        "title": {"type": "plain_text", "text": "Reject"},
        "blocks": [],
    }
    view = views.put_on_top(space, person.id, form, alone=True)
    reason = {"type": "static_select", "selected_option": {"value": "not_needed"}}
    view.values = {block_id(Field.REASON, 1): {Field.REASON: reason}}
    press = Press(person, block, button, {})
    turn = Press(person, block, button | {"action_id": HomeButton.NEXT, "value": "1"}, {})
    channel = space.channel("CFINANCE")
    return {
        "click": payloads.pressed_in_message(space, press, card, "https://hooks.slack.com/answer"),
        "in a view": payloads.pressed_in_view(space, turn, view),
        "submission": payloads.submitted(space, person, view),
        "event": payloads.home_opened(space, person),
        "command": dict(payloads.command_form(space, person, channel, "help")),
    }


def send(web: WebProcess, kind: str, body: Any) -> int:
    """Post it the way Slack posts this kind; returns the status."""
    if kind == "event":
        return web.slack(
            json.dumps(body).encode(), **{"content-type": "application/json"}
        ).status_code
    fields = body if kind == "command" and isinstance(body, dict) else {"payload": json.dumps(body)}
    return web.slack(urlencode(fields, errors="replace").encode()).status_code


def places(body: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to each value inside."""
    inner = body.items() if isinstance(body, dict) else enumerate(body)
    found = []
    for name, value in inner:
        found.append((*here, name))
        found += places(value, (*here, name)) if isinstance(value, dict | list) else []
    return found


def with_odd(body: Json, way: tuple[Any, ...], odd: Any) -> Json:
    """A copy with another value there, or without it."""
    changed = copy.deepcopy(body)
    inner: Any = changed
    for name in way[:-1]:
        inner = inner[name]
    if odd is GONE:
        del inner[way[-1]]
    else:
        inner[way[-1]] = odd
    return changed


GONE = object()
ODD = st.one_of(
    st.sampled_from(
        [GONE, None, "", "\0", "a\0b", "\ud800", 0, -1, 1.5, True, [], {}, [None], [[]]]
    ),
    st.sampled_from([[{}], {"id": None}, {"": ""}, "9" * 5000, 10**400, "http://[", "x" * 70_000]),
    st.text(max_size=5),
)


@settings(suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_change_to_a_real_request_is_an_error_of_ours(
    web: WebProcess, real: dict[str, Json], data: st.DataObject
) -> None:
    """Whatever stands anywhere in it, the answer is no 5xx and the connection stays."""
    kind, body = data.draw(st.sampled_from(sorted(real.items())))
    for _ in range(data.draw(st.integers(1, 2))):
        if ways := places(body):
            body = with_odd(body, data.draw(st.sampled_from(ways)), data.draw(ODD))
    assert send(web, kind, body) < 500


def test_what_slack_sends_is_taken(web: WebProcess, real: dict[str, Json]) -> None:
    """Each kind, as it is."""
    answers = {kind: send(web, kind, body) for kind, body in real.items()}
    assert answers == dict.fromkeys(real, 200)
    for written in ("false", False, None):  # as in a form, or as in JSON
        body = with_odd(real["click"], ("is_enterprise_install",), written)
        assert send(web, "click", body) == 200


@pytest.mark.parametrize(
    ("kind", "way", "odd"),
    [
        ("click", ("user",), GONE),
        ("click", ("user", "id"), None),
        ("click", ("team",), GONE),
        ("click", ("team",), "T1"),
        ("click", ("actions",), GONE),
        ("click", ("actions",), []),
        ("click", ("actions", 0), None),
        ("click", ("actions", 0, "action_id"), {"approve": 1}),
        ("click", ("type",), "approve_everything"),
        ("click", ("type",), ["block_actions"]),
        ("click", ("response_url",), "http://["),
        ("click", ("message", "text"), "\ud800"),
        ("submission", ("view",), None),
        ("submission", ("view", "callback_id"), 7),
        ("submission", ("view", "state", "values"), {"reason:1": {"comment": "a\0b"}}),
        ("event", ("event",), ["app_home_opened"]),
        ("event", ("authorizations",), ["all"]),
        ("command", ("user_id",), GONE),
        ("command", ("text",), "pause\0"),
    ],
)
def test_another_shape_is_refused_with_a_line(
    web: WebProcess, real: dict[str, Json], kind: str, way: tuple[Any, ...], odd: Any
) -> None:
    """400; the log says where, and nothing of what stands there."""
    body = with_odd(real[kind], way, odd)
    with structlog.testing.capture_logs() as lines:
        assert send(web, kind, body) == 400
    (line,) = lines
    assert (line["event"], line["log_level"]) == ("slack.odd_request", "warning")
    for secret in ("UCOLLECT", "approve_everything", "Approve & send", "pause"):
        assert secret not in str(line)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'["block_actions"]', "application/json"),
        (b'{"type": "block_actions"', "application/json"),
        (b"payload=%7B", "application/x-www-form-urlencoded"),
        (b"payload=%5B1%5D", "application/x-www-form-urlencoded"),
        (b"payload=" + b"[" * 100_000, "application/x-www-form-urlencoded"),
        (b'{"event": ' + b"9" * 5000 + b"}", "application/json"),
        (b"no=payload", "application/x-www-form-urlencoded"),
        (b"", "application/json"),
        (b"command=%2Foverdue&user_id=U1&team_id=T1&channel_id=C1", "text/plain"),
        (b"a=" + b"x" * 20_000_000, "application/x-www-form-urlencoded"),
    ],
)
def test_nonsense_is_refused_on_a_connection_that_stays(
    web: WebProcess, body: bytes, content_type: str
) -> None:
    """400, or 413 for what is too large; whoever sent it reads the answer."""
    assert web.slack(body, **{"content-type": content_type}).status_code in (400, 413)
