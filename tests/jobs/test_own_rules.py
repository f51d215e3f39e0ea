"""What a company's own QuickBooks and its own lines of the policy decide, through the steps."""

from __future__ import annotations

from typing import Any

from jobs.decide.access import Answer
from jobs.decide.hold import take_over
from jobs.rules.states import State
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import ONE, books, customer, invoice

TYPES = '[marks]\ncustomer_types = { "Key Accounts" = "key_account" }'


def field(text: str) -> dict[str, Any]:
    """A custom field of an invoice, as QuickBooks sends it."""
    value = {"DefinitionId": "1", "Name": "Overdue", "Type": "StringType", "StringValue": text}
    return {"CustomField": [value]}


def test_a_custom_field_of_an_invoice_stops_a_case(open_harness: OpenHarness) -> None:
    """What somebody typed into the named field rules, and the card says where it stands."""
    ledger = books(customer("1"), invoice("71", "1", "840.00", 12, **field("do not chase")))
    harness = open_harness(ledger, {"marks": {"custom_field": "Overdue"}}, swept=True)
    assert harness.rules() == {"do_not_chase"}
    (ruling,) = harness.rulings()
    assert "“Overdue: do not chase” on invoice 171 in QuickBooks" in ruling.reason
    assert harness.view().letter is None


def test_a_customer_type_makes_a_key_account(open_harness: OpenHarness) -> None:
    """The type is named in the policy; its name comes from QuickBooks' own list."""
    ledger = books(
        customer("1", CustomerTypeRef={"value": "5"}),
        customer("2"),
        invoice("71", "1", "840.00", 12),
        invoice("72", "2", "840.00", 12),
        customer_types=[{"Id": "5", "Name": "Key Accounts", "Active": True}],
    )
    harness = open_harness(ledger)
    harness.add_to_policy(TYPES)
    harness.sweep()
    assert "key_account" in harness.rules(harness.case("1"))
    assert "key_account" not in harness.rules(harness.case("2"))
    assert "its customer type “Key Accounts”" in harness.rulings(harness.case("1"))[0].reason


def test_a_mark_that_comes_after_the_approval_holds_the_mail(open_harness: OpenHarness) -> None:
    """The last check reads types and fields too: a new one counts before the mail goes."""
    ledger = books(
        customer("1"),
        invoice("71", "1", "840.00", 12),
        customer_types=[{"Id": "5", "Name": "Key Accounts", "Active": True}],
    )
    harness = open_harness(ledger)
    harness.add_to_policy(TYPES)
    harness.sweep()
    assert harness.approve("UCOLLECT") is Answer.RECORDED
    harness.change("Customer", "1", CustomerTypeRef={"value": "5"})
    harness.wait_out()
    assert harness.state() is State.WAITING
    assert not harness.mails


def test_types_are_read_only_where_there_are_any(open_harness: OpenHarness) -> None:
    """A company that sorts its customers by nothing pays no call for it."""
    harness = open_harness(swept=True)
    statements = harness.outside.quickbooks.realms[harness.realm].statements
    assert not [one for one in statements if "CustomerType" in one]


def test_a_companys_own_limits_rule(open_harness: OpenHarness) -> None:
    """A lower second-approver limit asks for two people at once, in the steps and in the verbs."""
    harness = open_harness()
    harness.add_to_policy(f'[company."{harness.realm}".limits.home]\nsecond_approver = 500')
    harness.sweep()
    assert "second_approver" in harness.rules()
    assert harness.approve("UCOLLECT") is Answer.SECOND_NEEDED
    harness.approve("ULEAD1")
    harness.wait_out()
    assert len(harness.mails) == 1


def test_another_companys_lines_change_nothing(open_harness: OpenHarness) -> None:
    """They are for that company alone."""
    harness = open_harness(ONE)
    harness.add_to_policy('[company."999".limits.home]\nsecond_approver = 500')
    harness.sweep()
    assert "second_approver" not in harness.rules()
    assert harness.go(take_over, "UCOLLECT").recorded
