"""The texts that ruled a decision, kept by their hash: decisions name them."""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import Connection

from jobs.store import companies, log, posts
from jobs.store.tables import artifacts
from jobs.store.upsert import insert_or_ignore


def note_policy(conn: Connection, text: str, now: datetime) -> bool:
    """Keep the policy of this process; one never seen before is logged and told to each channel.

    Returns whether it was new.
    """
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    row = {"sha256": sha256, "kind": "policy", "text": text, "first_seen_at": now}
    if not insert_or_ignore(conn, artifacts, row):
        return False
    for company in companies.all_of_them(conn):
        data = {"policy": sha256}
        entry = log.Entry(company.realm, "policy.changed", "system:start", now, data=data)
        log.note(conn, entry)
        told = f"The policy file has changed; its new fingerprint is `{sha256[:12]}`."
        key = f"policy:{company.realm}:{sha256[:32]}"
        posts.notice(conn, company.realm, company.channel, key, told, now)
    return True
