"""`/overdue`: the picture of the company, and the switches of finance leads."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from slack_bolt import Ack, App
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from bot.blockkit import ids
from bot.blockkit.ids import BadValueError, Switch
from bot.listeners.context import Backend
from bot.listeners.deciding import ruling, unreadable, user_of
from bot.listeners.refusals import follow_up, turned_away
from bot.surfaces import answers
from bot.surfaces.aging import aging_answer
from bot.surfaces.card.parts import ShownTo, status
from jobs.decide import access, switches
from jobs.decide.access import Answer, Click, VerbRefused
from jobs.decide.switches import ModeSwitch
from jobs.decide.verbs import Verb
from jobs.reports import picture
from jobs.rules.case import HeldUp
from jobs.rules.policy import Policy
from jobs.rules.rights import sees
from jobs.store import companies, managers, people
from jobs.store.companies import ConnectedCompany

slog = structlog.get_logger()
Response = dict[str, Any]
Switching = Callable[[Connection, Policy, ConnectedCompany, str, datetime], bool]

SWITCHES: dict[ModeSwitch, tuple[Switching, Callable[[HeldUp | None], str], str]] = {
    ModeSwitch.PAUSE: (switches.pause, answers.now_paused, "paused"),
    ModeSwitch.RESUME: (switches.resume, answers.resumed, "running"),
    ModeSwitch.LIVE: (switches.go_live, answers.now_live, "live"),
    ModeSwitch.SHADOW: (switches.go_shadow, answers.now_shadow, "in shadow mode"),
}
"""Word → the verb, what is said if it changed something, and what is said if it did not."""
BUTTONS = {
    Switch.RESUME: ModeSwitch.RESUME,
    Switch.GO_LIVE: ModeSwitch.LIVE,
    Switch.GO_SHADOW: ModeSwitch.SHADOW,
}
"""The private button that asks for confirmation; a pause never has to wait for one."""
SURE = " confirm"
"""What to type instead of pressing that button."""

CASE = re.compile(r"(?:case\s+)?#?([0-9]{1,9})")


def register(app: App, backend: Backend) -> None:
    """Register the command."""

    @app.command("/overdue")
    def handle(ack: Ack, command: dict[str, Any]) -> None:
        ack(**_answer(backend, command))

    for switch, turn in BUTTONS.items():
        app.action(switch)(_turning(backend, switch, turn))


def _turning(backend: Backend, switch: Switch, turn: ModeSwitch) -> Callable[..., None]:
    def handle(ack: Ack, body: dict[str, Any]) -> None:
        words, done = _turned(backend, switch, turn, body)
        backend.tell(body["response_url"], words, instead=done)
        ack()

    return handle


def _turned(
    backend: Backend, switch: Switch, turn: ModeSwitch, body: dict[str, Any]
) -> tuple[str, bool]:
    """What the person is told, and whether that answers the question with the button."""
    user = user_of(body)
    try:
        now = backend.clock()
        realm = ids.company(body["actions"][0].get("value"))
        with backend.database.writing() as conn:
            company = companies.get(conn, realm)
            said = _turn(backend, conn, company, turn, user, now) if company else ""
    except BadValueError as error:
        return unreadable(error), True
    except VerbRefused as refused:
        follow_up(backend, user, refused.said, body["response_url"])
        return turned_away(backend, switch, user, refused, now), False
    except DBAPIError as error:
        slog.warning("switch.not_recorded", error=type(error).__name__)
        return answers.not_recorded(), False
    backend.wake("sweep", "send", "messages")
    return said or answers.disconnected(), True


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
    if verb in (ModeSwitch.RESUME, ModeSwitch.LIVE, ModeSwitch.SHADOW):
        return _asked(backend, ModeSwitch(verb), user, channel, now)
    turn = verb.removesuffix(SURE)
    if turn in SWITCHES or verb == "run":
        return {"text": _switched(backend, turn, user, channel, now)}
    if named := CASE.fullmatch(verb):
        return {"text": _stands(backend, named[1], user, now)}
    if verb:
        return {"text": answers.unknown_command(words)}
    return _picture(backend, user, channel, now)


def _stands(backend: Backend, number: str, user: str, now: datetime) -> str:
    """Where a case stands, who did what and what comes next, for people who may act on it.

    Raises VerbRefused.
    """
    with backend.database.reading() as conn:
        policy = ruling(backend, conn, number)
        access.look_in(conn, policy, Verb.LOOK_AGAIN, Click(user, number), now)
        view = picture.case_view(conn, policy, number, now)
        reader = ShownTo(people.names(conn), view.facts.company.zone)
        card = picture.card_link(conn, view.id, backend.workspace)
    told = status(view, now, reader).said
    return answers.one_case(view.id, view.facts.customer.name, told, card)


def _switched(backend: Backend, verb: str, user: str, channel: str, now: datetime) -> str:
    with backend.database.writing() as conn:
        company = _company(conn, channel)
        if company is None:
            return _elsewhere(backend, conn, user, now)
        if verb == "run":
            switches.run_now(conn, policy_of(backend, company), company, user, now)
            said = answers.running(company.held_up())
        else:
            said = _turn(backend, conn, company, ModeSwitch(verb), user, now)
    backend.wake("sweep", "send", "messages")
    return said


def _turn(
    backend: Backend,
    conn: Connection,
    company: ConnectedCompany,
    turn: ModeSwitch,
    user: str,
    now: datetime,
) -> str:
    """Raises VerbRefused."""
    act, moved, already = SWITCHES[turn]
    if not act(conn, policy_of(backend, company), company, user, now):
        return answers.unchanged(already)
    return moved(companies.need(conn, company.realm).held_up())


def _asked(backend: Backend, turn: ModeSwitch, user: str, channel: str, now: datetime) -> Response:
    """The question with its button, for somebody who may do it. Raises VerbRefused."""
    with backend.database.reading() as conn:
        company = _company(conn, channel)
        if company is None:
            return {"text": _elsewhere(backend, conn, user, now)}
        if not switches.ready(conn, policy_of(backend, company), company, turn, user, now):
            return {"text": answers.unchanged(SWITCHES[turn][2])}
    switch = next(one for one, its in BUTTONS.items() if its is turn)
    return answers.sure(company, turn, switch)


def _picture(backend: Backend, user: str, channel: str, now: datetime) -> Response:
    with backend.database.reading() as conn:
        company = _company(conn, channel)
        if company is None:
            return {"text": _elsewhere(backend, conn, user, now)}
        policy = policy_of(backend, company)
        roles = access.known(conn, policy, user, now)
        owned = managers.owned(conn, company.realm, user, now)
        if not (roles or owned):
            raise _not_for_them()
        only = sees(user, roles, policy, owned)
        found = picture.of_company(conn, company, backend.workspace, now, only=only)
    card = aging_answer(found)
    return {"text": card.text, "blocks": card.blocks}


def _elsewhere(backend: Backend, conn: Connection, user: str, now: datetime) -> str:
    """The answer if this channel has no company: there are several, or none. Raises VerbRefused."""
    roles, groups = access.known(conn, backend.policy, user, now), people.groups(conn, now)
    everyone = companies.all_of_them(conn)
    theirs = [
        one
        for one in everyone
        if policy_of(backend, one).roles(user, groups) or managers.owned(conn, one.realm, user, now)
    ]
    if not theirs and (everyone or not roles):
        raise _not_for_them()
    return answers.elsewhere_than(theirs) if theirs else answers.disconnected()


def _not_for_them() -> VerbRefused:
    return VerbRefused(access.Reply(Answer.NOT_ALLOWED, detail="a collector or a finance lead"))


def policy_of(backend: Backend, company: ConnectedCompany) -> Policy:
    """The policy of this company."""
    return backend.policy.for_company(company.realm)


def _company(conn: Connection, channel: str) -> ConnectedCompany | None:
    """The company of this channel; if there is only one company, it is meant everywhere."""
    found = companies.in_channel(conn, channel)
    if found:
        return found
    everyone = companies.all_of_them(conn)
    return everyone[0] if len(everyone) == 1 else None
