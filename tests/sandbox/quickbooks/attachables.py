"""Attachables: the one thing that may be written here, and taken back."""

import json
from typing import Any

from tests.sandbox.company import Entity
from tests.sandbox.quickbooks.books import Books
from tests.sandbox.quickbooks.errors import RefusalError, not_found

LONGEST_NOTE = 2000
FIELDS = frozenset({"Note", "AttachableRef", "Category", "Tag", "PlaceName"})
REF_FIELDS = frozenset({"EntityRef", "IncludeOnSend", "LineInfo", "NoRefOnly"})


def invalid_body(detail: str) -> RefusalError:
    """A body with a property that does not belong there."""
    return RefusalError("2010", "Request has invalid or unsupported property", detail)


def object_in(body: bytes) -> dict[str, Any]:
    """The JSON object of a write. Raises RefusalError."""
    try:
        content = json.loads(body)
    except ValueError as error:
        raise invalid_body("Property Name:Can not parse the request as JSON") from error
    if not isinstance(content, dict):
        raise invalid_body("Property Name:A JSON object is expected")
    return content


def create(books: Books, content: dict[str, Any]) -> Entity:
    """A new note on entities that exist. Raises RefusalError, and then keeps nothing."""
    _check_fields(content, FIELDS)
    note = content.get("Note")
    if not isinstance(note, str) or not note:
        raise RefusalError(
            "2020", "Required param missing, need to supply the required value", "Note"
        )
    if len(note) > LONGEST_NOTE:
        raise RefusalError(
            "2050", "String length is too long", f"Note: {len(note)} > {LONGEST_NOTE}"
        )
    for ref in _refs(content):
        _check_ref(books, ref)
    return books.add_attachable(content)


def delete(books: Books, content: dict[str, Any]) -> Entity:
    """The stub of an attachable that is now gone. Raises RefusalError."""
    ident = str(content.get("Id", ""))
    if ident not in books.tables["Attachable"]:
        raise not_found()
    books.forget("Attachable", ident)
    return {"domain": "QBO", "status": "Deleted", "Id": ident}


def _check_fields(content: dict[str, Any], allowed: frozenset[str]) -> None:
    unknown = sorted(content.keys() - allowed)
    if unknown:
        raise invalid_body(
            f'Property Name:Unrecognized field "{unknown[0]}", not marked as ignorable '
            f"({len(allowed)} known properties: {', '.join(sorted(allowed))})"
        )


def _refs(content: dict[str, Any]) -> list[Any]:
    refs = content.get("AttachableRef", [])
    if not isinstance(refs, list):
        raise invalid_body("Property Name:AttachableRef must be a list")
    return refs


def _check_ref(books: Books, ref: Any) -> None:
    if not isinstance(ref, dict) or not isinstance(ref.get("EntityRef"), dict):
        raise invalid_body("Property Name:AttachableRef.EntityRef")
    _check_fields(ref, REF_FIELDS)
    if not isinstance(ref.get("IncludeOnSend", False), bool):
        raise invalid_body("Property Name:AttachableRef.IncludeOnSend must be a boolean")
    kind, ident = ref["EntityRef"].get("type"), ref["EntityRef"].get("value")
    if not isinstance(ident, str) or ident not in books.tables.get(str(kind), {}):
        raise RefusalError(
            "2500", "Invalid Reference Id", f"Invalid Reference Id : {kind} {ident} not found"
        )
