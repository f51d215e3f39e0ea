"""`overdue disconnect`: what it says, and that repeating it does no harm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from bot.cli.main import main
from jobs.store.database.tables import companies, log
from tests.bot.harness import REALM, add_company
from tests.bot.web_process import Place, place


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A machine with settings and a record in which one company is connected."""
    with place(tmp_path) as found:
        for name, value in found.values.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        process = found.process()
        add_company(process.database)
        yield found
        process.close()


def overdue(*words: str) -> Result:
    """Run a command."""
    return CliRunner().invoke(main, words)


def test_a_company_is_disconnected_once(server: Place) -> None:
    """The company's work ends, on record with who wanted it; a second call changes nothing."""
    first = overdue("disconnect", REALM, "--as", "ULEAD1")
    again = overdue("disconnect", REALM)
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert "no longer has access" in first.output
    assert "already disconnected" in again.output
    process = server.process()
    with process.database.reading() as conn:
        assert conn.execute(select(companies.c.status)).scalar_one() == "disconnected"
        bodies = conn.scalars(select(log.c.body)).all()
    process.close()
    (line,) = [body for body in bodies if "company.disconnected" in body]
    assert '"actor":"ULEAD1"' in line


def test_a_company_that_is_not_there_is_said(server: Place) -> None:
    """A realm that was never connected is an error in words."""
    answer = overdue("disconnect", "999")
    assert answer.exit_code == 1
    assert "never connected" in answer.output
    assert "Traceback" not in answer.output
