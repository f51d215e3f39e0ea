"""A record that QuickBooks cannot hand out is named to a person; the others went on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from jobs.store import ledger, posts
from jobs.store.companies import Company
from qbo import Broken


def tell(conn: Connection, company: Company, broken: Iterable[Broken], now: datetime) -> None:
    """Say it once for each record, and once a week for one of which only the place is known."""
    found = list(broken)
    known = ledger.mirrored(conn, company.realm, [b.id for b in found if b.entity == "Invoice"])
    numbers = {id: m.invoice.number for id, m in known.items()}
    for record in found:
        what = f"{record.entity} {numbers.get(record.id) or record.id}"
        key = f"{record.entity} {record.id}"
        if not record.id:  # its place moves with every record that leaves the list
            what = f"{record.entity} no. {record.position} of the list"
            key = f"{record.entity} in {now:%G-W%V}"
        text = (
            f":warning: QuickBooks cannot hand out {posts.escaped(what)}. All others were read. "
            "Open it in QuickBooks and save it again; often its e-mail address is the reason."
        )
        key = f"broken:{company.realm}:{key}"
        posts.notice(conn, company.realm, company.channel, key, text, now)
