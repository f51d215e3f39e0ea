"""Owners whom the CRM names: who is to be asked about, and whose customers they are."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, select, update

from jobs.rules.facts.findings import Context, Findings, Fresh, Owner
from jobs.rules.states import Stage
from jobs.store import assessments, outbox, people
from jobs.store.assessments import Judgement
from jobs.store.cases import Case
from jobs.store.customers import managers, marks
from jobs.store.database.engine import Database
from jobs.store.database.tables import cases, messages
from tests.jobs.rules.world import facts, policy
from tests.jobs.store.record import NOW, REALM, case, company

LONGEST = f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 53}.example"
AGO = timedelta(minutes=1)
NOBODY = policy()


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
        assert managers.owned(conn, REALM, NOBODY, "UMARC", NOW) == {"1", "2", "4"}
        assert managers.owned(conn, "another", NOBODY, "UMARC", NOW) == frozenset()
        assert managers.owned(conn, REALM, NOBODY, "", NOW) == frozenset()
        assert managers.owned(conn, REALM, NOBODY, "UMARC", NOW + AGO) == {"4"}
        managers.redraw(conn, [marc], NOW)
        due = select(messages.c.case_id).where(messages.c.due_at.is_not(None))
        assert set(conn.scalars(due)) == {ours["1"].id, ours["2"].id}
        conn.execute(update(cases).where(cases.c.id == ours["4"].id).values(state="done"))
        assert managers.owned(conn, REALM, NOBODY, "UMARC", NOW) == {"1", "2"}
        assert LONGEST not in managers.unread(conn, NOW + 60 * AGO)


def test_a_person_named_in_slack(database: Database) -> None:
    """Counts before the policy file, for that customer of that company, until it is taken back."""
    company(database)
    file = policy('[[account_manager]]\nslack = "UFILE"\ncustomers = ["1", "2"]\n')
    with database.writing() as conn:
        managers.name(conn, REALM, "1", "UNAMED", "ULEAD1", NOW)
        assert managers.named_in_slack(conn, REALM, "1") == "UNAMED"
        assert managers.named_in_slack(conn, "another", "1") == ""
        assert managers.owned(conn, REALM, file, "UNAMED", NOW) == {"1"}
        assert managers.owned(conn, REALM, file, "UFILE", NOW) == {"2"}
        managers.name(conn, REALM, "9", "UOTHER", "ULEAD1", NOW)
        managers.inherit(conn, REALM, "1", "9")
        managers.inherit(conn, REALM, "1", "3")
        assert managers.everybody_named_in_slack(conn) == {"UNAMED", "UOTHER"}
        assert managers.owned(conn, REALM, file, "UNAMED", NOW) == {"3"}
        managers.name(conn, REALM, "3", "", "ULEAD1", NOW)
        assert managers.named_in_slack(conn, REALM, "3") == ""


def test_marks_of_a_customer(database: Database) -> None:
    """Exactly what is wanted stands; what stood keeps who set it; a merge passes marks on."""
    company(database)
    day = NOW.date()
    with database.writing() as conn:
        two = {"key_account": None, "do_not_chase": day}
        assert marks.change(conn, REALM, "1", two, "a lawsuit", "ULEAD1", NOW) == (
            ["do_not_chase", "key_account"],
            [],
        )
        later = {"do_not_chase": day + timedelta(days=1), "consumer": None}
        changed = marks.change(conn, REALM, "1", later, "", "ULEAD2", NOW)
        assert changed == (["consumer"], ["key_account"])
        found = marks.standing(conn, REALM, "1")
        assert [(one.kind, one.set_by, one.reason) for one in found] == [
            ("consumer", "ULEAD2", ""),
            ("do_not_chase", "ULEAD1", "a lawsuit"),
        ]
        assert not marks.to_review(conn, REALM, day)
        assert len(marks.to_review(conn, REALM, day + timedelta(days=1))) == 1
        marks.change(conn, REALM, "2", {"consumer": None}, "", "ULEAD1", NOW)
        marks.inherit(conn, REALM, "1", "2")
        assert [one.kind for one in marks.standing(conn, REALM, "1")] == ["consumer"]
        assert len(marks.standing(conn, REALM, "2")) == 2
        seen = marks.as_rules_see(conn, REALM, "2")
        assert seen[1].source == "a finance lead in Slack (“a lawsuit”)"
