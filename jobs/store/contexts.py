"""What a case was judged by: ledger facts, readings of outside texts, proposals. Words are stored
here and can be pruned; the log only has their hashes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, func, insert, select

from jobs.rules.case import Proposal
from jobs.rules.evidence import Document, Evidence, Reading, Stance
from jobs.rules.facts import Customer, Facts, Gap
from jobs.rules.letters.letter import NOTHING, Without
from jobs.rules.money import Money
from jobs.store import companies, ledger
from jobs.store.cases import Case
from jobs.store.tables import contexts, proposals, readings
from jobs.store.upsert import insert_or_ignore

LEDGER = "quickbooks"
WITHOUT = "without"
DOCUMENTS = "documents"
"""Sources of a context row: what the ledger said, what a letter leaves out, and which outside texts
a draft was made from."""
FACTS: TypeAdapter[Facts] = TypeAdapter(Facts)
GAPS: TypeAdapter[tuple[Gap, ...]] = TypeAdapter(tuple[Gap, ...])
EVIDENCE: TypeAdapter[tuple[Evidence, ...]] = TypeAdapter(tuple[Evidence, ...])
PROPOSAL: TypeAdapter[Proposal] = TypeAdapter(Proposal)


def put_facts(conn: Connection, case_id: str, facts: Facts, sha256: str) -> str:
    """Store what the ledger said; returns the id of the context."""
    row = {
        "case_id": case_id,
        "source": LEDGER,
        "as_of": facts.as_of,
        "sha256": sha256,
        "body": FACTS.dump_python(facts, mode="json"),
    }
    return str(conn.execute(insert(contexts).values(**row).returning(contexts.c.id)).scalar_one())


def fingerprint(found: Facts) -> str:
    """A hash of the facts that does not change when only time passes.

    Nor does it change when QuickBooks e-mails an invoice: if that matters, a rule says so.
    """
    still = replace(
        found,
        as_of=datetime(2000, 1, 1, tzinfo=UTC),
        invoices=tuple(replace(i, emailed=None) for i in found.invoices),
        other_open=tuple(replace(i, emailed=None) for i in found.other_open),
    )
    return hashlib.sha256(FACTS.dump_json(still)).hexdigest()


def facts(conn: Connection, id: str) -> Facts:
    """The facts stored under this context id."""
    body = conn.execute(select(contexts.c.body).where(contexts.c.id == id)).scalar_one()
    return FACTS.validate_json(json.dumps(body))


def gaps(conn: Connection, case_id: str) -> tuple[Gap, ...]:
    """What did not add up when the case was last prepared; empty if it never was."""
    ours = (contexts.c.case_id == case_id) & (contexts.c.source == LEDGER)
    latest = select(contexts.c.body).where(ours).order_by(contexts.c.id.desc()).limit(1)
    body = conn.execute(latest).scalar()
    return GAPS.validate_json(json.dumps(body["gaps"])) if body else ()


def sha256(conn: Connection, id: str | None) -> str:
    """The fingerprint of a context, or empty if there is none."""
    if id is None:
        return ""
    return str(conn.execute(select(contexts.c.sha256).where(contexts.c.id == id)).scalar_one())


def content_hash(document: Document) -> str:
    """The key of a reading, so that the same text need not be read twice."""
    return hashlib.sha256(document.text.encode()).hexdigest()


def put_documents(
    conn: Connection, case_id: str, documents: Iterable[Document], now: datetime
) -> None:
    """Record which outside texts a draft was made from, by their hashes."""
    body = {document.id: content_hash(document) for document in documents}
    row = {"case_id": case_id, "source": DOCUMENTS, "as_of": now, "sha256": "", "body": body}
    conn.execute(insert(contexts).values(**row))


def new_documents(
    conn: Connection, case_id: str, documents: Iterable[Document]
) -> tuple[Document, ...]:
    """Those that the current draft was not made from, because they are new or changed."""
    ours = (contexts.c.case_id == case_id) & (contexts.c.source == DOCUMENTS)
    latest = select(contexts.c.body).where(ours).order_by(contexts.c.id.desc())
    known = conn.execute(latest.limit(1)).scalar() or {}
    return tuple(d for d in documents if content_hash(d) != known.get(d.id))


def known_readings(
    conn: Connection, documents: Iterable[Document], reader: str, beside: str
) -> dict[str, tuple[Reading, ...]]:
    """Document id → earlier readings of the same text, for texts that `reader` has read.

    They include those by `beside`, which reads every text too, but not those by earlier readers.
    """
    found = {}
    ours = readings.c.reader.in_((reader, beside))
    for document in documents:
        same = (readings.c.content_sha256 == content_hash(document)) & ours
        rows = conn.execute(select(readings).where(same).order_by(readings.c.stance)).all()
        if any(row.reader == reader for row in rows):
            found[document.id] = tuple(
                Reading(document.id, Stance(row.stance), tuple(row.lines), row.reader)
                for row in rows
            )
    return found


def put_readings(
    conn: Connection,
    documents: Iterable[Document],
    made: Iterable[Reading],
    reader: str,
    now: datetime,
) -> None:
    """Store readings by content; `reader` marks the text as read even if it found nothing."""
    marks = [Reading(document.id, Stance.NONE, (), reader) for document in documents]
    hashes = {document.id: content_hash(document) for document in documents}
    for reading in [*made, *marks]:
        row = {
            "content_sha256": hashes[reading.document],
            "reader": reading.reader,
            "stance": reading.stance,
            "lines": list(reading.lines),
            "read_at": now,
        }
        insert_or_ignore(conn, readings, row)


def put_proposal(
    conn: Connection,
    case_id: str,
    proposal: Proposal | None,
    failure: str,
    record: dict[str, Any] | None,
    now: datetime,
) -> None:
    """Store what the model answered, or why there is no answer."""
    row = {
        "case_id": case_id,
        "made_at": now,
        "body": PROPOSAL.dump_python(proposal, mode="json") if proposal else None,
        "failure": failure,
        "record": record,
    }
    conn.execute(insert(proposals).values(**row))


def summed_up_by(conn: Connection, case_id: str) -> str:
    """Who wrote the latest summary: a model, or "template"."""
    ours = select(proposals.c.body).where(proposals.c.case_id == case_id)
    body = conn.execute(ours.order_by(proposals.c.id.desc()).limit(1)).scalar()
    return str(body["author"]) if body else "template"


def evidence(stored: Any) -> tuple[Evidence, ...]:
    """The evidence in a column of a case."""
    return EVIDENCE.validate_json(json.dumps(stored or []))


def facts_of_case(conn: Connection, case: Case, now: datetime) -> Facts:
    """What the case knows about the ledger; from the mirror if it was never gathered."""
    if case.context is not None:
        return facts(conn, case.context)
    ours = (contexts.c.case_id == case.id) & (contexts.c.source == LEDGER)
    id = conn.execute(select(func.max(contexts.c.id)).where(ours)).scalar()
    return facts(conn, str(id)) if id else _from_mirror(conn, case, now)


def do_without(conn: Connection, case_id: str, found: Without, now: datetime) -> None:
    """Add to what the next letters of this case leave out."""
    both = found | without(conn, case_id)
    body = {"links": sorted(both.links), "files": both.files}
    row = {"case_id": case_id, "source": WITHOUT, "as_of": now, "sha256": "", "body": body}
    conn.execute(insert(contexts).values(**row))


def without(conn: Connection, case_id: str) -> Without:
    """What the letters of this case leave out."""
    ours = (contexts.c.case_id == case_id) & (contexts.c.source == WITHOUT)
    latest = select(contexts.c.body).where(ours).order_by(contexts.c.id.desc()).limit(1)
    body = conn.execute(latest).scalar()
    return Without(frozenset(body["links"]), body["files"]) if body else NOTHING


def _from_mirror(conn: Connection, case: Case, now: datetime) -> Facts:
    """Only what is in the mirror: enough for a card that says why there is nothing more."""
    company = companies.need(conn, case.company)
    members = ledger.members(case.customer, ledger.parents(conn, case.company))
    theirs = [m.invoice for m in ledger.open_of(conn, case.company, members)]
    today = company.today(now)
    spoken = tuple(i for i in theirs if i.open.currency == case.currency and i.due < today)
    name = ledger.names(conn, case.company, [case.customer]).get(case.customer, "")
    nobody = Customer(case.customer, name, "", Money(Decimal(0), case.currency))
    return Facts(
        company=company.as_fact(),
        customer=nobody,
        currency=case.currency,
        as_of=company.swept_at or now,
        invoices=spoken,
        stages={i.id: case.stage for i in spoken},
    )
