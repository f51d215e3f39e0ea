"""A record that was brought back from a backup sends nothing and writes nothing a second time."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import select

from jobs.decide.access import Answer
from jobs.decide.switches import Switch
from jobs.restored import PERHAPS_GONE, Restored, restored
from jobs.rules.states import State
from jobs.store.database.tables import metadata, notes
from tests.databases import replace
from tests.jobs.fixtures import opener
from tests.jobs.harness import CompanyHarness, SharedStandIns, books, customer, invoice

GONE, NOTED, KEPT, WAITING, BEGUN = ALL = "12345"
"""Customers, by what becomes of the message, or of its note, after the backup was made."""
FIVE = books(*map(customer, ALL), *(invoice(f"7{n}", n, "840.00", 12) for n in ALL))


@pytest.fixture
def harness(shared: SharedStandIns, home_url: str, tmp_path: Path) -> Iterator[CompanyHarness]:
    """A company on each engine, whose five cards wait."""
    with ExitStack() as stack:
        found = opener(stack, shared, home_url, tmp_path)(FIVE)
        found.sweep()
        yield found


@contextmanager
def backup(harness: CompanyHarness, folder: Path) -> Iterator[Callable[[], None]]:
    """A backup of the record as it is now; called, what is yielded brings it back."""
    url = harness.database.engine.url.render_as_string(hide_password=False)
    if url.startswith("sqlite"):
        record, copy = Path(url.removeprefix("sqlite:///")), folder / "backup.sqlite3"
        harness.database.close()  # folds the write-ahead log into the one file
        shutil.copy(record, copy)
        yield lambda: _swapped(harness, record, copy)
        return
    place = urlsplit(url.replace("+psycopg", ""))
    name, server = place.path.removeprefix("/"), place._replace(path="/postgres").geturl()
    with psycopg.connect(server, autocommit=True) as conn:

        def copied(of: str, to: str) -> None:
            harness.database.close()
            conn.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(to)))
            names = sql.Identifier(to), sql.Identifier(of)
            conn.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))

        copied(name, f"{name}_backup")
        try:
            yield lambda: copied(f"{name}_backup", name)
        finally:
            conn.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(f"{name}_backup")))


def _swapped(harness: CompanyHarness, record: Path, by: Path) -> None:
    harness.database.close()
    replace(record, by)


def say_so(harness: CompanyHarness) -> Restored:
    """What `overdue db restored` does for the company."""
    with harness.database.writing() as conn:
        return restored(conn, harness.company, harness.now)


def approve(harness: CompanyHarness, *customers: str) -> None:
    """A collector approves what waits for these."""
    for one in customers:
        assert harness.approve(harness.click("UCOLLECT", harness.case(one))) is Answer.RECORDED


def power_cut() -> NoReturn:
    raise SystemExit


def test_a_backup_that_is_brought_back_sends_nothing_again(
    harness: CompanyHarness, tmp_path: Path
) -> None:
    """What was approved is asked about, what was noted is looked up, and a person settles it."""
    approve(harness, NOTED)
    harness.time.later(seconds=60)
    harness.run("send")
    approve(harness, BEGUN)
    last = harness.time.later(seconds=60)
    harness.mailer.meanwhile = power_cut
    with suppress(SystemExit):
        harness.run("send")
    approve(harness, GONE, KEPT)
    with backup(harness, tmp_path) as bring_back:
        assert harness.undo(harness.click("UCOLLECT", harness.case(KEPT))) is Answer.RECORDED
        harness.wait_out()
        assert (len(harness.mails), len(harness.notes)) == (2, 2)
        bring_back()
    harness.time.later(hours=1)
    harness.outside.quickbooks.realms[harness.realm].replays.clear()  # nobody says for how long

    found = say_so(harness)
    named = ((harness.case(n).id, customer(n)["DisplayName"]) for n in (GONE, KEPT, BEGUN))
    assert sorted(found.doubtful) == sorted(named)
    assert (found.waiting, found.last) == (1, last)
    before = everything(harness)
    assert say_so(harness).before
    assert everything(harness) == before

    for _ in range(2):
        harness.run()
        assert len(harness.mails) == len(harness.notes) == 2
        assert {case.customer: case.state for case in harness.cases()} == {
            **dict.fromkeys((GONE, KEPT, BEGUN), State.UNKNOWN),
            NOTED: State.DONE,
            WAITING: State.WAITING,
        }
        harness.runs(Switch.RESUME.turn, "ULEAD1")  # the second time nothing holds them back
    asked = harness.view(harness.case(GONE))
    assert asked.outcome is not None
    assert asked.outcome.detail == PERHAPS_GONE
    assert "it is not on record" in harness.view(harness.case(WAITING)).end_reason
    (told,) = [text for text in harness.said("notice") if "brought back from a backup" in text]
    assert all(f"case {case} ({name})" in told for case, name in found.doubtful)
    assert sum("we cannot tell" in text for text in harness.said("thread")) == 3

    assert harness.went(harness.click("ULEAD1", harness.case(GONE))) is Answer.RECORDED
    for one in (KEPT, BEGUN):
        assert harness.did_not_go(harness.click("ULEAD1", harness.case(one))) is Answer.RECORDED
    approve(harness, KEPT)
    harness.wait_out()
    assert [mail.recipient for mail in harness.mails][2:] == [f"billing@customer{KEPT}.example"]
    written = [(row.state, row.attachable) for row in harness.rows(select(notes))]
    assert sorted(written) == sorted(("written", note["id"]) for note in harness.notes)
    assert len(written) == 3


def everything(harness: CompanyHarness) -> dict[str, list[object]]:
    """All that is on record, by table."""
    return {table.name: harness.rows(select(table)) for table in metadata.sorted_tables}
