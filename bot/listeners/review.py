"""The menu below a weekly review: which cases stand behind a figure."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from slack_bolt import Ack, App
from sqlalchemy.exc import DBAPIError

from bot.blockkit import ids
from bot.blockkit.ids import BadValueError
from bot.listeners.companies import policy_of
from bot.listeners.context import Backend
from bot.listeners.deciding import unreadable, user_of
from bot.listeners.refusals import turned_away
from bot.surfaces import answers, review
from bot.surfaces.review import SHOW, CaseLine
from jobs.decide import access
from jobs.decide.access import VerbRefused
from jobs.reports import picture
from jobs.reports.review import review as reviews
from jobs.store import companies

CHOSEN = re.compile(r"([0-9]{1,40}) ([0-9]{4}-[0-9]{2}-[0-9]{2}) ([a-z_]{1,80})")


def register(app: App, backend: Backend) -> None:
    """The one menu."""

    @app.action(SHOW)
    def asked(ack: Ack, body: dict[str, Any]) -> None:
        backend.tell(body["response_url"], _cases(backend, body))
        ack()


def _cases(backend: Backend, body: dict[str, Any]) -> str:
    user, now = user_of(body), backend.clock()
    try:
        return _listed(backend, ids.chosen(body["actions"][0]), user)
    except BadValueError as error:
        return unreadable(error)
    except VerbRefused as refused:
        return turned_away(backend, SHOW, user, refused, now)
    except DBAPIError:
        return answers.not_recorded()


def _listed(backend: Backend, value: str, user: str) -> str:
    """Raises BadValueError, and VerbRefused for somebody who does not see all customers."""
    found = CHOSEN.fullmatch(value)
    if found is None or not _is_a_day(found[2]):
        raise BadValueError("the entry names no figure of a review")
    realm, week, name = found.groups()
    with backend.database.reading() as conn:
        company = companies.get(conn, realm)
        if company is None:
            return review.GONE
        policy = policy_of(backend, company)
        if access.sees(conn, policy, company.realm, user, backend.clock()) is not None:
            raise VerbRefused(access.NOT_THEIRS)
        kept = reviews.shown(conn, company.realm, week)
        if not kept:
            return review.GONE
        cases = review.cases_of(kept[-1], name)
        names, _ = reviews.customers(conn, kept[-1], cases[: review.MOST_LISTED])
        links = {id: picture.card_link(conn, id, backend.workspace) for id in names}
    lines = [CaseLine(id, names.get(id, ""), links.get(id, "")) for id in cases]
    return review.listing(kept[-1], name, lines)


def _is_a_day(week: str) -> bool:
    try:
        date.fromisoformat(week)
    except ValueError:
        return False
    return True
