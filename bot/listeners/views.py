"""Submitted modals: the answer is the acknowledgement itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from slack_bolt import Ack, App
from sqlalchemy import Connection

from bot.blockkit import ids
from bot.blockkit.ids import BadValueError, Modal, Opened
from bot.listeners import submitted
from bot.listeners.context import Backend
from bot.listeners.deciding import NotRecorded, click_of, decide, unreadable, user_of, view_for
from bot.listeners.submitted import Edited, UnusableError, Values
from bot.surfaces import modals
from jobs.decide.access import Click, Reply
from jobs.decide.edit import Objections, Text, edit
from jobs.decide.hold import Holding, hold, snooze
from jobs.decide.look import confirm_address, confirm_name, draft_anyway
from jobs.decide.reject import Rejection, reject
from jobs.rules.case import CaseView
from jobs.rules.policy import Policy
from jobs.rules.recipients import ledger_addresses

Response = dict[str, Any]
CLOSE: Response = {}
Submit = Callable[[Backend, Opened, Values, str], Response]
Through = Callable[[Connection, Policy, Click, datetime], Reply]


def register(app: App, backend: Backend) -> None:
    """Register every modal with a submit button."""
    for modal, submit in SUBMITS.items():
        app.view(modal)(_submitting(backend, submit))


def _submitting(backend: Backend, submit: Submit) -> Callable[..., None]:
    def handle(ack: Ack, body: dict[str, Any]) -> None:
        ack(**_answer(backend, submit, body))

    return handle


def _answer(backend: Backend, submit: Submit, body: dict[str, Any]) -> Response:
    view = body["view"]
    try:
        opened = ids.opened(view["private_metadata"])
        return submit(backend, opened, view["state"]["values"], user_of(body))
    except UnusableError as error:
        return {"response_action": "errors", "errors": error.errors}
    except NotRecorded as error:
        return _instead(modals.gone(error.words))
    except BadValueError as error:
        return _instead(modals.gone(unreadable(error)))


def _instead(view: dict[str, Any]) -> Response:
    return {"response_action": "update", "view": view}


def _edit(backend: Backend, opened: Opened, values: Values, user: str) -> Response:
    typed = submitted.edited(values)
    insist = opened.seen == modals.fingerprint(typed.subject, typed.body, typed.marked)
    text = Text(typed.subject, typed.body, insist, typed.marked)
    click = click_of(opened.binding, user)
    outcome = decide(backend, "edit", click, lambda c, p, k, now: edit(c, p, k, text, now))
    if not isinstance(outcome, Objections):
        return CLOSE
    return _instead(_objected(view_for(backend, "edit", click), typed, outcome))


def _objected(view: CaseView, typed: Edited, found: Objections) -> dict[str, Any]:
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


def _reject(backend: Backend, opened: Opened, values: Values, user: str) -> Response:
    return _rejected(backend, opened, submitted.rejection(values), user)


def _was_paid(backend: Backend, opened: Opened, values: Values, user: str) -> Response:
    return _rejected(backend, opened, submitted.was_paid(values), user)


def _rejected(backend: Backend, opened: Opened, rejection: Rejection, user: str) -> Response:
    return _through(
        backend, "reject", opened, user, lambda c, p, k, now: reject(c, p, k, rejection, now)
    )


def _hold(backend: Backend, opened: Opened, values: Values, user: str) -> Response:
    typed = submitted.holding(values, _view(backend, opened, user).facts.today)
    holding = Holding(typed.kind, typed.until, typed.comment, typed.invoices)
    return _through(backend, "hold", opened, user, lambda c, p, k, now: hold(c, p, k, holding, now))


def _snooze(backend: Backend, opened: Opened, values: Values, user: str) -> Response:
    typed = submitted.snoozing(values, _view(backend, opened, user).facts.today)
    return _through(
        backend,
        "snooze",
        opened,
        user,
        lambda c, p, k, now: snooze(c, p, k, typed.until, typed.comment, now),
    )


def _draft_anyway(backend: Backend, opened: Opened, values: Values, user: str) -> Response:
    reason = submitted.reason(values)
    return _through(
        backend,
        "draft_anyway",
        opened,
        user,
        lambda c, p, k, now: draft_anyway(c, p, k, opened.seen, reason, now),
    )


def _confirm_address(backend: Backend, opened: Opened, values: Values, user: str) -> Response:
    candidates = ledger_addresses(_view(backend, opened, user).facts)
    address = submitted.chosen_address(values, candidates)
    return _through(
        backend,
        "confirm_address",
        opened,
        user,
        lambda c, p, k, now: confirm_address(c, p, k, address, now),
    )


def _confirm_name(backend: Backend, opened: Opened, _: Values, user: str) -> Response:
    return _through(
        backend,
        "confirm_name",
        opened,
        user,
        lambda c, p, k, now: confirm_name(c, p, k, opened.seen, now),
    )


def _view(backend: Backend, opened: Opened, user: str) -> CaseView:
    return view_for(backend, "submit", click_of(opened.binding, user))


def _through(backend: Backend, verb: str, opened: Opened, user: str, through: Through) -> Response:
    decide(backend, verb, click_of(opened.binding, user), through)
    return CLOSE


SUBMITS: dict[Modal, Submit] = {
    Modal.EDIT: _edit,
    Modal.REJECT: _reject,
    Modal.WAS_PAID: _was_paid,
    Modal.HOLD: _hold,
    Modal.SNOOZE: _snooze,
    Modal.DRAFT_ANYWAY: _draft_anyway,
    Modal.ADDRESS: _confirm_address,
    Modal.NAME: _confirm_name,
}
