"""The letters that went in a person's words, with what the version they saw was made from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from jobs.rules.basis import BASIS
from jobs.rules.facts.facts import Facts
from jobs.rules.facts.past import Past
from jobs.rules.letters.letter import Letter, from_json
from jobs.rules.states import CaseClass, State
from jobs.store.assessments import FACTS
from jobs.store.database.tables import assessments, cases, drafts

PAGE = 25
"""Their facts are the largest texts there are."""


@dataclass(frozen=True)
class PastEdit:
    """A letter of ours as a person saw it, the one that went, and the facts of ours."""

    id: str
    """That of its case."""
    customer: str
    class_: CaseClass
    author: str
    """Who wrote ours: a model and its prompt, or "template"."""
    ours: Letter
    sent: Letter
    deadline: date | None
    facts: Facts
    past: Past
    written: tuple[str, ...]
    """The sentences of ours that the model wrote, with slots."""
    clean: bool
    """Whether the letter that went broke no rule."""


def edits(
    conn: Connection, company: str, since: datetime, until: datetime, after: str
) -> list[PastEdit]:
    """The next of them that went in this period, by the id of their case.

    Without those whose figures a person vouched for, and those whose words are deleted.
    """
    page = _query(company, since, until).where(cases.c.id > after).order_by(cases.c.id)
    return [_of_row(row) for row in conn.execute(page.limit(PAGE))]


def _query(company: str, since: datetime, until: datetime) -> Select[Any]:
    """Of each case the letter that went, and the last version before it that nobody had edited."""
    ours, some = drafts.alias(), drafts.alias()
    seen = (
        select(func.max(some.c.version))
        .where(some.c.case_id == cases.c.id, some.c.edited_by == "")
        .where(some.c.version < drafts.c.version)
        .scalar_subquery()
    )
    clean = (drafts.c.edited_by != "") & drafts.c.marked.is_(False)
    kept = drafts.c.pruned_at.is_(None) & assessments.c.pruned_at.is_(None)
    return (
        select(
            *(cases.c.id, cases.c.customer, drafts.c.letter, drafts.c.violations),
            *(ours.c.letter.label("seen"), ours.c.author, ours.c.deadline),
            *(assessments.c["class"], assessments.c.facts, assessments.c.basis),
        )
        .select_from(cases)
        .join(drafts, drafts.c.id == cases.c.draft)
        .join(ours, (ours.c.case_id == cases.c.id) & (ours.c.version == seen))
        .join(assessments, assessments.c.id == ours.c.assessment)
        .where(cases.c.company == company, cases.c.state.in_([State.SENT, State.DONE]), clean, kept)
        .where(cases.c.closed_at >= since, cases.c.closed_at < until)
        .where(assessments.c.facts.is_not(None), assessments.c.basis.is_not(None))
        .where(assessments.c["class"].is_not(None))
    )


def _of_row(row: Row[Any]) -> PastEdit:
    basis = BASIS.validate_json(json.dumps(row.basis))
    return PastEdit(
        id=row.id,
        customer=row.customer,
        class_=CaseClass(row._mapping["class"]),
        author=row.author,
        ours=from_json(json.loads(row.seen)),
        sent=from_json(json.loads(row.letter)),
        deadline=row.deadline,
        facts=FACTS.validate_json(json.dumps(row.facts)),
        past=basis.past,
        written=basis.answer.sentences if basis.answer else (),
        clean=not row.violations,
    )
