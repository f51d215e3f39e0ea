"""Records that QuickBooks cannot hand out are named to a person; the others went on."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from jobs.store import ledger, posts
from jobs.store.companies import Company
from qbo import Broken

NAMED_AT_MOST = 20


def tell(conn: Connection, company: Company, broken: Iterable[Broken], now: datetime) -> None:
    """One notice for all of a reading: when they are others than before, or else once a week."""
    found = sorted(set(broken), key=lambda b: (b.entity, b.id, b.position))
    if not found:
        return
    text = (
        f":warning: QuickBooks cannot hand out {_listed(conn, company.realm, found)}. All others "
        "were read. Open each in QuickBooks and save it again; often an e-mail address is the "
        "reason."
    )
    key = f"broken:{company.realm}:{_same(found)}:{now:%G-W%V}"
    posts.notice(conn, company.realm, company.channel, key, text, now)


def _listed(conn: Connection, realm: str, found: Sequence[Broken]) -> str:
    known = ledger.mirrored(conn, realm, [b.id for b in found if b.id and b.entity == "Invoice"])
    numbers = {id: m.invoice.number for id, m in known.items()}
    words = [_named(record, numbers.get(record.id, "")) for record in found[:NAMED_AT_MOST]]
    if more := len(found) - len(words):
        words.append(f"{more} more")
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _named(record: Broken, number: str) -> str:
    if record.id:
        return posts.escaped(f"{record.entity} {number or record.id}")
    return posts.escaped(f"{record.entity} no. {record.position} of the list")


def _same(found: Sequence[Broken]) -> str:
    """Of one without an id only the kind: its place moves with each record that leaves the list."""
    kinds = Counter(f"{record.entity} {record.id}" for record in found)
    return hashlib.sha256(repr(sorted(kinds.items())).encode()).hexdigest()[:16]
