"""A whole company inside one process, without a socket: fast enough to live thousands of lives.

The steps, the verbs, the record and the client of QuickBooks are the product's own. The ledger is
the sandbox's, asked in process; mails are kept; the clock stands until it is moved. Anything that
happens outside, and either side of each commit, is a moment at which the power may go.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import mkdtemp
from types import SimpleNamespace
from typing import Any

import httpx
from sqlalchemy import Connection
from starlette.responses import Response

from bot.web.quickbooks import notices
from jobs.decide.access import Reply, VerbRefused
from jobs.engine.loop import Loop, due_steps
from jobs.engine.services import Services
from jobs.mail.results import HELD_UP, Fence, MailerCheck, NotSent, Result, Sent, Unknown
from jobs.pipeline import STEPS
from jobs.rules.facts.evidence import Document
from jobs.rules.facts.findings import Account, Findings, Fresh
from jobs.rules.policy.policy import Policy, load
from jobs.rules.states import ConnectionStatus
from jobs.store import companies, people, work
from jobs.store.database import engine, schema
from jobs.store.database.engine import Database
from jobs.store.intake import events
from jobs.store.sends import still_ours
from jobs.store.services.model_costs import ModelCosts
from qbo import QuickBooks
from tests.databases import kept_engine, sqlite_copy
from tests.faults.invariants import violations
from tests.jobs.harness import CAST, WEDNESDAY, ZONE, Time, books, customer, invoice, policy_text
from tests.sandbox import company
from tests.sandbox.mail.mailbox import Mail
from tests.sandbox.quickbooks.api import Api, Call, Realm
from tests.sandbox.quickbooks.books import Books, Change
from tests.sandbox.quickbooks.limits import Limits
from tests.sandbox.quickbooks.webhooks import cloud_events
from tests.sandbox.world import World

REALM = "4620816365000000001"
SENDER = "accounts@brass-fern.example"
PLAYED = ("detect", "sweep", "triage", "send", "write_back")
LEDGER = books(
    *map(customer, "123456"),
    invoice("71", "1", "840.00", 12),
    invoice("72", "1", "310.00", 5),
    invoice("73", "2", "12500.00", 25),
    invoice("74", "3", "95.00", 4),
    invoice("75", "4", "700.00", 60),
    invoice("76", "5", "450.00", 8),
    invoice("77", "6", "1300.00", 31),
)
"""Five customers whom a collector may write to, and one who needs two people."""
LEASE_OVER = timedelta(seconds=31)


class PowerCut(SystemExit):
    """The process is gone at once."""


class _Open(Api):
    """The ledger's API without its door."""

    def _refused(self, realm_id: str, call: Call) -> Response | None:
        return None


class _Inside(httpx.BaseTransport):
    """Hands the requests of the product's client to the ledger's API, without a socket."""

    def __init__(self, api: Api, moment: Callable[[str], None]) -> None:
        self._api, self._moment = api, moment

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        _, _, _, realm, *parts = request.url.path.split("/")  # /v3/company/REALM/…
        given = request.url.params, request.headers, request.read()
        write = request.method == "POST" and parts == ["attachable"]
        if write:
            self._moment("before the note")
        answer = self._api._answer(realm, Call(request.method, parts, *given))
        if write:
            self._moment("after the note")
        return httpx.Response(
            answer.status_code, headers=dict(answer.headers), content=bytes(answer.body)
        )


@dataclass
class Handed:
    """A mail that the server has accepted: when, and whether sending was paused then."""

    message_id: str
    at: datetime
    paused: bool


@dataclass
class _Sink:
    """The mail server: it accepts, unless the next answer was ordered to be another one."""

    world: SmallWorld
    answers: list[str] = field(default_factory=list)
    """What the next mails are answered: "later", "never", "lost" or "lost and gone"."""
    meanwhile: Callable[[], None] | None = None
    """What happens, once, between the intent and the mail."""

    def send(self, sender: str, to: Sequence[str], message: bytes, fence: Fence) -> Result:
        """Take a mail, as SMTP would."""
        happening, self.meanwhile = self.meanwhile, None
        if happening:
            happening()
        if not fence():
            return HELD_UP
        answer = self.answers.pop(0) if self.answers else ""
        if answer in ("later", "never"):
            return NotSent(f"The server said {answer}.", answer == "never", 451)
        if answer == "lost":
            return Unknown("The line was cut.")
        self.world.moment("before the mail")
        self.world.accept(Mail(sender, to[0], message, tuple(to[1:])))
        self.world.moment("after the mail")
        return Unknown("The line was cut.") if answer else Sent("Accepted.")

    def check(self) -> MailerCheck:
        """Nothing can be wrong with it."""
        return MailerCheck(True, "a sink")


@dataclass
class _Letters:
    """What customers have written, as the mailbox has it."""

    name = "mailbox"
    said: dict[str, list[Document]] = field(default_factory=dict)

    def read(
        self, customers: Sequence[Account], since: datetime, now: datetime, policy: Policy
    ) -> Mapping[str, Findings]:
        """All of it is there at once."""
        return {
            one.id: Findings(Fresh(now), known=True, documents=tuple(self.said.get(one.id, ())))
            for one in customers
        }

    def check(self, now: datetime, policy: Policy) -> str:
        """Nothing can be wrong with it."""
        return "a list"

    def close(self) -> None:
        """It holds nothing open."""


class _Brittle(Database):
    """A database with a moment on either side of each commit."""

    moment: Callable[[str], None]

    @contextlib.contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[Connection]:
        with super().writing(durable=durable) as conn:
            yield conn
            self.moment("before commit")
        self.moment("after commit")


class SmallWorld:
    """The company, live and connected, and everything around it. Close it at the end."""

    def __init__(self, url: str, content: Mapping[str, Any] = LEDGER) -> None:
        self.time = Time(WEDNESDAY)
        self.policy = load(policy_text())
        kept = kept_engine(url)
        self.database = _Brittle(kept.engine, kept.patience, kept.turn)
        object.__setattr__(self.database, "moment", self.moment)
        self.cut_after, self.cut_in = "", -1
        self.mails: list[Mail] = []
        self.handed: list[Handed] = []
        self.monotonic: dict[str, float] = {}
        self.sink, self.letters = _Sink(self), _Letters()
        world = World(self.time)
        self.books = Books(company.build(content, WEDNESDAY), self.time)
        self.realm = Realm(REALM, self.books, Limits(per_second=10**6, per_minute=10**6))
        transport = _Inside(_Open(world, None, {REALM: self.realm}), self.moment)  # type: ignore[arg-type]
        self.quickbooks = QuickBooks(
            REALM,
            httpx.Auth(),
            base_url="http://ledger",
            transport=transport,
            clock=self.time,
            sleep=self.time.pass_by,
        )
        self.pool = ThreadPoolExecutor(max_workers=2)
        services = Services(
            ruling=lambda: self.policy,
            policy=self.policy,
            sender=SENDER,
            reply_to=SENDER,
            channel="CFINANCE",
            still_ours=lambda case, token: still_ours(self.database, case, token, self.time),
            quickbooks=lambda _: self.quickbooks,
            costs=ModelCosts(self.database, self.time),
            mailer=self.sink,
            sources=(self.letters,),
        )
        self.steps = {
            name: replace(import_module(STEPS[name].module).step(services), width=1)
            for name in PLAYED
        }

    def close(self) -> None:
        """Let go of everything."""
        self.pool.shutdown()
        self.quickbooks.close()
        self.database.close()

    # The product

    def run(self, *names: str) -> None:
        """Run these steps (all of them by default) until nothing is due."""
        self.time.begin()
        wanted = [self.steps[name] for name in names or PLAYED]
        while due := due_steps(self.database, wanted, self.time.now):
            for step in due:
                Loop(self.database, [step], self.time, self.pool).run()

    def crash(self, after: str, more: int, *names: str) -> None:
        """The same, but the power goes so many moments after the one with this name (or after the
        first, without a name); then the leases run out."""
        self.cut_after, self.cut_in = after, more
        with contextlib.suppress(PowerCut):
            self.run(*names)
        self.cut_after, self.cut_in = "", -1
        self.time.now += LEASE_OVER

    def moment(self, name: str) -> None:
        """Raises PowerCut if this is the one."""
        if self.cut_after not in ("", name) or self.cut_in < 0:
            return
        self.cut_after, self.cut_in = "", self.cut_in - 1
        if self.cut_in < 0:
            raise PowerCut

    def decide(self, act: Callable[[Connection], Any]) -> Any:
        """What a person does, in a transaction; a refusal comes back as its answer."""
        with self.database.writing() as conn:
            for user, trouble in CAST.items():
                people.put_user(conn, user, user.title(), trouble, self.time.now)
        try:
            with self.database.writing() as conn:
                return act(conn)
        except VerbRefused as no:
            return no.said

    def change(self, act: Callable[[Connection], Any]) -> Any:
        """Something that is no person's decision, in a transaction."""
        with self.database.writing() as conn:
            return act(conn)

    def see(self, act: Callable[[Connection], Any]) -> Any:
        """Read something."""
        with self.database.reading() as conn:
            return act(conn)

    def sweep(self) -> None:
        """Read the whole ledger now."""
        self.change(lambda conn: work.hurry(conn, REALM, "sweep", self.time.now))
        self.run("sweep", "triage")

    # The outside

    def deliver(self, changes: Sequence[Change]) -> bytes:
        """A notification of QuickBooks about these changes, to be given to `arrive`."""
        return json.dumps(cloud_events(REALM, changes, self.time.now)).encode()

    def arrive(self, body: bytes) -> None:
        """It reaches us, and is stored as the web process stores it."""
        self.change(lambda conn: events.store(conn, notices(body), self.time.now))

    def accept(self, mail: Mail) -> None:
        """The server has a mail now."""
        id = str(message_from_bytes(mail.raw, policy=policy.default)["Message-ID"])
        paused = self.see(lambda conn: companies.need(conn, REALM).paused_at is not None)
        self.mails.append(mail)
        self.monotonic[id] = time.monotonic()
        self.handed.append(Handed(id, self.time.now, paused))

    def violations(self) -> list[str]:
        """What must never be, and is."""
        space = SimpleNamespace(messages=[], lint=[])
        outside: Any = SimpleNamespace(
            quickbooks=SimpleNamespace(realms={REALM: self.realm}),
            mailbox=SimpleNamespace(mails=self.mails, beside=None),
            slack=SimpleNamespace(space=space),
            settings=lambda: {"QBO_APP_URL": ""},
        )
        return violations(
            self.database,
            outside,
            policy=self.policy,
            handed=self.monotonic,
            now=self.time.now,
        )


@cache
def _begun() -> Path:
    """A record after the first sweep, made once per run; copied, never used."""
    file = Path(mkdtemp(prefix="od-")) / "begun.sqlite3"
    url = f"sqlite:///{file}"
    database = engine.connect(url, durable=False)
    schema.upgrade(database)
    with database.writing() as conn:
        companies.add(
            conn,
            realm=REALM,
            name="Brass Fern Supply",
            country="US",
            zone=ZONE,
            home_currency="USD",
            channel="CFINANCE",
            mode="live",
            status=ConnectionStatus.CONNECTED,
            connected_at=WEDNESDAY,
            connected_by="ULEAD1",
            reminders_off_at=WEDNESDAY,
            reminders_off_by="ULEAD1",
        )
    database.close()
    world = SmallWorld(url)
    world.sweep()
    world.close()
    return file


@contextlib.contextmanager
def small_world() -> Iterator[SmallWorld]:
    """A company whose cards wait."""
    with sqlite_copy(_begun()) as url:
        world = SmallWorld(url)
        try:
            yield world
        finally:
            world.close()


def answered(said: Any) -> str:
    """What somebody was told, as a word."""
    return str(said.answer) if isinstance(said, Reply) else type(said).__name__
