"""Submitted modals: the answer is the acknowledgement itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slack_bolt import Ack, App

from bot.blockkit import ids
from bot.blockkit.ids import BadValueError
from bot.listeners.context import Backend
from bot.listeners.deciding import NotRecorded, click_of, decide, unreadable, user_of, view_for
from bot.listeners.forms import FORMS, Submission
from bot.listeners.submitted import UnusableError
from bot.surfaces import modals
from jobs.decide.edit import Objections, Text
from jobs.decide.verbs import Verb
from jobs.rules.case import CaseView

Response = dict[str, Any]
CLOSE: Response = {}


def register(app: App, backend: Backend) -> None:
    """Register every form."""
    for verb in FORMS:
        app.view(verb)(_submitting(backend, verb))


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
        return _instead(modals.gone(error.words))
    except BadValueError as error:
        return _instead(modals.gone(unreadable(error)))


def _submit(backend: Backend, verb: Verb, body: dict[str, Any]) -> Response:
    view = body["view"]
    opened = ids.opened(view["private_metadata"])
    click = click_of(opened.binding, user_of(body))
    sent = Submission(view["state"]["values"], opened.seen, lambda: view_for(backend, verb, click))
    typed = FORMS[verb].read(sent)
    outcome = decide(backend, verb, click, typed)
    if not isinstance(outcome, Objections):
        return CLOSE
    assert isinstance(typed, Text)  # only to an edit is there anything to object
    return _instead(_objected(sent.view(), typed, outcome))


def _instead(view: dict[str, Any]) -> Response:
    return {"response_action": "update", "view": view}


def _objected(view: CaseView, typed: Text, found: Objections) -> dict[str, Any]:
    """The form again, with the current violations only, the more serious ones first."""
    told = [v.sentence for v in sorted(found.violations, key=lambda v: not v.hard)]
    text = (typed.subject, typed.body, typed.marked)
    seen = "" if found.hard else modals.fingerprint(*text)
    return modals.edit(
        view,
        subject=typed.subject,
        body=typed.body,
        marked=typed.marked,
        violations=told,
        seen=seen,
    )
