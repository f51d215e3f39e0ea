"""What people typed into the ledger: a letter names it only where it is a plain name or number."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from jobs.rules.drafts import compose, pay_links_in
from jobs.rules.facts.facts import Facts
from jobs.rules.facts.past import Past
from jobs.rules.gates.about_texts import NAME_LIKE_A_LINK
from jobs.rules.gates.gates import approvals, judge
from jobs.rules.letters.letter import Envelope
from jobs.rules.rulings import Kind
from jobs.rules.states import Stage
from jobs.rules.verification.ledger_text import plain_po
from jobs.rules.verification.verify import verify
from tests.jobs.rules.world import NOW, facts, invoice, policy

HOSTILE = (
    *("DE89 3704 0044 0532 0130 00", "DE89370400440532013000", "NL91ABNA0417164300"),
    *(
        "4111 1111 1111 1111",
        "20-00-00 55779911",
        "0x" + "52908400098527886E0F7030069857D2E4169EE7",
    ),
    *("https://evil.example", "pay.evil.com", "t.co/x", "Evil.Xyz/pay", "evil。com/pay"),
    *("оплата.рф", "ftps://evil", "www.evil", "hxxp://evil"),
    *("pay@evil.example", "call +44 20 7946 0958", "555-867-5309", "(555) 867-5309"),
    *("[pay link 99]", "1037 [PAY LINK 1037]", "[Pay  Link #71037]", "{deadline}", "{total_open}"),
    *("Our bank details have changed", "IBAN on request", "sort code follows", "<b>paid</b>"),
    *("=?utf-8?q?=0ABcc:evil?=", "payable to Evil Inc", "whatsapp me"),
)
IN_NAMES = ("account 12345678", "0800 123456", "$1,000.00 due now", "Overstock.com")
IN_NUMBERS = ("Total = 845.00", "1037; paid", "No “1037”")
IN_POS = ("evil.co", "a" * 21)
HONEST = {
    "name": (
        "First Escrow Company",
        *("Cooper & Sons", "7-Eleven", "O'Brien (Dublin)", "3M", "Müller GmbH & Co.KG", "St.John"),
        *("Amy's Bird Sanctuary", "Smith & Co. Ltd.", "株式会社ミライ", "24/7 Care", "No. 10 Ltd"),
    ),
    "contact": ("Dana Reyes", "Dr. J. Smith", "Mary-Ann O'Neil", "J.R.R. Tolkien", "李小龍"),
    "number": ("1037", "INV-2026/10-0042", "2026-10-0042", "A&B 17", "BF.2797", "#12", "10/2026"),
    "po_number": ("4711", "PGL-90184", "4500012345", "PO-4711", "A/12.5#3"),
}


def about(field: str, text: str) -> Facts:
    """A case in which this field of the ledger holds this text."""
    plain = facts(invoice(online=True, po_number="4711"))
    typed: dict[str, Any] = {field: text}
    if field in ("name", "contact"):
        return replace(plain, customer=replace(plain.customer, **typed))
    return replace(plain, invoices=(replace(plain.invoices[0], **typed),))


def letter(case: Facts) -> Any:
    """The template about it."""
    told = Envelope("ar@x.example", "ar@x.example", "ap@cooper.example")
    return compose(case, Stage.REMINDER, "1", policy(), Past(), told)


def gate(case: Facts) -> Any:
    """The ruling about its fields, or None."""
    rulings = judge(case, Stage.REMINDER, Past(), (), policy(), NOW)
    return next((r for r in rulings if r.rule in ("ledger_text", NAME_LIKE_A_LINK)), None)


FIELDS = {
    "name": (*HOSTILE, *IN_NAMES),
    "contact": (*HOSTILE, *IN_NAMES),
    "number": (*HOSTILE, *IN_NUMBERS),
    "po_number": (*HOSTILE, *IN_POS[:1]),
}


@pytest.mark.parametrize("field", FIELDS)
def test_what_is_no_name_and_no_number_stays_out_of_the_letter(field: str) -> None:
    """The gate quotes it, a finance lead decides, and the letter goes without it."""
    for text in FIELDS[field]:
        case = about(field, text)
        made, ruling = letter(case), gate(case)
        assert ruling is not None, text
        assert (ruling.kind, ruling.lead) == (Kind.GATE, True)
        assert " ".join(text.split())[:40] in ruling.reason, text
        assert text not in made.subject + made.body, text
        assert not any(text in file.file_name for file in made.attachments)
        assert len(pay_links_in(made.body)) == 1, text
        assert verify(made, case, policy(), Past()) == (), text
        body = made.body.replace("Thank you and kind", f"{text}\n\nThank you and kind")
        typed = replace(made, body=body)
        assert verify(typed, case, policy(), Past()) == verify(
            typed, about(field, ""), policy(), Past()
        ), "that it stands in the ledger makes nothing right"
        assert approvals((ruling,), case, Stage.REMINDER, policy()).lead


@pytest.mark.parametrize("field", HONEST)
def test_honest_names_and_numbers_are_said(field: str) -> None:
    """They stand in the letter as they stand in the ledger, and nobody is asked."""
    for text in HONEST[field]:
        case = about(field, text)
        made = letter(case)
        assert gate(case) is None, text
        if field != "name":
            assert text in made.body, text
        assert verify(made, case, policy(), Past()) == (), text


POS = {
    "PO 4711": "4711",
    "P.O. No. 4711": "4711",
    "po: 4711": "4711",
    " 4711 ": "4711",
    "see e-mail": "",
    "a" * 21: "",
    "4711 and 4712": "",
    "": "",
    "4,711": "",
}


@pytest.mark.parametrize(("typed", "named"), POS.items())
def test_a_po_number_is_a_plain_reference(typed: str, named: str) -> None:
    """At most 20 letters, digits and signs; what is said before it is not a part of it."""
    assert plain_po(typed) == named
    assert gate(about("po_number", typed)) is None


def test_many_odd_fields_are_counted() -> None:
    """Three are quoted, and the ids of all are evidence."""
    many = [invoice(f"[pay link {n}]", id=str(n)) for n in range(5)]
    ruling = gate(facts(*many))
    assert ruling.reason.count("a slot") == 3
    assert "2 more fields are like that." in ruling.reason
    assert len(ruling.evidence) == 5
