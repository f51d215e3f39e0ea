"""What finance leads say about a customer in Slack: it counts at once, and everywhere."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from bot.surfaces.risk import summary
from jobs.decide import customers
from jobs.decide.access import Answer
from jobs.decide.customers import AboutCustomer
from jobs.decide.hold import Holding
from jobs.decide.reject import Rejection
from jobs.reports.customer import RiskSummary, risk
from jobs.rules.facts.past import HoldKind
from jobs.rules.policy.rights import SLACK, Manager
from jobs.rules.states import RejectReason, State
from jobs.store.customers import marks
from jobs.store.database.tables import crossings
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import CompanyHarness, books, customer, invoice
from tests.jobs.sources.help_desk import HelpDesk

KEY = {"customer": [{"id": "1", "key_account": True}]}


def say(
    harness: CompanyHarness,
    kinds: Iterable[str] = (),
    manager: str = "",
    user: str = "ULEAD1",
    seen: str = "",
    known_as: Iterable[tuple[str, str]] = (),
) -> Answer:
    """What somebody is told who says this about customer 1, having seen what stands."""
    with harness.database.reading() as conn:
        stands = marks.said_about(conn, harness.realm, "1").fingerprint
    review = harness.today + timedelta(days=90)
    said = AboutCustomer(
        frozenset(kinds), manager, review, "agreed by phone", seen or stands, frozenset(known_as)
    )
    answer: Answer = harness.runs(
        lambda conn, policy, company, who, now: customers.change(
            conn, policy, company.realm, "1", said, who, now
        ),
        user,
    ).answer
    harness.run("triage")
    return answer


def test_a_mark_counts_from_the_next_draft_on(a_harness: CompanyHarness) -> None:
    """A key account needs two people and names who said so; the draft without it is no more."""
    old = a_harness.click("UCOLLECT")
    assert say(a_harness, user="UCOLLECT", kinds=["key_account"]) is Answer.NOT_ALLOWED
    assert say(a_harness, kinds=["key_account"], seen="0" * 64) is Answer.STALE
    assert say(a_harness, kinds=["key_account"]) is Answer.RECORDED
    assert a_harness.approve(old) is Answer.STALE
    (told,) = [r.reason for r in a_harness.rulings() if r.rule == "key_account"]
    assert "Ulead1 in Slack (“agreed by phone”)" in told
    assert a_harness.fine("ULEAD2") is Answer.RECORDED
    assert a_harness.approve() is Answer.SECOND_NEEDED
    (line,) = [said for said in a_harness.said("thread") if "marked this customer" in said]
    assert line == "Ulead1 marked this customer as key account: agreed by phone."
    assert say(a_harness) is Answer.RECORDED
    assert "key_account" not in a_harness.rules()
    logged = a_harness.logged("customer.changed")
    assert [one["data"]["new"] or one["data"]["lifted"] for one in logged] == [["key_account"]] * 2
    assert "agreed" not in str(logged)


def test_do_not_chase_stops_what_is_approved(a_harness: CompanyHarness) -> None:
    """The last check asks again: nothing goes to a customer who is marked meanwhile."""
    assert a_harness.approve() is Answer.RECORDED
    assert say(a_harness, ["do_not_chase"]) is Answer.RECORDED
    a_harness.wait_out()
    a_harness.run("triage")
    assert (a_harness.mails, a_harness.state()) == ([], State.WAITING)
    assert "do_not_chase" in a_harness.rules()
    with a_harness.database.reading() as conn:
        then = a_harness.today + timedelta(days=90)
        assert not marks.to_review(conn, a_harness.realm, then - timedelta(days=1))
        assert [row.kind for row in marks.to_review(conn, a_harness.realm, then)] == [
            "do_not_chase"
        ]


def test_a_mark_of_the_policy_file_is_lifted_only_there(open_harness: OpenHarness) -> None:
    """What is said in Slack adds to it and never takes it away."""
    harness = open_harness(policy=KEY, swept=True)
    assert say(harness, ["consumer"]) is Answer.RECORDED
    assert {"consumer", "key_account"} <= harness.rules()
    assert say(harness) is Answer.RECORDED
    assert harness.rules() >= {"key_account"}
    assert "consumer" not in harness.rules()


def test_an_account_manager_named_in_slack(a_harness: CompanyHarness) -> None:
    """Only a full member whom Slack knows; from then on they work on the customer's cases."""
    holding = Holding(HoldKind.QUIET, a_harness.today + timedelta(days=14))
    assert a_harness.hold("UMANAGER", holding) is Answer.NOT_ALLOWED
    assert say(a_harness, manager="UNEWCOMER") is Answer.LOOKING_THEM_UP
    assert say(a_harness, manager="UGUEST") is Answer.CANNOT_ACT
    assert say(a_harness, manager="UMANAGER") is Answer.RECORDED
    assert a_harness.view().manager == Manager("UMANAGER", SLACK)
    assert a_harness.hold("UMANAGER", holding) is Answer.RECORDED


def test_who_it_is_elsewhere_is_said_once(a_harness: CompanyHarness) -> None:
    """Each source is told from then on, also after a merge; thread and log name it."""
    desk = HelpDesk()
    a_harness.add_source(desk)
    assert say(a_harness, known_as=[("help desk", "407")]) is Answer.RECORDED
    (asked,) = desk.readings[-1]
    assert [asked.named_in(source) for source in ("help desk", "CRM")] == [{"407"}, set()]
    told = "Ulead1 said that in the help desk it is number 407: agreed by phone."
    assert told in a_harness.said("thread")
    assert a_harness.logged("customer.changed")[-1]["data"]["known_as"] == {"help desk": ["407"]}
    with a_harness.database.writing() as conn:
        marks.inherit(conn, a_harness.realm, "1", "2")
        assert marks.known_as(conn, a_harness.realm, "2") == {("help desk", "407")}
    a_harness.time.later(minutes=1)
    assert say(a_harness) is Answer.RECORDED
    assert desk.readings[-1][0].known_as == frozenset()
    assert "it is whom its addresses name" in a_harness.said("thread")[-1]


def test_a_case_is_open_in_each_currency(open_harness: OpenHarness) -> None:
    """All are named; where one is missing it can be opened, and the others stay as they are."""
    euro: dict[str, Any] = {"CurrencyRef": {"value": "EUR", "name": "Euro"}}
    branch = {"ParentRef": {"value": "1"}, "BillWithParent": True, "Job": True, **euro}
    harness = open_harness(
        books(
            customer("1"),
            customer("2", **branch),
            invoice("71", "1", "840.00", 12),
            invoice("72", "2", "300.00", 12, ExchangeRate="1.2", **euro),
        ),
        swept=True,
    )
    dollars, euros = harness.case("1"), harness.case("1", "EUR")
    text = summary(stands(harness), {}, leads=False).text
    assert f"Case {euros.id} (EUR) is waiting" in text
    assert f"Case {dollars.id} (USD) is waiting" in text
    assert "Open a case now" not in str(summary(stands(harness), {}, leads=False).blocks)
    not_needed = Rejection(RejectReason.NOT_NEEDED)
    assert harness.reject(harness.click("UCOLLECT", euros), not_needed) is Answer.RECORDED
    assert "Open a case now" in str(summary(stands(harness), {}, leads=False).blocks)
    said = harness.runs(open_now, "UCOLLECT")
    assert (said.answer, said.case.currency) == (Answer.RECORDED, "EUR")
    assert harness.runs(open_now, "UCOLLECT").answer is Answer.DECIDED
    harness.sweep()
    assert [one.case.id for one in stands(harness).open_cases] == [said.case.id, dollars.id]
    theirs = crossings.c.case_id == dollars.id
    assert len(harness.rows(select(crossings).where(theirs))) == 1


def open_now(conn: Any, policy: Any, company: Any, user: str, now: Any) -> Any:
    return customers.open_now(conn, policy, company.realm, "1", user, now)


def stands(harness: CompanyHarness) -> RiskSummary:
    with harness.database.reading() as conn:
        return risk(conn, harness.policy, harness.realm, "1", "", harness.now)
