"""INSERT … ON CONFLICT, the same for SQLite and PostgreSQL; and how many ids go into a query.

Each statement is built once: that takes several times as long as its execution.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Table
from sqlalchemy.dialects import postgresql, sqlite

_INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def insert_or_ignore(conn: Connection, table: Table, row: dict[str, Any]) -> bool:
    """Insert `row` unless a unique constraint of `table` refuses it; returns whether it went in.

    Without a conflict target it covers partial indexes too, on both databases.
    """
    # psycopg does not keep the row count of an INSERT unless asked to
    options = {"preserve_rowcount": True}
    done = conn.execute(_unless_there(conn.dialect.name, table), row, execution_options=options)
    return done.rowcount == 1


def insert_missing(conn: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert those of `rows` that no unique constraint refuses."""
    if rows:
        conn.execute(_unless_there(conn.dialect.name, table), rows)


def insert_new(conn: Connection, table: Table, rows: list[dict[str, Any]]) -> list[Row[Any]]:
    """Insert those of `rows` that no unique constraint refuses; returns them as stored."""
    if not rows:
        return []
    return list(conn.execute(_unless_there(conn.dialect.name, table, returning=True), rows))


def upsert(conn: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert `rows`; if the primary key exists, overwrite the given columns."""
    if not rows:
        return
    conn.execute(_overwriting(conn.dialect.name, table, tuple(rows[0])), rows)


def added(conn: Connection, table: Table, row: dict[str, Any]) -> Row[Any]:
    """Insert `row`; if the primary key exists, add its numbers to those there. Returns the row."""
    return conn.execute(_adding(conn.dialect.name, table, tuple(row)), row).one()


def runs(ids: Sequence[str], size: int = 500) -> Iterator[Sequence[str]]:
    """`ids` in runs short enough for one query."""
    return (ids[start : start + size] for start in range(0, len(ids), size))


@cache
def _unless_there(dialect: str, table: Table, *, returning: bool = False) -> Any:
    statement = _INSERT[dialect](table).on_conflict_do_nothing()
    return statement.returning(table) if returning else statement


@cache
def _overwriting(dialect: str, table: Table, columns: Iterable[str]) -> Any:
    statement, keys = _INSERT[dialect](table), _keys(table)
    changed = {name: statement.excluded[name] for name in columns if name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=changed)


@cache
def _adding(dialect: str, table: Table, columns: Iterable[str]) -> Any:
    statement, keys = _INSERT[dialect](table), _keys(table)
    sums = {n: table.c[n] + statement.excluded[n] for n in columns if n not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=sums).returning(table)


def _keys(table: Table) -> list[str]:
    return [column.name for column in table.primary_key]
