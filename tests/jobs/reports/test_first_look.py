"""The first look: one notice after the first sweep says what the policy makes of the ledger."""

from __future__ import annotations

from typing import Any

from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import CompanyHarness, books, customer, invoice

LEDGER = books(
    customer("1"),
    customer("2", None),
    customer("3"),
    customer("4", ParentRef={"value": "3"}, BillWithParent=True, Job=True),
    invoice("71", "1", "12000.00", 12),
    invoice("72", "2", "840.00", 12),
    invoice("73", "3", "30000.00", 12),
    invoice("74", "4", "30000.00", 12),
    invoice("75", "3", "10.00", 12),
    invoice("76", "1", "500.00", -20),
)


def first_look(harness: CompanyHarness) -> list[str]:
    """The notices that say it."""
    return [text for text in harness.said("notice") if "First look" in text]


def shadowed(open_harness: OpenHarness, **policy: Any) -> CompanyHarness:
    """A company in shadow mode after its first sweep."""
    harness = open_harness(LEDGER, policy, live=False, swept=True)
    harness.run("first_look")
    return harness


def test_it_says_what_the_limits_do(open_harness: OpenHarness) -> None:
    """Invoices, amounts, and how many customers each limit concerns; families count as one."""
    (said,) = first_look(shadowed(open_harness))
    for line in (
        "*USD*: 6 open invoices, $73,350.00; overdue: 5, $72,850.00",
        "Customers with something overdue: 3",
        "Needs a second approver (from $10,000.00): 2",
        "Too large to draft (from $25,000.00, or $50,000.00 in total): 1",
        "Invoices too small to chase (below $25.00): 1",
    ):
        assert line in said
    assert "Limits that fit this ledger better" not in said


def test_it_names_the_sources_of_marks_and_the_rules(open_harness: OpenHarness) -> None:
    """Which marks have a source, how many cases there are, and what rules hold them."""
    (said,) = first_look(shadowed(open_harness, marks={"custom_field": "Overdue <b>"}))
    assert said.count("the custom field “Overdue &lt;b&gt;”") == 4
    assert "without a source" not in said
    assert "*3 cases* (in shadow mode, so nothing is sent); with a card now: 3" in said
    assert "no e-mail address in QuickBooks (1)" in said


def test_each_mark_is_told_with_its_source(open_harness: OpenHarness) -> None:
    """And those without one, so that nobody relies on them."""
    harness = open_harness(LEDGER, live=False)
    harness.add_to_policy('[marks.customer_types]\nKey = "key_account"\nVIP = "key_account"\n')
    harness.sweep()
    harness.run("first_look")
    (said,) = first_look(harness)
    assert "key account: the customer type “Key”; the customer type “VIP”" in said
    assert "not set anywhere: do not chase, private person, disputed" in said


def test_it_is_said_once(open_harness: OpenHarness) -> None:
    """Neither the next sweep nor connecting again says it a second time."""
    harness = shadowed(open_harness)
    harness.time.later(days=1)
    harness.sweep()
    harness.connect()
    harness.run("sweep", "first_look")
    assert len(first_look(harness)) == 1


def test_it_waits_for_the_first_cases(open_harness: OpenHarness) -> None:
    """Not before the sweep, and not while its cases are being prepared."""
    harness = open_harness(LEDGER, live=False)
    harness.run("first_look")
    assert not first_look(harness)
    harness.run("sweep", "first_look")
    assert not first_look(harness)
    harness.run("triage")
    harness.time.later(seconds=5)
    harness.run("first_look")
    assert len(first_look(harness)) == 1


def test_a_triage_that_hangs_does_not_hold_it_up_for_ever(open_harness: OpenHarness) -> None:
    """After ten minutes it says what there is."""
    harness = open_harness(LEDGER, live=False)
    harness.run("sweep")
    harness.time.later(minutes=11)
    harness.run("first_look")
    assert len(first_look(harness)) == 1


def test_an_empty_ledger_is_said(open_harness: OpenHarness) -> None:
    """Also nothing is something to know."""
    harness = open_harness(books(customer("1")), live=False, swept=True)
    harness.run("first_look")
    (said,) = first_look(harness)
    assert "Nothing is open in QuickBooks." in said


def test_a_ledger_far_from_the_limits_gets_better_ones(open_harness: OpenHarness) -> None:
    """Thirty customers who owe a few hundred each: the lines for the policy file are named."""
    people = [customer(str(n)) for n in range(1, 31)]
    owed = [invoice(str(n + 100), str(n), f"{n * 10}.00", 12) for n in range(1, 31)]
    harness = open_harness(books(*people, *owed), live=False, swept=True)
    harness.time.later(minutes=11)
    harness.run("first_look")
    (said,) = first_look(harness)
    assert "`second_approver = 300`" in said
    assert "With them: 0 → " in said
    assert "`[limits.home]`" in said


def test_a_proposal_says_what_it_would_no_longer_stop(open_harness: OpenHarness) -> None:
    """Limits far too small for the ledger: how many there are now, and that none would be left."""
    people = [customer(str(n)) for n in range(1, 31)]
    owed = [invoice(str(n + 100), str(n), "1100.00", 12) for n in range(1, 31)]
    harness = open_harness(books(*people, *owed), live=False)
    harness.add_to_policy(LOW)
    harness.sweep()
    harness.time.later(minutes=11)
    harness.run("first_look")
    (said,) = first_look(harness)
    assert "With them: 30 → 0 need a second approver; 30 → 0 too large to draft" in said
    assert "so nothing would be stopped for its amount" in said


LOW = """
[limits.home]
second_approver = 100
stop_invoice = 100
stop_total = 100
"""


def test_a_currency_without_limits_says_whom_it_concerns(open_harness: OpenHarness) -> None:
    """They count among the second approvers below, and here is why."""
    ledger = LEDGER | {"invoices": [*LEDGER["invoices"], EUROS]}
    harness = open_harness(ledger, live=False, swept=True)
    harness.run("first_look")
    (said,) = first_look(harness)
    assert "Needs a second approver (the policy has no limits for EUR): 1" in said


EUROS = invoice("77", "2", "100.00", 12) | {"CurrencyRef": {"value": "EUR"}}


def test_only_the_customers_of_this_ledger_count(open_harness: OpenHarness) -> None:
    """Ids of another company are said to be strange, and are no source of a mark here."""
    harness = open_harness(LEDGER, live=False)
    ids = ("1", "990", "991")
    harness.add_to_policy("".join(f'[[customer]]\nid = "{id}"\nkey_account = true\n' for id in ids))
    harness.sweep()
    harness.run("first_look")
    (said,) = first_look(harness)
    assert "key account: 1 customer in the policy file" in said
    assert "names 2 customer ids that this company does not have" in said
