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
from tests.jobs.house import House


def told(house: House, about: str = "last entry") -> list[str]:
    return [words for words in house.said("notice") if about in words]


def run(house: House, times: int, hours: int) -> list[Any]:
    """The step every so many hours, and what the process log says."""
    with capture_logs() as said:
        for _ in range(times):
            house.time.later(hours=hours)
            house.run("log_head")
    return [line for line in said if line["event"].startswith("log.")]


@contextmanager
def cut_off(house: House) -> Iterator[None]:
    """Somebody who may alter tables has removed the last row, and the head names the one before."""
    guard = select(text("sql")).select_from(text("sqlite_master"))
    guard = guard.where(text("name = 'log_no_delete'"))
    with house.process.database.writing() as conn:
        (head,), (*_, left, last) = log.heads(conn), log.lines(conn, house.realm)
        trigger = conn.execute(guard).scalar_one()
        conn.execute(text("DROP TRIGGER log_no_delete"))
        conn.execute(delete(log_table).where(log_table.c.seq == last.seq))
        conn.execute(update(log_heads).values(seq=left.seq, hash=left.hash))
    yield
    with house.process.database.writing() as conn:
        row = {"company": last.company, "seq": last.seq, "body": last.body, "hash": last.hash}
        conn.execute(insert(log_table).values(row | {"case_id": last.case}))
        conn.execute(update(log_heads).values(seq=head.seq, hash=head.hash))
        conn.execute(text(trigger))


def test_the_end_of_the_log_is_told_once_in_a_business_day(a_house: House) -> None:
    """In the channel at the end of the day; in the process log each hour; a cut end is an alarm."""
    with a_house.process.database.writing() as conn:
        work.ensure(conn, work.EVERYBODY, "log_head", a_house.now)
    a_house.run("log_head")
    assert told(a_house) == [], "it is ten in the morning"
    lines = run(a_house, 6, hours=2)
    with a_house.database.reading() as conn:
        (head,) = log.heads(conn)
    assert [line["event"] for line in lines] == ["log.head"] * 6
    assert (lines[-1]["seq"], lines[-1]["hash"]) == (head.seq, head.hash)
    (words,) = told(a_house)
    assert head.hash in words
    assert f"{head.seq} entries" in words

    run(a_house, 16, hours=6)  # Thursday to Sunday
    assert len(told(a_house)) == 5, "this company works every day"
    (row,) = a_house.rows(select(schedule).where(schedule.c.kind == "log_head"))
    assert row.due_at == a_house.now + timedelta(hours=1)

    a_house.change_policy(calendar={"business_days_only": True})
    a_house.time.later(days=6)
    run(a_house, 4, hours=5)  # the next Saturday night and Sunday
    assert len(told(a_house)) == 5

    with cut_off(a_house):
        lines = run(a_house, 2, hours=1)
    assert [line["event"] for line in lines] == ["log.head", "log.cut"] * 2
    (alarm,) = told(a_house, "with a backup")
    assert "cut off" in alarm
