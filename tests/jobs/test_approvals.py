"""Which approvals stand: by whom, on which draft, and whose right has gone since."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from sqlalchemy import update

from jobs import approvals
from jobs.decide.access import Answer
from jobs.rules.case import Approvals, Decision
from jobs.rules.facts.facts import Facts
from jobs.rules.policy.policy import Policy
from jobs.rules.states import Stage, State
from jobs.store import cases, drafts, people
from jobs.store.cases import Case
from jobs.store.database.engine import Database
from jobs.store.database.tables import cases as cases_table
from jobs.store.drafts import Draft
from tests.jobs import harness as ledger
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import CompanyHarness, books, customer
from tests.jobs.rules.world import facts, invoice, policy
from tests.jobs.store import copies, record
from tests.jobs.store.record import NOW

database = copies.database

CAST = """
[people]
collectors = ["UCOLLECT"]
finance_leads = ["ULEAD1", "SLEADS"]
deputies = []
"""
SMALL, LARGE = facts(), facts(invoice(open_="12000.00"))


@pytest.fixture
def waiting(database: Database) -> Case:
    """A case that waits, and a cast that Slack knows: ULEAD2 leads by a user group."""
    record.company(database)
    with database.writing() as conn:
        for id in ("UCOLLECT", "ULEAD1", "ULEAD2", "UGUEST"):
            people.put_user(conn, id, id, "", NOW)
        people.put_group(conn, "SLEADS", ["ULEAD2"], NOW)
    return record.case(database, State.WAITING)


def decide(database: Database, on: Draft, *actors: str, kind: str = "approve") -> None:
    with database.writing() as conn:
        for actor in actors:
            drafts.record(conn, cases.get(conn, on.case), Decision(kind, actor, NOW), on, "p")


def standing(
    database: Database,
    on: Draft,
    of: Facts = SMALL,
    by: Policy | None = None,
    later: timedelta = timedelta(0),
) -> Approvals:
    with database.reading() as conn:
        case = cases.get(conn, on.case)
        ruling, now = by or policy(CAST), NOW + later
        known = approvals.grounds(conn, ruling, case, of, now)
        return approvals.standing(conn, ruling, case, on.id, known, now)


def test_nobody_has_approved_a_new_draft(database: Database, waiting: Case) -> None:
    """One approval is missing, and it may be given."""
    found = standing(database, record.draft(database, waiting))
    assert (found.needed, found.given, found.missing) == (1, (), 1)
    assert (found.opens_at, found.manager_fine) == (None, True)


@pytest.mark.parametrize("actor", ["UCOLLECT", "ULEAD1", "ULEAD2"])
def test_one_person_with_the_right_is_enough(database: Database, waiting: Case, actor: str) -> None:
    """Named in the policy, or by one of its user groups."""
    written = record.draft(database, waiting)
    decide(database, written, actor)
    found = standing(database, written)
    assert [d.actor for d in found.given] == [actor]
    assert found.missing == 0


@pytest.mark.parametrize("actor", ["UGUEST", "USTRANGER"])
def test_an_approval_without_the_right_does_not_count(
    database: Database, waiting: Case, actor: str
) -> None:
    """It stays on record; it opens nothing."""
    written = record.draft(database, waiting)
    decide(database, written, actor)
    assert standing(database, written).missing == 1


def test_a_right_that_has_gone_takes_its_approval_along(database: Database, waiting: Case) -> None:
    """Out of the policy, out of the group, or a deactivated account: asked again each time."""
    written = record.draft(database, waiting)
    decide(database, written, "ULEAD2", "UCOLLECT")
    assert len(standing(database, written).given) == 2
    nobody = policy('[people]\ncollectors = []\nfinance_leads = ["SLEADS"]\ndeputies = []\n')
    assert [d.actor for d in standing(database, written, by=nobody).given] == ["ULEAD2"]
    with database.writing() as conn:
        people.put_group(conn, "SLEADS", [], NOW)
        people.put_user(conn, "UCOLLECT", "Cora", "has left", NOW)
    assert standing(database, written).given == ()


def test_a_group_that_was_not_read_lately_gives_no_right(database: Database, waiting: Case) -> None:
    """Slack being away makes nobody a finance lead."""
    written = record.draft(database, waiting)
    decide(database, written, "ULEAD2")
    late = people.STALE + timedelta(seconds=1)
    assert standing(database, written, later=late).given == ()


def test_a_large_total_needs_two_and_a_lead(database: Database, waiting: Case) -> None:
    """A collector and a lead, in either order; a collector alone leaves a lead missing."""
    written = record.draft(database, waiting)
    decide(database, written, "UCOLLECT")
    first = standing(database, written, LARGE)
    assert (first.needed, first.missing, first.lead_given) == (2, 1, False)
    decide(database, written, "ULEAD1")
    second = standing(database, written, LARGE)
    assert (second.missing, second.lead_given) == (0, True)


def test_two_approvals_are_by_two_people(database: Database, waiting: Case) -> None:
    """A lead who clicks twice is one person."""
    written = record.draft(database, waiting)
    decide(database, written, "ULEAD1", "ULEAD1")
    assert standing(database, written, LARGE).missing == 1


def test_a_new_draft_starts_without_approvals(database: Database, waiting: Case) -> None:
    """Edit, undo, lapse: what was given was given for another text."""
    old = record.draft(database, waiting)
    decide(database, old, "ULEAD1")
    assert standing(database, record.draft(database, waiting)).given == ()
    assert standing(database, old).missing == 0


def test_other_decisions_are_no_approvals(database: Database, waiting: Case) -> None:
    """A rejection or an undo on the same draft counts for nothing here."""
    written = record.draft(database, waiting)
    for kind in ("reject", "undo", "edit"):
        decide(database, written, "ULEAD1", kind=kind)
    assert standing(database, written).given == ()


def test_a_firm_letter_waits_for_the_account_manager(database: Database, waiting: Case) -> None:
    """Approval opens with Fine, or when its hour has come; Fine holds for this draft only."""
    opens = NOW + timedelta(hours=4)
    with database.writing() as conn:
        mine = cases_table.c.id == waiting.id
        firm = {"stage": Stage.FIRM, "approval_opens_at": opens}
        conn.execute(update(cases_table).where(mine).values(**firm))
    written = record.draft(database, waiting)
    before = standing(database, written, facts(stage=Stage.FIRM))
    assert (before.manager_fine, before.opens_at) == (False, opens)
    decide(database, written, "UMANAGER", kind="fine")
    assert standing(database, written, facts(stage=Stage.FIRM)).manager_fine
    again = record.draft(database, waiting)
    assert not standing(database, again, facts(stage=Stage.FIRM)).manager_fine


def test_a_card_offers_approval_once_its_hour_has_come(a_harness: CompanyHarness) -> None:
    """Nothing happens at that hour, so the card is due again then by itself."""
    opens = a_harness.now + timedelta(hours=4)
    case = a_harness.case()
    with a_harness.database.writing() as conn:
        mine = cases_table.c.id == case.id
        later = {"stage": Stage.FIRM, "approval_opens_at": opens}
        conn.execute(update(cases_table).where(mine).values(**later))
    a_harness.run("first_look")
    assert offered(a_harness, seconds=2, times=12) == {"fine", "edit", "reject", "more"}
    assert offered(a_harness, seconds=4 * 3600, times=1) == {"approve", "edit", "reject", "more"}


def offered(harness: CompanyHarness, seconds: int, times: int) -> set[str]:
    """The buttons of the card after a while, in which one message a second is posted."""
    for _ in range(times):
        harness.time.later(seconds=seconds)
        harness.run("messages")
    rows = [
        block["elements"]
        for message in harness.outside.slack.snapshot()["messages"]
        for block in message["blocks"]
        if block["type"] == "actions" and message["channel"] == harness.company.channel
    ]
    return {one["action_id"] for one in rows[-1]}


@pytest.mark.parametrize(("kind", "keeps"), [("lapse", True), ("differs", False)])
def test_void_keeps_only_a_text_that_may_still_be_true(
    a_harness: CompanyHarness, kind: str, keeps: bool
) -> None:
    """What lapsed can be approved anew at once; what is not true any more cannot."""
    a_harness.approve()
    case = a_harness.case()
    with a_harness.database.writing() as conn:
        draft = drafts.draft(conn, str(case.draft))
        assert approvals.void(conn, case, draft, "Because.", kind, a_harness.now)
        assert not approvals.void(conn, case, draft, "Once more.", kind, a_harness.now)
    assert (a_harness.case().draft is not None) is keeps
    assert (a_harness.view().end_reason, a_harness.view().changed) == ("Because.", ())
    told = [text for text in a_harness.said("thread") if "nothing was sent" in text]
    assert told == ["<@UCOLLECT>: nothing was sent. Because."]


def test_both_approvers_are_told(open_harness: OpenHarness) -> None:
    """Where two have approved, one line names both."""
    harness = open_harness(
        books(customer("1"), ledger.invoice("71", "1", "12000.00", 12)), swept=True
    )
    harness.approve("UCOLLECT")
    harness.approve("ULEAD1")
    harness.pay("71", "1.00")
    harness.wait_out()
    told = [text for text in harness.said("thread") if "nothing was sent" in text]
    assert len(told) == 1
    assert "<@UCOLLECT>, <@ULEAD1>" in told[0]


def test_the_log_says_of_a_sent_mail_where_its_case_went(a_harness: CompanyHarness) -> None:
    """The hash of the recipient stands beside the states, not in their place."""
    a_harness.approve()
    a_harness.wait_out()
    (line,) = a_harness.logged("send.sent")
    assert (line["data"]["from"], line["data"]["to"]) == ("sending", "sent")
    address = b"billing@customer1.example"
    assert line["data"]["recipient"] == hashlib.sha256(address).hexdigest()


def test_an_allowance_ends_with_its_draft(open_harness: OpenHarness) -> None:
    """A stop that was set aside for one draft stops the next one again."""
    harness = open_harness(
        books(customer("1"), ledger.invoice("71", "1", "25000.00", 12)), swept=True
    )
    harness.draft_anyway("ULEAD1")
    harness.run("triage")
    harness.approve("UCOLLECT")
    harness.approve("ULEAD1")
    harness.pay("71", "0.01")
    harness.pay("71", "0.01")
    harness.books.edit("Invoice", "71", {"TotalAmt": "26000.00"})
    harness.wait_out()
    harness.run("triage")
    assert "above_stop_limit" in harness.rules()
    assert harness.case().draft is None


def test_a_second_send_is_told_nothing_new(a_harness: CompanyHarness) -> None:
    """Saying that a mail is out moves the case once and intends one note."""
    a_harness.approve()
    a_harness.wait_out()
    case = a_harness.case()
    with a_harness.database.writing() as conn:
        draft = drafts.draft(conn, str(case.draft))
        with pytest.raises(ValueError, match="cannot become"):
            approvals.sent(conn, case, draft, "ULEAD1", a_harness.now)
    assert a_harness.state() is State.DONE
    assert a_harness.approve() is Answer.DECIDED
