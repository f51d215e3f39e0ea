"""The worklist: a modal that shows one case after the other, and each decision is the card's own.

Where somebody is in it travels in the modal's private metadata; state and rights are looked up
again on every click. What somebody else has decided meanwhile is told and passed over.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from bot.blockkit import ids
from bot.blockkit.ids import BadValueError, Opened, WorklistPlace
from bot.blockkit.lint import lint
from bot.listeners.context import Backend
from bot.listeners.deciding import NotRecorded, click_of, decide, ruling, told, unreadable, user_of
from bot.listeners.refusals import turned_away
from bot.slack import api
from bot.slack.api import Trouble
from bot.surfaces import answers
from bot.surfaces import worklist as surface
from bot.surfaces.card.buttons import blocked
from bot.surfaces.forms import modal
from bot.surfaces.worklist import WorklistHead
from jobs.decide import access
from jobs.decide.access import Answer, VerbRefused
from jobs.decide.verbs import Verb
from jobs.reports import picture, worklist
from jobs.rules.case import CaseView
from jobs.store import cases, people

slog = structlog.get_logger()
View = dict[str, Any]
STAYS = frozenset({Verb.EDIT})
"""Verbs after which the same case is shown again."""


def shows(body: dict[str, Any]) -> bool:
    """Whether this click was made in the worklist."""
    return bool((body.get("view") or {}).get("callback_id") == surface.NAME)


def place_of(body: dict[str, Any]) -> str:
    """The encoded place at which this click was made; empty if it was not in the worklist."""
    return str(body["view"]["private_metadata"]) if shows(body) else ""


def marked(form: View, place: str) -> View:
    """The form of a verb, which goes on from this place, if it has one, once it is submitted."""
    if not place or not form.get("private_metadata"):
        return form
    opened = ids.opened(form["private_metadata"])
    return form | {"private_metadata": replace(opened, place=place).encode()}


def first(backend: Backend, body: dict[str, Any]) -> View:
    """The first case of this person's worklist, or why there is none. Raises DBAPIError."""
    user, now = user_of(body), backend.clock()
    try:
        realm = ids.company(body["actions"][0].get("value"))
        policy = backend.policy.for_company(realm)
        with backend.database.reading() as conn:
            access.known(conn, policy, user, now)
            found = [one.id for one in worklist.to_decide(conn, policy, realm, user, now)]
    except BadValueError as error:
        return modal.gone(unreadable(error))
    except VerbRefused as refused:
        return modal.gone(turned_away(backend, "start", user, refused, now))
    if not found:
        return modal.gone(surface.NOTHING)
    return _drawn(backend, user, WorklistPlace(tuple(found)))


def decided(backend: Backend, verb: Verb, body: dict[str, Any], request: str) -> None:
    """Decide, then show what is next in the background. Nothing may raise after the ack."""
    user, view_id = user_of(body), str(body["view"]["id"])
    try:
        place = ids.place(place_of(body))
        click = click_of(ids.binding(body["actions"][0].get("value")), user, request)
        words, done = told(backend, verb, decide(backend, verb, click), linked=False), True
    except BadValueError as error:
        backend.pool.submit(_put, backend, view_id, modal.gone(unreadable(error)))
        return
    except NotRecorded as error:
        words, done = _refused(error, user)
    following = _after(place, verb, click.case, done=done)
    backend.pool.submit(_show, backend, view_id, user, following, words)


def _refused(error: NotRecorded, user: str) -> tuple[str, bool]:
    """What is told, and whether it is decided all the same: by the same person, a click before."""
    said = error.said
    own = said and (
        said.answer is Answer.ALREADY_APPROVED or (said.by is not None and said.by.actor == user)
    )
    return ("", True) if own else (error.words, False)


def _after(place: WorklistPlace, verb: Verb, case: str, *, done: bool) -> WorklistPlace:
    """Where to go on after a decision on `case`."""
    if not done or verb in STAYS or case not in place.cases:
        return place
    at = place.cases.index(case)
    if verb is Verb.UNDO:
        return replace(place, at=at, last="")
    return replace(place, at=at + 1, last=case)


def go_on(backend: Backend, verb: Verb, body: dict[str, Any], opened: Opened) -> None:
    """A form that was opened from the worklist was submitted: show what is next below it."""
    view_id, words = str(body["view"]["previous_view_id"]), surface.AFTER.get(verb, "")
    try:
        place = ids.place(opened.place)
    except BadValueError as error:
        _put(backend, view_id, modal.gone(unreadable(error)))
        return
    following = _after(place, verb, opened.binding.case_id, done=True)
    _show(backend, view_id, user_of(body), following, words)


def skip(backend: Backend, body: dict[str, Any]) -> None:
    """Show the next case, and leave this one as it is."""
    view_id = str(body["view"]["id"])
    try:
        place = ids.place(place_of(body))
    except BadValueError as error:
        _put(backend, view_id, modal.gone(unreadable(error)))
        return
    following = replace(place, at=min(place.at + 1, len(place.cases)))
    _show(backend, view_id, user_of(body), following)


def _show(backend: Backend, view_id: str, user: str, place: WorklistPlace, words: str = "") -> None:
    """Draw the worklist in its modal. In the background: it never raises."""
    try:
        view = _drawn(backend, user, place, words)
    except DBAPIError as error:
        slog.warning("worklist.no_record", error=type(error).__name__)
        view = modal.gone(answers.not_recorded())
    _put(backend, view_id, view)


def _put(backend: Backend, view_id: str, view: View) -> None:
    """Show this view in the modal. In the background: it never raises."""
    if wrong := lint(view, "modal"):
        slog.error("modal.refused_by_lint", action=surface.NAME, wrong=len(wrong))
        view = modal.gone(answers.broken())
    answer = api.call(backend.client, "views.update", view_id=view_id, view=view)
    if isinstance(answer, Trouble):
        slog.warning("worklist.lost", trouble=repr(answer))


def _drawn(backend: Backend, user: str, place: WorklistPlace, words: str = "") -> View:
    """The case at this place, or the next one that can still be decided, or the end."""
    now, passed = backend.clock(), list[CaseView]()
    with backend.database.reading() as conn:
        names = people.names(conn)
        last = _view(backend, conn, place.last, now) if place.last else None
        for at in range(place.at, len(place.cases)):
            view = _view(backend, conn, place.cases[at], now)
            if _may_decide(backend, conn, view, user, now):
                here = replace(place, at=at)
                head = WorklistHead(last, tuple(passed), words)
                return surface.case(view, here, head, now, names)
            if not _own(view, user):
                passed.append(view)
    end = replace(place, at=len(place.cases))
    return surface.end(end, WorklistHead(last, tuple(passed), words), now)


def _view(backend: Backend, conn: Connection, case: str, now: datetime) -> CaseView:
    return picture.case_view(conn, ruling(backend, conn, case), case, now)


def _may_decide(
    backend: Backend, conn: Connection, view: CaseView, user: str, now: datetime
) -> bool:
    policy = ruling(backend, conn, view.id)
    return not blocked(view) and worklist.may_decide(
        conn, policy, cases.get(conn, view.id), user, now
    )


def _own(view: CaseView, user: str) -> bool:
    return bool(view.decisions) and view.decisions[-1].actor == user
