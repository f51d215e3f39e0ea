"""Plays a table of invoices day by day through the real steps, with a clock of its own.

Everything between the ledger and the mailer is what runs in production: sweep, crossings, triage,
the approval of a person, the last check, the mail, the note, habits and the outlook. The ledger is
in memory, mails go nowhere, and no model is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from importlib import import_module
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ParamSpec, TypeVar
from zoneinfo import ZoneInfo

import httpx
from sqlalchemy import Connection

from jobs.decide import approve, sent
from jobs.decide.access import Answer, Click, VerbRefused
from jobs.decide.sent import Mistake
from jobs.decide.switches import Switch
from jobs.engine.loop import Loop, due_steps
from jobs.engine.services import Services
from jobs.engine.step import Step
from jobs.mail.results import HELD_UP, Fence, MailerCheck, Result, Sent
from jobs.pipeline import STEPS
from jobs.reports.backtest.ledger import LedgerTransport, PastLedger
from jobs.reports.backtest.table import PastInvoice
from jobs.reports.cash import cash
from jobs.reports.cash.cash import Forecast
from jobs.reports.cash.outlook import FORECASTS
from jobs.rules.policy.business_days import digest_at, is_business_day
from jobs.rules.policy.policy import Policy
from jobs.rules.states import ConnectionStatus, RejectReason, Stage
from jobs.store import cases, companies, crossings, drafts, log, people, sends, work
from jobs.store.customers import forecasts
from jobs.store.database import engine
from jobs.store.database.engine import Database
from jobs.store.reports import case_lists
from jobs.store.sends import SentMessage, still_ours
from jobs.store.services.model_costs import ModelCosts
from qbo.client import QuickBooks

REALM, ZONE = "1", ZoneInfo("UTC")
COLLECTOR, LEAD, OTHER_LEAD = CAST = ("UCOLLECTOR", "ULEADONE", "ULEADTWO")
PEOPLE = {"collectors": (COLLECTOR,), "finance_leads": (LEAD, OTHER_LEAD), "deputies": ()}
SENDER = "accounts@backtest.example"
PLAYED = ("sweep", "habits", "triage", "send", "write_back")
WEEKLY = "outlook"
AFTER_DIGEST = timedelta(hours=1)
"""When the simulated person sits down to the morning's cards."""
MORNING = time(5)
"""When a business day begins: what was due on free days is done then."""
DAY = timedelta(days=1)
P = ParamSpec("P")
T = TypeVar("T")


class Watch:
    """The clock of a play: it stands still until the next moment at which something is due."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


class Here(Executor):
    """Acts at once, in this thread: nothing here waits for a network, and threads only add turns
    to wait for."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """What `fn` returned or raised."""
        done: Future[T] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  as in any executor: whoever asks for the result
            done.set_exception(error)  # gets it
        return done


@dataclass
class MailSink:
    """A mailer that keeps to whom it was given a mail, and when."""

    clock: Callable[[], datetime]
    taken: list[tuple[datetime, str]] = field(default_factory=list)

    def send(self, sender: str, to: Sequence[str], message: bytes, fence: Fence) -> Result:
        if not fence():
            return HELD_UP
        self.taken.append((self.clock(), to[0]))
        return Sent("Taken by the backtest")

    def check(self) -> MailerCheck:
        return MailerCheck(True, "takes everything")


@dataclass(frozen=True)
class WeeklyForecast:
    """What the outlook expected on the first business day of a week.

    `usual` is the company's own median delay then, in days.
    """

    made_on: date
    forecasts: list[Forecast]
    usual: int


@dataclass(frozen=True)
class Played:
    """What happened, as the record and the mailer have it."""

    policy: Policy
    first: date
    last: date
    messages: list[SentMessage]
    mails: list[tuple[datetime, str]]
    """When a mail was handed over, and to which address."""
    crossed: list[tuple[str, int, Stage, str]]
    """Invoice, round, stage and case of each crossing that a mail is about."""
    caught: frozenset[str]
    """Cases that the last check cancelled, because they were paid meanwhile."""
    cancelled: dict[str, tuple[datetime, frozenset[str]]]
    """Cancelled case → when, and the invoices that it had been opened for."""
    objections: dict[str, datetime]
    """Disputed invoice → when its customer's objection was known."""
    weeks: list[WeeklyForecast]


def play(invoices: Sequence[PastInvoice], policy: Policy) -> Played:
    """Play these invoices, at least one, from the day of the first issue to the last date.

    Customers pay as they did: no message changes that. A customer objects to a disputed invoice
    in answer to the first message about it, and a person then keeps it on hold until it is settled.
    """
    with TemporaryDirectory(prefix="overdue-backtest-") as folder, _record(folder) as database:
        return Play(database, invoices, _peopled(policy)).run()


@contextmanager
def _record(folder: str) -> Iterator[Database]:
    from jobs.store.database import schema  # loads Alembic, which no worker needs

    database = engine.connect(f"sqlite:///{Path(folder) / 'record.sqlite3'}", durable=False)
    try:
        schema.upgrade(database)
        yield database
    finally:
        database.close()


def _peopled(policy: Policy) -> Policy:
    """The policy with the people of a play; sections of single companies do not count here."""
    return policy.model_copy(update={**PEOPLE, "by_company": {}})


class Play:
    """One company's past under one policy."""

    def __init__(self, database: Database, invoices: Sequence[PastInvoice], policy: Policy) -> None:
        self.database, self.policy = database, policy
        self.disputed = {str(one.line) for one in invoices if one.disputed}
        self.first = min(one.issued for one in invoices)
        self.last = max(max(one.due, one.settled or one.due) for one in invoices)
        self.clock = Watch(self._beginning)
        self.ledger = PastLedger(invoices)
        self.mailer = MailSink(self.clock)
        self.objections: dict[str, datetime] = {}
        self.held: dict[str, tuple[str, date]] = {}
        """Invoice objected to → the case of the message, and until when the hold lasts."""
        self.heard_until = self.clock.now
        transport = LedgerTransport(self.ledger, self.clock)
        self.quickbooks = QuickBooks(
            REALM, httpx.Auth(), base_url="http://ledger", transport=transport, clock=self.clock
        )
        self.pool = Here()
        services = self._services()
        self.steps = [_step(name, services) for name in PLAYED]
        self.outlook = [_step(WEEKLY, services)]
        self.weeks: list[WeeklyForecast] = []

    @property
    def _beginning(self) -> datetime:
        return datetime.combine(self.first, MORNING, UTC)

    def run(self) -> Played:
        """Go from one moment at which something is due to the next, until the last day is over."""
        end = datetime.combine(self.last + DAY, time(), UTC)
        with self.quickbooks, self.pool:
            self._connect()
            morning = self._morning_after(self.clock.now)
            while (at := min(self._next_due(), morning)) < end:
                self.clock.now = at
                self.ledger.advance(at)
                self._work(self.steps)
                self._look_ahead()
                if at == morning:
                    self._decide()
                    morning = self._morning_after(at)
        return self._played()

    def _services(self) -> Services:
        return Services(
            ruling=lambda: self.policy,
            policy=self.policy,
            sender=SENDER,
            reply_to=SENDER,
            channel="",
            still_ours=lambda case, token: still_ours(self.database, case, token, self.clock),
            quickbooks=lambda _: self.quickbooks,
            costs=ModelCosts(self.database, self.clock),
            mailer=self.mailer,
        )

    def _connect(self) -> None:
        """Have a company that is connected and live, and is read for the first time now."""
        now = self.clock.now
        with self.database.writing() as conn:
            companies.add(
                conn,
                realm=REALM,
                name="Backtest",
                country="US",
                zone="UTC",
                home_currency=self.ledger.home,
                channel="CBACKTEST",
                mode="live",
                status=ConnectionStatus.CONNECTED,
                connected_at=now,
                connected_by=LEAD,
                reminders_off_at=now,
                reminders_off_by=LEAD,
            )
            for kind in ("sweep", "habits"):
                work.ensure(conn, REALM, kind, now)

    def _next_due(self) -> datetime:
        """When a step finds work next. On free days nothing can go out, so they are skipped."""
        with self.database.reading() as conn:
            due = work.next_due(conn, ((s.table, s.ready) for s in self.steps), self.clock.now)
        assert due is not None, "the sweep is always ahead"
        at = max(due, self.clock.now)
        while not is_business_day(at.date(), self.policy):
            at = datetime.combine(at.date() + DAY, MORNING, UTC)
        return at

    def _morning_after(self, now: datetime) -> datetime:
        """When the person sits down to the cards next."""
        day = now.date()
        while not is_business_day(day, self.policy) or self._morning_of(day) <= now:
            day += DAY
        return self._morning_of(day)

    def _morning_of(self, day: date) -> datetime:
        return digest_at(day, ZONE, self.policy) + AFTER_DIGEST

    def _work(self, steps: Sequence[Step]) -> None:
        """One step after the other, as long as anything is due now."""
        while due := due_steps(self.database, steps, self.clock.now):
            for step in due:
                Loop(self.database, [step], self.clock, self.pool).run()

    # The cash outlook

    def _look_ahead(self) -> None:
        """Keep the outlook of each week as it is made on its first business day."""
        today = self.clock.now.date()
        if self.weeks and cash.monday(self.weeks[-1].made_on) == cash.monday(today):
            return
        self._work(self.outlook)
        with self.database.reading() as conn:
            made = forecasts.opening(conn, REALM, today + DAY)
            usual = forecasts.usual_delays(conn, REALM, []).get(forecasts.COMPANY)
        assert made is not None
        found = FORECASTS.validate_python(made[1])
        self.weeks.append(WeeklyForecast(today, found, usual.usual if usual else 0))

    # The person

    def _decide(self) -> None:
        """Objections first, so that nobody approves what is disputed; then every draft."""
        with self.database.writing() as conn:
            for user in CAST:
                people.put_user(conn, user, user.title(), "", self.clock.now)
            if companies.need(conn, REALM).paused_at:
                company = companies.need(conn, REALM)
                Switch.RESUME.turn(conn, self.policy, company, LEAD, self.clock.now)
        self._hear_objections()
        self._work(self.steps)
        with self.database.reading() as conn:
            waiting = list(chain.from_iterable(case_lists.approvable(conn, REALM, None)))
        for case in waiting:
            self._approve(case.id)

    def _hear_objections(self) -> None:
        """A person says of each message about a disputed invoice that it was wrong, which holds
        the invoice, and says so again when the hold ends and the invoice is still open."""
        now, today = self.clock.now, self.clock.now.date()
        with self.database.reading() as conn:
            new = sends.went_out(conn, REALM, self.heard_until)
        for message in new:
            for invoice in message.letter.invoices:
                if invoice.id in self.disputed:
                    self.objections.setdefault(invoice.id, now)
                    self.held.setdefault(invoice.id, (message.case, today))
        self.heard_until = now
        over = [(case, id) for id, (case, until) in self.held.items() if until <= today]
        for case, id in over:
            if self.ledger.is_open(id):
                self._hold(case, id)

    def _hold(self, case: str, invoice: str) -> None:
        now = self.clock.now
        mistake = Mistake(RejectReason.DISPUTED, "The customer disputes it.", (invoice,))
        with self.database.writing() as conn:
            sent.was_wrong(conn, self.policy, _click(conn, case, COLLECTOR), mistake, now)
        self.held[invoice] = case, now.date() + timedelta(self.policy.hold_days)

    def _approve(self, case: str) -> None:
        """One person after the other presses the button until it is enough."""
        for user in CAST:
            with suppress(VerbRefused), self.database.writing() as conn:
                click = _click(conn, case, user)
                said = approve.approve(conn, self.policy, click, self.clock.now)
                if said.answer is Answer.RECORDED:
                    return

    def _played(self) -> Played:
        with self.database.reading() as conn:
            first, end = log.span(conn, REALM, self._beginning, self.clock.now)
            caught = log.of_actions(conn, REALM, first, end, ["send.caught"])
            return Played(
                policy=self.policy,
                first=self.first,
                last=self.last,
                messages=sends.went_out(conn, REALM, self._beginning),
                mails=self.mailer.taken,
                crossed=sends.mailed_crossings(conn, REALM),
                caught=frozenset(row.case for row in caught if row.case),
                cancelled=crossings.of_cancelled(conn, REALM),
                objections=self.objections,
                weeks=self.weeks,
            )


def _step(name: str, services: Services) -> Step:
    """A step as it is, but with one row at a time: the same table then gives the same figures."""
    made: Step = import_module(STEPS[name].module).step(services)
    return replace(made, width=1)


def _click(conn: Connection, case: str, user: str) -> Click:
    """A press on the present card."""
    draft = cases.get(conn, case).draft
    if draft is None:
        return Click(user, case)
    return Click(user, case, draft, drafts.draft(conn, draft).sha256)
