"""Somebody was refused: log it, have them looked up, find the words, follow up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from threading import Timer

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from bot.listeners.context import Backend
from bot.slack import people
from bot.surfaces import answers
from bot.surfaces.answers import reply
from jobs.decide import access
from jobs.decide.access import Answer, Click, Reply, VerbRefused
from jobs.store import people as known_people
from jobs.store.intake.events import first_time

slog = structlog.get_logger()


class Replayed(Exception):
    """A copy of a request that was taken already: nothing was recorded, and nobody is told."""


def take(conn: Connection, click: Click, now: datetime) -> None:
    """Put the request of a click on record together with what comes of it. Raises Replayed."""
    if click.request and not first_time(conn, click.request, now):
        raise Replayed


LOOKS = 30
BETWEEN = 1.0
"""How many times, and how many seconds apart, we check whether somebody is known by now."""


def refused(
    backend: Backend, verb: str, click: Click, said: Reply, now: datetime, typed: str = ""
) -> str:
    """Log the refusal, ask for a look-up if that helps, and find the words.

    `typed` is what the person typed. Never raises for anything the database does; raises Replayed.
    """
    asked = said.unknown(click.user)
    try:
        with backend.database.writing(durable=False) as conn:  # nothing was done
            take(conn, click, now)
            access.refused(conn, click, said, verb, now, typed)
            if asked:
                people.ask(conn, asked, now)
    except DBAPIError as error:
        # The person gets the same answer; only the log line is missing.
        slog.warning("refusal.not_logged", verb=verb, error=type(error).__name__)
    if asked:
        backend.wake("people")
    return reply(said)


def turned_away(
    backend: Backend, verb: str, user: str, away: VerbRefused, now: datetime, typed: str = ""
) -> str:
    """The same outside a case."""
    return refused(backend, verb, Click(user, ""), away.said, now, typed)


def follow_up(backend: Backend, user: str, said: Reply, response_url: str) -> None:
    """Tell a person who is being looked up, in private, the result as soon as it is known."""
    if said.answer is Answer.LOOKING_UP and response_url:
        once_known(backend, user, lambda trouble: backend.tell(response_url, answers.met(trouble)))


def once_known(
    backend: Backend, user: str, then: Callable[[str], None], looks: int = LOOKS
) -> None:
    """Once Slack has answered, call `then` with what is wrong with the account, or "".

    If Slack does not answer in time, `then` is never called.
    """
    again = Timer(BETWEEN, _look, (backend, user, then, looks))
    again.daemon = True
    again.start()


def _look(backend: Backend, user: str, then: Callable[[str], None], looks: int) -> None:
    try:
        with backend.database.reading() as conn:
            person = known_people.person(conn, user)
    except DBAPIError as error:
        slog.warning("follow_up.no_record", error=type(error).__name__)
        return
    if person and person.known(backend.clock()):
        then(person.trouble)
    elif looks > 1:
        once_known(backend, user, then, looks - 1)
