"""What finance leads say in Slack about a customer: marks, and who it is in other systems.

Both stand until a finance lead takes them back. A mark's review date only brings it back to their
attention.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from jobs.rules.plain import one_line
from jobs.rules.policy.sections import Mark
from jobs.store import people
from jobs.store.customers import managers
from jobs.store.database.tables import identities, marks, of_customer
from jobs.store.database.upsert import upsert


@dataclass(frozen=True)
class SlackMark:
    """A mark that stands; `review_on` is a date in the company's zone, or None."""

    id: str
    kind: str
    reason: str
    review_on: date | None
    set_by: str
    set_at: datetime


@dataclass(frozen=True)
class SaidInSlack:
    """What finance leads have said about a customer, and whom they named to look after it."""

    marks: tuple[SlackMark, ...]
    account_manager: str
    """A Slack user id, or empty."""
    known_as: frozenset[tuple[str, str]] = frozenset()
    """The name of a source, and the id of the customer's record there."""

    @property
    def fingerprint(self) -> str:
        """A hash (64 hex digits) of what stands, so that nobody changes what they have not seen."""
        stands = [[one.kind, str(one.review_on or ""), one.set_by] for one in self.marks]
        all_of_it = json.dumps([stands, self.account_manager, sorted(self.known_as)])
        return hashlib.sha256(all_of_it.encode()).hexdigest()


def said_about(conn: Connection, company: str, customer: str) -> SaidInSlack:
    """What stands for this customer now."""
    named = managers.named_in_slack(conn, company, customer)
    marked = standing(conn, company, customer)
    return SaidInSlack(marked, named, known_as(conn, company, customer))


def known_as(conn: Connection, company: str, customer: str) -> frozenset[tuple[str, str]]:
    """The records of other systems that a person said are this customer: source and id."""
    rows = conn.execute(_KNOWN_AS, {"company": company, "customer": customer})
    return frozenset((source, record) for source, record in rows)


_KNOWN_AS = select(identities.c.source, identities.c.record).where(of_customer(identities))


def identify(
    conn: Connection,
    company: str,
    customer: str,
    records: Collection[tuple[str, str]],
    by: str,
    now: datetime,
) -> None:
    """Say which records of other systems are this customer; nothing said before stands."""
    ours = (identities.c.company == company) & (identities.c.customer == customer)
    conn.execute(delete(identities).where(ours))
    row = {"company": company, "customer": customer, "set_by": by, "set_at": now}
    if records:
        found = [{**row, "source": source, "record": id} for source, id in sorted(records)]
        conn.execute(insert(identities), found)


def standing(conn: Connection, company: str, customer: str) -> tuple[SlackMark, ...]:
    """The marks of a customer that nobody has lifted, by kind."""
    rows = conn.execute(_STANDING, {"company": company, "customer": customer})
    return tuple(_of_row(row) for row in rows)


_STANDING = (
    select(marks).where(of_customer(marks), marks.c.lifted_at.is_(None)).order_by(marks.c.kind)
)


def as_rules_see(conn: Connection, company: str, customer: str) -> tuple[Mark, ...]:
    """The same as the rules take them: the source names the person who set each."""
    found = standing(conn, company, customer)
    names = people.names(conn) if found else {}
    return tuple(Mark(kind=one.kind, source=_source(one, names)) for one in found)


def _source(one: SlackMark, names: Mapping[str, str]) -> str:
    who = one_line(names.get(one.set_by, ""), 60) or "a finance lead"
    why = one_line(one.reason, 100)
    return f"{who} in Slack" + (f" (“{why}”)" if why else "")


def change(
    conn: Connection,
    company: str,
    customer: str,
    wanted: Mapping[str, date | None],
    reason: str,
    by: str,
    now: datetime,
) -> tuple[list[str], list[str]]:
    """Have exactly these kinds stand, each with its review date; returns those set and lifted.

    A kind that stands keeps who set it and why; only its review date may change.
    """
    before = {one.kind: one for one in standing(conn, company, customer)}
    lifted = sorted(before.keys() - wanted.keys())
    _lift(conn, [before[kind].id for kind in lifted], by, now)
    for kind, review_on in wanted.items():
        if kind in before:
            ours = marks.c.id == before[kind].id
            conn.execute(update(marks).where(ours).values(review_on=review_on))
    new = sorted(wanted.keys() - before.keys())
    row = {"company": company, "customer": customer, "reason": reason, "set_by": by, "set_at": now}
    if new:
        conn.execute(
            insert(marks), [{**row, "kind": kind, "review_on": wanted[kind]} for kind in new]
        )
    return new, lifted


def _lift(conn: Connection, ids: Iterable[str], by: str, now: datetime) -> None:
    wanted = marks.c.id.in_(list(ids))
    conn.execute(update(marks).where(wanted).values(lifted_by=by, lifted_at=now))


def inherit(conn: Connection, company: str, loser: str, survivor: str) -> None:
    """Two customers were merged: what stands for `loser` passes to `survivor`."""
    theirs_now = select(marks.c.kind).where(_standing(company), marks.c.customer == survivor)
    kinds = set(conn.scalars(theirs_now))
    passing = _standing(company) & (marks.c.customer == loser) & marks.c.kind.not_in(kinds)
    conn.execute(update(marks).where(passing).values(customer=survivor))
    theirs = (identities.c.company == company) & (identities.c.customer == loser)
    rows = conn.execute(select(identities).where(theirs)).mappings().all()
    upsert(conn, identities, [{**row, "customer": survivor} for row in rows])


def to_review(
    conn: Connection, company: str, today: date, customers: Collection[str] | None = None
) -> Sequence[Row[Any]]:
    """The standing marks whose review date has come, the oldest first; None is everybody."""
    wanted = _standing(company) & (marks.c.review_on <= today)
    if customers is not None:
        wanted &= marks.c.customer.in_(customers)
    return conn.execute(select(marks).where(wanted).order_by(marks.c.review_on, marks.c.id)).all()


def _standing(company: str) -> ColumnElement[bool]:
    return (marks.c.company == company) & marks.c.lifted_at.is_(None)


def _of_row(row: Row[Any]) -> SlackMark:
    return SlackMark(row.id, row.kind, row.reason, row.review_on, row.set_by, row.set_at)
