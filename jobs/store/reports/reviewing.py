"""What a review of a period rests on: how cases ended, who decided, and what came to light later.

Periods are half open: `since` belongs to one, `until` to the next. Tens of thousands of cases may
have ended in one, so what can be long is read in pages: the next ones after the id `after`, in the
order of ids, and an empty page at the end.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Select, Text, func, select, type_coerce

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
    customers,
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
from jobs.store.database.upsert import runs, upsert

PAGE = 500
"""Cases at once where each brings its letter."""
SMALL_ROWS = 5_000
"""Rows at once of a few short columns: each page looks through the whole period."""
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
    closed_at: datetime
    currency: str
    asked: Decimal
    language: str
    author: str
    """Who wrote the text of the last letter: a model and its prompt, "template", or a person."""
    edited: bool
    policy: str
    prompt: str
    model: str
    carded_at: datetime | None
    """When its card came up."""
    decided_at: datetime | None
    """When somebody first decided something about it, also before the period."""


FIRST_WORD = frozenset({"approve", "reject", "was_paid", "hold", "takeover", "edit", "snooze"})
"""What counts as somebody's first decision about a card."""
OF_CASES = (
    *("id", "customer", "stage", "state", "shadow", "closed_at", "currency"),
    "lapses_at",
)


def ended(
    conn: Connection, company: str, since: datetime, until: datetime, after: str
) -> list[EndedCase]:
    """The next cases that ended in this period."""
    some = cases.alias()
    these = (
        select(some.c.id)
        .where(some.c.company == company, _within(some.c.closed_at, since, until))
        .where(some.c.id > after)
        .order_by(some.c.id)
        .limit(PAGE)  # chosen first, so that a page joins only its own cases
    )
    first = (
        select(func.min(decisions.c.at))
        .where(decisions.c.case_id == cases.c.id, decisions.c.kind.in_(FIRST_WORD))
        .scalar_subquery()
    )
    query: Select[Any] = (
        select(
            *(cases.c[name] for name in OF_CASES),
            *(assessments.c[name] for name in ("class", "policy_sha256", "prompt", "model")),
            *(drafts.c[name] for name in ("letter", "author", "edited_by")),
            messages.c.made_at.label("carded_at"),
            first.label("decided_at"),
        )
        .select_from(cases)
        .outerjoin(assessments, assessments.c.id == cases.c.assessment)
        .outerjoin(drafts, drafts.c.id == cases.c.draft)
        .outerjoin(messages, (messages.c.case_id == cases.c.id) & (messages.c.kind == "card"))
        .where(cases.c.id.in_(these))
        .order_by(cases.c.id)
    )
    return [_ended(row) for row in conn.execute(query)]


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
        closed_at=row.closed_at,
        currency=row.currency,
        asked=sum(asked, Decimal(0)),
        language=letter.get("language", ""),
        author=row.author or "",
        edited=bool(row.edited_by),
        policy=row.policy_sha256 or "",
        prompt=row.prompt or "",
        model=row.model or "",
        carded_at=row.carded_at,
        decided_at=row.decided_at,
    )


def _within(at: ColumnElement[Any], since: datetime, until: datetime) -> ColumnElement[bool]:
    return (at >= since) & (at < until)


def _page(
    conn: Connection, query: Select[Any], id: ColumnElement[Any], after: str, most: int
) -> Sequence[Row[Any]]:
    return conn.execute(query.where(id > after).order_by(id).limit(most)).all()


class PastDecision(NamedTuple):
    """A decision of the period, a person's or the program's own."""

    id: str
    case: str
    customer: str
    kind: str
    actor: str
    at: datetime
    reason: str


def decided(
    conn: Connection, company: str, since: datetime, until: datetime, after: str
) -> list[PastDecision]:
    """The next decisions of this period."""
    names = ("kind", "actor", "at", "reason")
    query = (
        select(
            decisions.c.id,
            decisions.c.case_id,
            cases.c.customer,
            *(decisions.c[name] for name in names),
        )
        .join(cases, cases.c.id == decisions.c.case_id)
        .where(cases.c.company == company, _within(decisions.c.at, since, until))
    )
    return [
        PastDecision._make(row) for row in _page(conn, query, decisions.c.id, after, SMALL_ROWS)
    ]


class RewrittenCase(NamedTuple):
    """A text that was sent after a person had changed it: what they saw of ours, and what went."""

    id: str
    """That of its case."""
    before: str
    after: str
    author: str
    """Who wrote what they saw: a model and its prompt, or "template"."""


def rewritten(
    conn: Connection, company: str, since: datetime, until: datetime, after: str
) -> list[RewrittenCase]:
    """The next messages that went in this period in a person's words."""
    ours, some = drafts.alias(), drafts.alias()
    seen = (
        select(func.max(some.c.version))
        .where(some.c.case_id == cases.c.id, some.c.edited_by == "")
        .where(some.c.version < drafts.c.version)
        .scalar_subquery()
    )
    query = (
        select(cases.c.id, ours.c.letter.label("seen"), drafts.c.letter, ours.c.author)
        .select_from(cases)
        .join(drafts, (drafts.c.id == cases.c.draft) & (drafts.c.edited_by != ""))
        .join(ours, (ours.c.case_id == cases.c.id) & (ours.c.version == seen))
        .where(cases.c.company == company, cases.c.state.in_(SENT))
        .where(_within(cases.c.closed_at, since, until))
    )
    return [
        RewrittenCase(row.id, _body(row.seen), _body(row.letter), row.author)
        for row in _page(conn, query, cases.c.id, after, PAGE)
    ]


def _body(letter: str) -> str:
    return str(json.loads(letter)["body"])


class Later(NamedTuple):
    """Something that came to light; `invoice` is empty if it is about all of a customer's."""

    customer: str
    invoice: str
    at: datetime
    what: str
    """ "dispute", "credit_memo", "ticket", "reply", "takeover" or "broken_promise"."""


def later(conn: Connection, company: str, since: datetime, until: datetime) -> list[Later]:
    """What came to light in this period that a routine reminder should not have met.

    Credit memos and manual takeovers come besides: see `credited` and `decided`.
    """
    period = (conn, company, since, until)
    return [*_disputes(*period), *_answers(*period), *_tickets(*period), *_broken(*period)]


OBJECTIONS = frozenset({"dispute", "hardship"})
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


def _broken(conn: Connection, company: str, since: datetime, until: datetime) -> list[Later]:
    query = (
        select(promises.c.customer, promised_invoices.c.invoice, promises.c.ended_at)
        .join(promised_invoices, promised_invoices.c.promise == promises.c.id)
        .where(promises.c.company == company, promises.c.state == PromiseState.BROKEN)
        .where(_within(promises.c.ended_at, since, until))
    )
    return [Later(*row, "broken_promise") for row in conn.execute(query)]


def credited(
    conn: Connection, company: str, some: Sequence[str], since: datetime, until: datetime
) -> list[Later]:
    """Those of these customers of whom a credit memo came to light, once for each memo."""
    known = select(cases.c.customer, assessments.c.made_at, assessments.c.evidence)
    theirs = known.join(cases, cases.c.id == assessments.c.case_id).where(
        cases.c.company == company, cases.c.customer.in_(some), assessments.c.made_at < until
    )
    first: dict[tuple[str, str], datetime] = {}
    rows = theirs.where(judgements.counts("credit_memo:")).order_by(assessments.c.id)
    for row in conn.execute(rows):
        for memo in (one["id"] for one in row.evidence if one["kind"] == "credit_memo"):
            first.setdefault((row.customer, memo), row.made_at)
    return [
        Later(customer, "", at, "credit_memo") for (customer, _), at in first.items() if since <= at
    ]


class RoutineCase(NamedTuple):
    """A routine reminder that went, and the invoices in it."""

    id: str
    customer: str
    sent_at: datetime
    invoices: frozenset[str]


def routine(
    conn: Connection, company: str, since: datetime, until: datetime, after: str
) -> list[RoutineCase]:
    """The next routine reminders that went in this period."""
    query = (
        select(cases.c.id, cases.c.customer, cases.c.closed_at)
        .join(assessments, assessments.c.id == cases.c.assessment)
        .where(cases.c.company == company, cases.c.state.in_(SENT))
        .where(assessments.c["class"] == CaseClass.ROUTINE_REMINDER)
        .where(_within(cases.c.closed_at, since, until))
    )
    rows = _page(conn, query, cases.c.id, after, SMALL_ROWS)
    about: dict[str, set[str]] = {row.id: set() for row in rows}
    columns = (case_invoices.c.case_id, case_invoices.c.invoice)
    for one in conn.execute(select(*columns).where(case_invoices.c.case_id.in_(about))):
        about[one.case_id].add(one.invoice)
    return [
        RoutineCase(row.id, row.customer, row.closed_at, frozenset(about[row.id])) for row in rows
    ]


class Paid(NamedTuple):
    """An invoice that was paid; `sent_at` and `case` are those of our last message about it."""

    id: str
    currency: str
    total: Decimal
    due: date
    at: datetime
    case: str | None
    sent_at: datetime | None


def paid(
    conn: Connection, company: str, since: datetime, until: datetime, after: str
) -> list[Paid]:
    """The next invoices that were first read as paid in this period."""
    mine = cases.alias()
    sent = mine.c.state.in_(SENT) & (mine.c.closed_at <= invoices.c.settled_at)
    about = (case_invoices.c.company == company) & (case_invoices.c.invoice == invoices.c.id)
    last = (
        select(func.max(mine.c.id))
        .join(case_invoices, case_invoices.c.case_id == mine.c.id)
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
    return [Paid._make(row) for row in _page(conn, query, invoices.c.id, after, SMALL_ROWS)]


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


class HeldInvoice(NamedTuple):
    """An open invoice on hold: since when, and the last case about its customer in its currency."""

    kind: HoldKind
    since: datetime
    invoice: str
    currency: str
    open: Decimal
    case: str


def held(conn: Connection, company: str) -> list[HeldInvoice]:
    """The open invoices that are on hold now, those held longest first; a hold of a whole customer
    holds all of its invoices. One without any case is none of ours."""
    named = (holds.c.invoice == invoices.c.id) | (holds.c.invoice == "")
    about = (invoices.c.company == holds.c.company) & (invoices.c.customer == holds.c.customer)
    theirs = (cases.c.company == holds.c.company) & (cases.c.customer == holds.c.customer)
    last = (
        select(func.max(cases.c.id))
        .where(theirs, cases.c.currency == invoices.c.currency)
        .scalar_subquery()
    )
    columns = (holds.c.kind, holds.c.set_at, invoices.c.id, invoices.c.currency, invoices.c.open)
    query = (
        select(*columns, last.label("case"))
        .join(invoices, about & named)
        .where(holds.c.company == company, holds.c.lifted_at.is_(None))
        .where(invoices.c.status == InvoiceStatus.OPEN, last.is_not(None))
        .order_by(holds.c.set_at, holds.c.id, invoices.c.id)
    )
    rows = conn.execute(query)
    return [HeldInvoice(HoldKind(kind), *rest) for kind, *rest in rows]


def _stops(rulings: tuple[Ruling, ...]) -> tuple[str, ...]:
    return tuple(one.rule for one in rulings if one.kind in (Kind.STOP, Kind.NEVER))


def _open_in(conn: Connection, wanted: ColumnElement[bool]) -> dict[str, Decimal]:
    same = (invoices.c.company == case_invoices.c.company) & (
        invoices.c.id == case_invoices.c.invoice
    )
    query = (
        select(cases.c.id, func.sum(invoices.c.open).label("open"))
        .join(case_invoices, case_invoices.c.case_id == cases.c.id)
        .join(invoices, same & (invoices.c.status == InvoiceStatus.OPEN))
        .where(wanted)
        .group_by(cases.c.id)
    )
    return {row.id: row.open for row in conn.execute(query)}


def forecast_weeks(conn: Connection, company: str, until: date) -> list[date]:
    """The weeks before this day (Mondays) whose outlook is kept, the newest first."""
    wanted = (forecasts.c.company == company) & (forecasts.c.week < until)
    return list(
        conn.scalars(select(forecasts.c.week).where(wanted).order_by(forecasts.c.week.desc()))
    )


def forecast_of(conn: Connection, company: str, week: date) -> str:
    """What the outlook of a week rested on when the week began, as JSON: it may be large."""
    ours = (forecasts.c.company == company) & (forecasts.c.week == week)
    query = select(type_coerce(forecasts.c.opening, Text)).where(ours)
    return str(conn.execute(query).scalar_one())


def notice_key(company: str, week: date) -> str:
    """The key of the message with the review of the week that began on this Monday."""
    return f"review:{company}:{week}"


def wording_key(fingerprint: str) -> str:
    """The key of the line below it about a proposed change of a text."""
    return f"wording:{fingerprint}"


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


def customers_of(
    conn: Connection, company: str, ids: Sequence[str]
) -> tuple[dict[str, str], dict[str, datetime]]:
    """Case → the name of its customer (outside text), and when it ended."""
    same = (customers.c.company == cases.c.company) & (customers.c.id == cases.c.customer)
    query = select(cases.c.id, cases.c.closed_at, customers.c.name).outerjoin_from(
        cases, customers, same
    )
    names, closed = {}, {}
    for some in runs(ids):
        for row in conn.execute(query.where(cases.c.company == company, cases.c.id.in_(some))):
            names[row.id] = row.name or ""
            if row.closed_at:
                closed[row.id] = row.closed_at
    return names, closed
