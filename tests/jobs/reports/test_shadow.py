"""The score of shadow mode: what would have been sent, held against what came to light."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.cli.review import _scored
from jobs.decide.access import Answer
from jobs.reports import shadow
from jobs.reports.shadow import ShadowScore
from jobs.rules.facts.findings import Context, Findings, Fresh
from jobs.rules.facts.past import HoldKind
from jobs.store import assessments
from jobs.store.assessments import Judgement
from jobs.store.customers import history
from tests.jobs import fixtures
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import CompanyHarness, books, customer, invoice

shared, open_harness = fixtures.shared, fixtures.open_harness
FIVE = books(
    *(customer(str(n)) for n in range(1, 6)),
    *(invoice(f"7{n}", str(n), "840.00", 12) for n in range(1, 6)),
)


def scored(harness: CompanyHarness) -> ShadowScore:
    """The score now, of a company that works on business days."""
    policy = harness.policy.model_copy(update={"business_days_only": True})
    with harness.database.reading() as conn:
        return shadow.score(conn, policy, harness.company, harness.now)


def test_what_would_have_been_sent_is_held_against_what_came_to_light(
    open_harness: OpenHarness,
) -> None:
    """A payment that was entered a day later had been made; one of a week later followed. A
    dispute counts, another customer's does not. A colleague's mail two days later agrees."""
    harness = open_harness(FIVE, live=False, swept=True)
    assert scored(harness).approved == ()
    case = {n: harness.case(str(n)) for n in range(1, 6)}
    for n in (1, 2, 3):
        assert harness.approve(harness.click("ULEAD1", case[n])) is Answer.RECORDED
    harness.time.later(seconds=61)
    harness.run("send")
    harness.time.later(days=1)
    harness.notify(harness.pay("71", "840.00"))
    with harness.database.writing() as conn:
        until = harness.today + timedelta(30)
        for who, about in (("2", ("72",)), ("9", ())):
            history.hold(
                conn, harness.realm, who, about, HoldKind.DISPUTE, until, "ULEAD1", "", harness.now
            )
    harness.time.later(days=7)
    harness.notify(harness.pay("73", "840.00"))
    harness.time.later(seconds=1)
    wrote = Findings(Fresh(harness.now), we_wrote_at=harness.now - timedelta(days=6))
    context = Context(harness.view(case[4]).facts, {"mailbox": wrote})
    with harness.database.writing() as conn:
        judged = Judgement(case[4].stage, (), context=context)
        assessments.put(conn, case[4].id, judged, harness.now)
    made = scored(harness)
    assert made.approved == tuple(case[n].id for n in (1, 2, 3))
    assert made.waiting == tuple(case[n].id for n in (4, 5))
    assert (made.paid, made.disputed) == ((case[1].id,), (case[2].id,))
    assert made.agreed == (case[4].id,)
    assert made.days == 7, "Wednesday to the Thursday of the week after"
    assert made.lacking == (
        "7 of 10 business days",
        "5 of 30 cases",
        "2 would have gone to somebody who had paid or disputes",
    )
    assert harness.mails == []


def test_it_is_ready_after_enough_days_and_cases_without_a_mistake() -> None:
    """One mistake is too many."""
    thirty = tuple(map(str, range(30)))
    good = ShadowScore(10, thirty, thirty, (), (), (), ())
    assert good.lacking == ()
    assert [*_scored(good)][-1] == "  Ready to go live."
    for short in (
        replace(good, days=9),
        replace(good, cases=thirty[1:]),
        replace(good, paid=("1",)),
        replace(good, disputed=("1",)),
    ):
        assert len(short.lacking) == 1
        assert "Not ready yet" in [*_scored(short)][-1]
