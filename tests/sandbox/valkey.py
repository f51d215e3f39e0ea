"""A Valkey or Redis server of our own, on a socket in a short folder, with nothing on disk."""

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator, Mapping

import redis

from bot.cli.launcher import NoQueue, queue_command, queue_url, socket_folder
from tests.sandbox.attached import attached

START_SECONDS = 60.0


@contextlib.contextmanager
def valkey(environment: Mapping[str, str] = os.environ) -> Iterator[str]:
    """The URL of a server: `REDIS_URL` where it is set, else one that lives as long as the block.

    Raises NoQueue.
    """
    if given := environment.get("REDIS_URL"):
        yield given
        return
    with (
        socket_folder() as folder,
        attached(queue_command(folder), stdout=subprocess.DEVNULL),
    ):
        url = queue_url(folder)
        _wait_until_it_answers(url)
        yield url


def _wait_until_it_answers(url: str) -> None:
    client, deadline = redis.Redis.from_url(url), time.monotonic() + START_SECONDS
    with contextlib.closing(client):
        while not _answers(client):
            if time.monotonic() > deadline:
                raise NoQueue(f"the server did not answer on {url} in {START_SECONDS:.0f} s")
            time.sleep(0.02)


def _answers(client: "redis.Redis") -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
