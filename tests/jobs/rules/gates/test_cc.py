"""Who gets a copy of a message."""

from __future__ import annotations

from dataclasses import replace

from jobs.rules.facts.facts import Customer, Facts
from jobs.rules.facts.findings import Findings, Fresh
from jobs.rules.facts.past import Past
from jobs.rules.gates.cc import carbon_copies, is_colleague, known_people
from tests.jobs.rules.world import NOW, facts, invoice, usd

OURS = "billing@harbor.example"
TO = "ap@cooper.example"


def case(email: str = TO, customer: str = "Boss@cooper.example") -> Facts:
    """A customer with one address on the bill and another on its record."""
    return facts(
        invoice(email=email), customer=Customer("58", "Cooper", customer, usd(0)), members=()
    )


def test_what_a_person_chose_is_copied_while_it_may_be() -> None:
    """Addresses of the ledger, of the customer's own domain, and our colleagues'."""
    chosen = ("boss@cooper.example", "lee@cooper.example", "sales@harbor.example")
    found = carbon_copies(case(), Past(cc=chosen), TO, OURS)
    assert (found.to, found.left_out) == (chosen, ())


def test_what_is_no_longer_right_is_left_out_and_said() -> None:
    """Bounced, wrong, left, changed or foreign is never copied; the recipient gets one mail."""
    was = "a@cooper.example"
    for past, about, why in (
        (Past(cc=(was,), bounced=frozenset({was})), case(), "mail to it came back"),
        (
            Past(cc=(was,), bounced=frozenset({was}), wrong=frozenset({was})),
            case(),
            "it was marked as the wrong contact",
        ),
        (Past(cc=(was,), left=frozenset({was})), case(), "nobody reads it any more"),
        (Past(cc=(was,)), case("ap@new.example", ""), "no longer an address of this customer"),
        (Past(cc=("x@evil.example",)), case(), "no longer an address of this customer"),
        (Past(cc=("x@gmail.com",)), case("ap@gmail.com", ""), "no longer an address"),
    ):
        found = carbon_copies(about, past, TO, OURS)
        assert found.to == ()
        (said,) = found.left_out
        assert why in said
        assert said.startswith(past.cc[0])
    assert carbon_copies(case(), Past(cc=(TO,)), TO.upper(), OURS).to == ()


def test_only_known_people_are_offered() -> None:
    """Of other sources only those at the customer's own domains, whatever else they hold."""
    seen = frozenset({"lee@cooper.example", "x@evil.example", "not an address", "y@gmail.com"})
    findings = {"CRM": Findings(Fresh(NOW), people=seen)}
    assert known_people(case(), findings, TO) == ("boss@cooper.example", "lee@cooper.example")
    private = replace(case("ap@gmail.com", ""), members=())
    assert known_people(private, findings, "other@gmail.com") == ("ap@gmail.com",)


def test_a_colleague_is_at_our_own_domain() -> None:
    """A free-mail domain is nobody's own."""
    assert is_colleague("sales@harbor.example", OURS)
    assert not is_colleague("sales@harbor.example.evil.example", OURS)
    assert not is_colleague("sales@harbor.example, x@evil.example", OURS)
    assert not is_colleague("anybody@gmail.com", "ours@gmail.com")
