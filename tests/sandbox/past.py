"""A past for the built-in company: some mornings of its last weeks, lived by the product itself.

The product's own steps and doors run here in one process, under a clock that stands at each of
these mornings, over the books as they were then. So letters of every stage are on record, and what
is due today follows from them.
"""

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from sqlalchemy import select

from bot.processes import Kit
from jobs import connect, pipeline
from jobs.decide import approve, look, reminders, run_company
from jobs.decide.door import Knock, Refused
from jobs.rules.policy import Policy
from jobs.rules.states import State
from jobs.settings import Settings
from jobs.step import Step
from jobs.store import agenda, artifacts, companies
from jobs.store.tables import cases, drafts
from qbo import QuickBooks
from tests.sandbox import company
from tests.sandbox.quickbooks.books import Books
from tests.sandbox.stand_ins import StandIns

MORNINGS = (32, 23, 15)
"""Days ago: each customer has a week's rest between them, and some reach the next stage."""
OPENS = time(9, 0)
CLOSES = timedelta(minutes=30)
"""By then a morning's work is done, or it never will be."""
SOON = 6
"""Seconds; a first look asks that often whether the first cases are prepared."""
LEAD = "ULEAD1"
TEAM = ("UCOLLECT", "ULEAD1", "ULEAD2")
"""Whoever is asked to approve, in this order, until a card has what it needs."""


class Moment:
    """A clock that moves when somebody waits."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        """So much time passes."""
        self.now += timedelta(seconds=seconds)


def live_through(
    outside: StandIns, settings: Mapping[str, str], file: Path, say: Callable[[str], None]
) -> None:
    """Connect the company, take it live, and live through MORNINGS; the clock is right again after.

    `settings` are the product's, whose tables exist; `file` is the company's.
    """
    moment = Moment()
    values: dict[str, Any] = {name.lower(): value for name, value in settings.items()}
    with contextlib.ExitStack() as stack:
        stack.enter_context(_clock(outside, moment))
        kit = stack.enter_context(contextlib.closing(Kit(Settings(**values), moment)))
        past = Past(outside, kit, moment, file)
        stack.callback(past.quickbooks.close)
        for ago in MORNINGS:
            say(f"Living through a morning {ago} days ago …")
            past.morning(ago)
        past.books_of(0)


@contextlib.contextmanager
def _clock(outside: StandIns, moment: Moment) -> Iterator[None]:
    usual, outside.world.clock = outside.world.clock, moment
    try:
        yield
    finally:
        outside.world.clock = usual


class Past:
    """One company, its product in this process, and the people who work with it."""

    def __init__(self, outside: StandIns, kit: Kit, moment: Moment, file: Path) -> None:
        self.outside, self.kit, self.moment = outside, kit, moment
        self.today = datetime.now(UTC)
        self.content = json.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
        (self.realm,) = outside.quickbooks.realms
        self.quickbooks = QuickBooks(
            self.realm,
            kit.ledgers.auth(self.realm),
            base_url=kit.settings.qbo_api_url,
            budget=kit.budget,
            clock=moment,
            sleep=moment.pass_by,  # whoever has to wait for QuickBooks moves the clock
        )
        kit.office = replace(kit.office, quickbooks=lambda _: self.quickbooks)
        self.steps = kit.steps()

    def morning(self, ago: int) -> None:
        """What happens on one of these days: the sweep, the cards, the approvals, the mails."""
        self.books_of(ago)
        zone = ZoneInfo(self.books.company.info["DefaultTimeZone"])
        day: date = self.today.astimezone(zone).date() - timedelta(days=ago)
        self.moment.now = datetime.combine(day, OPENS, zone).astimezone(UTC)
        if ago == MORNINGS[0]:
            with self.kit.database.writing() as conn:
                artifacts.note_policy(conn, self.kit.policy_text, self.moment.now)
            self._connect()
        with self.kit.database.writing() as conn:
            agenda.ensure(conn, agenda.EVERYBODY, "people", self.moment.now)
            agenda.hurry(conn, agenda.EVERYBODY, "people", self.moment.now)
            agenda.hurry(conn, self.realm, "sweep", self.moment.now)
        self._work()
        if ago == MORNINGS[0]:
            self._at_the_door(reminders.confirm_off, run_company.go_live)
            self._work()
        self._approve()
        self.moment.pass_by(self.kit.policy.undo_seconds + 1)
        self._work()

    def books_of(self, ago: int) -> None:
        """Have the ledger as it was so many days ago; 0 is today."""
        then = company.build(_as_of(self.content, ago), self.today)
        with self.outside.world.lock:
            for kind, entities in Books(then, self.moment).tables.items():
                if kind != "Attachable":
                    self.books.tables[kind].clear()
                    self.books.tables[kind].update(entities)
            self.books.version += 1

    @property
    def books(self) -> Books:
        return self.outside.quickbooks.realms[self.realm].books

    def _connect(self) -> None:
        """A finance lead connects the company through the OAuth door."""
        with self.kit.database.writing() as conn:
            state = connect.open_door(conn, LEAD, "", self.moment.now)
        self.outside.quickbooks.choose({"realm": self.realm})
        answer = httpx.get(self.kit.oauth.authorize_url(state), trust_env=False)
        back = httpx.URL(answer.headers["location"]).params
        connect.connect(
            self.kit.database,
            self.kit.intuit,
            back["code"],
            back["realmId"],
            back["state"],
            self.moment.now,
        )

    def _at_the_door(self, *acts: Callable[..., object]) -> None:
        for act in acts:
            with self.kit.database.writing() as conn:
                act(conn, self.policy, companies.need(conn, self.realm), LEAD, self.moment.now)

    def _work(self) -> None:
        """Run every step, a second after the other, until nothing more is due soon."""
        until = self.moment.now + CLOSES
        while self.moment.now < until and self._due(SOON):
            if due := self._due(0):
                pipeline.run(self.kit.database, due, self.moment)
            self.moment.pass_by(1)

    def _due(self, within: int) -> list[Step]:
        """The steps that have something to do in so many seconds."""
        then = self.moment.now + timedelta(seconds=within)
        return [s for s in self.steps if pipeline.anything_due(self.kit.database, s, then)]

    def _approve(self) -> None:
        """Whatever can be approved is, by as many people as it takes."""
        waiting = select(cases.c.id, drafts.c.id, drafts.c.sha256).where(
            cases.c.state == State.WAITING, drafts.c.id == cases.c.draft
        )
        with self.kit.database.reading() as conn:
            found = conn.execute(waiting).all()
        for case, draft, sha256 in found:
            self._click(look.fine, Knock("UMANAGER", case, draft, sha256))
            self._click(look.fine, Knock(LEAD, case, draft, sha256))
            for user in TEAM:
                self._click(approve.approve, Knock(user, case, draft, sha256))

    def _click(self, act: Callable[..., object], knock: Knock) -> None:
        """A person's click; what they may not do is refused, as on any day."""
        with contextlib.suppress(Refused), self.kit.database.writing() as conn:
            act(conn, self.policy, knock, now=self.moment.now)

    @property
    def policy(self) -> Policy:
        """What rules in this company."""
        return self.kit.policy.for_company(self.realm)


def _as_of(content: Mapping[str, Any], ago: int) -> dict[str, Any]:
    """The content of a company file without what was written later than so many days ago."""
    written = ("invoices", "payments", "credit_memos")
    kept = {key: [e for e in content[key] if _days_ago(e["TxnDate"]) >= ago] for key in written}
    return {**content, **kept}


def _days_ago(day: str) -> int:
    return -int(day.removeprefix("today") or 0)
