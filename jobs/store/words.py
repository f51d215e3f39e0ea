"""What people typed, stored by its hash: the log has only the hash, never the words.

A row may be deleted at any time; looking up its hash then says that the words are gone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, select

from jobs.store.tables import words
from jobs.store.upsert import insert_or_ignore

PRUNED = "pruned"
"""Stands for words that are no longer kept."""


def keep(conn: Connection, text: str, now: datetime) -> dict[str, str]:
    """Store what somebody typed; returns what the log says about it: nothing for empty text."""
    if not text:
        return {}
    sha256 = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    insert_or_ignore(conn, words, {"sha256": sha256, "text": text, "said_at": now})
    return {"words": sha256}


def read(conn: Connection, hashes: Iterable[str]) -> dict[str, str]:
    """Hash → the words behind it, or PRUNED."""
    wanted = sorted(set(hashes))
    found = select(words.c.sha256, words.c.text).where(words.c.sha256.in_(wanted))
    return dict.fromkeys(wanted, PRUNED) | {row.sha256: row.text for row in conn.execute(found)}
