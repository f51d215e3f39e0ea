"""Cases as people decided them, with all that was known then: what the evaluation set is made of.

They are read in pages, in the order of ids: the next ones after the id `after`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, literal, select

from jobs.rules.basis import BASIS
from jobs.rules.facts.evidence import Document, Reading, Stance
from jobs.rules.facts.facts import Facts
from jobs.rules.facts.findings import Ticket
from jobs.rules.facts.past import Past
from jobs.rules.rulings import RULINGS, Ruling
from jobs.rules.states import CaseClass, Stage
from jobs.store import assessments as judgements
from jobs.store.database.tables import (
    artifacts,
    assessments,
    cases,
    decisions,
    documents,
    drafts,
)
from jobs.store.reports.reviewing import SENT

PAGE = 100
"""Facts are large."""
REOPENED = "reopen"


@dataclass(frozen=True)
class DecidedCase:
    """What a person decided about a case, and the judgement that they saw."""

    id: str
    """That of the case, or of the decision; for paging."""
    case: str
    customer: str
    reason: str
    """Why it was rejected; empty for a message that went."""
    edited: bool
    assessment: str
    made_at: datetime
    stage: Stage
    class_: CaseClass | None
    rulings: tuple[Ruling, ...]
    readings: tuple[Reading, ...]
    tickets: tuple[Ticket, ...]
    hashes: dict[str, str]
    """Id of each text → its sha256."""
    facts: Facts
    past: Past
    """Our own history with the customer as it was then."""
    policy: str
    """The text of the policy file that ruled."""


def sent(
    conn: Connection, company: str, since: datetime, until: datetime, after: str
) -> list[DecidedCase]:
    """The next cases whose message went in this period."""
    query = (
        _judged(cases.c.id, literal(""), drafts.c.edited_by)
        .join(drafts, drafts.c.id == cases.c.draft)
        .join(
            assessments, assessments.c.id == func.coalesce(drafts.c.assessment, cases.c.assessment)
        )
        .where(cases.c.company == company, cases.c.state.in_(SENT), ~cases.c.shadow)
        .where(cases.c.closed_at >= since, cases.c.closed_at < until)
    )
    return _page(conn, query, cases.c.id, after)


def rejected(
    conn: Connection, company: str, since: datetime, until: datetime, after: str
) -> list[DecidedCase]:
    """The next rejections of this period, also of what had gone, that nobody took back."""
    later = decisions.alias()
    undone = (
        select(later.c.id)
        .where(later.c.case_id == decisions.c.case_id, later.c.kind == REOPENED)
        .where(later.c.id > decisions.c.id)
        .exists()
    )
    judgement = func.coalesce(decisions.c.assessment, cases.c.assessment)
    query = (
        _judged(decisions.c.id, decisions.c.reason, literal(""))
        .join(decisions, decisions.c.case_id == cases.c.id)
        .join(assessments, assessments.c.id == judgement)
        .where(cases.c.company == company, decisions.c.kind.in_(["reject", "was_wrong"]), ~undone)
        .where(decisions.c.at >= since, decisions.c.at < until)
    )
    return _page(conn, query, decisions.c.id, after)


def _judged(
    id: ColumnElement[Any], reason: ColumnElement[Any], edited_by: ColumnElement[Any]
) -> Select[Any]:
    of_judgement = (
        *("made_at", "stage", "class", "rulings", "readings"),
        *("findings", "documents", "facts", "basis"),
    )
    return select(
        id.label("id"),
        cases.c.id.label("case"),
        cases.c.customer,
        reason.label("reason"),
        edited_by.label("edited_by"),
        assessments.c.id.label("assessment"),
        artifacts.c.text.label("policy"),
        *(assessments.c[name] for name in of_judgement),
    ).select_from(cases)


def _page(
    conn: Connection, query: Select[Any], id: ColumnElement[Any], after: str
) -> list[DecidedCase]:
    whole = assessments.c.facts.is_not(None) & assessments.c.basis.is_not(None)
    whole &= assessments.c.pruned_at.is_(None)
    query = query.outerjoin(artifacts, artifacts.c.sha256 == assessments.c.policy_sha256)
    rows = conn.execute(query.where(whole, id > after).order_by(id).limit(PAGE))
    return [_decided(row) for row in rows]


def _decided(row: Row[Any]) -> DecidedCase:
    class_ = row._mapping["class"]
    found = judgements.FINDINGS.validate_json(json.dumps(row.findings))
    return DecidedCase(
        id=row.id,
        case=row.case,
        customer=row.customer,
        reason=row.reason,
        edited=bool(row.edited_by),
        assessment=row.assessment,
        made_at=row.made_at,
        stage=Stage(row.stage),
        class_=CaseClass(class_) if class_ else None,
        rulings=RULINGS.validate_json(json.dumps(row.rulings)),
        readings=tuple(
            Reading(one["document"], Stance(one["stance"]), tuple(one["lines"]), one["reader"])
            for one in row.readings
        ),
        tickets=tuple(ticket for one in found.values() for ticket in one.tickets),
        hashes=row.documents,
        facts=judgements.FACTS.validate_json(json.dumps(row.facts)),
        past=BASIS.validate_json(json.dumps(row.basis)).past,
        policy=row.policy or "",
    )


def texts(conn: Connection, one: DecidedCase) -> list[Document] | None:
    """The texts that the judgement was made from; None where one of them has been deleted."""
    query = select(documents).where(documents.c.sha256.in_(one.hashes.values()))
    kept = {row.sha256: row for row in conn.execute(query)}
    if not kept.keys() >= set(one.hashes.values()):
        return None
    rows = ((id, kept[sha256]) for id, sha256 in one.hashes.items())
    return [Document(id, row.source, row.kind, row.written_at, row.text) for id, row in rows]
