"""A record for every test of the store."""

from tests.jobs.store.copies import database

__all__ = ["database"]
