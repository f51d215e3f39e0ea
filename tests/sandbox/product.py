"""The product's own processes, started as a platform would start them, with logs to read."""

import contextlib
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from bot.cli.launcher import OVERDUE, PROCESSES, Launcher, ProcessFailed

__all__ = ["OVERDUE", "PROCESSES", "ROOT", "ProcessFailed", "Product", "running"]

ROOT = Path(__file__).parent.parent.parent
COMMAND_SECONDS = 120.0
GRACE_SECONDS = 5.0  # for what SIGTERM asks, before the pipe ends everything
SHOWN = 4_000  # characters of a log


class Product(Launcher):
    """Runs commands of the product with given settings, and with no others."""

    def __init__(
        self, settings: Mapping[str, str], folder: Path, command: Sequence[str] = OVERDUE
    ) -> None:
        """`folder` is where it runs, and where its logs are; there is no .env in it."""
        self.settings = dict(settings)
        inherited = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE")
        own = {"HOME": str(folder), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        found = {name: os.environ[name] for name in inherited if name in os.environ}
        super().__init__(found | own | self.settings, folder, command)

    def run(self, *words: str) -> str:
        """Run one command to its end; gives its standard output. Raises ProcessFailed."""
        done = subprocess.run(
            [*self.command, *words],
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
            **self.surroundings(),
        )
        if done.returncode != 0:
            said = (done.stderr or done.stdout)[-SHOWN:]
            raise ProcessFailed(f"overdue {' '.join(words)} ended with {done.returncode}:\n{said}")
        return str(done.stdout)

    def start(self, name: str, output: IO[bytes] | None = None) -> None:
        """Start one of PROCESSES; what it says goes to its log."""
        with self.log(name).open("ab") as log:
            super().start(name, output or log)

    def kill(self, name: str) -> None:
        """End a process as a power cut would. Its forks live on."""
        process = self.running.pop(name)
        process.kill()
        process.wait()

    def check(self) -> None:
        """Raises ProcessFailed if a process has ended by itself."""
        for name in self.ended():
            status = self.running[name].returncode
            raise ProcessFailed(f"{name} ended with {status}:\n{self.said(name)}")

    def log(self, name: str) -> Path:
        """The file a process writes to."""
        return self.folder / f"{name}.log"

    def said(self, name: str) -> str:
        """The end of a process's log."""
        log = self.log(name)
        return log.read_text(errors="replace")[-SHOWN:] if log.exists() else ""


@contextlib.contextmanager
def running(product: Product) -> Iterator[Product]:
    """Stop the product's processes at the end of the block, whatever happened in it."""
    try:
        yield product
    finally:
        product.stop(GRACE_SECONDS)
