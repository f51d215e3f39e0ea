"""Reading the body of a request, but not a body of any size."""

from __future__ import annotations

from starlette.requests import Request


class TooLarge(Exception):
    """The body has more bytes than it may have."""


async def body_of(request: Request, most: int) -> bytes:
    """The raw bytes, at most `most`. Raises TooLarge as soon as that is known."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > most:
        raise TooLarge
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > most:
            raise TooLarge
    return bytes(read)
