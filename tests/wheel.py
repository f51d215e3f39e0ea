"""`python -m tests.wheel`: build the wheel, install it as a platform does, and run all of it.

The environment has requirements.txt and the wheel, and nothing of this checkout. Where no package
registry answers, that is said and nothing is tried.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from bot.cli.launcher import Launcher
from bot.cli.processes import PROCESSES, by_command
from tests.real_processes import PATIENCE, ready
from tests.sandbox.policy_file import policy_text
from tests.sandbox.processes import free_port, own_settings
from tests.sandbox.product import GRACE_SECONDS, ROOT
from tests.sandbox.stand_ins import stand_ins
from tests.sandbox.valkey import valkey

QUEUES = [words[1] for words in PROCESSES.values() if words[0] == "work"]
STARTED = ("clock.started", *(f'{{"queue": "{queue}", "worker"' for queue in QUEUES))
"""What the others log once they are there; the web process is asked."""
UNREACHABLE = ("Failed to fetch", "error sending request", "dns error", "Connection refused")


class NoRegistry(Exception):
    """No package registry is reachable."""


def main() -> int:
    """Say what was done; the exit status."""
    with tempfile.TemporaryDirectory(prefix="overdue-wheel-") as name:
        folder = Path(name)
        try:
            overdue = install(built(folder), folder / "venv")
        except NoRegistry:
            print("wheel: skipped, as no package registry answers", file=sys.stderr)
            return 0
        run_everything(overdue, folder)
    print(f"wheel: db upgrade, doctor and {', '.join(PROCESSES)} ran from the installed wheel")
    return 0


def built(folder: Path) -> Path:
    """The wheel of this checkout."""
    call([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT)
    return next(folder.glob("*.whl"))


def install(wheel: Path, venv: Path) -> Path:
    """A new environment with the product alone; its `overdue`. Raises NoRegistry."""
    uv = [str(Path(sys.executable).with_name("uv")), "pip"]
    into = ["--quiet", "--python", str(venv / "bin" / "python")]
    call([sys.executable, "-m", "venv", "--without-pip", str(venv)])
    locked = ["--require-hashes", "--requirements", str(ROOT / "requirements.txt")]
    try:
        call([*uv, "install", *into, "--system-certs", *locked])
    except subprocess.CalledProcessError as error:
        if any(sign in error.stderr for sign in UNREACHABLE):
            raise NoRegistry from error
        raise
    call([*uv, "install", *into, "--no-deps", "--no-index", str(wheel)])
    return venv / "bin" / "overdue"


def run_everything(overdue: Path, folder: Path) -> None:
    """Tables, doctor, and all processes until the web process is ready; against stand-ins."""
    with stand_ins(None) as outside, valkey() as redis_url:
        public_url = f"http://127.0.0.1:{free_port()}"
        outside.reach(public_url)
        (folder / "policy.toml").write_text(policy_text(0), encoding="utf-8")
        own = {"DATABASE_URL": f"sqlite:///{folder}/overdue.sqlite3", "REDIS_URL": redis_url}
        settings = outside.settings() | own_settings(folder, public_url) | own
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder)} | settings
        for words in (("db", "upgrade"), ("doctor",)):
            call([str(overdue), *words], cwd=folder, env=environment)
        launcher = Launcher(environment, folder, by_command([str(overdue)]))
        try:
            start(launcher, public_url)
        finally:
            launcher.stop(GRACE_SECONDS)


def start(launcher: Launcher, public_url: str) -> None:
    """Start all processes and wait until they are there."""
    log = launcher.folder / "log"
    for name in PROCESSES:
        launcher.start(name, log)
    deadline = time.monotonic() + PATIENCE
    while not (ready(public_url) and all(sign in log.read_text() for sign in STARTED)):
        if launcher.ended() or time.monotonic() > deadline:
            print(log.read_text(), file=sys.stderr)
            raise SystemExit(f"wheel: not ready; ended: {launcher.ended() or 'nothing'}")
        time.sleep(0.1)


def call(
    command: list[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> None:
    """Run a command to its end. Raises CalledProcessError, with what it said printed before."""
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout, done.stderr, file=sys.stderr)
    done.check_returncode()


if __name__ == "__main__":
    sys.exit(main())
