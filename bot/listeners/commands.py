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
from bot.listeners.context import Desk
from bot.listeners.deciding import ruling, unreadable, user_of
from bot.listeners.refusals import follow_up, turned_away
from bot.surfaces import answers
from bot.surfaces.aging import aging_answer
from bot.surfaces.card.parts import Reader, status
from jobs.decide import door, run_company
from jobs.decide.door import Answer, Knock, Refused
from jobs.decide.run_company import Turn
from jobs.reports import picture
from jobs.rules.case import HeldUp
from jobs.rules.policy import Policy
from jobs.rules.rights import sees
from jobs.store import companies, people
from jobs.store.companies import Company

slog = structlog.get_logger()
Response = dict[str, Any]
Switching = Callable[[Connection, Policy, Company, str, datetime], bool]

SWITCHES: dict[Turn, tuple[Switching, Callable[[HeldUp | None], str], str]] = {
    Turn.PAUSE: (run_company.pause, answers.now_paused, "paused"),
    Turn.RESUME: (run_company.resume, answers.resumed, "running"),
    Turn.LIVE: (run_company.go_live, answers.now_live, "live"),
    Turn.SHADOW: (run_company.go_shadow, answers.now_shadow, "in shadow mode"),
}
"""Word → the door, what is said when it moved, and what it already was when it did not."""
BUTTONS = {
    Switch.RESUME: Turn.RESUME,
    Switch.GO_LIVE: Turn.LIVE,
    Switch.GO_SHADOW: Turn.SHADOW,
}
"""The private button that asks once before a company is turned so; a pause never waits for one."""
SURE = " confirm"
"""The typed form of that button."""

CASE = re.compile(r"(?:case\s+)?#?([0-9]{1,9})")


def register(app: App, desk: Desk) -> None:
    """The one command."""

    @app.command("/overdue")
    def handle(ack: Ack, command: dict[str, Any]) -> None:
        ack(**_answer(desk, command))

    for switch, turn in BUTTONS.items():
        app.action(switch)(_turning(desk, switch, turn))


def _turning(desk: Desk, switch: Switch, turn: Turn) -> Callable[..., None]:
    def handle(ack: Ack, body: dict[str, Any]) -> None:
        words, done = _turned(desk, switch, turn, body)
        desk.tell(body["response_url"], words, instead=done)
        ack()

    return handle


def _turned(desk: Desk, switch: Switch, turn: Turn, body: dict[str, Any]) -> tuple[str, bool]:
    """What the person is told, and whether their question is answered by it."""
    user = user_of(body)
    try:
        now = desk.clock()
        realm = ids.company(body["actions"][0].get("value"))
        with desk.database.writing() as conn:
            company = companies.get(conn, realm)
            said = _turn(desk, conn, company, turn, user, now) if company else ""
    except BadValueError as error:
        return unreadable(error), True
    except Refused as refused:
        follow_up(desk, user, refused.said, body["response_url"])
        return turned_away(desk, switch, user, refused, now), False
    except DBAPIError as error:
        slog.warning("switch.not_recorded", error=type(error).__name__)
        return answers.not_recorded(), False
    desk.ring("sweep", "send", "messages")
    return said or answers.disconnected(), True


def _answer(desk: Desk, command: dict[str, Any]) -> Response:
    words, user = str(command.get("text") or "").strip(), str(command["user_id"])
    try:
        now = desk.clock()
        return _obeyed(desk, words, user, str(command["channel_id"]), now)
    except Refused as refused:
        follow_up(desk, user, refused.said, str(command.get("response_url") or ""))
        return {"text": turned_away(desk, "command", user, refused, now, words)}
    except DBAPIError as error:
        slog.warning("command.not_recorded", error=type(error).__name__)
        return {"text": answers.not_recorded()}


def _obeyed(desk: Desk, words: str, user: str, channel: str, now: datetime) -> Response:
    verb = words.lower()
    if verb == "help":
        return {"text": answers.help_text()}
    if verb in (Turn.RESUME, Turn.LIVE, Turn.SHADOW):
        return _asked(desk, Turn(verb), user, channel, now)
    turn = verb.removesuffix(SURE)
    if turn in SWITCHES or verb == "run":
        return {"text": _switched(desk, turn, user, channel, now)}
    if named := CASE.fullmatch(verb):
        return {"text": _stands(desk, named[1], user, now)}
    if verb:
        return {"text": answers.unknown_command(words)}
    return _picture(desk, user, channel, now)


def _stands(desk: Desk, number: str, user: str, now: datetime) -> str:
    """Where a case stands, who did what and what comes next, for those who may act on it.

    Raises Refused.
    """
    with desk.database.reading() as conn:
        policy = ruling(desk, conn, number)
        door.look_in(conn, policy, Knock(user, number), now)
        view = picture.case_view(conn, policy, number, now)
        reader = Reader(people.names(conn), view.facts.company.zone)
        card = picture.card_link(conn, view.id, desk.workspace)
    told = status(view, now, reader).said
    return answers.one_case(view.id, view.facts.customer.name, told, card)


def _switched(desk: Desk, verb: str, user: str, channel: str, now: datetime) -> str:
    with desk.database.writing() as conn:
        company = _company(conn, channel)
        if company is None:
            return _elsewhere(desk, conn, user, now)
        if verb == "run":
            run_company.run_now(conn, policy_of(desk, company), company, user, now)
            said = answers.running(company.held_up())
        else:
            said = _turn(desk, conn, company, Turn(verb), user, now)
    desk.ring("sweep", "send", "messages")
    return said


def _turn(
    desk: Desk, conn: Connection, company: Company, turn: Turn, user: str, now: datetime
) -> str:
    """Raises Refused."""
    act, moved, already = SWITCHES[turn]
    if not act(conn, policy_of(desk, company), company, user, now):
        return answers.unchanged(already)
    return moved(companies.need(conn, company.realm).held_up())


def _asked(desk: Desk, turn: Turn, user: str, channel: str, now: datetime) -> Response:
    """The question with its button, for somebody who may do it. Raises Refused."""
    with desk.database.reading() as conn:
        company = _company(conn, channel)
        if company is None:
            return {"text": _elsewhere(desk, conn, user, now)}
        if not run_company.ready(conn, policy_of(desk, company), company, turn, user, now):
            return {"text": answers.unchanged(SWITCHES[turn][2])}
    switch = next(one for one, its in BUTTONS.items() if its is turn)
    return answers.sure(company, turn, switch)


def _picture(desk: Desk, user: str, channel: str, now: datetime) -> Response:
    with desk.database.reading() as conn:
        company = _company(conn, channel)
        if company is None:
            return {"text": _elsewhere(desk, conn, user, now)}
        policy = policy_of(desk, company)
        if not (roles := door.known(conn, policy, user, now)):
            raise _not_for_them()
        only = sees(user, roles, policy)
        found = picture.of_company(conn, company, desk.workspace, now, only=only)
    card = aging_answer(found)
    return {"text": card.text, "blocks": card.blocks}


def _elsewhere(desk: Desk, conn: Connection, user: str, now: datetime) -> str:
    """Several companies, and this channel is none of theirs; or none at all. Raises Refused."""
    roles, groups = door.known(conn, desk.policy, user, now), people.groups(conn, now)
    everyone = companies.all_of_them(conn)
    theirs = [one for one in everyone if policy_of(desk, one).roles(user, groups)]
    if not theirs and (everyone or not roles):
        raise _not_for_them()
    return answers.elsewhere_than(theirs) if theirs else answers.disconnected()


def _not_for_them() -> Refused:
    return Refused(door.Said(Answer.NOT_ALLOWED, detail="a collector or a finance lead"))


def policy_of(desk: Desk, company: Company) -> Policy:
    """What rules in this company."""
    return desk.policy.for_company(company.realm)


def _company(conn: Connection, channel: str) -> Company | None:
    """The company of this channel; where there is only one, it is meant everywhere."""
    found = companies.in_channel(conn, channel)
    if found:
        return found
    everyone = companies.all_of_them(conn)
    return everyone[0] if len(everyone) == 1 else None
