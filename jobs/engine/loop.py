"""The loop that runs the steps of one queue: claim what is due, act in threads, settle.

SQL holds the truth. An RQ job is a wake-up call: it claims what is due for its queue, and being
called twice, late or never changes nothing but the delay.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import compress
from typing import Any

import structlog

from jobs.engine import backoff
from jobs.engine.step import Load, ReadFirst, Round, Step
from jobs.pipeline import BULK
from jobs.store import work
from jobs.store.database.engine import AWAY, Database
from jobs.store.services.budget import in_bulk
from jobs.store.work import Claim
from qbo.errors import QuickBooksError, ReauthRequired, Throttled

STAYING = timedelta(minutes=30)
"""While a slow row keeps a job from ending, the job goes on claiming for at most this long."""

MOST_REFUSALS = 60
"""How many times an outcome is offered to a database that will not take it."""
PAUSE = 1.0
"""Seconds between two attempts to write an outcome."""
UNFORESEEN = "Something unforeseen happened ({}); the log says where"

slog = structlog.get_logger()
Clock = Callable[[], datetime]


class ActWithoutDatabaseError(Exception):
    """A round needed the database while it was away, so there is no outcome to write."""


@dataclass
class Running:
    """A claimed row whose `act` is running in a thread."""

    step: Step
    claim: Claim
    round: Round
    renewed_at: datetime
    began_at: datetime
    refusals: int = 0
    """How many times the database did not take its outcome."""


@dataclass
class Loop:
    """Runs the steps of one queue until nothing is due."""

    database: Database
    steps: Sequence[Step]
    clock: Clock
    pool: Executor
    first: str | None = None
    """The id of the row this job was woken for; it belongs to the first step."""
    pause: float = PAUSE
    running: dict[Future[Any], Running] = field(default_factory=dict)
    unwritten: list[tuple[Future[Any], Running]] = field(default_factory=list)
    """Outcomes the database did not take. Nobody else knows them, so they wait here."""

    def run(self) -> None:
        """Claim, act and settle; the main thread never waits longer than a second."""
        try:
            began_at = self.clock()
        except AWAY as error:
            slog.warning("time.no_database", error=type(error).__name__)
            return  # nothing is in progress yet; the clock will wake us again
        while True:
            claimed = self._claims_on(began_at) and self._claim()
            if not claimed and not self.running and not self.unwritten:
                return
            for future, was in self._finished():
                self._settle(future, was)
            self._renew()

    def _claims_on(self, began_at: datetime) -> bool:
        """Each queue has a single worker, so due rows must not wait for a stalled one to end."""
        now, claiming = self.clock(), max(step.claiming for step in self.steps)
        slow = any(now - running.began_at >= claiming for running in self.running.values())
        return now - began_at < (STAYING if slow else claiming)

    def _finished(self) -> list[tuple[Future[Any], Running]]:
        """What has finished acting, after waiting at most a second."""
        late, self.unwritten = self.unwritten, []
        if late:
            time.sleep(self.pause)  # the database was away a moment ago
        timeout = 0 if late else 1
        done, _ = wait(self.running, timeout=timeout, return_when=FIRST_COMPLETED)
        return [*late, *((future, self.running.pop(future)) for future in done)]

    def _claim(self) -> bool:
        """Whether there was anything to begin; what it led to may then be due as well."""
        claimed = False
        for step in self._due():
            for claim in self._claims(step):
                claimed = True
                self._begin(step, claim)
        self.first = None
        return claimed

    def _free(self, step: Step) -> int:
        return step.width - sum(running.step is step for running in self.running.values())

    def _due(self) -> list[Step]:
        able = [step for step in self.steps if self._free(step) > 0]
        try:
            return due_steps(self.database, able, self.clock()) if able else []
        except AWAY as error:
            slog.warning("claim.no_database", error=type(error).__name__)
            return []  # running rows carry on; the clock will wake us again

    def _claims(self, step: Step) -> list[Claim]:
        now, free = self.clock(), self._free(step)
        try:
            with self.database.writing(durable=False) as conn:  # without it the row is still due
                first = self.first if step is self.steps[0] else None
                return work.claim(conn, step.table, now, free, where=step.ready, first=first)
        except AWAY as error:
            slog.warning("claim.no_database", step=step.name, error=type(error).__name__)
            return []  # running rows carry on; the clock will wake us again

    def _begin(self, step: Step, claim: Claim) -> None:
        with self._unless_away(claim), self._guarded(step, claim):
            load = step.give_up if claim.hopeless else self._read(step.load, claim)
            with self.database.writing() as conn:
                round = load(conn, claim, self.clock())
            if round is not None:
                claimed_at = claim.until - work.LEASE
                self._submit(Running(step, claim, round, claimed_at, claimed_at))

    def _read(self, load: Load | ReadFirst, claim: Claim) -> Load:
        if not isinstance(load, ReadFirst):
            return load
        with self.database.reading() as conn:
            return load.read(conn, claim, self.clock())

    def _submit(self, running: Running) -> None:
        future = self.pool.submit(_act, running.step, running.round)
        self.running[future] = running

    def _settle(self, future: Future[Any], was: Running) -> None:
        try:
            self._write(future, was)
        except AWAY as error:
            if future.exception() is not None:
                # raised inside the thread, over its budget or tokens: there is no outcome
                slog.warning("row.no_database", row=was.claim.id, error=type(error).__name__)
                return
            was.refusals += 1
            slog.warning("outcome.not_written", step=was.step.name, row=was.claim.id)
            if was.refusals < MOST_REFUSALS:
                self.unwritten.append((future, was))

    def _write(self, future: Future[Any], was: Running) -> None:
        with self._guarded(was.step, was.claim):
            outcome = future.result()
            if isinstance(outcome, ReauthRequired | Throttled):
                raise outcome  # some steps return these; either way, waiting is not an attempt
            with self.database.writing() as conn:
                next_round = was.round.settle(conn, was.claim, outcome, self.clock())
            if next_round is not None:
                # a new round does not restart the lease: many short ones would outlast it
                self._submit(replace(was, round=next_round, refusals=0))

    def _renew(self) -> None:
        """Renew in one transaction whatever was not renewed for a while."""
        now = self.clock()
        late = [r for r in self.running.values() if now - r.renewed_at >= work.RENEW_AFTER]
        if not late:
            return
        try:
            with self.database.writing(durable=False) as conn:
                for running in late:
                    running.renewed_at = now
                    work.renew(conn, running.claim, now)
        except AWAY as error:
            slog.warning("renewal.no_database", rows=len(late), error=type(error).__name__)

    @contextmanager
    def _unless_away(self, claim: Claim) -> Iterator[None]:
        """Without the database the lease simply runs out, and the row is claimed again."""
        try:
            yield
        except AWAY as error:
            slog.warning("row.no_database", row=claim.id, error=type(error).__name__)

    @contextmanager
    def _guarded(self, step: Step, claim: Claim) -> Iterator[None]:
        try:
            yield
        except AWAY:
            raise  # the database itself: the caller decides whether to try again
        except QuickBooksError as error:
            with self._unless_away(claim), self.database.writing() as conn:
                backoff.put(conn, step, claim, error, self.clock())
        except Exception as error:  # noqa: BLE001
            # One row's trouble must not stop the others: it is named on the row, logged with its
            # traceback and tried again later; after five attempts a person has to look. The text
            # of the error may come from outside, so people are told only its type.
            slog.exception("step.failed", step=step.name, row=claim.id, attempt=claim.attempts)
            with self._unless_away(claim), self.database.writing() as conn:
                work.back_off(conn, claim, self.clock(), UNFORESEEN.format(type(error).__name__))


def _act(step: Step, round: Round) -> Any:
    with in_bulk(step.name in BULK):
        try:
            return round.act()
        except AWAY as error:
            # Acting again takes a new claim; only a known outcome is offered to the database again.
            raise ActWithoutDatabaseError(f"{type(error).__name__} while acting") from error


def run(database: Database, steps: Sequence[Step], clock: Clock, first: str | None = None) -> None:
    """Work on everything due for `steps`, starting with the row `first` of the first step."""
    with ThreadPoolExecutor(max_workers=sum(step.width for step in steps)) as pool:
        Loop(database, steps, clock, pool, first).run()


def due_steps(database: Database, steps: Sequence[Step], now: datetime) -> list[Step]:
    """Those that would find work."""
    with database.reading() as conn:
        found = work.due(conn, ((step.table, step.ready) for step in steps), now)
    return list(compress(steps, found))
