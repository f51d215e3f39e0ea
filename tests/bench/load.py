"""Requests at a steady rate, sent by a process of its own so that it slows down nobody measured."""

import asyncio
import multiprocessing
import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

SECONDS_TO_WAIT = 10.0
CONNECTIONS = 100


@dataclass(frozen=True)
class Post:
    """One request, ready to go."""

    url: str
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """Its status (0 for none) and the seconds from when it was due to its last byte."""

    status: int
    seconds: float


def steadily(
    posts: Sequence[Post], per_second: float, meanwhile: Callable[[], object] = bool
) -> list[Answer]:
    """Send them one after the other at this rate, whether or not earlier ones were answered.

    `meanwhile` is called when the first of them are on their way.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        pool.submit(bool).result()  # it has started
        sent = pool.submit(_run, posts, per_second)
        meanwhile()
        return sent.result()


def _run(posts: Sequence[Post], per_second: float) -> list[Answer]:
    return asyncio.run(_all(posts, per_second))


async def _all(posts: Sequence[Post], per_second: float) -> list[Answer]:
    lines = Lines(CONNECTIONS)
    begin = time.perf_counter() + 0.1
    due = [begin + number / per_second for number in range(len(posts))]
    answers = await asyncio.gather(
        *(_one(lines, post, at) for post, at in zip(posts, due, strict=True))
    )
    lines.close()
    return answers


async def _one(lines: "Lines", post: Post, due: float) -> Answer:
    await asyncio.sleep(due - time.perf_counter())
    try:
        status = await asyncio.wait_for(lines.post(post), SECONDS_TO_WAIT)
    except (OSError, EOFError, TimeoutError):
        status = 0
    return Answer(status, time.perf_counter() - due)


class Lines:
    """Open connections to one server, used again. A library's pool takes longer when many wait."""

    def __init__(self, most: int) -> None:
        self._room = asyncio.Semaphore(most)
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def post(self, post: Post) -> int:
        """The status. Raises OSError and EOFError."""
        async with self._room:
            line = self._free.pop() if self._free else await _opened(post.url)
            try:
                line[1].write(_bytes(post))
                status = await _status(line[0])
            except BaseException:
                line[1].close()
                raise
            self._free.append(line)
            return status

    def close(self) -> None:
        """Hang up everywhere."""
        for _, writer in self._free:
            writer.close()


async def _opened(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    return await asyncio.open_connection(parts.hostname, parts.port)


def _bytes(post: Post) -> bytes:
    parts = urlsplit(post.url)
    fields = {"Host": parts.netloc, "Content-Length": str(len(post.body)), **post.headers}
    lines = [f"POST {parts.path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + post.body


async def _status(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
    await reader.readexactly(int(length[1]) if length else 0)
    return int(head.split(" ", 2)[1])
