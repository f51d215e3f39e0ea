"""The poll: what nobody told us is found within the hour, once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.event import listen

from jobs import opening
from jobs.rules.states import State
from jobs.store import work
from jobs.store.database.tables import crossings, events, invoices, schedule
from tests.jobs.house import House, books, customer, invoice
from tests.jobs.houses import OpenHouse
from tests.sandbox.faults import Kind
from tests.sandbox.quickbooks.books import Change

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
TWO = books(
    customer("1"),
    customer("2"),
    invoice("71", "1", "840.00", 12),
    invoice("72", "2", "60.00", 12),
)


def poll(house: House, **span: float) -> None:
    """An hour later, what is due by then."""
    house.time.later(**(span or {"hours": 1}))
    house.run("poll", "triage")


def polled(open_house: OpenHouse, content: Any = TWO) -> House:
    """A house that was swept and has had its first poll."""
    house = open_house(content)
    house.sweep()
    house.run("poll")
    return house


def due(house: House) -> Any:
    """When the next poll is due."""
    return house.rows(select(schedule.c.due_at).where(schedule.c.kind == "poll"))[0][0]


def reads(house: House) -> int:
    """How many metered reads QuickBooks has counted."""
    return house.outside.quickbooks.realms[house.realm].limits.reads


def test_connecting_begins_the_polls(open_house: OpenHouse) -> None:
    """The first one only sets the hour: the sweep reads what there is."""
    house = open_house(TWO)
    house.run("poll")
    assert house.cases() == []
    assert due(house) == house.now + HOUR
    assert house.company.changes_since is not None


def test_a_quiet_hour_costs_one_read(open_house: OpenHouse) -> None:
    """Where nothing happened, the poll asks once and writes nothing."""
    house = polled(open_house)
    poll(house)
    before, logged = reads(house), house.logged()
    poll(house)
    assert reads(house) == before + 1
    assert house.logged() == logged


def test_a_payment_that_nobody_told_is_found(open_house: OpenHouse) -> None:
    """Without any notification the case of a paid invoice ends within the hour."""
    house = polled(open_house)
    house.pay("71", "840.00")
    poll(house)
    assert house.case("1").state is State.CANCELLED
    assert house.view(house.case("1")).end_reason == "Invoice 171 was paid."
    assert house.case("2").state is State.WAITING


def test_what_the_overlap_repeats_is_acted_on_once(open_house: OpenHouse) -> None:
    """The next poll sees the same change again, in the overlap, and leaves it alone."""
    house = polled(open_house)
    house.time.later(minutes=55)
    house.credit("2", "10.00")
    poll(house, minutes=5)
    versions, before = house.versions(house.case("2")), reads(house)
    assert house.view(house.case("2")).facts.on_account.amount == 10
    poll(house)
    assert reads(house) == before + 1
    assert house.versions(house.case("2")) == versions


def test_what_was_notified_is_not_read_again(open_house: OpenHouse) -> None:
    """A change that an event has brought costs the poll nothing beyond its one question."""
    house = polled(open_house)
    house.time.later(minutes=10)
    house.notify(house.credit("2", "10.00"))
    before = reads(house)
    poll(house)
    assert reads(house) == before + 1


def test_a_lost_notification_of_a_new_invoice(open_house: OpenHouse) -> None:
    """An overdue invoice that somebody entered today opens a case without any event."""
    house = polled(open_house)
    house.change("Invoice", "72", DueDate=str(house.today + timedelta(days=9)))
    house.change("Invoice", "72", CustomerRef={"value": "1"}, DueDate="2026-11-01")
    poll(house)
    assert house.case("2").state is State.CANCELLED
    letter = house.view(house.case("1")).letter
    assert letter is not None
    assert sorted(i.id for i in letter.invoices) == ["71", "72"]


def test_what_was_deleted_is_gone(open_house: OpenHouse) -> None:
    """A deleted invoice ends its case; a deleted credit is counted no more."""
    house = polled(open_house)
    memo = house.credit("2", "60.00")
    poll(house)
    assert "covered_by_credits" in house.rules(house.case("2"))
    house.books.delete("Invoice", "71")
    house.books.delete("CreditMemo", memo.ident)
    poll(house)
    assert "was deleted in QuickBooks" in house.view(house.case("1")).end_reason
    assert "covered_by_credits" not in house.rules(house.case("2"))
    assert house.case("2").draft is not None


def test_many_deletions_are_one_look_at_the_cases(open_house: OpenHouse) -> None:
    """The open cases are searched once, however many payments and credits were deleted."""
    house = polled(open_house)
    credits = [house.credit("2", "20.00").ident for _ in range(3)]
    poll(house)
    assert "covered_by_credits" in house.rules(house.case("2"))
    for id in credits:
        house.books.delete("CreditMemo", id)
    said: list[str] = []
    listen(house.database.engine, "before_cursor_execute", lambda *a: said.append(a[2]))
    house.time.later(hours=1)
    house.run("poll")
    looks = [s for s in said if s.startswith("SELECT cases.customer, assessments.evidence")]
    assert len(looks) == 1
    house.run("triage")
    assert "covered_by_credits" not in house.rules(house.case("2"))


@pytest.mark.parametrize("deaths", [1, 3])
def test_a_poll_killed_before_all_have_crossed(
    open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch, deaths: int
) -> None:
    """What was mirrored is no news to the next poll; it lets it cross all the same."""
    late = [invoice(str(80 + n), "1", "10.00", 2) for n in range(5)]
    house = polled(open_house, books(customer("1"), customer("2"), *late))
    assert house.cases() == []
    monkeypatch.setattr("jobs.intake.crossing.CROSSINGS_A_CHUNK", 2)
    for n in range(5):
        house.books.edit("Invoice", str(80 + n), {"DueDate": f"{house.today - 9 * DAY}"})
    open_cases, calls = opening.open_cases, [0]

    def dying(*given: Any, **more: Any) -> str | None:
        calls[0] += 1
        if calls[0] == deaths:
            raise SystemExit("the process is killed")
        return open_cases(*given, **more)

    monkeypatch.setattr(opening, "open_cases", dying)
    house.time.later(hours=1)
    with pytest.raises(SystemExit):
        house.run("poll")
    assert len(house.rows(select(crossings))) == 2 * (deaths - 1)
    poll(house, seconds=31)  # the lease of the dead one ends
    assert len(house.rows(select(crossings))) == 5
    assert house.case("1").state is State.WAITING
    assert (
        "waiting" not in house.rows(select(schedule.c.body).where(schedule.c.kind == "poll"))[0][0]
    )


@pytest.mark.parametrize("kind", ["refuse", "reset", "status", "html", "garbage"])
def test_an_outage_is_caught_up(open_house: OpenHouse, kind: Kind) -> None:
    """Whatever happened while QuickBooks was away is found afterwards, from the old hour on."""
    house = polled(open_house)
    cursor = house.company.changes_since
    house.fault("quickbooks", "/cdc", kind, None, 502)
    house.pay("71", "840.00")
    poll(house)
    assert house.company.changes_since == cursor
    house.heal()
    poll(house, hours=6)
    assert house.case("1").state is State.CANCELLED


def test_five_failures_are_told_and_tried_again(open_house: OpenHouse) -> None:
    """A poll is never dropped: a person hears of it, and the next hour tries again."""
    house = polled(open_house)
    house.fault("quickbooks", "/cdc", "status", None, 500)
    for _ in range(8):
        poll(house, minutes=61)
    assert sum("could not be read after five tries" in text for text in house.said()) == 1
    house.heal()
    house.pay("71", "840.00")
    poll(house, hours=2)
    assert house.case("1").state is State.CANCELLED


def test_more_changes_than_an_answer_holds(open_house: OpenHouse) -> None:
    """Where the answer may have been cut, every kind is listed by the time of its change."""
    many = [invoice(str(1000 + n), "1", "10.00", -20) for n in range(1100)]
    house = polled(open_house, books(customer("1"), customer("2"), *many))
    for n in range(1100):
        house.books.edit("Invoice", str(1000 + n), {"DocNumber": f"A-{n}"})
    house.change("Invoice", "2099", DueDate="2026-11-01", TotalAmt="90.00")
    poll(house)
    assert [c.customer for c in house.cases()] == ["1"]
    numbers = house.rows(select(invoices.c.number))
    assert sum(row.number.startswith("A-") for row in numbers) == 1100


def crowded(open_house: OpenHouse) -> House:
    """A polled house in which one customer has more invoices than an answer holds."""
    many = [invoice(str(1000 + n), "2", "10.00", -20) for n in range(1100)]
    content = books(customer("1"), customer("2"), invoice("71", "1", "840.00", 12), *many)
    return polled(open_house, content)


def touch(house: House, kind: str, *ids: int) -> None:
    """Somebody edits so many records, and in none of them anything that matters."""
    for id in ids:
        house.books.edit(kind, str(id), {"Notes": "seen"})


def test_a_deletion_among_more_changes_than_an_answer_holds(open_house: OpenHouse) -> None:
    """The time that is asked about is halved until the deletions of the end of it come too."""
    house = crowded(open_house)
    house.time.later(minutes=5)
    touch(house, "Invoice", *range(1000, 2100))
    house.time.later(minutes=45)
    house.books.delete("Invoice", "71")
    poll(house, minutes=10)
    assert "was deleted in QuickBooks" in house.view(house.case("1")).end_reason


def test_a_deletion_before_more_changes_than_an_answer_holds(open_house: OpenHouse) -> None:
    """What no answer shows any more is found by the sweep that the poll asks for at once."""
    house = crowded(open_house)
    house.time.later(minutes=5)
    house.books.delete("Invoice", "71")
    house.time.later(minutes=50)
    touch(house, "Invoice", *range(1000, 2100))
    poll(house, minutes=5)
    assert house.case("1").state is State.WAITING
    (line,) = house.logged("poll.cut")
    assert line["data"]["since"] == f"{house.now - HOUR - timedelta(minutes=10)}"
    assert line["data"]["deleted_since"] > f"{house.now - timedelta(minutes=5)}"
    house.run("sweep", "triage")
    assert "was deleted in QuickBooks" in house.view(house.case("1")).end_reason


def test_many_changes_of_several_kinds(open_house: OpenHouse) -> None:
    """What is too much together is asked for kind by kind, and then nothing is missing."""
    house = crowded(open_house)
    credits = [int(house.credit("2", "1.00").ident) for _ in range(400)]
    poll(house)
    house.books.delete("Invoice", "71")
    touch(house, "CreditMemo", *credits)
    touch(house, "Invoice", *range(1000, 1700))
    poll(house)
    assert "was deleted in QuickBooks" in house.view(house.case("1")).end_reason
    assert house.logged("poll.cut") == []


def test_after_a_month_everything_is_listed(open_house: OpenHouse) -> None:
    """Change data capture forgets after 30 days; then changes are asked for by their time."""
    house = polled(open_house)
    house.time.later(days=3)
    house.pay("71", "840.00")
    poll(house, days=40)
    assert house.case("1").state is State.CANCELLED
    statements = house.outside.quickbooks.realms[house.realm].statements
    assert sum("MetaData.LastUpdatedTime" in statement for statement in statements) == 4
    assert len(house.logged("poll.cut")) == 1  # which deletions there were, the sweep finds out


def test_a_restored_poll_is_no_second_case(open_house: OpenHouse) -> None:
    """Event, poll and sweep that all bring the same change end in one case and one draft."""
    house = polled(open_house)
    house.change("Invoice", "71", TotalAmt="900.00")
    house.notify(Change("Invoice", "71", "updated"))
    poll(house)
    house.sweep()
    assert len([c for c in house.cases() if c.customer == "1"]) == 1
    assert house.versions(house.case("1")) == 2


def test_a_poisoned_record_hides_nobody(open_house: OpenHouse) -> None:
    """A record that cannot be read is named; what changed beside it is acted on."""
    house = polled(open_house)
    house.change("Invoice", "72", TotalAmt="61.00")
    del house.books.tables["Invoice"]["72"]["TotalAmt"]
    house.pay("71", "840.00")
    poll(house)
    assert house.case("1").state is State.CANCELLED
    (told,) = [text for text in house.said() if "Invoice 172" in text]
    assert "Overdue cannot use Invoice 172 (TotalAmt): " in told
    assert "could not return" not in told


def test_a_poisoned_customer_hides_nobody(open_house: OpenHouse) -> None:
    """Whom the change is about cannot be read: named, and what changed beside it counts."""
    house = polled(open_house)
    house.outside.quickbooks.poison({"realm": house.realm, "entity": "Customer", "id": "2"})
    house.change("Invoice", "72", TotalAmt="61.00")
    house.pay("71", "840.00")
    poll(house)
    assert house.case("1").state is State.CANCELLED
    assert sum("could not return Customer 2." in text for text in house.said()) == 1


def test_a_disconnected_company_is_not_polled(open_house: OpenHouse) -> None:
    """Nothing is asked of a company that is not connected; afterwards nothing is missing."""
    house = polled(open_house)
    house.outside.quickbooks.disconnect({"realm": house.realm})
    house.pay("71", "840.00")
    poll(house)
    house.connect()
    house.run("poll", "triage")
    assert house.case("1").state is State.CANCELLED


def test_no_event_is_needed(open_house: OpenHouse) -> None:
    """The tests above work without notifications: none was stored."""
    house = polled(open_house)
    with house.database.writing() as conn:
        work.hurry(conn, house.realm, "poll", house.now)
    house.run("poll")
    assert house.rows(select(events)) == []
