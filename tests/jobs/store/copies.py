"""A record for every test: the tables are made once per engine, then copied or emptied."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psycopg
import pytest

from jobs.store.database import engine, schema
from jobs.store.database.engine import Database
from jobs.store.database.tables import metadata
from tests.databases import kept_engine, postgres_database, sqlite_copy, sqlite_database

Copies = Callable[[], AbstractContextManager[str]]


@pytest.fixture(scope="session")
def sqlite_copies() -> Iterator[Copies]:
    """Called, it lends the URL of a fresh SQLite file with all tables."""
    with sqlite_database() as template:
        _migrate(template)
        yield lambda: sqlite_copy(Path(template.removeprefix("sqlite:///")))


@pytest.fixture(scope="session")
def postgres_copies(postgres: str) -> Iterator[Copies]:
    """Called, it lends the URL of a PostgreSQL database with all tables and no rows."""
    with postgres_database(postgres) as url:
        _migrate(url)
        yield lambda: _lent(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def record_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A database with all tables and no rows; the test runs once on each engine."""
    kind = "sqlite_copies" if request.param == "sqlite" else "postgres_copies"
    copies: Copies = request.getfixturevalue(kind)
    with copies() as url:
        yield url


@pytest.fixture
def database(record_url: str) -> Iterator[Database]:
    """The record as a worker opens it."""
    opened = kept_engine(record_url)
    yield opened
    opened.close()


@contextmanager
def _lent(url: str) -> Iterator[str]:
    """Emptied afterwards: far quicker than a database of one's own."""
    yield url
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        own = {name for (name,) in found} - {*metadata.tables, "alembic_version"}
        statements = (
            "SET lock_timeout = '60s'",  # for whoever is left from the test
            "SET session_replication_role = replica",  # past keys and guards
            *(f"DELETE FROM {table}" for table in metadata.tables),
            *(f"DROP TABLE {table}" for table in own),  # a test's own
            "SELECT setval(sequencename::regclass, 1, false) FROM pg_sequences",
        )
        connection.execute(";".join(statements).encode())


def _migrate(url: str) -> None:
    database = engine.connect(url)
    schema.upgrade(database)
    database.close()
