"""A record for every test: the tables are made once per engine and copied from then on."""

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import psycopg
import pytest

from jobs.store import engine, schema
from jobs.store.engine import Database
from tests.databases import postgres_database, sqlite_database

Copies = Callable[[], str]


@pytest.fixture(scope="session")
def sqlite_copies() -> Iterator[Copies]:
    """Called, it gives the URL of a fresh SQLite file with all tables."""
    with ExitStack() as stack, sqlite_database() as template:
        _migrate(template)

        def copy() -> str:
            url = stack.enter_context(sqlite_database())
            shutil.copy(template.removeprefix("sqlite:///"), url.removeprefix("sqlite:///"))
            return url

        yield copy


@pytest.fixture(scope="session")
def postgres_copies(postgres: str) -> Iterator[Copies]:
    """Called, it gives the URL of a fresh PostgreSQL database with all tables."""
    with postgres_database(postgres) as template, ExitStack() as stack:
        _migrate(template)
        yield lambda: stack.enter_context(_copy(postgres, template))


@pytest.fixture(params=["sqlite", "postgresql"])
def record_url(request: pytest.FixtureRequest) -> str:
    """A database with all tables and no rows; the test runs once on each engine."""
    kind = "sqlite_copies" if request.param == "sqlite" else "postgres_copies"
    copies: Copies = request.getfixturevalue(kind)
    return copies()


@pytest.fixture
def database(record_url: str) -> Iterator[Database]:
    """The record as a worker opens it."""
    opened = engine.connect(record_url)
    yield opened
    opened.close()


@contextmanager
def _copy(server: str, template: str) -> Iterator[str]:
    name, source = f"overdue_test_{uuid.uuid4().hex[:12]}", urlsplit(template).path[1:]
    # by file, three times as fast as by log; PostgreSQL 15 and later
    _run(server, f"CREATE DATABASE {name} TEMPLATE {source} STRATEGY FILE_COPY")
    yield urlsplit(server)._replace(path=f"/{name}").geturl()
    _run(server, f"DROP DATABASE {name} WITH (FORCE)")


def _run(server: str, statement: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement.encode())


def _migrate(url: str) -> None:
    database = engine.connect(url)
    schema.upgrade(database)
    database.close()
