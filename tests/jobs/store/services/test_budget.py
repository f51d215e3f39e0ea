"""One budget per company, whoever asks: pace, pauses, and the month's reads."""

import heapq
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.event import listen

from jobs.store.database import engine
from jobs.store.database.engine import Database
from jobs.store.database.tables import budgets
from jobs.store.services import budget
from jobs.store.services.budget import SqlBudget, Used, in_bulk
from qbo import Throttled, Unreachable
from tests.jobs.store.record import NOW, REALM, company, race
from tests.said import said

OTHER = "4620816365000000002"


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def at(moment: datetime) -> Callable[[], datetime]:
    """A clock that stands still."""
    return lambda: moment


@pytest.fixture
def processes(record_url: str) -> Iterator[list[SqlBudget]]:
    """Eight processes' budgets, each with a connection of its own to the one record."""
    with ExitStack() as stack:
        opened = [stack.enter_context(closing(engine.connect(record_url))) for _ in range(8)]
        yield [SqlBudget(database) for database in opened]


def most_in(gone: list[datetime], seconds: float) -> int:
    """The most requests in any stretch of so many seconds."""
    span = timedelta(seconds=seconds)
    return max(bisect_left(gone, start + span) - n for n, start in enumerate(gone))


def run(
    budgets: list[SqlBudget], seconds: float, bulk: bool = False, metered: int = 1
) -> list[datetime]:
    """When requests went, where each budget asks again as soon as it may, on a driven clock."""
    gone: list[datetime] = []
    turns = [(NOW, number) for number in range(len(budgets))]
    while turns[0][0] < after(seconds):
        now, number = heapq.heappop(turns)
        with in_bulk(bulk):
            wait = budgets[number].take(REALM, metered, at(now))
        if not wait:
            gone.append(now)
        heapq.heappush(turns, (now + timedelta(seconds=wait), number))
    return gone


def test_eight_processes_share_ten_requests_a_second(processes: list[SqlBudget]) -> None:
    """However eager they are; and what is allowed is used."""
    gone = run(processes, 6)
    assert most_in(gone, 1) == 10
    assert len(gone) >= 50


def test_eight_processes_share_five_hundred_a_minute(database: Database) -> None:
    """At ten a second the minute is full before it is over."""
    gone = run([SqlBudget(database)], 75)
    assert most_in(gone, 60) == 500


def test_batches_have_a_limit_of_their_own(database: Database) -> None:
    """Forty a minute, while single questions go on."""
    gone = run([SqlBudget(database)], 75, metered=5)
    assert most_in(gone, 60) == 40
    assert len(gone) > 40
    assert SqlBudget(database).take(REALM, 1, at(after(76))) == 0


def test_a_race_of_eight_is_granted_ten(processes: list[SqlBudget]) -> None:
    """Forty requests at the same moment, from eight processes at once."""
    granted = race(8, lambda n: [processes[n].take(REALM, 1, at(NOW)) for _ in range(5)])
    assert [wait for waits in granted for wait in waits].count(0.0) == 10


def test_work_that_can_wait_leaves_room_for_people(processes: list[SqlBudget]) -> None:
    """However busy a sweep is, a send finds two requests free in each second."""
    gone = run(processes, 5, bulk=True)
    assert most_in(gone, 1) == 8
    busy = gone[-1]
    assert [processes[0].take(REALM, 1, at(busy)) for _ in range(3)][:2] == [0.0, 0.0]


def test_a_sweep_has_its_share_while_nobody_else_asks(database: Database) -> None:
    """Eight a second and four hundred a minute."""
    gone = run([SqlBudget(database)], 75, bulk=True)
    assert most_in(gone, 60) == 400


def test_companies_do_not_wait_for_each_other(database: Database) -> None:
    """The limits are per company."""
    shared = SqlBudget(database)
    for _ in range(10):
        shared.take(REALM, 1, at(NOW))
    assert shared.take(REALM, 1, at(NOW)) > 0
    assert shared.take(OTHER, 1, at(NOW)) == 0.0


def test_a_429_holds_every_process(processes: list[SqlBudget]) -> None:
    """For its minute, for this company; a shorter pause does not end a longer one."""
    processes[0].hold(REALM, 60, NOW)
    processes[1].hold(REALM, 5, after(1))
    assert [each.take(REALM, 1, at(after(20))) for each in processes] == [40.0] * 8
    assert processes[2].take(OTHER, 1, at(after(20))) == 0.0
    assert processes[3].take(REALM, 1, at(after(60))) == 0.0


def test_a_clock_that_runs_ahead_stops_nobody(database: Database) -> None:
    """What a machine with a wrong clock took does not block the others until its time comes."""
    shared = SqlBudget(database)
    for _ in range(10):
        shared.take(REALM, 1, at(after(7200)))
    assert shared.take(REALM, 1, at(NOW)) == 0.0


def test_a_refusal_that_does_not_end_is_told(database: Database) -> None:
    """After 15 minutes it is no rush but the month's block; said once a day."""
    company(database)
    shared = SqlBudget(database)
    for minute in range(15):
        shared.hold(REALM, 60, after(60 * minute))
    assert said(database) == []
    for minute in range(15, 20):
        shared.hold(REALM, 60, after(60 * minute))
    (text,) = said(database)
    assert "15 minutes" in text


def test_pauses_far_apart_are_no_block(database: Database) -> None:
    """A busy minute now and then is nobody's trouble."""
    company(database)
    shared = SqlBudget(database)
    for hour in range(5):
        shared.hold(REALM, 60, after(3600 * hour))
    assert said(database) == []


def test_reads_are_counted_per_company_and_month(database: Database) -> None:
    """Writes are free and counted apart; a refused request is not counted."""
    shared, december = SqlBudget(database), datetime(2026, 12, 1, tzinfo=UTC)
    for metered in (1, 30, 0):
        shared.take(REALM, metered, at(NOW))
    shared.take(OTHER, 2, at(NOW))
    shared.take(REALM, 5, at(december))
    shared.hold(REALM, 60, december)
    shared.take(REALM, 7, at(december))
    with database.reading() as conn:
        october = budget.by_company(conn, "2026-10")
        assert budget.used_in(conn, "2026-10") == 33
        assert budget.by_company(conn, "2026-12") == [Used(REALM, 5, 0)]
    assert october == [Used(REALM, 31, 1), Used(OTHER, 2, 0)]


def test_seventy_per_cent_is_told_in_each_channel_once(processes: list[SqlBudget]) -> None:
    """The quota is the workspace's: what one company reads, the other lacks."""
    database = processes[0]._database
    for realm in (REALM, OTHER):
        company(database, realm)
    small = [SqlBudget(each._database, quota=100) for each in processes]
    small[0].take(REALM, 69, at(NOW))
    assert said(database) == []
    for each in small:
        each.take(OTHER, 1, at(NOW))
    assert len(said(database)) == 2
    assert all("(70 %)" in text for text in said(database))


def test_what_was_told_is_not_written_again(database: Database) -> None:
    """Each job is a new process, and none of them goes through all companies any more."""
    for realm in (REALM, OTHER):
        company(database, realm)
    SqlBudget(database, quota=100).take(REALM, 95, at(NOW))
    asked: list[str] = []
    listen(database.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    for realm in (REALM, OTHER):
        SqlBudget(database, quota=100).take(realm, 1, at(NOW))
    assert asked
    assert not [each for each in asked if "INSERT INTO messages" in each]


def test_who_connects_late_is_told_as_well(database: Database) -> None:
    """With its first question: the others were told long ago, and are not told again."""
    company(database)
    SqlBudget(database, quota=100).take(REALM, 75, at(NOW))
    company(database, OTHER)
    SqlBudget(database, quota=100).take(OTHER, 1, at(NOW))
    assert len(said(database)) == 2


def test_above_ninety_per_cent_only_what_cannot_wait_reads(database: Database) -> None:
    """Bulk reads wait with a reason; last checks, notifications and our own notes go on."""
    company(database)
    shared = SqlBudget(database, quota=100)
    shared.take(REALM, 90, at(NOW))
    with in_bulk(True):
        with pytest.raises(Throttled, match="only last checks and notifications") as caught:
            shared.take(REALM, 1, at(NOW))
        assert shared.take(REALM, 0, at(NOW)) == 0.0
    assert caught.value.retry_after == budget.LOOK_AGAIN
    assert shared.take(REALM, 1, at(NOW)) == 0.0
    assert sum("(90 %)" in text for text in said(database)) == 1


def test_a_new_month_begins_anew(database: Database) -> None:
    """Who waits asks again when the month ends, not an hour later."""
    shared = SqlBudget(database, quota=100)
    late = datetime(2026, 12, 31, 23, 59, tzinfo=UTC)
    shared.take(REALM, 90, at(late))
    with in_bulk(True):
        with pytest.raises(Throttled) as caught:
            shared.take(REALM, 1, at(late))
        assert caught.value.retry_after == 60.0
        assert shared.take(REALM, 1, at(late + timedelta(seconds=60))) == 0.0


def test_bulk_work_is_what_says_so(database: Database) -> None:
    """The mark belongs to a block of one thread, and ends with it."""
    shared = SqlBudget(database, quota=100)
    shared.take(REALM, 90, at(NOW))
    with in_bulk(True), pytest.raises(Throttled):
        shared.take(REALM, 1, at(NOW))
    with in_bulk(True):
        assert race(2, lambda _: shared.take(REALM, 1, at(NOW))) == [0.0, 0.0]
    assert shared.take(REALM, 1, at(NOW)) == 0.0


def test_a_record_that_is_busy_asks_nothing(database: Database, record_url: str) -> None:
    """A request that cannot be counted is not made; later is soon enough."""
    SqlBudget(database).take(REALM, 1, at(NOW))
    hasty = engine.connect(record_url, timedelta(milliseconds=50))
    with closing(hasty), database.writing() as conn:
        conn.execute(budgets.update().values(held_since=NOW))
        with pytest.raises(Unreachable, match="nothing was asked"):
            SqlBudget(hasty).take(REALM, 1, at(NOW))


def test_the_moment_of_a_request_is_that_of_its_turn(database: Database, record_url: str) -> None:
    """While the clock is read nobody else can take: a queue that ends does not leave at once."""
    SqlBudget(database).take(REALM, 1, at(NOW))
    hasty = engine.connect(record_url, timedelta(milliseconds=50))

    def clock() -> datetime:
        with pytest.raises(Unreachable):
            SqlBudget(hasty).take(REALM, 1, at(NOW))
        return NOW

    with closing(hasty):
        assert SqlBudget(database).take(REALM, 1, clock) == 0.0


def test_what_is_kept_stays_small(database: Database) -> None:
    """A minute of requests, not a day's."""
    shared = SqlBudget(database)
    for hour in range(20):
        shared.take(REALM, 1, at(after(3600 * hour)))
    with database.reading() as conn:
        assert len(conn.execute(select(budgets.c.taken)).scalar_one()) == 1
