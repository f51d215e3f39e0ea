"""`/overdue`: the table of words, what each answers, and customers and cases by name or number."""

from __future__ import annotations

import contextlib
import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
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
from bot.surfaces import answers, cash, review
from bot.surfaces import lists as shown_lists
from bot.surfaces.aging import aging_answer
from bot.surfaces.card.card import Card
from bot.surfaces.card.parts import ShownTo
from bot.surfaces.card.status import stands
from jobs.decide import access, switches
from jobs.decide.access import Click, VerbRefused
from jobs.decide.switches import Switch
from jobs.decide.verbs import Verb
from jobs.reports import lists, picture
from jobs.reports.cash import outlook
from jobs.reports.picture import Only
from jobs.reports.review import review as reviews
from jobs.reports.review.review import Review
from jobs.rules.policy.policy import Policy
from jobs.store import companies, people
from jobs.store.companies import ConnectedCompany
from jobs.store.customers import managers, search

slog = structlog.get_logger()
Response = dict[str, Any]
SURE = "confirm"
"""What to type after a switch instead of pressing the button that asks for confirmation."""
CASE = re.compile(r"(?:case\s+)?#?([0-9]{1,9})")


@dataclass(frozen=True)
class Command:
    """A command of `user` in the channel of `company`, within one transaction (`conn`)."""

    backend: Backend
    conn: Connection
    company: ConnectedCompany
    words: str
    user: str
    now: datetime

    @property
    def policy(self) -> Policy:
        return policy_of(self.backend, self.company)

    def only(self) -> Only:
        """Whose figures this person may see. Raises VerbRefused for somebody without a role."""
        return access.sees(self.conn, self.policy, self.company.realm, self.user, self.now)


@dataclass(frozen=True)
class Word:
    """What can be typed after `/overdue`. A word without `offers` is not on the list of them."""

    typed: str
    offers: str
    """What the list of words says about it."""
    answer: Callable[[Command], Response]
    """Raises VerbRefused."""
    wakes: tuple[str, ...] = ()
    """The steps that follow; a word that wakes none only reads."""


def register(app: App, backend: Backend) -> None:
    """Register the command."""

    @app.command("/overdue")
    def handle(ack: Ack, command: dict[str, Any]) -> None:
        ack(**_answer(backend, command))


def _answer(backend: Backend, command: dict[str, Any]) -> Response:
    words, user = " ".join(str(command.get("text") or "").split()), str(command["user_id"])
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
        return {"text": answers.help_text(OFFERED)}
    if number := _case_meant(backend, verb, channel):
        return _stands(backend, number, user, now)
    word = WORDS.get(verb, FOUND)
    database = backend.database
    with database.writing() if word.wakes else database.reading() as conn:
        company = _company(conn, channel)
        if company is None:
            return {"text": _elsewhere(backend, conn, user, now)}
        answer = word.answer(Command(backend, conn, company, words, user, now))
    if word.wakes:
        backend.wake(*word.wakes)
    return answer


def _case_meant(backend: Backend, verb: str, channel: str) -> str:
    """The number of a case, or empty. Where an invoice has this number too, a person chooses."""
    named = CASE.fullmatch(verb)
    if named is None:
        return ""
    if verb.startswith("case"):
        return named[1]
    with backend.database.reading() as conn:
        company = _company(conn, channel)
        invoices = company and search.invoices_numbered(conn, company.realm, named[1], 1)
    return "" if invoices else named[1]


def _stands(backend: Backend, number: str, user: str, now: datetime) -> Response:
    """Where a case stands, who did what and what comes next, and how its customer stands; for
    people who may act on it, in any channel. Raises VerbRefused.
    """
    with backend.database.reading() as conn:
        policy = ruling(backend, conn, number)
        case = access.look_in(conn, policy, Verb.LOOK_AGAIN, Click(user, number), now).case
        view = picture.case_view(conn, policy, number, now)
        reader = ShownTo(people.names(conn), view.facts.company.zone)
        card = picture.card_link(conn, view.id, backend.workspace)
        shown = customers.summary(backend, conn, case.company, case.customer, user, now)
    told = stands(view, now, reader)
    said = answers.one_case(view.id, view.facts.customer.name, told, card)
    return {"text": said, "blocks": [section(said), *shown.blocks]}


def _found(command: Command) -> Response:
    """The customer that the words mean, or a choice of several."""
    typed = html.unescape(command.words)
    on = command.backend, command.conn, command.company
    return _shown(customers.find(*on, typed, command.user, command.now))


def _picture(command: Command) -> Response:
    on = command.conn, command.company, command.backend.workspace
    return _shown(aging_answer(picture.of_company(*on, command.now, only=command.only())))


def _cash(command: Command) -> Response:
    """The cash outlook; account managers get that of their own customers."""
    conn, company = command.conn, command.company
    made = outlook.seen_by(conn, company, command.only(), command.now)
    if made is None:
        return {"text": cash.NONE_YET}
    names = outlook.named(conn, company, made)
    return _shown(cash.cash_answer(company.name, made, names, company.zone))


def _review(command: Command) -> Response:
    """The last weekly review, for those who see every customer of the company."""
    if command.only() is not None:
        raise VerbRefused(access.NOT_THEIRS)
    kept = reviews.latest(command.conn, command.company.realm)
    return _shown(review.weekly(kept)) if kept else {"text": review.NONE_YET}


def _review_of_all(command: Command) -> Response:
    """The last reviews of all companies together, of those that this person sees whole."""
    kept: list[Review] = []
    for company in companies.all_of_them(command.conn):
        with contextlib.suppress(VerbRefused):
            if replace(command, company=company).only() is None:
                kept += reviews.latest(command.conn, company.realm)[-1:]
    if not kept and command.only() is not None:
        raise VerbRefused(access.NOT_THEIRS)
    if not kept:
        return {"text": review.NONE_YET}
    newest = max(one.week for one in kept)
    return _shown(review.of_all([one for one in kept if one.week == newest]))


def _mine(command: Command) -> Response:
    command.only()
    on = (
        command.conn,
        command.policy,
        command.company.realm,
        command.user,
        command.backend.workspace,
    )
    return {"text": shown_lists.mine(lists.mine(*on, command.now), command.now)}


def _waiting(command: Command) -> Response:
    on = command.conn, command.company, command.only()
    return {"text": shown_lists.waiting(lists.waiting(*on, command.now), command.now)}


def _calls(command: Command) -> Response:
    on = command.conn, command.company, command.only(), command.now
    due, more = lists.calls_due(*on)
    return _shown(shown_lists.calls(due, more, command.company.realm, people.names(command.conn)))


def _health(command: Command) -> Response:
    command.only()
    return {
        "text": shown_lists.health(
            lists.health(command.conn, command.company, command.now), command.now
        )
    }


def _run(command: Command) -> Response:
    """Have the ledger read now."""
    switches.run_now(command.conn, command.policy, command.company, command.user, command.now)
    return {"text": answers.running(command.company.held_up())}


def _dry(command: Command) -> Response:
    """What a run would do."""
    on = command.conn, command.policy, command.company
    found = switches.run_dry(*on, command.user, command.now)
    return {"text": answers.would_run(found, command.company.swept_at)}


def _asks(switch: Switch, command: Command) -> Response:
    """The question with its button, for somebody who may do it."""
    if not switch.ready(command.conn, command.policy, command.company, command.user, command.now):
        return {"text": answers.unchanged(switch.row.already)}
    return answers.sure(command.company, switch)


def _turns(switch: Switch, command: Command) -> Response:
    on = command.backend, command.conn, command.company
    return {"text": turn(*on, switch, command.user, command.now)}


def _shown(card: Card) -> Response:
    return {"text": card.text} | ({"blocks": card.blocks} if card.blocks else {})


AFTER_A_SWITCH = ("sweep", "send", "messages")


def _of_switch(switch: Switch) -> Iterator[Word]:
    """A switch that asks is turned by its button, or by typing that one is sure."""
    row = switch.row
    turns = partial(_turns, switch)
    if row.asks:
        yield Word(row.typed, row.offers, partial(_asks, switch))
        yield Word(f"{row.typed} {SURE}", "", turns, AFTER_A_SWITCH)
    else:
        yield Word(row.typed, row.offers, turns, AFTER_A_SWITCH)


_TABLE = (
    Word("", "what is overdue, by age, and the cases that matter most", _picture),
    Word("cash", "when the money of open invoices is expected, week by week", _cash),
    Word("review", "the last weekly review: how cases ended, and what went wrong", _review),
    Word("review all", "the same for all companies together", _review_of_all),
    Word("mine", "what waits for you: assigned, to look at, to approve", _mine),
    Word(
        "waiting", "what waits for a date, what is on hold, which marks to look at again", _waiting
    ),
    Word(
        "calls", "whom to call after the final message, what they promised, what was said", _calls
    ),
    Word(
        "health", "the connection, what cannot be read, and whether all processes keep up", _health
    ),
    Word("run", "read QuickBooks now", _run, AFTER_A_SWITCH),
    Word("run dry", "what a run would do, without doing it", _dry),
    *(word for switch in Switch if switch.row.typed for word in _of_switch(switch)),
)
WORDS = {word.typed: word for word in _TABLE}
FOUND = Word(
    "Acme", "a customer by (part of) its name: what is open, how it pays, its case", _found
)
"""What everything else means."""
OFFERED = (
    *((word.typed, word.offers) for word in _TABLE if word.offers),
    (FOUND.typed, FOUND.offers),
    ("412", "the same by the number of a case or an invoice: where it stands, who did what"),
    ("help", "this list"),
)
"""What the list of words shows, in this order."""


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
        raise VerbRefused(access.NOT_THEIRS)
    return answers.elsewhere_than(theirs) if theirs else answers.disconnected()


def _company(conn: Connection, channel: str) -> ConnectedCompany | None:
    """The company of this channel; if there is only one company, it is meant everywhere."""
    found = companies.in_channel(conn, channel)
    if found:
        return found
    everyone = companies.all_of_them(conn)
    return everyone[0] if len(everyone) == 1 else None
