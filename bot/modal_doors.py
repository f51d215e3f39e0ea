"""Buttons that open a modal: a light one at once, while the trigger lives, then the real one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog
from slack_sdk.errors import SlackClientError

from bot import answers, ids, modals
from bot.desk import Desk
from bot.ids import Action, BadValueError
from bot.knocking import NotRecorded, knock_of, unreadable, user_of, view_for
from bot.refusals import follow_up
from jobs.rules.business_days import add_working_days
from jobs.rules.case import CaseView
from jobs.rules.policy import Policy
from jobs.rules.states import State

slog = structlog.get_logger()
SNOOZED = 2
"""Working days that the snooze modal proposes."""
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


def open_modal(desk: Desk, action: Action, body: dict[str, Any]) -> None:
    """Open the modal of a button. Never raises: it runs beside the click, which is answered."""
    try:
        opened = desk.client.views_open(trigger_id=body["trigger_id"], view=modals.loading())
        view: dict[str, Any] = opened["view"]
        desk.client.views_update(
            view_id=view["id"], hash=view["hash"], view=_modal(desk, action, body)
        )
    except (SlackClientError, OSError) as error:
        slog.warning("modal.lost", action=action, error=type(error).__name__)
        desk.tell(body["response_url"], "Slack did not open the form. Please press again.")


def _modal(desk: Desk, action: Action, body: dict[str, Any]) -> dict[str, Any]:
    """The modal itself, or in its place why there is none."""
    try:
        return _made(desk, action, body)
    except Exception as error:  # noqa: BLE001  # nothing else ends the form's "One moment"
        slog.error("modal.failed", action=action, exc_info=error)
        return modals.gone(answers.broken())


def _made(desk: Desk, action: Action, body: dict[str, Any]) -> dict[str, Any]:
    try:
        binding = ids.binding(body["actions"][0].get("value"))
        view = view_for(desk, action, knock_of(binding, user_of(body)))
    except BadValueError as error:
        return modals.gone(unreadable(error))
    except NotRecorded as error:
        if error.said:
            follow_up(desk, user_of(body), error.said, body["response_url"])
        return modals.gone(error.words)
    back = view.may_return and action is Action.CONFIRM_ADDRESS
    if not (view.state is State.WAITING or back) or view.draft_hash != binding.draft_hash:
        return modals.gone(CHANGED)
    return OPENS[action](view, desk.policy.for_company(view.facts.company.id))
