"""Outages: since when each source is down for a customer."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from jobs.rules.facts.findings import Down, Findings, Fresh
from jobs.store.database import tables
from jobs.store.database.engine import Database
from jobs.store.services import outages
from tests.jobs.rules.world import NOW

LATER = NOW + timedelta(hours=5)


def down(minutes: int, reason: str) -> Findings:
    """A source that was found down so many minutes after NOW."""
    return Findings(Down(NOW + timedelta(minutes=minutes), reason))


def test_an_outage_keeps_its_beginning_until_it_ends(database: Database) -> None:
    """First time and reason stay, for each source and customer by itself; an answer ends it."""
    with database.writing() as conn:
        first = {"CRM": down(0, "It answered 503."), "mailbox": Findings(Fresh(NOW))}
        assert outages.remember(conn, "1", "58", first) == first
        again = {"CRM": down(9, "It is silent."), "mailbox": down(9, "Login refused.")}
        told = outages.remember(conn, "1", "58", again)
        assert told == {"CRM": first["CRM"], "mailbox": again["mailbox"]}
        healthy = {"CRM": Findings(Fresh(LATER)), "mailbox": Findings(Fresh(LATER))}
        assert outages.remember(conn, "1", "61", healthy) == healthy
        assert outages.remember(conn, "1", "58", again) == told
        assert outages.remember(conn, "1", "58", healthy) == healthy
        assert outages.remember(conn, "2", "58", again) == again
        rows = conn.execute(select(tables.outages)).all()
        assert {(row.company, row.customer, row.source) for row in rows} == {
            ("2", "58", "CRM"),
            ("2", "58", "mailbox"),
        }
