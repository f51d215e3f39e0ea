"""The product's own processes, started as a platform would start them, with logs to read."""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from bot.cli.launcher import Launcher, ProcessFailed
from bot.cli.processes import Begin
from tests.sandbox.forks import Forks

__all__ = ["ROOT", "ProcessFailed", "Product", "running"]

ROOT = Path(__file__).parent.parent.parent
COMMAND_SECONDS = 120.0
GRACE_SECONDS = 5.0  # for what SIGTERM asks, before the pipe ends everything
SHOWN = 4_000  # characters of a log


class Product(Launcher):
    """Runs commands of the product with given settings, and with no others."""

    def __init__(
        self, settings: Mapping[str, str], folder: Path, begin: Begin | None = None
    ) -> None:
        """`folder` is where it runs, and where its logs are; there is no .env in it.

        Without `begin` the processes are forks, as `overdue start` makes them.
        """
        self.settings = dict(settings)
        inherited = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE")
        own = {"HOME": str(folder), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        found = {name: os.environ[name] for name in inherited if name in os.environ}
        self.forks = Forks()
        super().__init__(found | own | self.settings, folder, begin or self.forks.begin)

    def run(self, *words: str) -> str:
        """Run one command to its end; gives its standard output. Raises ProcessFailed."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            output, errors = Path(folder) / "output", Path(folder) / "errors"
            process = self.begin(words, self.surroundings(output, errors))
            status = process.wait(COMMAND_SECONDS)
            printed, said = output.read_text(), errors.read_text()
        if status != 0:
            said = (said or printed)[-SHOWN:]
            raise ProcessFailed(f"overdue {' '.join(words)} ended with {status}:\n{said}")
        return printed

    def start(self, name: str, log: Path | None = None) -> None:
        """Start one of PROCESSES; what it says goes to its log."""
        super().start(name, log or self.log(name))

    def stop(self, grace: float) -> None:
        """End everything, the helper that forks included."""
        super().stop(grace)
        self.forks.close()

    def kill(self, name: str) -> None:
        """End a process as a power cut would. Its forks live on."""
        process = self.running.pop(name)
        process.kill()
        process.wait()

    def check(self) -> None:
        """Raises ProcessFailed if a process has ended by itself."""
        for name, status in self.ended().items():
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
