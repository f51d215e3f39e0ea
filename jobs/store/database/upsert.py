"""INSERT … ON CONFLICT, the same for SQLite and PostgreSQL; and how many ids go into a query."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    counted = {"preserve_rowcount": True}
    return (
        conn.execute(_ignoring(conn.dialect.name, table), row, execution_options=counted).rowcount
        == 1
    )


def insert_missing(conn: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert those of `rows` that no unique constraint refuses."""
    if rows:
        conn.execute(_ignoring(conn.dialect.name, table), rows)


@cache  # making a statement takes longer than running it
def _ignoring(dialect: str, table: Table) -> Any:
    return _INSERT[dialect](table).on_conflict_do_nothing()


def insert_new(conn: Connection, table: Table, rows: list[dict[str, Any]]) -> list[Row[Any]]:
    """Insert those of `rows` that no unique constraint refuses; returns them as stored."""
    if not rows:
        return []
    return list(conn.execute(_ignoring(conn.dialect.name, table).returning(table), rows))


def upsert(conn: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert `rows`; if the primary key exists, overwrite the given columns."""
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    statement = _INSERT[conn.dialect.name](table)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    conn.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), rows)


def added(conn: Connection, table: Table, row: dict[str, Any]) -> Row[Any]:
    """Insert `row`; if the primary key exists, add its numbers to those there. Returns the row."""
    keys = [column.name for column in table.primary_key]
    statement = _INSERT[conn.dialect.name](table).values(**row)
    sums = {n: table.c[n] + statement.excluded[n] for n in row if n not in keys}
    both = statement.on_conflict_do_update(index_elements=keys, set_=sums)
    return conn.execute(both.returning(table)).one()


def runs(ids: Sequence[str], size: int = 500) -> Iterator[Sequence[str]]:
    """`ids` in runs short enough for one query."""
    return (ids[start : start + size] for start in range(0, len(ids), size))
