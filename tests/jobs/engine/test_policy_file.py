"""The policy file is read again when it changes; one with a mistake changes nothing and is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis import Redis
from rq.serializers import JSONSerializer
from sqlalchemy import select
from structlog.testing import capture_logs

from jobs.engine.clock import Clock
from jobs.engine.policy_file import PolicyFile
from jobs.engine.queues import Queues
from jobs.engine.worker import PatientWorker, job_class
from jobs.rules.policy import policy as policies
from jobs.rules.policy.errors import PolicyError
from jobs.rules.states import State
from jobs.store import log
from jobs.store.database import engine, schema
from jobs.store.database.engine import Database
from jobs.store.database.tables import messages
from qbo import QuickBooks
from tests.jobs.harness import CompanyHarness, policy_text
from tests.jobs.store import record
from tests.said import text_of

STRICT, LAX = policy_text({"pace": {"gap_days": 9}}), policy_text({"pace": {"gap_days": 2}})
WRONG = policy_text({"pace": {"gap_days": "soon"}})


class Times:
    """The wall clock, so many seconds ahead of the file's, and the time that has passed."""

    ahead = 0.0
    passed = 0.0

    def wall(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    def counted(self) -> float:
        return self.passed


@dataclass
class Read:
    """A policy file and what a process makes of it."""

    path: Path
    times: Times
    file: PolicyFile

    def write(self, text: str) -> None:
        """Somebody saves it, the way editors do: beside it first."""
        beside = self.path.with_suffix(".new")
        beside.write_text(text, encoding="utf-8")
        beside.replace(self.path)

    @property
    def gap(self) -> int:
        return self.file().gap_days


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Begun with the strict policy."""
    path, times = tmp_path / "policy.toml", Times()
    path.write_text(STRICT, encoding="utf-8")
    return Read(path, times, PolicyFile(path, times.wall, times.counted))


def test_a_changed_file_is_read_again_once_it_rests(read: Read) -> None:
    """Somebody may still be writing it: not before two seconds, by its times or by watching."""
    read.write(LAX)
    assert (read.gap, read.file.trouble) == (9, "")
    read.times.ahead = 2.5
    with capture_logs() as said:
        assert [read.gap, read.gap] == [2, 2]
    assert [line["event"] for line in said] == ["policy.read_again"]
    assert read.file().sha256 == policies.load(LAX).sha256
    read.times.ahead = -3600  # its times lie ahead of this machine's clock
    read.write(STRICT)
    assert read.gap == 2
    read.times.passed = 2.0
    assert read.gap == 9


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda path: path.write_text(WRONG), "`pace.gap_days` should be a whole number of days"),
        (lambda path: path.write_text("[people"), "The policy file is not valid TOML"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "The policy file is not UTF-8 text."),
        (lambda path: path.unlink(), "The policy file cannot be read (FileNotFoundError)."),
    ],
)
def test_a_file_with_a_mistake_leaves_the_policy_in_force(
    read: Read, spoil: object, why: str
) -> None:
    """It is said once what is wrong, and what rules; a correction counts like any change."""
    assert read.gap == 9
    spoil(read.path)  # type: ignore[operator]
    read.times.ahead = 5.0
    read.file()
    read.times.passed = 5.0  # a file that is gone has no times
    with capture_logs() as said:
        assert [read.gap, read.gap] == [9, 9]
    assert why in read.file.trouble
    assert all(line["log_level"] == "error" and why in line["why"] for line in said)
    assert len(said) <= 1
    read.write(LAX)
    read.times.ahead, read.times.passed = 10.0, 10.0
    assert (read.gap, read.file.trouble) == (2, "")


def test_a_process_does_not_begin_with_a_mistake(tmp_path: Path) -> None:
    """There is no policy before it that could rule."""
    path = tmp_path / "policy.toml"
    path.write_text(WRONG, encoding="utf-8")
    with pytest.raises(PolicyError, match="gap_days"):
        PolicyFile(path)


def test_a_mistake_brings_no_job_back_to_the_policy_of_the_start(
    read: Read, valkey_url: str, tmp_path: Path
) -> None:
    """Each job has a process of its own, which knows what its worker has read."""
    told = tmp_path / "told"

    def tell(_id: str) -> None:
        with told.open("a", encoding="utf-8") as file:
            file.write(f"{read.gap} ")

    with Redis.from_url(valkey_url) as redis:
        worker = PatientWorker(
            ["act"],
            connection=redis,
            job_class=job_class({"send": tell}),
            serializer=JSONSerializer,
        )
        worker.before_job = read.file
        for text in (STRICT, LAX, WRONG):
            read.write(text)
            read.times.ahead += 5.0
            Queues(redis).wake("send", "1")
            worker.work(burst=True)
    assert told.read_text(encoding="utf-8") == "9 2 2 "


@pytest.fixture
def database(sqlite_url: str) -> Iterator[Database]:
    """A record with two companies."""
    found = engine.connect(sqlite_url)
    schema.upgrade(found)
    record.company(found)
    record.company(found, "4620816365000000002")
    yield found
    found.close()


def told(database: Database) -> list[tuple[str, str]]:
    """(channel, text) of each notice, oldest first."""
    with database.reading() as conn:
        rows = conn.execute(select(messages).order_by(messages.c.id)).all()
    return [(row.channel, text_of(row)) for row in rows]


def test_the_clock_tells_each_channel_what_became_of_the_file(
    database: Database, read: Read
) -> None:
    """A change is logged and told; so is a mistake, in words, and that it is mended: each once."""
    others = PolicyFile(read.path, read.times.wall, read.times.counted)
    clocks = [
        Clock(database, [], None, lambda: record.NOW, file)  # type: ignore[arg-type]
        for file in (read.file, others)
    ]

    def happens(text: str) -> list[tuple[str, str]]:
        before = len(told(database))
        read.write(text) if text else read.path.unlink()
        read.times.ahead += 5.0
        for file in (read.file, others):
            file()  # one that is gone has no times: it has to be missed for a while
        read.times.passed += 5.0
        for clock in (*clocks, *clocks):
            clock.tick()
        return told(database)[before:]

    for clock in clocks:
        clock.tick()
    changed = happens(LAX)
    assert [channel for channel, _ in changed] == ["C0001", "C0002"]
    assert f"its new fingerprint is `{policies.load(LAX).sha256[:12]}`" in changed[0][1]
    wrong = happens(WRONG)
    assert [channel for channel, _ in wrong] == ["C0001", "C0002"]
    assert "cannot be used, so the previous policy stays in force" in wrong[0][1]
    assert "should be a whole number of days from 0 to 90, not" in wrong[0][1]
    assert policies.load(LAX).sha256[:12] in wrong[0][1]
    mended = happens(LAX)
    assert ["can be used again" in text for _, text in mended] == [True, True]
    for _ in range(2):
        assert ["cannot be read" in text for _, text in happens("")] == [True, True]
        assert ["can be used again" in text for _, text in happens(LAX)] == [True, True]
    with database.reading() as conn:
        lines = [line.fields for line in log.lines(conn)]
    ours = [line["action"] for line in lines if line["company"] == record.REALM]
    assert [action for action in ours if action.startswith("policy")] == [
        "policy.changed",
        "policy.changed",
    ]


TWO_FROM_500 = (
    "\n[limits.home]\nsecond_approver = 500\nstop_invoice = 25000\n"
    "stop_total = 50000\nsmallest = 25\n"
)


@pytest.mark.parametrize(
    "asked",
    [0, 1, 2],
    ids=["before the send", "while the ledger is read", "while PDFs are fetched"],
)
def test_what_is_decided_afterwards_is_decided_by_the_new_policy(
    a_harness: CompanyHarness, asked: int
) -> None:
    """No step has to be restarted; the approval of one person is no longer enough."""
    a_harness.approve()
    path = Path(str(a_harness.process.settings.policy_file))
    file = PolicyFile(path, lambda: datetime.now(UTC) + timedelta(hours=1))
    times: list[str] = []

    def change(now: bool) -> None:
        if now:
            path.write_text(path.read_text(encoding="utf-8") + TWO_FROM_500, encoding="utf-8")

    def quickbooks(realm: str) -> QuickBooks:
        times.append(realm)
        change(len(times) == asked)
        return a_harness.quickbooks()

    change(asked == 0)
    a_harness.process.services = replace(a_harness.services, ruling=file, quickbooks=quickbooks)
    a_harness.wait_out()
    assert (a_harness.mails, a_harness.state()) == ([], State.WAITING)
    assert len(times) >= asked
    a_harness.run("triage")
    assert "second_approver" in a_harness.rules()
    a_harness.ruled_by[file().sha256] = file()
