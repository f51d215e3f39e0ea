"""The tables come from migrations, and are what `tables.py` says."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from jobs.store.database import engine, schema
from jobs.store.database.engine import Database
from jobs.store.database.tables import metadata

GUARDS = {
    "sqlite": {
        *("log_no_update", "log_no_delete", "log_no_replace"),
        *("assessments_no_update", "assessments_no_delete"),
        *("wordings_no_update", "wordings_no_delete"),
    },
    "postgresql": {
        *("log_no_change", "log_no_truncate"),
        *("assessments_no_change", "assessments_no_truncate"),
        *("wordings_no_change", "wordings_no_truncate"),
    },
}


@pytest.fixture
def empty(engine_url: str) -> Iterator[Database]:
    """A database in which nobody has made a table."""
    opened = engine.connect(engine_url)
    yield opened
    opened.close()


def triggers(conn: Connection) -> set[str]:
    """The names of our triggers."""
    if conn.dialect.name == "sqlite":
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    else:
        query = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    return set(conn.execute(text(query)).scalars())


def test_an_empty_database_becomes_current(empty: Database) -> None:
    """One upgrade makes every table; a second one changes nothing."""
    assert not schema.is_current(empty)
    schema.upgrade(empty)
    assert schema.is_current(empty)
    schema.upgrade(empty)
    with empty.reading() as conn:
        assert set(inspect(conn).get_table_names()) == {*metadata.tables, "alembic_version"}
        assert triggers(conn) == GUARDS[conn.dialect.name]


def test_an_upgrade_that_fails_leaves_nothing(empty: Database) -> None:
    """All migrations are one transaction: a table that is in the way stops them without trace."""
    with empty.writing() as conn:
        conn.execute(text("CREATE TABLE sends (id INTEGER)"))
    with pytest.raises(Exception, match="sends"):
        schema.upgrade(empty)
    with empty.reading() as conn:
        assert inspect(conn).get_table_names() == ["sends"]


def test_a_file_of_sqlite_is_ours_alone(tmp_path: Path) -> None:
    """So are those beside it; one that an older version left open is closed by the upgrade."""
    (file := tmp_path / "overdue.sqlite3").touch(0o644)
    opened = engine.connect(f"sqlite:///{file}")
    schema.upgrade(opened)
    with opened.reading():
        files = list(tmp_path.iterdir())
        assert {each.stat().st_mode & 0o777 for each in files} == {0o600}
        assert len(files) == 3
    opened.close()


def test_migrations_and_tables_agree(database: Database) -> None:
    """No column, type, index or key is in one place only."""
    with database.reading() as conn:
        # SQLite tells an empty default in a way that Alembic takes for another one
        defaults = {"compare_server_default": conn.dialect.name == "postgresql"}
        context = MigrationContext.configure(conn, opts=defaults)
        assert compare_metadata(context, metadata) == []


def test_partial_indexes_cover_the_same_rows(database: Database) -> None:
    """What makes a case, a crossing, an approval and a mail unique is the same in both places."""
    with database.reading() as conn:
        for table in metadata.tables.values():
            stored = {index["name"]: index for index in inspect(conn).get_indexes(table.name)}
            for index in table.indexes:
                ours = index.dialect_options[conn.dialect.name].get("where")
                theirs = stored[str(index.name)].get("dialect_options", {})
                where = theirs.get(f"{conn.dialect.name}_where")
                assert (ours is None) == (where is None)
                assert _words(str(ours)) == _words(str(where))


def _words(predicate: str) -> set[str]:
    """The quoted words of a predicate, which PostgreSQL spells its own way."""
    return set(predicate.split("'")[1::2])
