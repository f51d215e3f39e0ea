"""A record that QuickBooks cannot hand out is named to a person; the others went on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from jobs.store import posts
from jobs.store.companies import Company
from qbo import Broken


def tell(conn: Connection, company: Company, broken: Iterable[Broken], now: datetime) -> None:
    """Say it once for each record."""
    for record in broken:
        what = f"{record.entity} {record.id or f'no. {record.position} of the list'}"
        text = (
            f":warning: QuickBooks cannot hand out {what}. All others were read. "
            "Open it in QuickBooks and save it again; often its e-mail address is the reason."
        )
        key = f"broken:{company.realm}:{what}"
        posts.alarm(conn, company.realm, company.channel, key, text, now)
