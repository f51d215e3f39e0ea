"""The processes of an installation, and two ways to begin one: as a command, or as a fork.

A platform runs the commands of the Procfile, and each process loads only what it needs. On one
machine it costs less to load once what any of them needs and to fork them all: they share that
memory, and beginning one takes milliseconds. So there `openai` and Bolt are loaded for every
process, though only triage and web use them.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

from jobs.pipeline import STEPS
from jobs.rules.policy import policy as policies
from qbo.oauth import certificates

OVERDUE = (sys.executable, "-c", "from bot.cli.main import main; main()")
PROCESSES: Mapping[str, tuple[str, ...]] = {
    "web": ("web",),
    "intake": ("work", "intake"),
    "triage": ("work", "triage"),
    "act": ("work", "act"),
    "clock": ("clock",),
}
SHARED = (
    "bot.cli.main",
    "bot.web.server",
    "jobs.engine.worker",
    "jobs.engine.clock",
    "jobs.store.database.schema",
    "jobs.sources.configured",
    "jobs.sources.sent_folder",
    "jobs.mail.folder",
    "jobs.mail.resend",
    "jobs.mail.smtp",
    "httpcore",
    "httpcore2",
    "openai",
)
"""What processes load only when they first use it, besides their steps."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOOK_SECONDS = 0.02


@dataclass(frozen=True)
class Surroundings:
    """What a process is begun in; it reads nothing from the standard input."""

    environment: Mapping[str, str]
    """All of its environment."""
    folder: Path
    descriptors: tuple[int, ...]
    """The open files that it keeps, besides the standard ones."""
    output: Path | None = None
    """The file that what it says is added to; without one it goes where ours goes."""
    errors: Path | None = None
    """The same for what it says on standard error; without one that goes where `output` goes."""


class Begun(Protocol):
    """A process that was begun: as much of `subprocess.Popen` as a launcher uses."""

    pid: int
    returncode: int | None

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int) -> None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


Begin = Callable[[Sequence[str], Surroundings], Begun]
"""Begins `overdue` with these words, in a session of its own."""


def by_command(command: Sequence[str]) -> Begin:
    """Begins it as a command of this form: an interpreter of its own."""

    def begin(words: Sequence[str], around: Surroundings) -> Begun:
        with contextlib.ExitStack() as stack:
            out = stack.enter_context(around.output.open("ab")) if around.output else None
            errors = stack.enter_context(around.errors.open("ab")) if around.errors else None
            return subprocess.Popen(  # noqa: S603 - no outside words
                [*command, *words],
                cwd=around.folder,
                env=around.environment,
                pass_fds=around.descriptors,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=errors or (out and subprocess.STDOUT),
                start_new_session=True,  # Ctrl-C in the terminal is for the launcher only
            )

    return begin


def forking() -> Begin:
    """Begins it as a fork of this process, which first loads what all share.

    This process must have a single thread and no connection, now and whenever it forks. Elsewhere
    than on Linux it is by command: system libraries of macOS may not survive a fork.
    """
    if sys.platform != "linux":
        return by_command(OVERDUE)
    gc.disable()  # there is nothing to collect yet, and looking for it takes a fifth of the time
    for name in (*SHARED, *(place.module for place in STEPS.values())):
        import_module(name)
    policies.load(policies.default_text())
    certificates()
    gc.freeze()  # the collector would write to pages that are shared
    gc.enable()
    return fork


def fork(words: Sequence[str], around: Surroundings) -> Forked:
    """Begin it as a fork of this process; see `forking`."""
    process = multiprocessing.get_context("fork").Process(target=_become, args=(words, around))
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # until the fork has its own ways with them
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    assert process.pid is not None
    return Forked(process.pid, lambda: process.exitcode)


class Forked:
    """A forked process; `status` returns its exit status, as Popen has it, once it has ended."""

    def __init__(self, pid: int, status: Callable[[], int | None]) -> None:
        self.pid, self._status = pid, status
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit status, or None while it runs."""
        if self.returncode is None:
            self.returncode = self._status()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status, once it has ended. Raises subprocess.TimeoutExpired."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (status := self.poll()) is None:
            if deadline is not None and time.monotonic() >= deadline:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
            time.sleep(LOOK_SECONDS)
        return status

    def send_signal(self, sig: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, sig)

    def terminate(self) -> None:
        """Send it SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send it SIGKILL."""
        self.send_signal(signal.SIGKILL)


def _become(words: Sequence[str], around: Surroundings) -> None:
    """In the fork: become what a command with these words would be, and run it."""
    from bot.cli.main import main  # which imports this module

    os.setsid()
    _keep_only(around.descriptors)
    os.chdir(around.folder)
    os.environ.clear()
    os.environ.update(around.environment)
    time.tzset()
    _write_to(around)
    _heed_signals()
    with contextlib.suppress(OSError):  # what `ps` and `top` show; nothing depends on it
        Path("/proc/self/comm").write_text(f"overdue {words[-1]}", encoding="utf-8")
    main(list(words), prog_name="overdue")


def _heed_signals() -> None:
    """As a new interpreter does, with none of the launcher's handlers."""
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _keep_only(descriptors: Sequence[int]) -> None:
    for number in map(int, os.listdir("/proc/self/fd")):
        if number > 2 and number not in descriptors:
            with contextlib.suppress(OSError):  # the listing's own is closed already
                os.close(number)


def _write_to(around: Surroundings) -> None:
    for file, numbers in ((around.output, (1, 2)), (around.errors, (2,))):
        if file:
            with file.open("ab") as to:
                for number in numbers:
                    os.dup2(to.fileno(), number)
