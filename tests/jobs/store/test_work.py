"""Claims: one row, one holder, for one lease."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Table, insert, select, text, true, update

from jobs.store import work
from jobs.store.database.engine import Database
from jobs.store.database.tables import cases, events, messages, schedule
from jobs.store.work import Claim
from tests.jobs.store.record import NOW, case, company, notices, race

LATER = NOW + work.LEASE + timedelta(seconds=1)


def claim(database: Database, limit: int = 1, **how: object) -> list[Claim]:
    with database.writing() as conn:
        return work.claim(conn, events, how.pop("at", NOW), limit, **how)  # type: ignore[arg-type]


def ranked(database: Database, *ranks: int) -> None:
    notices(database, len(ranks))
    with database.writing() as conn:
        for id, rank in enumerate(ranks, start=1):
            mine = events.c.id == str(id)
            conn.execute(update(events).where(mine).values(rank=Decimal(rank)))


def test_no_row_is_given_to_two_claimers(database: Database) -> None:
    """Eight claimers empty a table of forty rows, and each row has one holder."""
    notices(database, 40)

    def until_empty(_number: int) -> list[str]:
        mine = []
        while taken := claim(database, 3):
            mine += [c.id for c in taken]
        return mine

    taken = [id for ids in race(8, until_empty) for id in ids]
    # a claimer may have found only rows that others were just taking: what is left is one's own
    taken += [c.id for c in claim(database, 40)]
    assert sorted(taken, key=int) == [str(n) for n in range(1, 41)]


def test_the_most_valuable_row_comes_first(database: Database) -> None:
    """Rows are taken and handed over by rank, the older first where ranks are equal."""
    ranked(database, 5, 900, 5, 70)
    assert [c.id for c in claim(database, 3)] == ["2", "4", "1"]
    assert [c.id for c in claim(database, 3)] == ["3"]


def test_the_row_somebody_asked_for_comes_before_all(database: Database) -> None:
    """`first` wins over rank, and a row that is not there changes nothing."""
    ranked(database, 5, 900, 5)
    assert [c.id for c in claim(database, 2, first="3")] == ["3", "2"]
    assert [c.id for c in claim(database, 2, first="3")] == ["1"]


def test_a_claim_takes_no_more_than_its_limit(database: Database) -> None:
    """Statistics that lag behind must not lead to a plan that takes a row more."""
    notices(database, 500)
    with database.writing() as conn:
        conn.execute(update(events).values(due_at=NOW + timedelta(days=900)))
        conn.execute(text("ANALYZE events"))
        conn.execute(update(events).where(events.c.id.in_(range(1, 21))).values(due_at=NOW))
        assert len(work.claim(conn, events, NOW, 3)) == 3


def test_only_what_is_ready_is_claimed(database: Database) -> None:
    """Beside being due, a row has to meet the condition of its step."""
    notices(database, 3)
    assert [c.id for c in claim(database, 3, where=events.c.entity_id == "1")] == ["2"]


def test_nothing_is_claimed_before_its_time(database: Database) -> None:
    """A row is free at the second it is due, not before."""
    notices(database, 1)
    assert claim(database, at=NOW - timedelta(microseconds=1)) == []
    assert len(claim(database, at=NOW)) == 1


def test_a_claim_ends_with_its_lease(database: Database) -> None:
    """Until then nobody else gets the row; afterwards the first holder cannot settle any more."""
    notices(database, 1)
    (first,) = claim(database)
    assert claim(database, at=NOW + work.LEASE - timedelta(seconds=1)) == []
    (second,) = claim(database, at=LATER)
    with database.writing() as conn:
        assert not work.settle(conn, first, None, verb="lost")
        assert not work.renew(conn, first, LATER)
        assert not work.back_off(conn, first, LATER, "late")
    with database.writing() as conn:
        assert work.settle(conn, second, None)
        assert conn.execute(events.select()).one().verb == "Update"


def test_a_renewed_claim_is_held_longer(database: Database) -> None:
    """A renewal counts from its own moment."""
    notices(database, 1)
    (held,) = claim(database)
    with database.writing() as conn:
        assert work.renew(conn, held, NOW + timedelta(seconds=20))
    assert claim(database, at=LATER) == []
    assert len(claim(database, at=NOW + timedelta(seconds=20) + work.LEASE)) == 1


def test_a_settled_row_starts_anew(database: Database) -> None:
    """Attempts, token and error are gone, and the row is due when its step said."""
    notices(database, 1)
    (held,) = claim(database)
    with database.writing() as conn:
        assert work.settle(conn, held, LATER, verb="done")
        row = conn.execute(events.select()).one()
        assert (row.due_at, row.token, row.attempts, row.last_error) == (LATER, None, 0, "")
        assert not work.settle(conn, held, None), "a settled claim was settled again"


def test_a_row_that_failed_waits_longer_each_time(database: Database) -> None:
    """Backing off keeps the attempts and the reason, and the pause grows up to ten minutes."""
    notices(database, 1)
    at, pauses = NOW, []
    for attempt in range(1, 9):
        (held,) = claim(database, at=at)
        assert held.attempts == attempt
        with database.writing() as conn:
            assert work.back_off(conn, held, at, "no answer")
            row = conn.execute(events.select()).one()
        assert (row.token, row.last_error) == (None, "no answer")
        pauses.append(row.due_at - at)
        at = row.due_at
    assert pauses == sorted(pauses)
    assert pauses[0] == timedelta(seconds=10)
    assert pauses[-1] == timedelta(minutes=10)


def test_a_row_is_hopeless_after_five_claims(database: Database) -> None:
    """Five holders died or gave up: the sixth does not try again but tells a person."""
    notices(database, 1)
    hopeless = []
    for turn in range(6):
        (held,) = claim(database, at=NOW + turn * 2 * work.LEASE)
        hopeless.append(held.hopeless)
    assert hopeless == [False] * 5 + [True]


@pytest.mark.parametrize("table", [cases, events, messages, schedule], ids=lambda t: str(t.name))
def test_looking_for_work_uses_an_index(database: Database, table: Table) -> None:
    """The clock looks once a second: no look reads a whole table of settled rows."""
    ready = table.c.state.in_(("new", "approved")) if table is cases else true()
    condition = (table.c.due_at <= NOW) & ready
    query = select(table.c.id).where(condition).limit(1)
    with database.writing() as conn:
        if conn.dialect.name == "postgresql":
            conn.execute(text("SET LOCAL enable_seqscan = off"))
        compiled = query.compile(conn, compile_kwargs={"literal_binds": True})
        how = "EXPLAIN QUERY PLAN" if conn.dialect.name == "sqlite" else "EXPLAIN"
        plan = "\n".join(str(row) for row in conn.exec_driver_sql(f"{how} {compiled}"))
    assert "due_at" in plan
    assert "SEARCH" in plan or "Index" in plan


def test_there_is_something_to_claim_or_there_is_not(database: Database) -> None:
    """`due` says before a claim whether it would be empty."""
    company(database)
    case(database)
    wanted = [(cases, None), (cases, cases.c.state == "done"), (schedule, None)]
    with database.writing() as conn:
        conn.execute(insert(schedule).values(company="", kind="people", due_at=None))
        assert work.due(conn, wanted, NOW) == [True, False, False]
        assert work.due(conn, wanted, NOW - timedelta(seconds=1)) == [False, False, False]
