"""Least access: what the code can do to a ledger, and what it can ever hold of one."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from pydantic import BaseModel

from qbo import client, models, transport
from qbo.transport import CALLS

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("bot", "jobs", "qbo")
WRITES = {("POST", "attachable"), ("POST", "attachable?operation=delete")}
"""Our own note, and taking it back."""
NEVER_HELD = re.compile(
    r"private.?note|bank|routing|account.?(num|ref)|iban|card.?(num|cvc)|check.?payment|"
    r"credit.?card.?payment$|ssn|taxidentifier|deposit.?to",
    re.IGNORECASE,
)
ACCOUNTING = re.compile(r"operation=(?!delete\b)|[?&]operation=(void|update)|sparse")


def sources() -> Iterator[tuple[Path, ast.Module]]:
    """Every module of the product."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def strings(tree: ast.AST) -> Iterator[str]:
    """The texts in a piece of code that are not documentation."""
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.value


def calls_of(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    """The calls of a method or function of this name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            if name in (getattr(called, "attr", ""), getattr(called, "id", "")):
                yield node


def test_the_only_writes_are_our_note_and_its_removal() -> None:
    """Beside reads and batches of queries, the list of calls holds nothing else."""
    posts = {call for call in CALLS if call[0] != "GET"}
    assert posts - {("POST", "batch")} == WRITES


def test_every_call_of_the_client_is_spelt_out_and_listed() -> None:
    """Method and path stand in the code as they are: none is put together from what came in."""
    made: set[tuple[str, str]] = set()
    tree = ast.parse(inspect.getsource(client) + inspect.getsource(transport))
    for name in ("_json", "_call"):
        for call in calls_of(tree, name):
            first = [getattr(one, "value", None) for one in call.args[:2]]
            names = [getattr(one, "id", None) for one in call.args[:2]]
            if names == ["method", "path"]:
                continue  # `_json` hands its own on to `_call`
            assert isinstance(first[0], str), ast.unparse(call)
            if first[0] != "GET":
                assert isinstance(first[1], str), ast.unparse(call)
                made.add((first[0], first[1]))
    assert made == WRITES | {("POST", "batch")}


def test_a_batch_asks_and_changes_nothing() -> None:
    """The items of a batch are queries; no other member is ever put into one."""
    source = inspect.getsource(client.QuickBooks._batch)
    dicts = [one for one in ast.walk(ast.parse(dedent(source))) if isinstance(one, ast.Dict)]
    keys = [[getattr(key, "value", None) for key in one.keys] for one in dicts]
    assert sorted(keys) == [["BatchItemRequest"], ["bId", "Query"]]


def test_nobody_but_the_transport_speaks_to_the_ledger() -> None:
    """Its paths stand in no other module; nowhere is a record voided or sparsely updated."""
    for path, tree in sources():
        texts = list(strings(tree))
        if path != Path(transport.__file__):
            assert not [text for text in texts if "v3/company" in text], path
        assert not [text for text in texts if ACCOUNTING.search(text)], path


def fields() -> Iterator[tuple[str, str]]:
    """Each field of each model, by its Python name and by those of QuickBooks."""
    for name, model in inspect.getmembers(models, inspect.isclass):
        if issubclass(model, BaseModel):
            for field, about in model.model_fields.items():
                yield name, field
                alias = about.validation_alias
                for part in getattr(alias, "path", [alias]):
                    if isinstance(part, str):
                        yield name, part


def test_no_model_holds_private_notes_or_bank_data() -> None:
    """What no field names is dropped on arrival, so it can reach nothing."""
    allowed = {"card_payment", "AllowOnlineCreditCardPayment", "ach_payment"}
    allowed |= {"AllowOnlineACHPayment"}  # switches: may this invoice be paid online
    held = {(model, field) for model, field in fields() if NEVER_HELD.search(field)}
    assert {one for one in held if one[1] not in allowed} == set()


@pytest.mark.parametrize("kind", [models.Invoice, models.Customer, models.Payment])
def test_what_is_not_listed_is_dropped(kind: type[models.Entity]) -> None:
    """Even if QuickBooks sends it."""
    sent = {
        "Id": "1",
        "CustomerRef": {"value": "5"},
        "TxnDate": "2026-09-02",
        "TotalAmt": 5,
        "Balance": 5,
        "PrivateNote": "a secret",
        "CheckPayment": {"BankName": "a secret"},
        "CreditCardPayment": {"CreditChargeInfo": {"Number": "a secret"}},
        "ResaleNum": "a secret",
        "PrimaryTaxIdentifier": "a secret",
        "Notes": "a secret",
    }
    assert "a secret" not in kind.model_validate(sent).model_dump_json()


def test_every_field_that_is_read_is_looked_at() -> None:
    """What decides nothing is not held: a field needs somebody who asks for it by its name."""
    nodes = (node for _, tree in sources() for node in ast.walk(tree))
    asked = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    held = {
        field
        for _, model in inspect.getmembers(models, inspect.isclass)
        if issubclass(model, BaseModel)
        for field in model.model_fields
    }
    assert held - asked == set()


def test_private_notes_stand_nowhere_in_the_code() -> None:
    """Neither read nor written: customers see them on their statements."""
    for path, tree in sources():
        assert "PrivateNote" not in set(strings(tree)), path
