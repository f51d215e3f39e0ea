"""From a click to a decision and back, in the same way for every button and form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from bot.blockkit.ids import BadValueError, Binding
from bot.listeners.context import Backend
from bot.listeners.refusals import refused, take
from bot.surfaces import answers
from bot.surfaces.answers import reply
from jobs.decide import access
from jobs.decide.access import Answer, Click, Reply, VerbRefused
from jobs.decide.approve import approve, judge
from jobs.decide.verbs import Verb
from jobs.reports import picture, worklist
from jobs.rules.case import CaseView
from jobs.rules.policy.policy import Policy
from jobs.store import cases, companies
from jobs.store.cases import Case
from jobs.store.customers import replies

slog = structlog.get_logger()

FUNCTIONS = {verb: verb.function for verb in Verb}
"""Looked up when the program starts, not when somebody clicks."""
JUDGES: Mapping[Callable[..., Any], Callable[..., object]] = {approve: judge}
"""What can be judged before it is done, by its function. It judges once more by itself."""


class NotRecorded(Exception):
    """Nothing was recorded; `words` tell the person why."""

    def __init__(self, words: str, said: Reply | None = None) -> None:
        super().__init__(words)
        self.words, self.said = words, said


def click_of(binding: Binding, user: str, request: str = "") -> Click:
    """The click of `user` on what the button was bound to; `request` as in `Click`."""
    at = binding.case_id, binding.draft_id, binding.draft_hash, binding.reply
    return Click(user, *at, request)


def decide(backend: Backend, verb: Verb, click: Click, *typed: object) -> Any:
    """Run a verb in one transaction, then wake the steps that follow.

    `typed` is what its form has built, if it has one; the result is that of the verb's function.
    Raises NotRecorded with the sentence for the person, or Replayed; nothing was changed then.
    """
    outcome = decide_with(backend, FUNCTIONS[verb], verb, click, *typed)
    backend.wake(*filter(None, [verb.row.wakes, "messages"]), case=click.case)
    return outcome


def decide_with(
    backend: Backend, act: Callable[..., Any], name: str, click: Click, *typed: object
) -> Any:
    """Call a function of `jobs.decide` about a case in one transaction.

    What is refused is refused without the write lock, where that can be: SQLite has one writer, and
    judging takes longer than writing. Raises NotRecorded, and Replayed.
    """
    try:
        now = backend.clock()
        if judge := JUDGES.get(act):
            with backend.database.reading() as conn:
                judge(conn, ruling(backend, conn, click.case), click, now)
        with backend.database.writing() as conn:
            take(conn, click, now)
            return act(conn, ruling(backend, conn, click.case), click, *typed, now)
    except VerbRefused as away:
        raise NotRecorded(_refused(backend, name, click, away.said, now), away.said) from None
    except DBAPIError as error:
        slog.warning("decision.not_recorded", verb=name, error=type(error).__name__)
        raise NotRecorded(answers.not_recorded()) from error


def view_for(backend: Backend, verb: Verb, click: Click) -> CaseView:
    """The case for a modal, if this person may do what it is for. Raises NotRecorded."""
    try:
        now = backend.clock()
        with backend.database.reading() as conn:
            policy = ruling(backend, conn, click.case)
            access.look_in(conn, policy, verb, click, now)
            view = picture.case_view(conn, policy, click.case, now)
            reply = replies.find(conn, click.reply) if click.reply else None
            return replace(view, reply=reply) if reply and reply.case == view.id else view
    except VerbRefused as away:
        raise NotRecorded(_refused(backend, verb, click, away.said, now), away.said) from None
    except DBAPIError as error:
        raise NotRecorded(answers.not_recorded()) from error


def ruling(backend: Backend, conn: Connection, case: str) -> Policy:
    """The policy of the company that a case belongs to."""
    try:
        return backend.policy.for_company(cases.get(conn, case).company)
    except cases.Missing:
        return backend.policy


def told(backend: Backend, verb: Verb, said: Reply, *, linked: bool = True) -> str:
    """The private sentence after a recorded decision; empty if what is shown says enough.

    `linked`: an approval is answered with a link to the next card.
    """
    if said.answer is Answer.SECOND_NEEDED:
        return reply(said)
    if verb is Verb.APPROVE and said.case and linked:
        return _approved(backend, said.case)
    return verb.row.told


def _approved(backend: Backend, case: Case) -> str:
    """The sentence after an approval, with a link to the next card.

    Whatever fails here, the approval is recorded; at worst the link is missing.
    """
    try:
        with backend.database.reading() as conn:
            company = companies.need(conn, case.company)
            policy = backend.policy.for_company(case.company)
            following = worklist.next_card(conn, policy, case, backend.workspace, backend.clock())
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
    """Log the refusal and find the words; a card whose button is gone is drawn again."""
    words = refused(backend, verb, click, said, now)
    if said.answer is Answer.FOLLOWED:
        backend.wake("messages", case=click.case)
    return words


def user_of(body: dict[str, Any]) -> str:
    """The Slack id of the person who clicked."""
    return str(body["user"]["id"])
