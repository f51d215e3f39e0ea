"""A past for the built-in company: some mornings of its last weeks, lived by the product itself.

    python -m tests.sandbox.past URL

The product's own steps and verbs run here in a process of their own, which ends before the page
opens, under a clock that stands at each of these mornings, over the books as they were then. So
letters of every stage are on record, and what is due today follows from them.
"""

import contextlib
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import httpx
from sqlalchemy import select

from bot.process import Process
from jobs import settings as product_settings
from jobs.companies import connect
from jobs.decide import approve, look
from jobs.decide.access import Click, VerbRefused
from jobs.decide.switches import Switch
from jobs.engine import loop, parent_pipe
from jobs.engine.step import Step
from jobs.rules.policy.policy import Policy
from jobs.rules.states import State
from jobs.settings import Settings
from jobs.store import companies, texts, work
from jobs.store.database.tables import cases, drafts
from qbo import QuickBooks

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
    """The one clock of product and sandbox, which is `outside`; it moves when somebody waits."""

    def __init__(self, outside: httpx.Client) -> None:
        self.outside, self.now = outside, datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def be(self, now: datetime) -> None:
        """It is that time now, for everybody."""
        self.now = now
        _order(self.outside, "clock", now=now.isoformat())

    def pass_by(self, seconds: float) -> None:
        """So much time passes."""
        self.be(self.now + timedelta(seconds=seconds))


def live_through(url: str, settings: Settings) -> None:
    """Connect the company of the sandbox at `url`, take it live, and live through MORNINGS.

    `settings` are the product's, whose tables exist. The sandbox's clock is right again after.
    """
    with contextlib.ExitStack() as stack:
        outside = stack.enter_context(httpx.Client(base_url=url, timeout=30, trust_env=False))
        stack.callback(_order, outside, "clock", now="")
        moment = Moment(outside)
        process = stack.enter_context(contextlib.closing(Process(settings, moment)))
        past = Past(outside, process, moment)
        stack.callback(past.quickbooks.close)
        for ago in MORNINGS:
            past.morning(ago)
        past.books_of(0)


def _order(outside: httpx.Client, call: str, **body: object) -> dict[str, str]:
    """A control call of the sandbox."""
    answer = outside.post(f"/_/{call}", json=body)
    answer.raise_for_status()
    return dict(answer.json())


class Past:
    """One company, its product in this process, and the people who work with it."""

    def __init__(self, outside: httpx.Client, process: Process, moment: Moment) -> None:
        self.outside, self.process, self.moment = outside, process, moment
        self.today = datetime.now(UTC)
        self.realm = self.books_of(0)["realm"]
        self.quickbooks = QuickBooks(
            self.realm,
            process.ledgers.auth(self.realm),
            base_url=process.settings.qbo_api_url,
            budget=process.budget,
            clock=moment,
            sleep=moment.pass_by,  # whoever has to wait for QuickBooks moves the clock
        )
        process.services = replace(process.services, quickbooks=lambda _: self.quickbooks)
        self.steps = process.steps()

    def morning(self, ago: int) -> None:
        """What happens on one of these days: the sweep, the cards, the approvals, the mails."""
        zone = ZoneInfo(self.books_of(ago)["zone"])
        day: date = self.today.astimezone(zone).date() - timedelta(days=ago)
        self.moment.be(datetime.combine(day, OPENS, zone).astimezone(UTC))
        if ago == MORNINGS[0]:
            with self.process.database.writing() as conn:
                texts.note_policy(conn, self.process.policies.text, self.moment.now)
            self._connect()
        with self.process.database.writing() as conn:
            work.ensure(conn, work.EVERYBODY, "people", self.moment.now)
            work.hurry(conn, work.EVERYBODY, "people", self.moment.now)
            work.hurry(conn, self.realm, "sweep", self.moment.now)
        self._work()
        if ago == MORNINGS[0]:
            self._decide(Switch.REMINDERS_OFF.turn, Switch.GO_LIVE.turn)
            self._work()
        self._approve()
        self.moment.pass_by(self.process.policy.undo_seconds + 1)
        self._work()

    def books_of(self, ago: int) -> dict[str, str]:
        """Have the ledger as it was so many days ago, 0 is today; answers its realm and zone."""
        return _order(self.outside, "quickbooks/turn", ago=ago)

    def _connect(self) -> None:
        """A finance lead connects the company through the real OAuth."""
        with self.process.database.writing() as conn:
            state = connect.open_link(conn, LEAD, "", self.moment.now)
        _order(self.outside, "quickbooks/choose", realm=self.realm)
        answer = httpx.get(self.process.oauth.authorize_url(state), trust_env=False)
        back = httpx.URL(answer.headers["location"]).params
        connect.connect(
            self.process.database,
            self.process.intuit,
            back["code"],
            back["realmId"],
            back["state"],
            self.moment.now,
        )

    def _decide(self, *acts: Callable[..., object]) -> None:
        for act in acts:
            with self.process.database.writing() as conn:
                act(conn, self.policy, companies.need(conn, self.realm), LEAD, self.moment.now)

    def _work(self) -> None:
        """Run every step, a second after the other, until nothing more is due soon."""
        until = self.moment.now + CLOSES
        while self.moment.now < until and self._due(SOON):
            if due := self._due(0):
                loop.run(self.process.database, due, self.moment)
            self.moment.pass_by(1)

    def _due(self, within: int) -> list[Step]:
        """The steps that have something to do in so many seconds."""
        then = self.moment.now + timedelta(seconds=within)
        return loop.due_steps(self.process.database, self.steps, then)

    def _approve(self) -> None:
        """Whatever can be approved is, by as many people as it takes."""
        waiting = select(cases.c.id, drafts.c.id, drafts.c.sha256).where(
            cases.c.state == State.WAITING, drafts.c.id == cases.c.draft
        )
        with self.process.database.reading() as conn:
            found = conn.execute(waiting).all()
        for case, draft, sha256 in found:
            self._click(look.fine, Click("UMANAGER", case, draft, sha256))
            self._click(look.fine, Click(LEAD, case, draft, sha256))
            for user in TEAM:
                self._click(approve.approve, Click(user, case, draft, sha256))

    def _click(self, act: Callable[..., object], click: Click) -> None:
        """A person's click; what they may not do is refused, as on any day."""
        with contextlib.suppress(VerbRefused), self.process.database.writing() as conn:
            act(conn, self.policy, click, now=self.moment.now)

    @property
    def policy(self) -> Policy:
        """What rules in this company."""
        return self.process.policy.for_company(self.realm)


if __name__ == "__main__":
    parent_pipe.hold()
    live_through(sys.argv[1], product_settings.load())
