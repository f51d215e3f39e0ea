"""Texts that are kept for a while only: documents from outside, and what people typed.

Their hashes stay where they are, in assessments and in the log, which then say that the text is
gone. A text that is read again is stored again.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Connection, Table, delete, select

from jobs.store.database.tables import documents, words

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
