"""One company in this process: its real steps and verbs, and the stand-ins around it.

Everything between the database and the wire is the product's own: the QuickBooks client, SMTP, the
model's client, the policy. There is no queue, no web process and no Slack; the clock stands still
until a test moves it, for the stand-ins too.
"""

from __future__ import annotations

import json
import shutil
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import httpx
from cryptography.fernet import Fernet
from sqlalchemy import Connection, select

from bot.process import Process
from bot.web.quickbooks import notices
from jobs.companies import connect
from jobs.companies.connect import Intuit
from jobs.decide import approve, edit, hold, look, reject, sent
from jobs.decide import approve as undoing
from jobs.decide import sent as take_back
from jobs.decide.access import Answer, Click, Reply, VerbRefused
from jobs.decide.edit import Objections, Text
from jobs.decide.reject import Rejection
from jobs.decide.switches import Switch
from jobs.engine import loop
from jobs.engine.policy_file import PolicyFile
from jobs.engine.services import Services
from jobs.mail.results import Fence, Mailer, MailerCheck, Result
from jobs.mail.smtp import Smtp
from jobs.reasoning.model import Model
from jobs.reports import picture
from jobs.rules.case import CaseView
from jobs.rules.policy.policy import Policy
from jobs.rules.rulings import Ruling, stops_seen
from jobs.rules.states import State
from jobs.settings import Settings
from jobs.sources.sent_folder import SentFolder
from jobs.sources.source import Source
from jobs.store import assessments, cases, companies, log, people, work
from jobs.store.cases import Case
from jobs.store.companies import ConnectedCompany
from jobs.store.database import schema
from jobs.store.database.engine import Database
from jobs.store.database.engine import connect as open_database
from jobs.store.database.tables import cases as cases_table
from jobs.store.database.tables import drafts, messages
from jobs.store.intake import events
from jobs.store.sends import still_ours
from jobs.store.services.model_costs import ModelCosts
from jobs.store.services.tokens import SqlTokenStore
from qbo import BearerAuth, OAuth, QuickBooks, Tokens
from tests.databases import kept_engine, sqlite_database
from tests.databases import replace as replace_record
from tests.said import said
from tests.sandbox import company
from tests.sandbox.faults import Fault, Kind
from tests.sandbox.mail.mailbox import Mail
from tests.sandbox.quickbooks.books import Books, Change
from tests.sandbox.quickbooks.limits import Limits
from tests.sandbox.quickbooks.oauth import Grant
from tests.sandbox.quickbooks.webhooks import cloud_events
from tests.sandbox.stand_ins import StandIns, stand_ins
from tests.sandbox.world import Seen

WEDNESDAY = datetime(2026, 11, 18, 15, 0, tzinfo=UTC)
"""Ten in the morning where the companies of these tests are, on a business day."""
ZONE = "America/New_York"
STEPS = ("detect", "sweep", "triage", "send", "write_back")
CAST = {
    "UCOLLECT": "",
    "UMANAGER": "",
    "ULEAD1": "",
    "ULEAD2": "",
    "UGUEST": "guest",
    "USTRANGER": "stranger",
}
"""Slack user → what is wrong with the account, as it is stored."""
UNUSED_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Nothing here speaks TLS; a context of its own for every client would read the certificates."""
QUESTIONS = 2
"""How often SMTP asks whether a mail is still ours: before the connection, and before DATA."""
MOST_POSTS = 50
MOST_LOOKS = 50_000
"""A run of steps that asks for the time more often than this never comes to rest."""

POLICY: dict[str, dict[str, Any]] = {
    "people": {"collectors": ["UCOLLECT"], "finance_leads": ["ULEAD1", "ULEAD2"]},
    "pace": {"undo_seconds": 60},
    "message": {
        "sender_name": "Cora Lindqvist",
        "sender_phone": "+1 503 555 0142",
        "how_to_pay": "You can pay by bank transfer; the account is on the invoice.",
    },
    "calendar": {"business_days_only": False, "holiday_country": ""},
}
MANAGER = {"slack": "UMANAGER", "name": "Marc Oduya"}


# Books, in QuickBooks' own JSON


def customer(id: str, email: str | None = "", **more: Any) -> dict[str, Any]:
    """A customer with one address of its own; None has none."""
    address = f"billing@customer{id}.example" if email == "" else email
    named = {"PrimaryEmailAddr": {"Address": address}} if address else {}
    return {"Id": id, "DisplayName": f"Customer {'ABCDEFGHIJ'[int(id) % 10]}", **named, **more}


def invoice(id: str, of: str, amount: str, overdue: int, **more: Any) -> dict[str, Any]:
    """An invoice that was due so many days ago (negative: in so many days)."""
    due = f"today-{overdue}" if overdue >= 0 else f"today+{-overdue}"
    return {
        "Id": id,
        "DocNumber": f"1{id}",
        "CustomerRef": {"value": of},
        "TotalAmt": amount,
        "DueDate": due,
        "TxnDate": f"today-{max(overdue, 0) + 30}",
        **more,
    }


def books(*entities: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A company file of customers (which have no amount) and invoices."""
    return {
        "company": {"CompanyName": "Brass Fern Supply", "DefaultTimeZone": ZONE},
        "customers": [e for e in entities if "TotalAmt" not in e],
        "invoices": [e for e in entities if "TotalAmt" in e],
        **more,
    }


ONE = books(customer("1"), invoice("71", "1", "840.00", 12))
"""One customer with one invoice, twelve days past due."""


def policy_text(changes: Mapping[str, Any] | None = None) -> str:
    """The policy of these tests as TOML; `changes` are laid over it, section by section."""
    data: dict[str, Any] = {name: dict(section) for name, section in POLICY.items()}
    for name, value in (changes or {}).items():
        data[name] = {**data.get(name, {}), **value} if isinstance(value, dict) else value
    return "\n".join(line for name, value in data.items() for line in _section(name, value))


def _section(name: str, value: Any) -> Iterator[str]:
    for table in value if isinstance(value, list) else [value]:
        yield f"[[{name}]]" if isinstance(value, list) else f"[{name}]"
        for key, each in table.items():
            yield f"{key} = {json.dumps(each)}"


class Time:
    """The one clock of a company and of the world around it."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._looks, self._lock = 0, threading.Lock()

    def __call__(self) -> datetime:
        with self._lock:
            self._looks += 1
            if self._looks > MOST_LOOKS:
                raise AssertionError("the steps never came to rest")
        return self.now

    def later(self, **span: float) -> datetime:
        """Move on."""
        self.now += timedelta(**span)
        return self.now

    def pass_by(self, seconds: float) -> None:
        """Somebody waits so long."""
        self.later(seconds=seconds)

    def begin(self) -> None:
        """Count the looks anew."""
        self._looks = 0


@dataclass
class Witness:
    """A mailer that notes when a mail was handed over."""

    mailer: Mailer
    handed: dict[str, float] = field(default_factory=dict)
    """Message-ID → when it was last handed over, by `time.monotonic`."""
    meanwhile: Callable[[], None] | None = None
    """What happens, once, before the mail server is spoken to."""
    at_last: Callable[[], None] | None = None
    """What happens, once, between the last question whether the mail is ours and its text."""

    def send(self, sender: str, to: Sequence[str], message: bytes, fence: Fence) -> Result:
        """Look, then send."""
        mail = str(message_from_bytes(message, policy=default)["Message-ID"])
        self.handed[mail] = time.monotonic()
        happening, self.meanwhile = self.meanwhile, None
        if happening:
            happening()
        asked: list[bool] = []

        def fenced() -> bool:
            asked.append(fence())
            if len(asked) == QUESTIONS and self.at_last:
                happening, self.at_last = self.at_last, None
                happening()
            return asked[-1]

        return self.mailer.send(sender, to, message, fenced)

    def check(self) -> MailerCheck:
        """As the mailer itself."""
        return self.mailer.check()


def _transport() -> httpx.HTTPTransport:
    return httpx.HTTPTransport(verify=UNUSED_TLS)


class _Signed(httpx.Auth):
    """Signs with tokens that are not stored yet."""

    def __init__(self, tokens: Tokens) -> None:
        self._token = tokens.access.get_secret_value()

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


@dataclass(frozen=True)
class Beginning:
    """A company after its first sweep, to begin again from there."""

    realm: str
    record: Path
    now: datetime
    grants: list[Grant]
    requests: tuple[Seen, ...]
    prompts: tuple[str, ...]


class CompanyHarness:
    """A connected company with its record. Close it at the end, after it was checked."""

    def __init__(
        self,
        shared: SharedStandIns,
        database_url: str,
        folder: Path,
        content: Mapping[str, Any],
        policy: Mapping[str, Any] | None = None,
        *,
        model: bool = True,
        mail: bool = True,
        live: bool = True,
        now: datetime = WEDNESDAY,
        beginning: Beginning | None = None,
    ) -> None:
        self.outside = shared.outside
        self.time = Time(beginning.now if beginning else now)
        self.outside.world.clock = self.time
        self.realm = self.outside.quickbooks.add_company(
            company.build(content, now),
            beginning.realm if beginning else None,
            Limits(per_second=10_000, per_minute=100_000),
        )
        self._policy_file = folder / "policy.toml"
        self._policy_file.touch()
        self.changes: dict[str, Any] = dict(policy or {})
        self.more_policy = ""
        self.ruled_by: dict[str, Policy] = {}
        """Every policy that there was, by its hash."""
        self.altered = False
        """A test has changed templates, or rows that never change: a replay is not the same."""
        self.process = Process(self._settings(database_url, shared.token_key), self.time)
        self.process.database = kept_engine(database_url)
        self._clients: list[QuickBooks] = []
        self.mailer = Witness(Smtp.from_url(self.outside.mailbox.url, tls=UNUSED_TLS))
        self.has_mail = mail
        self.sources: tuple[Source, ...] = ()
        self.sent_folder: SentFolder | None = None
        self.remembers_people = False
        self._greeted_at: datetime | None = None
        self.model = shared.model if model else None
        self._make_services()
        self._make_intuit()
        if beginning is None:
            self.connect()
            if live:
                self.go_live()

    def _settings(self, database_url: str, token_key: str) -> Settings:
        given = self.outside.settings() | {
            "DATABASE_URL": database_url,
            "REDIS_URL": "unix:///nowhere",
            "TOKEN_KEYS": token_key,
            "POLICY_FILE": str(self._policy_file),
            "PUBLIC_URL": "http://127.0.0.1:9",
        }
        values: dict[str, Any] = {name.lower(): value for name, value in given.items()}
        return Settings(**values)

    def _make_services(self) -> None:
        sender = "accounts@brass-fern.example"
        clients: dict[str, QuickBooks] = {}
        text = policy_text(self.changes) + self.more_policy
        self._policy_file.write_text(text, encoding="utf-8")
        self.process.policies = PolicyFile(self._policy_file)
        self.ruled_by[self.process.policy.sha256] = self.process.policy
        self.services = Services(
            ruling=self.process.policies,
            policy=self.process.policy,
            sender=sender,
            reply_to=sender,
            channel="CFINANCE",
            still_ours=lambda case, token: still_ours(self.database, case, token, self.time),
            quickbooks=lambda realm: clients.setdefault(realm, self.quickbooks()),
            costs=ModelCosts(self.database, self.time),
            mailer=self.mailer if self.has_mail else None,
            sent_folder=self.sent_folder,
            model=self.model,
            sources=self.sources,
        )
        self.process.services = self.services

    def _make_intuit(self) -> None:
        settings = self.process.settings
        self.process.oauth = OAuth(
            settings.qbo_client_id,
            settings.qbo_client_secret,
            token_url=settings.qbo_oauth_url,
            authorize_url=settings.qbo_authorize_url,
            revoke_url=settings.qbo_revoke_url,
            redirect_uri=f"{settings.public_url}/quickbooks/callback",
            transport=_transport(),
        )
        self.process.intuit = Intuit(
            self.process.oauth, self.process.seal, self._first_look, "CFINANCE"
        )

    def _first_look(self, realm: str, tokens: Tokens) -> QuickBooks:
        return self._client(_Signed(tokens))

    def quickbooks(self, seconds: float = 30) -> QuickBooks:
        """A client without a budget of its own, patient for so long."""
        store = SqlTokenStore(self.database, self.process.seal)
        client = self._client(BearerAuth(self.realm, store, self.process.oauth, clock=self.time))
        client._http.timeout = httpx.Timeout(seconds)
        self._clients.append(client)
        return client

    def _client(self, auth: httpx.Auth) -> QuickBooks:
        url = self.process.settings.qbo_api_url
        return QuickBooks(
            self.realm,
            auth,
            base_url=url,
            clock=self.time,
            sleep=self.time.pass_by,
            transport=_transport(),
        )

    def be_impatient(self, seconds: float = 0.3) -> None:
        """Give up on whoever does not answer for so long."""
        hasty = self.quickbooks(seconds)
        url = self.outside.mailbox.url
        self.mailer.mailer = Smtp.from_url(
            url, command_seconds=seconds, final_reply_seconds=seconds, tls=UNUSED_TLS
        )
        self.services = replace(self.services, quickbooks=lambda _: hasty)
        self.process.services = self.services

    def change_policy(self, **sections: Any) -> None:
        """Lay more over the policy; every step and verb sees it from now on."""
        for name, value in sections.items():
            old = self.changes.get(name, {})
            self.changes[name] = {**old, **value} if isinstance(value, dict) else value
        self._make_services()

    def add_source(self, source: Source) -> None:
        """From now on a CRM, a help desk or a mailbox is configured."""
        self.sources = (*self.sources, source)
        self._make_services()

    def keep_copies(self) -> None:
        """From now on what is sent is filed in the finance mailbox, too."""
        self.sent_folder = SentFolder.of_settings(self.process.settings, "")
        self._make_services()

    def add_to_policy(self, lines: str) -> None:
        """Put these lines of TOML below the policy; every step and verb sees them from now on."""
        self.more_policy = f"\n{lines}\n"
        self._make_services()

    def close(self) -> None:
        """Let go of everything that was opened."""
        for client in self._clients:
            client.close()
        self.process.oauth.close()
        self.process.close()

    # The company and its record

    @property
    def database(self) -> Database:
        return self.process.database

    @property
    def policy(self) -> Policy:
        """What rules in this company."""
        return self.services.policy.for_company(self.realm)

    @property
    def books(self) -> Books:
        """The ledger itself, as QuickBooks has it."""
        return self.outside.quickbooks.realms[self.realm].books

    @property
    def now(self) -> datetime:
        return self.time.now

    @property
    def today(self) -> date:
        return self.company.today(self.now)

    @property
    def company(self) -> ConnectedCompany:
        with self.database.reading() as conn:
            return companies.need(conn, self.realm)

    def connect(self) -> None:
        """Through OAuth, as a person does."""
        with self.database.writing() as conn:
            state = connect.open_link(conn, "ULEAD1", "", self.now)
        self.outside.quickbooks.choose({"realm": self.realm})
        answer = httpx.get(self.process.oauth.authorize_url(state), verify=UNUSED_TLS)
        back = httpx.URL(answer.headers["location"]).params
        connect.connect(
            self.database,
            self.process.intuit,
            back["code"],
            back["realmId"],
            back["state"],
            self.now,
        )

    def go_live(self) -> None:
        """A finance lead's click and command."""
        self.runs(Switch.REMINDERS_OFF.turn, "ULEAD1")
        self.runs(Switch.GO_LIVE.turn, "ULEAD1")

    def runs(self, act: Callable[..., Any], user: str) -> Any:
        """One of the switches of a company: `Switch.….turn`, or a sweep now."""
        return self._decide(lambda conn: act(conn, self.policy, self.company, user, self.now))

    # The steps

    def run(self, *names: str) -> None:
        """Run these steps (all of them by default) until nothing is due."""
        self.time.begin()
        wanted = names or STEPS
        steps = [step for step in self.process.steps() if step.name in wanted]
        loop.run(self.database, steps, self.time)

    def sweep(self) -> None:
        """What happens each morning, and what follows from it."""
        with self.database.writing() as conn:
            work.hurry(conn, self.realm, "sweep", self.now)
        self.run("sweep", "triage")

    def refresh(self, case: Case | None = None) -> None:
        """Let the case have its next look at the ledger now."""
        id = (case or self.case()).id
        with self.database.writing() as conn:
            due = cases_table.update().where(cases_table.c.id == id).values(due_at=self.now)
            conn.execute(due)
        self.run("triage")

    def wait_out(self) -> None:
        """Let the undo window pass and everything after it happen."""
        self.time.later(seconds=self.services.policy.undo_seconds)
        self.run("send", "write_back")

    def post(self) -> None:
        """Let Slack have what is to be said, one message a second, until nothing is left."""
        self.run("first_look")  # the first cards wait for it
        for _ in range(MOST_POSTS):
            self.run("messages")
            soon = messages.c.due_at <= self.time.later(seconds=2)
            if not self.rows(select(messages.c.id).where(soon)):
                return

    # The outside

    def fault(
        self, service: str, match: str, kind: Kind, times: int | None = 1, status: int | None = None
    ) -> None:
        """Order a misbehaviour of a stand-in."""
        self.outside.world.faults.add(Fault(service, match, kind, times, status))

    def heal(self) -> None:
        """Forget all misbehaviour."""
        self.outside.world.faults.clear()

    def notify(self, *changes: Change, times: int = 1) -> None:
        """QuickBooks' notification of these changes, delivered so often; then detection runs."""
        body = json.dumps(cloud_events(self.realm, changes, self.now)).encode()
        for _ in range(times):
            self.deliver(body)
        self.run("detect", "triage")

    def deliver(self, body: bytes) -> None:
        """One delivery, stored as the web process stores it."""
        with self.database.writing() as conn:
            events.store(conn, notices(body), self.now)

    def pay(self, id: str, amount: str) -> Change:
        """The customer pays; nobody is told yet."""
        return self.books.pay(id, Decimal(amount))[0]

    def credit(self, customer: str, amount: str) -> Change:
        """The company gives a credit memo."""
        return self.books.credit(customer, Decimal(amount))[0]

    def void(self, id: str) -> Change:
        """Somebody voids an invoice."""
        return self.books.void(id)[0]

    def change(self, kind: str, id: str, **fields: Any) -> Change:
        """Somebody edits a record."""
        return self.books.edit(kind, id, fields)[0]

    @property
    def mails(self) -> list[Mail]:
        """What the mail server has accepted."""
        return list(self.outside.mailbox.mails)

    @property
    def notes(self) -> list[dict[str, Any]]:
        """The notes that were ever written to QuickBooks."""
        notes = self.outside.quickbooks.snapshot()["notes"]
        return [note for note in notes if note["realm"] == self.realm]

    def asked(self, service: str) -> int:
        """How many requests a stand-in has seen."""
        return sum(seen.service == service for seen in self.outside.world.requests)

    # What is on record

    def cases(self) -> list[Case]:
        """Every case, oldest first."""
        with self.database.reading() as conn:
            rows = conn.execute(select(cases_table).order_by(cases_table.c.id)).all()
        return [cases.of_row(row) for row in rows]

    def case(self, customer: str = "", currency: str = "USD") -> Case:
        """The latest case, of one customer if it is named."""
        found = [c for c in self.cases() if c.customer == customer or not customer]
        return [c for c in found if c.currency == currency][-1]

    def view(self, case: Case | None = None) -> CaseView:
        """The case as its card shows it."""
        with self.database.reading() as conn:
            return picture.case_view(conn, self.policy, (case or self.case()).id, self.now)

    def rules(self, case: Case | None = None) -> set[str]:
        """The names of the rules that hold for a case."""
        return {ruling.rule for ruling in self.rulings(case)}

    def rulings(self, case: Case | None = None) -> tuple[Ruling, ...]:
        """What the rules say about a case."""
        with self.database.reading() as conn:
            return assessments.present(conn, case or self.case()).rulings

    def versions(self, case: Case | None = None) -> int:
        """How many drafts a case has had."""
        id = (case or self.case()).id
        return len(self.rows(select(drafts).where(drafts.c.case_id == id)))

    def rows(self, query: Any) -> list[Any]:
        """The rows of a query."""
        with self.database.reading() as conn:
            return list(conn.execute(query).all())

    def said(self, kind: str = "") -> list[str]:
        """What is to be said in Slack, oldest first: the texts of notices and thread lines."""
        return said(self.database, kind)

    def cards(self) -> list[str]:
        """The cases that have a card."""
        return [row.case_id for row in self.rows(select(messages).where(messages.c.kind == "card"))]

    def logged(self, action: str = "", case: str | None = None) -> list[dict[str, Any]]:
        """The lines of the decision log, by action."""
        with self.database.reading() as conn:
            lines = [line.fields for line in log.lines(conn, case=case)]
        return [line for line in lines if line["action"].startswith(action)]

    # What people do

    def greet(self) -> None:
        """Slack was asked about everybody just now, unless this company lives on its memory."""
        if self.remembers_people or self._greeted_at == self.now:
            return
        self._greeted_at = self.now
        with self.database.writing() as conn:
            for user, trouble in CAST.items():
                people.put_user(conn, user, user.title(), trouble, self.now)

    def click(self, user: str, case: Case | None = None) -> Click:
        """A click on the present card."""
        case = case or self.case()
        if case.draft is None:
            return Click(user, case.id)
        sha256 = self.rows(select(drafts.c.sha256).where(drafts.c.id == case.draft))[0].sha256
        return Click(user, case.id, case.draft, sha256)

    def go(self, act: Callable[..., Any], user: str | Click, *more: Any) -> Any:
        """Do what a button does; a refusal comes back as its answer, as it does for a person."""
        self.greet()
        click = user if isinstance(user, Click) else self.click(user)
        return self._decide(lambda conn: act(conn, self.policy, click, *more, now=self.now))

    def _decide(self, act: Callable[[Connection], Any]) -> Any:
        self.greet()
        try:
            with self.database.writing() as conn:
                return act(conn)
        except VerbRefused as no:
            return no.said

    def approve(self, user: str | Click = "UCOLLECT") -> Answer:
        """What somebody who clicks Approve is told."""
        return self._answer(self.go(approve.approve, user))

    def edit(self, user: str | Click, text: Text) -> Answer | Objections:
        """What somebody who saves an edit is told."""
        said = self.go(edit.edit, user, text)
        return said if isinstance(said, Objections) else self._answer(said)

    def rewrite(self, user: str = "UCOLLECT", more: str = "Thank you for your time.") -> Answer:
        """An edit that is fine by every rule: one sentence more before the signature."""
        letter = self.view().letter
        assert letter is not None
        body = letter.body.replace(
            "\n\nThank you and kind regards", f"\n\n{more}\n\nThank you and kind regards"
        )
        said = self.edit(user, Text(letter.subject, body))
        assert isinstance(said, Answer), said
        return said

    def reject(self, user: str | Click, rejection: Rejection) -> Answer:
        return self._answer(self.go(reject.reject, user, rejection))

    def undo(self, user: str | Click = "UCOLLECT") -> Answer:
        return self._answer(self.go(undoing.undo, user))

    def hold(self, user: str | Click, holding: hold.Holding) -> Answer:
        return self._answer(self.go(hold.hold, user, holding))

    def snooze(self, user: str | Click, until: date) -> Answer:
        return self._answer(self.go(hold.snooze, user, hold.Snooze(until, "a quiet week")))

    def fine(self, user: str | Click) -> Answer:
        return self._answer(self.go(look.fine, user))

    def look_again(self, user: str | Click) -> Answer:
        return self._answer(self.go(look.look_again, user))

    def draft_anyway(self, user: str | Click) -> Answer:
        seen = stops_seen(self.rulings())
        return self._answer(self.go(look.draft_anyway, user, look.SetAside(seen, "I called them.")))

    def went(self, user: str | Click = "ULEAD1") -> Answer:
        return self._answer(self.go(sent.went, user))

    def did_not_go(self, user: str | Click = "ULEAD1") -> Answer:
        return self._answer(self.go(sent.did_not_go, user))

    def take_back(self, user: str | Click = "ULEAD1") -> Answer:
        return self._answer(self.go(take_back.take_back, user))

    @staticmethod
    def _answer(said: Reply) -> Answer:
        return said.answer

    def state(self) -> State:
        """Where the latest case is."""
        return self.case().state


@dataclass
class SharedStandIns:
    """What companies share: the stand-ins, the model's client, and an empty record to copy."""

    outside: StandIns
    model: Model
    empty: Path
    home: str
    """Where one company after another keeps its record."""
    token_key: str = field(default_factory=lambda: Fernet.generate_key().decode())
    beginnings: dict[str, Beginning] = field(default_factory=dict)
    """By ledger, policy and the rest: most tests begin with the same card."""

    def tidy(self) -> None:
        """Forget what the last company left outside."""
        self.outside.world.faults.clear()
        self.outside.mailbox.mails.clear()
        assert self.outside.mailbox.beside is not None
        self.outside.mailbox.beside.mails.clear()
        self.outside.slack.space.messages.clear()
        self.outside.inbox.folder = "INBOX"
        self.outside.model.prompts.clear()
        self.outside.model.forget_orders()
        self.outside.world.requests.clear()

    def prepare(self, url: str) -> None:
        """Begin with an empty record. One on PostgreSQL is emptied by whoever lends it."""
        if url.startswith("sqlite:///"):
            replace_record(Path(url.removeprefix("sqlite:///")), self.empty)

    def keep(self, key: str, company: CompanyHarness) -> None:
        """Let others with this key begin where this company stands; its record is on SQLite."""
        company.database.close()  # the last to leave folds the write-ahead log into the one file
        record = self.empty.with_name(f"beginning-{len(self.beginnings)}.sqlite3")
        shutil.copy(self.home.removeprefix("sqlite:///"), record)
        oauth, realm = self.outside.quickbooks.oauth, company.realm
        grants = [deepcopy(grant) for grant in oauth.grants if grant.realm == realm]
        seen, prompts = tuple(self.outside.world.requests), tuple(self.outside.model.prompts)
        self.beginnings[key] = Beginning(realm, record, company.now, grants, seen, prompts)

    def begin_at(self, beginning: Beginning) -> None:
        """Bring back the record, and what the stand-ins knew."""
        replace_record(Path(self.home.removeprefix("sqlite:///")), beginning.record)
        quickbooks, realm = self.outside.quickbooks, beginning.realm
        del quickbooks.realms[realm]
        quickbooks.oauth.realms.remove(realm)
        others = [grant for grant in quickbooks.oauth.grants if grant.realm != realm]
        quickbooks.oauth.grants[:] = [*others, *deepcopy(beginning.grants)]
        self.outside.world.requests.extend(beginning.requests)
        self.outside.model.prompts.extend(beginning.prompts)


@contextmanager
def serve_stand_ins() -> Iterator[SharedStandIns]:
    """Serve the stand-ins for many companies, one after the other."""
    with stand_ins(None) as outside, sqlite_database() as empty, sqlite_database() as home:
        settings = outside.settings()
        key, url = settings["OPENAI_API_KEY"], settings["OPENAI_BASE_URL"]
        database = open_database(empty)
        schema.upgrade(database)
        database.close()  # the last to leave folds the write-ahead log into the one file
        model = Model(key, url, timeout=5, max_retries=0)
        file = Path(empty.removeprefix("sqlite:///"))
        yield SharedStandIns(outside, model, file, home)
        model.close()
