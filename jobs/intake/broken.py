"""Tell a person which records cannot be read; all the others were processed."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from jobs.store import outbox
from jobs.store.companies import ConnectedCompany
from jobs.store.intake import ledger
from jobs.store.outbox import MessageKind
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
    data = {
        "kept": _described(conn, company.realm, kept),
        "unfit": _described(conn, company.realm, unfit),
    }
    key = f"broken:{company.realm}:{_same(found)}:{now:%G-W%V}"
    outbox.say(conn, company, MessageKind.RECORDS_BROKEN, key, data, now)


def named(broken: Sequence[Broken]) -> Sequence[Broken]:
    """The broken records; places in a list are left out when all invoices have their ids."""
    known = [record for record in broken if record.id]
    invoices = sum(record.entity == "Invoice" for record in known)
    return known if invoices >= len(broken) - len(known) else broken


def _once(broken: Iterable[Broken]) -> list[Broken]:
    """Each record once, by its id if it has one: several readings may have met it, and one of
    them may know why it is refused."""
    found = dict[tuple[str, str, int], Broken]()
    for record in broken:
        key = (record.entity, record.id, 0 if record.id else record.position)
        if key not in found or record.unfit:
            found[key] = record
    return [found[key] for key in sorted(found)]


def _described(conn: Connection, realm: str, found: Sequence[Broken]) -> dict[str, Any] | None:
    """The first of these records, with the numbers of invoices, and how many more there are."""
    if not found:
        return None
    known = ledger.mirrored(conn, realm, [b.id for b in found if b.id and b.entity == "Invoice"])
    numbers = {id: m.invoice.number for id, m in known.items()}
    first = [asdict(b) | {"number": numbers.get(b.id, "")} for b in found[:NAMED_AT_MOST]]
    return {"named": first, "more": len(found) - len(first)}


def _same(found: Sequence[Broken]) -> str:
    """A key for the set. A record without an id counts by its kind only, since its place in the
    list moves whenever another record leaves it."""
    kinds = Counter(f"{record.entity} {record.id}" for record in found)
    return hashlib.sha256(repr(sorted(kinds.items())).encode()).hexdigest()[:16]
