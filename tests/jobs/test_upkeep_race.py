"""Eight real processes with one stale token: Intuit is asked once, and everybody goes on."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from bot.processes import Kit
from jobs import settings
from jobs.store.tokens import SqlTokenStore
from qbo.pacing import utc_now
from tests import crowd
from tests.crowd import PATIENCE
from tests.jobs.house import House, Neighbourhood
from tests.jobs.houses import opener
from tests.sandbox.quickbooks.oauth import Grant

RUNNERS = 8
ROOT = Path(__file__).parents[2]
PROGRAM = "from tests.jobs.test_upkeep_race import run; run()"


@pytest.fixture
def house(neighbours: Neighbourhood, engine_url: str, tmp_path: Path) -> Iterator[House]:
    """A connected company on each engine, at an Intuit that ends a grant whose token is reused."""
    oauth = neighbours.outside.quickbooks.oauth
    with ExitStack() as stack:
        oauth.reuse_revokes = True
        stack.callback(setattr, oauth, "reuse_revokes", False)
        yield opener(stack, neighbours, engine_url, tmp_path)()


@pytest.fixture
def wanting(neighbours: Neighbourhood, tmp_path: Path) -> Iterator[Path]:
    """A folder where each runner that wants the lease leaves a file; Intuit waits for them all."""
    oauth, folder = neighbours.outside.quickbooks.oauth, tmp_path / "wanting"
    folder.mkdir()
    refresh = oauth._refresh

    def slowly(token: str) -> Grant:
        until(lambda: len(list(folder.iterdir())) == RUNNERS)
        return refresh(token)

    oauth._refresh = slowly  # type: ignore[method-assign]
    yield folder
    del oauth._refresh


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "some runner never wanted the lease"
        time.sleep(0.01)


class Wanting(SqlTokenStore):
    """Leaves a file when it has asked for the lease, whatever the answer."""

    def lease(self, realm: str, now: datetime) -> str | None:
        found = super().lease(realm, now)
        (Path(os.environ["WANTING"]) / str(os.getpid())).touch()
        return found


def run() -> None:
    """What the runners' parent does."""
    crowd.fork(_runner, RUNNERS)


def _runner(gate: Barrier) -> None:
    """Ask QuickBooks at the same moment as the others, and say which token is stored then."""
    now, began = datetime.fromisoformat(os.environ["NOW"]), utc_now()
    kit = Kit(settings.load(), lambda: now + (utc_now() - began))
    realm = os.environ["REALM"]
    kit.token_store = Wanting(kit.database, kit.seal)
    kit.token_store.load(realm)
    gate.wait(PATIENCE)
    name = kit.ledgers.of(realm).company_info().name
    token = hash(kit.token_store.load(realm).access.get_secret_value())
    os.write(1, f"{name} {token}\n".encode())  # whole lines, whoever else writes
    kit.close()


def race(house: House, wanting: Path) -> list[str]:
    """What each runner said in the end; none outlives the test."""
    kept = house.kit.settings
    given = house.outside.settings() | {
        "DATABASE_URL": kept.database_url.get_secret_value(),
        "TOKEN_KEYS": ",".join(key.get_secret_value() for key in kept.token_keys),
        "PUBLIC_URL": kept.public_url,
        "NOW": house.now.isoformat(),
        "REALM": house.realm,
        "WANTING": str(wanting),
    }
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | given,
        timeout=2 * PATIENCE,
        check=True,
    )
    return ended.stdout.splitlines()


def test_a_race_of_eight_processes_refreshes_once(house: House, wanting: Path) -> None:
    """A second refresh with the same token would end the connection here, as it may at Intuit."""
    house.time.later(hours=2)
    house.outside.world.requests.clear()
    said = race(house, wanting)
    assert len(said) == RUNNERS
    assert len(set(said)) == 1
    assert said[0].startswith("Brass Fern Supply")
    asked = [each.path for each in house.outside.world.requests if "tokens/bearer" in each.path]
    assert len(asked) == 1
    assert house.company.connected
