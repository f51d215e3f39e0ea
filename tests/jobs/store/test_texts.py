"""A policy that rules is on record, and a new one is told."""

from datetime import UTC, datetime

from sqlalchemy import insert, select

from jobs.store import log, texts
from jobs.store.database import engine, schema
from jobs.store.database.tables import companies, messages

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
BRASS = {
    "realm": "1",
    "name": "Brass",
    "country": "US",
    "zone": "UTC",
    "home_currency": "USD",
    "channel": "C1",
    "mode": "live",
    "status": "connected",
    "connected_at": NOW,
    "connected_by": "U1",
}


def test_every_change_of_the_policy_is_logged_and_told(sqlite_url: str) -> None:
    """The same text again says nothing; another one does, also one that ruled before."""
    database = engine.connect(sqlite_url)
    schema.upgrade(database)
    with database.writing() as conn:
        conn.execute(insert(companies).values(**BRASS))
    for text in ("one", "one", "two", "one", "one", "two"):
        with database.writing() as conn:
            texts.note_policy(conn, text, NOW)
    with database.reading() as conn:
        actions = [line.fields["action"] for line in log.lines(conn, "1")]
        told = conn.execute(select(messages.c.channel, messages.c.kind)).all()
    database.close()
    assert actions == ["policy.changed"] * 4
    assert [tuple(row) for row in told] == [("C1", "notice")] * 4
