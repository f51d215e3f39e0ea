"""Buttons: parse, decide, answer in private, and acknowledge as the last line.

Nothing may raise after `ack()`: an exception in the ten milliseconds after it loses the answer,
and Slack shows a warning although the decision was recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slack_bolt import Ack, App

from bot.blockkit import ids
from bot.blockkit.ids import Action, BadValueError
from bot.listeners import forms
from bot.listeners.context import Backend
from bot.listeners.deciding import Door, NotRecorded, click_of, decide, told, unreadable, user_of
from bot.listeners.refusals import follow_up
from jobs.decide.access import Reply
from jobs.decide.approve import approve, undo
from jobs.decide.hold import lift, take_over
from jobs.decide.look import fine, look_again
from jobs.decide.sent import did_not_go, take_back, went

DOORS: dict[Action, Door[Reply]] = {
    Action.APPROVE: approve,
    Action.UNDO: undo,
    Action.FINE: fine,
    Action.LOOK_AGAIN: look_again,
    Action.LIFT: lift,
    Action.TAKEOVER: take_over,
    Action.WENT: went,
    Action.DID_NOT_GO: did_not_go,
    Action.TAKE_BACK: take_back,
}
"""Buttons that decide at once; the others open a modal."""

Handler = Callable[..., None]


def register(app: App, backend: Backend) -> None:
    """Every button of every card."""
    for action, through in DOORS.items():
        app.action(action)(_deciding(backend, action, through))
    for action in forms.OPENS:
        app.action(action)(_opening(backend, action))


def _deciding(backend: Backend, action: Action, through: Door[Reply]) -> Handler:
    def handle(ack: Ack, body: dict[str, Any]) -> None:
        words = _pressed(backend, action, through, body)
        if words:
            backend.tell(body["response_url"], words)
        ack()

    return handle


def _pressed(backend: Backend, action: Action, through: Door[Reply], body: dict[str, Any]) -> str:
    """What the person is told in private, or empty if the card says enough."""
    try:
        click = click_of(ids.binding(body["actions"][0].get("value")), user_of(body))
        return told(backend, action, decide(backend, action, click, through))
    except BadValueError as error:
        return unreadable(error)
    except NotRecorded as error:
        if error.said:
            follow_up(backend, user_of(body), error.said, body["response_url"])
        return error.words


def _opening(backend: Backend, action: Action) -> Handler:
    def handle(ack: Ack, body: dict[str, Any]) -> None:
        forms.open_modal(backend, action, body)
        ack()

    return handle
