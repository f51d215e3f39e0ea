"""`/overdue`: the picture of the company, and the switches of finance leads."""

from __future__ import annotations

import html
import re
from datetime import datetime
from typing import Any

import structlog
from slack_bolt import Ack, App
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from bot.blockkit.blocks import section
from bot.listeners import customers
from bot.listeners.companies import policy_of, turn
from bot.listeners.context import Backend
from bot.listeners.deciding import ruling
from bot.listeners.refusals import follow_up, turned_away
from bot.surfaces import answers, cash
from bot.surfaces import lists as shown_lists
from bot.surfaces.aging import aging_answer
from bot.surfaces.card.parts import ShownTo
from bot.surfaces.card.status import stands
from jobs.decide import access, switches
from jobs.decide.access import Answer, Click, VerbRefused
from jobs.decide.switches import Switch
from jobs.decide.verbs import Verb
from jobs.reports import lists, outlook, picture
from jobs.reports.picture import Only
from jobs.rules.policy.rights import sees
from jobs.store import companies, people
from jobs.store.companies import ConnectedCompany
from jobs.store.customers import managers, search

slog = structlog.get_logger()
Response = dict[str, Any]
TYPED = {one.row.typed: one for one in Switch if one.row.typed}
LISTS = frozenset({"mine", "waiting", "calls", "health"})
SURE = " confirm"
"""What to type instead of pressing the button that asks for confirmation."""

CASE = re.compile(r"(?:case\s+)?#?([0-9]{1,9})")


def register(app: App, backend: Backend) -> None:
    """Register the command."""

    @app.command("/overdue")
    def handle(ack: Ack, command: dict[str, Any]) -> None:
        ack(**_answer(backend, command))


def _answer(backend: Backend, command: dict[str, Any]) -> Response:
    words, user = str(command.get("text") or "").strip(), str(command["user_id"])
    try:
        now = backend.clock()
        return _obeyed(backend, words, user, str(command["channel_id"]), now)
    except VerbRefused as refused:
        follow_up(backend, user, refused.said, str(command.get("response_url") or ""))
        return {"text": turned_away(backend, "command", user, refused, now, words)}
    except DBAPIError as error:
        slog.warning("command.not_recorded", error=type(error).__name__)
        return {"text": answers.not_recorded()}


def _obeyed(backend: Backend, words: str, user: str, channel: str, now: datetime) -> Response:
    verb = words.lower()
    if verb == "help":
        return {"text": answers.help_text()}
    switch = TYPED.get(verb.removesuffix(SURE))
    if switch and switch.row.asks and verb == switch.row.typed:
        return _asked(backend, switch, user, channel, now)
    if switch or verb == "run":
        return {"text": _switched(backend, switch, user, channel, now)}
    if verb == "run dry":
        return {"text": _dry(backend, user, channel, now)}
    if verb in LISTS:
        return _listed(backend, verb, user, channel, now)
    if verb == "cash":
        return _cash(backend, user, channel, now)
    named = CASE.fullmatch(verb)
    if named and (verb.startswith("case") or not _is_invoice(backend, named[1], channel)):
        return _stands(backend, named[1], user, now)
    if verb:
        return _found(backend, words, user, channel, now)
    return _picture(backend, user, channel, now)


def _dry(backend: Backend, user: str, channel: str, now: datetime) -> str:
    """What a run would do. Raises VerbRefused."""
    with backend.database.reading() as conn:
        company = _company(conn, channel)
        if company is None:
            return _elsewhere(backend, conn, user, now)
        found = switches.run_dry(conn, policy_of(backend, company), company, user, now)
    return answers.would_run(found, company.swept_at)


def _listed(backend: Backend, verb: str, user: str, channel: str, now: datetime) -> Response:
    """One of the lists, as far as this person's role sees it. Raises VerbRefused."""
    with backend.database.reading() as conn:
        company = _company(conn, channel)
        if company is None:
            return {"text": _elsewhere(backend, conn, user, now)}
        only, policy = _sees(backend, conn, company, user, now), policy_of(backend, company)
        if verb == "mine":
            found = lists.mine(conn, policy, company.realm, user, backend.workspace, now)
            return {"text": shown_lists.mine(found, now)}
        if verb == "waiting":
            waits = lists.waiting(conn, company, backend.workspace, only, now)
            return {"text": shown_lists.waiting(waits)}
        if verb == "calls":
            due = lists.calls_due(conn, company, only, now)
            card = shown_lists.calls(due, company.realm, people.names(conn))
            return {"text": card.text} | ({"blocks": card.blocks} if card.blocks else {})
        return {"text": shown_lists.health(lists.health(conn, company, now), now)}


def _is_invoice(backend: Backend, number: str, channel: str) -> bool:
    """Whether an invoice has this number too; then a person chooses."""
    with backend.database.reading() as conn:
        company = _company(conn, channel)
        return bool(company and search.invoices_numbered(conn, company.realm, number, 1))


def _stands(backend: Backend, number: str, user: str, now: datetime) -> Response:
    """Where a case stands, who did what and what comes next, and how its customer stands; for
    people who may act on it. Raises VerbRefused.
    """
    with backend.database.reading() as conn:
        policy = ruling(backend, conn, number)
        case = access.look_in(conn, policy, Verb.LOOK_AGAIN, Click(user, number), now).case
        view = picture.case_view(conn, policy, number, now)
        reader = ShownTo(people.names(conn), view.facts.company.zone)
        card = picture.card_link(conn, view.id, backend.workspace)
    told = stands(view, now, reader)
    said = answers.one_case(view.id, view.facts.customer.name, told, card)
    shown = customers.summary(backend, case.company, case.customer, user, now)
    return {"text": said, "blocks": [section(said), *shown.blocks]}


def _found(backend: Backend, words: str, user: str, channel: str, now: datetime) -> Response:
    """The customer that the words mean, or a choice of several. Raises VerbRefused."""
    with backend.database.reading() as conn:
        company = _company(conn, channel)
        if company is None:
            return {"text": _elsewhere(backend, conn, user, now)}
    card = customers.find(backend, company, html.unescape(words), user, now)
    return {"text": card.text} | ({"blocks": card.blocks} if card.blocks else {})


def _switched(
    backend: Backend, switch: Switch | None, user: str, channel: str, now: datetime
) -> str:
    """Turn this switch of the channel's company, or have its ledger read. Raises VerbRefused."""
    with backend.database.writing() as conn:
        company = _company(conn, channel)
        if company is None:
            return _elsewhere(backend, conn, user, now)
        if switch:
            said = turn(backend, conn, company, switch, user, now)
        else:
            switches.run_now(conn, policy_of(backend, company), company, user, now)
            said = answers.running(company.held_up())
    backend.wake("sweep", "send", "messages")
    return said


def _asked(backend: Backend, switch: Switch, user: str, channel: str, now: datetime) -> Response:
    """The question with its button, for somebody who may do it. Raises VerbRefused."""
    with backend.database.reading() as conn:
        company = _company(conn, channel)
        if company is None:
            return {"text": _elsewhere(backend, conn, user, now)}
        if not switch.ready(conn, policy_of(backend, company), company, user, now):
            return {"text": answers.unchanged(switch.row.already)}
    return answers.sure(company, switch)


def _picture(backend: Backend, user: str, channel: str, now: datetime) -> Response:
    with backend.database.reading() as conn:
        company = _company(conn, channel)
        if company is None:
            return {"text": _elsewhere(backend, conn, user, now)}
        only = _sees(backend, conn, company, user, now)
        found = picture.of_company(conn, company, backend.workspace, now, only=only)
    card = aging_answer(found)
    return {"text": card.text, "blocks": card.blocks}


def _sees(
    backend: Backend, conn: Connection, company: ConnectedCompany, user: str, now: datetime
) -> Only:
    """Whose figures this person may see. Raises VerbRefused for somebody without a role."""
    policy = policy_of(backend, company)
    roles = access.known(conn, policy, user, now)
    owned = managers.owned(conn, company.realm, policy, user, now)
    if not (roles or owned):
        raise _not_for_them()
    return sees(roles, owned)


def _cash(backend: Backend, user: str, channel: str, now: datetime) -> Response:
    """The cash outlook; account managers get that of their own customers. Raises VerbRefused."""
    with backend.database.reading() as conn:
        company = _company(conn, channel)
        if company is None:
            return {"text": _elsewhere(backend, conn, user, now)}
        only = _sees(backend, conn, company, user, now)
        made = outlook.seen_by(conn, company, only, now)
        names = outlook.named(conn, company, made) if made else {}
    if made is None:
        return {"text": cash.NONE_YET}
    card = cash.cash_answer(company.name, made, names, company.zone)
    return {"text": card.text, "blocks": card.blocks}


def _elsewhere(backend: Backend, conn: Connection, user: str, now: datetime) -> str:
    """The answer if this channel has no company: there are several, or none. Raises VerbRefused."""
    roles, groups = access.known(conn, backend.policy, user, now), people.groups(conn, now)
    everyone = companies.all_of_them(conn)
    theirs = [
        one
        for one in everyone
        if policy_of(backend, one).roles(user, groups)
        or managers.owned(conn, one.realm, policy_of(backend, one), user, now)
    ]
    if not theirs and (everyone or not roles):
        raise _not_for_them()
    return answers.elsewhere_than(theirs) if theirs else answers.disconnected()


def _not_for_them() -> VerbRefused:
    return VerbRefused(access.Reply(Answer.NOT_ALLOWED, detail="a collector or a finance lead"))


def _company(conn: Connection, channel: str) -> ConnectedCompany | None:
    """The company of this channel; if there is only one company, it is meant everywhere."""
    found = companies.in_channel(conn, channel)
    if found:
        return found
    everyone = companies.all_of_them(conn)
    return everyone[0] if len(everyone) == 1 else None
