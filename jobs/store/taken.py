"""Requests that were taken, by their signatures: a copy that is sent again is not taken again."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from jobs.store.tables import taken
from jobs.store.upsert import insert_or_ignore

KEPT = timedelta(minutes=15)
"""Longer than a signature is good for: five minutes before and after the time it names."""
PRUNED_TOGETHER = 100


def take(conn: Connection, signature: str, now: datetime) -> bool:
    """Remember that a request is being taken; False where it was taken before, by any process.

    Of several at the same moment one is told True. What no copy could be made of any more is
    deleted here, a little at each call.
    """
    sha256 = hashlib.sha256(signature.encode()).hexdigest()
    first = insert_or_ignore(conn, taken, {"sha256": sha256, "taken_at": now})
    old = select(taken.c.sha256).where(taken.c.taken_at < now - KEPT).limit(PRUNED_TOGETHER)
    # rows that another process deletes just now are left to it
    conn.execute(delete(taken).where(taken.c.sha256.in_(old.with_for_update(skip_locked=True))))
    return first
