"""A record for every test of the store."""

from tests.jobs.store.copies import database, postgres_copies, record_url, sqlite_copies

__all__ = ["database", "postgres_copies", "record_url", "sqlite_copies"]
