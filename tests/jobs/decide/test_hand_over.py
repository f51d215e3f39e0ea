"""Whose turn it is, and what was wrong with a message that went."""

from __future__ import annotations

from jobs.decide import assign, sent
from jobs.decide.access import Answer
from jobs.decide.assign import Assignment
from jobs.decide.sent import Mistake
from jobs.rules.states import RejectReason, State
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import CompanyHarness, books, customer, invoice


def test_a_case_is_assigned_to_somebody_who_may_decide(a_harness: CompanyHarness) -> None:
    """They are told directly, once; an assignment gives no right, and takes none away."""

    def to(person: str) -> Answer:
        answer: Answer = a_harness.go(
            assign.assign, "UCOLLECT", Assignment(person, "Please call them.")
        ).answer
        return answer

    refused = {"UMANAGER": Answer.CANNOT_ACT, "UGUEST": Answer.CANNOT_ACT}
    refused["UNEWCOMER"] = Answer.LOOKING_THEM_UP
    assert {person: to(person) for person in refused} == refused
    assert to("ULEAD2") is Answer.RECORDED
    assert (a_harness.view().assigned_to, a_harness.state()) == ("ULEAD2", State.WAITING)
    (told,) = a_harness.said("direct")
    assert told.startswith("Ucollect assigned case 1 to you: Customer B – Please call them.")
    assert ".." not in told
    assert a_harness.said("thread") == ["Ucollect assigned the case: to Ulead2: Please call them."]
    assert to("UCOLLECT") is Answer.RECORDED
    assert len(a_harness.said("direct")) == 1
    assert a_harness.approve("ULEAD1") is Answer.RECORDED


def test_a_message_that_was_wrong(open_harness: OpenHarness) -> None:
    """It counts in the review; what is disputed is held, and a wrong address is not used again."""
    two = books(
        customer("1"), customer("2"), invoice("71", "1", "840.00", 12), invoice("72", "2", "50", 12)
    )
    harness = open_harness(two)
    harness.sweep()
    for case in harness.cases():
        assert harness.approve(harness.click("UCOLLECT", case)) is Answer.RECORDED
    early = harness.go(
        sent.was_wrong, harness.click("UCOLLECT", harness.case("1")), Mistake(RejectReason.OTHER)
    )
    assert early.answer is Answer.DECIDED
    harness.wait_out()

    def said(customer: str, mistake: Mistake) -> Answer:
        click = harness.click("UCOLLECT", harness.case(customer))
        answer: Answer = harness.go(sent.was_wrong, click, mistake).answer
        return answer

    disputed = Mistake(RejectReason.DISPUTED, "They had told Marc.", ("71",))
    assert said("1", disputed) is Answer.RECORDED
    assert said("2", Mistake(RejectReason.WRONG_CONTACT)) is Answer.RECORDED
    assert {case.state for case in harness.cases()} == {State.DONE}
    assert [line["data"]["why"] for line in harness.logged("send.was_wrong")] == [
        *("disputed", "wrong_contact")
    ]
    harness.time.later(days=10)
    harness.sweep()
    assert harness.case("1").state is State.DONE
    assert "wrong_contact" in harness.rules(harness.case("2"))
