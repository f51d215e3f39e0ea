"""Forks of the product for a process with threads, which must not fork itself.

    python -m tests.sandbox.forks CONNECTION

A helper loads the product once and then forks it, as `overdue start` does. It ends with whoever
asks it, and with the launcher.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait

from bot.cli.processes import Begun, Forked, Surroundings, forking
from jobs.engine import parent_pipe

Question = tuple[Sequence[str], Surroundings] | int
"""Words and surroundings of a process to begin, or the pid of one whose status is wanted."""


class Forks:
    """A helper and its forks; it is started when the first of them is wanted.

    `module` is the helper: this one, or one that first changes something in itself.
    """

    def __init__(self, module: str = "tests.sandbox.forks") -> None:
        self._module = module
        self._ours, self._theirs = Pipe()
        self._helper: subprocess.Popen[bytes] | None = None
        self._asking = threading.Lock()

    def begin(self, words: Sequence[str], around: Surroundings) -> Begun:
        """Begin the product with these words."""
        if self._helper is None:
            self._helper = self._start(around)
        pid = self._ask((words, around))
        assert pid is not None
        return Forked(pid, lambda: self._ask(pid))

    def close(self) -> None:
        """Nothing is wanted any more; every fork has ended."""
        self._ours.close()
        self._theirs.close()
        if self._helper:
            self._helper.wait()

    def _start(self, around: Surroundings) -> "subprocess.Popen[bytes]":
        number = self._theirs.fileno()
        helper = subprocess.Popen(
            [sys.executable, "-m", self._module, str(number)],
            cwd=around.folder,
            env=around.environment,
            pass_fds=(number, *around.descriptors),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._theirs.close()
        return helper

    def _ask(self, question: Question) -> int | None:
        try:
            with self._asking:
                self._ours.send(question)
                return int(answer) if (answer := self._ours.recv()) is not None else None
        except (OSError, EOFError):  # the launcher is stopping, and has ended all of them
            return -signal.SIGKILL


def main(connection: Connection) -> None:
    """Answer questions, for as long as somebody may ask."""
    begin, forks = forking(), dict[int, Begun]()
    launcher = int(os.environ[parent_pipe.VARIABLE])
    while launcher not in wait([connection, launcher]):
        try:
            question: Question = connection.recv()
        except EOFError:
            return
        if isinstance(question, int):
            connection.send(forks[question].poll())
        else:
            begun = begin(*question)
            forks[begun.pid] = begun
            connection.send(begun.pid)


if __name__ == "__main__":
    main(Connection(int(sys.argv[1])))
