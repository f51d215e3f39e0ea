"""Programs that end with us, however we end."""

import contextlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any

from bot.cli.launcher import WATCHED

STOP_SECONDS = 60.0


@contextlib.contextmanager
def attached(
    command: Sequence[str], *, signal: str = "TERM", **options: Any
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a program for the length of the block, or of this process if that is shorter.

    `signal` ends it; `options` go to Popen. It has a session of its own, so that a Ctrl-C in
    the terminal is ours alone to answer. The process given is the one that watches over it.
    """
    read_end, write_end = os.pipe()
    holder = subprocess.Popen(
        ["/bin/sh", "-c", WATCHED, "attached", signal, *command],
        stdin=read_end,
        start_new_session=True,
        **options,
    )
    os.close(read_end)
    try:
        yield holder
    finally:
        os.close(write_end)
        holder.wait(STOP_SECONDS)
