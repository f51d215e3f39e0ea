"""Requests that were processed, by signature, so that a replayed copy is not processed again."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from jobs.store.tables import taken
from jobs.store.upsert import insert_or_ignore

KEPT = timedelta(minutes=15)
"""Longer than a signature is valid: five minutes before and after the time it names."""
PRUNED_TOGETHER = 100


def take(conn: Connection, signature: str, now: datetime) -> bool:
    """Record that a request is being processed; False if any process has already taken it.

    Of several callers at the same moment only one gets True. Rows that are too old to be replayed
    are deleted here, a few at each call.
    """
    sha256 = hashlib.sha256(signature.encode()).hexdigest()
    first = insert_or_ignore(conn, taken, {"sha256": sha256, "taken_at": now})
    old = select(taken.c.sha256).where(taken.c.taken_at < now - KEPT).limit(PRUNED_TOGETHER)
    # rows that another process is just deleting are left to it
    conn.execute(delete(taken).where(taken.c.sha256.in_(old.with_for_update(skip_locked=True))))
    return first
