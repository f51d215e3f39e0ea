"""The product's own processes, started as a platform would start them, and ended for certain."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jobs import lifeline

ROOT = Path(__file__).parent.parent.parent
OVERDUE = (sys.executable, "-c", "from bot.cli import main; main()")
PROCESSES = {
    "web": ("web",),
    "intake": ("work", "intake"),
    "triage": ("work", "triage"),
    "act": ("work", "act"),
    "clock": ("clock",),
}
COMMAND_SECONDS = 60.0
GRACE_SECONDS = 5.0  # for what SIGTERM asks, before the pipe ends everything
SHOWN = 4_000  # characters of a log


class ProcessFailed(Exception):
    """A process of the product failed; the text holds the end of what it said."""


class Product:
    """Runs commands of the product with given settings, and with no others.

    Everything it starts, forks included, holds the read end of a pipe of which only this process
    has the write end, and ends when that closes: at `stop`, or when this process dies.
    """

    def __init__(
        self, settings: Mapping[str, str], folder: Path, command: Sequence[str] = OVERDUE
    ) -> None:
        self.settings, self.folder, self.command = dict(settings), folder, tuple(command)
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self._lifeline, self._hold = os.pipe()
        # Held by all and written by none: it ends when the last of them has gone.
        self._anyone_left, self._presence = os.pipe()

    def run(self, *words: str) -> str:
        """Run one command to its end; gives its standard output. Raises ProcessFailed."""
        done = subprocess.run(
            [*self.command, *words],
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
            **self._surroundings(),
        )
        if done.returncode != 0:
            said = (done.stderr or done.stdout)[-SHOWN:]
            raise ProcessFailed(f"overdue {' '.join(words)} ended with {done.returncode}:\n{said}")
        return str(done.stdout)

    def start(self, name: str) -> None:
        """Start one of PROCESSES; what it says goes to its log."""
        with self.log(name).open("ab") as out:
            self.running[name] = subprocess.Popen(
                [*self.command, *PROCESSES[name]],
                stdout=out,
                stderr=subprocess.STDOUT,
                **self._surroundings(),
            )

    def kill(self, name: str) -> None:
        """End a process as a power cut would. Its forks live on."""
        process = self.running.pop(name)
        process.kill()
        process.wait()

    def check(self) -> None:
        """Raises ProcessFailed if a process has ended by itself."""
        for name, process in self.running.items():
            if process.poll() is not None:
                raise ProcessFailed(f"{name} ended with {process.returncode}:\n{self.said(name)}")

    def log(self, name: str) -> Path:
        """The file a process writes to."""
        return self.folder / f"{name}.log"

    def said(self, name: str) -> str:
        """The end of a process's log."""
        log = self.log(name)
        return log.read_text(errors="replace")[-SHOWN:] if log.exists() else ""

    def stop(self) -> None:
        """End everything, forks included; returns when nobody is left. Raises ProcessFailed."""
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        self._wait(GRACE_SECONDS)
        os.close(self._hold)
        os.close(self._presence)
        left = not select.select([self._anyone_left], [], [], GRACE_SECONDS)[0]
        for process in self.running.values():
            process.kill()
            process.wait()
        os.close(self._lifeline)
        os.close(self._anyone_left)
        if left:
            raise ProcessFailed("a process does not hold the lifeline and may live on")

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        for process in self.running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))

    def _surroundings(self) -> dict[str, Any]:
        return {
            "cwd": self.folder,  # there is no .env here
            "env": self._environment(),
            "pass_fds": (self._lifeline, self._presence),
            "stdin": subprocess.DEVNULL,
            "start_new_session": True,  # a Ctrl-C in the terminal is for the launcher alone
        }

    def _environment(self) -> dict[str, str]:
        inherited = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE")
        return (
            {name: os.environ[name] for name in inherited if name in os.environ}
            | {"HOME": str(self.folder), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
            | {lifeline.VARIABLE: str(self._lifeline)}
            | self.settings
        )


@contextlib.contextmanager
def running(product: Product) -> Iterator[Product]:
    """Stop the product's processes at the end of the block, whatever happened in it."""
    try:
        yield product
    finally:
        product.stop()
