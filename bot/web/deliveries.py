"""Notifications that arrive together are stored together: one write lock for all of them.

A delivery is answered only after the transaction with its rows; the thread that gets the lock
writes for everybody in the queue, and everybody gets the outcome.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import datetime

from jobs.store.database.engine import Database
from jobs.store.intake import events
from jobs.store.intake.events import Notice

Waiting = tuple[Sequence[Notice], "Future[None]"]


class Deliveries:
    """Takes deliveries from many threads. `database` is called when first needed."""

    def __init__(self, database: Callable[[], Database], now: Callable[[], datetime]) -> None:
        self._database, self._now = database, now
        self._queue: list[Waiting] = []
        self._queueing, self._writing = threading.Lock(), threading.Lock()

    def put(self, found: Sequence[Notice]) -> None:
        """Store these notices; returns once they are committed. Raises whatever prevented it."""
        stored: Future[None] = Future()
        with self._queueing:
            self._queue.append((found, stored))
        with self._writing:
            if not stored.done():
                self._write(self._taken())
        stored.result()

    def _taken(self) -> list[Waiting]:
        with self._queueing:
            taken, self._queue = self._queue, []
        return taken

    def _write(self, taken: list[Waiting]) -> None:
        try:
            with self._database().writing() as conn:
                notices = [notice for found, _ in taken for notice in found]
                events.store(conn, notices, self._now())
        except Exception as error:  # noqa: BLE001 - everybody waiting has to get it, whatever it is
            for _, stored in taken:
                stored.set_exception(error)
        else:
            for _, stored in taken:
                stored.set_result(None)
