"""Hostile words in every text field that we read of QuickBooks, and in edits, up to the mails sent.

The fields are found in the models of `qbo`: a new one is attacked as soon as it is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import AliasPath

from jobs.decide.access import Answer
from jobs.decide.edit import Objections, Text
from jobs.rules.states import State
from jobs.store.cases import Case
from qbo.models import CreditMemo, CustomerType, CustomField, Entity, Invoice, Record
from qbo.models import Customer as CustomerRecord
from tests.jobs.captured import Obedient, model
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import CompanyHarness, books, customer, invoice
from tests.jobs.test_obedient_model import MISCHIEF, NAMES, THOROUGH

MADE_BY_QUICKBOOKS = {
    *("id", "sync_token", "customer_id", "parent_id", "term_id", "customer_type_id"),
    *("currency", "email_status", "customer_type"),
}
"""Text that nobody types: ids, codes, and a type's name, which is typed in a list of its own."""
Path = tuple[str | int, ...]


def typed(of: type[Record], below: Path = ()) -> Iterator[Path]:
    """Where the texts stand that somebody can type into such a record."""
    for name, field in of.model_fields.items():
        alias = field.validation_alias
        path = alias.path if isinstance(alias, AliasPath) else [str(alias)]
        if re.search(r"\bstr\b", repr(field.annotation)) and name not in MADE_BY_QUICKBOOKS:
            yield (*below, *path)
    if of is Invoice:
        yield from typed(CustomField, ("CustomField", 0))
        yield ("CustomField", 1, "StringValue")


ENTITIES: tuple[type[Entity], ...] = (Invoice, CustomerRecord, CustomerType, CreditMemo)
FIELDS = [(entity.ENTITY, path) for entity in ENTITIES for path in typed(entity)]
ADDRESSES = ("Address",)
"""What is no address there means that nobody is written to."""
PO = {"DefinitionId": "1", "Name": "Status", "Type": "StringType", "StringValue": "open"}
CUSTOM = [PO, PO | {"DefinitionId": "2", "Name": "P.O. Number", "StringValue": "A-1"}]


def ledger() -> dict[str, Any]:
    """A customer for each field, who owes something, has a type and once got a credit memo."""
    ids = [str(n) for n in range(1, len(FIELDS) + 1)]
    people = [customer(id, CustomerTypeRef={"value": id}, GivenName="Dana") for id in ids]
    bills = [invoice(f"7{id}", id, "840.00", 12, CustomField=CUSTOM) for id in ids]
    memos = [
        {"Id": f"9{id}", "CustomerRef": {"value": id}, "TotalAmt": "40.00"}
        for id, (entity, _) in zip(ids, FIELDS, strict=True)
        if entity == "CreditMemo"
    ]
    types = [{"Id": id, "Name": f"Type {id}"} for id in ids]
    return books(*people, *bills, credit_memos=memos, customer_types=types)


def attack(harness: CompanyHarness, shift: int) -> None:
    """Put another hostile text into the one field of each customer."""
    first = {"Invoice": "7", "CreditMemo": "9"}
    for n, (entity, path) in enumerate(FIELDS):
        record: Any = harness.books.tables[entity][f"{first.get(entity, '')}{n + 1}"]
        *above, last = path
        for key in above:
            if isinstance(key, str):
                record.setdefault(key, {})
            record = record[key]
        record[last] = NAMES[(n + shift) % len(NAMES)]


def approved(harness: CompanyHarness, case: Case) -> bool:
    """Two finance leads do all they can to have it sent."""
    if harness.view(case).letter is None:
        harness.draft_anyway(harness.click("ULEAD1", case))
        harness.run("triage")
    said = [harness.approve(harness.click(user, case)) for user in ("ULEAD1", "ULEAD2")]
    return Answer.RECORDED in said


@pytest.mark.parametrize("shift", range(len(NAMES)) if THOROUGH else (0,))
def test_no_field_of_the_ledger_puts_in_a_word(open_harness: OpenHarness, shift: int) -> None:
    """Each goes out with our own words and the ledger's figures, or is stopped and says why."""
    harness = open_harness(ledger())
    harness.model = model(Obedient())
    harness._make_services()
    attack(harness, shift)
    harness.sweep()
    assert len(harness.cases()) == len(FIELDS)
    sent = [case.customer for case in harness.cases() if approved(harness, case)]
    harness.wait_out()
    for n, (entity, path) in enumerate(FIELDS):
        case = harness.case(str(n + 1))
        if path[-1] not in ADDRESSES:
            assert case.state is State.DONE, (entity, path, harness.rules(case))
        elif case.customer not in sent:
            assert harness.rulings(case), (entity, path)
    assert len(harness.mails) == len(sent)
    for mail in harness.mails:
        said = f"{mail.message['Subject']}\n{mail.shown()['text']}".lower()
        assert not [word for word in MISCHIEF if word in said], said
        assert re.fullmatch(r"billing@customer\d+\.example", mail.recipient)
        assert "$840.00" in said or "$800.00" in said
    assert not [word for word in MISCHIEF if word in str(harness.notes).lower()]


@pytest.mark.parametrize("where", ["subject", "body"])
def test_no_edit_says_what_is_not_on_record(a_harness: CompanyHarness, where: str) -> None:
    """A person cannot save it at all, or only for two people, who see it as it will be sent."""
    harness = a_harness
    old = harness.view().letter
    assert old is not None
    for text in NAMES:
        subject, body = f"{old.subject} {text}", f"{old.body}\n\n{text}"
        new = Text(subject, old.body) if where == "subject" else Text(old.subject, body)
        said = harness.edit("UCOLLECT", new)
        hostile = [word for word in MISCHIEF[:4] if word in text.lower()]
        if isinstance(said, Objections) and not said.hard:
            assert not hostile, text
            assert harness.edit("UCOLLECT", replace(new, insist=True)) is Answer.RECORDED
            assert harness.approve("ULEAD1") is Answer.SECOND_NEEDED
        letter = harness.view().letter
        assert letter is not None
        saved = getattr(letter, where)
        assert isinstance(said, Objections) or text.strip("\u202e\u200b") in saved, text
        assert not [word for word in MISCHIEF[:4] if word in saved.lower()]
        assert not set("\u202e\u200b\r") & set(saved)
    assert harness.approve("ULEAD2") is Answer.RECORDED
    harness.wait_out()
    (mail,) = harness.mails
    assert NAMES[-1] in str(mail.message["Subject"]) + mail.shown()["text"]
