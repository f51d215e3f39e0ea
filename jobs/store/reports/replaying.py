"""Past assessments with everything that they were made from, many at once.

Each function reads what it needs in a few statements, however many assessments are asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, func, null, select

from jobs.rules.basis import BASIS, CaseBasis
from jobs.rules.facts.evidence import Reading, Stance
from jobs.rules.facts.facts import Facts
from jobs.rules.facts.findings import Context, Findings, Fresh
from jobs.rules.letters.company_texts import STANDARD, CompanyTexts
from jobs.rules.states import Stage
from jobs.store import cases as cases_store
from jobs.store import companies, wordings
from jobs.store.assessments import FACTS, Assessment, of_row
from jobs.store.cases import Case
from jobs.store.companies import ConnectedCompany
from jobs.store.database.tables import artifacts, assessments, cases, documents, drafts, sends
from jobs.store.drafts import Draft, draft_of_row
from jobs.store.sends import ACCEPTED

Read = TypeVar("Read")


@dataclass(frozen=True)
class PastAssessment:
    """An assessment of a case whose context was known, with that context as it was."""

    said: Assessment
    case: Case
    company: ConnectedCompany
    policy_sha256: str
    stage: Stage
    failure: str
    stored: Mapping[str, Any]
    """Its rulings, evidence and reasons, letter by letter."""
    context: Context
    """A text that has been deleted is empty, and named in `gone`."""
    readings: tuple[Reading, ...]
    """Those of its documents; what earlier texts said is in the basis."""
    basis: CaseBasis
    gone: frozenset[str]
    """Documents whose texts have been deleted."""
    pruned_at: datetime | None
    """When its own words were deleted."""
    draft: Draft | None
    """The letter that was written then."""
    before: Draft | None
    """The version that it followed."""
    lost_text: str
    """The hash of a company's own text that is no longer on record, or empty."""
    sent: bool
    """The case's mail went out with a draft of this assessment."""


class AlteredRow(ValueError):
    """A row is not as it was written, so nobody can tell what was known; `case` is the case's."""

    def __init__(self, case: str) -> None:
        super().__init__(f"a judgement of case {case} cannot be read")
        self.case = case


def of_case(conn: Connection, case_id: str) -> list[str]:
    """The ids of the assessments of a case that can be made again, the oldest first."""
    theirs = select(assessments.c.id).where(assessments.c.case_id == case_id, _complete())
    return list(conn.scalars(theirs.order_by(assessments.c.id)))


def last_of_each(
    conn: Connection, since: datetime, until: datetime, company: str = ""
) -> tuple[list[str], int]:
    """The ids of the last assessment of each case in that time (UTC, `until` is not in it).

    And how many there are besides whose words have been deleted.
    """
    when = (assessments.c.made_at >= since) & (assessments.c.made_at < until) & _complete()
    last = select(func.max(assessments.c.id).label("id")).where(when)
    if company:
        last = last.join(cases, cases.c.id == assessments.c.case_id)
        last = last.where(cases.c.company == company)
    ids = last.group_by(assessments.c.case_id).subquery()
    query = select(assessments.c.id, assessments.c.pruned_at).join(
        ids, ids.c.id == assessments.c.id
    )
    rows = conn.execute(query.order_by(assessments.c.id)).all()
    there = [row.id for row in rows if row.pruned_at is None]
    return there, len(rows) - len(there)


def _complete() -> Any:
    return assessments.c.basis.is_not(None)


def policy_text(conn: Connection, sha256: str) -> str | None:
    """The policy with this hash, as it was written; None if it is not on record."""
    wanted = (artifacts.c.sha256 == sha256) & (artifacts.c.kind == "policy")
    return conn.scalar(select(artifacts.c.text).where(wanted))


def load(conn: Connection, ids: Sequence[str]) -> list[PastAssessment]:
    """These assessments, in their order; each must be one that can be made again.

    Raises AlteredRow.
    """
    query = select(assessments, null().label("about_text"))
    rows = conn.execute(query.where(assessments.c.id.in_(ids))).all()
    bases = {row.id: _read(row, _basis) for row in rows}
    about = _cases(conn, {row.case_id for row in rows})
    own = {(about[row.case_id].company, bases[row.id].texts) for row in rows}
    known = _Known(
        cases=about,
        companies={one.realm: one for one in companies.all_of_them(conn)},
        texts=_texts(conn, rows, bases.values()),
        drafts=_drafts(conn, ids, bases.values()),
        sent=_sent(conn, about),
        own_texts=_own_texts(conn, own),
    )
    found = {row.id: _read(row, lambda row: _past(row, bases[row.id], known)) for row in rows}
    return [found[id] for id in ids]


def _read(row: Row[Any], make: Callable[[Row[Any]], Read]) -> Read:
    """Raises AlteredRow."""
    try:
        return make(row)
    except (ValueError, LookupError, TypeError) as error:  # JSON of any other form
        raise AlteredRow(row.case_id) from error


def _basis(row: Row[Any]) -> CaseBasis:
    return BASIS.validate_json(json.dumps(row.basis))


@dataclass(frozen=True)
class _Known:
    """What a batch of assessments has in common."""

    cases: Mapping[str, Case]
    companies: Mapping[str, ConnectedCompany]
    texts: Mapping[str, str]
    """By hash."""
    drafts: Sequence[Draft]
    sent: frozenset[str]
    """The drafts that went out."""
    own_texts: Mapping[tuple[str, CompanyTexts], CompanyTexts]
    """Company and the hashes of its own texts → these texts."""


def _cases(conn: Connection, ids: Iterable[str]) -> dict[str, Case]:
    rows = conn.execute(select(cases).where(cases.c.id.in_(ids)))
    return {row.id: cases_store.of_row(row) for row in rows}


def _texts(
    conn: Connection, rows: Iterable[Row[Any]], bases: Iterable[CaseBasis]
) -> dict[str, str]:
    hashes = {sha256 for row in rows for sha256 in row.documents.values()}
    hashes |= {text.sha256 for basis in bases for text in basis.heard}
    query = select(documents.c.sha256, documents.c.text).where(documents.c.sha256.in_(hashes))
    return {row.sha256: row.text for row in conn.execute(query)}


def _drafts(conn: Connection, ids: Iterable[str], bases: Iterable[CaseBasis]) -> list[Draft]:
    """Those of these assessments, and those that they followed."""
    old = [basis.follows.draft for basis in bases if basis.follows]
    wanted = drafts.c.assessment.in_(ids) | drafts.c.id.in_(old)
    return [draft_of_row(row) for row in conn.execute(select(drafts).where(wanted))]


def _sent(conn: Connection, case_ids: Iterable[str]) -> frozenset[str]:
    went = sends.c.case_id.in_(case_ids) & sends.c.state.in_(ACCEPTED)
    return frozenset(conn.scalars(select(sends.c.draft).where(went)))


def _own_texts(
    conn: Connection, theirs: Collection[tuple[str, CompanyTexts]]
) -> dict[tuple[str, CompanyTexts], CompanyTexts]:
    """Company and hashes → the texts; without those of which one is not on record."""
    found = {(company, STANDARD): STANDARD for company, _ in theirs}
    for company, hashed in theirs:
        with suppress(KeyError):
            found[company, hashed] = wordings.restored(conn, company, hashed)
    return found


def _past(row: Row[Any], basis: CaseBasis, known: _Known) -> PastAssessment:
    case = known.cases[row.case_id]
    theirs = [one for one in known.drafts if one.assessment == row.id]
    follows = basis.follows.draft if basis.follows else None
    heard = tuple(
        replace(one, document=replace(one.document, text=known.texts.get(one.sha256, "")))
        for one in basis.heard
    )
    hashes = [*row.documents.items(), *((one.document.id, one.sha256) for one in heard)]
    texts = known.own_texts.get((case.company, basis.texts))
    lost = "" if texts else basis.texts.own[0].text
    said = of_row(row)
    return PastAssessment(
        said=said,
        case=case,
        company=known.companies[case.company],
        policy_sha256=row.policy_sha256,
        stage=Stage(row.stage),
        failure=row.failure,
        stored={"rulings": row.rulings, "evidence": row.evidence, "reasons": row.reasons},
        context=_context(row, said, basis, known.texts),
        readings=_readings(row, basis),
        basis=replace(basis, heard=heard, texts=texts or STANDARD),
        gone=frozenset(id for id, sha256 in hashes if sha256 not in known.texts),
        pruned_at=row.pruned_at,
        draft=next((d for d in theirs if d.written_at == row.made_at), None),
        before=next((d for d in known.drafts if d.id == follows), None),
        lost_text=lost,
        sent=any(one.id in known.sent for one in theirs),
    )


def _context(
    row: Row[Any], said: Assessment, basis: CaseBasis, texts: Mapping[str, str]
) -> Context:
    """The sources in the order that they had. Of a source whose words have been deleted, only its
    documents are known."""
    facts: Facts = FACTS.validate_json(json.dumps(row.facts))
    found = {}
    for source, bare in basis.documents:
        whole = tuple(replace(d, text=texts.get(row.documents[d.id], "")) for d in bare)
        of_source = said.findings.get(source, Findings(Fresh(basis.at)))
        found[source] = replace(of_source, documents=whole)
    return Context(facts, found)


def _readings(row: Row[Any], basis: CaseBasis) -> tuple[Reading, ...]:
    """Without those of earlier texts, which come last."""
    earlier = sum(len(text.readings) for text in basis.heard)
    own = row.readings[: len(row.readings) - earlier]
    return tuple(
        Reading(r["document"], Stance(r["stance"]), tuple(r["lines"]), r["reader"]) for r in own
    )
