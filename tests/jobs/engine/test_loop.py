"""Steps over a real table: rounds, trouble, leases; and the queues on a real Redis."""

from __future__ import annotations

import json
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import redis
from psycopg.errors import ReadOnlySqlTransaction
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import Connection, Row, false, select, true
from sqlalchemy.exc import InternalError, OperationalError

from jobs.engine import loop
from jobs.engine.loop import Loop
from jobs.engine.queues import Queues
from jobs.engine.step import CLAIMING, Load, ReadFirst, Round, Step
from jobs.pipeline import QUEUES
from jobs.store import log, work
from jobs.store.database import engine
from jobs.store.database.engine import Database
from jobs.store.database.tables import events
from jobs.store.work import Claim
from tests.jobs.store import copies
from tests.jobs.store.record import NOW, REALM, notices

database = copies.database

Rounds = list[Callable[[], Any]]


class Clock:
    """Stands still until somebody moves it; may be moved from any thread."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def go(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Turn:
    """Acts once, then hands over to the next turn, and settles the row after the last."""

    diary: list[str]
    acts: Rounds
    number: int = 1

    def act(self) -> Any:
        self.diary.append(f"act {self.number}")
        return self.acts[0]()

    def settle(self, conn: Connection, claim: Claim, outcome: Any, now: datetime) -> Round | None:
        self.diary.append(f"settle {outcome}")
        if isinstance(outcome, Exception):
            raise outcome
        if self.acts[1:]:
            return Turn(self.diary, self.acts[1:], self.number + 1)
        work.settle(conn, claim, None, verb=str(outcome))
        return None


@dataclass
class Bench:
    """A step over `events` whose acts a test gives, by row id."""

    database: Database
    clock: Clock
    acts: dict[str, Rounds]
    diary: list[str] = field(default_factory=list)
    width: int = 4
    claiming: timedelta = CLAIMING

    def fill(self, count: int) -> None:
        """Put so many rows on the bench, numbered from 1."""
        notices(self.database, count)

    def step(self) -> Step:
        how = self.load, self.give_up, self.width, self.claiming
        return Step("detect", events, true(), *how)

    def load(self, conn: Connection, claim: Claim, now: datetime) -> Round | None:
        self.diary.append(f"load {claim.id}")
        acts = self.acts.get(claim.id, [lambda: "done"])
        if not acts:
            work.settle(conn, claim, None, verb="nothing")
            return None
        return Turn(self.diary, acts)

    def give_up(self, conn: Connection, claim: Claim, now: datetime) -> None:
        self.diary.append(f"give up {claim.id}")
        work.settle(conn, claim, None, verb="gave up")

    def run(self, first: str | None = None) -> None:
        loop.run(self.database, [self.step()], self.clock, first)

    def rows(self) -> dict[str, Row[Any]]:
        with self.database.reading() as conn:
            return {row.id: row for row in conn.execute(select(events))}


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database, Clock(), {})


class AtOnce(ThreadPoolExecutor):
    """Acts before `submit` returns: the moment at which a thread may begin at the earliest."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - a future carries whatever was raised
            future.set_exception(error)
        return future


def test_a_row_is_loaded_acted_and_settled(bench: Bench) -> None:
    """One turn each, in this order, and the row is done."""
    bench.fill(1)
    bench.run()
    assert bench.diary == ["load 1", "act 1", "settle done"]
    row = bench.rows()["1"]
    assert (row.verb, row.due_at, row.token, row.attempts) == ("done", None, None, 0)


def test_others_write_while_a_row_is_read_for_long(bench: Bench) -> None:
    """SQLite has one writer: a click must not wait until a card is drawn."""
    bench.fill(1)

    def read(_conn: Connection, claim: Claim, _now: datetime) -> Load:
        with bench.database.writing() as other:
            work.ensure(other, REALM, "sweep", NOW)
        bench.diary.append(f"read {claim.id}")
        return bench.load

    loop.run(bench.database, [replace(bench.step(), load=ReadFirst(read))], bench.clock)
    assert bench.diary == ["read 1", "load 1", "act 1", "settle done"]


def test_a_step_may_take_several_rounds(bench: Bench) -> None:
    """What `settle` returns is acted next, under the same claim."""
    bench.fill(1)
    bench.acts["1"] = [lambda: "looked", lambda: "sent"]
    bench.run()
    assert bench.diary == ["load 1", "act 1", "settle looked", "act 2", "settle sent"]
    assert bench.rows()["1"].verb == "sent"


def test_a_row_with_nothing_to_do_is_not_acted(bench: Bench) -> None:
    """`load` may settle the row itself."""
    bench.fill(1)
    bench.acts["1"] = []
    bench.run()
    assert bench.diary == ["load 1"]
    assert bench.rows()["1"].verb == "nothing"


def test_everything_due_is_worked_off(bench: Bench) -> None:
    """More rows than the step is wide: the loop claims again until nothing is due."""
    bench.fill(11)
    bench.run()
    assert {row.verb for row in bench.rows().values()} == {"done"}


def test_no_more_rows_are_under_way_than_the_step_is_wide(bench: Bench) -> None:
    """Acts of one step never overlap beyond its width."""
    bench.fill(6)
    busy, most, lock = 0, 0, threading.Lock()
    meet = threading.Barrier(2)

    def act() -> str:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        meet.wait(10)
        with lock:
            busy -= 1
        return "done"

    bench.acts = {str(n): [act] for n in range(1, 7)}
    bench.width = 2
    bench.run()
    assert most == 2


def test_the_row_that_was_asked_for_is_first(bench: Bench) -> None:
    """A wake-up that names a row has it worked on before the others."""
    bench.fill(3)
    bench.width = 1
    bench.run(first="3")
    assert [line for line in bench.diary if line.startswith("load")] == [
        "load 3",
        "load 1",
        "load 2",
    ]


def test_a_row_is_first_only_in_the_step_that_was_rung(bench: Bench) -> None:
    """Rows of other steps have the same numbers and are other things."""
    bench.fill(3)
    bench.width = 1
    woken = replace(bench.step(), ready=false())
    loop.run(bench.database, [woken, bench.step()], bench.clock, "3")
    assert [line for line in bench.diary if line.startswith("load")] == [
        "load 1",
        "load 2",
        "load 3",
    ]


def _explode(*_args: Any) -> Any:
    raise RuntimeError("the wheel came off")


@pytest.mark.parametrize("where", ["load", "act", "settle"])
def test_one_rows_trouble_leaves_the_others_alone(bench: Bench, where: str) -> None:
    """The row backs off with its reason, whatever of it was written is undone, others go on."""
    bench.fill(3)
    plain = bench.load

    def load(conn: Connection, claim: Claim, now: datetime) -> Round | None:
        round = plain(conn, claim, now)
        if where == "load" and claim.id == "2":
            work.settle(conn, claim, None, verb="half")
            _explode()
        return round

    troubles = {"load": [], "act": [_explode], "settle": [lambda: RuntimeError("no wheel")]}
    bench.acts["2"] = troubles[where]
    bench.load = load  # type: ignore[method-assign]
    bench.run()
    rows = bench.rows()
    assert (rows["1"].verb, rows["3"].verb) == ("done", "done")
    assert (rows["2"].verb, rows["2"].attempts, rows["2"].token) == ("Update", 1, None)
    assert "(RuntimeError)" in rows["2"].last_error
    assert "no wheel" not in rows["2"].last_error
    assert rows["2"].due_at > NOW


def test_a_row_that_fails_five_times_is_given_up(bench: Bench) -> None:
    """Five tries, each after its pause; the sixth claim tells a person instead."""
    bench.fill(1)
    bench.acts["1"] = [_explode]
    for _ in range(6):
        bench.run()
        bench.clock.go(601)
    assert bench.diary.count("load 1") == 5
    assert bench.diary[-1] == "give up 1"
    assert bench.rows()["1"].verb == "gave up"


def test_a_give_up_that_fails_is_tried_again(bench: Bench) -> None:
    """Even the last word is only said when it could be said."""
    bench.fill(1)
    bench.acts["1"] = [_explode]
    plain, bench.give_up = bench.give_up, _explode  # type: ignore[method-assign,assignment]
    for _ in range(7):
        bench.run()
        bench.clock.go(601)
    bench.give_up = plain  # type: ignore[method-assign]
    bench.run()
    assert bench.rows()["1"].verb == "gave up"


def _claimable(bench: Bench) -> bool:
    with bench.database.writing() as conn:
        found = work.claim(conn, events, bench.clock(), 1)
        conn.rollback()
    return bool(found)


@dataclass
class Telling(Loop):
    """A loop that says as of when it has looked at its leases."""

    looked: queue.Queue[datetime] = field(default_factory=queue.Queue)

    def _renew(self) -> None:
        at = self.clock()
        super()._renew()
        self.looked.put(at)


def test_a_long_act_keeps_its_row(bench: Bench) -> None:
    """While an act takes longer than a lease, its claim is renewed."""
    bench.fill(2)
    again = threading.Semaphore(0)
    seen: list[bool] = []

    def long() -> str:
        for _ in range(3):
            bench.clock.go(16)
            again.release()
            while telling.looked.get(timeout=30) < bench.clock():
                pass
        seen.append(_claimable(bench))
        return "done"

    bench.acts = {"1": [long], "2": [lambda: again.acquire(timeout=30)] * 3}
    with ThreadPoolExecutor(2) as pool:
        telling = Telling(bench.database, [bench.step()], bench.clock, pool)
        telling.run()
    assert seen == [False]
    assert bench.rows()["1"].verb == "done"


def test_many_short_rounds_keep_their_row(bench: Bench) -> None:
    """Rounds that are each shorter than the renewal are together longer than a lease."""
    bench.fill(1)
    seen: list[bool] = []

    def act() -> str:
        bench.clock.go(9)
        seen.append(_claimable(bench))
        return "done"

    bench.acts["1"] = [act] * 6
    bench.run()
    assert seen == [False] * 6
    assert bench.rows()["1"].verb == "done"


def test_a_lost_row_is_settled_by_its_new_holder(bench: Bench) -> None:
    """Whoever lost the row to another worker writes nothing on it."""
    bench.fill(1)

    def act() -> str:
        bench.clock.go(31)
        with bench.database.writing() as conn:
            (theirs,) = work.claim(conn, events, bench.clock(), 1)
            work.settle(conn, theirs, None, verb="theirs")
        return "ours"

    bench.acts["1"] = [act]
    bench.run()
    assert bench.rows()["1"].verb == "theirs"


def test_no_transaction_is_open_while_a_step_acts(bench: Bench) -> None:
    """Not even at the first instant: another process could write all the while."""
    bench.fill(1)
    url = bench.database.engine.url.render_as_string(hide_password=False)
    other = engine.connect(url, timedelta(milliseconds=50))

    def act() -> str:
        with other.writing() as conn:
            conn.execute(events.update().values(entity="touched"))
        return "done"

    bench.acts["1"] = [act, act]
    with AtOnce(1) as pool:
        Loop(bench.database, [bench.step()], bench.clock, pool).run()
    other.close()
    assert bench.diary == ["load 1", "act 1", "settle done", "act 2", "settle done"]


def test_nothing_is_acted_unless_its_load_is_on_record(bench: Bench) -> None:
    """A load whose commit fails is as if it had not been."""
    bench.fill(1)

    def load(conn: Connection, claim: Claim, now: datetime) -> Round | None:
        log.note(conn, log.Entry(REALM, "x" * 10, "system:detect", now, "no number"))
        return Turn(bench.diary, [lambda: "done"])

    bench.load = load  # type: ignore[method-assign]
    with AtOnce(1) as pool:
        Loop(bench.database, [bench.step()], bench.clock, pool).run()
    assert bench.diary == []
    assert bench.rows()["1"].attempts == 1


@pytest.mark.parametrize(
    ("claiming", "third"), [(CLAIMING, "Update"), (timedelta(minutes=1), "done")]
)
def test_a_job_stops_claiming_after_half_a_minute(
    bench: Bench, claiming: timedelta, third: str
) -> None:
    """Or when its step says so. What it has begun is finished; the rest is left to the next job."""
    bench.fill(3)
    bench.width, bench.claiming = 1, claiming

    def act() -> str:
        bench.clock.go(20)
        return "done"

    bench.acts = {str(n): [act] for n in range(1, 4)}
    bench.run()
    verbs = [row.verb for _, row in sorted(bench.rows().items())]
    assert verbs == ["done", "done", third]


def test_a_slow_row_does_not_hold_up_the_others(bench: Bench) -> None:
    """A job that cannot end yet goes on claiming: nobody else works on its queue."""
    bench.fill(3)
    bench.width = 2
    freed = threading.Event()

    def stalled() -> str:
        return "done" if freed.wait(30) else "alone"

    def long() -> str:
        bench.clock.go(31)
        return "done"

    def free() -> str:
        freed.set()
        return "done"

    bench.acts = {"1": [stalled], "2": [long], "3": [free]}
    bench.run()
    assert {row.verb for row in bench.rows().values()} == {"done"}


def test_the_clock_knows_whether_a_step_has_work(bench: Bench) -> None:
    """Due rows count, claimed and settled ones do not."""
    bench.fill(1)
    step = bench.step()
    assert loop.due_steps(bench.database, [step], NOW)
    bench.run()
    assert not loop.due_steps(bench.database, [step], NOW)


@pytest.fixture
def server(valkey_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(valkey_url) as client:
        yield client


def _jobs(server: redis.Redis, queue: str) -> list[str]:
    return Queue(queue, connection=server, serializer=JSONSerializer).job_ids


def test_a_ring_is_a_job_on_the_queue_of_its_step(server: redis.Redis) -> None:
    """It carries the step and the row as JSON, and RQ is told never to cut it short."""
    Queues(server).wake("send", "412")
    (job,) = Queue("act", connection=server, serializer=JSONSerializer).jobs
    assert (job.func_name, job.args, job.kwargs) == ("send", ["412"], {})
    assert (job.timeout, job.result_ttl) == (-1, 0)
    assert json.loads(job.data) == ["send", None, ["412"], {}]


def test_one_job_waits_per_step(server: redis.Redis) -> None:
    """Rings beyond the first add nothing while it waits; other steps are not concerned."""
    queues = Queues(server)
    for _ in range(3):
        queues.wake("send")
    queues.wake("messages")
    assert sorted(id.split("-")[0] for id in _jobs(server, "act")) == ["messages", "send"]


def test_a_step_can_be_rung_again_once_its_job_was_taken(server: redis.Redis) -> None:
    """A job that runs may have looked already: a new wake-up is a new job."""
    queues = Queues(server)
    queues.wake("send")
    server.lpop("rq:queue:act")
    queues.wake("send")
    assert len(_jobs(server, "act")) == 1


def test_every_step_has_a_queue(server: redis.Redis) -> None:
    """Each name can be woken, and lands in one of the three queues."""
    for step in QUEUES:
        Queues(server).wake(step)
    assert sum(len(_jobs(server, queue)) for queue in set(QUEUES.values())) == len(QUEUES)
    assert set(QUEUES.values()) == {"intake", "triage", "act"}


def test_a_lost_ring_is_no_loss(capsys: pytest.CaptureFixture[str]) -> None:
    """A Redis that is away makes a line in the process log, never an error."""
    nobody = redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))
    Queues(nobody).wake("send", "412")
    assert "queues.lost" in capsys.readouterr().out


class Refusing(Turn):
    """A turn whose outcome the database takes only when it is offered for the third time.

    It is locked, then read-only, as it is for a moment after a failover.
    """

    offers = 0

    def settle(self, conn: Connection, claim: Claim, outcome: Any, now: datetime) -> Round | None:
        Refusing.offers += 1
        if Refusing.offers == 1:
            raise OperationalError("UPDATE events", {}, sqlite3.OperationalError("locked"))
        if Refusing.offers == 2:
            raise InternalError("UPDATE events", {}, ReadOnlySqlTransaction("read-only"))
        return super().settle(conn, claim, outcome, now)


def test_an_outcome_waits_for_a_database_that_is_away(bench: Bench) -> None:
    """What was done outside is known to nobody else: it is offered again until it is taken."""
    bench.fill(2)
    Refusing.offers = 0
    step = replace(
        bench.step(),
        load=lambda conn, claim, now: (
            Refusing(bench.diary, [lambda: "sent"])
            if claim.id == "1"
            else bench.load(conn, claim, now)
        ),
    )
    with ThreadPoolExecutor(2) as pool:
        Loop(bench.database, [step], bench.clock, pool, pause=0).run()
    assert {row.verb for row in bench.rows().values()} == {"sent", "done"}
    assert bench.diary.count("act 1") == 2


def _no_database() -> str:
    raise OperationalError("SELECT tokens", {}, sqlite3.OperationalError("locked"))


def test_an_act_without_the_database_is_a_failed_try(bench: Bench) -> None:
    """It has brought nothing that could be offered again: the row is acted anew, later."""
    bench.fill(1)
    bench.acts["1"] = [_no_database]
    with ThreadPoolExecutor(1) as pool:
        Loop(bench.database, [bench.step()], bench.clock, pool, pause=0).run()
    row = bench.rows()["1"]
    assert (row.token, row.attempts) == (None, 1)
    assert "(ActWithoutDatabaseError)" in row.last_error
