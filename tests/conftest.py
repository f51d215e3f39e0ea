"""What every test may ask for: a database on each engine, a Valkey server; and nothing outside."""

import contextlib
import gc
import os
import ssl
import sys
from collections.abc import Iterator
from functools import cache

import pytest
import redis
import structlog
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests import loopback
from tests.databases import NoPostgres, postgres_database, postgres_server, sqlite_database
from tests.jobs.store.copies import postgres_copies, record_url, sqlite_copies
from tests.sandbox.processes import Sandbox, sandbox
from tests.sandbox.valkey import valkey

__all__ = ["postgres_copies", "record_url", "sqlite_copies"]

UNDO_SECONDS = 2
RUNNING = {
    "tests/flows/test_processes.py": "on SQLite",
    "tests/browser/test_connecting.py": "on SQLite",
    "tests/browser/test_main_job.py": "on SQLite",
    "tests/flows/test_on_postgresql.py": "on PostgreSQL",
}
"""Which of the two running products the tests of a file share."""

settings.register_profile("quick", deadline=None, max_examples=50, print_blob=True)
settings.register_profile("thorough", parent=settings.get_profile("quick"), max_examples=1000)
settings.load_profile("quick")  # make test ARGS="--hypothesis-profile thorough"


def pytest_configure() -> None:
    """No test reaches beyond loopback, by whatever library; each worker has a Valkey of its own."""
    loopback.enforce()
    # Otherwise this process and each of the many that tests start would compile everything anew.
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if "PYTEST_XDIST_WORKER" in os.environ:
        os.environ.pop("REDIS_URL", None)  # workers in one database would empty it for each other


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the running product come first: they take longest, and other workers go on."""
    items.sort(key=lambda item: _file(item.nodeid) not in RUNNING)


def pytest_collection_finish() -> None:
    """What is loaded by now stays, so the garbage collector need not search it over and over.

    What tests make is mostly freed without it, so it need not look often either.
    """
    gc.freeze()
    gc.set_threshold(20_000)


class FilesTogether(LoadScopeScheduling):
    """A worker takes whole files, and all that share a running product: it starts once."""

    def _split_scope(self, nodeid: str) -> str:
        return RUNNING.get(_file(nodeid), _file(nodeid))


@pytest.hookimpl(optionalhook=True)  # xdist may be switched off
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FilesTogether:
    """How tests are dealt out to workers."""
    return FilesTogether(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: whoever has the running product mostly waits for it."""
    return (os.cpu_count() or 1) + 1


def _file(nodeid: str) -> str:
    return nodeid.partition("::")[0]


@pytest.fixture(autouse=True)
def plain_logs() -> Iterator[None]:
    """Whoever starts a command in this process turns the log for all who come after."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session", autouse=True)
def certificates_read_once() -> Iterator[None]:
    """Each client reads the machine's certificates, which takes longer than its requests here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", cache(ssl.create_default_context))
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """One server for the whole run; a test asks for `engine_url` instead."""
    with contextlib.ExitStack() as stack:
        try:
            url = stack.enter_context(postgres_server())
        except NoPostgres as error:
            pytest.skip(f"no PostgreSQL: {error}")
        yield url


@pytest.fixture
def sqlite_url() -> Iterator[str]:
    """An empty SQLite database."""
    with sqlite_database() as url:
        yield url


@pytest.fixture
def postgres_url(postgres: str) -> Iterator[str]:
    """An empty database on a real PostgreSQL."""
    with postgres_database(postgres) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def engine_url(request: pytest.FixtureRequest) -> str:
    """An empty database; the test runs once on each engine."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return str(request.getfixturevalue(name))


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[str]:
    """One server for the whole run; a test asks for `valkey_url` instead."""
    with valkey() as url, contextlib.closing(redis.Redis.from_url(url)) as client:
        if client.dbsize():
            # Emptied between tests; what somebody else keeps there must not be lost to that.
            pytest.exit("REDIS_URL names a database that is not empty; tests would empty it", 2)
        yield url


@pytest.fixture
def valkey_url(valkey_server: str) -> Iterator[str]:
    """An empty Valkey or Redis database, over a real socket."""
    yield valkey_server
    with contextlib.closing(redis.Redis.from_url(valkey_server)) as client:
        client.flushdb()


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def running(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """The real processes on each engine, once per run; a test adds and connects its own company.

    On one Slack sends requests, on the other it has a socket, so that either way is lived through.
    """
    with contextlib.ExitStack() as stack:
        on_sqlite = request.param == "sqlite"
        if on_sqlite:
            url = stack.enter_context(sqlite_database())
        else:
            url = stack.enter_context(postgres_database(request.getfixturevalue("postgres")))
        found = sandbox(
            url, company_file=None, undo_seconds=UNDO_SECONDS, socket_mode=not on_sqlite
        )
        yield stack.enter_context(found)
