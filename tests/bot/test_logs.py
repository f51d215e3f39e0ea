"""Logs: one event a line, ids only."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from bot import logs


@pytest.fixture
def said() -> Iterator[io.StringIO]:
    """What the log says; afterwards everything is as it was."""
    root, stream = logging.getLogger(), io.StringIO()
    before = (root.handlers, root.level)
    logs.configure(stream)
    yield stream
    root.handlers, root.level = before
    structlog.reset_defaults()
    for name in (*logs.OURS, *logs.FORWARD, "slack_sdk"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def lines(said: io.StringIO) -> list[dict[str, Any]]:
    """The events."""
    return [json.loads(line) for line in said.getvalue().splitlines()]


def test_an_event_is_a_line_of_json(said: io.StringIO) -> None:
    """With its level, its time and its ids."""
    structlog.get_logger("jobs.send.step").info("send.begun", case="412")
    (line,) = lines(said)
    assert (line["event"], line["level"], line["case"]) == ("send.begun", "info", "412")
    assert line["timestamp"].endswith("Z")


def test_an_error_is_told_by_type_and_place(said: io.StringIO) -> None:
    """What somebody put into its message stays out of the log."""
    try:
        try:
            raise ValueError("pat@acme.example owes 100")
        except ValueError as error:
            raise RuntimeError("parameters: pat@acme.example") from error
    except RuntimeError:
        structlog.get_logger("jobs.send.step").exception("step.failed", row="7")
    (line,) = lines(said)
    assert line["error"] == "RuntimeError < ValueError"
    assert "test_logs.py" in line["at"][0]
    assert "pat@acme.example" not in said.getvalue()


def test_an_error_of_a_library_is_told_in_the_same_way(said: io.StringIO) -> None:
    """The web server's and the queue's errors too."""
    try:
        raise ValueError("pat@acme.example")
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
    (line,) = lines(said)
    assert line["error"] == "ValueError"
    assert "pat@acme.example" not in said.getvalue()


def test_a_traceback_inside_a_message_is_left_out(said: io.StringIO) -> None:
    """The queue's library writes one into its own words."""
    logging.getLogger("rq.worker").error("job failed\nTraceback\nValueError: pat@acme.example")
    assert lines(said)[0]["event"] == "job failed"


@pytest.mark.parametrize("name", ["httpx", "rq.worker", "slack_bolt.RequestVerification"])
def test_libraries_are_quiet(said: io.StringIO, name: str) -> None:
    """Their everyday lines hold addresses, job ids, whole requests."""
    logger = logging.getLogger(name)
    logger.info("everyday")
    assert lines(said) == []


def test_bolt_does_not_turn_itself_up(said: io.StringIO) -> None:
    """Its loggers copy the root's level when they are made."""
    from slack_bolt.logger import get_bolt_logger

    class RequestVerification:
        pass

    logger = get_bolt_logger(RequestVerification)
    logger.info("invalid signature, and the body: payload=…")
    assert lines(said) == []
