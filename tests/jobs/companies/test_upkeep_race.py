"""Real processes with one stale token: Intuit is asked once, and everybody goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot.process import Process
from jobs import settings
from jobs.store.services.tokens import SqlTokenStore
from qbo import LEASE, Tokens
from qbo.pacing import utc_now
from tests import real_processes
from tests.real_processes import PATIENCE, state_of, until

if TYPE_CHECKING:  # the runners load this file, and need neither a company nor stand-ins
    from tests.jobs.harness import CompanyHarness, SharedStandIns
    from tests.sandbox.quickbooks.oauth import Grant

RUNNERS = 8
ROOT = Path(__file__).parents[3]
PROGRAM = "from tests.jobs.companies.test_upkeep_race import {0}; {0}()"


@pytest.fixture
def harness(shared: SharedStandIns, home_url: str, tmp_path: Path) -> Iterator[CompanyHarness]:
    """A connected company on each engine, at an Intuit that ends a grant whose token is reused."""
    from tests.jobs.fixtures import opener

    oauth = shared.outside.quickbooks.oauth
    with ExitStack() as stack:
        oauth.reuse_revokes = True
        stack.callback(setattr, oauth, "reuse_revokes", False)
        yield opener(stack, shared, home_url, tmp_path)()


@pytest.fixture
def wanting(shared: SharedStandIns, tmp_path: Path) -> Iterator[Path]:
    """A folder where each runner that wants the lease leaves a file; Intuit waits for them all."""
    oauth, folder = shared.outside.quickbooks.oauth, tmp_path / "wanting"
    folder.mkdir()
    refresh = oauth._refresh

    def slowly(token: str) -> Grant:
        until(lambda: len(list(folder.iterdir())) == RUNNERS)
        return refresh(token)

    oauth._refresh = slowly  # type: ignore[method-assign]
    yield folder
    del oauth._refresh


class Sleepy(SqlTokenStore):
    """Stands still for as long as somebody wants, with a lease and the tokens that are old then."""

    leased = False

    def lease(self, realm: str, now: datetime) -> str | None:
        self.leased = True
        return super().lease(realm, now)

    def load(self, realm: str) -> Tokens:
        found = super().load(realm)
        if self.leased:
            self.leased = False
            os.kill(os.getpid(), signal.SIGSTOP)
        return found


class Wanting(SqlTokenStore):
    """Leaves a file when it has asked for the lease, whatever the answer."""

    def lease(self, realm: str, now: datetime) -> str | None:
        found = super().lease(realm, now)
        (Path(os.environ["WANTING"]) / str(os.getpid())).touch()
        return found


def run() -> None:
    """What the runners' parent does."""
    real_processes.fork(_runner, RUNNERS)


def _runner(gate: Barrier) -> None:
    """Ask QuickBooks at the same moment as the others."""
    process = _process()
    process.token_store = Wanting(process.database, process.seal)
    process.token_store.load(os.environ["REALM"])
    gate.wait(PATIENCE)
    _ask(process)


def doze() -> None:
    """What a process does that is stopped in the middle of a refresh."""
    process = _process()
    process.token_store = Sleepy(process.database, process.seal)
    _ask(process)


def _process() -> Process:
    now, began = datetime.fromisoformat(os.environ["NOW"]), utc_now()
    return Process(settings.load(), lambda: now + (utc_now() - began))


def _ask(process: Process) -> None:
    """Ask QuickBooks for the company, and say which token is stored then."""
    realm = os.environ["REALM"]
    name = process.ledgers.of(realm).company_info().name
    token = hash(process.token_store.load(realm).access.get_secret_value())
    os.write(1, f"{name} {token}\n".encode())  # whole lines, whoever else writes
    process.close()


def race(harness: CompanyHarness, wanting: Path) -> list[str]:
    """What each runner said in the end; none outlives the test."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM.format("run")],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=_environment(harness, wanting),
        timeout=2 * PATIENCE,
        check=True,
    )
    return ended.stdout.splitlines()


def _environment(harness: CompanyHarness, wanting: Path) -> dict[str, str]:
    kept = harness.process.settings
    given = harness.outside.settings() | {
        "DATABASE_URL": kept.database_url.get_secret_value(),
        "TOKEN_KEYS": ",".join(key.get_secret_value() for key in kept.token_keys),
        "PUBLIC_URL": kept.public_url,
        "NOW": harness.now.isoformat(),
        "REALM": harness.realm,
        "WANTING": str(wanting),
    }
    return os.environ | given


def test_a_race_of_eight_processes_refreshes_once(harness: CompanyHarness, wanting: Path) -> None:
    """A second refresh with the same token would end the connection here, as it may at Intuit."""
    harness.time.later(hours=2)
    harness.outside.world.requests.clear()
    said = race(harness, wanting)
    assert len(said) == RUNNERS
    assert len(set(said)) == 1
    assert said[0].startswith("Brass Fern Supply")
    assert refreshes(harness) == 1
    assert harness.company.connected


def test_a_process_that_stood_still_does_not_refresh_with_an_old_token(
    harness: CompanyHarness, tmp_path: Path
) -> None:
    """It is stopped with its lease in hand; another one refreshes when that has lapsed."""
    harness.time.later(hours=2)
    harness.outside.world.requests.clear()
    program = [sys.executable, "-c", PROGRAM.format("doze")]
    environment = _environment(harness, tmp_path)
    with subprocess.Popen(
        program, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    ) as dozing:
        try:
            until(lambda: state_of(dozing.pid) == "T")
            harness.time.later(seconds=LEASE.total_seconds() + 1)
            harness.quickbooks().company_info()
            dozing.send_signal(signal.SIGCONT)
            said, _ = dozing.communicate(timeout=PATIENCE)
        finally:
            dozing.kill()
    assert said.startswith("Brass Fern Supply")
    assert refreshes(harness) == 1
    assert harness.company.connected


def refreshes(harness: CompanyHarness) -> int:
    """How often Intuit was asked for new tokens."""
    return sum("tokens/bearer" in each.path for each in harness.outside.world.requests)
