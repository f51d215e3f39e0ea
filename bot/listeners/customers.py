"""A customer rather than a case: found by name, how it stands, its marks, a case, a call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from slack_bolt import Ack, App
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from bot.blockkit import ids
from bot.blockkit.blocks import Block, section
from bot.blockkit.ids import (
    CUSTOMER,
    LOG_CALL,
    OPEN_CASE,
    SHOW_CUSTOMER,
    AboutCustomerButton,
    BadValueError,
)
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
from bot.surfaces.forms.fields import UnusableError, Values
from jobs.decide import access, customers
from jobs.decide.access import ABOUT_THEIR_CHOICE, VerbRefused
from jobs.reports import customer
from jobs.reports.customer import CustomerView
from jobs.rules.policy.policy import Policy
from jobs.rules.policy.rights import may_run
from jobs.store import people
from jobs.store.cases import Case
from jobs.store.companies import ConnectedCompany

slog = structlog.get_logger()
Response = dict[str, Any]


def register(app: App, backend: Backend) -> None:
    """Every button about a customer, and the forms behind two of them."""
    for form in (ABOUT, CALL):
        app.action(ids.of_any(form.name))(_pressed(backend, form))
        app.view(form.name)(_submitted(backend, form))

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


def find(
    backend: Backend,
    conn: Connection,
    company: ConnectedCompany,
    typed: str,
    user: str,
    now: datetime,
) -> Card:
    """What `/overdue` with a name or a number answers. Raises VerbRefused."""
    policy = backend.policy.for_company(company.realm)
    only = access.sees(conn, policy, company.realm, user, now)
    found = customer.find(conn, company.realm, typed, only)
    if len(found) == 1:
        return summary(backend, conn, company.realm, found[0].id, user, now)
    return risk.choice(company.realm, found, typed) if found else Card(risk.nobody(typed), [])


def summary(
    backend: Backend, conn: Connection, realm: str, id: str, user: str, now: datetime
) -> Card:
    """How a customer stands, for whoever may see its figures. Raises VerbRefused."""
    policy = backend.policy.for_company(realm)
    roles = customers.see(conn, policy, realm, id, user, now)
    found = customer.risk(conn, policy, realm, id, backend.workspace, now)
    return risk.summary(found, people.names(conn), leads=may_run(roles))


def handed_over(backend: Backend, case: Case, words: str, user: str) -> Card:
    """How its customer stands, after these words, for whoever has taken a case over.

    Whatever fails here, the case is theirs; at worst only the words are told.
    """
    try:
        with backend.database.reading() as conn:
            now = backend.clock()
            shown = summary(backend, conn, case.company, case.customer, user, now)
    except (VerbRefused, DBAPIError) as error:
        slog.warning("answer.without_summary", error=type(error).__name__)
        return Card(words, [])
    return Card(f"{words} {shown.text}", [section(words), *shown.blocks])


def _shown(backend: Backend, user: str, value: object) -> Card:
    now = backend.clock()
    try:
        of = ids.customer(value)
        with backend.database.reading() as conn:
            return summary(backend, conn, of.company, of.customer, user, now)
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


@dataclass(frozen=True)
class Entered:
    """What somebody has put into a form about the customer that it is bound to (`of`)."""

    conn: Connection
    policy: Policy
    of: AboutCustomerButton
    values: Values
    user: str
    now: datetime


@dataclass(frozen=True)
class CustomerForm:
    """A form about a customer. The button that opens it has the same name."""

    name: str
    allow: Callable[[Connection, Policy, str, str, str, datetime], object]
    """Raises VerbRefused for a person who may not have it; as jobs.decide.customers.see does."""
    draw: Callable[[CustomerView], Block]
    save: Callable[[Entered], object]
    """Raises VerbRefused, and UnusableError for what cannot be read."""
    wakes: tuple[str, ...] = ()
    """The steps that follow."""


def _save_customer(made: Entered) -> None:
    on = made.conn, made.policy, made.of.company, made.of.customer
    view = customer.customer_view(*on, made.now)
    said = about_customer(made.values, made.of.seen, view.today, view.sources)
    customers.change(*on, said, made.user, made.now)


def _save_call(made: Entered) -> None:
    call = logged_call(made.values, made.user, made.now)
    customers.log_call(made.conn, made.policy, made.of.company, made.of.customer, call, made.now)


ABOUT = CustomerForm(
    CUSTOMER, customers.allow, customer_form, _save_customer, wakes=("triage", "messages")
)
CALL = CustomerForm(LOG_CALL, customers.see, call_form, _save_call)


def open_form(backend: Backend, form: CustomerForm, body: dict[str, Any], value: object) -> None:
    """Open a form for the customer in `value`, which a button or a choice of a menu carries."""
    open_modal(backend, form.name, lambda: _drawn(backend, form, user_of(body), value), body)


def _pressed(backend: Backend, form: CustomerForm) -> Callable[..., None]:
    def handle(ack: Ack, body: dict[str, Any]) -> None:
        open_form(backend, form, body, body["actions"][0].get("value"))
        ack()

    return handle


def _drawn(backend: Backend, form: CustomerForm, user: str, value: object) -> Block:
    now = backend.clock()
    try:
        of = ids.customer(value)
        on = backend.policy.for_company(of.company), of.company, of.customer
        with backend.database.reading() as conn:
            form.allow(conn, *on, user, now)
            return form.draw(customer.customer_view(conn, *on, now))
    except BadValueError as error:
        return modal.gone(unreadable(error))
    except VerbRefused as refused:
        return modal.gone(turned_away(backend, form.name, user, refused, now))
    except DBAPIError:
        return modal.gone(answers.not_recorded())


def _submitted(backend: Backend, form: CustomerForm) -> Callable[..., None]:
    def handle(ack: Ack, body: dict[str, Any]) -> None:
        ack(**_saved(backend, form, body))

    return handle


def _saved(backend: Backend, form: CustomerForm, body: dict[str, Any]) -> Response:
    """The answer to a submitted form; what was typed is not lost with a busy record."""
    user, now, view = user_of(body), backend.clock(), body["view"]
    values = view["state"]["values"]
    try:
        of = ids.customer(view["private_metadata"])
        policy = backend.policy.for_company(of.company)
        with backend.database.writing() as conn:
            form.save(Entered(conn, policy, of, values, user, now))
    except UnusableError as error:
        return {"response_action": "errors", "errors": error.errors}
    except BadValueError as error:
        return _instead(unreadable(error))
    except VerbRefused as refused:
        words = turned_away(backend, form.name, user, refused, now)
        if refused.said.answer in ABOUT_THEIR_CHOICE:
            return {"response_action": "errors", "errors": at_the_person(values, words)}
        return _instead(words)
    except DBAPIError as error:
        slog.warning("form.not_recorded", form=form.name, error=type(error).__name__)
        return modal.not_taken(view, answers.not_recorded())
    backend.wake(*form.wakes)
    return {}


def _instead(words: str) -> Response:
    return {"response_action": "update", "view": modal.gone(words)}
