"""Owners whom the CRM names: who is to be asked about, and whose customers they are."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, select, update

from jobs.rules.findings import Context, Findings, Fresh, Owner
from jobs.rules.states import Stage
from jobs.store import assessments, managers, outbox, people
from jobs.store.assessments import Judgement
from jobs.store.cases import Case
from jobs.store.database.engine import Database
from jobs.store.database.tables import cases, messages
from tests.jobs.rules.world import facts
from tests.jobs.store.record import NOW, REALM, case, company

LONGEST = f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 53}.example"
AGO = timedelta(minutes=1)


def name_owner(conn: Connection, of: Case, email: str) -> None:
    """Judge a case whose customer has this owner in the CRM."""
    found = {"CRM": Findings(Fresh(NOW), owner=Owner("", email))}
    made = Judgement(Stage.REMINDER, (), context=Context(facts(), found))
    judged = assessments.put(conn, of.id, made, NOW)
    conn.execute(update(cases).where(cases.c.id == of.id).values(assessment=judged))


def test_owners_of_open_cases(database: Database) -> None:
    """Each is asked about once, whoever waits longest first; a right ends with the last case."""
    company(database)
    marc, mara = "marc@brassfern.example", "mara@brassfern.example"
    ours = {one: case(database, customer=one) for one in ("1", "2", "3", "4")}
    with database.writing() as conn:
        for one, email in (("1", marc), ("2", marc), ("3", mara), ("4", LONGEST)):
            name_owner(conn, ours[one], email)
            outbox.card(conn, REALM, "CFINANCE", ours[one].id, ours[one].row.rank, True, NOW)
        conn.execute(update(messages).values(due_at=None))
        assert managers.unread(conn, NOW) == [LONGEST, mara, marc]
        assert people.put_address(conn, marc, "UMARC", NOW - 14 * AGO)
        assert not people.put_address(conn, mara, "", NOW - 5 * AGO)
        assert people.put_address(conn, LONGEST, "UMARC", NOW - 4 * AGO)
        assert managers.unread(conn, NOW) == [marc, mara]
        assert managers.owned(conn, REALM, "UMARC", NOW) == {"1", "2", "4"}
        assert managers.owned(conn, "another", "UMARC", NOW) == frozenset()
        assert managers.owned(conn, REALM, "", NOW) == frozenset()
        assert managers.owned(conn, REALM, "UMARC", NOW + AGO) == {"4"}
        managers.redraw(conn, [marc], NOW)
        due = select(messages.c.case_id).where(messages.c.due_at.is_not(None))
        assert set(conn.scalars(due)) == {ours["1"].id, ours["2"].id}
        conn.execute(update(cases).where(cases.c.id == ours["4"].id).values(state="done"))
        assert managers.owned(conn, REALM, "UMARC", NOW) == {"1", "2"}
        assert LONGEST not in managers.unread(conn, NOW + 60 * AGO)
