"""What texts said that counts until a person has settled it: a row for each version of a text of
a customer that said something which later versions have not said again or taken back; and which
texts a person has read, because no program could.

The texts themselves stay where they are, under their hashes, and may be deleted before the row is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, Row, delete, select, update

from jobs.rules.facts.evidence import (
    GRAVE,
    Document,
    Evidence,
    HeardText,
    Reading,
    Stance,
    TextToRead,
)
from jobs.store.database.tables import documents as texts
from jobs.store.database.tables import heard_texts, of_customer, read_texts
from jobs.store.database.upsert import insert_new, upsert

IN_THE_LEDGER = "memo"
"""Memos are read with the ledger every time, so they are never missing."""
TakesBack = Callable[[Document, Sequence[Reading], HeardText, Reading], bool]
"""Whether a document with these readings takes back one reading of an earlier version."""


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
    takes_back: TakesBack,
    solved: frozenset[str] = frozenset(),
) -> None:
    """Remember what these texts say now, and forget what they no longer say.

    `takes_back` says whether a document, of which these are the readings, takes back what an
    earlier version said. Texts of `solved` tickets are not remembered. What is settled stays
    settled while the text is the same.
    """
    known = of(conn, whose.company, whose.customer)
    for document in (d for d in found if d.kind != IN_THE_LEDGER):
        before = [text for text in known if text.document.id == document.id]
        said = [reading for reading in readings if reading.document == document.id]
        if _ticket(document.id) in solved:
            _forget(conn, whose, before)
        elif said:
            _put(conn, whose, document, said, before, takes_back)


def _put(
    conn: Connection,
    whose: Whose,
    document: Document,
    said: Sequence[Reading],
    before: Sequence[HeardText],
    takes_back: TakesBack,
) -> None:
    """Each grave thing stands with the version that said it last: its line is quoted from there."""
    grave = tuple(reading for reading in said if reading.stance in GRAVE)
    again = {reading.stance for reading in grave}

    def left(text: HeardText) -> HeardText:
        unsaid = (r for r in text.readings if r.stance not in again)
        kept = tuple(r for r in unsaid if not takes_back(document, said, text, r))
        return replace(text, readings=kept)

    versions = {text.sha256: left(text) for text in before}
    sha256 = document.sha256
    now = versions.get(sha256) or HeardText(document, (), sha256)
    versions[sha256] = replace(now, readings=(*grave, *now.readings))
    _forget(conn, whose, [text for text in before if not versions[text.sha256].readings])
    changed = (text for text in versions.values() if text.readings and text not in before)
    upsert(conn, heard_texts, [_row(whose, text) for text in changed])


def _forget(conn: Connection, whose: Whose, texts: Iterable[HeardText]) -> None:
    for text in texts:
        conn.execute(delete(heard_texts).where(_is(whose, text)))


def _row(whose: Whose, text: HeardText) -> dict[str, Any]:
    return {
        "company": whose.company,
        "customer": whose.customer,
        "document": text.document.id,
        "sha256": text.sha256,
        "source": text.document.source,
        "kind": text.document.kind,
        "written_at": text.document.at,
        "readings": [asdict(reading) for reading in text.readings],
        "settled": sorted(text.settled),
    }


def of(conn: Connection, company: str, customer: str) -> tuple[HeardText, ...]:
    """Every text of this customer that said something grave, the oldest first."""
    return tuple(map(_of_row, conn.execute(_OF, {"company": company, "customer": customer})))


_OF = (
    select(heard_texts, texts.c.text)
    .outerjoin(texts, texts.c.sha256 == heard_texts.c.sha256)
    .where(of_customer(heard_texts))
    .order_by(heard_texts.c.written_at, heard_texts.c.document)
)


def _of_row(row: Row[Any]) -> HeardText:
    document = Document(row.document, row.source, row.kind, row.written_at, row.text or "")
    readings = tuple(
        Reading(r["document"], Stance(r["stance"]), tuple(r["lines"]), r["reader"])
        for r in row.readings
    )
    return HeardText(document, readings, row.sha256, frozenset(map(Stance, row.settled)))


def settled(conn: Connection, company: str, customer: str) -> frozenset[tuple[str, Stance]]:
    """(document, stance) of everything that finance leads have settled at this customer."""
    said = [(text, r.stance) for text in of(conn, company, customer) for r in text.readings]
    settled = {(text.document.id, stance) for text, stance in said if stance in text.settled}
    return frozenset(settled - {(t.document.id, s) for t, s in said if s not in t.settled})


def settle(conn: Connection, whose: Whose, found: Sequence[Evidence]) -> None:
    """A finance lead has settled exactly this."""
    done = {(one.id, one.stance) for one in found}
    for text in of(conn, whose.company, whose.customer):
        now = {r.stance for r in text.readings if (r.document, r.stance) in done}
        if now:
            values = {"settled": sorted(text.settled | now)}
            conn.execute(update(heard_texts).where(_is(whose, text)).values(values))


def put_read(
    conn: Connection, whose: Whose, found: Iterable[TextToRead], by: str, now: datetime
) -> None:
    """A person has read exactly these texts."""
    theirs = {"company": whose.company, "customer": whose.customer, "read_by": by, "read_at": now}
    rows = [{**theirs, "document": one.document.id, "sha256": one.sha256} for one in found]
    insert_new(conn, read_texts, rows)


def read(conn: Connection, company: str, customer: str) -> frozenset[tuple[str, str]]:
    """(document, fingerprint) of every text of this customer that a person has read."""
    theirs = (read_texts.c.company == company) & (read_texts.c.customer == customer)
    query = select(read_texts.c.document, read_texts.c.sha256).where(theirs)
    return frozenset((document, sha256) for document, sha256 in conn.execute(query))


def inherit(conn: Connection, company: str, loser: str, survivor: str) -> None:
    """Two customers were merged: the texts of `loser` are also those of `survivor`."""
    for table in (heard_texts, read_texts):
        theirs = (table.c.company == company) & (table.c.customer == loser)
        rows = conn.execute(select(table).where(theirs)).mappings().all()
        insert_new(conn, table, [{**row, "customer": survivor} for row in rows])


def _is(whose: Whose, text: HeardText) -> Any:
    owner = (heard_texts.c.company == whose.company) & (heard_texts.c.customer == whose.customer)
    same = heard_texts.c.sha256 == text.sha256
    return owner & same & (heard_texts.c.document == text.document.id)


def _ticket(document: str) -> str:
    """The ticket that a text belongs to: its notes are a text of their own."""
    return ":".join(document.split(":")[:2])
