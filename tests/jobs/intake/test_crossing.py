"""Crossings: which invoices open a case, at which stage, and how often."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from jobs.decide.reject import Rejection
from jobs.rules.states import RejectReason, Stage, State
from jobs.store.database.tables import crossings
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import WEDNESDAY, CompanyHarness, books, customer, invoice

EUR: dict[str, Any] = {"CurrencyRef": {"value": "EUR", "name": "Euro"}}
QUICK = {"pace": {"undo_seconds": 0}}


def stages(harness: CompanyHarness) -> list[int]:
    """The stages of all letters that went out, in their order."""
    rows = harness.rows(select(crossings.c.stage).order_by(crossings.c.id))
    return [row.stage for row in rows]


def send_it(harness: CompanyHarness) -> None:
    """Approve what waits, by as many people as it takes, and let it go out."""
    harness.fine("ULEAD1")
    for user in ("ULEAD1", "UCOLLECT"):
        harness.approve(user)
    harness.wait_out()
    assert harness.state() is State.DONE


STARTS = {2: None, 3: 1, 9: 1, 10: 2, 20: 2, 21: 2, 44: 2, 400: 2}
"""Days past due → the stage of the first message."""


def test_nobody_starts_above_the_second_stage(open_harness: OpenHarness) -> None:
    """The first message is a reminder or a follow-up, however old the invoice is."""
    people = [customer(str(days + 1000)) for days in STARTS]
    bills = [invoice(f"7{days}", str(days + 1000), "840.00", days) for days in STARTS]
    harness = open_harness(books(*people, *bills), swept=True)
    first = {int(case.customer) - 1000: int(case.stage) for case in harness.cases()}
    assert first == {days: stage for days, stage in STARTS.items() if stage}


def test_an_invoice_climbs_one_stage_at_a_time(open_harness: OpenHarness) -> None:
    """From day 3 to day 60 an invoice that nobody pays is written about four times, never more."""
    harness = open_harness(books(customer("1"), invoice("71", "1", "840.00", 2)), QUICK)
    written = []
    for days in (0, 1, 4, 7, 4, 1, 10, 1, 24, 10):  # from day 2 to day 64
        harness.time.later(days=days)
        harness.sweep()
        if harness.cases() and harness.state() is State.WAITING:
            written.append((harness.view().facts.days_overdue, int(harness.case().stage)))
            send_it(harness)
    assert written == [(3, 1), (14, 2), (29, 3), (54, 4)]
    assert len(harness.mails) == 4


def test_an_old_invoice_waits_between_its_stages(open_harness: OpenHarness) -> None:
    """An invoice past every stage still climbs one at a time, with the gap between messages."""
    harness = open_harness(books(customer("1"), invoice("71", "1", "840.00", 100)), QUICK)
    days = []
    for day in (0, 1, 2, 5, 6, 7, 8, 12, 13, 20):
        harness.time.now = WEDNESDAY + timedelta(days=day)
        harness.sweep()
        if harness.state() is State.WAITING:
            send_it(harness)
            days.append(day)
    assert days == [0, 6, 12]
    assert stages(harness) == [2, 3, 4]


def test_a_card_that_nobody_decides_does_not_climb(open_harness: OpenHarness) -> None:
    """A follow-up that waits for days stays one: nobody was written to in between."""
    harness = open_harness(books(customer("1"), invoice("71", "1", "840.00", 100)))
    for _ in range(3):
        harness.sweep()
        harness.time.later(days=1)
    assert harness.case().stage is Stage.FOLLOW_UP
    assert stages(harness) == [2]


def test_a_reminder_that_waits_may_become_a_follow_up(open_harness: OpenHarness) -> None:
    """Up to the second stage a message speaks of no earlier one."""
    harness = open_harness(books(customer("1"), invoice("71", "1", "840.00", 8)), swept=True)
    harness.time.later(days=2)
    harness.sweep()
    assert [(c.stage, c.state) for c in harness.cases()] == [(Stage.FOLLOW_UP, State.WAITING)]


def test_a_stage_after_a_rejection_speaks_of_no_message(open_harness: OpenHarness) -> None:
    """What was rejected was never said: the next card starts no higher than a follow-up."""
    harness = open_harness(books(customer("1"), invoice("71", "1", "840.00", 100)), swept=True)
    harness.reject("UCOLLECT", Rejection(RejectReason.NOT_NEEDED))
    harness.time.later(days=1)
    harness.sweep()
    assert harness.state() is State.WAITING
    assert harness.case().stage is Stage.FOLLOW_UP


def test_a_stage_is_crossed_once_a_round(open_harness: OpenHarness) -> None:
    """Sweeping again and again opens no second case for the same stage."""
    harness = open_harness(policy=QUICK)
    for _ in range(3):
        harness.sweep()
    send_it(harness)
    for _ in range(3):
        harness.time.later(hours=1)
        harness.sweep()
    assert len(harness.cases()) == 1
    assert stages(harness) == [2]


def test_a_later_due_date_opens_a_new_round(open_harness: OpenHarness) -> None:
    """Once its due date moved later and passed, the invoice may be reminded of again."""
    harness = open_harness(policy=QUICK, swept=True)
    send_it(harness)
    harness.notify(harness.change("Invoice", "71", DueDate="today+5"))
    harness.time.later(days=9)
    harness.sweep()
    assert stages(harness) == [2, 1]


def test_a_payment_taken_back_opens_a_new_round(open_harness: OpenHarness) -> None:
    """An invoice that was settled and is open again is asked for again."""
    harness = open_harness(policy=QUICK, swept=True)
    send_it(harness)
    payment = harness.pay("71", "840.00")
    harness.notify(payment)
    harness.time.later(days=7)
    harness.books.delete("Payment", payment.ident)
    harness.sweep()
    assert stages(harness) == [2, 2]
    assert harness.state() is State.WAITING


def test_a_new_crossing_joins_the_case_that_waits(open_harness: OpenHarness) -> None:
    """Eleven invoices of one customer are one case and one message."""
    more = [invoice(str(80 + n), "1", "100.00", 4 + n) for n in range(11)]
    harness = open_harness(books(customer("1"), *more), swept=True)
    assert len(harness.cases()) == 1
    letter = harness.view().letter
    assert letter is not None
    assert len(letter.invoices) == 11


def test_an_invoice_that_falls_due_joins_the_card(open_harness: OpenHarness) -> None:
    """A second invoice that crosses meanwhile is drafted into the card that waits."""
    harness = open_harness(
        books(customer("1"), invoice("71", "1", "840.00", 12), invoice("72", "1", "60.00", -1)),
        swept=True,
    )
    harness.time.later(days=4)
    harness.sweep()
    assert len(harness.cases()) == 1
    letter = harness.view().letter
    assert letter is not None
    assert [i.id for i in letter.invoices] == ["71", "72"]
    assert any("overdue too" in line for line in harness.view().changed)


def test_an_approved_case_makes_a_new_crossing_wait(open_harness: OpenHarness) -> None:
    """What somebody approved is not changed; the new crossing comes with a case of its own."""
    harness = open_harness(
        books(customer("1"), invoice("71", "1", "840.00", 12), invoice("72", "1", "60.00", 2)),
        swept=True,
    )
    harness.approve()
    harness.time.later(hours=23)
    harness.sweep()
    assert harness.state() is State.APPROVED
    assert stages(harness) == [2]
    harness.run("send", "write_back")
    harness.sweep()
    assert stages(harness) == [2, 1]


def test_an_invoice_without_a_due_date_crosses_by_its_term(open_harness: OpenHarness) -> None:
    """Forty-two days after its date on a term of thirty; without a term nothing is made up."""
    silent = {"DueDate": None, "SalesTermRef": {"value": "3"}}
    harness = open_harness(
        books(
            *(customer("1"), customer("2")),
            invoice("71", "1", "840.00", 12, **silent),
            invoice("72", "2", "840.00", 12, DueDate=None),
        ),
        swept=True,
    )
    assert [(case.customer, case.stage) for case in harness.cases()] == [("1", 2)]


def test_a_tiny_rest_is_left_alone(open_harness: OpenHarness) -> None:
    """Below the smallest balance nothing is asked; several small ones together are."""
    harness = open_harness(
        books(
            customer("1"),
            customer("2"),
            invoice("71", "1", "24.99", 12),
            invoice("72", "2", "12.50", 12),
            invoice("73", "2", "12.50", 12),
        ),
        swept=True,
    )
    assert [case.customer for case in harness.cases()] == ["2"]


def test_sub_customers_are_billed_to_their_parent(open_harness: OpenHarness) -> None:
    """Invoices of jobs billed with the parent are one case of the parent; others their own."""
    harness = open_harness(
        books(
            customer("1"),
            customer("2", ParentRef={"value": "1"}, Job=True, BillWithParent=True),
            customer("3", ParentRef={"value": "1"}, Job=True, BillWithParent=False),
            invoice("71", "1", "100.00", 5),
            invoice("72", "2", "200.00", 5),
            invoice("73", "3", "300.00", 5),
        ),
        swept=True,
    )
    assert sorted(case.customer for case in harness.cases()) == ["1", "3"]
    letter = harness.view(harness.case("1")).letter
    assert letter is not None
    assert [i.id for i in letter.invoices] == ["71", "72"]


def test_currencies_are_never_mixed(open_harness: OpenHarness) -> None:
    """A customer in euro has a case in euro, whose total holds nothing else."""
    harness = open_harness(
        books(
            customer("1"),
            customer("2", **EUR),
            invoice("71", "1", "100.00", 5),
            invoice("72", "2", "200.00", 5, ExchangeRate="1.186731"),
        ),
        swept=True,
    )
    assert sorted(case.currency for case in harness.cases()) == ["EUR", "USD"]
    euro = harness.view(harness.case("2", "EUR"))
    assert str(euro.facts.total_overdue.currency) == "EUR"
    assert euro.approvals is not None
    assert euro.approvals.needed == 2  # the policy has no line for euro


def test_a_voided_and_restored_invoice_is_a_new_round(open_harness: OpenHarness) -> None:
    """What was voided before contact is forgotten; restored, it is asked for."""
    harness = open_harness(swept=True)
    harness.notify(harness.void("71"))
    assert harness.state() is State.CANCELLED
    harness.notify(
        harness.change("Invoice", "71", TotalAmt="840.00", Balance="840.00", PrivateNote=None)
    )
    assert harness.state() is State.WAITING
    assert harness.case().stage is Stage.FOLLOW_UP


def test_the_most_valuable_case_ranks_first(open_harness: OpenHarness) -> None:
    """Open amounts are compared in home currency, for ordering only."""
    harness = open_harness(
        books(
            customer("1"),
            customer("2", **EUR),
            invoice("71", "1", "210.00", 5),
            invoice("72", "2", "200.00", 5, ExchangeRate="1.2"),
        ),
        swept=True,
    )
    ranked = sorted(harness.cases(), key=lambda case: -case.row.rank)
    assert [case.currency for case in ranked] == ["EUR", "USD"]
