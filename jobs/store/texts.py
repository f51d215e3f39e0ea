"""Texts by the hash that decisions and assessments name: policies for good, others for a while.

Documents from outside and what people typed are deleted after some time. Their hashes stay where
they are, and then say that the text is gone; a text that is read again is stored again.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import Column, Connection, Table, delete, func, select, update

from jobs.store import companies, log, outbox
from jobs.store.database.tables import artifacts, documents, words
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


def prune(conn: Connection, before: datetime, most: int) -> int:
    """Delete at most `most` texts of each kind from before then (UTC); how many there were."""
    return sum(_prune(conn, table, at, before, most) for table, at in KEPT_BY)


def _prune(
    conn: Connection, table: Table, at: Column[datetime], before: datetime, most: int
) -> int:
    old = select(table.c.sha256).where(at < before).limit(most)
    return conn.execute(delete(table).where(table.c.sha256.in_(old))).rowcount
