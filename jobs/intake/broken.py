"""Tell a person which records cannot be read; all the others were processed."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from jobs.rules.figures import listed
from jobs.store import ledger, posts
from jobs.store.companies import ConnectedCompany
from qbo import Broken

NAMED_AT_MOST = 20


def tell(
    conn: Connection, company: ConnectedCompany, broken: Iterable[Broken], now: datetime
) -> None:
    """One notice for all broken records of a reading: when they have changed, or once a week."""
    found = _once(broken)
    if not found:
        return
    kept, unfit = [b for b in found if not b.unfit], [b for b in found if b.unfit]
    said = []
    if kept:
        said.append(
            f"QuickBooks could not return {_listed(conn, company.realm, kept)}. Open each there "
            "and save it again; the cause is often an e-mail address."
        )
    if unfit:
        said.append(
            f"Overdue cannot use {_listed(conn, company.realm, unfit)}: these fields are empty, "
            "too long or in a form that it does not know. Correct them in QuickBooks."
        )
    text = ":warning: " + " ".join([*said, "All others were read."])
    key = f"broken:{company.realm}:{_same(found)}:{now:%G-W%V}"
    posts.notice(conn, company.realm, company.channel, key, text, now)


def _once(broken: Iterable[Broken]) -> list[Broken]:
    """Each record once, by its id if it has one: several readings may have met it, and one of
    them may know why it is refused."""
    found = dict[tuple[str, str, int], Broken]()
    for record in broken:
        key = (record.entity, record.id, 0 if record.id else record.position)
        if key not in found or record.unfit:
            found[key] = record
    return [found[key] for key in sorted(found)]


def _listed(conn: Connection, realm: str, found: Sequence[Broken]) -> str:
    known = ledger.mirrored(conn, realm, [b.id for b in found if b.id and b.entity == "Invoice"])
    numbers = {id: m.invoice.number for id, m in known.items()}
    words = [_named(record, numbers.get(record.id, "")) for record in found[:NAMED_AT_MOST]]
    if more := len(found) - len(words):
        words.append(f"{more} more")
    return listed(words)


def _named(record: Broken, number: str) -> str:
    name = number or record.id or f"no. {record.position} of the list"
    return posts.escaped(f"{record.entity} {name}" + (f" ({record.unfit})" if record.unfit else ""))


def _same(found: Sequence[Broken]) -> str:
    """A key for the set. A record without an id counts by its kind only, since its place in the
    list moves whenever another record leaves it."""
    kinds = Counter(f"{record.entity} {record.id}" for record in found)
    return hashlib.sha256(repr(sorted(kinds.items())).encode()).hexdigest()[:16]
