"""The forms of verbs, and how one opens.

A light modal opens at once, while the trigger is valid; then the real one takes its place.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog

from bot.blockkit import ids
from bot.blockkit.ids import BadValueError
from bot.blockkit.lint import lint
from bot.listeners import submitted
from bot.listeners.context import Backend
from bot.listeners.deciding import NotRecorded, click_of, unreadable, user_of, view_for
from bot.listeners.refusals import follow_up
from bot.listeners.submitted import Values
from bot.slack import api
from bot.slack.api import Lost, NotOk, RateLimited, Trouble
from bot.surfaces import answers, modals
from jobs.decide.look import SetAside
from jobs.decide.verbs import Verb
from jobs.rules.business_days import add_working_days
from jobs.rules.case import CaseView
from jobs.rules.policy import Policy
from jobs.rules.recipients import ledger_addresses
from jobs.rules.states import State

slog = structlog.get_logger()
TRIES = 3
PAUSE = 2.0
"""Seconds before filling a form is retried, if Slack does not say how long to wait."""
LONGEST_PAUSE = 20
"""Seconds. Nobody looks at an empty form for longer."""
SNOOZED = 2
"""How many working days the snooze modal proposes."""
CHANGED = "This case has changed meanwhile, so there is nothing to enter here. Nothing was changed."


def _hold(view: CaseView, policy: Policy) -> dict[str, Any]:
    return modals.hold(view, view.facts.today + timedelta(days=policy.hold_days))


def _snooze(view: CaseView, policy: Policy) -> dict[str, Any]:
    return modals.snooze(view, add_working_days(view.facts.today, SNOOZED, policy))


@dataclass(frozen=True)
class Submission:
    """What came back with a form."""

    values: Values
    seen: str
    """The fingerprint of what the person was shown; empty where nothing has one."""
    view: Callable[[], CaseView]
    """The case as it is now. Raises NotRecorded for somebody who may not work on it."""


@dataclass(frozen=True)
class Form:
    """What a verb asks before it decides."""

    make: Callable[[CaseView, Policy], dict[str, Any]]
    """The modal."""
    read: Callable[[Submission], object]
    """What the verb's function takes. Raises UnusableError."""


FORMS: dict[Verb, Form] = {
    Verb.EDIT: Form(
        lambda view, _: modals.edit(view),
        lambda sent: submitted.edited(sent.values, sent.seen),
    ),
    Verb.REJECT: Form(modals.reject, lambda sent: submitted.rejection(sent.values)),
    Verb.WAS_PAID: Form(modals.was_paid, lambda sent: submitted.was_paid(sent.values)),
    Verb.HOLD: Form(_hold, lambda sent: submitted.holding(sent.values, sent.view().facts.today)),
    Verb.SNOOZE: Form(
        _snooze, lambda sent: submitted.snoozing(sent.values, sent.view().facts.today)
    ),
    Verb.DRAFT_ANYWAY: Form(
        lambda view, _: modals.draft_anyway(view),
        lambda sent: SetAside(sent.seen, submitted.reason(sent.values)),
    ),
    Verb.CONFIRM_ADDRESS: Form(
        lambda view, _: modals.confirm_address(view),
        lambda sent: submitted.chosen_address(sent.values, ledger_addresses(sent.view().facts)),
    ),
    Verb.CONFIRM_NAME: Form(lambda view, _: modals.confirm_name(view), lambda sent: sent.seen),
}
"""Every other verb decides at once."""


def open_modal(backend: Backend, verb: Verb, body: dict[str, Any]) -> None:
    """Open the light modal at once, in the thread of the click; its content follows.

    The modal has an external id of ours, so it can be filled even if Slack's answer was lost.
    """
    name = uuid.uuid4().hex
    asked = {"trigger_id": body["trigger_id"], "view": modals.loading(name)}
    opened = api.call(api.hasty(backend.client), "views.open", **asked)
    if isinstance(opened, RateLimited | NotOk):
        _not_shown(backend, verb, body, opened)
    else:
        stands = not isinstance(opened, Lost)
        backend.pool.submit(_fill, backend, verb, body, LightModal(name, stands))


@dataclass(frozen=True)
class LightModal:
    """A light modal by its external id, and whether we know that it was opened (`stands`)."""

    name: str
    stands: bool
    tries: int = TRIES


def _fill(backend: Backend, verb: Verb, body: dict[str, Any], opening: LightModal) -> None:
    """Fill the modal in the background, a moment later if Slack is busy."""
    view = _modal(backend, verb, body)
    answer = api.call(backend.client, "views.update", external_id=opening.name, view=view)
    if (
        isinstance(answer, RateLimited | Lost)
        and opening.tries > 1
        and _pause(answer) <= LONGEST_PAUSE
    ):
        left = replace(opening, tries=opening.tries - 1)
        backend.later(_pause(answer), _fill, backend, verb, body, left)
        return
    closed_by_then = opening.stands and answer == NotOk("not_found")
    if isinstance(answer, Trouble) and not closed_by_then:
        _not_shown(backend, verb, body, answer)


def _pause(trouble: RateLimited | Lost) -> float:
    return trouble.seconds if isinstance(trouble, RateLimited) else PAUSE


def _not_shown(backend: Backend, verb: Verb, body: dict[str, Any], trouble: Trouble) -> None:
    slog.warning("modal.lost", action=verb, trouble=repr(trouble))
    backend.tell(body["response_url"], answers.no_form())


def _modal(backend: Backend, verb: Verb, body: dict[str, Any]) -> dict[str, Any]:
    """The modal itself, or one that says why there is none."""
    try:
        view = _made(backend, verb, body)
    except Exception as error:  # noqa: BLE001  # nothing else ends the form's "One moment"
        slog.error("modal.failed", action=verb, exc_info=error)
        return modals.gone(answers.broken())
    if wrong := lint(view, "modal"):
        slog.error("modal.refused_by_lint", action=verb, wrong=len(wrong))
        return modals.gone(answers.broken())
    return view


def _made(backend: Backend, verb: Verb, body: dict[str, Any]) -> dict[str, Any]:
    try:
        binding = ids.binding(body["actions"][0].get("value"))
        view = view_for(backend, verb, click_of(binding, user_of(body)))
    except BadValueError as error:
        return modals.gone(unreadable(error))
    except NotRecorded as error:
        if error.said:
            follow_up(backend, user_of(body), error.said, body["response_url"])
        return modals.gone(error.words)
    back = view.may_return and verb is Verb.CONFIRM_ADDRESS
    if not (view.state is State.WAITING or back) or view.draft_hash != binding.draft_hash:
        return modals.gone(CHANGED)
    return FORMS[verb].make(view, backend.policy.for_company(view.facts.company.id))
