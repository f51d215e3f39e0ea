"""Drafts, which never change, the decisions people took on them, and test copies of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, func, insert, select, update

from jobs.rules.case import Decision
from jobs.rules.letters.letter import Letter, from_json
from jobs.rules.rulings import RULINGS, Ruling
from jobs.store.cases import Case
from jobs.store.database.tables import cases, decisions, draft_copies, drafts
from jobs.store.database.upsert import insert_or_ignore
from jobs.store.work import Claim

_ONE = select(drafts).where(drafts.c.id == bindparam("one"))
_ON = (decisions.c.draft == bindparam("one")) & decisions.c.kind.in_(
    bindparam("kinds", expanding=True)
)
_DECIDED = select(decisions).where(decisions.c.case_id == bindparam("one")).order_by(decisions.c.id)
_DECIDED_ON = select(decisions).where(_ON).order_by(decisions.c.id)


@dataclass(frozen=True)
class Draft:
    """One immutable version of a letter, and the assessment it follows from."""

    id: str
    case: str
    assessment: str | None
    version: int
    letter: Letter
    sha256: str
    author: str
    author_reason: str
    wording: str
    """The hash of the company's own text that it was made from; empty for any other text."""
    edited_by: str
    violations: tuple[str, ...]
    rulings: tuple[Ruling, ...]
    """What the rules say about its words."""
    changed: tuple[str, ...]
    """What differs from the version before, as sentences."""
    marked: bool
    """A person said that figures which are on no record are an instalment or a date to meet."""
    deadline: date | None
    written_at: datetime
    pruned_at: datetime | None
    """When its words were deleted."""


def write_draft(
    conn: Connection, case_id: str, letter: Letter, now: datetime, **columns: Any
) -> Draft:
    """Store the next version of the letter. Columns left out are empty."""
    row = {
        "case_id": case_id,
        "assessment": None,
        "version": conn.execute(_LAST_VERSION, {"case": case_id}).scalar_one() + 1,
        "letter": letter.canonical().decode(),
        "sha256": letter.sha256(),
        "author": "",
        "author_reason": "",
        "wording": "",
        "edited_by": "",
        "violations": [],
        "rulings": [],
        "changed": [],
        "marked": False,
        "deadline": None,
        "written_at": now,
        **columns,
    }
    return draft(conn, conn.execute(_INSERT, row).scalar_one())


_LAST_VERSION = select(func.coalesce(func.max(drafts.c.version), 0)).where(
    drafts.c.case_id == bindparam("case")
)
_INSERT = insert(drafts).returning(drafts.c.id)


def rewrite_draft(
    conn: Connection, old: Draft, now: datetime, changed: Iterable[str] = ()
) -> Draft:
    """The same text as a new draft: approvals given for the old one do not count for it."""
    kept = {
        "assessment": old.assessment,
        "author": old.author,
        "author_reason": old.author_reason,
        "wording": old.wording,
        "edited_by": old.edited_by,
        "violations": list(old.violations),
        "rulings": RULINGS.dump_python(old.rulings, mode="json"),
        "marked": old.marked,
        "deadline": old.deadline,
        "changed": list(changed),
    }
    return write_draft(conn, old.case, old.letter, now, **kept)


def draft(conn: Connection, id: str) -> Draft:
    """One draft by its id."""
    return draft_of_row(conn.execute(_ONE, {"one": id}).one())


def draft_of_row(row: Row[Any]) -> Draft:
    """The draft in a row of the table."""
    return Draft(
        id=row.id,
        case=row.case_id,
        assessment=row.assessment,
        version=row.version,
        letter=from_json(json.loads(row.letter)),
        sha256=row.sha256,
        author=row.author,
        author_reason=row.author_reason,
        wording=row.wording,
        edited_by=row.edited_by,
        violations=tuple(row.violations),
        rulings=RULINGS.validate_json(json.dumps(row.rulings)),
        changed=tuple(row.changed),
        marked=row.marked,
        deadline=row.deadline,
        written_at=row.written_at,
        pruned_at=row.pruned_at,
    )


def latest(conn: Connection, case_id: str) -> Draft | None:
    """The latest draft of a case, even if it can no longer be approved."""
    id = conn.execute(_LATEST, {"case": case_id}).scalar()
    return draft(conn, str(id)) if id else None


_LATEST = select(func.max(drafts.c.id)).where(drafts.c.case_id == bindparam("case"))


def record(
    conn: Connection,
    case: Case,
    decision: Decision,
    draft: Draft | None,
    policy_sha256: str,
) -> None:
    """Store a decision, in the transaction of its move. One approval per person and draft."""
    row = {
        "case_id": case.id,
        "assessment": case.assessment,
        "draft": draft.id if draft else None,
        "draft_sha256": draft.sha256 if draft else "",
        "kind": decision.kind,
        "actor": decision.actor,
        "at": decision.at,
        "reason": decision.reason,
        "comment": decision.comment,
        "policy_sha256": policy_sha256,
    }
    insert_or_ignore(conn, decisions, row)


def decided(conn: Connection, case_id: str) -> tuple[Decision, ...]:
    """All decisions on a case, oldest first."""
    return _decisions(conn.execute(_DECIDED, {"one": case_id}))


def decided_on(conn: Connection, draft_id: str, *kinds: str) -> tuple[Decision, ...]:
    """The decisions of these kinds on one draft, oldest first."""
    return _decisions(conn.execute(_DECIDED_ON, {"one": draft_id, "kinds": kinds}))


def last_of_each(conn: Connection, company: str) -> dict[str, Decision]:
    """Who ever decided anything in a company → their last decision."""
    theirs = select(func.max(decisions.c.id)).join(cases, cases.c.id == decisions.c.case_id)
    last = theirs.where(cases.c.company == company).group_by(decisions.c.actor)
    rows = conn.execute(select(decisions).where(decisions.c.id.in_(last)))
    return {one.actor: one for one in _decisions(rows)}


def _decisions(rows: Iterable[Row[Any]]) -> tuple[Decision, ...]:
    return tuple(Decision(r.kind, r.actor, r.at, r.reason, r.comment) for r in rows)


def ask_copy(conn: Connection, case: Case, draft: Draft, person: str, now: datetime) -> bool:
    """Have this draft mailed to this person as a test; False if it was asked for before.

    asked → in_flight → sent, not_sent or unknown; refused if it must not go. It is no contact.
    """
    row = {"case_id": case.id, "draft": draft.id, "person": person, "state": "asked"}
    return insert_or_ignore(conn, draft_copies, {**row, "asked_at": now, "due_at": now})


def copies_asked() -> ColumnElement[bool]:
    """Those that have not ended."""
    return draft_copies.c.ended_at.is_(None)


def doubt_copies(conn: Connection, company: str, now: datetime) -> None:
    """The copies that a company's people have asked for may have been sent already."""
    theirs = select(cases.c.id).where(cases.c.company == company)
    asked = (draft_copies.c.state == "asked") & draft_copies.c.case_id.in_(theirs)
    conn.execute(update(draft_copies).where(asked).values(state="in_flight", due_at=now))


def begin_copy(conn: Connection, claim: Claim, address: str, message_id: str) -> bool:
    """Write the intent to hand it over; False if the claim is not ours."""
    ours = (draft_copies.c.id == claim.id) & (draft_copies.c.token == claim.token)
    intent = {"state": "in_flight", "address": address, "message_id": message_id}
    return conn.execute(update(draft_copies).where(ours).values(**intent)).rowcount == 1
