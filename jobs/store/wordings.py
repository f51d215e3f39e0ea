"""A company's own texts, version by version, and the changes that the weekly review proposed.

A version never changes: the next one follows it, also where a change is taken back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, select, true, update

from jobs.rules.letters.company_texts import CompanyTexts, OwnText, TextKind, TextName
from jobs.rules.letters.learning import WordingChange
from jobs.store.database.tables import wording_proposals, wordings
from jobs.store.database.upsert import insert_or_ignore


@dataclass(frozen=True)
class WordingVersion:
    """A text of a company from some time on.

    `text` is empty where it is the standard text again, or no instruction. `replaces` is the
    version that was in use before the change was taken (0: the standard text), and `proposal` the
    fingerprint of that change; empty for the standard text.
    """

    text_name: TextName
    version: int
    text: str
    sha256: str
    replaces: int
    proposal: str
    taken_by: str
    taken_at: datetime


def texts(conn: Connection, company: str) -> CompanyTexts:
    """What the company has of its own now."""
    newest = {one.text_name: one.text for one in versions(conn, company)}
    return CompanyTexts(tuple(OwnText(name, text) for name, text in newest.items() if text))


def restored(conn: Connection, company: str, hashed: CompanyTexts) -> CompanyTexts:
    """The texts of which `hashed` holds the hashes. Raises KeyError for one that never was."""
    known = {one.sha256: one.text for one in versions(conn, company)}
    return CompanyTexts(tuple(OwnText(one.named, known[one.text]) for one in hashed.own))


def versions(conn: Connection, company: str) -> list[WordingVersion]:
    """Every version of every text of a company, in order."""
    names = (wordings.c.kind, wordings.c.language, wordings.c.name, wordings.c.version)
    query = select(wordings).where(wordings.c.company == company).order_by(*names)
    return [_version(row) for row in conn.execute(query)]


def versions_of(conn: Connection, company: str, name: TextName) -> list[WordingVersion]:
    """Every version of one text, in order; empty while it is the standard one."""
    mine = (wordings.c.company == company) & _named(wordings, name)
    query = select(wordings).where(mine).order_by(wordings.c.version)
    return [_version(row) for row in conn.execute(query)]


def _version(row: Row[Any]) -> WordingVersion:
    rest = (row.sha256, row.replaces, row.proposal, row.taken_by, row.taken_at)
    return WordingVersion(_name(row), row.version, row.text, *rest)


def _name(row: Row[Any]) -> TextName:
    return TextName(TextKind(row.kind), row.language, row.name)


def _named(table: Table, name: TextName) -> ColumnElement[bool]:
    kind, language, called = name
    return (table.c.kind == kind) & (table.c.language == language) & (table.c.name == called)


def add(conn: Connection, company: str, one: WordingVersion) -> bool:
    """Put this version in use; False if another has its number already."""
    kind, language, name = one.text_name
    row = {
        "company": company,
        "kind": kind,
        "language": language,
        "name": name,
        "version": one.version,
        "text": one.text,
        "sha256": one.sha256,
        "replaces": one.replaces,
        "proposal": one.proposal,
        "taken_by": one.taken_by,
        "taken_at": one.taken_at,
    }
    return insert_or_ignore(conn, wordings, row)


class ProposalState(StrEnum):
    """What became of a proposed change."""

    OPEN = "open"
    TAKEN = "taken"
    DECLINED = "declined"
    TAKEN_BACK = "taken_back"


@dataclass(frozen=True)
class ProposedWording:
    """A change that a review proposed, and who answered it; `week` is the Monday with which the
    last week began of which a review did so."""

    fingerprint: str
    week: date
    change: WordingChange
    state: ProposalState
    answered_by: str
    answered_at: datetime | None


def propose(conn: Connection, company: str, week: date, change: WordingChange) -> None:
    """Keep a proposal. One that is there and still open is proposed again, with what shows it now;
    an answered one stays as it is."""
    kind, language, name = change.text
    row = {
        "company": company,
        "fingerprint": change.fingerprint,
        "week": week,
        "kind": kind,
        "language": language,
        "name": name,
        "before": change.before,
        "after": change.after,
        "below": change.below,
        "base": change.base,
        "cases": list(change.cases),
        "customers": change.customers,
        "state": ProposalState.OPEN,
    }
    if not insert_or_ignore(conn, wording_proposals, row):
        shown = {name: row[name] for name in ("week", "cases", "customers")}
        again = _mine(company, change.fingerprint, ProposalState.OPEN)
        conn.execute(update(wording_proposals).where(again).values(**shown))


def proposal(conn: Connection, company: str, fingerprint: str) -> ProposedWording | None:
    """One proposal as it is now."""
    return next(
        iter(_proposed(conn, company, wording_proposals.c.fingerprint == fingerprint)), None
    )


def all_proposed(conn: Connection, company: str) -> list[ProposedWording]:
    """Every proposal there was, the oldest first."""
    return _proposed(conn, company, true())


def answered(conn: Connection, company: str) -> set[tuple[TextName, str, str]]:
    """`WordingChange.in_words` of every change that somebody has taken or declined."""
    some = _proposed(conn, company, wording_proposals.c.state != ProposalState.OPEN)
    return {one.change.in_words for one in some}


def _proposed(conn: Connection, company: str, wanted: ColumnElement[bool]) -> list[ProposedWording]:
    query = select(wording_proposals).where(wording_proposals.c.company == company, wanted)
    newest = query.order_by(wording_proposals.c.week, wording_proposals.c.fingerprint)
    return [_of_row(row) for row in conn.execute(newest)]


def _of_row(row: Row[Any]) -> ProposedWording:
    words = (row.before, row.after, row.below, row.base)
    change = WordingChange(_name(row), *words, tuple(row.cases), row.customers)
    state = ProposalState(row.state)
    return ProposedWording(
        row.fingerprint, row.week, change, state, row.answered_by, row.answered_at
    )


def answer(
    conn: Connection,
    company: str,
    fingerprint: str,
    was: ProposalState,
    now_is: ProposalState,
    by: str,
    now: datetime,
) -> bool:
    """Move a proposal on; False if it was in another state, so somebody came first."""
    mine = _mine(company, fingerprint, was)
    answer = {"state": now_is, "answered_by": by, "answered_at": now}
    return conn.execute(update(wording_proposals).where(mine).values(**answer)).rowcount == 1


def _mine(company: str, fingerprint: str, state: ProposalState) -> ColumnElement[bool]:
    mine = (wording_proposals.c.company == company) & (wording_proposals.c.state == state)
    return mine & (wording_proposals.c.fingerprint == fingerprint)
