"""The past of the built-in company: what is on record, and what it makes of today."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot.process import Process
from jobs.engine import loop
from jobs.rules.states import CaseClass, Stage, State
from jobs.settings import Settings
from jobs.store import log, work
from jobs.store.database import schema
from jobs.store.database.tables import assessments, cases, companies
from tests.databases import sqlite_database
from tests.sandbox import past
from tests.sandbox.__main__ import has_past, parser
from tests.sandbox.policy_file import LIFELIKE, policy_text
from tests.sandbox.processes import own_settings
from tests.sandbox.stand_ins import StandIns, stand_ins


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StandIns, Process]]:
    """The stand-ins and the record after the past, and a product of today."""
    folder: Path = tmp_path_factory.mktemp("past")
    with stand_ins() as outside, sqlite_database() as url:
        (folder / "policy.toml").write_text(policy_text(15, LIFELIKE), encoding="utf-8")
        settings = outside.settings() | {
            "DATABASE_URL": url,
            "REDIS_URL": "unix:///nowhere",
            **own_settings(folder, "http://127.0.0.1:9"),
        }
        values: dict[str, Any] = {name.lower(): value for name, value in settings.items()}
        with closing(Process(Settings(**values), lambda: datetime.now(UTC))) as process:
            schema.upgrade(process.database)
            past.live_through(outside.url, process.settings)
            yield outside, process


def test_the_past_has_letters_of_every_stage(lived: tuple[StandIns, Process]) -> None:
    """One mail and one note for each case that was sent, each approved, weeks before today."""
    outside, process = lived
    with process.database.reading() as conn:
        done = conn.execute(select(cases).where(cases.c.state == State.DONE)).all()
        _, broken = log.verify(conn)
    assert broken == ()
    assert {row.stage for row in done} == set(Stage)
    assert len(outside.mailbox.mails) == len(done)
    assert len(outside.quickbooks.snapshot()["notes"]) == len(done)
    assert max(row.closed_at for row in done) < datetime.now(UTC)


def test_today_every_stage_and_class_can_be_seen(lived: tuple[StandIns, Process]) -> None:
    """A sweep of today finds the next letters, above what is on record."""
    _, process = lived
    with process.database.writing() as conn:
        realm = conn.scalars(select(companies.c.realm)).one()
        work.hurry(conn, realm, "sweep", process.now())
    steps = [step for step in process.steps() if step.name in ("sweep", "triage")]
    loop.run(process.database, steps, process.now)
    with process.database.reading() as conn:
        waiting = (cases.c.state == State.WAITING) & cases.c.draft.is_not(None)
        judged = assessments.c.id == cases.c.assessment
        query = select(cases.c.stage, assessments.c["class"]).join_from(cases, assessments, judged)
        drafted = conn.execute(query.where(waiting)).all()
    assert {row.stage for row in drafted} == set(Stage)
    assert {row["class"] for row in (row._mapping for row in drafted)} == set(CaseClass)


@pytest.mark.parametrize(
    ("options", "lived"),
    [("", True), ("--company books.json", False), ("--first-run", False)],
)
def test_only_the_built_in_company_has_a_past(options: str, lived: bool) -> None:
    """Whoever brings books, or begins, starts with an empty record."""
    assert has_past(parser().parse_args(options.split())) is lived
