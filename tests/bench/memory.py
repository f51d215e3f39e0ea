"""What a tree of processes really takes: shared pages counted once among those who share them."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)
PSS = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)


def peak() -> float:
    """The most megabytes that this process ever held.

    Not `getrusage`: its figure begins with what the parent held at the fork.
    """
    found = PEAK.search((PROC / "self" / "status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def pss(root: int) -> dict[str, float]:
    """Megabytes of `root` and of each process below it, by number and command.

    A process that ends while one looks is left out.
    """
    held = {}
    for pid in tree(root):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            held[f"{pid} {_command(pid)}"] = _of(pid)
    return held


def tree(root: int) -> Iterator[int]:
    """`root` and everything it has started, and they, and so on."""
    yield root
    for child in _children(root):
        yield from tree(child)


def _children(pid: int) -> list[int]:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        found = (PROC / str(pid) / "task").glob("*/children")
        return [int(child) for file in found for child in file.read_text().split()]
    return []


def _command(pid: int) -> str:
    name = (PROC / str(pid) / "comm").read_text().strip()  # a fork has the words of its parent
    words = (PROC / str(pid) / "cmdline").read_text().split("\0")
    return name if " " in name else " ".join(word for word in words[-3:] if word)[-40:]


def _of(pid: int) -> float:
    rollup = (PROC / str(pid) / "smaps_rollup").read_text()
    return sum(map(int, PSS.findall(rollup))) / 1024
