"""Who may do what, in which state of the case."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from inspect import signature
from itertools import cycle
from typing import Any

import pytest
from sqlalchemy import Connection, select

from jobs.decide import access, customers, edit, look, switches
from jobs.decide.access import Answer, Click, Reply, VerbRefused
from jobs.decide.customers import AboutCustomer
from jobs.decide.edit import Text
from jobs.decide.hold import Holding, take_over
from jobs.decide.reject import Rejection
from jobs.decide.switches import Switch
from jobs.decide.verbs import Verb
from jobs.rules.facts.past import HoldKind
from jobs.rules.phone_calls import CallOutcome, LoggedCall
from jobs.rules.policy.policy import Policy
from jobs.rules.policy.rights import Who
from jobs.rules.states import RejectReason, State
from jobs.store import cases
from jobs.store.customers import marks
from jobs.store.database.tables import metadata
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import MANAGER, CompanyHarness, books, customer, invoice

Act = Callable[[CompanyHarness, str], Any]

MINE = {"account_manager": [{**MANAGER, "customers": ["1"]}]}
NOBODY_ELSES = {"account_manager": [{**MANAGER, "customers": ["2"]}]}

EVERYBODYS: dict[str, Act] = {
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


@pytest.mark.parametrize(("act", "user"), list(zip(EVERYBODYS, cycle(TEAM), strict=False)))
def test_the_team_may_work_on_a_case(open_harness: OpenHarness, act: str, user: str) -> None:
    """Collectors and leads work on every case, an account manager on the own customer's."""
    harness = open_harness(policy=MINE, swept=True)
    assert EVERYBODYS[act](harness, user) is Answer.RECORDED
    assert harness.logged(case="1")[-1]["actor"] == user


def test_whoever_may_not_changes_nothing(open_harness: OpenHarness) -> None:
    """Guests, other organisations, people not known yet, and the manager of another customer.

    Every verb, switch, question about a customer and copy refuses them before it looks any
    further, and leaves the record as it was.
    """
    harness = open_harness(policy=NOBODY_ELSES, swept=True)
    harness.greet()
    before = everything(harness)
    for user, answer in {**STRANGERS, "UMANAGER": Answer.NOT_ALLOWED}.items():
        for verb in Verb:
            assert pressed(harness, verb, user) is answer, (verb, user)
        for about in (*ABOUT_A_CUSTOMER, edit.send_copy):
            assert harness.go(about, user).answer is answer, (about, user)
        for switch in Switch:
            assert harness.runs(switch.turn, user).answer is answer, (switch, user)
    for user in STRANGERS:
        assert harness.runs(switches.run_now, user).answer is STRANGERS[user]
        assert harness.runs(switches.run_dry, user).answer is STRANGERS[user]
    assert everything(harness) == before


def test_what_is_for_others_of_the_team_changes_nothing(open_harness: OpenHarness) -> None:
    """What the row of a verb keeps from them, what only leads say of a customer, the switches."""
    harness = open_harness(policy=MINE, swept=True)
    harness.greet()
    before = everything(harness)
    for verb in Verb:
        for user in SHUT[verb.row.who]:
            assert pressed(harness, verb, user) is Answer.NOT_ALLOWED, (verb, user)
    for user in ("UCOLLECT", "UMANAGER"):
        assert harness.go(_mark, user).answer is Answer.NOT_ALLOWED
        for switch in Switch:
            assert harness.runs(switch.turn, user).answer is Answer.NOT_ALLOWED, (switch, user)
    assert everything(harness) == before
    assert harness.go(_log, "UMANAGER").answer is Answer.RECORDED
    assert harness.go(_mark, "ULEAD1").answer is Answer.RECORDED


def pressed(harness: CompanyHarness, verb: Verb, user: str) -> Answer:
    """What somebody is told who uses a verb, with an empty form if it has one."""
    typed = Holding(HoldKind.QUIET, harness.today) if verb is Verb.HOLD else None
    forms = len(signature(verb.function).parameters) - 4
    answer: Answer = harness.go(verb.function, user, *[typed] * forms).answer
    return answer


def everything(harness: CompanyHarness) -> dict[str, list[Any]]:
    """All that is on record, by table."""
    return {table.name: harness.rows(select(table)) for table in metadata.sorted_tables}


def _open(conn: Connection, policy: Policy, click: Click, now: datetime) -> Reply:
    case = cases.get(conn, click.case)
    return customers.open_now(conn, policy, case.company, case.customer, click.user, now)


def _mark(conn: Connection, policy: Policy, click: Click, now: datetime) -> Reply:
    case = cases.get(conn, click.case)
    seen = marks.said_about(conn, case.company, case.customer).fingerprint
    said = AboutCustomer(frozenset({"key_account"}), "", None, "since May", seen)
    return customers.change(conn, policy, case.company, case.customer, said, click.user, now)


def _log(conn: Connection, policy: Policy, click: Click, now: datetime) -> Reply:
    case, call = cases.get(conn, click.case), LoggedCall(CallOutcome.AGAIN, "x", click.user, now)
    return customers.log_call(conn, policy, case.company, case.customer, call, now)


ABOUT_A_CUSTOMER = (_open, _mark, _log)


SHUT = {
    Who.EDITOR: set[str](),
    Who.SETTLER: {"UMANAGER"},
    Who.MANAGER: {"UCOLLECT", "ULEAD1"},
    Who.LEAD: {"UCOLLECT", "UMANAGER"},
}
"""Who of the team is refused, where there is an account manager."""


def test_the_row_of_a_verb_says_who_may(open_harness: OpenHarness) -> None:
    """Whatever the case, the others are refused as soon as they come, and told whose it is."""
    harness = open_harness(policy=MINE, swept=True)
    harness.greet()
    with harness.database.reading() as conn:
        for verb in Verb:
            for user in set(TEAM):
                assert _refusal(harness, conn, verb, user) == (
                    verb.row.who.words if user in SHUT[verb.row.who] else ""
                ), (verb, user)


def _refusal(harness: CompanyHarness, conn: Connection, verb: Verb, user: str) -> str:
    """Whose it is, if this person is refused; else empty."""
    try:
        access.look_in(conn, harness.policy, verb, Click(user, "1"), harness.now)
    except VerbRefused as refused:
        return refused.said.detail
    return ""


def test_nobody_configured_means_nobody(open_harness: OpenHarness) -> None:
    """With an empty list of people every click is refused with that reason."""
    harness = open_harness(swept=True)
    harness.change_policy(people={"collectors": [], "finance_leads": []})
    for act in EVERYBODYS.values():
        assert act(harness, "ULEAD1") is Answer.NOBODY_CONFIGURED
    assert harness.approve("ULEAD1") is Answer.NOBODY_CONFIGURED


def test_old_knowledge_of_a_person_is_not_enough(a_harness: CompanyHarness) -> None:
    """What Slack said of somebody more than a quarter of an hour ago refuses the click."""
    click = a_harness.click("UCOLLECT")
    a_harness.greet()
    a_harness.time.later(minutes=16)
    a_harness.remembers_people = True
    assert a_harness.approve(click) is Answer.LOOKING_UP
    a_harness.remembers_people = False
    assert a_harness.approve(click) is Answer.RECORDED


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
    open_harness: OpenHarness, amount: str, user: str, answer: Answer
) -> None:
    """From the second-approver limit on one person is not enough, whoever it is."""
    harness = open_harness(books(customer("1"), invoice("71", "1", amount, 12)), MINE, swept=True)
    assert harness.approve(user) is answer


def test_managers_approve_where_the_policy_says_so(open_harness: OpenHarness) -> None:
    """By a switch that is off by default, own customers only, up to the limit."""
    harness = open_harness(policy={**MINE, "people": {"managers_approve": True}}, swept=True)
    assert harness.approve("UMANAGER") is Answer.RECORDED


def test_a_plan_is_for_a_finance_lead(open_harness: OpenHarness) -> None:
    """A payment-plan candidate is not a collector's to approve."""
    text = {"CustomerMemo": {"value": "Could we pay in instalments?"}}
    harness = open_harness(
        books(customer("1"), invoice("71", "1", "840.00", 12, **text)), swept=True
    )
    assert harness.approve("UCOLLECT") is Answer.NOT_ALLOWED
    assert harness.approve("ULEAD2") is Answer.RECORDED


def test_a_deputy_stands_in_for_a_single_lead(open_harness: OpenHarness) -> None:
    """Two people are needed, one of them a lead: the lead and the deputy, each of them once."""
    large = books(customer("1"), invoice("71", "1", "12000.00", 12))
    people = {"collectors": [], "finance_leads": ["ULEAD1"], "deputies": ["ULEAD2"]}
    harness = open_harness(large, {"people": people}, swept=True)
    assert harness.rewrite("ULEAD1") is Answer.RECORDED
    assert harness.approve("ULEAD1") is Answer.SECOND_NEEDED
    assert harness.approve("ULEAD1") is Answer.ALREADY_APPROVED
    assert harness.state() is State.WAITING
    assert harness.approve("ULEAD2") is Answer.RECORDED
    assert harness.state() is State.APPROVED


def test_a_lead_runs_the_company(open_harness: OpenHarness) -> None:
    """Each command works once and says so, and is on the log with its actor."""
    harness = open_harness()
    harness.time.later(seconds=1)
    commands = [Switch.PAUSE.turn, Switch.RESUME.turn, Switch.GO_SHADOW.turn, Switch.GO_LIVE.turn]
    for command in commands:
        assert harness.runs(command, "ULEAD2") is True
        assert harness.runs(command, "ULEAD2") is False
    done = [line["action"] for line in harness.logged("company.") if line["actor"] == "ULEAD2"]
    assert done == ["company.paused", "company.resumed", "company.shadow", "company.live"]
    told = [text for text in harness.said("notice") if "Ulead2" in text]
    assert [" ".join(text.split()[1:5]) for text in told] == [
        "Ulead2 has paused sending.",
        "Ulead2 has resumed sending.",
        "Ulead2 has put the",
        "Ulead2 has taken the",
    ]


@pytest.mark.parametrize("user", ["UCOLLECT", "UMANAGER", "ULEAD1"])
def test_the_team_may_ask_for_a_sweep(open_harness: OpenHarness, user: str) -> None:
    """Everybody whom the policy names may have the ledger read now; nobody else."""
    harness = open_harness(policy=MINE)
    harness.run()
    harness.runs(switches.run_now, user)
    harness.run("sweep")
    assert len(harness.logged("sweep.done")) == 2
    harness.change_policy(people={"collectors": ["ULEAD1"]}, account_manager=[])
    assert harness.runs(switches.run_now, "UMANAGER").answer is Answer.NOT_ALLOWED
