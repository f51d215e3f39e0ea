"""`python -m tests.sandbox`: what it prints, and that it leaves nothing behind, however it ends."""

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bot.cli.processes import by_command
from jobs.needs import NEEDS, missing
from jobs.settings import Settings, load
from tests.real_processes import PATIENCE, lives, until
from tests.sandbox.processes import sandbox
from tests.sandbox.product import ROOT, ProcessFailed

LAUNCHER = """
import signal
import sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # tests may run under nohup, which it would heed
from bot.cli.processes import by_command
from tests.sandbox.__main__ import main
sys.exit(main(%r, by_command(%r)))
"""
LASTING = 9  # web, three workers with a fork each, the clock, the queue's server


@pytest.fixture
def pids(tmp_path: Path) -> Path:
    """Where the processes of a small product write their pids."""
    file = tmp_path / "pids"
    file.touch()
    return file


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment, without settings of this machine."""
    ours = {name.upper() for name in Settings.model_fields}
    return {name: value for name, value in os.environ.items() if name not in ours}


@pytest.fixture
def launcher(pids: Path, environment: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """The launcher with a small product, as a process of its own."""
    with launched(["--port", "0"], pids, environment) as process:
        yield process
        process.terminate()


def launched(
    options: list[str], pids: Path, environment: dict[str, str]
) -> "subprocess.Popen[str]":
    """Start the launcher."""
    books = pids.with_name("books.json")
    books.write_text("{}")
    options = ["--company", str(books), *options]
    return subprocess.Popen(
        [sys.executable, "-c", LAUNCHER % (options, small_product(pids))],
        cwd=ROOT,
        env=environment | {"TMPDIR": str(pids.parent)},  # a killed launcher leaves its folder
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def small_product(pids: Path) -> tuple[str, ...]:
    """The command that takes the place of `overdue`."""
    return (sys.executable, "-m", "tests.sandbox.small_product", str(pids))


def first_line(process: "subprocess.Popen[str]") -> str:
    """The first line of standard output; fails with what was said instead."""
    assert process.stdout is not None
    assert process.stderr is not None
    ready, _, _ = select.select([process.stdout], [], [], PATIENCE)
    line = process.stdout.readline() if ready else ""
    if not line:
        process.kill()
        pytest.fail(f"no line on standard output; it said:\n{process.stderr.read()}")
    return line.strip()


def written(pids: Path) -> list[int]:
    """The pids of everything that lasts, once all have been written."""
    until(lambda: len(pids.read_text().split()) >= LASTING)
    return [int(pid) for pid in pids.read_text().split()]


def is_web(pid: int) -> bool:
    """Is this the process that answers?"""
    return Path(f"/proc/{pid}/cmdline").read_text().endswith("\0web\0")


@pytest.mark.processes
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_nothing_outlives_the_launcher(
    launcher: "subprocess.Popen[str]", pids: Path, number: signal.Signals
) -> None:
    """However it ends, web, workers, their forks, clock and queue end with it.

    Before that it says where the page is, and starts again what was killed, as a platform does.
    """
    url = first_line(launcher)
    started = written(pids)
    if number == signal.SIGINT:
        channels = httpx.get(f"{url}/_/world").json()["slack"]["channels"]
        assert channels[0]["name"] == "finance"
        os.kill(next(pid for pid in started if is_web(pid)), signal.SIGKILL)
        until(lambda: len(pids.read_text().split()) > LASTING)
        started = written(pids)
    launcher.send_signal(number)
    status = launcher.wait(PATIENCE)
    until(lambda: not [pid for pid in started if lives(pid)])
    assert status == (-9 if number == signal.SIGKILL else 0)


@pytest.mark.processes
def test_a_ctrl_c_before_it_is_ready_leaves_nothing(
    launcher: "subprocess.Popen[str]", pids: Path
) -> None:
    """Stopped while it still starts, it takes along what it had started."""
    until(lambda: pids.read_text())
    launcher.send_signal(signal.SIGINT)
    assert launcher.wait(PATIENCE) == 0
    until(lambda: not [pid for pid in pids.read_text().split() if lives(int(pid))])


def test_a_taken_port_is_a_clear_error(pids: Path, environment: dict[str, str]) -> None:
    """The message names the port and the way out."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with launched(["--port", port], pids, environment) as process:
            _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert f"Port {port} is taken; choose another one with --port." in said


def test_a_file_that_is_no_company_is_a_clear_error(
    pids: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    """The message names the file; there is no traceback."""
    file = tmp_path / "company.json"
    file.write_text("[]")
    with launched(["--port", "0", "--company", str(file)], pids, environment) as process:
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert str(file) in said
    assert "Traceback" not in said


def test_stand_ins_alone_print_the_settings(pids: Path, environment: dict[str, str]) -> None:
    """Below the address stands what points the product at them, ready for a .env file."""
    with launched(["--port", "0", "--stand-ins-only"], pids, environment) as process:
        url = first_line(process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        assert process.stdout is not None
        assert process.stderr is not None
        printed = dict(line.strip().split("=", 1) for line in process.stdout)
        said = process.stderr.read()
    assert printed["QBO_API_URL"] == f"{url}/quickbooks"
    assert "http://127.0.0.1:8000" in said
    assert not pids.read_text()
    assert printed.keys() < {name.upper() for name in Settings.model_fields}


@pytest.mark.processes
def test_waiting_sees_a_change_and_tells_what_it_saw_instead(
    pids: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`until` returns what the condition found; in vain, it shows the world and the logs.

    Every process of the product finds the settings that it needs.
    """
    with sandbox(company_file=None, begin=by_command(small_product(pids))) as running:
        for name, value in running.product.settings.items():
            monkeypatch.setenv(name, value)
        settings = load(env_file=None)
        assert missing(settings, *NEEDS) == ()
        assert settings.redis_url.get_secret_value().startswith("unix:")
        assert "heard" in running.order("live")
        channels = running.until(lambda world: world["slack"]["channels"])
        assert channels[0]["id"] == running.product.settings["SLACK_CHANNEL"]
        with pytest.raises(AssertionError, match=r"(?s)did not happen.*UCOLLECT.*--- web"):
            running.until(lambda world: world["mails"], seconds=0.1)
        running.product.running["clock"].kill()
        with pytest.raises(AssertionError, match="clock ended with -9"):
            running.until(lambda world: world["mails"])


@pytest.mark.processes
def test_a_product_that_does_not_start_is_reported(tmp_path: Path) -> None:
    """What the failing command said is in the error."""
    command = (sys.executable, "-c", "import sys; sys.exit('no such table: cases')")
    with (
        pytest.raises(
            ProcessFailed, match=r"overdue db upgrade ended with 1:\nno such table: cases"
        ),
        sandbox(company_file=None, begin=by_command(command)),
    ):
        pass
