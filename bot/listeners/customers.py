"""The button and the form about a customer rather than a case: marks, and the account manager."""

from __future__ import annotations

from typing import Any

import structlog
from slack_bolt import Ack, App
from sqlalchemy.exc import DBAPIError

from bot.blockkit import ids
from bot.blockkit.blocks import Block
from bot.blockkit.ids import CUSTOMER, BadValueError
from bot.listeners.context import Backend
from bot.listeners.deciding import unreadable, user_of
from bot.listeners.refusals import turned_away
from bot.listeners.views import open_modal
from bot.surfaces import answers, modal
from bot.surfaces.customer_form import about_customer, at_the_person, customer_form
from bot.surfaces.fields import UnusableError
from jobs.decide import customers
from jobs.decide.access import Answer, VerbRefused
from jobs.reports.customer import customer_view
from jobs.store import companies

slog = structlog.get_logger()
Response = dict[str, Any]
ABOUT_THEIR_CHOICE = frozenset({Answer.LOOKING_THEM_UP, Answer.CANNOT_ACT})


def register(app: App, backend: Backend) -> None:
    """Register the button and its form."""

    @app.action(CUSTOMER)
    def pressed(ack: Ack, body: dict[str, Any]) -> None:
        open_form(backend, body, body["actions"][0].get("value"))
        ack()

    @app.view(CUSTOMER)
    def submitted(ack: Ack, body: dict[str, Any]) -> None:
        ack(**_answer(backend, body))


def open_form(backend: Backend, body: dict[str, Any], value: object) -> None:
    """Open the form for the customer in `value`, which a button or a choice of a menu carries."""
    open_modal(backend, CUSTOMER, lambda: _form(backend, user_of(body), value), body)


def _form(backend: Backend, user: str, value: object) -> Block:
    now = backend.clock()
    try:
        of = ids.customer(value)
        policy = backend.policy.for_company(of.company)
        with backend.database.reading() as conn:
            customers.allow(conn, policy, of.company, of.customer, user, now)
            return customer_form(customer_view(conn, policy, of.company, of.customer, now))
    except BadValueError as error:
        return modal.gone(unreadable(error))
    except VerbRefused as refused:
        return modal.gone(turned_away(backend, CUSTOMER, user, refused, now))
    except DBAPIError:
        return modal.gone(answers.not_recorded())


def _answer(backend: Backend, body: dict[str, Any]) -> Response:
    user, now = user_of(body), backend.clock()
    values = body["view"]["state"]["values"]
    try:
        of = ids.customer(body["view"]["private_metadata"])
        policy = backend.policy.for_company(of.company)
        with backend.database.writing() as conn:
            today = companies.need(conn, of.company).today(now)
            said = about_customer(values, of.seen, today)
            customers.change(conn, policy, of.company, of.customer, said, user, now)
    except UnusableError as error:
        return {"response_action": "errors", "errors": error.errors}
    except BadValueError as error:
        return _instead(unreadable(error))
    except VerbRefused as refused:
        words = turned_away(backend, CUSTOMER, user, refused, now)
        if refused.said.answer in ABOUT_THEIR_CHOICE:
            return {"response_action": "errors", "errors": at_the_person(values, words)}
        return _instead(words)
    except DBAPIError as error:
        slog.warning("customer.not_recorded", error=type(error).__name__)
        return _instead(answers.not_recorded())
    backend.wake("triage", "messages")
    return {}


def _instead(words: str) -> Response:
    return {"response_action": "update", "view": modal.gone(words)}
