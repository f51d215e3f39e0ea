"""Direct messages: the cases that an account manager is to look at, several in one message.

One message a day and person; what comes later the same day joins it, which notifies nobody. A case
stands in one message of a person at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, select, update

from jobs.rules.states import State
from jobs.store.cases import Case, of_row
from jobs.store.database.tables import cases, messages, shown_to
from jobs.store.database.upsert import insert_or_ignore, upsert

KIND = "asks"
"""The kind of message that lists cases for one person."""


def waiting(conn: Connection, company: str) -> list[Case]:
    """The waiting cases of a company that are no rehearsal, the most valuable first."""
    wanted = (cases.c.company == company) & (cases.c.state == State.WAITING) & ~cases.c.shadow
    rows = conn.execute(select(cases).where(wanted).order_by(cases.c.rank.desc(), cases.c.id))
    return [of_row(row) for row in rows]


def bring_to(
    conn: Connection, company: str, person: str, wanted: Sequence[Case], today: date, now: datetime
) -> bool:
    """Have these cases stand in a direct message to this person; False if they all do already.

    The first message of a day takes over what stands in older ones; those are drawn once more.
    """
    stands = _messages_of(conn, person, [case.id for case in wanted])
    if all(case.id in stands for case in wanted):
        return False
    message, first = _of_today(conn, company, person, today, now)
    moving = [case.id for case in wanted if first or case.id not in stands]
    rows = [{"case_id": id, "person": person, "message": message} for id in moving]
    upsert(conn, shown_to, rows)
    again = messages.c.id.in_({message, *(stands[id] for id in moving if id in stands)})
    conn.execute(update(messages).where(again).values(due_at=now))
    return True


def _messages_of(conn: Connection, person: str, ids: Sequence[str]) -> Mapping[str, str]:
    """Case id → the message of this person in which it stands."""
    theirs = (shown_to.c.person == person) & shown_to.c.case_id.in_(ids)
    query = select(shown_to.c.case_id, shown_to.c.message).where(theirs)
    return {row.case_id: row.message for row in conn.execute(query)}


def _of_today(
    conn: Connection, company: str, person: str, today: date, now: datetime
) -> tuple[str, bool]:
    """The id of this person's message of the day, and whether it is new."""
    key = f"{KIND}:{person}:{today}"
    row: dict[str, Any] = {"company": company, "kind": KIND, "dedupe": key, "person": person}
    row |= {"channel": "", "made_at": now, "due_at": now, "rank": Decimal(0)}
    first = insert_or_ignore(conn, messages, row)
    found = conn.execute(select(messages.c.id).where(messages.c.dedupe == key)).scalar_one()
    return str(found), first


def cases_in(conn: Connection, message: str) -> list[Case]:
    """The cases that stand in a message, whatever became of them, the most valuable first."""
    query = select(cases).join(shown_to, shown_to.c.case_id == cases.c.id)
    ordered = query.where(shown_to.c.message == message).order_by(cases.c.rank.desc(), cases.c.id)
    return [of_row(row) for row in conn.execute(ordered)]
