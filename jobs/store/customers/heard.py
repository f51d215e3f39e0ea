"""What texts said that counts until a person has settled it: one row for each text of a customer.

The texts themselves stay where they are, under their hashes, and may be deleted before the row is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, Protocol

from sqlalchemy import Connection, Row, delete, select, update

from jobs.rules.facts.evidence import (
    BY_PHRASES,
    GRAVE,
    Document,
    Evidence,
    HeardText,
    Reading,
    Stance,
)
from jobs.store import assessments
from jobs.store.database.tables import documents as texts
from jobs.store.database.tables import heard_texts
from jobs.store.database.upsert import insert_new, upsert

IN_THE_LEDGER = "memo"
"""Memos are read with the ledger every time, so they are never missing."""


class Whose(Protocol):
    """A case or a reply."""

    @property
    def company(self) -> str: ...

    @property
    def customer(self) -> str: ...


def note(
    conn: Connection,
    whose: Whose,
    found: Iterable[Document],
    readings: Sequence[Reading],
    solved: frozenset[str] = frozenset(),
) -> None:
    """Remember what these texts say now, and forget what they no longer say.

    A text that only the phrases have read cannot take back what a model heard in it, nor can one
    that could not be read whole. Texts of `solved` tickets are not remembered. What is settled
    stays settled while the text is the same.
    """
    known = {text.document.id: text for text in of(conn, whose.company, whose.customer)}
    for document in (d for d in found if d.kind != IN_THE_LEDGER):
        said = [reading for reading in readings if reading.document == document.id]
        grave = tuple(reading for reading in said if reading.stance in GRAVE)
        before = known.get(document.id)
        harmless = not (grave or document.missing)
        if _ticket(document.id) in solved or (before and harmless and _taken_back(before, said)):
            conn.execute(delete(heard_texts).where(_theirs(whose), _is(document.id)))
        elif grave:
            _put(conn, whose, document, grave, before)


def _put(
    conn: Connection,
    whose: Whose,
    document: Document,
    grave: tuple[Reading, ...],
    before: HeardText | None,
) -> None:
    sha256 = assessments.content_hash(document)
    same = before is not None and before.sha256 == sha256
    if before and same and before.readings == grave:
        return
    row = {
        "company": whose.company,
        "customer": whose.customer,
        "document": document.id,
        "sha256": sha256,
        "source": document.source,
        "kind": document.kind,
        "written_at": document.at,
        "readings": [asdict(reading) for reading in grave],
        "settled": sorted(before.settled) if before and same else [],
    }
    upsert(conn, heard_texts, [row])


def _taken_back(before: HeardText, said: Sequence[Reading]) -> bool:
    """Whether all who could hear it have read the text again and hear nothing grave."""
    by_model = any(reading.reader != BY_PHRASES for reading in before.readings)
    return any(reading.reader != BY_PHRASES or not by_model for reading in said)


def of(conn: Connection, company: str, customer: str) -> tuple[HeardText, ...]:
    """Every text of this customer that said something grave, the oldest first."""
    theirs = (heard_texts.c.company == company) & (heard_texts.c.customer == customer)
    query = select(heard_texts, texts.c.text).outerjoin(
        texts, texts.c.sha256 == heard_texts.c.sha256
    )
    ordered = query.where(theirs).order_by(heard_texts.c.written_at, heard_texts.c.document)
    return tuple(map(_of_row, conn.execute(ordered)))


def _of_row(row: Row[Any]) -> HeardText:
    document = Document(row.document, row.source, row.kind, row.written_at, row.text or "")
    readings = tuple(
        Reading(r["document"], Stance(r["stance"]), tuple(r["lines"]), r["reader"])
        for r in row.readings
    )
    return HeardText(document, readings, row.sha256, frozenset(map(Stance, row.settled)))


def settled(conn: Connection, company: str, customer: str) -> frozenset[tuple[str, Stance]]:
    """(document, stance) of everything that finance leads have settled at this customer."""
    known = of(conn, company, customer)
    return frozenset((text.document.id, stance) for text in known for stance in text.settled)


def settle(conn: Connection, whose: Whose, found: Sequence[Evidence]) -> None:
    """A finance lead has settled exactly this."""
    for text in of(conn, whose.company, whose.customer):
        id = text.document.id
        if now := {one.stance for one in found if one.id == id}:
            done = {"settled": sorted(text.settled | now)}
            conn.execute(update(heard_texts).where(_theirs(whose), _is(id)).values(done))


def inherit(conn: Connection, company: str, loser: str, survivor: str) -> None:
    """Two customers were merged: the texts of `loser` are also those of `survivor`."""
    theirs = (heard_texts.c.company == company) & (heard_texts.c.customer == loser)
    rows = conn.execute(select(heard_texts).where(theirs)).mappings().all()
    insert_new(conn, heard_texts, [{**row, "customer": survivor} for row in rows])


def _theirs(whose: Whose) -> Any:
    owner = heard_texts.c.company == whose.company
    return owner & (heard_texts.c.customer == whose.customer)


def _is(document: str) -> Any:
    return heard_texts.c.document == document


def _ticket(document: str) -> str:
    """The ticket that a text belongs to: its notes are a text of their own."""
    return ":".join(document.split(":")[:2])
