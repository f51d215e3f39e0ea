"""The end of the decision log is told outside, so that cutting it off shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, insert, select, text, update
from structlog.testing import capture_logs

from jobs.store import log, work
from jobs.store.database.tables import log as log_table
from jobs.store.database.tables import log_heads, schedule
from tests.jobs.harness import CompanyHarness


def told(harness: CompanyHarness, about: str = "last entry") -> list[str]:
    return [words for words in harness.said("notice") if about in words]


def run(harness: CompanyHarness, times: int, hours: int) -> list[Any]:
    """The step every so many hours, and what the process log says."""
    with capture_logs() as said:
        for _ in range(times):
            harness.time.later(hours=hours)
            harness.run("log_head")
    return [line for line in said if line["event"].startswith("log.")]


@contextmanager
def cut_off(harness: CompanyHarness) -> Iterator[None]:
    """Somebody who may alter tables has removed the last row, and the head names the one before."""
    guard = select(text("sql")).select_from(text("sqlite_master"))
    guard = guard.where(text("name = 'log_no_delete'"))
    with harness.process.database.writing() as conn:
        (head,), (*_, left, last) = log.heads(conn), log.lines(conn, harness.realm)
        trigger = conn.execute(guard).scalar_one()
        conn.execute(text("DROP TRIGGER log_no_delete"))
        conn.execute(delete(log_table).where(log_table.c.seq == last.seq))
        conn.execute(update(log_heads).values(seq=left.seq, hash=left.hash))
    yield
    with harness.process.database.writing() as conn:
        row = {"company": last.company, "seq": last.seq, "body": last.body, "hash": last.hash}
        conn.execute(insert(log_table).values(row | {"case_id": last.case}))
        conn.execute(update(log_heads).values(seq=head.seq, hash=head.hash))
        conn.execute(text(trigger))


def test_the_end_of_the_log_is_told_once_in_a_business_day(a_harness: CompanyHarness) -> None:
    """In the channel at the end of the day; in the process log each hour; a cut end is an alarm."""
    with a_harness.process.database.writing() as conn:
        work.ensure(conn, work.EVERYBODY, "log_head", a_harness.now)
    a_harness.run("log_head")
    assert told(a_harness) == [], "it is ten in the morning"
    lines = run(a_harness, 6, hours=2)
    with a_harness.database.reading() as conn:
        (head,) = log.heads(conn)
    assert [line["event"] for line in lines] == ["log.head"] * 6
    assert (lines[-1]["seq"], lines[-1]["hash"]) == (head.seq, head.hash)
    (words,) = told(a_harness)
    assert head.hash in words
    assert f"{head.seq} entries" in words

    run(a_harness, 16, hours=6)  # Thursday to Sunday
    assert len(told(a_harness)) == 5, "this company works every day"
    (row,) = a_harness.rows(select(schedule).where(schedule.c.kind == "log_head"))
    assert row.due_at == a_harness.now + timedelta(hours=1)

    a_harness.change_policy(calendar={"business_days_only": True})
    a_harness.time.later(days=6)
    run(a_harness, 4, hours=5)  # the next Saturday night and Sunday
    assert len(told(a_harness)) == 5

    with cut_off(a_harness):
        lines = run(a_harness, 2, hours=1)
    assert [line["event"] for line in lines] == ["log.head", "log.cut"] * 2
    (alarm,) = told(a_harness, "with a backup")
    assert "cut off" in alarm
