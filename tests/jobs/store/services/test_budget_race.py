"""Eight real processes ask at the same moment: one pace, one count, one warning."""

import os
import subprocess
import sys
from contextlib import closing
from multiprocessing.synchronize import Barrier
from pathlib import Path

from jobs.store.database import engine
from jobs.store.database.engine import Database
from jobs.store.services import budget
from jobs.store.services.budget import SqlBudget, Used
from tests import real_processes
from tests.jobs.store.record import NOW, REALM, company
from tests.real_processes import PATIENCE
from tests.said import said

RUNNERS, EACH = 8, 5
QUOTA = 10
ROOT = Path(__file__).parents[4]
PROGRAM = "from tests.jobs.store.services.test_budget_race import run; run()"


def run() -> None:
    """What the runners' parent does."""
    real_processes.fork(_runner, RUNNERS)


def _runner(gate: Barrier) -> None:
    """Ask for five reads when everybody is there, and say what the answers were."""
    with closing(engine.connect(os.environ["DATABASE_URL"])) as database:
        shared = SqlBudget(database, QUOTA)
        gate.wait(PATIENCE)
        waits = [shared.take(REALM, 1, lambda: NOW) for _ in range(EACH)]
    os.write(1, f"{waits.count(0.0)}\n".encode())  # whole lines, whoever else writes


def test_eight_processes_share_one_budget(database: Database, record_url: str) -> None:
    """Ten of forty go, each is counted, and each level of the quota is told once."""
    company(database)
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": record_url},
        timeout=2 * PATIENCE,
        check=True,
    )
    granted = [int(line) for line in ended.stdout.splitlines()]
    with database.reading() as conn:
        counted = budget.by_company(conn, budget.month_of(NOW))
    told = said(database)
    assert (len(granted), sum(granted)) == (RUNNERS, 10)
    assert counted == [Used(REALM, 10, 0)]
    assert sorted(text.count("%)") for text in told) == [1, 1]
    assert [sum(f"({level} %)" in text for text in told) for level in (70, 90)] == [1, 1]
