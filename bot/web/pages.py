"""The few pages that a person sees outside Slack: a heading and some sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",  # the URL contains a code
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
STYLE = (
    "body{font:1.1rem/1.5 system-ui,sans-serif;color:#1d1c1d;background:#f6f5f2;margin:0}"
    "main{max-width:34rem;margin:12vh auto;padding:2rem 2.5rem;background:#fff;"
    "border-radius:12px;border-top:6px solid #23395b}"
    "h1{margin-top:0;font-size:1.6rem;color:#23395b}"
    "code{font-size:.95em;background:#f0eee9;border-radius:4px;padding:.1em .35em}"
)
TYPED, CODE = re.compile("`([^`]*)`"), r"<code>\1</code>"


def page(title: str, sentences: Iterable[str], status: int = 200) -> HTMLResponse:
    """A page with `sentences` as paragraphs, escaped.

    Words between backticks are shown as code, for people to type.
    """
    said = "".join(f"<p>{TYPED.sub(CODE, escape(one))}</p>" for one in sentences)
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Overdue: {escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{said}</main></body></html>"
    )
    return HTMLResponse(text, status, headers=HEADERS)


class BodyTooLarge(Exception):
    """The body has more bytes than allowed."""


async def body_of(request: Request, most: int) -> bytes:
    """The raw bytes. Raises BodyTooLarge as soon as there are more than `most`."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > most:
        raise BodyTooLarge
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > most:
            raise BodyTooLarge
    return bytes(read)
