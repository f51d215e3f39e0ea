"""Who may do what, in which state of the case."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import cycle
from typing import Any

import pytest
from sqlalchemy import Connection

from jobs.decide import access, look, switches
from jobs.decide.access import Answer, Click, VerbRefused
from jobs.decide.edit import Text
from jobs.decide.hold import Holding, take_over
from jobs.decide.reject import Rejection
from jobs.decide.switches import Switch
from jobs.decide.verbs import Verb
from jobs.rules.facts.past import HoldKind
from jobs.rules.policy.rights import Who
from jobs.rules.states import RejectReason, State
from tests.jobs.house import MANAGER, House, books, customer, invoice
from tests.jobs.houses import OpenHouse

Door = Callable[[House, str], Any]

MINE = {"account_manager": [{**MANAGER, "customers": ["1"]}]}
NOBODY_ELSES = {"account_manager": [{**MANAGER, "customers": ["2"]}]}

EVERYBODYS: dict[str, Door] = {
    "edit": lambda h, u: h.edit(u, Text(h.view().letter.subject, h.view().letter.body)),  # type: ignore[union-attr]
    "reject": lambda h, u: h.reject(u, Rejection(RejectReason.NOT_NEEDED)),
    "hold": lambda h, u: h.hold(u, Holding(HoldKind.QUIET, h.today + timedelta(days=14))),
    "snooze": lambda h, u: h.snooze(u, h.today + timedelta(days=3)),
    "look_again": lambda h, u: h.look_again(u),
    "take_over": lambda h, u: h.go(take_over, u).answer,
    "confirm": lambda h, u: h.go(look.confirm_address, u, "billing@customer1.example").answer,
}
"""Open to collectors, finance leads, and the customer's own account manager."""

TEAM = ("UCOLLECT", "UMANAGER", "ULEAD1", "UMANAGER")
STRANGERS = {
    "UGUEST": Answer.NOT_A_MEMBER,
    "USTRANGER": Answer.NOT_A_MEMBER,
    "UNEWCOMER": Answer.LOOKING_UP,
}


@pytest.mark.parametrize(("door", "user"), list(zip(EVERYBODYS, cycle(TEAM), strict=False)))
def test_the_team_may_work_on_a_case(open_house: OpenHouse, door: str, user: str) -> None:
    """Collectors and leads work on every case, an account manager on the own customer's."""
    house = open_house(policy=MINE)
    house.sweep()
    assert EVERYBODYS[door](house, user) is Answer.RECORDED
    assert house.logged(case="1")[-1]["actor"] == user


def test_nobody_else_gets_in(open_house: OpenHouse) -> None:
    """Guests, strangers, unknown people and other customers' managers change nothing anywhere."""
    house = open_house(policy=NOBODY_ELSES)
    house.sweep()
    before = house.logged()
    more: list[Door] = [lambda h, u: h.approve(u), lambda h, u: h.fine(u)]
    for door in [*EVERYBODYS.values(), *more]:
        for user, answer in {**STRANGERS, "UMANAGER": Answer.NOT_ALLOWED}.items():
            assert door(house, user) is answer
    assert house.logged() == before
    assert house.state() is State.WAITING


SHUT = {
    Who.EDITOR: set[str](),
    Who.SETTLER: {"UMANAGER"},
    Who.MANAGER: {"UCOLLECT"},
    Who.LEAD: {"UCOLLECT", "UMANAGER"},
}
"""Who of the team is refused."""


def test_the_row_of_a_verb_says_who_may(open_house: OpenHouse) -> None:
    """Whatever the case, the others are refused as soon as they come, and told whose it is."""
    house = open_house(policy=MINE)
    house.sweep()
    house.greet()
    with house.database.reading() as conn:
        for verb in Verb:
            for user in set(TEAM):
                assert _refusal(house, conn, verb, user) == (
                    verb.row.who.words if user in SHUT[verb.row.who] else ""
                ), (verb, user)


def _refusal(house: House, conn: Connection, verb: Verb, user: str) -> str:
    """Whose it is, if this person is refused; else empty."""
    try:
        access.look_in(conn, house.policy, verb, Click(user, "1"), house.now)
    except VerbRefused as refused:
        return refused.said.detail
    return ""


def test_nobody_configured_means_nobody(open_house: OpenHouse) -> None:
    """With an empty list of people every click is refused with that reason."""
    house = open_house()
    house.sweep()
    house.change_policy(people={"collectors": [], "finance_leads": []})
    for door in EVERYBODYS.values():
        assert door(house, "ULEAD1") is Answer.NOBODY_CONFIGURED
    assert house.approve("ULEAD1") is Answer.NOBODY_CONFIGURED


def test_old_knowledge_of_a_person_is_not_enough(a_house: House) -> None:
    """What Slack said of somebody more than a quarter of an hour ago refuses the click."""
    click = a_house.click("UCOLLECT")
    a_house.greet()
    a_house.time.later(minutes=16)
    a_house.remembers_people = True
    assert a_house.approve(click) is Answer.LOOKING_UP
    a_house.remembers_people = False
    assert a_house.approve(click) is Answer.RECORDED


@pytest.mark.parametrize(
    ("amount", "user", "answer"),
    [
        ("9999.99", "UCOLLECT", Answer.RECORDED),
        ("9999.99", "ULEAD1", Answer.RECORDED),
        ("10000.00", "UCOLLECT", Answer.SECOND_NEEDED),
        ("10000.00", "ULEAD1", Answer.SECOND_NEEDED),
        ("9999.99", "UMANAGER", Answer.NOT_ALLOWED),
    ],
)
def test_who_approves_hangs_on_the_amount(
    open_house: OpenHouse, amount: str, user: str, answer: Answer
) -> None:
    """From the second-approver limit on one person is not enough, whoever it is."""
    house = open_house(books(customer("1"), invoice("71", "1", amount, 12)), MINE)
    house.sweep()
    assert house.approve(user) is answer


def test_managers_approve_where_the_policy_says_so(open_house: OpenHouse) -> None:
    """By a switch that is off by default, own customers only, up to the limit."""
    house = open_house(policy={**MINE, "people": {"managers_approve": True}})
    house.sweep()
    assert house.approve("UMANAGER") is Answer.RECORDED


def test_a_plan_is_for_a_finance_lead(open_house: OpenHouse) -> None:
    """A payment-plan candidate is not a collector's to approve."""
    text = {"CustomerMemo": {"value": "Could we pay in instalments?"}}
    house = open_house(books(customer("1"), invoice("71", "1", "840.00", 12, **text)))
    house.sweep()
    assert house.approve("UCOLLECT") is Answer.NOT_ALLOWED
    assert house.approve("ULEAD2") is Answer.RECORDED


COMPANY = [Switch.PAUSE.turn, Switch.RESUME.turn, Switch.GO_LIVE.turn, Switch.GO_SHADOW.turn]


@pytest.mark.parametrize("user", ["UCOLLECT", "UMANAGER", "UGUEST", "USTRANGER", "UNEWCOMER"])
def test_only_leads_run_the_company(open_house: OpenHouse, user: str) -> None:
    """Pause, resume, live and shadow are for finance leads."""
    house = open_house(policy=MINE)
    for command in COMPANY:
        said = house.runs(command, user)
        assert said.answer is STRANGERS.get(user, Answer.NOT_ALLOWED)
    assert not house.company.paused_at
    assert house.company.live


def test_a_lead_runs_the_company(open_house: OpenHouse) -> None:
    """Each command works once and says so, and is on the log with its actor."""
    house = open_house()
    house.time.later(seconds=1)
    commands = [Switch.PAUSE.turn, Switch.RESUME.turn, Switch.GO_SHADOW.turn, Switch.GO_LIVE.turn]
    for command in commands:
        assert house.runs(command, "ULEAD2") is True
        assert house.runs(command, "ULEAD2") is False
    done = [line["action"] for line in house.logged("company.") if line["actor"] == "ULEAD2"]
    assert done == ["company.paused", "company.resumed", "company.shadow", "company.live"]
    told = [text for text in house.said("notice") if "Ulead2" in text]
    assert [" ".join(text.split()[1:5]) for text in told] == [
        "Ulead2 has paused sending.",
        "Ulead2 has resumed sending.",
        "Ulead2 has put the",
        "Ulead2 has taken the",
    ]


@pytest.mark.parametrize("user", ["UCOLLECT", "UMANAGER", "ULEAD1"])
def test_the_team_may_ask_for_a_sweep(open_house: OpenHouse, user: str) -> None:
    """Everybody whom the policy names may have the ledger read now; nobody else."""
    house = open_house(policy=MINE)
    house.run()
    house.runs(switches.run_now, user)
    house.run("sweep")
    assert len(house.logged("sweep.done")) == 2
    house.change_policy(people={"collectors": ["ULEAD1"]}, account_manager=[])
    assert house.runs(switches.run_now, "UMANAGER").answer is Answer.NOT_ALLOWED
