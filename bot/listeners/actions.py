"""Buttons: parse, decide, answer in private, and acknowledge as the last line.

Nothing may raise after `ack()`: the person would be told that it failed, although the decision was
recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from slack_bolt import Ack, App, BoltContext

from bot.blockkit import ids
from bot.blockkit.ids import BadValueError, Binding, WorklistButton
from bot.listeners import customers, views, worklist
from bot.listeners.context import Backend
from bot.listeners.deciding import (
    NotRecorded,
    click_of,
    decide,
    decide_with,
    told,
    unreadable,
    user_of,
)
from bot.listeners.refusals import follow_up
from bot.surfaces import answers
from bot.surfaces.answers import reply
from bot.surfaces.card.card import Card
from bot.surfaces.forms import modal
from bot.surfaces.forms.forms import FORMS
from jobs.decide.access import Answer
from jobs.decide.edit import send_copy
from jobs.decide.look import as_page
from jobs.decide.verbs import Verb

Handler = Callable[..., None]
VERBS = {verb.value: verb for verb in Verb}
NOT_YET_TAKEN = "not_yet_taken"
"""Where Bolt's context has the signature of a request that is recorded with what comes of it."""


def register(app: App, backend: Backend) -> None:
    """Every button of every card, the menu behind ⋯, and the worklist's own buttons."""
    for verb in Verb:
        pressed = _opening if verb in FORMS else _deciding
        app.action(ids.of_any(verb))(pressed(backend))
    app.action(ids.MORE)(_choosing(backend))
    app.action(ids.ELSEWHERE)(lambda ack: ack())
    app.action(ids.SEND_COPY)(_asking(backend, _copied))
    app.action(ids.AS_PAGE)(_asking(backend, _page_asked))
    app.action(ids.of_any(WorklistButton.START))(_starting(backend))
    app.action(WorklistButton.SKIP)(_skipping(backend))


def _choosing(backend: Backend) -> Handler:
    deciding, opening = _deciding(backend), _opening(backend)
    asking_page = _asking(backend, _page_asked)

    def handle(ack: Ack, body: dict[str, Any], context: BoltContext) -> None:
        name, _, value = ids.chosen(body["actions"][0]).partition(" ")
        if name == ids.ELSEWHERE:
            ack()
        elif name == ids.ALSO:
            views.open_also(backend, body)
            ack()
        elif name == ids.CUSTOMER:
            customers.open_form(backend, customers.ABOUT, body, value)
            ack()
        elif name == ids.AS_PAGE:
            asking_page(ack=ack, body=body)
        elif name in FORMS:
            opening(ack=ack, body=body)
        else:
            deciding(ack=ack, body=body, context=context)

    return handle


def _deciding(backend: Backend) -> Handler:
    def handle(ack: Ack, body: dict[str, Any], context: BoltContext) -> None:
        request = str(context.get(NOT_YET_TAKEN, ""))
        if worklist.shows(body):
            worklist.decided(backend, VERBS[ids.verb_in(body["actions"][0])], body, request)
        elif (said := _answer(backend, body, request)).text:
            backend.tell(body["response_url"], said.text, said.blocks)
        ack()

    return handle


def _answer(backend: Backend, body: dict[str, Any], request: str) -> Card:
    """What the person is told in private; without words if the card says enough."""
    user = user_of(body)
    try:
        verb, binding = _meant(body["actions"][0])
        said = decide(backend, verb, click_of(binding, user, request))
    except BadValueError as error:
        return Card(unreadable(error), [])
    except NotRecorded as error:
        if error.said:
            follow_up(backend, user, error.said, body["response_url"])
        return Card(error.words, [])
    words = told(backend, verb, said)
    if verb is Verb.TAKEOVER and said.case:
        return customers.handed_over(backend, said.case, words, user)
    return Card(words, [])


def _meant(action: dict[str, Any]) -> tuple[Verb, Binding]:
    """Raises BadValueError."""
    name, binding = ids.pressed(action)
    if name not in VERBS:
        raise BadValueError("the option names no verb")
    return VERBS[name], binding


def _opening(backend: Backend) -> Handler:
    def handle(ack: Ack, body: dict[str, Any]) -> None:
        views.open_form(backend, VERBS[ids.verb_in(body["actions"][0])], body)
        ack()

    return handle


def _asking(backend: Backend, ask: Callable[[Backend, dict[str, Any]], str]) -> Handler:
    """What is asked for beside the decisions; the answer takes the place of a modal."""

    def handle(ack: Ack, body: dict[str, Any]) -> None:
        shown = ask(backend, body)
        if url := body.get("response_url"):
            backend.tell(url, shown)
        else:
            view = modal.done(shown)
            backend.pool.submit(views.replace_modal, backend, str(body["view"]["id"]), view)
        ack()

    return handle


def _copied(backend: Backend, body: dict[str, Any]) -> str:
    """What the person is told who asks for a test copy."""
    try:
        binding = ids.binding(body["actions"][0].get("value"))
        said = decide_with(backend, send_copy, ids.SEND_COPY, click_of(binding, user_of(body)))
    except BadValueError as error:
        return unreadable(error)
    except NotRecorded as error:
        return error.words
    backend.wake("draft_copies")
    return answers.copy_asked() if said.answer is Answer.RECORDED else reply(said)


def _page_asked(backend: Backend, body: dict[str, Any]) -> str:
    """What the person is told who asks for the case as a page."""
    try:
        binding = ids.pressed(body["actions"][0])[1]
        decide_with(backend, as_page, ids.AS_PAGE, click_of(binding, user_of(body)))
    except BadValueError as error:
        return unreadable(error)
    except NotRecorded as error:
        return error.words
    backend.wake("messages")
    return answers.page_asked()


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
