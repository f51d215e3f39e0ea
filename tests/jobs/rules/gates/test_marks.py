"""Marks: from the policy file, a named custom field or a customer type, each with its source."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jobs.rules.facts.addresses import own_domain
from jobs.rules.facts.facts import Facts
from jobs.rules.facts.past import Past
from jobs.rules.gates.gates import approvals, judge
from jobs.rules.gates.marks import crm_marks, marks
from jobs.rules.policy.policy import Policy
from jobs.rules.rulings import Kind
from jobs.rules.states import Stage
from tests.jobs.rules.world import NOW, facts, invoice, policy

NAMED = """
[marks]
custom_field = "Overdue"
values = { "VIP" = "key_account" }
customer_types = { "Key Accounts" = "key_account", "Private" = "consumer" }
"""


def with_field(text: str, name: str = "Overdue") -> Facts:
    """A case whose invoice has this custom field."""
    return facts(invoice(fields=(("Crew", "B"), (name, text))))


def of_type(name: str) -> Facts:
    """A case of a customer of this type."""
    plain = facts()
    return replace(plain, customer=replace(plain.customer, type=name))


def rules(about: Facts, ruled_by: Policy) -> dict[str, Kind]:
    """The rules that fire."""
    return {r.rule: r.kind for r in judge(about, Stage.REMINDER, Past(), (), ruled_by, NOW)}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("do_not_chase", "do_not_chase"),
        ("Do not chase", "do_not_chase"),
        ("KEY ACCOUNT", "key_account"),
        ("vip", "key_account"),
        ("disputed", "disputed"),
        ("Consumer ", "consumer"),
    ],
)
def test_a_custom_field_marks(text: str, kind: str) -> None:
    """However it is typed, its text is one of the kinds or of the policy's own values."""
    (mark,) = marks(with_field(text), policy(NAMED))
    assert mark.kind == kind
    assert "Overdue" in mark.source
    assert "invoice 1037" in mark.source


def test_the_mark_decides_like_one_of_the_policy_file() -> None:
    """Never, stop or gate, with the source in the reason."""
    named = policy(NAMED)
    assert rules(with_field("do not chase"), named)["do_not_chase"] is Kind.NEVER
    assert rules(with_field("disputed"), named)["dispute"] is Kind.STOP
    assert rules(of_type("Private"), named)["consumer"] is Kind.NEVER
    assert rules(of_type("key accounts"), named)["key_account"] is Kind.GATE
    needed = approvals((), of_type("Key Accounts"), Stage.REMINDER, named)
    assert (needed.count, needed.lead, needed.manager_first) == (2, True, True)


def test_a_text_that_is_no_mark_is_shown() -> None:
    """It was meant to say something: a finance lead decides, and reads it cut and on one line."""
    about, named = with_field("do not\nchse " + "x" * 500), policy(NAMED)
    found = judge(about, Stage.REMINDER, Past(), (), named, NOW)
    (ruling,) = [r for r in found if r.rule == "unknown_mark"]
    assert (ruling.kind, ruling.lead, ruling.approvers) == (Kind.GATE, True, 1)
    assert "do not chse" in ruling.reason
    assert len(ruling.reason) < 300


@pytest.mark.parametrize("about", [with_field(" "), with_field("disputed", "Sales Rep"), facts()])
def test_what_is_not_named_marks_nothing(about: Facts) -> None:
    """An empty field, another field, a customer without a type."""
    assert marks(about, policy(NAMED)) == ()


def test_without_names_nothing_in_quickbooks_marks() -> None:
    """By default neither fields nor types are looked at."""
    assert marks(with_field("do_not_chase"), policy()) == ()
    assert marks(of_type("Key Accounts"), policy()) == ()


def test_the_policy_file_speaks_first() -> None:
    """One ruling of a kind names the source that is changed most easily and counts the others."""
    both = policy(NAMED + '[[customer]]\nid = "58"\nkey_account = true\n')
    about = replace(with_field("vip"), customer=of_type("Key Accounts").customer)
    (ruling,) = judge(about, Stage.REMINDER, Past(), (), both, NOW)
    assert "according to the policy file (and 2 more)" in ruling.reason
    assert ruling.evidence == ("customer:58", f"invoice:{about.invoices[0].id}")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        *((yes, "key_account") for yes in ("true", "Yes", " 1 ", "TRUE")),
        *((no, "") for no in ("", " ", "false", "No", "0")),
        *((other, "unknown") for other in ("maybe", "ja", "true!")),
    ],
)
def test_a_property_of_the_crm_marks_where_it_says_yes(text: str, kind: str) -> None:
    """A clear no is no mark; anything else was meant to say something, and a person decides."""
    named = policy('[marks]\ncrm_properties = { "vip" = "key_account" }\n')
    found = list(crm_marks({"vip": text, "other": "true"}, named))
    assert [mark.kind for mark in found] == ([kind] if kind else [])
    assert all("“vip: " in mark.source and "in the CRM" in mark.source for mark in found)


@pytest.mark.parametrize("text", ["true", "false", ""])
def test_a_mark_of_the_policy_file_is_lifted_only_there(text: str) -> None:
    """Whatever the CRM says of the customer, and its own mark of another kind counts beside it."""
    lines = '[[customer]]\nid = "58"\ndo_not_chase = true\n'
    lines += '[marks]\ncrm_properties = { "vip" = "key_account", "quiet" = "do_not_chase" }\n'
    named = policy(lines)
    found = marks(facts(), named, crm_marks({"vip": text, "quiet": "false"}, named))
    kinds = {"do_not_chase", "key_account"} if text == "true" else {"do_not_chase"}
    assert {mark.kind for mark in found} == kinds


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("ap@Northgate.example", "northgate.example"),
        ("ap@mail.northgate.example.", "mail.northgate.example"),
        *((f"dana@{free}", "") for free in ("gmail.com", "GMX.de", "t-online.de", "yahoo.co.uk")),
        *((broken, "") for broken in ("", "dana", "dana@", "dana@localhost")),
    ],
)
def test_a_domain_of_free_mail_belongs_to_nobody(address: str, domain: str) -> None:
    """Only a domain of its own tells whose an address is."""
    assert own_domain(address) == domain
