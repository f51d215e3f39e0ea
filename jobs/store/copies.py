"""Test copies: a draft that one of us has mailed to themselves. They are no contact on record.

asked → in_flight → sent, not_sent or unknown; refused if it must not go.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, or_, select, update

from jobs.rules.facts.addresses import own_domain
from jobs.store.cases import Case
from jobs.store.database.tables import addresses, customers, draft_copies, sends
from jobs.store.database.upsert import insert_or_ignore
from jobs.store.drafts import Draft
from jobs.store.work import Claim


def ask(conn: Connection, case: Case, draft: Draft, person: str, now: datetime) -> bool:
    """Have this draft mailed to this person as a test; False if it was asked for before."""
    row = {"case_id": case.id, "draft": draft.id, "person": person, "state": "asked"}
    return insert_or_ignore(conn, draft_copies, {**row, "asked_at": now, "due_at": now})


def asked() -> ColumnElement[bool]:
    """Those that have not ended."""
    return draft_copies.c.ended_at.is_(None)


def begin(conn: Connection, claim: Claim, address: str, message_id: str) -> bool:
    """Write the intent to hand it over; False if the claim is not ours."""
    ours = (draft_copies.c.id == claim.id) & (draft_copies.c.token == claim.token)
    intent = {"state": "in_flight", "address": address, "message_id": message_id}
    return conn.execute(update(draft_copies).where(ours).values(**intent)).rowcount == 1


def is_known(conn: Connection, address: str) -> bool:
    """Whether a ledger, or a message of ours, has this address, or one of its domain.

    A domain of free mail proves nothing, so there only the address itself counts.
    """
    domain = own_domain(address)
    parts = [address] + ([f"@{domain}"] if domain else [])

    def holds(column: ColumnElement[str]) -> ColumnElement[bool]:
        return or_(*(column.icontains(part, autoescape=True) for part in parts))

    columns = (customers.c.email, addresses.c.address, sends.c.recipient)
    return any(conn.execute(select(c).where(holds(c)).limit(1)).first() for c in columns)
