"""Migrate a database to the current schema, and tell whether it is current."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from jobs.store.database.engine import Database


def upgrade(database: Database, revision: str = "head") -> None:
    """Run every migration up to `revision`, in one transaction; running it again does nothing."""
    _make_file(database)
    with database.writing() as conn:
        command.upgrade(_config(conn), revision)


def is_current(database: Database) -> bool:
    """Whether every migration has been run; False if the file does not exist yet."""
    file = _file(database)
    if file and file.parent.is_dir() and not file.exists():
        return False
    with database.reading() as conn:
        present = MigrationContext.configure(conn).get_current_revision()
    return present == ScriptDirectory.from_config(_config(None)).get_current_head()


def _file(database: Database) -> Path | None:
    url = database.engine.url
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def _make_file(database: Database) -> None:
    """Create SQLite's file with access for us only; if that fails, opening it says why.

    SQLite gives the files next to it (-wal, -shm) the same rights.
    """
    if file := _file(database):
        with suppress(OSError):
            file.touch()
            file.chmod(0o600)


def _config(conn: Connection | None) -> Config:
    config = Config(attributes={"connection": conn})
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    return config
