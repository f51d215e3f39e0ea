"""Assessments: one row for each judgement of a case, which never changes.

A row says what was known (facts, documents by their hashes), what was read in it, what the rules
said, and what was proposed. The texts are kept beside it and can be pruned; so are the readings,
because the same text need not be read twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Text,
    bindparam,
    insert,
    null,
    select,
    type_coerce,
)

from jobs.rules.basis import BASIS, CaseBasis
from jobs.rules.case import Proposal, Reason
from jobs.rules.facts.evidence import Document, Evidence, Reading, Stance, TextToRead
from jobs.rules.facts.facts import Customer, Facts, Gap
from jobs.rules.facts.findings import Context, Down, Findings, owner
from jobs.rules.figures import Money
from jobs.rules.rulings import RULINGS, Ruling
from jobs.rules.states import CaseClass, Stage
from jobs.store import companies
from jobs.store.cases import Case
from jobs.store.customers import families
from jobs.store.database.tables import assessments, cases, documents, drafts, readings
from jobs.store.database.types import NEVER
from jobs.store.database.upsert import insert_missing
from jobs.store.intake import ledger

FACTS: TypeAdapter[Facts] = TypeAdapter(Facts)
GAPS: TypeAdapter[tuple[Gap, ...]] = TypeAdapter(tuple[Gap, ...])
EVIDENCE: TypeAdapter[tuple[Evidence, ...]] = TypeAdapter(tuple[Evidence, ...])
REASONS: TypeAdapter[tuple[Reason, ...]] = TypeAdapter(tuple[Reason, ...])
FINDINGS: TypeAdapter[dict[str, Findings]] = TypeAdapter(dict[str, Findings])
TEMPLATE = "template"
"""The author of a summary that no model wrote."""


@dataclass(frozen=True)
class Judgement:
    """What there is to store of one judgement; without context the case could not be prepared.

    `sha256` tells two judgements apart that differ in more than time; `record` has the names,
    hashes and counts of the model's answer, `failure` says why it was not used.
    """

    stage: Stage
    rulings: tuple[Ruling, ...]
    sha256: str = ""
    policy_sha256: str = ""
    context: Context | None = None
    basis: CaseBasis | None = None
    readings: tuple[Reading, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    proposal: Proposal | None = None
    failure: str = ""
    record: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Assessment:
    """A judgement as it is stored, without facts and texts; all empty before the first one.

    Its rulings begin with those about the words of the case's present draft.
    """

    id: str | None = None
    made_at: datetime = NEVER
    sha256: str = ""
    class_: CaseClass | None = None
    confidence: str = ""
    author: str = TEMPLATE
    """Who wrote the summary: a model and its prompt, or TEMPLATE."""
    summary: str = ""
    rulings: tuple[Ruling, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    reasons: tuple[Reason, ...] = ()
    findings: Mapping[str, Findings] = field(default_factory=dict)
    """By the name of their source, without texts; empty if the case could not be prepared."""

    @property
    def down(self) -> tuple[str, ...]:
        """The names of the sources that could not be read."""
        found = self.findings.items()
        return tuple(name for name, each in found if isinstance(each.freshness, Down))

    @property
    def proposal(self) -> Proposal | None:
        """What was proposed, without the words of the letter."""
        if self.class_ is None:
            return None
        said = self.reasons, self.summary
        return Proposal(self.class_, self.confidence, *said, "", (), self.author)


NOT_YET = Assessment()


def put(conn: Connection, case_id: str, made: Judgement, now: datetime) -> str:
    """Store a judgement and the texts it is based on; returns its id."""
    if made.context:
        put_documents(conn, made.context.documents, now)
    row = {
        "case_id": case_id,
        "made_at": now,
        "sha256": made.sha256,
        "policy_sha256": made.policy_sha256,
        "stage": made.stage,
        "readings": [asdict(reading) for reading in made.readings],
        "rulings": RULINGS.dump_python(made.rulings, mode="json"),
        "evidence": EVIDENCE.dump_python(made.evidence, mode="json"),
        "basis": _of_basis(made),
        **_of_context(made.context),
        **_of_proposal(made),
    }
    return str(conn.execute(_INSERT, row).scalar_one())


_INSERT = insert(assessments).returning(assessments.c.id)


def _of_context(known: Context | None) -> dict[str, Any]:
    if known is None:
        return {"facts": None, "findings": {}, "documents": {}, "owner": ""}
    bare = {source: replace(found, documents=()) for source, found in known.findings.items()}
    named = owner(known.findings)
    return {
        "owner": named[1].email if named else "",
        "facts": FACTS.dump_python(known.facts, mode="json"),
        "findings": FINDINGS.dump_python(bare, mode="json"),
        "documents": {document.id: document.sha256 for document in known.documents},
    }


def _of_basis(made: Judgement) -> Any:
    if made.basis is None or made.context is None:
        return None
    whole = {document.id: document for document in made.context.documents}
    documents = tuple(
        (source, tuple(replace(whole[id], text="") for id in _ids(found) if id in whole))
        for source, found in made.context.findings.items()
    )
    heard = tuple(replace(t, document=replace(t.document, text="")) for t in made.basis.heard)
    texts = made.basis.texts.hashed()
    kept = replace(made.basis, documents=documents, heard=heard, texts=texts)
    return BASIS.dump_python(kept, mode="json")


def _ids(found: Findings) -> tuple[str, ...]:
    return tuple(dict.fromkeys(document.id for document in found.documents))


def _of_proposal(made: Judgement) -> dict[str, Any]:
    proposal, record = made.proposal, made.record or {}
    return {
        "class": proposal.class_ if proposal else None,
        "confidence": proposal.confidence if proposal else "",
        "author": proposal.author if proposal else TEMPLATE,
        "summary": proposal.summary if proposal else "",
        "reasons": [asdict(reason) for reason in proposal.reasons] if proposal else [],
        "failure": made.failure,
        "model": record.get("model", ""),
        "prompt": record.get("prompt", ""),
        "record": dict(record) or None,
    }


def put_documents(conn: Connection, found: Iterable[Document], now: datetime) -> None:
    """Store these texts by their hashes."""
    rows = [
        {
            "sha256": document.sha256,
            "source": document.source,
            "kind": document.kind,
            "written_at": document.at,
            "first_seen_at": now,
            "text": document.text,
        }
        for document in found
    ]
    insert_missing(conn, documents, rows)


READ = (
    "id",
    "made_at",
    "sha256",
    "class",
    "confidence",
    "author",
    "summary",
    "rulings",
    "evidence",
    "reasons",
    "findings",
)
"""The columns of an Assessment; others can be large."""


def present(conn: Connection, case: Case) -> Assessment:
    """The assessment that the case points at; NOT_YET if it was never judged."""
    row = conn.execute(_present(), {"one": case.assessment, "draft": case.draft}).first()
    return of_row(row) if row else NOT_YET


@cache
def _present() -> Select[Any]:
    query = _with(drafts.c.rulings).where(assessments.c.id == bindparam("one"))
    return query.outerjoin(drafts, drafts.c.id == bindparam("draft"))


def of_case(conn: Connection, case_id: str) -> tuple[Assessment, ...]:
    """Every assessment of a case, the oldest first; drafts keep the rulings on their words."""
    query = _with(null()).where(assessments.c.case_id == case_id).order_by(assessments.c.id)
    return tuple(of_row(row) for row in conn.execute(query))


def _with(about_text: ColumnElement[Any]) -> Select[Any]:
    columns: list[ColumnElement[Any]] = [assessments.c[name] for name in READ]
    return select(*columns, about_text.label("about_text")).select_from(assessments)


def of_row(row: Row[Any]) -> Assessment:
    """The assessment in a row with the columns READ, and the rulings on the words of a draft as
    `about_text`."""
    class_ = row._mapping["class"]
    return Assessment(
        id=row.id,
        made_at=row.made_at,
        sha256=row.sha256,
        class_=CaseClass(class_) if class_ else None,
        confidence=row.confidence,
        author=row.author,
        summary=row.summary,
        rulings=_rulings([*(row.about_text or ()), *row.rulings]),
        evidence=EVIDENCE.validate_json(json.dumps(row.evidence)),
        reasons=REASONS.validate_json(json.dumps(row.reasons)),
        findings=FINDINGS.validate_json(json.dumps(row.findings)),
    )


def rulings(conn: Connection, some: Iterable[Case]) -> dict[str, tuple[Ruling, ...]]:
    """Case id → the rulings of its present assessment, for many cases at once."""
    ids = [case.id for case in some]
    query = (
        select(cases.c.id, drafts.c.rulings, assessments.c.rulings)
        .outerjoin_from(cases, assessments, assessments.c.id == cases.c.assessment)
        .outerjoin(drafts, drafts.c.id == cases.c.draft)
        .where(cases.c.id.in_(ids))
    )
    return {
        id: _rulings([*(about_text or ()), *(others or ())])
        for id, about_text, others in conn.execute(query)
    }


def _rulings(stored: Any) -> tuple[Ruling, ...]:
    return RULINGS.validate_json(json.dumps(stored))


def counts(kind: str) -> ColumnElement[bool]:
    """Assessments with evidence whose id begins so, such as "credit_memo:"."""
    said = type_coerce(assessments.c.evidence, Text)
    return said.contains(f'"{kind}', autoescape=True)


def fingerprint(found: Facts) -> str:
    """A hash of the facts that does not change when only time passes.

    Nor does it change when QuickBooks e-mails an invoice: if that matters, a rule says so; nor with
    a phone number, which no letter has.
    """
    still = replace(
        found,
        customer=replace(found.customer, phone=""),
        members=tuple(replace(member, phone="") for member in found.members),
        relatives=tuple(replace(relative, phone="") for relative in found.relatives),
        as_of=datetime(2000, 1, 1, tzinfo=UTC),
        stages=dict(sorted(found.stages.items())),  # stored facts come back in this order
        invoices=tuple(replace(i, emailed=None) for i in found.invoices),
        other_open=tuple(replace(i, emailed=None) for i in found.other_open),
    )
    return hashlib.sha256(FACTS.dump_json(still)).hexdigest()


def facts(conn: Connection, case: Case) -> Facts | None:
    """What the ledger said when the case was last judged; None if it was never prepared."""
    body = _facts(conn, case)
    return FACTS.validate_json(json.dumps(body)) if body else None


def gaps(conn: Connection, case: Case) -> tuple[Gap, ...]:
    """What did not add up when the case was last prepared; empty if it never was."""
    body = _facts(conn, case)
    return GAPS.validate_json(json.dumps(body["gaps"])) if body else ()


def _facts(conn: Connection, case: Case) -> Any:
    """An assessment of a case that could not be prepared has none, so those before it are used."""
    if case.assessment is None:
        return None
    return conn.execute(_latest_facts(), {"case": case.id, "last": case.assessment}).scalar()


@cache
def _latest_facts() -> Select[Any]:
    theirs = assessments.c.case_id == bindparam("case")
    theirs &= assessments.c.id <= bindparam("last")
    query = select(assessments.c.facts).where(theirs, assessments.c.facts.is_not(None))
    return query.order_by(assessments.c.id.desc()).limit(1)


def facts_of_case(conn: Connection, case: Case, now: datetime) -> Facts:
    """What the case knows about the ledger; from the mirror if it was never prepared."""
    return facts(conn, case) or _from_mirror(conn, case, now)


def new_documents(conn: Connection, case: Case, found: Iterable[Document]) -> tuple[Document, ...]:
    """Those that the present assessment was not made from, because they are new or changed."""
    query = select(assessments.c.documents).where(assessments.c.id == case.assessment)
    known = conn.execute(query).scalar() or {}
    return tuple(d for d in found if d.sha256 != known.get(d.id))


def to_read(conn: Connection, case: Case, ids: Collection[str]) -> tuple[TextToRead, ...]:
    """Those of these texts that the present assessment was made from, as they were then."""
    query = select(assessments.c.documents).where(assessments.c.id == case.assessment)
    hashes = {id: sha256 for id, sha256 in (conn.scalar(query) or {}).items() if id in ids}
    kept = select(documents).where(documents.c.sha256.in_(hashes.values()))
    rows = {row.sha256: row for row in conn.execute(kept)}
    return tuple(TextToRead(_text(id, rows.get(one)), one) for id, one in sorted(hashes.items()))


def _text(id: str, row: Row[Any] | None) -> Document:
    if row is None:
        return Document(id, "", "", NEVER, "")
    return Document(id, row.source, row.kind, row.written_at, row.text)


def known_readings(
    conn: Connection, documents: Iterable[Document], reader: str, beside: str
) -> dict[str, tuple[Reading, ...]]:
    """Document id → earlier readings of the same text, for texts that `reader` has read.

    They include those by `beside`, which reads every text too, but not those by earlier readers.
    """
    hashes = {document.id: document.sha256 for document in documents}
    known: dict[str, list[Row[Any]]] = {}
    given = {"hashes": list(hashes.values()), "readers": (reader, beside)}
    for row in conn.execute(_KNOWN, given):
        known.setdefault(row.content_sha256, []).append(row)
    return {
        id: tuple(_reading(id, row) for row in known[sha256])
        for id, sha256 in hashes.items()
        if any(row.reader == reader for row in known.get(sha256, ()))
    }


_KNOWN = (
    select(readings)
    .where(readings.c.content_sha256.in_(bindparam("hashes", expanding=True)))
    .where(readings.c.reader.in_(bindparam("readers", expanding=True)))
    .order_by(readings.c.stance)
)


def _reading(document: str, row: Row[Any]) -> Reading:
    return Reading(document, Stance(row.stance), tuple(row.lines), row.reader)


def put_readings(
    conn: Connection,
    documents: Iterable[Document],
    made: Iterable[Reading],
    reader: str,
    now: datetime,
) -> None:
    """Store the readings of these documents by content, those of others not; `reader` marks a text
    as read even if it found nothing."""
    hashes = {document.id: document.sha256 for document in documents}
    marks = [Reading(id, Stance.NONE, (), reader) for id in hashes]
    theirs = [reading for reading in made if reading.document in hashes]
    rows = [
        {
            "content_sha256": hashes[reading.document],
            "reader": reading.reader,
            "stance": reading.stance,
            "lines": list(reading.lines),
            "read_at": now,
        }
        for reading in [*theirs, *marks]
    ]
    insert_missing(conn, readings, rows)


def _from_mirror(conn: Connection, case: Case, now: datetime) -> Facts:
    """Only what is in the mirror: enough for a card that says why there is nothing more."""
    company = companies.need(conn, case.company)
    members = families.members(case.customer, families.parents(conn, case.company))
    theirs = [m.invoice for m in ledger.open_of(conn, case.company, members)]
    today = company.today(now)
    spoken = tuple(i for i in theirs if i.open.currency == case.currency and i.due < today)
    name = families.names(conn, case.company, [case.customer]).get(case.customer, "")
    nobody = Customer(case.customer, name, "", Money(Decimal(0), case.currency))
    return Facts(
        company=company.as_fact(),
        customer=nobody,
        currency=case.currency,
        as_of=company.swept_at or now,
        invoices=spoken,
        stages={i.id: case.stage for i in spoken},
    )
