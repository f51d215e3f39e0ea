"""The database: one engine, two kinds of transaction, and log lines appended last in a write."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import IsolationLevel
from psycopg.errors import ReadOnlySqlTransaction
from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event, func, select
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError, SQLAlchemyError

from jobs.store import log
from qbo.pacing import boot_time

WEB_PATIENCE = timedelta(seconds=1.2)
"""Slack wants its answer within 3 s, and a click writes twice (that it was taken, and the
decision), so this leaves time to say that it could not be recorded."""
WORKER_PATIENCE = timedelta(seconds=10)
AWAY = (OperationalError, InternalError, InterfaceError)
"""Errors of the database, not of a statement: unreachable, cut off, or read-only after failover."""
UNHEARD_MILLISECONDS = 10_000
"""How long sent data may stay unacknowledged before the connection counts as dead."""
LOOK_AGAIN = 0.002
"""Seconds between two attempts to take SQLite's single write lock."""


@dataclass(frozen=True)
class Database:
    """The database. Open one per process, after any fork."""

    engine: Engine
    patience: float
    """Seconds that a writer waits for a lock."""
    turn: threading.Lock | None = None
    """On SQLite, which has one writer: whose turn it is among the threads of this process."""

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction with a consistent view, in which nothing may be written."""
        with self.engine.connect() as conn, conn.begin():
            yield conn

    @contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[Connection]:
        """One short write transaction; log lines noted in it are appended just before the commit.

        On SQLite it begins IMMEDIATE: SQLite never waits for an upgrade from reading to writing,
        so a deferred transaction fails under load whatever the busy timeout is.

        Not `durable`: on SQLite the commit does not wait for the disk, and all who want to write
        wait less. A power cut, not a crash, may lose it together with all that came after it; the
        next durable commit makes it durable, too.
        """
        deadline = time.monotonic() + self.patience
        with self._in_turn(), self.engine.connect() as conn:
            conn = conn.execution_options(writing=deadline, durable=durable)
            with conn.begin():
                conn.info["noted"] = []
                yield conn
                log.append_noted(conn)

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """Threads hand the lock on to each other; only the one whose turn it is asks SQLite.

        Raises OperationalError, as SQLite would, for one that has waited too long.
        """
        if self.turn is None:
            yield
        elif self.turn.acquire(timeout=self.patience):
            try:
                yield
            finally:
                self.turn.release()
        else:
            locked = sqlite3.OperationalError("database is locked")
            raise OperationalError("BEGIN IMMEDIATE", None, locked)

    def close(self) -> None:
        self.engine.dispose()


TRUSTED_SECONDS = 5.0
"""How long a process extrapolates from the database's time before it asks again."""


class SharedTime:
    """The current time in UTC by the database's clock, which all processes share.

    So a machine whose own clock is wrong neither shortens an undo window nor claims rows early.
    Between two queries, and while the database is away, the process extrapolates. Raises a
    SQLAlchemyError if the database was never reached.
    """

    def __init__(self, database: Callable[[], Database]) -> None:
        self._database = database
        self._told: tuple[datetime, float] | None = None
        self._asked_at = 0.0

    def __call__(self) -> datetime:
        told = self._told
        if told is None or boot_time() - self._asked_at > TRUSTED_SECONDS:
            told = self._told = self._ask(told)
        time, at = told
        return time + timedelta(seconds=boot_time() - at)

    def _ask(self, before: tuple[datetime, float] | None) -> tuple[datetime, float]:
        try:
            with self._database().reading() as conn:
                told = time_of(conn), boot_time()  # in this order: better slow than fast
        except SQLAlchemyError:
            if before is None:
                raise
            told = before
        self._asked_at = boot_time()
        return told


def time_of(conn: Connection) -> datetime:
    """What the database's clock says, in UTC."""
    if conn.dialect.name == "sqlite":
        text: str = conn.execute(select(func.strftime("%Y-%m-%dT%H:%M:%f", "now"))).scalar_one()
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    found: datetime = conn.execute(select(func.clock_timestamp())).scalar_one()
    return found.astimezone(UTC)


def connect(url: str, patience: timedelta = WORKER_PATIENCE, *, durable: bool = True) -> Database:
    """The database at `url` (SQLite or PostgreSQL); `patience` is how long it waits for a lock.

    Not `durable`: a SQLite file that nobody needs after a crash; commits do not wait for the disk.
    """
    engine = create_engine(
        _with_driver(url),
        connect_args=_limits(url, patience),
        pool_pre_ping=not url.startswith("sqlite"),  # a file is never out of reach
        pool_size=10,
        max_overflow=30,
        hide_parameters=True,  # an error must not bring customer text into a log
    )
    milliseconds = int(patience.total_seconds() * 1000)
    if engine.dialect.name == "sqlite":
        _set_up_sqlite(engine, milliseconds, durable)
        return Database(engine, patience.total_seconds(), threading.Lock())
    _set_up_postgresql(engine, milliseconds)
    return Database(engine, patience.total_seconds())


def _limits(url: str, patience: timedelta) -> dict[str, int]:
    """How long PostgreSQL may be silent, unless the URL says so itself (libpq 34.1.2).

    Otherwise everybody, clicks included, would wait minutes for a machine that is gone.
    """
    if url.startswith("sqlite"):
        return {}
    limits = {
        "connect_timeout": max(2, round(patience.total_seconds())),  # in seconds, at least 2
        "tcp_user_timeout": UNHEARD_MILLISECONDS,
    }
    return {name: limit for name, limit in limits.items() if f"{name}=" not in url}


def _with_driver(url: str) -> str:
    """Hosts hand out postgres:// and postgresql:// addresses; both mean psycopg here."""
    for plain in ("postgres://", "postgresql://"):
        if url.startswith(plain):
            return "postgresql+psycopg://" + url.removeprefix(plain)
    return url


def _set_up_sqlite(engine: Engine, milliseconds: int, durable: bool) -> None:
    @event.listens_for(engine, "do_connect")
    def _(_dialect: Any, _record: Any, given: Sequence[str], _named: Any) -> None:
        """Never create the file (only `schema.upgrade` does), so a wrong folder stays clean."""
        if not given[0].startswith((":", "file:")) and not Path(given[0]).exists():
            raise sqlite3.OperationalError("unable to open database file")

    @event.listens_for(engine, "connect")
    def _(raw: Any, _record: Any) -> None:
        raw.isolation_level = None  # we send BEGIN ourselves
        for pragma in (
            "journal_mode=WAL",
            f"synchronous={'FULL' if durable else 'OFF'}",  # a decision survives a power cut
            f"busy_timeout={milliseconds}",
            "foreign_keys=ON",
            "recursive_triggers=ON",  # otherwise INSERT OR REPLACE bypasses the log's triggers
        ):
            raw.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _(conn: Connection) -> None:
        options = conn.get_execution_options()
        deadline = options.get("writing")
        _pragma(conn, f"query_only={'OFF' if deadline else 'ON'}")
        if deadline:
            if durable:
                _pragma(conn, f"synchronous={'FULL' if options['durable'] else 'NORMAL'}")
            _take_the_lock(conn, deadline, milliseconds)
        else:
            conn.exec_driver_sql("BEGIN")


def _take_the_lock(conn: Connection, deadline: float, milliseconds: int) -> None:
    """Try to take it every few milliseconds until `deadline`, by the monotonic clock.

    SQLite itself tries less and less often, in the end ten times a second, and would hardly ever
    hit the gap between two short transactions of a busy writer.
    """
    _pragma(conn, "busy_timeout=0")
    try:
        while not _began(conn, last=time.monotonic() >= deadline):
            time.sleep(LOOK_AGAIN)
    finally:
        _pragma(conn, f"busy_timeout={milliseconds}")


def _pragma(conn: Connection, setting: str) -> None:
    """Past SQLAlchemy, which takes ten times as long: there are three in each transaction."""
    raw: Any = conn.connection.dbapi_connection
    raw.execute(f"PRAGMA {setting}")


def _began(conn: Connection, *, last: bool) -> bool:
    """Whether the lock is ours. Raises OperationalError if the `last` attempt fails."""
    try:
        conn.exec_driver_sql("BEGIN IMMEDIATE")
    except OperationalError as error:
        code = getattr(error.orig, "sqlite_errorcode", 0)
        if last or code & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True


def _set_up_postgresql(engine: Engine, milliseconds: int) -> None:
    @event.listens_for(engine, "connect")
    def _(raw: Any, _record: Any) -> None:
        with raw.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = {milliseconds}")
            cursor.execute("SET timezone = 'UTC'")
        raw.commit()

    @event.listens_for(engine, "begin")
    def _(conn: Connection) -> None:
        """Psycopg sends both with its BEGIN; a SET TRANSACTION would be one more round trip."""
        raw: Any = conn.connection.dbapi_connection
        writes = bool(conn.get_execution_options().get("writing"))
        raw.read_only = None if writes else True  # None: as the server has it
        raw.isolation_level = None if writes else IsolationLevel.REPEATABLE_READ

    @event.listens_for(engine, "handle_error")
    def _(context: ExceptionContext) -> None:
        """Drop a connection to a server that is read-only since a failover, though it answers."""
        conn = context.connection
        if conn is not None and conn.get_execution_options().get("writing"):
            read_only = isinstance(context.original_exception, ReadOnlySqlTransaction)
            context.is_disconnect = context.is_disconnect or read_only

    _quote_no_row(engine)


def _quote_no_row(engine: Engine) -> None:
    @event.listens_for(engine, "handle_error")
    def _(context: ExceptionContext) -> None:
        """Remove what the server quotes of a row ("Failing row contains …"): customer text."""
        error, shown = context.original_exception, context.sqlalchemy_exception
        if isinstance(error, psycopg.Error) and error.diag.message_primary:
            whole, short = str(error), error.diag.message_primary
            error.args = (short,)
            if shown is not None:
                shown.args = tuple(str(part).replace(whole, short) for part in shown.args)
