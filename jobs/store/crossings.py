"""Crossings: an invoice reaches a stage, once per round, and a case exists because of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from jobs.rules.states import Stage
from jobs.store import log
from jobs.store.cases import Case
from jobs.store.tables import crossings
from jobs.store.upsert import insert_or_ignore


def last_stages(
    conn: Connection, company: str, invoices: Iterable[str]
) -> dict[tuple[str, int], Stage]:
    """(invoice id, round) → the highest stage crossed and not given back."""
    ids, found = sorted(set(invoices)), {}
    for start in range(0, len(ids), 500):
        wanted = (
            (crossings.c.company == company)
            & crossings.c.invoice.in_(ids[start : start + 500])
            & crossings.c.released_at.is_(None)
        )
        highest = func.max(crossings.c.stage).label("stage")
        query = select(crossings.c.invoice, crossings.c.round, highest).where(wanted)
        for row in conn.execute(query.group_by(crossings.c.invoice, crossings.c.round)):
            found[row.invoice, row.round] = Stage(row.stage)
    return found


def cross(
    conn: Connection, case: Case, invoice: str, round: int, stage: Stage, now: datetime
) -> bool:
    """Let an invoice cross a stage for this case; False where it has crossed it already."""
    row = {
        "company": case.company,
        "invoice": invoice,
        "round": round,
        "stage": stage,
        "case_id": case.id,
        "crossed_at": now,
    }
    crossed = insert_or_ignore(conn, crossings, row)
    if crossed:
        data = {"invoice": invoice, "round": round, "stage": int(stage)}
        entry = log.Entry(case.company, "crossing", "system:detect", now, case.id, data)
        log.note(conn, entry)
    return crossed


def release(conn: Connection, case_id: str, now: datetime) -> None:
    """Give the crossings of a case back: it ended without contact, so they may happen again."""
    held = (crossings.c.case_id == case_id) & crossings.c.released_at.is_(None)
    conn.execute(update(crossings).where(held).values(released_at=now))


def crossed(conn: Connection, case_id: str) -> dict[str, Stage]:
    """Invoice id → the highest stage it crossed for this case."""
    held = (crossings.c.case_id == case_id) & crossings.c.released_at.is_(None)
    query = select(crossings.c.invoice, func.max(crossings.c.stage)).where(held)
    rows = conn.execute(query.group_by(crossings.c.invoice))
    return {invoice: Stage(stage) for invoice, stage in rows}
