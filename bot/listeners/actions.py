"""Buttons: parse, decide, answer in private, and acknowledge as the last line.

Nothing may raise after `ack()`: an exception in the ten milliseconds after it loses the answer,
and Slack shows a warning although the decision was recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from slack_bolt import Ack, App

from bot.blockkit import ids
from bot.blockkit.ids import BadValueError, WorklistButton
from bot.listeners import views, worklist
from bot.listeners.context import Backend
from bot.listeners.deciding import NotRecorded, click_of, decide, told, unreadable, user_of
from bot.listeners.refusals import follow_up
from bot.surfaces.forms import FORMS
from jobs.decide.verbs import Verb

Handler = Callable[..., None]


def register(app: App, backend: Backend) -> None:
    """Every button of every card, and of the worklist that shows the same cases in a modal."""
    for verb in Verb:
        pressed = _opening if verb in FORMS else _deciding
        app.action(ids.of_any(verb))(pressed(backend, verb))
    app.action(ids.of_any(WorklistButton.START))(_starting(backend))
    app.action(WorklistButton.SKIP)(_skipping(backend))


def _deciding(backend: Backend, verb: Verb) -> Handler:
    def handle(ack: Ack, body: dict[str, Any]) -> None:
        if worklist.shows(body):
            worklist.decided(backend, verb, body)
        elif words := _pressed(backend, verb, body):
            backend.tell(body["response_url"], words)
        ack()

    return handle


def _pressed(backend: Backend, verb: Verb, body: dict[str, Any]) -> str:
    """What the person is told in private, or empty if the card says enough."""
    try:
        click = click_of(ids.binding(body["actions"][0].get("value")), user_of(body))
        return told(backend, verb, decide(backend, verb, click))
    except BadValueError as error:
        return unreadable(error)
    except NotRecorded as error:
        if error.said:
            follow_up(backend, user_of(body), error.said, body["response_url"])
        return error.words


def _opening(backend: Backend, verb: Verb) -> Handler:
    def handle(ack: Ack, body: dict[str, Any]) -> None:
        views.open_form(backend, verb, body)
        ack()

    return handle


def _starting(backend: Backend) -> Handler:
    def handle(ack: Ack, body: dict[str, Any]) -> None:
        first = partial(worklist.first, backend, body)
        views.open_modal(backend, WorklistButton.START, first, body)
        ack()

    return handle


def _skipping(backend: Backend) -> Handler:
    def handle(ack: Ack, body: dict[str, Any]) -> None:
        backend.pool.submit(worklist.skip, backend, body)
        ack()

    return handle
