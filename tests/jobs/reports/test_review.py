"""The weekly review: three weeks of a company whose every figure is known beforehand."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from jobs.decide import access, approve
from jobs.decide.access import Click
from jobs.decide.edit import Text
from jobs.decide.hold import Holding
from jobs.decide.reject import Rejection
from jobs.reports.review import counting, review
from jobs.reports.review.review import CaseOutcome, OldestHold, Review
from jobs.rules.facts.past import HoldKind
from jobs.rules.letters.rewriting import rewriting
from jobs.rules.states import RejectReason
from jobs.store.customers import history
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import CompanyHarness, books, customer, invoice

BOOKS = books(
    *(customer(id) for id in "12345678"),
    customer("9", email=None),
    *(invoice(f"7{id}", id, f"{id}00.00", 12) for id in "123456789"),
)
MONDAY = date(2026, 11, 16)
PLEASE = "Please let us know if something is missing."


def rewrite(harness: CompanyHarness, of: str) -> None:
    """A collector says one thing otherwise, in the same words each time."""
    click = harness.click("UCOLLECT", harness.case(of))
    letter = harness.view(harness.case(of)).letter
    assert letter is not None
    greeting, first, rest = letter.body.split("\n\n", 2)
    harness.edit(click, Text(letter.subject, f"{greeting}\n\n{PLEASE}\n\n{rest}"))
    assert first not in (greeting, rest)


def made(harness: CompanyHarness, week: date = MONDAY) -> Review:
    """The review of this week, as of now."""
    with harness.database.reading() as conn:
        return counting.made(conn, harness.company, week, harness.now)


def live_through(harness: CompanyHarness) -> dict[str, str]:
    """A Wednesday, then twelve days; gives customer → case of that Wednesday."""
    cases = {id: harness.case(id).id for id in "123456789"}

    def click(who: str, of: str) -> Click:
        return harness.click(who, harness.case(of))

    harness.time.later(hours=2)
    harness.approve(click("UCOLLECT", "1"))
    for of in "23":
        rewrite(harness, of)
        harness.approve(click("UCOLLECT", of))
    harness.reject(click("UCOLLECT", "4"), Rejection(RejectReason.ALREADY_PAID))
    harness.time.later(hours=2)
    harness.reject(click("ULEAD1", "5"), Rejection(RejectReason.NOT_NEEDED))
    until = harness.today + timedelta(10)
    harness.hold(click("UCOLLECT", "6"), Holding(HoldKind.QUIET, until, "on holiday"))
    harness.approve(click("UCOLLECT", "7"))
    harness.pay("77", "700.00")
    harness.approve(click("UCOLLECT", "8"))
    harness.undo(click("UCOLLECT", "8"))
    stranger = click("USTRANGER", "8")
    said = harness.go(approve.approve, stranger)
    with harness.database.writing() as conn:
        access.refused(conn, stranger, said, "approve", harness.now)  # as the listener does
    harness.wait_out()
    harness.run("outlook", "habits")
    harness.time.later(days=5)
    harness.notify(harness.pay("72", "200.00"))
    harness.reject(click("UCOLLECT", "8"), Rejection(RejectReason.OTHER))
    return cases


def test_each_figure_names_its_cases(open_harness: OpenHarness) -> None:
    """What became of nine customers' cases in a week, as a finance lead would count it."""
    harness = open_harness(BOOKS, swept=True)
    of = live_through(harness)
    found = made(harness)
    routine = found.outcomes["routine_reminder"]
    assert routine == {
        CaseOutcome.SENT: (of["1"],),
        CaseOutcome.EDITED: (of["2"], of["3"]),
        CaseOutcome.REJECTED: (of["5"],),
        CaseOutcome.HELD: (of["6"],),
        CaseOutcome.CAUGHT: (of["7"],),
    }
    assert (found.cases, found.messages) == (6, 3)
    counted = {name: one.cases for name, one in found.figures.items() if one.size}
    assert counted == {
        "already_paid": (of["4"],),
        "not_needed": (of["5"],),
        "rejected": (of["5"],),
        "rejected_not_needed": (of["5"],),
        "held": (of["6"],),
        "caught": (of["7"],),
        "undone": (of["8"],),
        "refused": (of["8"],),
        "stopped": (of["9"],),
        "stopped_no_recipient": (of["9"],),
        "on_hold": (of["4"], of["6"]),
        "on_hold_quiet": (of["4"], of["6"]),
    }
    assert found.figure("on_hold").amounts == {"USD": Decimal(1000)}
    assert found.figure("rejected_not_needed").amounts == {"USD": Decimal(500)}
    assert found.oldest_hold == OldestHold(MONDAY + timedelta(2), of["4"])
    assert found.figure("caught").amounts == {"USD": Decimal(700)}
    assert found.figure("stopped").amounts == {"USD": Decimal(900)}
    assert found.decided_in.median == 3
    assert found.decided_in.slowest_tenth == 4

    (kind,) = found.rewritten
    assert (kind.stage, kind.class_, kind.language) == (2, "routine_reminder", "en")
    assert (kind.sent, kind.cases) == (3, (of["2"], of["3"]))
    assert 0 < kind.share < 0.5
    added = [one for one in found.sentences if not one.removed]
    assert [(one.text, one.cases) for one in added] == [(PLEASE, (of["2"], of["3"]))]
    assert all(one.cases == (of["2"], of["3"]) for one in found.sentences)
    assert [(v.unchanged, v.edited, v.rejected) for v in found.versions] == [(1, 2, 1)]

    later = made(harness, MONDAY + timedelta(7))
    assert later.days_to_pay == pytest.approx(5, abs=0.1)
    assert later.outcomes["routine_reminder"] == {CaseOutcome.REJECTED: (of["8"],)}
    assert later.outlook.invoices == 1
    assert later.outlook.came == {"USD": Decimal(200)}


def test_a_later_dispute_makes_a_routine_reminder_a_missed_escalation(
    open_harness: OpenHarness,
) -> None:
    """Within thirty days and about an invoice of the message; it counts in the week it came up."""
    harness = open_harness(BOOKS, swept=True)
    of = live_through(harness)
    click = harness.click("UCOLLECT", harness.case("1"))
    assert click.case == of["1"]
    harness.time.later(days=1)
    with harness.database.writing() as conn:
        until = harness.today + timedelta(14)
        on = conn, harness.realm
        history.hold(*on, "1", ("71",), HoldKind.DISPUTE, until, "ULEAD1", "", harness.now)
        history.hold(*on, "3", ("999",), HoldKind.DISPUTE, until, "ULEAD1", "", harness.now)
    assert made(harness).figure("missed_dispute").cases == ()
    assert made(harness, MONDAY + timedelta(7)).figure("missed_dispute").cases == (of["1"],)


def test_an_empty_week_is_a_review_without_figures(open_harness: OpenHarness) -> None:
    """Nothing happened before the company was connected; such a review is kept like any other."""
    harness = open_harness(BOOKS)
    week = MONDAY - timedelta(70)
    found = made(harness, week)
    assert (found.cases, found.messages, found.days_to_pay) == (0, 0, None)
    assert not [one for one in found.figures.values() if one.size]
    with harness.database.writing() as conn:
        review.keep(conn, found, harness.now)
        review.keep(conn, found, harness.now)
        assert review.shown(conn, harness.realm, str(week)) == (found,)
        assert review.latest(conn, harness.realm) == (found,)
        assert review.shown(conn, harness.realm, str(MONDAY)) == ()


def test_the_share_of_a_rewriting_is_that_of_its_words() -> None:
    """Sentences are compared whole; a row of the table of invoices is no sentence."""
    before = "Dear Ada,\n\nI hope you are well. Please pay $40.00 soon.\n\n1037  $40.00  Nov 3"
    after = "Dear Ada,\n\nPlease pay $40.00 soon.\n\n1037  $50.00  Nov 3"
    found = rewriting(before, after)
    assert found.removed == ("I hope you are well.",)
    assert found.added == ()
    assert 0.2 < found.share < 0.4
    assert rewriting(before, before).share == 0
    assert rewriting("", "").share == 0


def test_what_was_taken_back_or_decided_long_ago_counts_as_it_was(
    open_harness: OpenHarness,
) -> None:
    """A rejection that was undone is none; a case edited last week was first decided then; and
    only what a person saw and changed is a rewriting, not our own new draft after a part payment.
    """
    harness = open_harness(BOOKS, swept=True)
    harness.time.later(hours=1)
    four = harness.click("ULEAD1", harness.case("4"))
    harness.reject(four, Rejection(RejectReason.NOT_NEEDED))
    harness.undo(four)
    harness.notify(harness.pay("73", "100.00"))
    rewrite(harness, "3")
    harness.time.later(days=5)
    harness.approve(harness.click("UCOLLECT", harness.case("3")))
    harness.wait_out()
    assert made(harness).figure("not_needed").cases == ()
    later = made(harness, MONDAY + timedelta(7))
    assert later.outcomes["routine_reminder"] == {CaseOutcome.EDITED: (harness.case("3").id,)}
    assert later.decided_in.median == pytest.approx(1)
    assert {one.share < 0.3 for one in later.rewritten} == {True}
    assert "$300.00" not in str(later.sentences)
