"""Processes as forks of one that has loaded the product: what they share, and what they do not."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.real_processes import PATIENCE, lives, open_files, until
from tests.sandbox.product import ProcessFailed, Product, running


@pytest.mark.processes
def test_a_fork_is_like_a_command_of_its_own(tmp_path: Path) -> None:
    """It has only the given environment, files, folder and words; its end is told as ever.

    It has no signal, session or descriptor of whoever forked it.
    """
    own = {"DATABASE_URL": "sqlite:///here.sqlite3", "REDIS_URL": f"unix://{tmp_path}/no.sock"}
    with running(Product(own, tmp_path)) as product:
        assert product.run("db", "upgrade") == "The database is up to date.\n"
        assert (tmp_path / "here.sqlite3").exists()
        with pytest.raises(ProcessFailed, match=r"connect ended with 2:\n(?s:.*)PUBLIC_URL"):
            product.run("connect")
        product.start("clock")
        clock = product.running["clock"]
        until(lambda: "clock.started" in product.said("clock"))
        assert os.getsid(clock.pid) == clock.pid
        assert not {name for name in open_files(clock.pid) if name.startswith("socket:")}
        with pytest.raises(subprocess.TimeoutExpired):
            clock.wait(0)
        clock.terminate()
        assert clock.wait(PATIENCE) == 0
        product.start("clock")
        assert product.ended() == {}
        product.kill("clock")
        product.start("clock")
        last = product.running["clock"]
        os.kill(last.pid, signal.SIGKILL)
        until(lambda: product.ended() == {"clock": -signal.SIGKILL})
    assert not lives(last.pid)
