"""The weekly review of a company: what became of its cases, and whether the bot deserves trust.

Every figure names its cases. A review is made once the week is over and kept, so that later ones
can be compared with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from pydantic import TypeAdapter
from sqlalchemy import Connection

from jobs.reports.cash import cash
from jobs.store.companies import ConnectedCompany
from jobs.store.reports import reviewing

WEEK = timedelta(days=7)
WEEKS_SHOWN = 8
"""How many weeks a trend has."""


class CaseOutcome(StrEnum):
    """How a case ended, as the review has it."""

    SENT = "sent"
    EDITED = "edited"
    """Sent in a person's words."""
    REJECTED = "rejected"
    HELD = "held"
    CAUGHT = "caught"
    """The last check found it paid, credited or voided."""
    CLOSED = "closed"
    """Closed before anybody approved it, mostly because it was paid."""
    REHEARSED = "rehearsed"
    """Approved in shadow mode: it would have been sent."""


@dataclass(frozen=True)
class ReviewFigure:
    """A count with its cases (by number) and, where money is at stake, amounts by currency."""

    name: str
    cases: tuple[str, ...] = ()
    amounts: Mapping[str, Decimal] = field(default_factory=dict)
    count: int = 0
    """For what is not counted in cases; otherwise that of the cases."""

    @property
    def size(self) -> int:
        return self.count or len(self.cases)


@dataclass(frozen=True)
class Rewritten:
    """Texts of one kind that were sent: how many, those in a person's words, and how much changed.

    `share` is the mean part of the words that changed in those, from 0 to 1.
    """

    stage: int
    class_: str
    language: str
    author: str
    sent: int
    cases: tuple[str, ...]
    share: float


@dataclass(frozen=True)
class Sentence:
    """A sentence, without its figures, that people keep removing or adding."""

    text: str
    removed: bool
    cases: tuple[str, ...]


@dataclass(frozen=True)
class Version:
    """Cases judged by one policy, prompt and model."""

    policy: str
    prompt: str
    model: str
    cases: tuple[str, ...]
    unchanged: int
    edited: int
    rejected: int


@dataclass(frozen=True)
class OutlookError:
    """How far off, in days on average, each way to expect a payment was, for what came in.

    `expected` and `came` are what the outlook had for this week when it began, and what was paid,
    by currency.
    """

    invoices: int = 0
    outlook: float = 0.0
    on_the_due_date: float = 0.0
    as_the_median: float = 0.0
    expected: Mapping[str, Decimal] = field(default_factory=dict)
    came: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True)
class Hours:
    """From a card to the first decision, in hours; None where there was none."""

    median: float | None = None
    slowest_tenth: float | None = None


@dataclass(frozen=True)
class OldestHold:
    """The hold that has stood longest, and its case."""

    since: date
    case: str


@dataclass(frozen=True)
class Review:
    """The week that began on Monday `week`, in the company's zone."""

    realm: str
    company: str
    week: date
    outcomes: Mapping[str, Mapping[CaseOutcome, tuple[str, ...]]]
    """Class ("" for none) → outcome → cases."""
    figures: Mapping[str, ReviewFigure]
    rewritten: tuple[Rewritten, ...]
    sentences: tuple[Sentence, ...]
    versions: tuple[Version, ...]
    decided_in: Hours
    days_to_pay: float | None
    """From our message to the payment, median, of what was paid in the week."""
    outlook: OutlookError
    oldest_hold: OldestHold | None = None

    @property
    def messages(self) -> int:
        """How many messages went to customers."""
        sent = (CaseOutcome.SENT, CaseOutcome.EDITED)
        return sum(len(by.get(one, ())) for by in self.outcomes.values() for one in sent)

    @property
    def cases(self) -> int:
        """How many cases ended."""
        return sum(len(some) for by in self.outcomes.values() for some in by.values())

    def figure(self, name: str) -> ReviewFigure:
        """The figure of this name; an empty one where there is nothing to count."""
        return self.figures.get(name, ReviewFigure(name))


REVIEW: TypeAdapter[Review] = TypeAdapter(Review)


def last_week(company: ConnectedCompany, now: datetime) -> date:
    """The Monday of the last whole week, in the company's zone."""
    return cash.monday(company.today(now)) - WEEK


def keep(conn: Connection, made: Review, now: datetime) -> None:
    """Keep it for later comparison, in place of an earlier one of the same week."""
    body = REVIEW.dump_python(made, mode="json")
    reviewing.keep(conn, made.realm, made.week, body, now)


def shown(conn: Connection, realm: str, week: str) -> tuple[Review, ...]:
    """The kept review of this week (its Monday as an ISO date) after those of the weeks before.

    Empty if it is not kept.
    """
    found = _kept(conn, realm, date.fromisoformat(week) + WEEK, WEEKS_SHOWN)
    return found if found and found[-1].week.isoformat() == week else ()


def latest(conn: Connection, realm: str) -> tuple[Review, ...]:
    """The last reviews that were kept, the oldest first."""
    return _kept(conn, realm, date.max, WEEKS_SHOWN)


def _kept(conn: Connection, realm: str, until: date, most: int) -> tuple[Review, ...]:
    return tuple(REVIEW.validate_python(b) for _, b in reviewing.kept(conn, realm, until, most))


def every_case(this: Review) -> list[str]:
    """Every case that a review names, in order."""
    named = {case for one in this.figures.values() for case in one.cases}
    named |= {case for by in this.outcomes.values() for some in by.values() for case in some}
    return sorted(named, key=int)


def customers(
    conn: Connection, this: Review, cases: Sequence[str]
) -> tuple[dict[str, str], dict[str, datetime]]:
    """Case → the name of its customer (outside text), and when it ended, for some of its cases."""
    return reviewing.customers_of(conn, this.realm, cases)
