"""From a click to a decision and back, in the same way for every button and modal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from bot.blockkit.ids import BadValueError, Binding
from bot.listeners.context import Backend
from bot.slack import people
from bot.surfaces import answers
from bot.surfaces.replies import reply
from jobs.decide import access
from jobs.decide.access import Answer, Click, Refused, Reply
from jobs.reports import picture
from jobs.rules.case import CaseView
from jobs.rules.policy import Policy
from jobs.store import cases, companies
from jobs.store.cases import Case

T = TypeVar("T")
Door = Callable[[Connection, Policy, Click, datetime], T]
slog = structlog.get_logger()

FOLLOWS = {
    "approve": ("send", "messages"),
    "went": ("write_back", "messages"),
    "take_back": ("write_back", "messages"),
    "undo": ("triage", "messages"),
    "hold": ("triage", "messages"),
    "reject": ("triage", "messages"),
    "look_again": ("triage", "messages"),
    "draft_anyway": ("triage", "messages"),
    "confirm_address": ("triage", "messages"),
    "confirm_name": ("triage", "messages"),
    "lift": ("triage", "messages"),
}
"""The steps to wake after a decision; after any other, only the card is redrawn."""


LEADS_ONLY = frozenset({"draft_anyway", "confirm_name"})
"""Checked before the form opens, so that nobody fills it in only to be refused at the end."""


class NotRecorded(Exception):
    """Nothing was recorded; `words` tell the person why."""

    def __init__(self, words: str, said: Reply | None = None) -> None:
        super().__init__(words)
        self.words, self.said = words, said


def click_of(binding: Binding, user: str) -> Click:
    """The click of `user` on what the button was bound to."""
    return Click(user, binding.case_id, binding.draft_id, binding.draft_hash)


def decide(backend: Backend, verb: str, click: Click, through: Door[T]) -> T:
    """Run a verb in one transaction, then wake the steps that follow.

    Raises NotRecorded with the sentence for the person; nothing was changed then.
    """
    try:
        now = backend.clock()
        with backend.database.writing() as conn:
            outcome = through(conn, ruling(backend, conn, click.case), click, now)
    except Refused as refused:
        raise NotRecorded(_refused(backend, verb, click, refused.said, now), refused.said) from None
    except DBAPIError as error:
        slog.warning("decision.not_recorded", verb=verb, error=type(error).__name__)
        raise NotRecorded(answers.not_recorded()) from error
    backend.wake(*FOLLOWS.get(verb, ("messages",)), case=click.case)
    return outcome


def view_for(backend: Backend, verb: str, click: Click) -> CaseView:
    """The case for a modal, if this person may do what it is for. Raises NotRecorded."""
    try:
        now = backend.clock()
        with backend.database.reading() as conn:
            policy = ruling(backend, conn, click.case)
            access.look_in(conn, policy, click, now)
            if verb in LEADS_ONLY:
                access.lead(conn, policy, click.user, now)
            return picture.case_view(conn, policy, click.case, now)
    except Refused as refused:
        raise NotRecorded(_refused(backend, verb, click, refused.said, now), refused.said) from None
    except DBAPIError as error:
        raise NotRecorded(answers.not_recorded()) from error


def ruling(backend: Backend, conn: Connection, case: str) -> Policy:
    """The policy of the company that a case belongs to."""
    try:
        return backend.policy.for_company(cases.get(conn, case).company)
    except cases.Missing:
        return backend.policy


def told(backend: Backend, verb: str, said: Reply) -> str:
    """The private sentence after a recorded decision; empty if the card says enough."""
    if said.answer is Answer.SECOND_NEEDED:
        return reply(said, verb)
    if verb == "approve" and said.case:
        return _approved(backend, said.case)
    return reply(said, verb) if verb == "fine" else ""


def _approved(backend: Backend, case: Case) -> str:
    """The sentence after an approval, with a link to the next card.

    Whatever fails here, the approval is recorded; at worst the link is missing.
    """
    try:
        with backend.database.reading() as conn:
            company = companies.need(conn, case.company)
            policy = backend.policy.for_company(case.company)
            following = picture.next_card(conn, policy, case, backend.workspace, backend.clock())
    except SQLAlchemyError as error:
        slog.warning("answer.without_link", error=type(error).__name__)
        return answers.approved(case.row.due_at, case.shadow)
    if held_up := company.held_up(shadow=case.shadow):
        return answers.approved_but(held_up, following)
    return answers.approved(case.row.due_at, case.shadow, following)


def unreadable(error: BadValueError) -> str:
    """The sentence for a value that this program never wrote."""
    slog.warning("click.unreadable", error=str(error))
    return answers.unreadable()


def _refused(backend: Backend, verb: str, click: Click, said: Reply, now: datetime) -> str:
    """Log the refusal, ask for a look-up if that helps, and find the words."""
    words = _words(backend, verb, said)
    try:
        with backend.database.writing() as conn:
            access.refused(conn, click, said, verb, now)
            if said.answer is Answer.LOOKING_UP:
                people.ask(conn, click.user, now)
    except DBAPIError as error:
        # The person gets the same answer; only the log line is missing.
        slog.warning("refusal.not_logged", verb=verb, error=type(error).__name__)
    if said.answer is Answer.LOOKING_UP:
        backend.wake("people")
    if said.answer in (Answer.STALE, Answer.DECIDED, Answer.FOLLOWED):
        backend.wake("messages", case=click.case)
    return words


def _words(backend: Backend, verb: str, said: Reply) -> str:
    if said.answer is not Answer.NOT_OPEN_YET or said.case is None:
        return reply(said, verb)
    policy = backend.policy.for_company(said.case.company)
    manager = policy.account_manager(said.case.customer)
    return reply(said, verb, manager, said.case.approval_opens_at)


def user_of(body: dict[str, Any]) -> str:
    """The Slack id of the person who clicked."""
    return str(body["user"]["id"])
