"""The clock: once a second it checks which steps have something due, and wakes them.

It keeps no plan of its own: what is due is in the tables, so two clocks do no harm, and an hour
that was missed is caught up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog
from sqlalchemy.exc import SQLAlchemyError

from jobs.engine.loop import Clock as Now
from jobs.engine.loop import due_steps
from jobs.engine.policy_file import PolicyFile
from jobs.engine.queues import Queues
from jobs.engine.step import Step
from jobs.pipeline import AT_CONNECTION, EACH_COMPANY, FOR_ALL
from jobs.reasoning import prompting
from jobs.store import companies, texts, work
from jobs.store.database.engine import Database
from jobs.store.services import model_versions

PERIOD = 1.0
"""Seconds between ticks."""

slog = structlog.get_logger()


@dataclass
class Clock:
    """Looks for what is due. `trouble` is what it last logged, so that it logs it only once.

    `policies` is the policy file: each change is recorded and announced in every channel.
    """

    database: Database
    steps: Sequence[Step]
    queues: Queues
    now: Now
    policies: PolicyFile | None = None
    model: str = ""
    """The model that the settings name, as `Model.label` has it; empty: none."""
    planned: bool = False
    noted: str = field(default="", init=False)
    """The text of the policy last recorded."""
    alarmed: str = field(default="", init=False)
    """The last error announced about the policy file."""
    trouble: str = field(default="", init=False)

    def tick(self) -> None:
        """Look once. Never raises because the database or Redis is away."""
        try:
            self._plan()
            self._policy()
            self._versions()
            for step in due_steps(self.database, self.steps, self.now()):
                self.queues.wake(step.name)
        except SQLAlchemyError as error:
            self._say(type(error).__name__)
        else:
            self._say("")

    def _plan(self) -> None:
        """Put on the schedule what a release has added since a company was connected."""
        if not self.planned:
            now = self.now()
            with self.database.writing() as conn:
                for kind in FOR_ALL:
                    work.ensure(conn, work.EVERYBODY, kind, now)
                for company in companies.all_of_them(conn):
                    for kind in (*AT_CONNECTION, *EACH_COMPANY):
                        work.ensure(conn, company.realm, kind, now)
            self.planned = True

    def _policy(self) -> None:
        """Each change is announced once, however many clocks are running."""
        if (file := self.policies) is None:
            return
        sha256 = file().sha256
        if file.text != self.noted:
            with self.database.writing() as conn:
                texts.note_policy(conn, file.text, self.now())
            self.noted = file.text
        if file.trouble != self.alarmed:
            with self.database.writing() as conn:
                texts.tell_trouble(conn, file.trouble, sha256, file.state, self.now())
            self.alarmed = file.trouble

    def _versions(self) -> None:
        """A new model or prompt is on record once, also for a company connected since."""
        prompts = prompting.fingerprint()
        with self.database.reading() as conn:
            news = model_versions.is_news(conn, self.model, prompts)
        if news:
            with self.database.writing() as conn:
                model_versions.note(conn, self.model, prompts, self.now())

    def _say(self, trouble: str) -> None:
        if trouble and trouble != self.trouble:
            slog.warning("clock.no_database", error=trouble)
        if self.trouble and not trouble:
            slog.info("clock.database_is_back")
        self.trouble = trouble


def run(clock: Clock, wait: Callable[[float], bool]) -> None:
    """Tick, `wait` for a second, tick again; ends when `wait` returns True."""
    slog.info("clock.started", steps=[step.name for step in clock.steps])
    while True:
        clock.tick()
        if wait(PERIOD):
            return
