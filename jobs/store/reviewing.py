"""What a review of a period rests on: how cases ended, who decided, and what came to light later.

Periods are half open: `since` belongs to one, `until` to the next. Tens of thousands of cases may
have ended in one, so they are read as a stream, without facts and evidence.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select

from jobs.rules.facts.facts import InvoiceStatus
from jobs.rules.facts.past import HoldKind
from jobs.rules.promises import PromiseState
from jobs.rules.rulings import Kind, Ruling
from jobs.rules.states import CaseClass, Stage, State
from jobs.store import assessments as judgements
from jobs.store import cases as case_store
from jobs.store.database.tables import (
    assessments,
    case_invoices,
    cases,
    decisions,
    drafts,
    forecasts,
    heard_texts,
    holds,
    invoices,
    messages,
    promised_invoices,
    promises,
    replies,
    reviews,
)
from jobs.store.database.upsert import upsert

AT_ONCE = 500
"""How many rows of a stream are fetched together."""
SENT = (State.SENT, State.DONE)


@dataclass(frozen=True, slots=True)
class EndedCase:
    """A case that ended, as a review counts it; `asked` is what its last letter asked for."""

    id: str
    customer: str
    class_: CaseClass | None
    stage: Stage
    state: State
    shadow: bool
    rehearsed: bool
    """A shadow case that was approved: it would have been sent."""
    opened_at: datetime
    closed_at: datetime
    currency: str
    asked: Decimal
    language: str
    edited: bool
    """Whether a person wrote the text of the last letter."""
    policy: str
    prompt: str
    model: str
    carded_at: datetime | None
    """When its card came up."""


def ended(conn: Connection, company: str, since: datetime, until: datetime) -> Iterator[EndedCase]:
    """The cases that ended in this period, by id."""
    named = ("class", "policy_sha256", "prompt", "model")
    query = (
        select(
            cases,
            *(assessments.c[name] for name in named),
            drafts.c.letter,
            drafts.c.edited_by,
            messages.c.made_at.label("carded_at"),
        )
        .select_from(cases)
        .outerjoin(assessments, assessments.c.id == cases.c.assessment)
        .outerjoin(drafts, drafts.c.id == cases.c.draft)
        .outerjoin(messages, (messages.c.case_id == cases.c.id) & (messages.c.kind == "card"))
        .where(cases.c.company == company, _within(cases.c.closed_at, since, until))
        .order_by(cases.c.id)
    )
    for row in _streamed(conn, query):
        yield _ended(row)


NO_LETTER: dict[str, Any] = {"invoices": [], "language": ""}


def _ended(row: Row[Any]) -> EndedCase:
    letter: dict[str, Any] = json.loads(row.letter) if row.letter else NO_LETTER
    asked = (Decimal(one["open"]["amount"]) for one in letter["invoices"])
    class_ = row._mapping["class"]
    return EndedCase(
        id=row.id,
        customer=row.customer,
        class_=CaseClass(class_) if class_ else None,
        stage=Stage(row.stage),
        state=State(row.state),
        shadow=row.shadow,
        rehearsed=row.shadow and row.state == State.CANCELLED and row.lapses_at is not None,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        currency=row.currency,
        asked=sum(asked, Decimal(0)),
        language=letter.get("language", ""),
        edited=bool(row.edited_by),
        policy=row.policy_sha256 or "",
        prompt=row.prompt or "",
        model=row.model or "",
        carded_at=row.carded_at,
    )


def _within(at: ColumnElement[Any], since: datetime, until: datetime) -> ColumnElement[bool]:
    return (at >= since) & (at < until)


def _streamed(conn: Connection, query: Select[Any]) -> Iterator[Row[Any]]:
    with conn.execution_options(yield_per=AT_ONCE).execute(query) as rows:
        yield from rows


class Decided(NamedTuple):
    """A decision of the period, a person's or the program's own."""

    case: str
    kind: str
    actor: str
    at: datetime
    reason: str


def decided(conn: Connection, company: str, since: datetime, until: datetime) -> Iterator[Decided]:
    """Every decision of this period, in order."""
    names = ("case_id", "kind", "actor", "at", "reason")
    query = (
        select(*(decisions.c[name] for name in names))
        .join(cases, cases.c.id == decisions.c.case_id)
        .where(cases.c.company == company, _within(decisions.c.at, since, until))
        .order_by(decisions.c.id)
    )
    return (Decided._make(row) for row in _streamed(conn, query))


class Rewritten(NamedTuple):
    """A text that was sent after a person had changed it: what we wrote, and what went."""

    case: str
    before: str
    after: str
    author: str
    """Who wrote the first text: a model and its prompt, or "template"."""


def rewritten(
    conn: Connection, company: str, since: datetime, until: datetime
) -> Iterator[Rewritten]:
    """The messages that went in this period in a person's words, by case."""
    ours = drafts.alias()
    first = (
        select(func.min(ours.c.version))
        .where(ours.c.case_id == cases.c.id, ours.c.edited_by == "")
        .scalar_subquery()
    )
    query = (
        select(cases.c.id, ours.c.letter.label("first"), drafts.c.letter, ours.c.author)
        .select_from(cases)
        .join(drafts, (drafts.c.id == cases.c.draft) & (drafts.c.edited_by != ""))
        .join(ours, (ours.c.case_id == cases.c.id) & (ours.c.version == first))
        .where(cases.c.company == company, cases.c.state.in_(SENT))
        .where(_within(cases.c.closed_at, since, until))
        .order_by(cases.c.id)
    )
    for row in _streamed(conn, query):
        before, after = (json.loads(letter)["body"] for letter in (row.first, row.letter))
        yield Rewritten(row.id, before, after, row.author)


class Later(NamedTuple):
    """Something that came to light; `invoice` is empty if it is about all of a customer's."""

    customer: str
    invoice: str
    at: datetime
    what: str
    """ "dispute", "credit_memo", "ticket", "reply", "takeover" or "broken_promise"."""


def later(conn: Connection, company: str, since: datetime, until: datetime) -> list[Later]:
    """What came to light in this period that a routine reminder should not have met."""
    period = (company, since, until)
    return [
        *_disputes(conn, *period),
        *_answers(conn, *period),
        *_tickets(conn, *period),
        *_taken_over(conn, *period),
        *_broken(conn, *period),
        *_credited(conn, *period),
    ]


OBJECTIONS = frozenset({"dispute", "paid_claim", "hardship"})
"""What in a customer's mail or ticket says that a routine reminder was wrong."""


def _disputes(conn: Connection, company: str, since: datetime, until: datetime) -> list[Later]:
    wanted = (holds.c.company == company) & (holds.c.kind == HoldKind.DISPUTE)
    rows = conn.execute(select(holds).where(wanted, _within(holds.c.set_at, since, until)))
    return [Later(row.customer, row.invoice, row.set_at, "dispute") for row in rows]


def _answers(conn: Connection, company: str, since: datetime, until: datetime) -> list[Later]:
    wanted = (replies.c.company == company) & _within(replies.c.came_at, since, until)
    rows = conn.execute(select(replies).where(wanted))
    objecting = (row for row in rows if not OBJECTIONS.isdisjoint(row.stances))
    return [Later(row.customer, "", row.came_at, "reply") for row in objecting]


def _tickets(conn: Connection, company: str, since: datetime, until: datetime) -> list[Later]:
    wanted = (heard_texts.c.company == company) & (heard_texts.c.kind == "ticket")
    wanted &= _within(heard_texts.c.written_at, since, until)
    rows = conn.execute(select(heard_texts).where(wanted))
    objecting = (
        row for row in rows if not OBJECTIONS.isdisjoint(one["stance"] for one in row.readings)
    )
    return [Later(row.customer, "", row.written_at, "ticket") for row in objecting]


def _taken_over(conn: Connection, company: str, since: datetime, until: datetime) -> list[Later]:
    query = (
        select(cases.c.customer, decisions.c.at)
        .join(cases, cases.c.id == decisions.c.case_id)
        .where(cases.c.company == company, decisions.c.kind == "takeover")
        .where(_within(decisions.c.at, since, until))
    )
    return [Later(customer, "", at, "takeover") for customer, at in conn.execute(query)]


def _broken(conn: Connection, company: str, since: datetime, until: datetime) -> list[Later]:
    query = (
        select(promises.c.customer, promised_invoices.c.invoice, promises.c.ended_at)
        .join(promised_invoices, promised_invoices.c.promise == promises.c.id)
        .where(promises.c.company == company, promises.c.state == PromiseState.BROKEN)
        .where(_within(promises.c.ended_at, since, until))
    )
    return [Later(*row, "broken_promise") for row in conn.execute(query)]


def _credited(conn: Connection, company: str, since: datetime, until: datetime) -> list[Later]:
    """Customers of whom a credit memo was known for the first time."""
    memo = func.min(assessments.c.made_at)
    query = (
        select(cases.c.customer, memo)
        .join(cases, cases.c.id == assessments.c.case_id)
        .where(cases.c.company == company, judgements.counts("credit_memo:"))
        .group_by(cases.c.customer)
        .having(_within(memo, since, until))
    )
    return [Later(customer, "", at, "credit_memo") for customer, at in conn.execute(query)]


class RoutineCase(NamedTuple):
    """A routine reminder that went, and the invoices in it."""

    id: str
    customer: str
    sent_at: datetime
    invoices: frozenset[str]


def routine(conn: Connection, company: str, since: datetime, until: datetime) -> list[RoutineCase]:
    """The routine reminders that went in this period."""
    query = (
        select(cases.c.id, cases.c.customer, cases.c.closed_at, case_invoices.c.invoice)
        .join(assessments, assessments.c.id == cases.c.assessment)
        .join(case_invoices, case_invoices.c.case_id == cases.c.id)
        .where(cases.c.company == company, cases.c.state.in_(SENT))
        .where(assessments.c["class"] == CaseClass.ROUTINE_REMINDER)
        .where(_within(cases.c.closed_at, since, until))
        .order_by(cases.c.id)
    )
    found: dict[str, tuple[str, datetime, set[str]]] = {}
    for row in _streamed(conn, query):
        found.setdefault(row.id, (row.customer, row.closed_at, set()))[2].add(row.invoice)
    return [
        RoutineCase(id, customer, at, frozenset(some)) for id, (customer, at, some) in found.items()
    ]


class Paid(NamedTuple):
    """An invoice that was paid; `sent_at` and `case` are those of our last message about it."""

    invoice: str
    currency: str
    total: Decimal
    due: date
    at: datetime
    case: str | None
    sent_at: datetime | None


def paid(conn: Connection, company: str, since: datetime, until: datetime) -> list[Paid]:
    """The invoices that were first read as paid in this period."""
    sent = cases.c.state.in_(SENT) & (cases.c.closed_at <= invoices.c.settled_at)
    about = (case_invoices.c.company == company) & (case_invoices.c.invoice == invoices.c.id)
    last = (
        select(func.max(cases.c.id))
        .join(case_invoices, case_invoices.c.case_id == cases.c.id)
        .where(about, sent)
        .scalar_subquery()
    )
    names = ("id", "currency", "total", "due", "settled_at")
    query = (
        select(*(invoices.c[name] for name in names), cases.c.id, cases.c.closed_at)
        .select_from(invoices)
        .outerjoin(cases, cases.c.id == last)
        .where(invoices.c.company == company, invoices.c.status == InvoiceStatus.PAID)
        .where(_within(invoices.c.settled_at, since, until))
    )
    return [Paid._make(row) for row in conn.execute(query)]


def promises_ended(
    conn: Connection, company: str, since: datetime, until: datetime
) -> list[tuple[str, PromiseState]]:
    """Case and state of each promise that was kept or broken in this period."""
    over = promises.c.state.in_([PromiseState.KEPT, PromiseState.BROKEN])
    wanted = (promises.c.company == company) & over & _within(promises.c.ended_at, since, until)
    query = select(promises.c.case_id, promises.c.state).where(wanted).order_by(promises.c.id)
    return [(case, PromiseState(state)) for case, state in conn.execute(query)]


class StoppedCase(NamedTuple):
    """A case that waits without a draft, what is open of it, and the rules that stop it."""

    id: str
    opened_at: datetime
    currency: str
    open: Decimal
    rules: tuple[str, ...]


def stopped(conn: Connection, company: str) -> list[StoppedCase]:
    """What is stopped now, the oldest first."""
    waiting = (cases.c.company == company) & (cases.c.state == State.WAITING)
    rows = conn.execute(select(cases).where(waiting & cases.c.draft.is_(None)))
    found = sorted(map(case_store.of_row, rows), key=lambda case: (case.opened_at, int(case.id)))
    rulings, open_ = judgements.rulings(conn, found), _open_in(conn, waiting)
    return [
        StoppedCase(
            one.id,
            one.opened_at,
            one.currency,
            open_.get(one.id, Decimal(0)),
            _stops(rulings[one.id]),
        )
        for one in found
    ]


def _stops(rulings: tuple[Ruling, ...]) -> tuple[str, ...]:
    return tuple(one.rule for one in rulings if one.kind in (Kind.STOP, Kind.NEVER))


def _open_in(conn: Connection, wanted: ColumnElement[bool]) -> dict[str, Decimal]:
    same = (invoices.c.company == case_invoices.c.company) & (
        invoices.c.id == case_invoices.c.invoice
    )
    query = (
        select(cases.c.id, func.sum(invoices.c.open))
        .join(case_invoices, case_invoices.c.case_id == cases.c.id)
        .join(invoices, same & (invoices.c.status == InvoiceStatus.OPEN))
        .where(wanted)
        .group_by(cases.c.id)
    )
    return dict(conn.execute(query).tuples())


def oldest_hold(conn: Connection, company: str) -> datetime | None:
    """Since when the oldest hold in force stands."""
    standing = (holds.c.company == company) & holds.c.lifted_at.is_(None)
    return conn.execute(select(func.min(holds.c.set_at)).where(standing)).scalar()


def forecast_weeks(conn: Connection, company: str, until: date) -> list[date]:
    """The weeks before this day (Mondays) whose outlook is kept, the newest first."""
    wanted = (forecasts.c.company == company) & (forecasts.c.week < until)
    return list(
        conn.scalars(select(forecasts.c.week).where(wanted).order_by(forecasts.c.week.desc()))
    )


def forecast_of(conn: Connection, company: str, week: date) -> Any:
    """What the outlook of a week rested on when the week began, as it was kept."""
    ours = (forecasts.c.company == company) & (forecasts.c.week == week)
    return conn.execute(select(forecasts.c.opening).where(ours)).scalar_one()


def keep(conn: Connection, company: str, week: date, body: Any, now: datetime) -> None:
    """Keep the review of the week that began on this Monday, in place of an earlier one."""
    row = {"company": company, "week": week, "made_at": now, "body": body}
    upsert(conn, reviews, [row])


def kept(conn: Connection, company: str, until: date, most: int) -> list[tuple[date, Any]]:
    """The last `most` reviews of weeks that began before this day, the oldest first."""
    wanted = (reviews.c.company == company) & (reviews.c.week < until)
    query = select(reviews.c.week, reviews.c.body).where(wanted)
    rows = conn.execute(query.order_by(reviews.c.week.desc()).limit(most)).all()
    return [(week, body) for week, body in reversed(rows)]
