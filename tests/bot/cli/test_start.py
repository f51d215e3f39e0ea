"""`overdue init` and `overdue start`: a first installation, and everything on one machine."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner
from dotenv import dotenv_values

from bot import logs
from bot.cli.launcher import LONGEST_PAUSE, STEADY, Keeper
from bot.cli.main import main
from bot.cli.processes import OVERDUE
from jobs.rules.policy import policy as policies
from jobs.settings import Settings, load
from tests.real_processes import PATIENCE, lives, open_files, ready, until
from tests.sandbox.policy_file import policy_text
from tests.sandbox.processes import free_port, own_settings
from tests.sandbox.product import ROOT
from tests.sandbox.stand_ins import stand_ins


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that one works in, with no setting of this machine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(logs, "configure", lambda: None)  # it would take over pytest's logging
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    return tmp_path


def test_init_writes_what_can_be_filled_in(folder: Path) -> None:
    """A private .env with a key of its own, a policy that changes nothing yet, and what lacks."""
    done = CliRunner().invoke(main, ["init"])
    assert done.exit_code == 0
    assert (folder / ".env").stat().st_mode & 0o777 == 0o600
    assert load().token_keys
    assert load().policy_file == Path("policy.toml")
    assert set(dotenv_values(folder / ".env")) == set(dotenv_values(ROOT / ".env.example"))
    written = policies.load((folder / "policy.toml").read_text()).model_dump(exclude={"sha256"})
    assert written == policies.load(policies.default_text()).model_dump(exclude={"sha256"})
    assert "SLACK_BOT_TOKEN: is missing" in done.output
    assert "REDIS_URL" not in done.output


def test_init_leaves_what_is_there(folder: Path) -> None:
    """A second time nothing is overwritten, and the key stays the one that seals the tokens."""
    CliRunner().invoke(main, ["init"])
    before = (folder / ".env").read_text()
    (folder / "policy.toml").write_text("# ours\n")
    done = CliRunner().invoke(main, ["init"])
    assert (folder / ".env").read_text() == before
    assert (folder / "policy.toml").read_text() == "# ours\n"
    assert done.output.count("already exists and was left as it is") == 2


def test_start_says_what_is_missing_and_starts_nothing(folder: Path) -> None:
    """Every setting that some process would miss is named, though a queue is no longer one."""
    done = CliRunner().invoke(main, ["start"])
    assert done.exit_code == 2
    assert "PUBLIC_URL: is missing" in done.output
    assert "REDIS_URL" not in done.output
    assert not (folder / "overdue.sqlite3").exists()


def test_a_process_that_keeps_ending_is_started_more_and_more_seldom() -> None:
    """The pause doubles up to a minute, and is short again for one that ran well since."""
    now, started, said = [0.0], list[float](), list[str]()
    keeper = Keeper(lambda _: started.append(now[0]), said.append, lambda: now[0])
    while len(started) < 9:
        keeper.look({"web": 1})
        now[0] += 1
    pauses = [later - earlier for earlier, later in pairwise(started)]
    assert started[0] == 1
    assert pauses == sorted(pauses)
    assert pauses[-1] == pytest.approx(LONGEST_PAUSE, abs=2)
    now[0] = started[-1] + STEADY + 1
    keeper.look({"web": -9})
    assert said[-1] == "web ended (SIGKILL); it starts again in 1 s."


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[dict[str, str]]:
    """What stands in the .env of somebody who filled it in, with stand-ins outside."""
    with stand_ins(None) as outside:
        public_url = f"http://127.0.0.1:{free_port()}"
        outside.reach(public_url)
        (tmp_path / "policy.toml").write_text(policy_text(0), encoding="utf-8")
        yield outside.settings() | own_settings(tmp_path, public_url)


@pytest.fixture
def started(tmp_path: Path, settings: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """`overdue start` with nothing but a .env, once its web process answers."""
    lines = [f"{name}='{value}'" for name, value in settings.items() if name != "REDIS_URL"]
    (tmp_path / ".env").write_text("\n".join(lines))
    bare = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [*OVERDUE, "start"], cwd=tmp_path, env=bare, stderr=subprocess.PIPE, text=True
    )
    try:
        until(lambda: ready(settings["PUBLIC_URL"]))
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.processes
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_everything_starts_lives_and_ends_together(
    started: subprocess.Popen[str], settings: dict[str, str], number: signal.Signals
) -> None:
    """With a queue of its own; what dies comes back; nothing outlives it, however it ends.

    It forks, so it has one thread, and neither the database nor a socket is open in it.
    """
    everything = until(lambda: family(started.pid, at_least=6))
    assert len(list(Path(f"/proc/{started.pid}/task").iterdir())) == 1
    assert not [name for name in open_files(started.pid) if "socket" in name or "sqlite" in name]
    web = next(pid for pid, name in everything.items() if name == "overdue web")
    queue = next(pid for pid, name in everything.items() if "server" in name)
    for pid in (web, queue):
        os.kill(pid, signal.SIGKILL)
    until(lambda: web not in family(started.pid) and ready(settings["PUBLIC_URL"]))
    everything |= family(started.pid)
    started.send_signal(number)
    _, said = started.communicate(timeout=PATIENCE)
    until(lambda: not [pid for pid in everything if lives(pid)])
    if number == signal.SIGTERM:
        assert started.returncode == 0
        assert "Stopped; nothing is left running." in said
    assert "web ended (SIGKILL); it starts again in 1 s." in said
    assert "queue ended" in said


def family(ancestor: int, at_least: int = 0) -> dict[int, str]:
    """Pid → name of all that descend from a process, or nothing if they are too few."""
    parents = {pid: above for pid in everybody() if (above := parent(pid)) is not None}
    found: dict[int, str] = {}
    for pid in parents:
        root = parents[pid]
        while root != ancestor and root in parents:
            root = parents[root]
        if root == ancestor:
            found[pid] = name_of(pid)
    return found if len(found) >= at_least else {}


def everybody() -> list[int]:
    return [int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit()]


def parent(pid: int) -> int | None:
    """Its parent, of a process that runs."""
    try:
        state, above, *_ = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state in "ZX" else int(above)


def name_of(pid: int) -> str:
    """The name that `ps` shows."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""
