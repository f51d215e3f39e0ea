"""Policy texts, stored by the hash that decisions name."""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from jobs.store import companies, log, outbox
from jobs.store.database.tables import artifacts
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
