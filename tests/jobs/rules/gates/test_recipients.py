"""Whom a message goes to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from jobs.rules.facts.addresses import is_address, ledger_addresses
from jobs.rules.facts.facts import Customer, Facts
from jobs.rules.facts.findings import Context, Findings, Fresh
from jobs.rules.facts.past import Past
from jobs.rules.gates.recipients import recipient
from jobs.rules.rulings import Kind, Ruling
from tests.jobs.rules.world import NOW, contact, facts, invoice, usd


def on(*emails: str, customer: str = "") -> Facts:
    """Facts with these addresses on the invoices."""
    invoices = (invoice(str(n), email=email) for n, email in enumerate(emails))
    return facts(*invoices, customer=Customer("58", "Cooper", customer, usd(0)))


@pytest.mark.parametrize(
    ("about", "to"),
    [
        (on("a@x.example"), "a@x.example"),
        (on("A@x.example", "a@X.example"), "A@x.example"),
        (on("", customer="c@x.example"), "c@x.example"),
        (on("a@x.example", "", customer="c@x.example"), "a@x.example"),
        (on(" a@x.example ;"), "a@x.example"),
    ],
)
def test_exactly_one_ledger_address_is_taken(about: Facts, to: str) -> None:
    """The invoices' own, else the customer's; spelling and capitals do not make two."""
    assert recipient(about, Past()) == to


@pytest.mark.parametrize(
    "past",
    [
        Past(confirmed_address="b@x.example"),
        Past(confirmed_address="B@X.example", contacts=(contact(9, to="a@x.example"),)),
    ],
)
def test_a_confirmed_address_of_the_ledger_wins(past: Past) -> None:
    """A person picks once, and it is remembered."""
    assert recipient(on("a@x.example, b@x.example"), past) == past.confirmed_address


def test_a_confirmed_address_holds_while_the_ledger_names_it() -> None:
    """Once QuickBooks says something else a person has to confirm again."""
    known = frozenset({"new@y.example"})
    past = Past(confirmed_address="new@y.example", known_addresses=known)
    assert recipient(on("new@y.example, a@x.example"), past) == "new@y.example"
    found = recipient(on("a@x.example"), past)
    assert isinstance(found, Ruling)
    assert found.rule == "address_not_in_ledger"


def test_an_address_that_nobody_reads_is_asked_about_once() -> None:
    """An automatic reply says so; whoever confirms the address after that is believed."""
    gone = Findings(Fresh(NOW), left={"ap@cooper.example": NOW})
    context = Context(facts(), {"mailbox": gone})

    def to(**picked: Any) -> str | Ruling:
        return recipient(facts(), context.completed(Past(**picked)))

    said = to()
    assert isinstance(said, Ruling)
    assert (said.kind, said.rule) == (Kind.NEVER, "address_left")
    assert "nobody reads ap@cooper.example any more" in said.reason
    before = to(confirmed_address="AP@cooper.example", confirmed_at=NOW)
    assert isinstance(before, Ruling)
    later = NOW + timedelta(minutes=1)
    assert to(confirmed_address="ap@cooper.example", confirmed_at=later) == "ap@cooper.example"
    elsewhere = to(confirmed_address="b@cooper.example", confirmed_at=NOW)
    assert isinstance(elsewhere, Ruling)
    assert elsewhere.rule == "address_not_in_ledger"


@pytest.mark.parametrize(
    ("wrong", "said"), [(True, "was marked as the wrong contact"), (False, "came back")]
)
def test_who_said_that_an_address_is_bad_is_told(wrong: bool, said: str) -> None:
    """A person's word is not a mail server's."""
    bad = frozenset({"a@x.example"})
    found = recipient(on("a@x.example"), Past(bounced=bad, wrong=bad if wrong else frozenset()))
    assert isinstance(found, Ruling)
    assert said in found.reason


@pytest.mark.parametrize(
    "past",
    [
        Past(known_addresses=frozenset({"a@x.example"})),
        Past(contacts=(contact(9, to="A@x.example"),)),
        Past(contacts=(contact(9, to="b@x.example"),), known_addresses=frozenset({"a@x.example"})),
    ],
)
def test_an_address_we_know_has_not_changed(past: Past) -> None:
    """In the ledger at connection, or where the last message went."""
    assert recipient(on("a@x.example"), past) == "a@x.example"


def test_all_addresses_are_offered_for_the_choice() -> None:
    """Each once, in the order of the ledger."""
    about = on("a@x.example, b@x.example", "B@x.example;c@x.example")
    assert ledger_addresses(about) == ("a@x.example", "b@x.example", "c@x.example")


@pytest.mark.parametrize(
    "text",
    [
        "a@x",
        "a b@x.example",
        "@x.example",
        "a@-x.example",
        "a@x..example",
        ".a@x.example",
        "a@x.example\nBcc: b@y.example",
        "a@x.example\r\n",
        "Ann <a@x.example>",
        "a@x.example\u200b",
        "ü@x.example",
        "a@x.1",
        "x" * 250 + "@x.example",
    ],
)
def test_what_a_mail_server_would_not_take_is_no_address(text: str) -> None:
    """Least of all a line break, which would be a header of its own."""
    assert not is_address(text)
    assert isinstance(recipient(on(text), Past()), Ruling)


@pytest.mark.parametrize("text", ["a@x.example", "o'neil+ap@sub.x-y.example", "a.b_c@x.co"])
def test_ordinary_addresses_are_taken(text: str) -> None:
    """Plus signs, apostrophes and subdomains are common."""
    assert is_address(text)
