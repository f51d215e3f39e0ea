"""Buttons that open a modal: a light one at once, while the trigger is valid, then the real one."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog

from bot.blockkit import ids
from bot.blockkit.ids import Action, BadValueError
from bot.blockkit.lint import lint
from bot.listeners.context import Backend
from bot.listeners.deciding import NotRecorded, click_of, unreadable, user_of, view_for
from bot.listeners.refusals import follow_up
from bot.slack import api
from bot.slack.api import Later, Lost, Refused, Trouble
from bot.surfaces import answers, modals
from jobs.rules.business_days import add_working_days
from jobs.rules.case import CaseView
from jobs.rules.policy import Policy
from jobs.rules.states import State

slog = structlog.get_logger()
TRIES = 3
PAUSE = 2.0
"""Seconds before filling a form is retried, if Slack does not say how long to wait."""
LONGEST_PAUSE = 20
"""Seconds. Nobody looks at an empty form for longer."""
SNOOZED = 2
"""How many working days the snooze modal proposes."""
CHANGED = "This case has moved on meanwhile; there is nothing to enter here. Nothing was changed."


def _hold(view: CaseView, policy: Policy) -> dict[str, Any]:
    return modals.hold(view, view.facts.today + timedelta(days=policy.hold_days))


def _snooze(view: CaseView, policy: Policy) -> dict[str, Any]:
    return modals.snooze(view, add_working_days(view.facts.today, SNOOZED, policy))


OPENS: dict[Action, Callable[[CaseView, Policy], dict[str, Any]]] = {
    Action.EDIT: lambda view, _: modals.edit(view),
    Action.REJECT: modals.reject,
    Action.WAS_PAID: modals.was_paid,
    Action.HOLD: _hold,
    Action.SNOOZE: _snooze,
    Action.DRAFT_ANYWAY: lambda view, _: modals.draft_anyway(view),
    Action.CONFIRM_ADDRESS: lambda view, _: modals.confirm_address(view),
    Action.CONFIRM_NAME: lambda view, _: modals.confirm_name(view),
}


def open_modal(backend: Backend, action: Action, body: dict[str, Any]) -> None:
    """Open the light modal at once, in the thread of the click; its content follows.

    The modal has an external id of ours, so it can be filled even if Slack's answer was lost.
    """
    name = uuid.uuid4().hex
    asked = {"trigger_id": body["trigger_id"], "view": modals.loading(name)}
    opened = api.call(api.hasty(backend.client), "views.open", **asked)
    if isinstance(opened, Later | Refused):
        _not_shown(backend, action, body, opened)
    else:
        stands = not isinstance(opened, Lost)
        backend.pool.submit(_fill, backend, action, body, Opening(name, stands))


@dataclass(frozen=True)
class Opening:
    """A light modal by its external id, and whether we know that it was opened (`stands`)."""

    name: str
    stands: bool
    tries: int = TRIES


def _fill(backend: Backend, action: Action, body: dict[str, Any], opening: Opening) -> None:
    """Fill the modal in the background, a moment later if Slack is busy."""
    view = _modal(backend, action, body)
    answer = api.call(backend.client, "views.update", external_id=opening.name, view=view)
    if isinstance(answer, Later | Lost) and opening.tries > 1 and _pause(answer) <= LONGEST_PAUSE:
        left = replace(opening, tries=opening.tries - 1)
        backend.later(_pause(answer), _fill, backend, action, body, left)
        return
    closed_by_then = opening.stands and answer == Refused("not_found")
    if isinstance(answer, Trouble) and not closed_by_then:
        _not_shown(backend, action, body, answer)


def _pause(trouble: Later | Lost) -> float:
    return trouble.seconds if isinstance(trouble, Later) else PAUSE


def _not_shown(backend: Backend, action: Action, body: dict[str, Any], trouble: Trouble) -> None:
    slog.warning("modal.lost", action=action, trouble=repr(trouble))
    backend.tell(body["response_url"], answers.no_form())


def _modal(backend: Backend, action: Action, body: dict[str, Any]) -> dict[str, Any]:
    """The modal itself, or one that says why there is none."""
    try:
        view = _made(backend, action, body)
    except Exception as error:  # noqa: BLE001  # nothing else ends the form's "One moment"
        slog.error("modal.failed", action=action, exc_info=error)
        return modals.gone(answers.broken())
    if wrong := lint(view, "modal"):
        slog.error("modal.refused_by_lint", action=action, wrong=len(wrong))
        return modals.gone(answers.broken())
    return view


def _made(backend: Backend, action: Action, body: dict[str, Any]) -> dict[str, Any]:
    try:
        binding = ids.binding(body["actions"][0].get("value"))
        view = view_for(backend, action, click_of(binding, user_of(body)))
    except BadValueError as error:
        return modals.gone(unreadable(error))
    except NotRecorded as error:
        if error.said:
            follow_up(backend, user_of(body), error.said, body["response_url"])
        return modals.gone(error.words)
    back = view.may_return and action is Action.CONFIRM_ADDRESS
    if not (view.state is State.WAITING or back) or view.draft_hash != binding.draft_hash:
        return modals.gone(CHANGED)
    return OPENS[action](view, backend.policy.for_company(view.facts.company.id))
