"""People, posts, channels, events, the agenda and companies: small rows with one rule each."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import select

from jobs.store import companies, outbox, people, work
from jobs.store.database.engine import Database
from jobs.store.database.tables import events as events_table
from jobs.store.database.tables import messages, schedule
from jobs.store.intake import events
from jobs.store.intake.events import Notice
from jobs.store.outbox import FIRST, PACE, MessageKind
from jobs.store.people import STALE
from tests.jobs.store.record import NOW, REALM, case, company, race

SECOND = timedelta(seconds=1)


def test_a_person_is_known_for_a_quarter_of_an_hour(database: Database) -> None:
    """Older knowledge refuses a click: rights may have gone since."""
    with database.writing() as conn:
        people.put_user(conn, "ULEAD1", "Lena Lead", "", NOW)
        found = people.person(conn, "ULEAD1")
    assert found is not None
    assert (found.name, found.trouble) == ("Lena Lead", "")
    assert found.known(NOW + STALE)
    assert not found.known(NOW + STALE + SECOND)


def test_a_person_nobody_looked_up_is_not_known(database: Database) -> None:
    """Asked for is not known; a group is no person."""
    with database.writing() as conn:
        people.want(conn, ["ULEAD1"], "user", NOW)
        people.put_group(conn, "SLEADS", ["ULEAD1"], NOW)
        assert people.person(conn, "ULEAD1") is None
        assert people.person(conn, "SLEADS") is None
        assert people.names(conn) == {}


def test_a_stale_group_is_empty(database: Database) -> None:
    """Who left the group must not keep the right because Slack was away."""
    with database.writing() as conn:
        people.put_group(conn, "SLEADS", ["ULEAD1", "ULEAD2"], NOW)
        people.put_group(conn, "SOLD", ["UGUEST"], NOW - STALE - SECOND)
        people.want(conn, ["SNEW"], "group", NOW)
        assert people.groups(conn, NOW) == {"SLEADS": frozenset({"ULEAD1", "ULEAD2"})}
        assert people.groups(conn, NOW + STALE + SECOND) == {}


def test_a_look_up_answers_a_wish(database: Database) -> None:
    """Wished once or often, it is done once; a new wish keeps what is known."""
    with database.writing() as conn:
        people.want(conn, ["ULEAD1", "ULEAD1"], "user", NOW)
        people.want(conn, ["SLEADS"], "group", NOW)
        assert sorted(people.wanted(conn)) == [("SLEADS", "group"), ("ULEAD1", "user")]
        people.put_user(conn, "ULEAD1", "Lena", "is a guest", NOW)
        assert people.wanted(conn) == [("SLEADS", "group")]
        people.want(conn, ["ULEAD1"], "user", NOW)
        known = people.person(conn, "ULEAD1")
    assert known is not None
    assert known.trouble == "is a guest"


def test_everything_is_said_once(database: Database) -> None:
    """A repeated step posts no second card, line or notice; its first words stay."""
    company(database)
    ours = case(database)
    with database.writing() as conn:
        channel = companies.need(conn, REALM)
        for who in ("first", "second"):
            outbox.card(conn, REALM, "C1", ours.id, Decimal(5), True, NOW)
            outbox.say(conn, ours, MessageKind.DECIDED, "approved:1", {"by": who}, NOW)
            outbox.say(conn, channel, MessageKind.PAUSED, "paused", {"by": who}, NOW)
        outbox.say(conn, ours, MessageKind.DECIDED, "approved:2", {"by": "another"}, NOW)
        rows = conn.execute(select(messages).order_by(messages.c.id)).all()
    assert [row.kind for row in rows] == ["card", "thread", "notice", "thread"]
    assert [row.body for row in rows[1:]] == [
        {"kind": "decided", "data": {"by": "first"}},
        {"kind": "paused", "data": {"by": "first"}},
        {"kind": "decided", "data": {"by": "another"}},
    ]
    assert {row.due_at for row in rows} == {NOW}
    assert [row.rank for row in rows] == [Decimal(5), Decimal(0), FIRST, Decimal(0)]
    assert rows[0].with_draft


def test_an_event_is_stored_once(database: Database) -> None:
    """A webhook that is delivered again adds nothing; another source has numbers of its own."""
    first = Notice("webhook", "e1", REALM, "Invoice", "742", "Update", NOW)
    second = Notice("cdc", "e1", REALM, "Invoice", "742", "Update", None)

    def deliver(_number: int) -> int:
        with database.writing() as conn:
            return events.store(conn, [first, second, first], NOW)

    assert sum(race(8, deliver)) == 2
    with database.writing() as conn:
        assert len(work.claim(conn, events_table, NOW, 9)) == 2


def test_events_of_one_kind_are_taken_along(database: Database) -> None:
    """Those due and those claimed in the same moment; others, merges and failures stay."""
    made = [Notice("webhook", f"e{n}", REALM, "Invoice", f"{n}", "Update", NOW) for n in range(6)]
    made.append(Notice("webhook", "merge", REALM, "Invoice", "9", "Merge", NOW, deleted_id="8"))
    made.append(Notice("webhook", "other", REALM, "Payment", "9", "Update", NOW))
    with database.writing() as conn:
        events.store(conn, made, NOW)
        failed = events_table.c.event_id == "e5"
        conn.execute(events_table.update().where(failed).values(last_error="refused"))
        leader, sibling = work.claim(conn, events_table, NOW, 2)
        along = events.take_along(conn, leader, NOW, 99)
    assert sorted(c.row.event_id for c in along) == ["e1", "e2", "e3", "e4"]
    with database.writing() as conn:
        assert not work.renew(conn, sibling, NOW)
        assert all(work.settle(conn, each, None) for each in (leader, *along))
        assert len(work.claim(conn, events_table, NOW, 9)) == 3


def test_a_channel_takes_one_message_a_second(database: Database) -> None:
    """Eight that post at once get eight different seconds, none before now."""

    def reserve(_number: int) -> datetime:
        with database.writing() as conn:
            taken, begins = outbox.reserve(conn, "C1", NOW, timedelta(minutes=1))
            assert taken
            return begins

    assert sorted(race(8, reserve)) == [NOW + n * PACE for n in range(8)]


def test_a_second_too_far_away_is_not_taken(database: Database) -> None:
    """Who cannot wait is told when to come again, and the second stays free."""
    with database.writing() as conn:
        assert outbox.reserve(conn, "C1", NOW, timedelta(0)) == (True, NOW)
        assert outbox.reserve(conn, "C1", NOW, timedelta(0)) == (False, NOW + PACE)
        assert outbox.reserve(conn, "C1", NOW + PACE, timedelta(0)) == (True, NOW + PACE)
        assert outbox.reserve(conn, "C2", NOW, timedelta(0)) == (True, NOW)


def test_a_channel_is_closed_while_slack_says_so(database: Database) -> None:
    """A 429 moves the next post; an earlier time never moves it back."""
    until = NOW + timedelta(seconds=30)
    with database.writing() as conn:
        outbox.close_until(conn, "C1", until)
        outbox.close_until(conn, "C1", NOW)
        assert outbox.reserve(conn, "C1", NOW, SECOND) == (False, until)


def test_the_agenda_has_a_row_per_company_and_kind(database: Database) -> None:
    """Planned twice it is one; hurried it is due now; other companies are left alone."""
    later = NOW + timedelta(hours=8)
    with database.writing() as conn:
        assert work.ensure(conn, REALM, "sweep", later)
        assert not work.ensure(conn, REALM, "sweep", NOW)
        assert work.ensure(conn, work.EVERYBODY, "people", later)
        assert work.claim(conn, schedule, NOW, 9) == []
        work.hurry(conn, REALM, "sweep", NOW)
        work.hurry(conn, "another", "sweep", NOW)
        found = work.claim(conn, schedule, NOW, 9)
    assert [claim.row.company for claim in found] == [REALM, "another"]


def test_a_company_is_read_as_it_is_run(database: Database) -> None:
    """Its own day, its mode, and what the rules may know of it."""
    company(database, zone="Pacific/Auckland", mode="shadow", book_close=date(2026, 9, 30))
    company(database, "2", channel="COTHER", connected_at=NOW + SECOND, status="reauth_required")
    with database.writing() as conn:
        ours = companies.need(conn, REALM)
        assert [c.realm for c in companies.all_of_them(conn)] == [REALM, "2"]
        assert companies.get(conn, "nobody") is None
        other = companies.in_channel(conn, "COTHER")
        companies.change(conn, REALM, mode="live", paused_at=NOW, paused_by="ULEAD1")
        changed = companies.need(conn, REALM)
    assert ours.today(datetime(2026, 10, 14, 12, tzinfo=UTC)) == date(2026, 10, 15)
    assert (ours.live, ours.connected, ours.as_fact().book_close) == (
        False,
        True,
        date(2026, 9, 30),
    )
    assert other is not None
    assert (other.realm, other.connected) == ("2", False)
    assert (changed.live, changed.paused_at, changed.paused_by) == (True, NOW, "ULEAD1")
