"""Logs: one event per line, JSON except on a terminal; ids and names, never words or secrets.

An exception is logged by its type and the places it passed. Its message is left out, because
libraries put their input into it: a statement's parameters, a piece of a mail.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

OURS = ("bot", "jobs", "qbo")
"""Packages whose events are logged; from libraries only warnings are."""
FORWARD = ("rq.worker", "rq.job")
"""Loggers that would otherwise choose a level of their own."""

Event = MutableMapping[str, Any]


def configure(stream: TextIO = sys.stderr) -> None:
    """Send our events and the libraries' warnings to `stream`, in one form. Call it once."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        where_it_broke,
    ]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(shared, stream.isatty()))
    # Not INFO at the root: Bolt's loggers copy the root's level, and at INFO a request with a bad
    # signature is logged with its whole body.
    root = logging.getLogger()
    root.handlers, root.level = [handler], logging.WARNING
    for name in OURS:
        logging.getLogger(name).setLevel(logging.INFO)
    # We judge its answers ourselves; it would log them with all their words.
    logging.getLogger("slack_sdk").setLevel(logging.CRITICAL)
    for name in FORWARD:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _formatter(shared: list[Any], is_terminal: bool) -> logging.Formatter:
    shown: Any = (
        structlog.dev.ConsoleRenderer() if is_terminal else structlog.processors.JSONRenderer()
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, first_line],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, shown],
    )


def first_line(_logger: object, _method: str, event: Event) -> Event:
    """A structlog processor for libraries: keep the first line, as the rest may be a traceback."""
    event["event"] = str(event["event"]).partition("\n")[0]
    return event


def where_it_broke(_logger: object, _method: str, event: Event) -> Event:
    """A structlog processor: turn `exc_info` into error types and the places they passed."""
    error = _error(event.pop("exc_info", None))
    if error is not None:
        event["error"] = " < ".join(_types(error))
        event["at"] = [
            f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)
        ]
    return event


def _error(found: object) -> BaseException | None:
    if isinstance(found, tuple):
        found = found[1]
    elif found is True:
        found = sys.exc_info()[1]
    return found if isinstance(found, BaseException) else None


def _types(error: BaseException) -> list[str]:
    """The error's type, then those of what caused it."""
    found: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(found) < 5:
        found.append(type(cause).__name__)
        cause = cause.__cause__ or cause.__context__
    return found
