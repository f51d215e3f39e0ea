"""Texts by the hash that decisions and assessments name: policies for good, others for a while.

Documents from outside and what people typed are deleted after some time, and so are the words of
what followed from them, some time after their case was closed. Their hashes stay where they are,
and then say that the text is gone; a text that is read again is stored again.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Select, Table, delete, func, select, update

from jobs.rules.basis import BASIS
from jobs.rules.letters.letter import from_json
from jobs.store import companies, log, outbox
from jobs.store.database.tables import (
    artifacts,
    assessments,
    cases,
    documents,
    drafts,
    messages,
    words,
)
from jobs.store.database.upsert import insert_or_ignore
from jobs.store.outbox import MessageKind


def note_policy(conn: Connection, text: str, now: datetime) -> bool:
    """Store this process's policy; if it is a new one, log it and tell each channel.

    `change` numbers the changes, and the policy with the highest number is in force: an earlier
    policy that comes back gets a new number. Returns whether it changed.
    """
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    row = {"sha256": sha256, "kind": "policy", "text": text, "first_seen_at": now}
    insert_or_ignore(conn, artifacts, row)
    last = conn.execute(select(func.max(artifacts.c.change))).scalar() or 0
    mine = artifacts.c.sha256 == sha256
    # if two processes bring the same policy, the one that waited finds the number in place
    other = mine & (func.coalesce(artifacts.c.change, 0) < max(last, 1))
    if not conn.execute(update(artifacts).where(other).values(change=last + 1)).rowcount:
        return False
    for company in companies.all_of_them(conn):
        data = {"policy": sha256}
        entry = log.Entry(company.realm, "policy.changed", "system:start", now, data=data)
        log.note(conn, entry)
        key = f"policy:{company.realm}:{last + 1}:{sha256[:32]}"
        outbox.say(conn, company, MessageKind.POLICY_CHANGED, key, {"sha256": sha256}, now)
    return True


@dataclass(frozen=True)
class PolicyVersion:
    """A policy that was in force, and since when it is known."""

    sha256: str
    text: str
    since: datetime


def policies_in_force(conn: Connection, company: str) -> list[PolicyVersion]:
    """Every policy there was, the present one first; one that came back counts from then on.

    The company's log says when each began; the first ones, from before it was connected, count from
    when they were first read.
    """
    known = select(artifacts).where(artifacts.c.kind == "policy", artifacts.c.change.is_not(None))
    began: dict[str, datetime] = {}
    for row in log.of_actions(conn, company, 1, LAST_ROW, ["policy.changed"]):
        began[row.fields["data"]["policy"]] = datetime.fromisoformat(row.fields["at"])
    return [
        PolicyVersion(row.sha256, row.text, began.get(row.sha256, row.first_seen_at))
        for row in conn.execute(known.order_by(artifacts.c.change.desc()))
    ]


LAST_ROW = 2**31 - 1
"""Past the number of every row of a log."""


def tell_trouble(conn: Connection, trouble: str, sha256: str, state: str, now: datetime) -> None:
    """Tell each channel that the policy file cannot be used, and which policy stays in force.

    An empty `trouble` says that it can be used again. `state` identifies the file as it is now:
    each state is announced once.
    """
    kind = MessageKind.POLICY_UNUSABLE if trouble else MessageKind.POLICY_USABLE
    data = {"trouble": trouble, "sha256": sha256}
    for company in companies.all_of_them(conn):
        key = f"policy_file:{company.realm}:{state}"
        outbox.say(conn, company, kind, key, data, now)


KEPT_BY = ((documents, documents.c.first_seen_at), (words, words.c.said_at))
"""Table of texts → since when each is there."""


FEW = 50
"""Rows whose words are taken out in one transaction: each is read and written again."""
GONE = "(deleted)"
"""What stands where the words of a closed case stood."""


def prune(conn: Connection, before: datetime, most: int, now: datetime) -> int:
    """Delete at most `most` texts of each kind from before then (UTC), and the words of cases that
    were closed before then; how many there were.

    What stays: who decided what and when, rules, classes, amounts, invoices, and every hash.
    """
    texts = sum(_prune(conn, table, at, before, most) for table, at in KEPT_BY)
    few = min(most, FEW)
    rows = _assessments(conn, before, few, now) + _drafts(conn, before, few, now)
    return texts + rows + _messages(conn, before, most)


def _closed(table: Table, before: datetime, most: int) -> Select[Any]:
    """Rows of cases that were closed before then and still have their words."""
    old = (cases.c.closed_at < before) & table.c.pruned_at.is_(None)
    return select(table).join(cases, cases.c.id == table.c.case_id).where(old).limit(most)


def _assessments(conn: Connection, before: datetime, most: int, now: datetime) -> int:
    """Quotes, summaries and what the sources said; a trigger allows exactly this, once."""
    rows = conn.execute(_closed(assessments, before, most)).all()
    for row in rows:
        wordless = {"summary": "", "evidence": [], "findings": {}, "pruned_at": now}
        mine = update(assessments).where(assessments.c.id == row.id)
        rest = {"rulings": _named(row.rulings), "basis": _wordless(row.basis)}
        conn.execute(mine.values(**wordless, **rest))
    return len(rows)


def _wordless(basis: Any) -> Any:
    if basis is None:
        return None
    return BASIS.dump_python(BASIS.validate_json(json.dumps(basis)).wordless(), mode="json")


def _drafts(conn: Connection, before: datetime, most: int, now: datetime) -> int:
    """Subject and text; to whom, about what and how much stays, as it is history."""
    rows = conn.execute(_closed(drafts, before, most)).all()
    for row in rows:
        letter = from_json(json.loads(row.letter))
        bare = replace(letter, subject=GONE, body=GONE).canonical().decode()
        wordless = {"violations": [], "changed": [], "pruned_at": now}
        mine = update(drafts).where(drafts.c.id == row.id)
        conn.execute(mine.values(letter=bare, rulings=_named(row.rulings), **wordless))
    return len(rows)


def _named(rulings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Only which rules fired, on what: their reasons quote subjects and names."""
    return [ruling | {"reason": GONE} for ruling in rulings]


def _messages(conn: Connection, before: datetime, most: int) -> int:
    """What was said in Slack; that it was said stays, so that it is never said again."""
    said = (messages.c.made_at < before) & messages.c.due_at.is_(None)
    old = select(messages.c.id).where(said, messages.c.body.is_not(None)).limit(most)
    wordless = update(messages).where(messages.c.id.in_(old)).values(body=None)
    return conn.execute(wordless).rowcount


def _prune(
    conn: Connection, table: Table, at: Column[datetime], before: datetime, most: int
) -> int:
    old = select(table.c.sha256).where(at < before).limit(most)
    return conn.execute(delete(table).where(table.c.sha256.in_(old))).rowcount
