"""The log: one chain per company, appended last, and nothing in it changes unseen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError

from jobs.store import log, outbox
from jobs.store.database.engine import Database
from jobs.store.log import BrokenRow, Entry
from jobs.store.outbox import MessageKind, OtherChannel
from tests.jobs.store.record import NOW, race


def entry(action: str = "case.opened", company: str = "1", **fields: Any) -> Entry:
    return Entry(company, action, "ULEAD1", NOW, **fields)


def note(database: Database, *entries: Entry) -> None:
    with database.writing() as conn:
        for one in entries:
            log.note(conn, one)


def note_often(database: Database, times: int, *entries: Entry) -> None:
    for _ in range(times):
        note(database, *entries)


def verify(database: Database) -> tuple[int, tuple[BrokenRow, ...]]:
    with database.reading() as conn:
        return log.verify(conn)


@pytest.fixture
def written(database: Database) -> Database:
    """Three rows of one company and one of another."""
    note(database, entry(case="7"), entry("approve", case="7", data={"draft": "3"}))
    note(database, entry("sent", case="7"), entry("company.connected", company="2"))
    return database


def test_a_chain_that_nobody_touched_verifies(written: Database) -> None:
    """All rows are good, over all companies."""
    assert verify(written) == (4, ())


def test_an_empty_log_verifies(database: Database) -> None:
    """Nothing written, nothing wrong."""
    assert verify(database) == (0, ())


def test_each_row_hashes_the_one_before_it(written: Database) -> None:
    """Anybody can recompute the chain from the stored bytes: SHA-256 over hash and body."""
    link = log.GENESIS
    with written.reading() as conn:
        for line in log.lines(conn, "1"):
            link = hashlib.sha256(link.encode() + line.body.encode()).hexdigest()
            assert line.hash == link


def test_lines_come_in_order(written: Database) -> None:
    """By company, each from its first row on; or only those of a company or case."""
    with written.reading() as conn:
        everything = [(line.company, line.seq) for line in log.lines(conn)]
        assert everything == [("1", 1), ("1", 2), ("1", 3), ("2", 1)]
        assert [line.fields["action"] for line in log.lines(conn, case="7")] == [
            "case.opened",
            "approve",
            "sent",
        ]
        assert list(log.lines(conn, "3")) == []


@contextmanager
def unguarded(database: Database) -> Iterator[Connection]:
    """What somebody with the right to alter tables could do: write behind the triggers' back."""
    with database.writing() as conn:
        if conn.dialect.name == "postgresql":
            conn.execute(text("ALTER TABLE log DISABLE TRIGGER USER"))
            yield conn
            if conn.in_transaction():  # a rollback has put them back already
                conn.execute(text("ALTER TABLE log ENABLE TRIGGER USER"))
        else:
            found = conn.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
            for name in found.scalars().all():
                conn.execute(text(f"DROP TRIGGER {name}"))
            yield conn


SECOND = "WHERE company = '1' AND seq = 2"


CHANGES = [
    f"UPDATE log SET body = replace(body, 'ULEAD1', 'ULEAD2') {SECOND}",
    f"UPDATE log SET body = body || ' ' {SECOND}",
    f"UPDATE log SET hash = replace(hash, substr(hash, 1, 8), '00000000') {SECOND}",
    f"UPDATE log SET case_id = 8 {SECOND}",
    f"UPDATE log SET case_id = NULL {SECOND}",
    f"UPDATE log SET company = '2', seq = 2 {SECOND}",
    f"UPDATE log SET company = 'nobody' {SECOND}",
    f"UPDATE log SET seq = 9 {SECOND}",
    f"DELETE FROM log {SECOND}",
    "DELETE FROM log WHERE company = '1' AND seq = 3",
    "DELETE FROM log WHERE company = '1'",
    "DELETE FROM log_heads WHERE company = '1'",
    "UPDATE log_heads SET seq = 2 WHERE company = '1'",
    "UPDATE log_heads SET hash = repeat_zero WHERE company = '1'",
    "INSERT INTO log SELECT company, 4, case_id, body, hash FROM log " + SECOND,
]


def test_every_change_is_found(written: Database) -> None:
    """Whichever column or row was touched, the company's chain breaks."""
    for change in CHANGES:
        with unguarded(written) as conn:
            conn.execute(text(change.replace("repeat_zero", f"'{log.GENESIS}'")))
            _, broken = log.verify(conn)
            conn.rollback()
        assert "1" in {bad.company for bad in broken}, change
    assert verify(written) == (4, ())


def test_the_first_bad_row_is_named(written: Database) -> None:
    """A person is told where to look, and how many rows before it are good."""
    with unguarded(written) as conn:
        conn.execute(text(f"UPDATE log SET body = '{{}}' {SECOND}"))
    good, broken = verify(written)
    assert broken == (BrokenRow("1", 2, "the row was changed after it was written"),)
    assert good == 2, "row 1 of company 1, and the one of company 2"


def test_a_row_forged_to_the_end_is_found(written: Database) -> None:
    """A whole new chain for a changed row fails at its sequence number or at the head."""
    with unguarded(written) as conn:
        rows = list(log.lines(conn, "1"))
        body = json.dumps({**rows[2].fields, "seq": 5})
        forged = {"body": body, "hash": log.chain(rows[1].hash, body)}
        conn.execute(
            text("UPDATE log SET body = :body, hash = :hash WHERE company = '1' AND seq = 3"),
            forged,
        )
        conn.execute(text("UPDATE log_heads SET hash = :hash WHERE company = '1'"), forged)
    assert verify(written)[1][0].seq == 3


def cut(conn: Connection, last: int) -> None:
    """Take the rows after `last` off company 1, and have its head name what is left."""
    conn.execute(text(f"DELETE FROM log WHERE company = '1' AND seq > {last}"))
    kept = list(log.lines(conn, "1"))[-1]
    head = {"seq": kept.seq, "hash": kept.hash}
    conn.execute(text("UPDATE log_heads SET seq = :seq, hash = :hash WHERE company = '1'"), head)


def test_an_end_that_was_cut_off_is_found(written: Database) -> None:
    """A chain cut with care is whole in itself; what was posted of it earlier no longer fits."""
    with written.writing() as conn:
        told, _ = log.heads(conn)
        assert (told.seq, told.company) == (3, "1")
        to, data = OtherChannel("1", "C1"), {"seq": told.seq, "hash": told.hash}
        outbox.say(conn, to, MessageKind.LOG_HEAD, f"{log.TOLD}:1:x", data, NOW)
        assert log.lost(conn, "1") is None
    note(written, entry("later", case="7"))
    assert verify(written) == (5, ()), "a log that goes on loses nothing"
    with written.reading() as conn:
        assert log.find(conn, told.hash) == list(log.lines(conn, "1"))[2]
    with unguarded(written) as conn:
        cut(conn, 2)
        assert log.find(conn, told.hash) is None, "whoever kept the hash sees it without our record"
        assert log.lost(conn, "1") == told
        reason = "on 14 Oct the channel was told another end: rows were cut off or written anew"
        assert log.verify(conn) == (3, (BrokenRow("1", 3, reason),))
        conn.rollback()
    with unguarded(written) as conn:
        cut(conn, 3)
    assert verify(written) == (4, ()), "nothing was told of the fourth row"


ROW = "INTO log (company, seq, body, hash) VALUES ('1', 2, '', '')"
ATTEMPTS = [
    "UPDATE log SET hash = ''",
    "DELETE FROM log",
    f"INSERT {ROW} ON CONFLICT (company, seq) DO UPDATE SET body = excluded.body",
]
ITS_OWN = {
    "sqlite": [f"INSERT OR REPLACE {ROW}", f"REPLACE {ROW}", "UPDATE OR REPLACE log SET seq = 1"],
    "postgresql": ["TRUNCATE log", "TRUNCATE log CASCADE"],
}


def test_a_row_can_be_neither_changed_nor_deleted(written: Database) -> None:
    """The database itself refuses, whoever asks and however it is spelt."""
    for attempt in ATTEMPTS + ITS_OWN[written.engine.dialect.name]:
        with pytest.raises(DBAPIError, match="append-only"), written.writing() as conn:
            conn.execute(text(attempt))
        assert verify(written) == (4, ()), attempt


def _note_and_fail(conn: Connection) -> None:
    log.note(conn, entry())
    raise ZeroDivisionError


def test_a_transaction_that_fails_leaves_no_row(database: Database) -> None:
    """What was noted before the error is gone with it, also for the next transaction."""
    with pytest.raises(ZeroDivisionError), database.writing() as conn:
        _note_and_fail(conn)
    note(database, entry("second"))
    with database.reading() as conn:
        assert [line.fields["action"] for line in log.lines(conn)] == ["second"]


def test_rows_are_appended_last(database: Database) -> None:
    """Three statements end the transaction; until then nobody waits for the head."""
    said: list[str] = []
    note(database, entry())
    event.listen(
        database.engine, "before_cursor_execute", lambda *a: said.append(a[2].split()[0:3])
    )
    with database.writing() as conn:
        log.note(conn, entry())
        log.note(conn, entry())
        conn.execute(text("SELECT 1"))
    assert [" ".join(words) for words in said[-3:]] == [
        "UPDATE log_heads SET",
        "INSERT INTO log",
        "UPDATE log_heads SET",
    ]
    assert any(words[0] == "SELECT" for words in said[:-3])


def test_writers_at_once_make_one_chain(database: Database) -> None:
    """Eight threads append to one company and lose nothing."""
    race(8, lambda n: note_often(database, 5, entry(data={"n": n})))
    assert verify(database) == (40, ())


def test_writers_of_several_companies_do_not_wait_in_a_circle(database: Database) -> None:
    """Heads are always locked in the same order."""
    both = [entry(company="1"), entry(company="2")]
    race(6, lambda n: note_often(database, 5, *(both if n % 2 else both[::-1])))
    assert verify(database) == (60, ())


def test_a_row_holds_who_what_when(database: Database) -> None:
    """The stored text is JSON with sorted keys; an amount keeps its digits."""
    note(database, entry("approve", case="412", data={"draft": "9", "amount": "845.00"}))
    with database.reading() as conn:
        (line,) = log.lines(conn)
    assert line.fields == {
        "seq": 1,
        "at": "2026-10-14T15:30:00+00:00",
        "actor": "ULEAD1",
        "action": "approve",
        "company": "1",
        "case": "412",
        "data": {"draft": "9", "amount": "845.00"},
    }
    assert list(line.fields) == sorted(line.fields)
