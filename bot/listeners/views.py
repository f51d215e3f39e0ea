"""Modals, from the click that opens one to the answer when it is submitted.

A light modal opens at once, while the trigger is valid; then the real one takes its place. The
answer to a submitted one is the acknowledgement itself.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import structlog
from slack_bolt import Ack, App

from bot.blockkit import ids
from bot.blockkit.blocks import Block
from bot.blockkit.ids import BadValueError, Binding, Field
from bot.blockkit.lint import lint
from bot.listeners import worklist
from bot.listeners.context import Backend
from bot.listeners.deciding import NotRecorded, click_of, decide, unreadable, user_of, view_for
from bot.listeners.refusals import follow_up
from bot.slack import api
from bot.slack.api import Lost, NotOk, RateLimited, Trouble
from bot.surfaces import answers
from bot.surfaces.forms import edit, fields, modal
from bot.surfaces.forms.fields import UnusableError
from bot.surfaces.forms.forms import FORMS, also
from bot.surfaces.forms.modal import Submission
from jobs.decide.access import ABOUT_THEIR_CHOICE, Click
from jobs.decide.edit import Objections, Text
from jobs.decide.verbs import Verb
from jobs.rules.case import CaseView
from jobs.rules.states import State

slog = structlog.get_logger()
Response = dict[str, Any]
CLOSE: Response = {}
TRIES = 3
PAUSE = 2.0
"""Seconds before filling a form is retried, if Slack does not say how long to wait."""
LONGEST_PAUSE = 20
"""Seconds. Nobody looks at an empty form for longer."""
CHANGED = "This case has changed meanwhile, so there is nothing to enter here. Nothing was changed."


def register(app: App, backend: Backend) -> None:
    """Register every form."""
    for verb in FORMS:
        app.view(verb)(_submitting(backend, verb))


Draw = Callable[[], Block]
"""Makes the modal itself, or one that says why there is none."""


def open_form(backend: Backend, verb: Verb, body: dict[str, Any]) -> None:
    """Open the form of a verb, for the case that the button was bound to.

    A button of the worklist opens it above the worklist.
    """
    open_modal(backend, verb, lambda: _made(backend, verb, body), body)


def open_also(backend: Backend, body: dict[str, Any]) -> None:
    """Open what does not fit into the menu of a card."""
    open_modal(backend, ids.ALSO, lambda: _also(backend, body), body)


def open_modal(backend: Backend, action: str, draw: Draw, body: dict[str, Any]) -> None:
    """Open the light modal at once, in the thread of the click; what `draw` makes follows.

    A click in a modal opens it above that one.
    The modal has an external id of ours, so it can be filled even if Slack's answer was lost.
    """
    name = uuid.uuid4().hex
    in_modal = (body.get("view") or {}).get("type") == "modal"
    method = "views.push" if in_modal else "views.open"
    asked = {"trigger_id": body["trigger_id"], "view": modal.loading(name)}
    opened = api.call(api.hasty(backend.client), method, **asked)
    if isinstance(opened, RateLimited | NotOk):
        _not_shown(backend, action, body, opened)
    else:
        stands = not isinstance(opened, Lost)
        backend.pool.submit(_fill, backend, draw, body, LightModal(action, name, stands))


@dataclass(frozen=True)
class LightModal:
    """A light modal by its external id, and whether we know that it was opened (`stands`)."""

    action: str
    name: str
    stands: bool
    tries: int = TRIES


def _fill(backend: Backend, draw: Draw, body: dict[str, Any], opening: LightModal) -> None:
    """Fill the modal in the background, a moment later if Slack is busy."""
    view = _drawn(opening.action, draw)
    answer = api.call(backend.client, "views.update", external_id=opening.name, view=view)
    if (
        isinstance(answer, RateLimited | Lost)
        and opening.tries > 1
        and _pause(answer) <= LONGEST_PAUSE
    ):
        left = replace(opening, tries=opening.tries - 1)
        backend.later(_pause(answer), _fill, backend, draw, body, left)
        return
    closed_by_then = opening.stands and answer == NotOk("not_found")
    if isinstance(answer, Trouble) and not closed_by_then:
        _not_shown(backend, opening.action, body, answer)


def replace_modal(backend: Backend, id: str, view: Block) -> None:
    """Show this instead of an open modal; whether that works is only logged."""
    answer = api.call(backend.client, "views.update", view_id=id, view=view)
    if isinstance(answer, Trouble):
        slog.warning("modal.not_replaced", trouble=repr(answer))


def _pause(trouble: RateLimited | Lost) -> float:
    return trouble.seconds if isinstance(trouble, RateLimited) else PAUSE


def _not_shown(backend: Backend, action: str, body: dict[str, Any], trouble: Trouble) -> None:
    slog.warning("modal.lost", action=action, trouble=repr(trouble))
    if url := body.get("response_url"):  # a button in a view has none, and stays in sight
        backend.tell(url, answers.no_form())


def _drawn(action: str, draw: Draw) -> Block:
    try:
        view = draw()
    except Exception as error:  # noqa: BLE001  # nothing else ends the form's "One moment"
        slog.error("modal.failed", action=action, exc_info=error)
        return modal.gone(answers.broken())
    if wrong := lint(view, "modal"):
        slog.error("modal.refused_by_lint", action=action, wrong=len(wrong))
        return modal.gone(answers.broken())
    return view


def _made(backend: Backend, verb: Verb, body: dict[str, Any]) -> Block:
    try:
        _, binding = ids.pressed(body["actions"][0])
        view = view_for(backend, verb, click_of(binding, user_of(body)))
    except BadValueError as error:
        return modal.gone(unreadable(error))
    except NotRecorded as error:
        if error.said:
            follow_up(backend, user_of(body), error.said, str(body.get("response_url") or ""))
        return modal.gone(error.words)
    if not ((view.reply and view.reply.unsettled) or _stands(verb, view, binding)):
        return modal.gone(CHANGED)
    drawn = FORMS[verb].draw(view, backend.policy.for_company(view.facts.company.id))
    return worklist.marked(drawn, worklist.place_of(body))


def _stands(verb: Verb, view: CaseView, binding: Binding) -> bool:
    """Whether the card is still the one on which the button was pressed."""
    back = view.may_return and verb is Verb.CONFIRM_ADDRESS
    fits = view.state in FORMS[verb].states or back
    return fits and view.draft_hash == binding.draft_hash


def _also(backend: Backend, body: dict[str, Any]) -> Block:
    try:
        binding = ids.pressed(body["actions"][0])[1]
        view = view_for(backend, Verb.LOOK_AGAIN, click_of(binding, user_of(body)))
    except BadValueError as error:
        return modal.gone(unreadable(error))
    except NotRecorded as error:
        return modal.gone(error.words)
    return also(view, backend.books)


def _submitting(backend: Backend, verb: Verb) -> Callable[..., None]:
    def handle(ack: Ack, body: dict[str, Any]) -> None:
        ack(**_answer(backend, verb, body))

    return handle


def _answer(backend: Backend, verb: Verb, body: dict[str, Any]) -> Response:
    try:
        return _submit(backend, verb, body)
    except UnusableError as error:
        return {"response_action": "errors", "errors": error.errors}
    except NotRecorded as error:
        return _unsaved(backend, verb, body, error)
    except BadValueError as error:
        return _instead(modal.gone(unreadable(error)))


def _unsaved(backend: Backend, verb: Verb, body: dict[str, Any], error: NotRecorded) -> Response:
    """Nothing was recorded. What somebody has typed is not lost with it."""
    if error.said is None:  # the record was busy: the same form may be sent again
        return modal.not_taken(body["view"], error.words)
    if error.said.answer in ABOUT_THEIR_CHOICE:
        values = body["view"]["state"]["values"]
        errors = fields.unusable(values, Field.PERSON, error.words).errors
        return {"response_action": "errors", "errors": errors}
    if verb is not Verb.EDIT:
        return _instead(modal.gone(error.words))
    opened = ids.opened(body["view"]["private_metadata"])
    click = click_of(opened.binding, user_of(body))
    values = body["view"]["state"]["values"]
    typed = edit.edited(Submission(values, opened.seen, lambda: view_for(backend, verb, click)))
    return _instead(worklist.marked(_both(backend, click, typed, error.words), opened.place))


def _both(backend: Backend, click: Click, typed: Text, words: str) -> Block:
    """The form on the present version with what was typed; without a form, why and the text."""
    try:
        view = view_for(backend, Verb.EDIT, click)
    except NotRecorded:
        return edit.not_saved(words, typed)
    if view.state is not State.WAITING or view.letter is None:
        return edit.not_saved(words, typed)
    return edit.edit_again(view, typed, meanwhile=True)


def _submit(backend: Backend, verb: Verb, body: dict[str, Any]) -> Response:
    view = body["view"]
    opened = ids.opened(view["private_metadata"])
    click = click_of(opened.binding, user_of(body))
    sent = Submission(view["state"]["values"], opened.seen, lambda: view_for(backend, verb, click))
    typed = FORMS[verb].read(sent)
    outcome = decide(backend, verb, click, *([] if typed is None else [typed]))
    if not isinstance(outcome, Objections):
        if opened.place:
            backend.pool.submit(worklist.go_on, backend, verb, body, opened)
        return CLOSE
    assert isinstance(typed, Text)  # only to an edit is there anything to object
    if outcome.hard:
        told = sorted(outcome.violations, key=lambda v: not v.hard)
        return {"response_action": "errors", "errors": edit.forbidden(sent, typed, told)}
    # what a second person would have to approve
    again = edit.edit_again(sent.view(), typed, violations=[v.sentence for v in outcome.violations])
    return _instead(worklist.marked(again, opened.place))


def _instead(view: dict[str, Any]) -> Response:
    return {"response_action": "update", "view": view}
