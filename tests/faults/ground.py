"""One company shortly before its invoice is overdue, to begin from again and again.

Stand-ins, queue and the helper that forks are started once. For each life the record is a copy,
what the stand-ins remember is put back, and all five processes begin anew.
"""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import redis
from sqlalchemy import func, or_, select, update

from bot.cli.processes import PROCESSES, Begun
from jobs.rules.states import State
from jobs.store.database.engine import Database, connect, time_of
from jobs.store.database.tables import cases, events, messages, schedule
from tests.databases import fast_folder, postgres_copy
from tests.faults import moments
from tests.flows.firms import Firm, Owing, go_live, shadowed
from tests.real_processes import ready, tell, until
from tests.sandbox.forks import Forks
from tests.sandbox.processes import Sandbox, sandbox
from tests.sandbox.quickbooks.api import Realm
from tests.sandbox.quickbooks.books import Books

NOT_DUE = Owing("Kestrel Coffee Roasters", days=-10)
SOON = timedelta(seconds=8)
"""What is due so soon is not at rest: a lease that ends, a call to Slack that is tried again."""
FRESH_SECONDS = 2400.0
"""After so long the tokens of the company would have to be renewed in each life."""


@dataclass
class Ground:
    """The company and the world around it."""

    running: Sandbox
    firm: Firm
    record: str
    """URL of the record to copy; nobody is connected to it."""
    folder: Path
    made_at: float = field(default_factory=time.monotonic)
    others: list[Begun] = field(default_factory=list)
    """Second processes of a kind, beside those the product knows."""

    def __post_init__(self) -> None:
        quickbooks = self.running.outside.quickbooks
        self._company = deepcopy(quickbooks.realms[self.firm.realm].books.company)
        self._grants = deepcopy(quickbooks.oauth.grants)

    @property
    def stale(self) -> bool:
        return time.monotonic() - self.made_at > FRESH_SECONDS

    @contextlib.contextmanager
    def begin(self, told: Mapping[str, Mapping[str, str]]) -> Iterator[Life]:
        """All five processes on a copy of the record; `told` are variables, by process."""
        with contextlib.ExitStack() as stack:
            url = stack.enter_context(_copied(self.record))
            self._put_back()
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=self.folder)))
            self.running.product.environment["DATABASE_URL"] = url
            database = stack.enter_context(contextlib.closing(connect(url)))
            stack.callback(self.end)
            life = Life(self, database, folder)
            for name in PROCESSES:
                life.start(name, told.get(name, {}))
            until(lambda: ready(self.running.public_url))
            yield life

    def _put_back(self) -> None:
        """The world as it was when the record was made."""
        outside, realm = self.running.outside, self.firm.realm
        with contextlib.closing(self._queue()) as queue:
            queue.flushall()
        outside.inbox.empty("Sent")
        with outside.world.lock:
            books = Books(deepcopy(self._company), outside.world.clock)
            outside.quickbooks.realms[realm] = Realm(realm, books)
            outside.quickbooks.oauth.grants[:] = deepcopy(self._grants)
            for kept in (outside.slack.space.messages, outside.slack.space.ephemerals):
                kept.clear()
            for box in filter(None, (outside.mailbox, outside.mailbox.beside)):
                box.mails.clear()
            outside.world.faults.clear()
            outside.world.requests.clear()

    def _queue(self) -> redis.Redis:
        return redis.Redis.from_url(self.running.product.settings["REDIS_URL"])

    def end(self) -> None:
        """Kill whatever runs, jobs and orphans of jobs included."""
        running = self.running.product.running
        begun = [*running.values(), *self.others]
        tell(in_sessions({one.pid for one in begun}), signal.SIGKILL)
        for one in begun:
            one.wait()
        running.clear()
        self.others.clear()


@dataclass
class Life:
    """One life of a case on a copy of the record."""

    ground: Ground
    database: Database
    folder: Path

    def start(self, name: str, told: Mapping[str, str] | None = None) -> None:
        """Start one of the processes, with what it is told."""
        product = self.ground.running.product
        before = dict(product.environment)
        names = {moments.FOLDER: str(self.folder), moments.PROCESS: name}
        product.environment |= names | dict(told or {})
        try:
            product.start(name, self.folder / f"{name}.log")
        finally:
            product.environment.clear()
            product.environment |= before

    def start_another(self, name: str) -> None:
        """Start one more of a kind, beside the one that runs."""
        product = self.ground.running.product
        first = product.running.pop(name)
        self.start(name)
        self.ground.others.append(product.running.pop(name))
        product.running[name] = first

    def arm(self) -> None:
        """From now on moments count."""
        (self.folder / moments.ARMED).touch()

    @property
    def logs(self) -> str:
        """What the processes wrote."""
        files = sorted(self.folder.glob("*.log"))
        return "".join(file.read_text(errors="replace") for file in files)

    def shown(self) -> str:
        """The text of the newest card."""
        messages = self.ground.running.outside.slack.space.messages
        cards = [m.text for m in messages if m.channel == self.ground.firm.channel and m.metadata]
        return next((text for text in reversed(cards) if "\nCase " in text), "")

    def states(self) -> list[State]:
        """The states of all cases."""
        with self.database.reading() as conn:
            return [State(state) for state in conn.scalars(select(cases.c.state))]

    def hurry(self) -> None:
        """The minutes pass for which a case was put off."""
        with self.database.writing() as conn:
            conn.execute(update(cases).values(due_at=time_of(conn)))

    def told(self) -> list[str]:
        """Where each case is, when it is looked at again, and why it is not further."""
        with self.database.reading() as conn:
            rows = conn.execute(select(cases.c.state, cases.c.due_at, cases.c.last_error))
            return [f"{row.state}, due {row.due_at}, {row.last_error}" for row in rows]

    def at_rest(self) -> bool:
        """Whether nothing is due now or soon."""
        return not self.restless()

    def restless(self) -> dict[str, int]:
        """How many rows of each table are due now or soon."""
        with self.database.reading() as conn:
            soon = time_of(conn) + SOON
            due = {
                table.name: select(func.count()).where(table.c.due_at <= soon)
                for table in (events, cases, messages)
            }
            claimed = (schedule.c.due_at <= soon) & (schedule.c.token.is_not(None))
            due["schedule"] = select(func.count()).where(
                or_(schedule.c.due_at <= time_of(conn), claimed)
            )
            found = {name: conn.scalar(query) or 0 for name, query in due.items()}
        return {name: count for name, count in found.items() if count}


@contextlib.contextmanager
def ground(url: str = "") -> Iterator[Ground]:
    """A company that is live, connected and at rest; on SQLite without a URL."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(fast_folder())
        url = url or f"sqlite:///{folder}/ground.sqlite3"
        helper = Forks("tests.faults.moments")
        stack.callback(helper.close)
        running = stack.enter_context(
            sandbox(url, company_file=None, undo_seconds=0, begin=helper.begin)
        )
        firm = shadowed(running, NOT_DUE)
        go_live(firm)
        with contextlib.closing(connect(url)) as database:
            settling = Life(Ground(running, firm, url, folder), database, folder)
            until(settling.at_rest)
        made = settling.ground
        made.end()
        yield Ground(running, firm, url, folder)


@contextlib.contextmanager
def _copied(url: str) -> Iterator[str]:
    if url.startswith("postgresql"):
        with postgres_copy(url) as copied:
            yield copied
        return
    origin = Path(url.removeprefix("sqlite:///"))
    with fast_folder() as folder:
        for file in origin.parent.glob(f"{origin.name}*"):
            (folder / file.name).write_bytes(file.read_bytes())
        yield f"sqlite:///{folder}/{origin.name}"


def in_sessions(sessions: set[int]) -> list[int]:
    """The processes of these sessions: a job leaves its worker's group, never its session."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.getsid(int(pid)) in sessions:
                found.append(int(pid))
    return found
