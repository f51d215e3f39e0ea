"""A customer rather than a case: found by name, how it stands, marks and account manager."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import structlog
from slack_bolt import Ack, App
from sqlalchemy.exc import DBAPIError

from bot.blockkit import ids
from bot.blockkit.blocks import Block
from bot.blockkit.ids import CUSTOMER, LOG_CALL, OPEN_CASE, SHOW_CUSTOMER, BadValueError
from bot.listeners.context import Backend
from bot.listeners.deciding import unreadable, user_of
from bot.listeners.refusals import turned_away
from bot.listeners.views import open_modal
from bot.surfaces import answers, risk
from bot.surfaces.card.card import Card
from bot.surfaces.forms import modal
from bot.surfaces.forms.customer_form import (
    about_customer,
    at_the_person,
    call_form,
    customer_form,
    logged_call,
)
from bot.surfaces.forms.fields import UnusableError
from jobs.decide import access, customers
from jobs.decide.access import ABOUT_THEIR_CHOICE, Answer, Reply, VerbRefused
from jobs.reports import customer
from jobs.rules.policy.rights import may_run, sees
from jobs.store import people
from jobs.store.companies import ConnectedCompany
from jobs.store.customers import managers

slog = structlog.get_logger()
Response = dict[str, Any]


def register(app: App, backend: Backend) -> None:
    """Register the button and its form."""

    @app.action(CUSTOMER)
    def pressed(ack: Ack, body: dict[str, Any]) -> None:
        open_form(backend, body, body["actions"][0].get("value"))
        ack()

    @app.action(ids.of_any(SHOW_CUSTOMER))
    def asked(ack: Ack, body: dict[str, Any]) -> None:
        shown = _shown(backend, user_of(body), body["actions"][0].get("value"))
        backend.tell(body["response_url"], shown.text, shown.blocks, instead=True)
        ack()

    @app.action(OPEN_CASE)
    def opening(ack: Ack, body: dict[str, Any]) -> None:
        words = _open(backend, user_of(body), body["actions"][0].get("value"))
        backend.tell(body["response_url"], words)
        ack()

    @app.action(ids.of_any(LOG_CALL))
    def calling(ack: Ack, body: dict[str, Any]) -> None:
        value = body["actions"][0].get("value")
        open_modal(backend, LOG_CALL, lambda: _call_form(backend, user_of(body), value), body)
        ack()

    @app.view(LOG_CALL)
    def called(ack: Ack, body: dict[str, Any]) -> None:
        ack(**_called(backend, body))

    @app.view(CUSTOMER)
    def submitted(ack: Ack, body: dict[str, Any]) -> None:
        ack(**_answer(backend, body))


def find(backend: Backend, company: ConnectedCompany, typed: str, user: str, now: datetime) -> Card:
    """What `/overdue` with a name or a number answers. Raises VerbRefused."""
    policy = backend.policy.for_company(company.realm)
    with backend.database.reading() as conn:
        roles = access.known(conn, policy, user, now)
        own = managers.owned(conn, company.realm, policy, user, now)
        if not roles | own:
            raise VerbRefused(Reply(Answer.NOT_ALLOWED, detail="a collector or a finance lead"))
        found = customer.find(conn, company.realm, typed, sees(roles, own))
    if len(found) == 1:
        return summary(backend, company.realm, found[0].id, user, now)
    return risk.choice(company.realm, found, typed) if found else Card(risk.nobody(typed), [])


def summary(backend: Backend, realm: str, id: str, user: str, now: datetime) -> Card:
    """How a customer stands, for whoever may see its figures. Raises VerbRefused."""
    policy = backend.policy.for_company(realm)
    with backend.database.reading() as conn:
        roles = customers.see(conn, policy, realm, id, user, now)
        found = customer.risk(conn, policy, realm, id, backend.workspace, now)
        return risk.summary(found, people.names(conn), leads=may_run(roles))


def _shown(backend: Backend, user: str, value: object) -> Card:
    now = backend.clock()
    try:
        of = ids.customer(value)
        return summary(backend, of.company, of.customer, user, now)
    except BadValueError as error:
        return Card(unreadable(error), [])
    except VerbRefused as refused:
        return Card(turned_away(backend, SHOW_CUSTOMER, user, refused, now), [])
    except DBAPIError:
        return Card(answers.not_recorded(), [])


def _open(backend: Backend, user: str, value: object) -> str:
    now = backend.clock()
    try:
        of = ids.customer(value)
        policy = backend.policy.for_company(of.company)
        with backend.database.writing() as conn:
            said = customers.open_now(conn, policy, of.company, of.customer, user, now)
    except BadValueError as error:
        return unreadable(error)
    except VerbRefused as refused:
        return turned_away(backend, OPEN_CASE, user, refused, now)
    except DBAPIError as error:
        slog.warning("case.not_opened", error=type(error).__name__)
        return answers.not_recorded()
    backend.wake("triage", "messages")
    return answers.case_opened(said.case.id if said.case else "")


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
            return customer_form(customer.customer_view(conn, policy, of.company, of.customer, now))
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
            view = customer.customer_view(conn, policy, of.company, of.customer, now)
            said = about_customer(values, of.seen, view.today, view.sources)
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


def _call_form(backend: Backend, user: str, value: object) -> Block:
    now = backend.clock()
    try:
        of = ids.customer(value)
        policy = backend.policy.for_company(of.company)
        with backend.database.reading() as conn:
            customers.see(conn, policy, of.company, of.customer, user, now)
            return call_form(customer.customer_view(conn, policy, of.company, of.customer, now))
    except BadValueError as error:
        return modal.gone(unreadable(error))
    except VerbRefused as refused:
        return modal.gone(turned_away(backend, LOG_CALL, user, refused, now))
    except DBAPIError:
        return modal.gone(answers.not_recorded())


def _called(backend: Backend, body: dict[str, Any]) -> Response:
    user, now = user_of(body), backend.clock()
    view = body["view"]
    try:
        of = ids.customer(view["private_metadata"])
        call = logged_call(view["state"]["values"], user, now)
        with backend.database.writing() as conn:
            policy = backend.policy.for_company(of.company)
            customers.log_call(conn, policy, of.company, of.customer, call, now)
    except UnusableError as error:
        return {"response_action": "errors", "errors": error.errors}
    except BadValueError as error:
        return _instead(unreadable(error))
    except VerbRefused as refused:
        return _instead(turned_away(backend, LOG_CALL, user, refused, now))
    except DBAPIError as error:
        slog.warning("call.not_recorded", error=type(error).__name__)
        return modal.not_taken(view, answers.not_recorded())
    return {}


def _instead(words: str) -> Response:
    return {"response_action": "update", "view": modal.gone(words)}
