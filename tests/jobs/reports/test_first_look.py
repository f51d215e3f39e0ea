"""The first look: one notice after the first sweep says what the policy makes of the ledger."""

from __future__ import annotations

from typing import Any

from tests.jobs.house import House, books, customer, invoice
from tests.jobs.houses import OpenHouse

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


def first_look(house: House) -> list[str]:
    """The notices that say it."""
    return [text for text in house.said("notice") if "First look" in text]


def shadowed(open_house: OpenHouse, **policy: Any) -> House:
    """A house in shadow mode after its first sweep."""
    house = open_house(LEDGER, policy, live=False)
    house.sweep()
    house.run("first_look")
    return house


def test_it_says_what_the_limits_do(open_house: OpenHouse) -> None:
    """Invoices, amounts, and how many customers each limit concerns; families count as one."""
    (said,) = first_look(shadowed(open_house))
    for line in (
        "• *USD*: 6 open invoices, $73,350.00; overdue: 5, $72,850.00",
        "Customers with something overdue: 3",
        "Needs a second approver (from $10,000.00): 2",
        "Too large to draft (from $25,000.00, or $50,000.00 in total): 1",
        "Invoices too small to chase (below $25.00): 1",
    ):
        assert line in said
    assert "Limits that fit this ledger better" not in said


def test_it_names_the_sources_of_marks_and_the_rules(open_house: OpenHouse) -> None:
    """Which marks have a source, how many cases there are, and what rules hold them."""
    (said,) = first_look(shadowed(open_house, marks={"custom_field": "Overdue <b>"}))
    assert said.count("the custom field “Overdue &lt;b&gt;”") == 4
    assert "without a source" not in said
    assert "*3 cases* (in shadow mode, so nothing is sent); with a card now: 3" in said
    assert "no recipient (1)" in said


def test_each_mark_is_told_with_its_source(open_house: OpenHouse) -> None:
    """And those without one, so that nobody relies on them."""
    house = open_house(LEDGER, live=False)
    house.add_to_policy('[marks.customer_types]\nKey = "key_account"\nVIP = "key_account"\n')
    house.sweep()
    house.run("first_look")
    (said,) = first_look(house)
    assert "key account: the customer type “Key”; the customer type “VIP”" in said
    assert "not set anywhere: do not chase, consumer, disputed" in said


def test_it_is_said_once(open_house: OpenHouse) -> None:
    """Neither the next sweep nor connecting again says it a second time."""
    house = shadowed(open_house)
    house.time.later(days=1)
    house.sweep()
    house.connect()
    house.run("sweep", "first_look")
    assert len(first_look(house)) == 1


def test_it_waits_for_the_first_cases(open_house: OpenHouse) -> None:
    """Not before the sweep, and not while its cases are being prepared."""
    house = open_house(LEDGER, live=False)
    house.run("first_look")
    assert not first_look(house)
    house.run("sweep", "first_look")
    assert not first_look(house)
    house.run("triage")
    house.time.later(seconds=5)
    house.run("first_look")
    assert len(first_look(house)) == 1


def test_a_triage_that_hangs_does_not_hold_it_up_for_ever(open_house: OpenHouse) -> None:
    """After ten minutes it says what there is."""
    house = open_house(LEDGER, live=False)
    house.run("sweep")
    house.time.later(minutes=11)
    house.run("first_look")
    assert len(first_look(house)) == 1


def test_an_empty_ledger_is_said(open_house: OpenHouse) -> None:
    """Also nothing is something to know."""
    house = open_house(books(customer("1")), live=False)
    house.sweep()
    house.run("first_look")
    (said,) = first_look(house)
    assert "Nothing is open in QuickBooks." in said


def test_a_ledger_far_from_the_limits_gets_better_ones(open_house: OpenHouse) -> None:
    """Thirty customers who owe a few hundred each: the lines for the policy file are named."""
    people = [customer(str(n)) for n in range(1, 31)]
    owed = [invoice(str(n + 100), str(n), f"{n * 10}.00", 12) for n in range(1, 31)]
    house = open_house(books(*people, *owed), live=False)
    house.sweep()
    house.time.later(minutes=11)
    house.run("first_look")
    (said,) = first_look(house)
    assert "`second_approver = 300`" in said
    assert "With them: 0 → " in said
    assert "`[limits.home]`" in said


def test_a_proposal_says_what_it_would_no_longer_stop(open_house: OpenHouse) -> None:
    """Limits far too small for the ledger: how many there are now, and that none would be left."""
    people = [customer(str(n)) for n in range(1, 31)]
    owed = [invoice(str(n + 100), str(n), "1100.00", 12) for n in range(1, 31)]
    house = open_house(books(*people, *owed), live=False)
    house.add_to_policy(LOW)
    house.sweep()
    house.time.later(minutes=11)
    house.run("first_look")
    (said,) = first_look(house)
    assert "With them: 30 → 0 need a second approver; 30 → 0 too large to draft" in said
    assert "so nothing would be stopped for its amount" in said


LOW = """
[limits.home]
second_approver = 100
stop_invoice = 100
stop_total = 100
"""


def test_a_currency_without_limits_says_whom_it_concerns(open_house: OpenHouse) -> None:
    """They count among the second approvers below, and here is why."""
    ledger = LEDGER | {"invoices": [*LEDGER["invoices"], EUROS]}
    house = open_house(ledger, live=False)
    house.sweep()
    house.run("first_look")
    (said,) = first_look(house)
    assert "Needs a second approver (the policy has no limits for EUR): 1" in said


EUROS = invoice("77", "2", "100.00", 12) | {"CurrencyRef": {"value": "EUR"}}


def test_only_the_customers_of_this_ledger_count(open_house: OpenHouse) -> None:
    """Ids of another company are said to be strange, and are no source of a mark here."""
    house = open_house(LEDGER, live=False)
    ids = ("1", "990", "991")
    house.add_to_policy("".join(f'[[customer]]\nid = "{id}"\nkey_account = true\n' for id in ids))
    house.sweep()
    house.run("first_look")
    (said,) = first_look(house)
    assert "key account: 1 customer in the policy file" in said
    assert "names 2 customer ids that this company does not have" in said
