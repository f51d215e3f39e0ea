"""What Bolt does with acks, as of the version that we run, and how our listeners live with it."""

from __future__ import annotations

import ast
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import pytest
from slack_bolt import Ack, App, BoltRequest
from slack_bolt.authorization import AuthorizeResult

from bot.slack import api
from bot.surfaces import answers
from qbo.pacing import utc_now
from tests.bot.web.test_slack import COMMAND
from tests.bot.web_process import place, web_process

ROOT = Path(__file__).parents[3]
FORM = "application/x-www-form-urlencoded"


def pressed(listener: Callable[..., None]) -> int:
    """What Slack gets whose person presses a button with this listener, in an app like ours."""
    app = App(
        signing_secret="unused",
        request_verification_enabled=False,
        authorize=lambda: AuthorizeResult(enterprise_id=None, team_id="T1", bot_token="xoxb-1"),
        process_before_response=True,
    )
    app.action("x")(listener)
    button = {"type": "button", "action_id": "x", "block_id": "b"}
    click = {"type": "block_actions", "user": {"id": "U1"}, "actions": [button]}
    headers: dict[str, str | Sequence[str]] = {"content-type": FORM}
    return app.dispatch(
        BoltRequest(body=urlencode({"payload": json.dumps(click)}), headers=headers)
    ).status


def test_an_error_after_the_ack_loses_it() -> None:
    """Slack gets an error although the listener has acked: nothing of ours comes after an ack."""

    def acks(ack: Ack) -> None:
        ack()

    def raises(ack: Ack) -> None:
        ack()
        raise ValueError

    assert (pressed(acks), pressed(raises), pressed(lambda: None)) == (200, 500, 404)


def test_the_ack_is_the_last_thing_that_a_listener_does() -> None:
    """In every branch of every function that is given one, so that nothing can raise after it."""
    found = list(listeners())
    assert len(found) > 15
    assert [name for name, body in found if not ends_with_ack(body)] == []


def listeners() -> Iterator[tuple[str, list[ast.stmt]]]:
    """The functions below `bot/listeners` with an argument called `ack`: where, and their body."""
    for file in sorted((ROOT / "bot" / "listeners").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and "ack" in [a.arg for a in node.args.args]:
                yield f"{file.name}:{node.lineno}", node.body


def ends_with_ack(body: list[ast.stmt]) -> bool:
    """Whether the last statement acks, or hands the ack on, and no earlier one does."""
    *before, last = body
    if any(acks(each) for each in before):
        return False
    if isinstance(last, ast.If):
        return ends_with_ack(last.body) and bool(last.orelse) and ends_with_ack(last.orelse)
    return isinstance(last, ast.Expr) and acks(last)


def acks(part: ast.AST) -> bool:
    """Whether `ack` is called, or given to another listener, anywhere in it."""
    names = (node for node in ast.walk(part) if isinstance(node, ast.Name))
    return any(name.id == "ack" for name in names)


def test_a_busy_listener_holds_up_neither_the_others_nor_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bolt's own adapter would answer one request after the other, in the event loop itself."""
    free, busy = threading.Event(), threading.Semaphore(0)

    def slow(_words: object) -> str:
        busy.release()
        return "At last." if free.wait(60) else ""

    with place(tmp_path) as outside, web_process(outside) as web:
        web.slack(COMMAND)
        monkeypatch.setattr(answers, "help_text", slow)
        with ThreadPoolExecutor(8) as people:
            now = int(utc_now().timestamp())
            waiting = [people.submit(web.slack, COMMAND, str(now - n)) for n in range(10, 18)]
            for _ in waiting:
                assert busy.acquire(timeout=60)
            assert web.get("/healthz").status_code == 200
            free.set()
            said = {answer.result().text for answer in waiting}
    assert said == {"At last."}


def test_our_client_makes_each_call_once() -> None:
    """Slack's own would post again after a lost answer, and sleep in a worker after a 429."""
    client = api.client("xoxb-1", "http://127.0.0.1:9/api")
    assert client.retry_handlers == api.hasty(client).retry_handlers == []
