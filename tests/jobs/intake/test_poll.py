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
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import CompanyHarness, books, customer, invoice
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


def poll(harness: CompanyHarness, **span: float) -> None:
    """An hour later, what is due by then."""
    harness.time.later(**(span or {"hours": 1}))
    harness.run("poll", "triage")


def polled(open_harness: OpenHarness, content: Any = TWO) -> CompanyHarness:
    """A company that was swept and has had its first poll."""
    harness = open_harness(content, swept=True)
    harness.run("poll")
    return harness


def due(harness: CompanyHarness) -> Any:
    """When the next poll is due."""
    return harness.rows(select(schedule.c.due_at).where(schedule.c.kind == "poll"))[0][0]


def reads(harness: CompanyHarness) -> int:
    """How many metered reads QuickBooks has counted."""
    return harness.outside.quickbooks.realms[harness.realm].limits.reads


def test_connecting_begins_the_polls(open_harness: OpenHarness) -> None:
    """The first one only sets the hour: the sweep reads what there is."""
    harness = open_harness(TWO)
    harness.run("poll")
    assert harness.cases() == []
    assert due(harness) == harness.now + HOUR
    assert harness.company.changes_since is not None


def test_a_quiet_hour_costs_one_read(open_harness: OpenHarness) -> None:
    """Where nothing happened, the poll asks once and writes nothing."""
    harness = polled(open_harness)
    poll(harness)
    before, logged = reads(harness), harness.logged()
    poll(harness)
    assert reads(harness) == before + 1
    assert harness.logged() == logged


def test_a_payment_that_nobody_told_is_found(open_harness: OpenHarness) -> None:
    """Without any notification the case of a paid invoice ends within the hour."""
    harness = polled(open_harness)
    harness.pay("71", "840.00")
    poll(harness)
    assert harness.case("1").state is State.CANCELLED
    assert harness.view(harness.case("1")).end_reason == "Invoice 171 was paid."
    assert harness.case("2").state is State.WAITING


def test_what_the_overlap_repeats_is_acted_on_once(open_harness: OpenHarness) -> None:
    """The next poll sees the same change again, in the overlap, and leaves it alone."""
    harness = polled(open_harness)
    harness.time.later(minutes=55)
    harness.credit("2", "10.00")
    poll(harness, minutes=5)
    versions, before = harness.versions(harness.case("2")), reads(harness)
    assert harness.view(harness.case("2")).facts.on_account.amount == 10
    poll(harness)
    assert reads(harness) == before + 1
    assert harness.versions(harness.case("2")) == versions


def test_what_was_notified_is_not_read_again(open_harness: OpenHarness) -> None:
    """A change that an event has brought costs the poll nothing beyond its one question."""
    harness = polled(open_harness)
    harness.time.later(minutes=10)
    harness.notify(harness.credit("2", "10.00"))
    before = reads(harness)
    poll(harness)
    assert reads(harness) == before + 1


def test_a_lost_notification_of_a_new_invoice(open_harness: OpenHarness) -> None:
    """An overdue invoice that somebody entered today opens a case without any event."""
    harness = polled(open_harness)
    harness.change("Invoice", "72", DueDate=str(harness.today + timedelta(days=9)))
    harness.change("Invoice", "72", CustomerRef={"value": "1"}, DueDate="2026-11-01")
    poll(harness)
    assert harness.case("2").state is State.CANCELLED
    letter = harness.view(harness.case("1")).letter
    assert letter is not None
    assert sorted(i.id for i in letter.invoices) == ["71", "72"]


def test_what_was_deleted_is_gone(open_harness: OpenHarness) -> None:
    """A deleted invoice ends its case; a deleted credit is counted no more."""
    harness = polled(open_harness)
    memo = harness.credit("2", "60.00")
    poll(harness)
    assert "covered_by_credits" in harness.rules(harness.case("2"))
    harness.books.delete("Invoice", "71")
    harness.books.delete("CreditMemo", memo.ident)
    poll(harness)
    assert "was deleted in QuickBooks" in harness.view(harness.case("1")).end_reason
    assert "covered_by_credits" not in harness.rules(harness.case("2"))
    assert harness.case("2").draft is not None


def test_many_deletions_are_one_look_at_the_cases(open_harness: OpenHarness) -> None:
    """The open cases are searched once, however many payments and credits were deleted."""
    harness = polled(open_harness)
    credits = [harness.credit("2", "20.00").ident for _ in range(3)]
    poll(harness)
    assert "covered_by_credits" in harness.rules(harness.case("2"))
    for id in credits:
        harness.books.delete("CreditMemo", id)
    said: list[str] = []
    listen(harness.database.engine, "before_cursor_execute", lambda *a: said.append(a[2]))
    harness.time.later(hours=1)
    harness.run("poll")
    looks = [s for s in said if s.startswith("SELECT cases.customer, assessments.evidence")]
    assert len(looks) == 1
    harness.run("triage")
    assert "covered_by_credits" not in harness.rules(harness.case("2"))


@pytest.mark.parametrize("deaths", [1, 3])
def test_a_poll_killed_before_all_have_crossed(
    open_harness: OpenHarness, monkeypatch: pytest.MonkeyPatch, deaths: int
) -> None:
    """What was mirrored is no news to the next poll; it lets it cross all the same."""
    late = [invoice(str(80 + n), "1", "10.00", 2) for n in range(5)]
    harness = polled(open_harness, books(customer("1"), customer("2"), *late))
    assert harness.cases() == []
    monkeypatch.setattr("jobs.intake.crossing.CROSSINGS_A_CHUNK", 2)
    for n in range(5):
        harness.books.edit("Invoice", str(80 + n), {"DueDate": f"{harness.today - 9 * DAY}"})
    open_cases, calls = opening.open_cases, [0]

    def dying(*given: Any, **more: Any) -> str | None:
        calls[0] += 1
        if calls[0] == deaths:
            raise SystemExit("the process is killed")
        return open_cases(*given, **more)

    monkeypatch.setattr(opening, "open_cases", dying)
    harness.time.later(hours=1)
    with pytest.raises(SystemExit):
        harness.run("poll")
    assert len(harness.rows(select(crossings))) == 2 * (deaths - 1)
    poll(harness, seconds=31)  # the lease of the dead one ends
    assert len(harness.rows(select(crossings))) == 5
    assert harness.case("1").state is State.WAITING
    assert (
        "waiting"
        not in harness.rows(select(schedule.c.body).where(schedule.c.kind == "poll"))[0][0]
    )


@pytest.mark.parametrize("kind", ["refuse", "reset", "status", "html", "garbage"])
def test_an_outage_is_caught_up(open_harness: OpenHarness, kind: Kind) -> None:
    """Whatever happened while QuickBooks was away is found afterwards, from the old hour on."""
    harness = polled(open_harness)
    cursor = harness.company.changes_since
    harness.fault("quickbooks", "/cdc", kind, None, 502)
    harness.pay("71", "840.00")
    poll(harness)
    assert harness.company.changes_since == cursor
    harness.heal()
    poll(harness, hours=6)
    assert harness.case("1").state is State.CANCELLED


def test_five_failures_are_told_and_tried_again(open_harness: OpenHarness) -> None:
    """A poll is never dropped: a person hears of it, and the next hour tries again."""
    harness = polled(open_harness)
    harness.fault("quickbooks", "/cdc", "status", None, 500)
    for _ in range(8):
        poll(harness, minutes=61)
    assert sum("could not be read after five tries" in text for text in harness.said()) == 1
    harness.heal()
    harness.pay("71", "840.00")
    poll(harness, hours=2)
    assert harness.case("1").state is State.CANCELLED


def test_more_changes_than_an_answer_holds(open_harness: OpenHarness) -> None:
    """Where the answer may have been cut, every kind is listed by the time of its change."""
    many = [invoice(str(1000 + n), "1", "10.00", -20) for n in range(1100)]
    harness = polled(open_harness, books(customer("1"), customer("2"), *many))
    for n in range(1100):
        harness.books.edit("Invoice", str(1000 + n), {"DocNumber": f"A-{n}"})
    harness.change("Invoice", "2099", DueDate="2026-11-01", TotalAmt="90.00")
    poll(harness)
    assert [c.customer for c in harness.cases()] == ["1"]
    numbers = harness.rows(select(invoices.c.number))
    assert sum(row.number.startswith("A-") for row in numbers) == 1100


def many_changed(open_harness: OpenHarness) -> CompanyHarness:
    """A polled company in which one customer has more invoices than an answer holds."""
    many = [invoice(str(1000 + n), "2", "10.00", -20) for n in range(1100)]
    content = books(customer("1"), customer("2"), invoice("71", "1", "840.00", 12), *many)
    return polled(open_harness, content)


def touch(harness: CompanyHarness, kind: str, *ids: int) -> None:
    """Somebody edits so many records, and in none of them anything that matters."""
    for id in ids:
        harness.books.edit(kind, str(id), {"Notes": "seen"})


def test_a_deletion_among_more_changes_than_an_answer_holds(open_harness: OpenHarness) -> None:
    """The time that is asked about is halved until the deletions of the end of it come too."""
    harness = many_changed(open_harness)
    harness.time.later(minutes=5)
    touch(harness, "Invoice", *range(1000, 2100))
    harness.time.later(minutes=45)
    harness.books.delete("Invoice", "71")
    poll(harness, minutes=10)
    assert "was deleted in QuickBooks" in harness.view(harness.case("1")).end_reason


def test_a_deletion_before_more_changes_than_an_answer_holds(open_harness: OpenHarness) -> None:
    """What no answer shows any more is found by the sweep that the poll asks for at once."""
    harness = many_changed(open_harness)
    harness.time.later(minutes=5)
    harness.books.delete("Invoice", "71")
    harness.time.later(minutes=50)
    touch(harness, "Invoice", *range(1000, 2100))
    poll(harness, minutes=5)
    assert harness.case("1").state is State.WAITING
    (line,) = harness.logged("poll.cut")
    assert line["data"]["since"] == f"{harness.now - HOUR - timedelta(minutes=10)}"
    assert line["data"]["deleted_since"] > f"{harness.now - timedelta(minutes=5)}"
    harness.run("sweep", "triage")
    assert "was deleted in QuickBooks" in harness.view(harness.case("1")).end_reason


def test_many_changes_of_several_kinds(open_harness: OpenHarness) -> None:
    """What is too much together is asked for kind by kind, and then nothing is missing."""
    harness = many_changed(open_harness)
    credits = [int(harness.credit("2", "1.00").ident) for _ in range(400)]
    poll(harness)
    harness.books.delete("Invoice", "71")
    touch(harness, "CreditMemo", *credits)
    touch(harness, "Invoice", *range(1000, 1700))
    poll(harness)
    assert "was deleted in QuickBooks" in harness.view(harness.case("1")).end_reason
    assert harness.logged("poll.cut") == []


def test_after_a_month_everything_is_listed(open_harness: OpenHarness) -> None:
    """Change data capture forgets after 30 days; then changes are asked for by their time."""
    harness = polled(open_harness)
    harness.time.later(days=3)
    harness.pay("71", "840.00")
    poll(harness, days=40)
    assert harness.case("1").state is State.CANCELLED
    statements = harness.outside.quickbooks.realms[harness.realm].statements
    assert sum("MetaData.LastUpdatedTime" in statement for statement in statements) == 4
    assert len(harness.logged("poll.cut")) == 1  # which deletions there were, the sweep finds out


def test_a_restored_poll_is_no_second_case(open_harness: OpenHarness) -> None:
    """Event, poll and sweep that all bring the same change end in one case and one draft."""
    harness = polled(open_harness)
    harness.change("Invoice", "71", TotalAmt="900.00")
    harness.notify(Change("Invoice", "71", "updated"))
    poll(harness)
    harness.sweep()
    assert len([c for c in harness.cases() if c.customer == "1"]) == 1
    assert harness.versions(harness.case("1")) == 2


def test_a_poisoned_record_hides_nobody(open_harness: OpenHarness) -> None:
    """A record that cannot be read is named; what changed beside it is acted on."""
    harness = polled(open_harness)
    harness.change("Invoice", "72", TotalAmt="61.00")
    del harness.books.tables["Invoice"]["72"]["TotalAmt"]
    harness.pay("71", "840.00")
    poll(harness)
    assert harness.case("1").state is State.CANCELLED
    (told,) = [text for text in harness.said() if "Invoice 172" in text]
    assert "Overdue cannot use Invoice 172 (TotalAmt): " in told
    assert "could not return" not in told


def test_a_poisoned_customer_hides_nobody(open_harness: OpenHarness) -> None:
    """Whom the change is about cannot be read: named, and what changed beside it counts."""
    harness = polled(open_harness)
    harness.outside.quickbooks.poison({"realm": harness.realm, "entity": "Customer", "id": "2"})
    harness.change("Invoice", "72", TotalAmt="61.00")
    harness.pay("71", "840.00")
    poll(harness)
    assert harness.case("1").state is State.CANCELLED
    assert sum("could not return Customer 2." in text for text in harness.said()) == 1


def test_a_disconnected_company_is_not_polled(open_harness: OpenHarness) -> None:
    """Nothing is asked of a company that is not connected; afterwards nothing is missing."""
    harness = polled(open_harness)
    harness.outside.quickbooks.disconnect({"realm": harness.realm})
    harness.pay("71", "840.00")
    poll(harness)
    harness.connect()
    harness.run("poll", "triage")
    assert harness.case("1").state is State.CANCELLED


def test_no_event_is_needed(open_harness: OpenHarness) -> None:
    """The tests above work without notifications: none was stored."""
    harness = polled(open_harness)
    with harness.database.writing() as conn:
        work.hurry(conn, harness.realm, "poll", harness.now)
    harness.run("poll")
    assert harness.rows(select(events)) == []
